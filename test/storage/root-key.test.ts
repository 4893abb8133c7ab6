/**
 * Where the root key comes from, and every way in which that goes wrong.
 */
import assert from 'node:assert/strict';
import { randomBytes, scryptSync } from 'node:crypto';
import { chmod, mkdir, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { Fault } from '../../src/fault.ts';
import { loadRootKey, presentRootKey } from '../../src/storage/root-key.ts';
import { temporaryFolder } from './temporary-folder.ts';

const code = (wanted: string) => (error: unknown): boolean => error instanceof Fault && error.code === wanted;

it('makes a file at the first start, for this user alone, and reads it at later ones', async (test) => {
  const folder = join(await temporaryFolder(test), 'data');
  const sources = { folder, storeFolder: join(folder, 'store') };
  const first = await loadRootKey(sources);
  assert.deepEqual([first.origin, first.made, first.bytes.length], ['file', true, 32]);
  assert.equal((await stat(join(folder, 'root-key'))).mode & 0o777, 0o600);
  assert.equal((await stat(folder)).mode & 0o777, 0o700);
  assert.deepEqual(await readdir(folder), ['root-key']);
  const second = await loadRootKey(sources);
  assert.deepEqual([second.bytes, second.made], [first.bytes, false]);
});

it('never makes a key beside a store, which it could not open', async (test) => {
  const folder = await temporaryFolder(test);
  const sources = { folder, storeFolder: join(folder, 'store') };
  await loadRootKey(sources);
  await mkdir(sources.storeFolder);
  await rm(join(folder, 'root-key'));
  await assert.rejects(loadRootKey(sources), code('E_ROOT_KEY_MISSING'));
  await assert.rejects(loadRootKey({ ...sources, passphrase: 'correct horse battery' }), code('E_ROOT_KEY_MISSING'));
});

it('refuses a file of another length, and one that others can read', async (test) => {
  const folder = await temporaryFolder(test);
  const sources = { folder, storeFolder: join(folder, 'store') };
  await writeFile(join(folder, 'root-key'), randomBytes(31), { mode: 0o600 });
  await assert.rejects(loadRootKey(sources), code('E_ROOT_KEY_FILE'));
  await writeFile(join(folder, 'root-key'), randomBytes(32));
  await chmod(join(folder, 'root-key'), 0o640);
  await assert.rejects(loadRootKey(sources), code('E_ROOT_KEY_FILE'));
});

it('takes 32 bytes from the environment as hex or base64, and nothing else', async (test) => {
  const folder = join(await temporaryFolder(test), 'data');
  const key = randomBytes(32);
  const load = (environmentKey: string) => loadRootKey({ folder, storeFolder: join(folder, 'store'), environmentKey });
  for (const form of ['hex', 'base64', 'base64url'] as const) {
    const loaded = await load(`${key.toString(form)}\n`);
    assert.deepEqual(Buffer.from(loaded.bytes), key);
    assert.equal(loaded.origin, 'environment');
  }
  for (const bad of ['', 'secret', key.toString('hex').slice(2), `${key.toString('hex')}00`, key.subarray(1).toString('base64')]) {
    await assert.rejects(load(bad), (error) => code('E_ROOT_KEY_SOURCE')(error) && !(bad.length > 8 && (error as Error).message.includes(bad.slice(0, 8))));
  }
  await assert.rejects(stat(folder), /ENOENT/);
  await assert.rejects(loadRootKey({ folder, storeFolder: folder, environmentKey: 'a', passphrase: 'b' }), code('E_ROOT_KEY_SOURCE'));
});

it('stretches a passphrase with scrypt and a kept salt', async (test) => {
  const folder = await temporaryFolder(test);
  const load = (passphrase: string) => loadRootKey({ folder, storeFolder: join(folder, 'store'), passphrase });
  const first = await load('correct horse battery');
  const salt = await readFile(join(folder, 'root-salt'));
  assert.deepEqual(Buffer.from(first.bytes), scryptSync('correct horse battery', salt, 32, { N: 2 ** 17, r: 8, p: 1, maxmem: 2 ** 28 }));
  assert.deepEqual((await load('correct horse battery')).bytes, first.bytes);
  assert.notDeepEqual((await load('correct horse batterie')).bytes, first.bytes);
  await assert.rejects(load('short'), code('E_ROOT_KEY_SOURCE'));
});

it('finds the key that a server has, and makes none for who only asks', async (test) => {
  const folder = await temporaryFolder(test);
  const sources = { folder, storeFolder: join(folder, 'store') };
  assert.equal(await presentRootKey(sources), undefined);
  assert.equal(await presentRootKey({ ...sources, passphrase: 'correct horse battery' }), undefined);
  assert.deepEqual(await readdir(folder), []);
  const cluster = { ...sources, passphrase: 'correct horse battery', cluster: 'prod' };
  assert.deepEqual(await presentRootKey(cluster), await loadRootKey(cluster));
  const { bytes } = await loadRootKey(sources);
  assert.deepEqual((await presentRootKey(sources))?.bytes, bytes);
});
