/**
 * Starts a real kmipd as its own process and stops it again (the outer contract: command, flags, bootstrap files, readyz).
 *
 * Invariant: no server outlives the test process, and a data folder made here is removed with it. `bin/kmipd` execs the
 * right Node, so `pid` is the server's own and a kill -9 hits the server itself.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { randomInt } from 'node:crypto';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WireConnection } from './connection.ts';
import type { ConnectionRequest, Credential } from './connection.ts';
import { repositoryRoot } from './shared-data.ts';

export type { Credential } from './connection.ts';

export interface ServerRequest {
  /** More arguments for `kmipd serve`. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Kept when the server stops; without one a temporary folder is made, and removed by `stop`. */
  readonly dataFolder?: string;
  /** Free ports where not given. */
  readonly port?: number;
  readonly adminPort?: number;
  readonly startTimeoutMs?: number;
}

export interface CredentialRequest {
  readonly scope: string;
  readonly role: string;
  readonly create?: boolean;
  /** Makes the role with these permissions, in place of all operations. */
  readonly permissions?: readonly string[];
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface RunningServer {
  readonly port: number;
  readonly adminPort: number;
  readonly dataFolder: string;
  readonly bootstrap: Credential & { readonly adminToken: string };
  readonly pid: number;
  /** SIGTERM, waits for the end (SIGKILL after ten seconds), removes a temporary data folder. Returns the exit code. */
  stop(): Promise<number | null>;
  /** Sends a signal; for SIGKILL and SIGTERM waits until the process is gone. Keeps the data folder. */
  kill(signal: NodeJS.Signals): Promise<void>;
  /** All that the server wrote to standard output and error. */
  log(): string;
  generateCredential(request: CredentialRequest): Promise<Credential>;
  /** A request to the admin port; with `token` it carries the bootstrap token. */
  admin(method: string, path: string, body?: unknown, token?: boolean): Promise<HttpAnswer>;
  /** A connection with the bootstrap credential, unless another is given. */
  connect(request?: Partial<ConnectionRequest>): Promise<WireConnection>;
  [Symbol.asyncDispose](): Promise<void>;
}

const drainTimeoutMs = 10_000;
/** While developing, tests run the source; a pipeline runs what `npm install` built, as users do. */
const fromSource: Readonly<Record<string, string>> = process.env['CI'] === 'true' ? {} : { KMIPD_FROM_SOURCE: '1' };
const running = new Set<number>();
const temporaryFolders = new Set<string>();
process.on('exit', () => {
  for (const pid of running) {
    try { process.kill(pid, 'SIGKILL'); } catch { /* it is gone already */ }
  }
  for (const folder of temporaryFolders) rmSync(folder, { recursive: true, force: true });
});
// A test that is stopped from outside (a time limit, Ctrl-C) has no 'exit' unless it asks for one.
for (const [signal, code] of [['SIGTERM', 143], ['SIGINT', 130], ['SIGHUP', 129]] as const) process.once(signal, () => process.exit(code));

/** Below the range from which systems take the ports of outgoing connections: those of other tests would be in the way. */
const firstPort = 12_000;
const lastPort = 31_999;

/** A TCP port of 127.0.0.1 that nobody uses now. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(firstPort, lastPort + 1);
    const isFree = await new Promise<boolean>((resolve) => {
      const probe = createServer();
      probe.once('error', () => resolve(false));
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}

function http(port: number, method: string, path: string, headers: Record<string, string>, body?: unknown): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const text = body === undefined ? undefined : JSON.stringify(body);
    if (text !== undefined) Object.assign(headers, { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(text)) });
    const call = httpRequest({ host: '127.0.0.1', port, method, path, headers, agent: false, timeout: 15_000 }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks).toString('utf8') }));
      answer.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error(`${method} ${path}: no answer within 15 s`)));
    call.on('error', reject);
    call.end(text);
  });
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

type AdminCall = RunningServer['admin'];

/** A credential from the admin port of any kmipd; makes scope and role where they are missing. */
export async function requestCredential(admin: AdminCall, { scope, role, create = true, permissions }: CredentialRequest): Promise<Credential> {
  if (permissions !== undefined) {
    const made = [await admin('POST', '/v1/scopes', { scope }), await admin('POST', `/v1/scopes/${scope}/roles`, { role, permissions })];
    const failed = made.find(({ status }) => status >= 300 && status !== 409);
    if (failed !== undefined) throw new Error(`scope ${scope} and role ${role}: ${failed.status} ${failed.body}`);
  }
  const answer = await admin('POST', '/v1/credentials', { scope, role, create });
  if (answer.status >= 300) throw new Error(`POST /v1/credentials: ${answer.status} ${answer.body}`);
  const { certificate, privateKey, ca } = JSON.parse(answer.body) as { certificate: string; privateKey: string; ca: string };
  return { ca, cert: certificate, key: privateKey };
}

/** A function that calls the admin port of a kmipd that runs already. */
export function adminCaller(adminPort: number, token: string): AdminCall {
  return (method, path, body, withToken = true) => http(adminPort, method, path, withToken ? { authorization: `Bearer ${token}` } : {}, body);
}

/** Two tests may find the same port free at the same moment; one of them then has to look again. */
const portAttempts = 4;

/** Starts `kmipd serve` and waits until it says that it is ready. */
export async function startServer(options: ServerRequest = {}): Promise<RunningServer> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOnce(options);
    } catch (error) {
      const isTaken = error instanceof Error && /EADDRINUSE|E_LISTEN|E_ADMIN_LISTEN|ENOENT/.test(error.message);
      if (!isTaken || attempt === portAttempts || options.port !== undefined || options.adminPort !== undefined) throw error;
    }
  }
}

async function startOnce(options: ServerRequest): Promise<RunningServer> {
  const port = options.port ?? await freePort();
  const adminPort = options.adminPort ?? await freePort();
  const dataFolder = options.dataFolder ?? mkdtempSync(join(tmpdir(), 'kmipd-test-'));
  if (options.dataFolder === undefined) temporaryFolders.add(dataFolder);
  const child = spawn(
    join(repositoryRoot, 'bin/kmipd'),
    ['serve', '--data', dataFolder, '--host', '127.0.0.1', '--port', String(port), '--admin-port', String(adminPort), ...(options.args ?? [])],
    { cwd: repositoryRoot, env: { ...fromSource, ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const output: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
  let ended = false;
  const exited = new Promise<number | null>((resolve) => {
    child.once('error', (error) => { output.push(String(error)); ended = true; resolve(null); });
    child.once('exit', (code) => {
      ended = true;
      if (child.pid !== undefined) running.delete(child.pid);
      resolve(code);
    });
  });
  if (child.pid !== undefined) running.add(child.pid);
  const removeFolder = (): void => {
    if (temporaryFolders.delete(dataFolder)) rmSync(dataFolder, { recursive: true, force: true });
  };

  const deadline = performance.now() + (options.startTimeoutMs ?? 60_000);
  for (;;) {
    const ready = await http(adminPort, 'GET', '/readyz', {}).catch(() => undefined);
    if (ready?.status === 200) break;
    const late = performance.now() > deadline;
    if (ended || late) {
      child.kill('SIGKILL');
      await exited;
      removeFolder();
      throw new Error(`kmipd ${late ? 'was not ready in time' : `ended with code ${child.exitCode}`}:\n${output.join('')}`);
    }
    await pause(50);
  }

  const bootstrapFile = (name: string): string => readFileSync(join(dataFolder, 'bootstrap', name), 'utf8');
  const bootstrap = { ca: bootstrapFile('ca.pem'), cert: bootstrapFile('cert.pem'), key: bootstrapFile('key.pem'), adminToken: bootstrapFile('admin-token').trim() };
  const admin = adminCaller(adminPort, bootstrap.adminToken);
  const stop = async (): Promise<number | null> => {
    if (!ended) child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), drainTimeoutMs);
    const code = await exited;
    clearTimeout(timer);
    removeFolder();
    return code;
  };

  return {
    port,
    adminPort,
    dataFolder,
    bootstrap,
    pid: child.pid!,
    stop,
    async kill(signal) {
      child.kill(signal);
      if (signal === 'SIGKILL' || signal === 'SIGTERM') await exited;
    },
    log: () => output.join(''),
    generateCredential: (request) => requestCredential(admin, request),
    admin,
    connect: (request = {}) => WireConnection.connect({ port, credential: bootstrap, ...request }),
    async [Symbol.asyncDispose]() { await stop(); },
  };
}
