/**
 * Coherence through shared memory: every change published is dropped by a follower before its next message; overruns
 * and wraps of the ring drop too much, never too little.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { Census } from '../../src/server/census.ts';
import { CoherenceFollower, CoherencePublisher, objectHash, ringEntries } from '../../src/server/coherence.ts';

interface Seen {
  readonly dropped: string[];
  all: number;
  identity: number;
  readonly follower: CoherenceFollower;
}

function follow(publisher: CoherencePublisher): Seen {
  const dropped: string[] = [];
  const seen = { dropped, all: 0, identity: 0 };
  const follower = new CoherenceFollower(publisher.memory, {
    drop: (high, low) => dropped.push(`${high},${low}`),
    dropAll: () => { seen.all += 1; },
    identityChanged: () => { seen.identity += 1; },
  });
  return Object.assign(seen, { follower });
}

const change = (number: number): { scope: string; uniqueIdentifier: string } => ({ scope: 's', uniqueIdentifier: `object-${number}` });
const hash = (number: number): string => objectHash('s', `object-${number}`).join();

test('a follower drops each changed object once, in order, and nothing when nothing changed', () => {
  const publisher = new CoherencePublisher();
  const seen = follow(publisher);
  seen.follower.refresh();
  publisher.publish([change(1), change(2)], false);
  publisher.publish([change(3)], true);
  publisher.publish([], false);
  seen.follower.refresh();
  seen.follower.refresh();
  assert.deepEqual(seen.dropped, [hash(1), hash(2), hash(3)]);
  assert.equal(seen.identity, 1);
  assert.equal(seen.all, 0);
});

test('a follower that starts later does not look back', () => {
  const publisher = new CoherencePublisher();
  publisher.publish([change(1)], true);
  const seen = follow(publisher);
  seen.follower.refresh();
  assert.deepEqual(seen.dropped, []);
  assert.equal(seen.identity, 0);
});

test('a ring that is just full is followed one by one; one more change drops all', () => {
  for (const [changes, all] of [[ringEntries, 0], [ringEntries + 1, 1]] as const) {
    const publisher = new CoherencePublisher();
    const seen = follow(publisher);
    for (let number = 0; number < changes; number += 1) publisher.publish([change(number)], false);
    seen.follower.refresh();
    assert.equal(seen.all, all);
    if (all === 0) assert.equal(seen.dropped.length, ringEntries);
    publisher.publish([change(7)], false);
    seen.follower.refresh();
    assert.equal(seen.dropped.at(-1), hash(7));
    assert.equal(seen.all, all);
  }
});

test('the generation may wrap at 2^32', () => {
  const publisher = new CoherencePublisher();
  const words = new Int32Array(publisher.memory);
  words[0] = -2;
  words[1] = -2;
  const seen = follow(publisher);
  publisher.publish([change(1), change(2), change(3)], false);
  seen.follower.refresh();
  assert.equal(words[0], 1);
  assert.deepEqual(seen.dropped, [hash(1), hash(2), hash(3)]);
  assert.equal(seen.all, 0);
});

test('what the main thread overwrites while a follower reads makes it drop all', () => {
  const publisher = new CoherencePublisher();
  const seen = follow(publisher);
  publisher.publish([change(1)], false);
  // As if the main thread had claimed a whole ring more, and not yet said that it is written.
  Atomics.add(new Int32Array(publisher.memory), 1, ringEntries);
  seen.follower.refresh();
  assert.equal(seen.all, 1);
});

test('hashes tell scope and identifier apart', () => {
  assert.notDeepEqual(objectHash('a', 'bc'), objectHash('ab', 'c'));
  const hashes = new Set(Array.from({ length: 50_000 }, (_, number) => hash(number)));
  assert.equal(hashes.size, 50_000);
});

test('a follower on another thread misses no change while this thread publishes at full speed', async () => {
  const publisher = new CoherencePublisher();
  const changes = 200_000;
  const source = `
    import { parentPort, workerData } from 'node:worker_threads';
    import { CoherenceFollower } from ${JSON.stringify(new URL('../../src/server/coherence.ts', import.meta.url).href)};
    let drops = 0, all = 0, done = false;
    const follower = new CoherenceFollower(workerData, { drop() { drops += 1; }, dropAll() { all += 1; }, identityChanged() { done = true; } });
    parentPort.postMessage('ready');
    while (!done) follower.refresh();
    parentPort.postMessage({ drops, all });`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), { workerData: publisher.memory });
  const next = (): Promise<unknown> => new Promise((resolve, reject) => { worker.once('message', resolve); worker.once('error', reject); });
  await next();
  const result = next();
  for (let number = 0; number < changes; number += 1) publisher.publish([change(number % 100)], false);
  publisher.publish([], true);
  const { drops, all } = await result as { drops: number; all: number };
  assert.ok(drops === changes || all > 0, `${drops} of ${changes} drops, ${all} times all`);
  await worker.terminate();
});

test('the census adds up what each worker has', () => {
  const census = Census.forWorkers(3);
  census.set(0, 5);
  new Census(census.memory).set(2, 7);
  assert.equal(census.total(), 12);
  census.set(0, 0);
  assert.equal(census.total(), 7);
});
