/**
 * A worker's object cache: what is dropped is fetched anew and wiped, never under the hands of a running message.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Managed } from '../../src/kmip/managed.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ReadStore } from '../../src/storage/store.ts';
import type { ChangeMarks } from '../../src/server/cluster-view.ts';
import { objectHash } from '../../src/server/coherence.ts';
import { ObjectCache } from '../../src/server/object-cache.ts';

interface Counted {
  readonly cache: ObjectCache;
  readonly fetches: string[];
  readonly counts: { hits: number; misses: number; drops: number; overruns: number; entries: number };
}

/** Each fetch gives a new object with bytes of its own, as the LevelDB reader does. */
function cacheOf(entriesMax = 100, marks?: ChangeMarks): Counted {
  const fetches: string[] = [];
  const store: ReadStore = Object.assign(Object.create(createMemoryStore()) as ReadStore, {
    fetch(scope: string, uniqueIdentifier: string): Managed | undefined {
      fetches.push(`${scope}/${uniqueIdentifier}`);
      if (uniqueIdentifier === 'missing') return undefined;
      return { scope, uniqueIdentifier, objectType: 2, attributes: new Map(), material: { opaqueDataValue: new Uint8Array(16).fill(9) }, revision: fetches.length };
    },
  });
  const counts = { hits: 0, misses: 0, drops: 0, overruns: 0, entries: 0 };
  const cache = new ObjectCache(store, entriesMax, {
    cacheHit: () => { counts.hits += 1; },
    cacheMiss: (entries) => { counts.misses += 1; counts.entries = entries; },
    cacheDropped: (count, entries) => { counts.drops += count; counts.entries = entries; },
    cacheOverrun: () => { counts.overruns += 1; },
  }, marks);
  return { cache, fetches, counts };
}

const isWiped = (managed: Managed): boolean => managed.material!.opaqueDataValue!.every((byte) => byte === 0);

test('an object is fetched once until it is dropped by its hash, then wiped and fetched anew', () => {
  const { cache, fetches, counts } = cacheOf();
  const first = cache.fetch('s', 'a')!;
  assert.equal(cache.fetch('s', 'a'), first);
  cache.fetch('s', 'b');
  cache.drop(...objectHash('s', 'a'));
  assert.ok(isWiped(first));
  const second = cache.fetch('s', 'a')!;
  assert.notEqual(second, first);
  assert.equal(isWiped(second), false);
  assert.deepEqual(fetches, ['s/a', 's/b', 's/a']);
  assert.deepEqual(counts, { hits: 1, misses: 3, drops: 1, overruns: 0, entries: 2 });
});

test('what a running message may still use is wiped when the last one has left', () => {
  const { cache } = cacheOf();
  cache.enter();
  cache.enter();
  const managed = cache.fetch('s', 'a')!;
  cache.drop(...objectHash('s', 'a'));
  cache.leave();
  assert.equal(isWiped(managed), false);
  assert.notEqual(cache.fetch('s', 'a'), managed);
  cache.leave();
  assert.ok(isWiped(managed));
});

test('the least recently used object goes when the cache is full', () => {
  const { cache, fetches } = cacheOf(2);
  const first = cache.fetch('s', 'a')!;
  const second = cache.fetch('s', 'b')!;
  cache.fetch('s', 'a');
  cache.fetch('s', 'c');
  assert.ok(isWiped(second));
  assert.equal(isWiped(first), false);
  assert.equal(cache.size, 2);
  cache.fetch('s', 'a');
  assert.deepEqual(fetches, ['s/a', 's/b', 's/c']);
});

test('dropping all wipes all; what is not there is not kept', () => {
  const { cache, counts, fetches } = cacheOf();
  const all = ['a', 'b', 'c'].map((each) => cache.fetch('s', each)!);
  cache.dropAll();
  assert.ok(all.every(isWiped));
  assert.equal(cache.size, 0);
  assert.equal(counts.overruns, 1);
  assert.equal(cache.fetch('s', 'missing'), undefined);
  assert.equal(cache.fetch('s', 'missing'), undefined);
  assert.deepEqual(fetches.slice(3), ['s/missing', 's/missing']);
});

test('scopes do not share entries', () => {
  const { cache } = cacheOf();
  assert.equal(cache.fetch('s', 'a')!.scope, 's');
  assert.equal(cache.fetch('t', 'a')!.scope, 't');
  cache.drop(...objectHash('s', 'a'));
  assert.equal(cache.size, 1);
});

test('an object under a change that is not stable is told, not kept, and wiped when the message has left; one that is kept is not looked at again', () => {
  let unstable = 7;
  let looks = 0;
  const marks: ChangeMarks = {
    unstable(high, low) {
      looks += 1;
      return String([high, low]) === String(objectHash('s', 'b')) ? 0 : unstable;
    },
  };
  const { cache } = cacheOf(100, marks);
  const noted: number[] = [];
  const notes = { noteUnstable: (sequence: number) => void noted.push(sequence) };
  cache.enter();
  const seen = cache.fetch('s', 'a', notes)!;
  cache.fetch('s', 'b', notes);
  cache.fetch('s', 'missing', notes);
  assert.deepEqual([noted, cache.size], [[7, 7], 1]);
  assert.equal(isWiped(seen), false);
  cache.leave();
  assert.equal(isWiped(seen), true);
  cache.glance('s', 'c', notes);
  assert.deepEqual(noted, [7, 7, 7]);
  unstable = 0;
  const kept = cache.fetch('s', 'a', notes);
  looks = 0;
  unstable = 9;
  assert.equal(cache.fetch('s', 'a', notes), kept);
  assert.equal(cache.glance('s', 'a', notes), kept);
  assert.deepEqual([looks, noted.length], [0, 3]);
});
