/**
 * How commands talk to a node's admin port: JSON over HTTP with the admin token. Beyond this machine the token travels in the clear:
 * `--admin-host` is for a network of one's own, or a tunnel.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { Fault } from '../fault.ts';
import type { FaultCode } from '../fault.ts';

export interface AdminOptions {
  readonly data: string;
  readonly adminHost: string;
  readonly adminPort: string;
  readonly token?: string;
}

/** Adds the options that say which node, and with which token. */
export function withAdminOptions(command: Command): Command {
  return command
    .option('--data <DIR>', "the node's data folder, where the admin token is (KMIPD_DATA)", process.env['KMIPD_DATA'] ?? './kmipd-data')
    .option('--admin-host <H>', 'address of its admin port (KMIPD_ADMIN_HOST)', reachable(process.env['KMIPD_ADMIN_HOST']))
    .option('--admin-port <PORT>', 'admin port (KMIPD_ADMIN_PORT)', process.env['KMIPD_ADMIN_PORT'] ?? '5697')
    .option('--token <FILE>', 'file with the admin token, where it is not DIR/bootstrap/admin-token (KMIPD_ADMIN_TOKEN_FILE)', process.env['KMIPD_ADMIN_TOKEN_FILE']);
}

/** What a server listens on is not always an address to call. */
function reachable(host: string | undefined): string {
  return host === undefined || host === '' || host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
}

/** One request; the parsed JSON answer, or a Fault with the server's own words. */
export async function adminRequest(options: AdminOptions, method: string, route: string, body?: unknown): Promise<unknown> {
  const text = await (await send(options, method, route, body)).text();
  return text === '' ? undefined : JSON.parse(text);
}

/** One request whose answer is a stream of bytes; one that breaks off is a Fault. */
export async function adminStream(options: AdminOptions, route: string): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await send(options, 'GET', route);
  return (async function* () {
    try {
      if (body !== null) yield* body;
    } catch (cause) {
      throw new Fault('E_ADMIN_BROKEN_OFF', 'the node broke off its answer', { cause });
    }
  })();
}

/** `fetch` says no more than that it failed; what did is beneath. */
function beneath(error: unknown): unknown {
  return error instanceof Error && error.cause instanceof Error && error.cause.message !== '' ? error.cause : error;
}

/** The answer, if the node says that all went well. */
async function send(options: AdminOptions, method: string, route: string, body?: unknown): Promise<Response> {
  return sendAs(tokenOf(options), options, method, route, body);
}

/** Where the admin token is. */
export function tokenFileOf(options: AdminOptions): string {
  return options.token ?? path.join(options.data, 'bootstrap', 'admin-token');
}

function tokenOf(options: AdminOptions): string {
  const tokenFile = tokenFileOf(options);
  try {
    return readFileSync(tokenFile, 'utf8').trim();
  } catch (error) {
    throw new Fault('E_ADMIN_TOKEN', `cannot read the admin token in ${tokenFile}; name the data folder with --data, or make another by "kmipd admin-token"`, { cause: error });
  }
}

/** One request without a token, for the few that need none. */
export async function openRequest(options: AdminOptions, method: string, route: string, body?: unknown): Promise<unknown> {
  const text = await (await sendAs(undefined, options, method, route, body)).text();
  return text === '' ? undefined : JSON.parse(text);
}

async function sendAs(token: string | undefined, options: AdminOptions, method: string, route: string, body: unknown): Promise<Response> {
  if (!/^\d{1,5}$/.test(options.adminPort) || Number(options.adminPort) > 65_535) throw new Fault('E_CONFIG', `--admin-port ${options.adminPort}: expected a whole number from 1 to 65535`);
  const host = options.adminHost.includes(':') ? `[${options.adminHost}]` : options.adminHost;
  const address = `http://${host}:${options.adminPort}${route}`;
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers: { ...(token !== undefined && { authorization: `Bearer ${token}` }), ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw new Fault('E_ADMIN_UNREACHABLE', `no node answers at ${address}; is kmipd running, and is --admin-port right?`, { cause: beneath(error) });
  }
  if (response.ok) return response;
  const { code, message } = toldBy(await response.text());
  throw new Fault(isFaultCode(code) ? code : 'E_ADMIN_REFUSED', typeof message === 'string' ? message : `the node answered ${response.status}`);
}

function toldBy(text: string): { readonly code?: unknown; readonly message?: unknown } {
  try {
    return (JSON.parse(text) ?? {}) as object;
  } catch {
    return {};
  }
}

function isFaultCode(code: unknown): code is FaultCode {
  return typeof code === 'string' && code.startsWith('E_');
}
