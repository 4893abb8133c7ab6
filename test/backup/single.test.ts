/**
 * `kmipd backup` and `kmipd restore` as an operator runs them, for a single node that serves meanwhile.
 */
import assert from 'node:assert/strict';
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { KmipClient } from '../../src/client/client.ts';
import { marginPrefixes } from '../../src/storage/backup-restore.ts';
import { freePort, startServer } from '../harness/server.ts';
import type { RunningServer } from '../harness/server.ts';
import { kmipd } from './own-commands.ts';
import type { Ran } from './own-commands.ts';
import { createKey, fillState, pictureOf, sealedBy } from './server-picture.ts';
import type { Client } from './server-picture.ts';

const passphrase = 'correct horse battery staple';
const env = { KMIPD_ROOT_PASSPHRASE: passphrase };
let folder: string;
let server: RunningServer;
let client: Client;
const clients: Client[] = [];

const inFolder = (name: string): string => path.join(folder, name);
const backup = ({ dataFolder, adminPort }: Pick<RunningServer, 'dataFolder' | 'adminPort'>, file: string): Promise<Ran> => kmipd(['backup', '--data', dataFolder, '--admin-port', String(adminPort), '--out', file]);
const restore = (file: string, name: string, ...more: string[]): Promise<Ran> => kmipd(['restore', '--from', file, '--data', inFolder(name), ...more], env);

function clientOf({ port, bootstrap: { ca, cert, key } }: RunningServer): Client {
  const made = new KmipClient({ host: '127.0.0.1', port, authority: ca, certificate: cert, privateKey: key });
  clients.push(made);
  return made;
}

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'kmipd-backup-'));
  server = await startServer({ env, dataFolder: inFolder('old'), args: ['--workers', '2'] });
  client = clientOf(server);
});
after(async () => {
  for (const each of clients) each.destroyConnection();
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

test('what a server had is what the restored one serves, with nonces that no other made', async () => {
  const key = await fillState(client, 'mine');
  const sealed = await sealedBy(client, key);
  const expected = await pictureOf(client);
  const file = inFolder('a.backup');
  const told = await backup(server, file);
  assert.equal(told.code, 0, told.stderr);
  assert.match(told.stdout, /^\S+a\.backup: sequence \d+, 17 objects, \d+ bytes\n$/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith('.')), [], 'nothing temporary is left');
  assert.equal(readFileSync(file).includes('mine 1'), false, 'sealed: not even names are in the clear');
  // What the old server does afterwards is no part of it, its prefixes included.
  await createKey(client, 'too late');

  const dry = await restore(file, 'new', '--dry-run');
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /^restores: sequence \d+, as of 20/);
  assert.equal(existsSync(inFolder('new')) && readdirSync(inFolder('new')).length > 0, false, 'a dry run leaves nothing');
  const restored = await restore(file, 'new');
  assert.equal(restored.code, 0, restored.stderr);
  const twice = await restore(file, 'new');
  assert.deepEqual([twice.code, twice.stderr.includes('E_STORE_EXISTS')], [1, true], twice.stderr);
  assert.deepEqual(readdirSync(inFolder('new')).sort(), ['root-salt', 'store']);

  cpSync(inFolder('old/bootstrap'), inFolder('new/bootstrap'), { recursive: true });
  const again = await startServer({ env, dataFolder: inFolder('new'), args: ['--workers', '2'] });
  try {
    const there = clientOf(again);
    assert.deepEqual(await pictureOf(there), expected);
    assert.equal(await sealed.opened(there), 'what is kept');
    const { prefix } = await sealedBy(there, key);
    assert.ok(prefix > sealed.prefix + marginPrefixes, `prefixes ${sealed.prefix} and ${prefix}`);
    await createKey(there, 'the last');
    assert.equal(again.log().includes('First start'), false);
  } finally {
    await again.stop();
  }
});

test('every key that was acknowledged before the command is in a backup taken under load', async () => {
  const acknowledged: string[] = [];
  let isOver = false;
  const load = Promise.all([0, 1, 2, 3].map(async (index) => {
    for (let count = 0; !isOver; count += 1) acknowledged.push(await createKey(client, `load ${index} ${count}`));
  }));
  while (acknowledged.length < 50) await new Promise((resolve) => setTimeout(resolve, 10));
  const known = [...acknowledged];
  const told = await backup(server, inFolder('b.backup'));
  isOver = true;
  await load;
  assert.equal(told.code, 0, told.stderr);
  assert.equal((await restore(inFolder('b.backup'), 'loaded')).code, 0);
  cpSync(inFolder('old/bootstrap'), inFolder('loaded/bootstrap'), { recursive: true });
  const again = await startServer({ env, dataFolder: inFolder('loaded'), args: ['--workers', '1'] });
  try {
    const { uniqueIdentifier: located } = await clientOf(again).locate({});
    assert.deepEqual(known.filter((each) => !located!.includes(each)), []);
  } finally {
    await again.stop();
  }
});

test('of a server that is stopped, the data folder gives the same backup; one that runs keeps its store, and none is made where there is none', async () => {
  const place = { dataFolder: inFolder('stopped') };
  const offline = (...more: string[]): Promise<Ran> => kmipd(['backup', '--offline', '--data', place.dataFolder, '--out', inFolder('offline'), ...more], env);
  const nothing = await offline();
  assert.deepEqual([nothing.code, existsSync(place.dataFolder), existsSync(inFolder('offline'))], [1, false, false], nothing.stderr);
  const first = await startServer({ env, ...place, args: ['--workers', '1'] });
  const known = clientOf(first);
  const key = await fillState(known, 'stopped');
  const sealed = await sealedBy(known, key);
  const expected = await pictureOf(known);
  const running = await offline();
  assert.deepEqual([running.code, /another process has it open/.test(running.stderr)], [1, true], running.stderr);
  await first.stop();
  assert.match((await kmipd(['backup', '--offline', '--data', place.dataFolder, '--out', inFolder('offline')], { KMIPD_ROOT_PASSPHRASE: 'another passphrase' })).stderr, /E_ROOT_KEY_WRONG/);
  const told = await offline();
  assert.equal(told.code, 0, told.stderr);
  assert.equal((await restore(inFolder('offline'), 'from-offline')).code, 0);
  cpSync(path.join(place.dataFolder, 'bootstrap'), inFolder('from-offline/bootstrap'), { recursive: true });
  const again = await startServer({ env, dataFolder: inFolder('from-offline'), args: ['--workers', '1'] });
  try {
    assert.deepEqual(await pictureOf(clientOf(again)), expected);
    assert.equal(await sealed.opened(clientOf(again)), 'what is kept');
  } finally {
    await again.stop();
  }
});

test('a backup that cannot be restored says why in one line, and leaves no store', async () => {
  const file = inFolder('c.backup');
  assert.equal((await backup(server, file)).code, 0);
  copyFileSync(file, inFolder('cut'));
  truncateSync(inFolder('cut'), statSync(file).size - 100);
  const bytes = readFileSync(file);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(inFolder('changed'), bytes);
  writeFileSync(inFolder('foreign'), 'no backup at all');
  mkdirSync(inFolder('bad'));
  const cases: readonly (readonly [Ran, RegExp])[] = [
    [await restore(inFolder('cut'), 'bad'), /E_CONTENT_DAMAGED/],
    [await restore(inFolder('changed'), 'bad'), /E_CONTENT_DAMAGED/],
    [await restore(inFolder('foreign'), 'bad'), /E_CONTENT_DAMAGED/],
    [await restore(inFolder('not there'), 'bad'), /E_BACKUP_FILE/],
    [await kmipd(['restore', '--from', file, '--data', inFolder('worse')], { KMIPD_ROOT_PASSPHRASE: 'another passphrase' }), /E_ROOT_KEY_WRONG/],
    [await kmipd(['restore', '--from', file, '--data', inFolder('worse')], { KMIPD_ROOT_KEY: '00'.repeat(32) }), /E_ROOT_KEY_WRONG/],
    [await kmipd(['restore', '--from', file, '--data', inFolder('none')]), /E_ROOT_KEY_MISSING/],
  ];
  for (const [{ code, stderr }, words] of cases) {
    assert.equal(code, 1, stderr);
    assert.match(stderr, words);
    assert.equal(stderr.trim().split('\n').length, 1, stderr);
  }
  for (const name of ['bad', 'worse', 'none']) assert.deepEqual(existsSync(inFolder(name)) ? readdirSync(inFolder(name)) : [], [], name);
});

test('a server that is not there, a wrong token and an answer that breaks off end the command and leave no file', async () => {
  const file = inFolder('d.backup');
  const nobody = await backup({ dataFolder: server.dataFolder, adminPort: await freePort() }, file);
  assert.match(nobody.stderr, /E_ADMIN_UNREACHABLE/);
  writeFileSync(inFolder('token'), 'wrong');
  const wrong = await kmipd(['backup', '--data', server.dataFolder, '--admin-port', String(server.adminPort), '--token', inFolder('token'), '--out', file]);
  assert.match(wrong.stderr, /E_TOKEN/);
  const whole = readFileSync(inFolder('c.backup'));
  const dying = createServer((_request, response) => {
    response.write(whole.subarray(0, 3000));
    setTimeout(() => response.destroy(), 100);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => dying.once('listening', resolve));
  const broken = await backup({ dataFolder: server.dataFolder, adminPort: (dying.address() as AddressInfo).port }, file);
  dying.close();
  assert.match(broken.stderr, /E_ADMIN_BROKEN_OFF/);
  for (const { code } of [nobody, wrong, broken]) assert.equal(code, 1);
  assert.deepEqual(readdirSync(folder).filter((name) => name.includes('d.backup')), []);
});

test('--restore is for clusters, and says so', async () => {
  const { code, stderr } = await kmipd(['serve', '--data', inFolder('x'), '--restore', inFolder('c.backup')]);
  assert.equal(code, 2);
  assert.match(stderr, /kmipd restore/);
});
