/**
 * How commands talk to the admin port of the node on this machine: JSON over HTTP with the bootstrap token.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Command } from 'commander';
import { Fault } from '../fault.ts';

export interface AdminOptions {
  readonly data: string;
  readonly adminPort: string;
  readonly token?: string;
}

/** Adds the options that say which node, and with which token. */
export function withAdminOptions(command: Command): Command {
  return command
    .option('--data <DIR>', "the node's data folder, where the admin token is (KMIPD_DATA)", process.env['KMIPD_DATA'] ?? './kmipd-data')
    .option('--admin-port <PORT>', 'admin port of the node on this machine (KMIPD_ADMIN_PORT)', process.env['KMIPD_ADMIN_PORT'] ?? '5697')
    .option('--token <FILE>', 'file with the admin token, where it is not DIR/bootstrap/admin-token (KMIPD_ADMIN_TOKEN_FILE)', process.env['KMIPD_ADMIN_TOKEN_FILE']);
}

/** One request; the parsed JSON answer, or a Fault with the server's own words. */
export async function adminRequest(options: AdminOptions, method: string, route: string, body?: unknown): Promise<unknown> {
  const tokenFile = options.token ?? path.join(options.data, 'bootstrap', 'admin-token');
  let token: string;
  try {
    token = readFileSync(tokenFile, 'utf8').trim();
  } catch (error) {
    throw new Fault('E_ADMIN_TOKEN', `cannot read the admin token in ${tokenFile}; name the data folder with --data`, { cause: error });
  }
  const address = `http://127.0.0.1:${options.adminPort}${route}`;
  let response: Response;
  try {
    response = await fetch(address, {
      method,
      headers: { authorization: `Bearer ${token}`, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  } catch (error) {
    throw new Fault('E_ADMIN_UNREACHABLE', `no node answers at ${address}; is kmipd running, and is --admin-port right?`, { cause: error });
  }
  const text = await response.text();
  const answer: unknown = text === '' ? undefined : JSON.parse(text);
  if (response.ok) return answer;
  const told = (answer as { message?: unknown } | undefined)?.message;
  throw new Fault('E_ADMIN_REFUSED', typeof told === 'string' ? told : `the node answered ${response.status}`);
}
