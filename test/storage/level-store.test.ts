/**
 * The LevelDB store keeps the storage contract, and what a disk adds to it: it is there again after a reopen, readers of other
 * threads see a commit as soon as it resolved, many commits share a sync, a failing disk stops everything, nothing is in
 * the clear.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { Worker } from 'node:worker_threads';
import { ClassicLevel } from 'classic-level';
import { Fault } from '../../src/fault.ts';
import { createLevelStore, openReader } from '../../src/storage/level-store.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { Mutation } from '../../src/storage/mutation.ts';
import { attributeSet, collect, created, scopePut, testRootKey } from './sample-state.ts';
import { storeContract } from './store-contract.ts';
import { temporaryFolder } from './temporary-folder.ts';

storeContract('LevelDB store', async () => {
  const folder = await temporaryFolder();
  const store = await createLevelStore({ folder, rootKey: testRootKey });
  return { store, dispose: () => store.close().then(() => rm(folder, { recursive: true })) };
});

const history: readonly (readonly Mutation[])[] = [
  [scopePut('default')],
  [created('u1', { name: 'a' }), created('u2', { custom: 'c' })],
  [attributeSet('u1', 'State', 2), { kind: 'material-destroyed', scope: 'default', uniqueIdentifier: 'u2' }],
  [{ kind: 'setting-put', name: 's', value: new Uint8Array([1]) }, { kind: 'nonce-prefix-taken', prefix: 0 }],
  [{ kind: 'role-put', record: { scope: 'default', role: 'r', permissions: ['operation_all'], createdAt: 1 } }],
  [{ kind: 'credential-put', record: { fingerprint: 'ff', scope: 'default', role: 'r', serialNumber: '1', subject: 's', notAfter: 2, createdAt: 1 } }],
];

it('is as it was after a reopen', async (test) => {
  const folder = await temporaryFolder(test);
  const first = await createLevelStore({ folder, rootKey: testRootKey });
  for (const mutations of history) await first.commit(mutations);
  const digest = await first.digest();
  await first.close();
  const second = await createLevelStore({ folder, rootKey: testRootKey });
  assert.equal(await second.digest(), digest);
  assert.equal(second.sequence, history.length);
  assert.equal(second.nextNoncePrefix, 1);
  assert.deepEqual(await collect(second.candidates('default', { terms: [{ name: 'Name', value: { nameValue: 'a' } }] })), ['u1']);
  assert.equal((await second.commit([created('u3')])).sequence, history.length + 1);
  assert.deepEqual(await collect(second.candidates('default', { terms: [] })), ['u1', 'u2', 'u3']);
  await second.close();
});

it('comes to the same digest as the memory store, however the write sets were batched', async (test) => {
  const folder = await temporaryFolder(test);
  const level = await createLevelStore({ folder, rootKey: testRootKey });
  const memory = createMemoryStore();
  // The sealed root key in a scope's record differs with each sealing: both get the same one.
  await Promise.all(history.map((mutations) => level.commit(mutations)));
  for (const mutations of history) await memory.commit(mutations);
  assert.equal(await level.digest(), await memory.digest());
  await memory.commit([attributeSet('u1', 'State', 3)]);
  assert.notEqual(await level.digest(), await memory.digest());
  await level.close();
});

/** What the store's batches inherit their `write` from; a database of its own gives it away. */
async function batchPrototype(folder: string): Promise<{ write(options: object): Promise<void> }> {
  const database = new ClassicLevel(join(folder, 'other'));
  await database.open();
  const batch = database.batch();
  await batch.close();
  await database.close();
  return Object.getPrototypeOf(Object.getPrototypeOf(batch)) as { write(options: object): Promise<void> };
}

it('lets 64 commits that come together share few syncs', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await createLevelStore({ folder, rootKey: testRootKey });
  await store.commit([scopePut('default')]);
  const writes = test.mock.method(await batchPrototype(folder), 'write');
  const reports = await Promise.all(Array.from({ length: 64 }, (_, index) => store.commit([created(`u${index}`)])));
  assert.equal(new Set(reports.map((report) => report.sequence)).size, 64);
  assert.ok(writes.mock.callCount() >= 1 && writes.mock.callCount() <= 2, `64 commits took ${writes.mock.callCount()} batches`);
  for (const call of writes.mock.calls) assert.deepEqual(call.arguments, [{ sync: true }]);
  assert.equal((await collect(store.candidates('default', { terms: [] }))).length, 64);
  await store.close();
});

it('refuses everything once the disk has failed', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await createLevelStore({ folder, rootKey: testRootKey });
  await store.commit([scopePut('default')]);
  test.mock.method(await batchPrototype(folder), 'write', async () => { throw new Error('no space left'); }, { times: 1 });
  const isFault = (error: unknown): boolean => error instanceof Fault && error.code === 'E_STORE_WRITE';
  const commits = [store.commit([created('u1')]), store.commit([created('u2')])];
  for (const commit of await Promise.allSettled(commits)) assert.ok(commit.status === 'rejected' && isFault(commit.reason));
  await assert.rejects(store.commit([created('u3')]), isFault);
  assert.equal(store.fetch('default', 'u1'), undefined);
  assert.equal(store.sequence, 1);
  await store.close();
});

it('refuses a wrong root key, a foreign database and one that is in use', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await createLevelStore({ folder: join(folder, 'a'), rootKey: testRootKey });
  await store.close();
  const code = (wanted: string) => (error: unknown): boolean => error instanceof Fault && error.code === wanted;
  await assert.rejects(createLevelStore({ folder: join(folder, 'a'), rootKey: new Uint8Array(32) }), code('E_ROOT_KEY_WRONG'));
  const foreign = new ClassicLevel(join(folder, 'b'));
  await foreign.put('x', 'y');
  await assert.rejects(createLevelStore({ folder: join(folder, 'b'), rootKey: testRootKey }), (error) => code('E_STORE_OPEN')(error) && (error as Fault).message.includes('another process has it open'));
  await foreign.close();
  await assert.rejects(createLevelStore({ folder: join(folder, 'b'), rootKey: testRootKey }), code('E_STORE_FOREIGN'));
  await assert.rejects(openReader({ folder: join(folder, 'c'), rootKey: testRootKey }), code('E_STORE_OPEN'));
});

it('never makes an empty store over the files of one that lost its first', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await createLevelStore({ folder, rootKey: testRootKey });
  for (const mutations of history) await store.commit(mutations);
  await store.close();
  await (await createLevelStore({ folder, rootKey: testRootKey })).close();
  const current = await readFile(join(folder, 'CURRENT'));
  const files = (await readdir(folder)).sort();
  await rm(join(folder, 'CURRENT'));
  await assert.rejects(createLevelStore({ folder, rootKey: testRootKey }), (error) => error instanceof Fault && error.code === 'E_STORE_DAMAGED' && error.message.includes(folder));
  await writeFile(join(folder, 'CURRENT'), current);
  assert.deepEqual((await readdir(folder)).sort(), files, 'nothing was touched');
  const again = await createLevelStore({ folder, rootKey: testRootKey });
  assert.equal(again.sequence, history.length);
  await again.close();
});

it('takes a log without tables for a store as well', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await createLevelStore({ folder, rootKey: testRootKey });
  await store.commit(history[0]!);
  await store.close();
  assert.deepEqual((await readdir(folder)).filter((name) => name.endsWith('.ldb')), []);
  await rm(join(folder, 'CURRENT'));
  await assert.rejects(createLevelStore({ folder, rootKey: testRootKey }), { code: 'E_STORE_DAMAGED' });
});

it('begins anew where a first start was cut off before the database was there', async (test) => {
  const folder = await temporaryFolder(test);
  for (const name of ['LOCK', 'LOG', 'MANIFEST-000001', '000001.dbtmp']) await writeFile(join(folder, name), '');
  await (await createLevelStore({ folder, rootKey: testRootKey })).close();
});

it('shows every commit to readers on other threads as soon as it has resolved', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await createLevelStore({ folder, rootKey: testRootKey });
  await store.commit([scopePut('default'), created('u1')]);
  const worker = new Worker(new URL('./reader-thread.ts', import.meta.url), { workerData: { folder, rootKey: testRootKey } });
  const ask = async (message: string): Promise<unknown> => {
    worker.postMessage(message);
    // `once` of node:events rejects when the worker fails.
    return (await once(worker, 'message'))[0];
  };
  assert.equal(await ask('ready?'), 'ready');
  for (let count = 1; count <= 300; count++) {
    await store.commit([attributeSet('u1', 'ContactInformation', String(count))]);
    assert.equal(await ask('u1'), count);
  }
  await ask('close');
  await worker.terminate();
  await store.close();
});

it('keeps no key material, name, scope, role or custom text in the clear, in any file', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await createLevelStore({ folder, rootKey: testRootKey });
  const keyMaterial = new TextEncoder().encode('KEYMATERIAL-MARK-0123456789-ABCD');
  await store.commit([scopePut('SCOPE-MARK'), { kind: 'role-put', record: { scope: 'SCOPE-MARK', role: 'ROLE-MARK', permissions: ['operation_all'], createdAt: 1 } }]);
  // Enough to make LevelDB write tables and compact them, not its log only.
  for (let round = 0; round < 5; round++) {
    await store.commit(Array.from({ length: 400 }, (_, index) => created(`u${round}-${index}`, { scope: 'SCOPE-MARK', name: `NAME-MARK-${index}`, custom: 'CUSTOM-MARK', objectGroup: 'GROUP-MARK', keyMaterial })));
  }
  await store.commit([{ kind: 'setting-put', name: 'stream-key', value: keyMaterial }]);
  await store.close();
  await (await createLevelStore({ folder, rootKey: testRootKey })).close();
  let total = 0;
  for (const file of await readdir(folder)) {
    const bytes = await readFile(join(folder, file));
    total += bytes.length;
    for (const mark of ['KEYMATERIAL', 'NAME-MARK', 'SCOPE-MARK', 'ROLE-MARK', 'CUSTOM-MARK', 'GROUP-MARK', 'operation_all']) {
      assert.equal(bytes.indexOf(mark), -1, `${file} holds ${mark}`);
    }
    assert.equal(bytes.indexOf(Buffer.from(testRootKey)), -1, `${file} holds the root key`);
  }
  assert.ok(total > 500_000, 'the scan saw the data');
});

it('takes the sealed material of a destroyed object off the disk, and nothing else', async (test) => {
  const folder = await temporaryFolder(test);
  const identifiers = Array.from({ length: 200 }, (_, index) => `u${index}`);
  const first = await createLevelStore({ folder, rootKey: testRootKey });
  await first.commit([scopePut('default')]);
  await first.commit(identifiers.map((identifier) => created(identifier)));
  await first.close();
  const sealed = await sealedRecords(folder);
  assert.equal(sealed.size, 200);
  const onDisk = async (identifier: string): Promise<boolean> => {
    const files = await Promise.all((await readdir(folder)).map((file) => readFile(join(folder, file)).catch(() => Buffer.alloc(0))));
    return files.some((bytes) => bytes.includes(sealed.get(identifier)!));
  };
  assert.ok(await onDisk('u7') && await onDisk('u8'));
  const store = await createLevelStore({ folder, rootKey: testRootKey, erasureDelayMs: 20 });
  const destroyed = (identifier: string): Mutation => ({ kind: 'material-destroyed', scope: 'default', uniqueIdentifier: identifier });
  await store.commit([destroyed('u7'), attributeSet('u9', 'ContactInformation', 'kept')]);
  for (let waited = 0; await onDisk('u7'); waited += 20) {
    assert.ok(waited < 10_000, 'the sealed material is still on the disk');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // More than ranges are merged one by one.
  await store.commit(identifiers.slice(100).map(destroyed));
  for (let waited = 0; await onDisk('u100') || await onDisk('u199'); waited += 20) {
    assert.ok(waited < 10_000, 'the sealed material is still on the disk');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.equal(store.fetch('default', 'u7')?.material, undefined);
  assert.notEqual(store.fetch('default', 'u8')?.material, undefined);
  await store.close();
});

/** The sealed bytes of each object, as LevelDB holds them. */
async function sealedRecords(folder: string): Promise<Map<string, Uint8Array>> {
  const database = new ClassicLevel<Buffer, Buffer>(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await database.open();
  const found = new Map<string, Uint8Array>();
  for await (const [path, value] of database.iterator({ gte: Buffer.from('m'), lt: Buffer.from('n') })) found.set(path.subarray(17).toString(), value);
  await database.close();
  return found;
}

it('tells at once who holds a Name, as long as few do and nothing else is asked', async (test) => {
  const store = await createLevelStore({ folder: await temporaryFolder(test), rootKey: testRootKey });
  await store.commit([scopePut('default'), created('u1', { name: 'n' })]);
  const query = { terms: [{ name: 'Name', value: { nameValue: 'n' } }], isHeld: true };
  const views = [store, store.pending()];
  for (const view of views) {
    assert.deepEqual(view.candidatesAtOnce!('default', query), ['u1']);
    assert.deepEqual(view.candidatesAtOnce!('default', { ...query, terms: [{ name: 'Name', value: { nameValue: 'free' } }] }), []);
    assert.deepEqual(view.candidatesAtOnce!('nowhere', query), []);
    assert.equal(view.candidatesAtOnce!('default', { ...query, isHeld: false }), undefined);
    assert.equal(view.candidatesAtOnce!('default', { ...query, newestFirst: true }), undefined);
  }
  const done = store.commit([created('u2', { name: 'n' })]);
  assert.deepEqual([store.candidatesAtOnce('default', query), store.pending().candidatesAtOnce!('default', query)], [['u1'], ['u1', 'u2']]);
  await done;
  await store.commit(Array.from({ length: 20 }, (_, index) => created(`more ${index}`, { name: 'n' })));
  for (const view of views) assert.equal(view.candidatesAtOnce!('default', query), undefined);
  await store.close();
});
