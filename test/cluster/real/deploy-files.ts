/**
 * deploy/nats.conf and deploy/haproxy.cfg with the addresses of one machine put in: what runs in the tests is what operators
 * are given, so that the files cannot rot. A line that has to be replaced and is not there is an error.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { repositoryRoot } from '../../harness/shared-data.ts';
import type { BalancedServer } from './network-orders.ts';

export const natsProgram = process.env['NATS_SERVER'] ?? 'nats-server';
export const haproxyProgram = process.env['HAPROXY'] ?? 'haproxy';

export function isInstalled(program: string, versionFlag: string): boolean {
  return spawnSync(program, [versionFlag]).status === 0;
}

function template(name: string): string {
  return readFileSync(path.join(repositoryRoot, 'deploy', name), 'utf8');
}

function replaced(text: string, pattern: RegExp, by: string): string {
  assert.match(text, pattern, `the template has no line for ${by}`);
  return text.replace(pattern, () => by);
}

export interface NatsPlace {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly monitorPort: number;
  readonly routePort: number;
  /** `address:port` of each other server. */
  readonly routes: readonly string[];
  /** What other servers are told instead of the own route address: one where nobody listens, so that they keep to their links. */
  readonly advertised: string | undefined;
  readonly dataFolder: string;
}

/** Writes a server's configuration; takes the sync line out where the server does not know it. */
export function writeNatsConfiguration(file: string, place: NatsPlace): void {
  const address = (port: number): string => `"${place.host}:${port}"`;
  const advertise = place.advertised === undefined ? '' : `\n  advertise: "${place.advertised}"`;
  let text = template('nats.conf');
  text = replaced(text, /^server_name: .*$/m, `server_name: ${place.name}`);
  text = replaced(text, /^listen: .*$/m, `listen: ${address(place.port)}`);
  text = replaced(text, /^http: .*$/m, `http: ${address(place.monitorPort)}`);
  text = replaced(text, /^ {2}store_dir: .*$/m, `  store_dir: ${JSON.stringify(place.dataFolder)}`);
  text = replaced(text, /^ {2}listen: .*$/m, `  listen: ${address(place.routePort)}${advertise}`);
  text = replaced(text, /^ {2}routes: \[[^\]]*\]/m, `  routes: ${JSON.stringify(place.routes.map((route) => `nats-route://${route}`))}`);
  writeFileSync(file, text);
  const check = spawnSync(natsProgram, ['-t', '-c', file], { encoding: 'utf8' });
  if (check.status === 0) return;
  assert.match(check.stderr + check.stdout, /unknown field "sync_interval"/, `deploy/nats.conf is refused: ${check.stderr}`);
  writeFileSync(file, replaced(text, /^ {2}sync_interval: .*\n/m, ''));
  const again = spawnSync(natsProgram, ['-t', '-c', file], { encoding: 'utf8' });
  assert.equal(again.status, 0, `deploy/nats.conf is refused: ${again.stderr}`);
}

export function writeHaproxyConfiguration(file: string, port: number, servers: readonly BalancedServer[]): void {
  let text = template('haproxy.cfg');
  // Twice as many open files: more than a test may have.
  text = replaced(text, /^ {2}maxconn .*$/m, '  maxconn 1000');
  text = replaced(text, /^ {2}bind .*$/m, `  bind 127.0.0.1:${port}`);
  text = replaced(text, /(^ {2}server n\d .*\n)+/m, servers.map((server, index) => `  server n${index + 1} ${server.host}:${server.port} port ${server.adminPort}\n`).join(''));
  writeFileSync(file, text);
  const check = spawnSync(haproxyProgram, ['-c', '-f', file], { encoding: 'utf8' });
  assert.equal(check.status, 0, `deploy/haproxy.cfg is refused: ${check.stderr}`);
}
