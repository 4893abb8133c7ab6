/**
 * The store of a cluster's node: it keeps the storage contract, its planned view is right whoever planned what is applied,
 * bookkeeping goes with its entry, and a folder never changes its kind.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import type { TestContext } from 'node:test';
import { Worker } from 'node:worker_threads';
import { ClassicLevel } from 'classic-level';
import { Fault } from '../../src/fault.ts';
import { createLevelStore, openReader } from '../../src/storage/level-store.ts';
import type { Mutation } from '../../src/storage/mutation.ts';
import { openReplicaStore } from '../../src/storage/replica-store.ts';
import type { BookkeepingWrite, ReplicaStore } from '../../src/storage/replica-store.ts';
import type { CommitReport } from '../../src/storage/store.ts';
import { asStore } from './replica-as-store.ts';
import type { Planned } from './replica-as-store.ts';
import { attributeSet, collect, created, scopePut, testRootKey } from './sample-state.ts';
import { storeContract } from './store-contract.ts';
import { temporaryFolder } from './temporary-folder.ts';

for (const planned of ['elsewhere', 'here'] satisfies Planned[]) {
  storeContract(`Replica store, planned ${planned}`, async () => {
    const folder = await temporaryFolder();
    const store = asStore(await openReplicaStore({ folder, rootKey: testRootKey }), planned);
    return { store, dispose: () => store.close().then(() => rm(folder, { recursive: true })) };
  }, false);
}

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: Uint8Array): string => new TextDecoder().decode(value);
const destroyed = (uniqueIdentifier: string): Mutation => ({ kind: 'material-destroyed', scope: 'default', uniqueIdentifier });
const faultCode = (wanted: string) => (error: unknown): boolean => error instanceof Fault && error.code === wanted;
const contact = (view: Pick<ReplicaStore, 'fetch'>, identifier: string): unknown => view.fetch('default', identifier)?.attributes.get('ContactInformation')?.[0]?.value;
const named = (nameValue: string) => ({ terms: [{ name: 'Name', value: { nameValue, nameType: 1 } }] });

/** Counts LevelDB's batches: all inherit their `write`, and a database of its own gives it away. */
async function mockedWrites(test: TestContext, folder: string) {
  const other = new ClassicLevel(join(folder, 'other'));
  await other.open();
  const batch = other.batch();
  const writes = test.mock.method(Object.getPrototypeOf(Object.getPrototypeOf(batch)) as { write(options: object): Promise<void> }, 'write');
  await batch.close();
  await other.close();
  return writes;
}

/** A replica with scope `default` as entry 1, and a hand that gives entries their numbers. */
async function opened(test: TestContext): Promise<{ folder: string; store: ReplicaStore; apply(mutations: readonly Mutation[], proposals?: readonly string[], bookkeeping?: readonly BookkeepingWrite[]): Promise<CommitReport> }> {
  const folder = await temporaryFolder(test);
  const store = await openReplicaStore({ folder, rootKey: testRootKey });
  test.after(() => store.close());
  let sequence = 0;
  const apply = (mutations: readonly Mutation[], proposals: readonly string[] = [], bookkeeping: readonly BookkeepingWrite[] = []): Promise<CommitReport> =>
    store.apply({ sequence: ++sequence, mutations, proposals, bookkeeping });
  await apply([scopePut('default')]);
  return { folder, store, apply };
}

it('counts an entry without mutations, writes its bookkeeping, and refuses a gap, a repetition and an entry that does not fit', async (test) => {
  const { folder, store } = await opened(test);
  const entry = (sequence: number, mutations: readonly Mutation[] = []) => ({ sequence, mutations, proposals: [], bookkeeping: [{ path: 'head', value: bytes(String(sequence)) }] });
  assert.deepEqual(await store.apply(entry(2)), { sequence: 2, managed: [], identityChanged: false });
  for (const sequence of [1, 2, 4]) await assert.rejects(store.apply(entry(sequence)), /in order, each once/);
  await assert.rejects(store.apply(entry(3, [created('u1'), destroyed('u2')])), /not there/);
  assert.equal(store.planned().fetch('default', 'u1'), undefined);
  assert.deepEqual((await collect(store.bookkeeping('head'))).map(([path, value]) => [path, text(value)]), [['head', '2']]);
  await store.apply(entry(3, [created('u1')]));
  await store.close();
  const again = await openReplicaStore({ folder, rootKey: testRootKey });
  assert.equal(again.sequence, 3);
  assert.deepEqual((await collect(again.bookkeeping(''))).map(([, value]) => text(value)), ['3']);
  await again.apply(entry(4));
  assert.equal(again.sequence, 4);
  await again.close();
});

it('writes many entries of one turn in one synced batch and reports each by itself', async (test) => {
  const { folder, store, apply } = await opened(test);
  const writes = await mockedWrites(test, folder);
  const reports = await Promise.all([
    ...Array.from({ length: 300 }, (_, index) => apply([created(`u${index}`)], [], [{ path: 'head', value: bytes(String(index)) }, { path: `tail/${index}`, value: bytes('entry') }])),
    apply([]), apply([{ kind: 'setting-put', name: 's', value: bytes('v') }, attributeSet('u7', 'State', 2)], [], [{ path: 'tail/0', value: undefined }]),
  ]);
  assert.equal(writes.mock.callCount(), 1);
  assert.deepEqual(writes.mock.calls[0]?.arguments, [{ sync: true }]);
  assert.deepEqual(reports.map(({ sequence }) => sequence), Array.from({ length: 302 }, (_, index) => index + 2));
  assert.deepEqual(reports[7]?.managed, [{ scope: 'default', uniqueIdentifier: 'u7' }]);
  assert.deepEqual(reports[300], { sequence: 302, managed: [], identityChanged: false });
  assert.deepEqual(reports[301], { sequence: 303, managed: [{ scope: 'default', uniqueIdentifier: 'u7' }], identityChanged: true });
  assert.equal(store.sequence, 303);
  assert.deepEqual((await collect(store.bookkeeping('head'))).map(([, value]) => text(value)), ['299']);
  assert.equal((await collect(store.bookkeeping('tail/'))).length, 299);
});

it('cuts a batch where its bookkeeping gets large, and loses nothing by it', async (test) => {
  const { folder, store, apply } = await opened(test);
  const writes = await mockedWrites(test, folder);
  const large = new Uint8Array(3 * 1024 * 1024).fill(7);
  await Promise.all(Array.from({ length: 7 }, (_, index) => apply([], [], [{ path: `tail/${index}`, value: large }, { path: 'head', value: bytes(String(index)) }])));
  assert.equal(writes.mock.callCount(), 4);
  assert.equal(store.sequence, 8);
  const tail = await collect(store.bookkeeping('tail/'));
  assert.deepEqual(tail.map(([path]) => path), Array.from({ length: 7 }, (_, index) => `tail/${index}`));
  for (const [, value] of tail) assert.deepEqual(new Uint8Array(value), large);
});

it('refuses everything once the disk has failed, captures as well', async (test) => {
  const { folder, store, apply } = await opened(test);
  const writes = await mockedWrites(test, folder);
  writes.mock.mockImplementationOnce(async () => { throw new Error('no space left'); });
  const isFailed = faultCode('E_STORE_WRITE');
  const entries = [apply([created('u1')]), apply([], [], [{ path: 'head', value: bytes('3') }])];
  const capture = store.capture();
  for (const outcome of await Promise.allSettled([...entries, capture])) assert.ok(outcome.status === 'rejected' && isFailed(outcome.reason));
  await assert.rejects(apply([]), isFailed);
  await assert.rejects(store.capture(), isFailed);
  assert.equal(store.sequence, 1);
  assert.equal(store.fetch('default', 'u1'), undefined);
  assert.deepEqual(await collect(store.bookkeeping('')), []);
});

it('keeps bookkeeping by path and prefix, in order of bytes, sealed, and out of the digest', async (test) => {
  const { folder, store, apply } = await opened(test);
  const digest = await store.digest();
  const paths = ['b', 'a/10', 'a/9', 'a/é', 'a/\u{1F511}', 'a', ''];
  await apply([], [], [...paths.map((path) => ({ path, value: bytes(`SECRET-MARK ${path}`) })), { path: 'gone', value: bytes('x') }]);
  await apply([], [], [{ path: 'gone', value: undefined }, { path: 'twice', value: bytes('1') }, { path: 'twice', value: bytes('2') }]);
  const read = async (prefix: string): Promise<string[]> => (await collect(store.bookkeeping(prefix))).map(([path]) => path);
  assert.deepEqual(await read('a/'), ['a/10', 'a/9', 'a/é', 'a/\u{1F511}']);
  assert.deepEqual(await read(''), ['', 'a', 'a/10', 'a/9', 'a/é', 'a/\u{1F511}', 'b', 'twice']);
  assert.deepEqual(await read('gone'), []);
  assert.deepEqual((await collect(store.bookkeeping('twice'))).map(([, value]) => text(value)), ['2']);
  assert.equal(await store.digest(), digest);
  await assert.rejects(store.apply({ sequence: 4, mutations: [created('u1')], proposals: [], bookkeeping: [{ path: '\ud800', value: bytes('x') }] }), /UTF-8/);
  assert.equal(store.planned().fetch('default', 'u1'), undefined);
  for (const file of await readdir(folder)) assert.equal((await readFile(join(folder, file))).indexOf('SECRET-MARK'), -1, file);
});

it('does not open bookkeeping that was moved to another path', async (test) => {
  const { folder, store, apply } = await opened(test);
  await apply([], [], [{ path: 'one', value: bytes('1') }, { path: 'two', value: bytes('2') }]);
  await store.close();
  const database = new ClassicLevel<Buffer, Buffer>(folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' });
  await database.put(Buffer.from('btwo'), (await database.get(Buffer.from('bone')))!);
  await database.close();
  const again = await openReplicaStore({ folder, rootKey: testRootKey });
  assert.equal((await collect(again.bookkeeping('one'))).length, 1);
  await assert.rejects(collect(again.bookkeeping('two')), faultCode('E_ENVELOPE_BROKEN'));
  await again.close();
});

it('shows what is planned to the next plan only, until its entry is there', async (test) => {
  const { store, apply } = await opened(test);
  store.plan('p1', [created('u1', { name: 'n' })]);
  store.plan('p2', [attributeSet('u1', 'ContactInformation', 'p2')]);
  assert.equal(contact(store.planned(), 'u1'), 'p2');
  assert.deepEqual(await collect(store.planned().candidates('default', { ...named('n'), isHeld: true })), ['u1']);
  assert.equal(store.fetch('default', 'u1'), undefined);
  assert.equal(store.sequence, 1);
  const done = apply([created('u1', { name: 'n' }), attributeSet('u1', 'ContactInformation', 'p2')], ['p1', 'p2']);
  assert.equal(contact(store.planned(), 'u1'), 'p2');
  await done;
  assert.equal(contact(store, 'u1'), 'p2');
  store.unplan();
  assert.equal(contact(store.planned(), 'u1'), 'p2');
});

it('lets go of exactly what was applied: a later proposal on the same record stays', async (test) => {
  const { store, apply } = await opened(test);
  store.plan('p1', [created('u1'), created('v1')]);
  store.plan('p2', [attributeSet('u1', 'ContactInformation', 'two')]);
  store.plan('p3', [attributeSet('u1', 'ContactInformation', 'three')]);
  await apply([created('u1'), created('v1')], ['p1']);
  assert.equal(contact(store.planned(), 'u1'), 'three');
  assert.equal(contact(store, 'u1'), undefined);
  await apply([attributeSet('u1', 'ContactInformation', 'two')], ['p2']);
  assert.deepEqual([contact(store, 'u1'), contact(store.planned(), 'u1')], ['two', 'three']);
  assert.equal(store.planned().fetch('default', 'u1')?.revision, 2);
  store.unplan();
  assert.equal(contact(store.planned(), 'u1'), 'two');
  // What had been let go is read from below again: an entry from elsewhere shows.
  await apply([attributeSet('v1', 'ContactInformation', 'foreign')], ['q']);
  assert.equal(contact(store.planned(), 'v1'), 'foreign');
});

it('keeps nothing of a proposal whose entry is there, so that what others change of it shows', async (test) => {
  const { store, apply } = await opened(test);
  store.plan('p1', [created('u1', { name: 'n' }), { kind: 'setting-put', name: 's', value: bytes('1') }]);
  const own = apply([created('u1', { name: 'n' }), { kind: 'setting-put', name: 's', value: bytes('1') }], ['p1']);
  const foreign = apply([attributeSet('u1', 'ContactInformation', 'foreign'), { kind: 'setting-put', name: 's', value: bytes('2') }]);
  for (const wait of [undefined, own, foreign]) {
    await wait;
    assert.equal(contact(store.planned(), 'u1'), 'foreign');
    assert.equal(text(store.planned().setting('s')!), '2');
    assert.deepEqual(await collect(store.planned().candidates('default', { ...named('n'), isHeld: true })), ['u1']);
  }
});

it('forgets what is planned, not what is under way to the disk', async (test) => {
  const { store, apply } = await opened(test);
  store.plan('p1', [created('u1')]);
  store.plan('p2', [created('u2'), { kind: 'nonce-prefix-taken', prefix: 0 }]);
  const done = apply([created('u1')], ['p1']);
  assert.equal(store.nextNoncePrefix, 1);
  store.unplan();
  assert.equal(store.nextNoncePrefix, 0);
  assert.notEqual(store.planned().fetch('default', 'u1'), undefined);
  assert.equal(store.planned().fetch('default', 'u2'), undefined);
  store.plan('p2', [created('u2')]);
  store.unplan();
  await done;
  // It was accepted by the log after all, and applies as an entry from elsewhere.
  await apply([created('u2')], ['p2']);
  assert.notEqual(store.planned().fetch('default', 'u2'), undefined);
});

it('leaves nothing behind when a plan does not fit', async (test) => {
  const { store } = await opened(test);
  store.plan('p1', [created('u1', { name: 'n' })]);
  assert.throws(() => store.plan('p2', [created('u2', { name: 'm' }), attributeSet('u1', 'State', 2), { kind: 'nonce-prefix-taken', prefix: 0 }, created('u1')]), /exists already/);
  assert.throws(() => store.plan('p1', [created('u3')]), /planned already/);
  assert.equal(store.planned().fetch('default', 'u2'), undefined);
  assert.equal(store.planned().fetch('default', 'u3'), undefined);
  assert.equal(store.planned().fetch('default', 'u1')?.revision, 0);
  assert.equal(store.nextNoncePrefix, 0);
  assert.deepEqual(await collect(store.planned().candidates('default', { ...named('m'), isHeld: true })), []);
  store.plan('p2', [created('u2')]);
  assert.deepEqual(await collect(store.planned().candidates('default', { terms: [] })), ['u1', 'u2']);
});

it('shows entries that others planned at once, identities that were read before as well', async (test) => {
  const { store, apply } = await opened(test);
  const role = { scope: 'default', role: 'r', permissions: ['operation_all'], createdAt: 1 };
  const credential = { fingerprint: 'ff', scope: 'default', role: 'r', serialNumber: '1', subject: 's', notAfter: 2, createdAt: 1 };
  await apply([{ kind: 'role-put', record: role }, { kind: 'credential-put', record: credential }, { kind: 'nonce-prefix-taken', prefix: 0 }]);
  const seen = (): unknown => [store.planned().role('default', 'r')?.permissions, store.planned().credential('ff')?.revokedAt, store.nextNoncePrefix];
  assert.deepEqual(seen(), [['operation_all'], undefined, 1]);
  const done = apply([{ kind: 'role-put', record: { ...role, permissions: [] } }, { kind: 'credential-put', record: { ...credential, revokedAt: 9 } }, { kind: 'nonce-prefix-taken', prefix: 1 }], ['elsewhere']);
  assert.deepEqual(seen(), [[], 9, 2]);
  await done;
  assert.deepEqual(seen(), [[], 9, 2]);
});

it('walks planned objects after all others, in the order of their plans', async (test) => {
  const { store, apply } = await opened(test);
  for (const identifier of ['p3', 'p1', 'p2']) store.plan(identifier, [created(identifier)]);
  await apply([created('foreign')]);
  await apply([]);
  await apply([]);
  await apply([created('p3')], ['p3']);
  await apply([created('p1')], ['p1']);
  const all = (newestFirst: boolean): Promise<string[]> => collect(store.planned().candidates('default', { terms: [], newestFirst }));
  assert.deepEqual(await all(false), ['foreign', 'p3', 'p1', 'p2']);
  assert.deepEqual(await all(true), ['p2', 'p1', 'p3', 'foreign']);
  await apply([created('p2')], ['p2']);
  assert.deepEqual(await all(false), ['foreign', 'p3', 'p1', 'p2']);
});

it('compares by content: the same whether planned, under way or on disk, and another after any change', async (test) => {
  const { store, apply } = await opened(test);
  const onSetting: Mutation = { kind: 'setting-put', name: 's', value: bytes('any') };
  const onObject = destroyed('u1');
  const both = (): (string | undefined)[] => [store.compare(onSetting), store.compare(onObject)];
  assert.deepEqual(both(), [undefined, undefined]);
  const mutations: Mutation[] = [{ kind: 'setting-put', name: 's', value: bytes('1') }, created('u1', { name: 'n' })];
  store.plan('p1', mutations);
  const whenPlanned = both();
  for (const hash of whenPlanned) assert.match(hash!, /^[0-9a-f]{64}$/);
  const done = apply(mutations, ['p1']);
  assert.deepEqual(both(), whenPlanned);
  await done;
  assert.deepEqual(both(), whenPlanned);
  store.plan('p2', [{ kind: 'setting-put', name: 's', value: bytes('2') }, attributeSet('u1', 'State', 2)]);
  const changed = both();
  assert.notEqual(changed[0], whenPlanned[0]);
  assert.notEqual(changed[1], whenPlanned[1]);
  store.unplan();
  assert.deepEqual(both(), whenPlanned);
});

it('shows every entry to readers on other threads as soon as it is applied', async (test) => {
  const { folder, store, apply } = await opened(test);
  await apply([created('u1')]);
  const worker = new Worker(new URL('./reader-thread.ts', import.meta.url), { workerData: { folder, rootKey: testRootKey } });
  const ask = async (message: string): Promise<unknown> => {
    worker.postMessage(message);
    return (await once(worker, 'message'))[0];
  };
  assert.equal(await ask('ready?'), 'ready');
  for (let count = 1; count <= 100; count++) {
    await apply([attributeSet('u1', 'ContactInformation', String(count))], [], [{ path: 'head', value: bytes(String(count)) }]);
    assert.equal(await ask('u1'), count);
  }
  await ask('close');
  await worker.terminate();
  assert.equal(contact(store, 'u1'), '100');
});

it('keeps the kind that a folder was first opened as', async (test) => {
  const folder = await temporaryFolder(test);
  const options = (name: string) => ({ folder: join(folder, name), rootKey: testRootKey });
  await (await openReplicaStore(options('replica'))).close();
  await (await createLevelStore(options('single'))).close();
  await assert.rejects(createLevelStore(options('replica')), (error: unknown) => faultCode('E_STORE_KIND')(error) && /start with --cluster/.test((error as Error).message));
  await assert.rejects(openReplicaStore(options('single')), (error: unknown) => faultCode('E_STORE_KIND')(error) && /start without --cluster/.test((error as Error).message));
  await assert.rejects(openReplicaStore({ ...options('replica'), rootKey: new Uint8Array(32) }), faultCode('E_ROOT_KEY_WRONG'));
  // A store from before there were kinds is a single node's.
  const database = new ClassicLevel<string, string>(join(folder, 'single'));
  assert.equal(await database.get('t'), 'single');
  await database.del('t');
  await database.close();
  await assert.rejects(openReplicaStore(options('single')), faultCode('E_STORE_KIND'));
  const store = await createLevelStore(options('single'));
  await (await openReader(options('single'))).close();
  await store.close();
});
