/**
 * What a host in a namespace sees when it is cut off, as lines of JSON: run by namespaces.test.ts within namespaces of its own.
 *
 * Host `a` listens at both its addresses and echoes; the harness talks to it at the front, host `b` at the back. With `stay` the hosts
 * are made, and nothing is done until the end.
 */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { NamespaceHosts } from './namespace-hosts.ts';
import { OwnProcess } from './own-process.ts';
import { enterNetwork } from './own-namespace.ts';

const port = 4000;
const waitMs = 600;
await enterNetwork('namespaces', () => undefined);
const folder = mkdtempSync(path.join(os.tmpdir(), 'kmipd-hosts-'));
const hosts = await NamespaceHosts.make(folder, [{ name: 'a', on: ['front', 'back'] }, { name: 'b', on: ['back'] }]);
if (process.argv[2] === 'stay') {
  console.log('made');
  rmSync(folder, { recursive: true });
  await once(process.stdin.resume(), 'close');
}

const echo = `require('node:net').createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(${port})`;
// Asks host a over and over on one connection, and on a new one each time, and says how often it was answered, closed or refused.
const asker = `const net = require('node:net'); const seen = { echoes: 0, closed: 0, opened: 0, refused: 0 };
const socket = net.connect(${port}, '${hosts.backOf('a')}'); socket.on('error', () => {}).on('close', () => (seen.closed += 1)).on('data', () => (seen.echoes += 1));
setInterval(() => { socket.write('x'); net.connect(${port}, '${hosts.backOf('a')}').on('connect', function () { seen.opened += 1; this.destroy(); }).on('error', ({ code }) => (seen.refused += code === 'ECONNREFUSED' ? 1 : 0)); }, 50);
setInterval(() => console.log(JSON.stringify(seen)), 100);`;

const start = (name: string, script: string): OwnProcess => {
  const started = new OwnProcess(name, path.join(folder, `${name}.log`), hosts.command(name, { program: process.execPath, args: ['-e', script] }));
  started.start();
  return started;
};
const server = start('a', echo);
let front: Socket;
for (;;) {
  front = connect(port, hosts.frontOf('a'));
  if (await once(front, 'connect').then(() => true, () => false)) break;
  await sleep(50);
}
const own = { echoes: 0, closed: 0 };
front.on('data', () => (own.echoes += 1)).on('close', () => (own.closed += 1)).on('error', () => undefined);
const client = start('b', asker);
setInterval(() => front.write('x'), 50);

/** What the harness and host b have seen in a while of `waitMs`. */
async function watch(what: string): Promise<void> {
  const last = (): Record<string, number> => JSON.parse(client.log.trim().split('\n').at(-1) || '{}') as Record<string, number>;
  // What was on its way arrives, and is counted, before.
  await sleep(300);
  const [before, echoesBefore] = [last(), own.echoes];
  await sleep(waitMs);
  const after = last();
  const back = Object.fromEntries(Object.keys(after).map((name) => [name, after[name]! - (before[name] ?? 0)]));
  console.log(JSON.stringify({ what, back, front: { echoes: own.echoes - echoesBefore, closed: own.closed } }));
}

await sleep(500);
await watch('whole');
await hosts.cut('a', 'hole');
await watch('hole');
await hosts.heal('a');
await sleep(1_500);
await watch('healed');
await hosts.cut('a', 'drop');
await watch('drop');
await hosts.heal('a');
await sleep(2_000);
await watch('healed again');
await Promise.all([server.kill(), client.kill()]);
await hosts.close();
rmSync(folder, { recursive: true, force: true });
process.exit(0);
