/**
 * Captures and what is restored from them: a consistent picture whatever goes on meanwhile, equal to a replay of the log, and a
 * content that is cut, changed or another's makes no store.
 */
import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { ClassicLevel } from 'classic-level';
import { Fault } from '../../src/fault.ts';
import { KeyRing } from '../../src/storage/key-ring.ts';
import { sealedCheck } from '../../src/storage/level-format.ts';
import { createLevelStore, openReader } from '../../src/storage/level-store.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { openReplicaStore, restoreReplica } from '../../src/storage/replica-store.ts';
import type { Capture, ReplicaStore } from '../../src/storage/replica-store.ts';
import { contentChunkBytes, writeContent } from '../../src/storage/replica-content.ts';
import type { ContentHeader, Pair } from '../../src/storage/replica-content.ts';
import { randomHistory, randomNumbers } from './random-history.ts';
import { attributeSet, collect, created, scopePut, testRootKey } from './sample-state.ts';
import { temporaryFolder } from './temporary-folder.ts';

const isFault = (...codes: string[]) => (error: unknown): boolean => error instanceof Fault && codes.includes(error.code);
const options = (...parts: [string, ...string[]]) => ({ folder: join(...parts), rootKey: testRootKey });

async function* inPieces(bytes: Uint8Array, size: () => number): AsyncGenerator<Uint8Array> {
  for (let offset = 0; offset < bytes.length;) {
    const piece = bytes.subarray(offset, offset + Math.max(1, size()));
    yield piece;
    offset += piece.length;
  }
}

async function contentOf(capture: Capture): Promise<Buffer> {
  const chunks = await collect(capture.content());
  for (const chunk of chunks.slice(0, -1)) assert.equal(chunk.length, contentChunkBytes);
  return Buffer.concat(chunks);
}

/** All that reads can tell of a store, in one value to compare. */
async function picture(store: ReplicaStore): Promise<unknown> {
  const objects: unknown[] = [];
  for (const { scope } of store.scopes()) for await (const identifier of store.candidates(scope, { terms: [] })) objects.push(store.fetch(scope, identifier));
  const names = await Promise.all(Array.from({ length: 12 }, async (_, index) => {
    const terms = [{ name: 'Name', value: { nameValue: `name ${index}`, nameType: 1 } }];
    return [await collect(store.candidates('default', { terms, isHeld: true })), await collect(store.candidates('other', { terms }))];
  }));
  const bookkeeping = (await collect(store.bookkeeping(''))).map(([path, value]) => [path, Buffer.from(value).toString('hex')]);
  return { sequence: store.sequence, digest: await store.digest(), nonce: store.nextNoncePrefix, objects, names, bookkeeping };
}

for (const seed of [1, 2, 3, 4]) {
  it(`comes to one state by single entries, by groups, by plans, and from a capture and the rest (seed ${seed})`, async (test) => {
    const folder = await temporaryFolder(test);
    const history = randomHistory(seed, 250);
    const random = randomNumbers(seed + 1000);
    const memory = createMemoryStore();
    for (const { sequence, mutations } of history) await memory.commitEntry(sequence, mutations, []);

    const single = await openReplicaStore(options(folder, 'single'));
    const cut = 50 + Math.floor(random() * 150);
    let capture: Capture | undefined;
    for (const entry of history) {
      await single.apply(entry);
      if (entry.sequence === cut) capture = await single.capture();
    }
    const grouped = await openReplicaStore(options(folder, 'grouped'));
    for (let next = 0; next < history.length;) {
      const group = history.slice(next, next + 1 + Math.floor(random() * 60));
      await Promise.all(group.map((entry) => grouped.apply(entry)));
      next += group.length;
    }
    // The primary: plans run ahead of the entries, and sometimes all are forgotten.
    const planning = await openReplicaStore(options(folder, 'planning'));
    const applied: Promise<unknown>[] = [];
    let planned = 0;
    for (const entry of history) {
      if (random() < 0.05) {
        planning.unplan();
        planned = entry.sequence - 1;
      }
      const ahead = Math.min(history.length, entry.sequence + Math.floor(random() * 20));
      for (; planned < ahead; planned++) planning.plan(history[planned]!.proposals[0]!, history[planned]!.mutations);
      applied.push(planning.apply(entry));
      if (random() < 0.1) await Promise.all(applied.splice(0));
    }
    await Promise.all(applied);
    assert.equal(capture!.sequence, cut);
    await restoreReplica(options(folder, 'restored'), inPieces(await contentOf(capture!), () => 1 + Math.floor(random() * 5000)));
    await capture!.close();
    const restored = await openReplicaStore(options(folder, 'restored'));
    assert.equal(restored.sequence, cut);
    await Promise.all(history.slice(cut).map((entry) => restored.apply(entry)));

    const expected = await picture(single);
    assert.equal(await single.digest(), await memory.digest());
    for (const store of [grouped, planning, restored]) assert.deepEqual(await picture(store), expected);
    for (const store of [single, grouped, planning, restored]) await store.close();
    // The restored one is as durable as the others.
    const again = await openReplicaStore(options(folder, 'restored'));
    assert.deepEqual(await picture(again), expected);
    await again.close();
  });
}

it('captures what is on disk at its sequence while entries go on, and shows it until it is closed', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await openReplicaStore(options(folder, 'a'));
  const history = randomHistory(77, 200);
  const digests = new Map<number, string>();
  const memory = createMemoryStore();
  for (const { sequence, mutations } of history) {
    await memory.commitEntry(sequence, mutations, []);
    digests.set(sequence, await memory.digest());
  }
  const captures: Capture[] = [];
  const applied: Promise<unknown>[] = [];
  for (const entry of history) {
    applied.push(store.apply(entry).then(() => assert.ok(store.sequence >= entry.sequence)));
    if (entry.sequence % 25 !== 0) continue;
    const captured = store.capture().then((capture) => {
      captures.push(capture);
      assert.ok(capture.sequence <= store.sequence);
    });
    if (entry.sequence % 50 === 0) await captured;
    applied.push(captured);
  }
  await Promise.all(applied);
  assert.ok(new Set(captures.map(({ sequence }) => sequence)).size > 2);
  for (const [index, capture] of captures.entries()) {
    await restoreReplica(options(folder, `r${index}`), capture.content());
    await capture.close();
    const restored = await openReplicaStore(options(folder, `r${index}`));
    assert.equal(restored.sequence, capture.sequence);
    assert.equal(await restored.digest(), digests.get(capture.sequence));
    const head = await collect(restored.bookkeeping('head'));
    assert.equal(Buffer.from(head[0]![1]).toString(), String(capture.sequence));
    await restored.close();
  }
  await store.close();
});

async function sampleContent(folder: string): Promise<Buffer> {
  const store = await openReplicaStore(options(folder, 'origin'));
  await store.apply({ sequence: 1, mutations: [scopePut('default'), created('u1', { name: 'n' })], proposals: [], bookkeeping: [{ path: 'head', value: new Uint8Array(3) }] });
  const capture = await store.capture();
  const content = await contentOf(capture);
  await capture.close();
  await store.close();
  return content;
}

it('restores an empty store, and one with a value larger than a chunk', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await openReplicaStore(options(folder, 'a'));
  const empty = await store.capture();
  const large = new Uint8Array(3 * contentChunkBytes + 5).fill(9);
  await store.apply({ sequence: 1, mutations: [scopePut('default')], proposals: [], bookkeeping: [{ path: 'tail/1', value: large }] });
  await restoreReplica(options(folder, 'b'), empty.content());
  const second = await openReplicaStore(options(folder, 'b'));
  assert.equal(second.sequence, 0);
  await second.close();
  const full = await store.capture();
  // Into a folder that is there, but empty.
  await mkdir(join(folder, 'c'));
  await restoreReplica(options(folder, 'c'), full.content());
  const third = await openReplicaStore(options(folder, 'c'));
  assert.deepEqual(new Uint8Array((await collect(third.bookkeeping('tail/')))[0]![1]), large);
  await third.close();
  await Promise.all([empty.close(), full.close()]);
  await store.close();
});

it('makes no store from content that is cut short, at any byte', async (test) => {
  const folder = await temporaryFolder(test);
  const content = await sampleContent(folder);
  // Every byte of the ends, and a sample of the middle.
  const lengths = Array.from({ length: content.length }, (_, index) => index).filter((length) => length < 30 || length > content.length - 30 || length % 97 === 0);
  for (const length of lengths) {
    await assert.rejects(restoreReplica(options(folder, 'r'), inPieces(content.subarray(0, length), () => 1000)), isFault('E_CONTENT_DAMAGED'));
    assert.deepEqual(await readdir(folder), ['origin']);
  }
  await restoreReplica(options(folder, 'r'), inPieces(content, () => 1));
  assert.deepEqual((await readdir(folder)).sort(), ['origin', 'r']);
});

it('makes no store from content that was changed, at any byte, or goes on', async (test) => {
  const folder = await temporaryFolder(test);
  const content = await sampleContent(folder);
  for (let index = 0; index < content.length; index += index < 200 || index > content.length - 150 ? 1 : 41) {
    const changed = Buffer.from(content);
    changed[index]! ^= 1 << (index % 8);
    await assert.rejects(restoreReplica(options(folder, 'r'), inPieces(changed, () => 700)), isFault('E_CONTENT_DAMAGED', 'E_CONTENT_FORMAT', 'E_STORE_FORMAT', 'E_STORE_KIND', 'E_ROOT_KEY_WRONG'), `byte ${index}`);
    assert.deepEqual(await readdir(folder), ['origin'], `byte ${index}`);
  }
  for (const more of [Buffer.from([0]), content]) {
    for (const size of [content.length, 1 << 20]) await assert.rejects(restoreReplica(options(folder, 'r'), inPieces(Buffer.concat([content, more]), () => size)), isFault('E_CONTENT_DAMAGED'));
  }
  assert.deepEqual(await readdir(folder), ['origin']);
});

it('tells a wrong root key before it writes, a folder in use, an unknown format, and passes on why content could not be had', async (test) => {
  const folder = await temporaryFolder(test);
  const content = await sampleContent(folder);
  const whole = () => inPieces(content, () => 1 << 20);
  await assert.rejects(restoreReplica({ folder: join(folder, 'r'), rootKey: new Uint8Array(32) }, whole()), isFault('E_ROOT_KEY_WRONG'));
  await assert.rejects(restoreReplica(options(folder, 'origin'), whole()), isFault('E_STORE_EXISTS'));
  const newer = Buffer.from(content);
  const at = newer.indexOf('format') + 'format'.length;
  assert.equal(newer[at], 1);
  newer[at] = 2;
  await assert.rejects(restoreReplica(options(folder, 'r'), inPieces(newer, () => 1 << 20)), isFault('E_CONTENT_FORMAT'));
  const broken = new Fault('E_SNAPSHOT_LOST', 'gone');
  await assert.rejects(restoreReplica(options(folder, 'r'), (async function* () { yield content.subarray(0, 600); throw broken; })()), broken);
  await assert.rejects(restoreReplica(options(folder, 'r'), (async function* () { yield content.subarray(0, 600); throw new Error('network'); })()), isFault('E_STORE_RESTORE'));
  assert.deepEqual(await readdir(folder), ['origin']);
});

it('makes no store from content that is ours but wrong', async (test) => {
  const folder = await temporaryFolder(test);
  const keys = new KeyRing(testRootKey, () => undefined);
  const header: ContentHeader = { format: 1, storageFormat: 2, kind: 'replica', sequence: 5, check: sealedCheck(keys) };
  const pair = (path: string, value: Uint8Array = Buffer.from('x')): Pair => [Buffer.from(path), value];
  const sequence = pair('q', Buffer.from([0, 0, 0, 0, 0, 0, 0, 5]));
  const restore = (changes: Partial<ContentHeader>, ...pairs: Pair[]): Promise<void> =>
    restoreReplica(options(folder, 'r'), writeContent(keys, { ...header, ...changes }, (async function* () { yield pairs; })()));
  await assert.rejects(restore({ sequence: 6 }, sequence), isFault('E_CONTENT_DAMAGED'));
  await assert.rejects(restore({}), isFault('E_CONTENT_DAMAGED'));
  for (const own of ['f', 'k', 't']) await assert.rejects(restore({}, ...[pair(own), sequence].sort(([left], [right]) => Buffer.compare(left, right))), isFault('E_CONTENT_DAMAGED'));
  await assert.rejects(restore({}, sequence, pair('b')), isFault('E_CONTENT_DAMAGED'));
  await assert.rejects(restore({}, pair('b'), pair('b'), sequence), isFault('E_CONTENT_DAMAGED'));
  await assert.rejects(restore({ kind: 'single' }, sequence), isFault('E_STORE_KIND'));
  for (const storageFormat of [0, 3]) await assert.rejects(restore({ storageFormat }, sequence), isFault('E_STORE_FORMAT'));
  assert.deepEqual(await readdir(folder), []);
  await restore({}, sequence);
  // A length that is announced is not believed, and no memory is set aside for it.
  const [first] = await collect(writeContent(keys, header, (async function* () {})()));
  const view = Buffer.from(first!);
  const huge = Buffer.concat([view.subarray(0, 8 + view.readUInt32BE(0) + view.readUInt32BE(4)), Buffer.from([0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1])]);
  await assert.rejects(restoreReplica(options(folder, 's'), inPieces(huge, () => 1 << 20)), (error: unknown) => isFault('E_CONTENT_DAMAGED')(error) && /are allowed/.test((error as Error).message));
});

it('opens no restore that was interrupted, and the next one clears it away', async (test) => {
  const folder = await temporaryFolder(test);
  const content = await sampleContent(folder);
  // As a process that was killed leaves it: all pairs are there, the last batch is not.
  await restoreReplica(options(folder, 'r.restoring'), inPieces(content, () => 500));
  const database = new ClassicLevel(join(folder, 'r.restoring'));
  await database.batch([{ type: 'del', key: 'f' }, { type: 'del', key: 'k' }, { type: 'del', key: 't' }]);
  await database.close();
  for (const open of [openReplicaStore, createLevelStore, openReader]) await assert.rejects(open(options(folder, 'r.restoring')), isFault('E_STORE_FOREIGN'));
  await writeFile(join(folder, 'r.restoring', 'left-over'), 'x');
  await restoreReplica(options(folder, 'r'), inPieces(content, () => 500));
  assert.deepEqual((await readdir(folder)).sort(), ['origin', 'r']);
  await assert.rejects(createLevelStore(options(folder, 'r')), isFault('E_STORE_KIND'));
  const store = await openReplicaStore(options(folder, 'r'));
  assert.notEqual(store.fetch('default', 'u1'), undefined);
  await store.close();
});

it('brings nothing back of what was destroyed or replaced, while the disk it came from may still hold it', async (test) => {
  const folder = await temporaryFolder(test);
  const store = await openReplicaStore(options(folder, 'a'));
  await store.apply({ sequence: 1, mutations: [scopePut('default'), created('u1'), created('u2')], proposals: [], bookkeeping: [{ path: 'tail/1', value: Buffer.from('an entry with material') }] });
  const before = await store.capture();
  const destroy = { kind: 'material-destroyed', scope: 'default', uniqueIdentifier: 'u1' } as const;
  await store.apply({ sequence: 2, mutations: [destroy, attributeSet('u2', 'State', 2)], proposals: [], bookkeeping: [{ path: 'tail/1', value: undefined }] });
  const after = await store.capture();
  const contents = [await contentOf(before), await contentOf(after)] as const;
  await before.close();
  await after.close();
  await restoreReplica(options(folder, 'b'), inPieces(contents[1], () => 1 << 20));
  await store.close();
  /** The sealed values under a path in one content, by the restored database that it makes. */
  const sealed = async (content: Buffer, name: string): Promise<Buffer[]> => {
    await restoreReplica(options(folder, name), inPieces(content, () => 1 << 20));
    const database = new ClassicLevel<Buffer, Buffer>(join(folder, name), { keyEncoding: 'buffer', valueEncoding: 'buffer' });
    const values = await database.values({ gte: Buffer.from('m'), lt: Buffer.from('n') }).all();
    values.push(...(await database.values({ gte: Buffer.from('btail'), lt: Buffer.from('btaim') }).all()));
    await database.close();
    return values;
  };
  const old = await sealed(contents[0], 'c');
  assert.equal(old.length, 3);
  for (const value of old) {
    assert.equal(contents[1].indexOf(value), -1);
    for (const file of await readdir(join(folder, 'b'))) assert.equal((await readFile(join(folder, 'b', file))).indexOf(value), -1, file);
  }
  const restored = await openReplicaStore(options(folder, 'b'));
  assert.equal(restored.fetch('default', 'u1')?.material, undefined);
  assert.notEqual(restored.fetch('default', 'u2')?.material, undefined);
  assert.deepEqual(await collect(restored.bookkeeping('tail/')), []);
  await restored.close();
});
