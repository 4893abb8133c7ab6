/**
 * The processes that the server bench compares: a kmipd node and a bare TLS echo server, each with one serving thread.
 */
import { execFileSync, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import type { Target } from './closed-loop.ts';

const root = path.dirname(import.meta.dirname);

export interface Peer extends Target {
  stop(): Promise<void>;
}

export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

function stopper(child: ChildProcess, folder: string | undefined): () => Promise<void> {
  return () =>
    new Promise((resolve) => {
      child.once('exit', () => {
        if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
        resolve();
      });
      child.kill('SIGTERM');
    });
}

export interface Node extends Peer {
  readonly adminPort: number;
  readonly startMilliseconds: number;
}

/** A node with `workers` serving threads and its bootstrap credential; fresh, or on a data folder that is kept. */
export async function startKmipd(workers: number, kept?: string, { environment, options = [] }: { readonly environment?: Readonly<Record<string, string>>; readonly options?: readonly string[] } = {}): Promise<Node> {
  const folder = kept ?? mkdtempSync(path.join(os.tmpdir(), 'kmipd-bench-'));
  const began = performance.now();
  const [port, adminPort] = [await freePort(), await freePort()];
  const child = spawn(path.join(root, 'bin/kmipd'), ['serve', '--data', folder, '--host', '127.0.0.1', '--port', String(port), '--admin-port', String(adminPort), '--workers', String(workers), ...options], { stdio: ['ignore', 'ignore', 'inherit'], env: { ...process.env, ...environment } });
  const exited = new Promise<never>((_, reject) => child.once('exit', (code) => reject(new Error(`kmipd ended with ${code}`))));
  const ready = (async () => {
    for (;;) {
      if (await fetch(`http://127.0.0.1:${adminPort}/readyz`).then((response) => response.ok, () => false)) return;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  })();
  await Promise.race([ready, exited]);
  const startMilliseconds = performance.now() - began;
  exited.catch(() => undefined);
  const file = (name: string): Buffer => readFileSync(path.join(folder, 'bootstrap', name));
  return { port, adminPort, pid: child.pid!, certificate: file('cert.pem'), privateKey: file('key.pem'), authority: file('ca.pem'), startMilliseconds, stop: stopper(child, kept === undefined ? folder : undefined) };
}

/** The echo server, with a certificate of its own that is its authority and its client's as well. */
export async function startEcho(): Promise<Peer> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kmipd-echo-'));
  const [key, certificate] = [path.join(folder, 'key.pem'), path.join(folder, 'cert.pem')];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', certificate, '-days', '2', '-subj', '/CN=localhost'], { stdio: 'ignore' });
  const child = spawn(process.execPath, [path.join(root, 'bench/echo-server.ts'), certificate, key, certificate], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<number>((resolve, reject) => {
    child.stdout!.once('data', (line: Buffer) => resolve(Number(line.toString())));
    child.once('exit', (code) => reject(new Error(`the echo server ended with ${code}`)));
  });
  return { port, pid: child.pid!, certificate: readFileSync(certificate), privateKey: readFileSync(key), authority: readFileSync(certificate), stop: stopper(child, folder) };
}
