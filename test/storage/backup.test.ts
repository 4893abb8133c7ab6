/**
 * Backups of stores: a consistent picture under writes, the same state from it, prefixes that nobody had before, and no store of
 * what is damaged, cut short, newer, or another's.
 */
import assert from 'node:assert/strict';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { Fault } from '../../src/fault.ts';
import { backupContent, backupHeader, writeBackup } from '../../src/storage/backup-file.ts';
import { marginPrefixes, prefixAfterRestore, prefixesPerSecond, restoreSingle } from '../../src/storage/backup-restore.ts';
import type { Capture } from '../../src/storage/capture.ts';
import { KeyRing } from '../../src/storage/key-ring.ts';
import { sealedCheck } from '../../src/storage/level-format.ts';
import { createLevelStore } from '../../src/storage/level-store.ts';
import type { LevelStore } from '../../src/storage/level-store.ts';
import { openReplicaStore, restoreReplica } from '../../src/storage/replica-store.ts';
import { contentFormat, writeContent } from '../../src/storage/replica-content.ts';
import { findRootKey, keepPassphraseSalt, loadRootKey } from '../../src/storage/root-key.ts';
import { captureStopped } from '../../src/storage/stopped-store.ts';
import { randomHistory } from './random-history.ts';
import { collect, created, scopePut, testRootKey } from './sample-state.ts';
import { temporaryFolder } from './temporary-folder.ts';

const isFault = (...codes: string[]) => (error: unknown): boolean => error instanceof Fault && codes.includes(error.code);
const options = (...parts: [string, ...string[]]) => ({ folder: join(...parts), rootKey: testRootKey });
const mark = { id: 'a backup', takenAt: 1_700_000_000_000 };
const everything = { mark, isNodesOwn: () => false };

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function bytesOf(capture: Capture): Promise<Buffer> {
  try {
    return Buffer.concat(await collect(capture.content()));
  } finally {
    await capture.close();
  }
}

/** Everything that reads tell, in the order in which they tell it. */
async function picture(store: Pick<LevelStore, 'scopes' | 'roles' | 'credentials' | 'candidates' | 'fetch' | 'setting'>): Promise<unknown> {
  const scopes = store.scopes();
  const objects = await Promise.all(scopes.map(async ({ scope }) => (await collect(store.candidates(scope, { terms: [] }))).map((each) => store.fetch(scope, each))));
  const newest = await Promise.all(scopes.map(({ scope }) => collect(store.candidates(scope, { terms: [], newestFirst: true }))));
  const named = await Promise.all(Array.from({ length: 12 }, (_, index) => collect(store.candidates('default', { terms: [{ name: 'Name', value: { nameValue: `name ${index}`, nameType: 1 } }], isHeld: true }))));
  return { scopes, roles: scopes.map(({ scope }) => store.roles(scope)), credentials: scopes.map(({ scope }) => store.credentials(scope)), objects, newest, named, setting: store.setting('s') };
}

it('makes a single node\'s store that tells the same, from a single node\'s and from a replica\'s, and goes on from there', async (test) => {
  const folder = await temporaryFolder(test);
  const history = randomHistory(5, 250);
  const single = await createLevelStore(options(folder, 'single'));
  const replica = await openReplicaStore(options(folder, 'replica'));
  for (const entry of history) {
    await single.commit(entry.mutations);
    await replica.apply({ ...entry, mutations: [...entry.mutations, ...(entry.sequence === 9 ? [{ kind: 'setting-put' as const, name: 'own/n1', value: new Uint8Array([1]) }] : [])] });
  }
  const expected = await picture(single);
  assert.deepEqual(await picture(replica), expected);
  for (const [name, backup] of [['a', await single.backup(everything)], ['b', await replica.backup({ mark, isNodesOwn: (setting) => setting.startsWith('own/') })]] as const) {
    const { sequence } = backup;
    const bytes = await bytesOf(backup);
    assert.equal(bytes.includes('tail/') || bytes.includes('own/n1'), false, 'no bookkeeping, nothing of one node');
    assert.deepEqual(await restoreSingle(options(folder, name), once(bytes), mark.takenAt), { sequence, mark });
    const restored = await createLevelStore(options(folder, name));
    assert.deepEqual(await picture(restored), expected);
    assert.equal(restored.nextNoncePrefix, replica.nextNoncePrefix + marginPrefixes);
    assert.equal(restored.sequence, sequence + 1);
    await restored.commit([created('new')]);
    assert.equal((await collect(restored.candidates('default', { terms: [] }))).at(-1), 'new', 'last in the order of creation');
    await restored.close();
  }
  await assert.rejects(restoreReplica(options(folder, 'c'), (await replica.backup(everything)).content()), isFault('E_STORE_KIND'));
  await assert.rejects(restoreSingle(options(folder, 'c'), (await replica.capture()).content(), 0), isFault('E_BACKUP'));
  await single.close();
  await replica.close();
});

it('gives of a stopped store, of either kind, what the running one gave, and keeps a cluster node\'s own settings out', async (test) => {
  const folder = await temporaryFolder(test);
  const single = await createLevelStore(options(folder, 'single'));
  const replica = await openReplicaStore(options(folder, 'replica'));
  for (const entry of randomHistory(7, 60)) {
    const mutations = [...entry.mutations, ...(entry.sequence === 9 ? [{ kind: 'setting-put' as const, name: 'own/n1', value: new Uint8Array([1]) }] : [])];
    await single.commit(mutations);
    await replica.apply({ ...entry, mutations });
  }
  const isOwn = (setting: string): boolean => setting.startsWith('own/');
  const pictures: unknown[] = [];
  for (const [name, store] of [['single', single], ['replica', replica]] as const) {
    const { sequence } = store;
    await store.close();
    await assert.rejects(captureStopped({ ...options(folder, name), rootKey: new Uint8Array(32) }, mark, isOwn), isFault('E_ROOT_KEY_WRONG'));
    assert.equal((await restoreSingle(options(folder, `${name}-again`), once(await bytesOf(await captureStopped(options(folder, name), mark, isOwn))), mark.takenAt)).sequence, sequence);
    const restored = await createLevelStore(options(folder, `${name}-again`));
    pictures.push(await picture(restored));
    assert.equal(restored.setting('own/n1') !== undefined, name === 'single');
    await restored.close();
  }
  assert.deepEqual(pictures[0], pictures[1]);
  await assert.rejects(captureStopped(options(folder, 'none'), mark, isOwn), isFault('E_STORE_OPEN'));
  assert.equal((await readdir(folder)).includes('none'), false);
});

it('has every commit that was answered before, whole, however many are under way', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await createLevelStore(options(folder, 'store'));
  await store.commit([scopePut('default')]);
  const answered = new Set<string>();
  let isOver = false;
  const writers = Promise.all([0, 1, 2, 3].map(async (writer) => {
    for (let count = 0; !isOver; count += 1) {
      const pair = [`w${writer}c${count}a`, `w${writer}c${count}b`] as const;
      await store.commit([created(pair[0]), created(pair[1])]);
      answered.add(pair[0]);
    }
  }));
  for (let round = 0; round < 5; round += 1) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    const known = [...answered];
    const bytes = await bytesOf(await store.backup(everything));
    await restoreSingle(options(folder, `r${round}`), once(bytes), mark.takenAt);
    const restored = await createLevelStore(options(folder, `r${round}`));
    assert.deepEqual(known.filter((each) => restored.fetch('default', each) === undefined), []);
    const there = await collect(restored.candidates('default', { terms: [] }));
    for (const each of there) if (each.endsWith('a')) assert.ok(there.includes(`${each.slice(0, -1)}b`), 'a write set is there as a whole');
    await restored.close();
  }
  isOver = true;
  await writers;
  await store.close();
});

it('never hands out a prefix that a server of the same history may have had', () => {
  const week = 7 * 24 * 3600 * 1000;
  const { takenAt } = mark;
  // The old server took prefixes for a week; then the backup was restored, and a day later once more.
  const [first, second] = [prefixAfterRestore(40, mark, takenAt + week), prefixAfterRestore(40, mark, takenAt + week + 86_400_000)];
  assert.ok(first >= 40 + (week / 1000) * prefixesPerSecond + marginPrefixes);
  assert.equal(second - first, 86_400 * prefixesPerSecond, 'what the first one took meanwhile');
  assert.equal(prefixAfterRestore(40, mark, takenAt - week), 40 + marginPrefixes, 'a clock that was set back takes the margin');
  assert.throws(() => prefixAfterRestore(2 ** 32 - marginPrefixes, mark, takenAt), isFault('E_NONCES_USED_UP'));
});

it('makes no store of a backup that is damaged, cut short or lengthened, at whichever byte', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await createLevelStore(options(folder, 'store'));
  await store.commit([scopePut('default'), created('u1', { name: 'n' }), created('u2')]);
  const bytes = await bytesOf(await store.backup(everything));
  await store.close();
  const nothingThere = async (): Promise<void> => assert.deepEqual(await readdir(folder), ['store']);
  for (let offset = 0; offset < bytes.length; offset += 97) {
    const changed = Buffer.from(bytes);
    changed[offset]! ^= 0x10;
    await assert.rejects(restoreSingle(options(folder, 'r'), once(changed), mark.takenAt), isFault('E_CONTENT_DAMAGED', 'E_ROOT_KEY_WRONG', 'E_CONTENT_FORMAT', 'E_STORE_FORMAT'), `byte ${offset}`);
    await assert.rejects(restoreSingle(options(folder, 'r'), once(bytes.subarray(0, offset)), mark.takenAt), isFault('E_CONTENT_DAMAGED'), `${offset} bytes`);
  }
  await assert.rejects(restoreSingle(options(folder, 'r'), once(Buffer.concat([bytes, new Uint8Array(1)])), mark.takenAt), isFault('E_CONTENT_DAMAGED'));
  await nothingThere();
  await assert.rejects(restoreSingle({ folder: join(folder, 'r'), rootKey: new Uint8Array(32) }, once(bytes), mark.takenAt), isFault('E_ROOT_KEY_WRONG'));
  await assert.rejects(restoreSingle(options(folder, 'store'), once(bytes), mark.takenAt), isFault('E_STORE_EXISTS'));
  await nothingThere();
  const keys = new KeyRing(testRootKey, () => undefined);
  const header = { format: contentFormat, storageFormat: 99, kind: 'single', sequence: 1, check: sealedCheck(keys), backup: mark } as const;
  const none = async function* () {};
  await assert.rejects(restoreSingle(options(folder, 'r'), writeContent(keys, header, none()), mark.takenAt), isFault('E_STORE_FORMAT'));
  await assert.rejects(restoreSingle(options(folder, 'r'), writeContent(keys, { ...header, format: 2 }, none()), mark.takenAt), isFault('E_CONTENT_FORMAT'));
  await nothingThere();
  await restoreSingle(options(folder, 'r'), once(bytes), mark.takenAt);
});

it('writes a file of its own user, whole or not at all, and counts what is in it', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await createLevelStore(options(folder, 'store'));
  await store.commit([scopePut('default'), created('u1'), created('u2'), created('u3')]);
  const bytes = await bytesOf(await store.backup({ mark: { ...mark, passphraseSalt: new Uint8Array(32) }, isNodesOwn: () => false }));
  await store.close();
  const file = join(folder, 'file');
  await writeFile(file, 'the backup of yesterday', { mode: 0o644 });
  const breaking = async function* (): AsyncGenerator<Uint8Array> {
    yield bytes.subarray(0, 1000);
    throw new Error('cable pulled');
  };
  await assert.rejects(writeBackup(file, breaking()), /cable pulled/);
  for (const length of [0, 7, 1000, bytes.length - 1]) await assert.rejects(writeBackup(file, once(bytes.subarray(0, length))), isFault('E_BACKUP_INCOMPLETE'), `${length} bytes`);
  await assert.rejects(writeBackup(file, once(Buffer.from('<html>not a backup</html>'))), isFault('E_CONTENT_DAMAGED'));
  assert.equal(await readFile(file, 'utf8'), 'the backup of yesterday');
  assert.deepEqual((await readdir(folder)).sort(), ['file', 'store']);
  assert.deepEqual(await writeBackup(file, once(bytes)), { sequence: 1, objects: 3, bytes: bytes.length });
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.deepEqual((await readdir(folder)).sort(), ['file', 'store']);
  assert.deepEqual((await backupHeader(file)).backup, { ...mark, passphraseSalt: new Uint8Array(32) });
  assert.equal(Buffer.compare(Buffer.concat(await collect(backupContent(file))), bytes), 0);
  for (const secret of ['ab'.repeat(16)]) assert.equal(bytes.includes(Buffer.from(secret, 'hex')), false, 'key material is sealed');
});

it('finds the root key of a backup where a server would, and makes none', async (test) => {
  const folder = await temporaryFolder(test);
  const at = (name: string) => ({ folder: join(folder, name), storeFolder: join(folder, name, 'store') });
  const passphrase = 'correct horse battery';
  const made = await loadRootKey({ ...at('old'), passphrase });
  await assert.rejects(findRootKey(at('new'), undefined), isFault('E_ROOT_KEY_MISSING'));
  await assert.rejects(findRootKey({ ...at('new'), passphrase }, undefined), isFault('E_ROOT_KEY_SOURCE'));
  await assert.rejects(readdir(join(folder, 'new')), /ENOENT/, 'nothing was made');
  const found = await findRootKey({ ...at('new'), passphrase }, made.passphraseSalt);
  assert.deepEqual(found, made.bytes);
  await (await keepPassphraseSalt(at('new').folder, made.passphraseSalt!))();
  assert.deepEqual(await readdir(join(folder, 'new')), [], 'taken back');
  await keepPassphraseSalt(at('new').folder, made.passphraseSalt!);
  assert.deepEqual((await loadRootKey({ ...at('new'), passphrase })).bytes, made.bytes, 'the new server makes the same key of the passphrase');
  await loadRootKey({ ...at('third'), passphrase });
  await assert.rejects(keepPassphraseSalt(at('third').folder, made.passphraseSalt!), isFault('E_ROOT_KEY_SOURCE'));
  assert.deepEqual(await findRootKey({ ...at('third'), passphrase }, made.passphraseSalt), made.bytes, 'a cluster\'s own key is another matter');
  const cluster = await loadRootKey({ ...at('node'), passphrase, cluster: 'prod' });
  assert.deepEqual(await findRootKey({ ...at('single'), passphrase }, cluster.passphraseSalt), cluster.bytes);
});
