/**
 * What a cluster's node may answer, told through shared memory: permits, spells, sleeps, marks, waits, and all of it from
 * another thread at full speed.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../src/clock.ts';
import type { Clock } from '../../src/clock.ts';
import { ClusterViewPublisher, ClusterViewReader } from '../../src/server/cluster-view.ts';
import { objectHash } from '../../src/server/coherence.ts';
import { SleepWatch } from '../../src/server/sleep-watch.ts';

/** Clocks that a test moves: `sleep` moves the wall clock alone, as a machine does that was suspended. */
class TestClock implements Clock {
  #wall = 1_700_000_000_000;
  #monotonic = 50_000_000.25;
  now = (): number => Math.floor(this.#wall);
  monotonic = (): number => this.#monotonic;
  pass(milliseconds: number): void {
    this.#wall += milliseconds;
    this.#monotonic += milliseconds;
  }
  sleep(milliseconds: number): void {
    this.#wall += milliseconds;
  }
}

function viewOf(sequence = 0): { clock: TestClock; publisher: ClusterViewPublisher; reader: ClusterViewReader; now(): number } {
  const clock = new TestClock();
  const publisher = new ClusterViewPublisher(clock);
  publisher.begin(sequence);
  return { clock, publisher, reader: new ClusterViewReader(publisher.memory, clock), now: () => clock.monotonic() };
}

const changed = (number: number): { scope: string; uniqueIdentifier: string } => ({ scope: 's', uniqueIdentifier: `object-${number}` });
const hash = (number: number): readonly [number, number] => objectHash('s', `object-${number}`);

test('the system clock shows all threads the same time', async () => {
  const worker = new Worker(`
    const { parentPort } = require('node:worker_threads');
    import(${JSON.stringify(new URL('../../src/clock.ts', import.meta.url).href)}).then(({ systemClock }) => parentPort.on('message', () => parentPort.postMessage(systemClock.monotonic())));
  `, { eval: true });
  try {
    for (let round = 0; round < 20; round += 1) {
      const before = systemClock.monotonic();
      worker.postMessage(0);
      const [there] = (await once(worker, 'message')) as [number];
      const after = systemClock.monotonic();
      assert.ok(before <= there && there <= after, `${before} <= ${there} <= ${after}`);
    }
  } finally {
    await worker.terminate();
  }
});

test('a permit holds until its time, and not before there is one', () => {
  const { clock, publisher, reader, now } = viewOf();
  assert.equal(reader.holds(reader.spell, now()), false);
  assert.equal(publisher.permit(now() + 100), true);
  const { spell } = reader;
  assert.equal(reader.holds(spell, now()), true);
  clock.pass(99.9);
  assert.equal(reader.holds(spell, now()), true);
  clock.pass(0.2);
  assert.equal(reader.holds(spell, now()), false);
});

test('no permit can be given before it is known what is in the store', () => {
  const publisher = new ClusterViewPublisher();
  assert.throws(() => publisher.permit(systemClock.monotonic() + 100), /begin/);
});

test('a permit that is renewed in time is one spell; one that was dropped, or over, before the next is not', () => {
  const { clock, publisher, reader, now } = viewOf();
  publisher.permit(now() + 100);
  const first = reader.spell;
  clock.pass(50);
  publisher.permit(now() + 100);
  clock.pass(90);
  assert.equal(reader.holds(first, now()), true);
  clock.pass(10);
  publisher.permit(now() + 100);
  assert.equal(reader.holds(first, now()), false, 'it was over, if only for no time at all');
  const second = reader.spell;
  assert.equal(reader.holds(second, now()), true);
  publisher.permit(0);
  assert.equal(reader.holds(second, now()), false);
  publisher.permit(now() + 100);
  assert.equal(reader.holds(second, now()), false, 'what was read before the drop must not be answered now');
  assert.equal(reader.holds(reader.spell, now()), true);
});

test('a permit that becomes shorter is as short as that', () => {
  const { clock, publisher, reader, now } = viewOf();
  publisher.permit(now() + 1000);
  publisher.permit(now() + 10);
  const { spell } = reader;
  clock.pass(11);
  publisher.permit(now() + 1000);
  assert.equal(reader.holds(spell, now()), false);
});

test('a worker that finds the wall clock ahead of when the permit was given holds none', () => {
  const { clock, publisher, reader, now } = viewOf();
  publisher.permit(now() + 1000);
  const { spell } = reader;
  clock.sleep(400);
  assert.equal(reader.holds(spell, now()), true);
  clock.sleep(200);
  assert.equal(reader.holds(spell, now()), false);
});

test('the main thread believes no permit after a sleep until the old ones are known to be gone', () => {
  const { clock, publisher, reader, now } = viewOf();
  publisher.permit(now() + 1000);
  clock.sleep(5000);
  assert.equal(publisher.permit(now() + 1500), false, 'a grant that was under way when the machine slept');
  assert.equal(reader.holds(reader.spell, now()), false);
  assert.equal(publisher.noticeSleep(), true);
  publisher.permit(0);
  assert.equal(publisher.noticeSleep(), false);
  assert.equal(publisher.permit(now() + 1500), true);
  assert.equal(reader.holds(reader.spell, now()), true);
});

test('a permit dropped for another reason does not make up for a sleep that nobody had noticed yet', () => {
  const { clock, publisher, now } = viewOf();
  publisher.permit(now() + 1000);
  clock.sleep(5000);
  publisher.permit(0);
  assert.equal(publisher.permit(now() + 1500), false);
  clock.pass(10_001);
  assert.equal(publisher.permit(now() + 1500), true, 'no permit is as old as that');
});

test('short sleeps add up, a slewed or set-back clock does not', () => {
  const clock = new TestClock();
  const watch = new SleepWatch(clock);
  for (let count = 0; count < 3_600; count += 1) {
    clock.pass(1000);
    clock.sleep(0.5);
    assert.equal(watch.slept(), false, 'NTP slews by 500 parts in a million at most');
  }
  clock.sleep(-3_600_000);
  assert.equal(watch.slept(), false);
  clock.sleep(300);
  assert.equal(watch.slept(), false);
  clock.pass(10);
  clock.sleep(300);
  assert.equal(watch.slept(), true);
  assert.equal(watch.slept(), false);
});

test('an object under a change is unstable until its entry is stable, others are not', () => {
  const { publisher, reader } = viewOf();
  assert.equal(reader.unstable(...hash(1)), 0);
  publisher.applying([changed(1), changed(2)], 5_000_000_000);
  publisher.applying([changed(2)], 5_000_000_001);
  publisher.applying([], 5_000_000_002);
  assert.equal(reader.unstable(...hash(1)), 5_000_000_000);
  assert.equal(reader.unstable(...hash(2)), 5_000_000_001);
  assert.equal(reader.unstable(...hash(3)), 0);
  assert.equal(reader.newestUnstable(), 5_000_000_002);
  publisher.stable(5_000_000_000);
  publisher.stable(4_000_000_000);
  assert.equal(reader.unstable(...hash(1)), 0);
  assert.equal(reader.unstable(...hash(2)), 5_000_000_001);
  assert.ok(reader.isStable(5_000_000_000) && !reader.isStable(5_000_000_001));
  publisher.stable(5_000_000_002);
  assert.equal(reader.unstable(...hash(2)), 0);
  assert.equal(reader.newestUnstable(), 0);
});

test('what was in the store at the start is unstable, all of it, until it is told to be stable', () => {
  const { publisher, reader } = viewOf(70);
  publisher.stable(69);
  assert.equal(reader.unstable(...hash(1)), 70);
  assert.equal(reader.newestUnstable(), 70);
  publisher.stable(70);
  assert.equal(reader.unstable(...hash(1)), 0);
});

test('more objects under change than there are marks make others wait, and hide none', () => {
  const { publisher, reader } = viewOf();
  const count = 100_000;
  for (let number = 1; number <= count; number += 1) publisher.applying([changed(number)], number);
  for (let number = 1; number <= count; number += 97) assert.ok(reader.unstable(...hash(number)) >= number);
  publisher.stable(count);
  for (let number = 1; number <= count; number += 97) assert.equal(reader.unstable(...hash(number)), 0);
});

test('a store made anew begins with its own sequence, whatever the one before had', () => {
  const { publisher, reader, now } = viewOf(10);
  publisher.applying([changed(1)], 500);
  publisher.stable(500);
  publisher.permit(now() + 1000);
  const { spell } = reader;
  publisher.begin(200);
  assert.equal(reader.holds(spell, now()), false);
  assert.equal(reader.unstable(...hash(1)), 200);
  publisher.stable(200);
  assert.equal(reader.unstable(...hash(1)), 0);
  publisher.applying([changed(1)], 201);
  assert.equal(reader.unstable(...hash(1)), 201);
});

test('who waits is told at once, or that the time is over', async () => {
  const publisher = new ClusterViewPublisher();
  publisher.begin(0);
  const reader = new ClusterViewReader(publisher.memory);
  const began = systemClock.monotonic();
  const waits = [reader.untilStable(7, 5000), reader.untilStable(9, 60), reader.untilPermit(5000), reader.untilStable(8, 5000)];
  const order: number[] = [];
  waits.forEach((wait, index) => void wait.then(() => order.push(index)));
  // A wait on shared memory keeps no process alive.
  const alive = setInterval(() => undefined, 1000);
  try {
    assert.equal(await waits[1], false);
    assert.ok(systemClock.monotonic() - began >= 60);
    publisher.stable(7);
    assert.equal(await waits[0], true);
    publisher.permit(systemClock.monotonic() + 10_000);
    assert.equal(await waits[2], true);
    publisher.stable(8);
    assert.equal(await waits[3], true);
    assert.deepEqual(order, [1, 0, 2, 3]);
    assert.ok(systemClock.monotonic() - began < 2000);
    assert.equal(await reader.untilStable(8, 0), true);
    assert.equal(await reader.untilStable(9, 0), false);
  } finally {
    clearInterval(alive);
  }
});

/**
 * A thread that publishes as fast as it can, or a little slower: number n gets spell n, an end of n steps and an offset of n steps, both
 * so large that each step moves all of their words; and marks before what they stand for.
 */
const untilStep = 2_147_484;
const offsetStep = 2_147_483_659;
const hasty = `
  const { workerData } = require('node:worker_threads');
  import(workerData.url).then(({ ClusterViewPublisher }) => {
    let tick = 0;
    const publisher = new ClusterViewPublisher({ now: () => tick * ${offsetStep}, monotonic: () => 0 }, workerData.memory);
    publisher.begin(0);
    const stop = new Int32Array(workerData.stop);
    const written = new BigInt64Array(workerData.written);
    for (let number = 1; number < 4_000_000 && Atomics.load(stop, 0) === 0; number += 1) {
      tick = number;
      publisher.noticeSleep();
      publisher.permit(0);
      publisher.permit(number * ${untilStep});
      publisher.applying([{ scope: 's', uniqueIdentifier: 'hot' }], number);
      Atomics.store(written, 0, BigInt(number));
      for (let pause = (number * 7919) % 1000; pause > 0; pause -= 1) Atomics.load(stop, 0);
    }
  });
`;

test('a permit is never read in halves, and a mark is there before what it stands for, whatever two threads do at once', async () => {
  const publisher = new ClusterViewPublisher();
  const stop = new Int32Array(new SharedArrayBuffer(4));
  const written = new BigInt64Array(new SharedArrayBuffer(8));
  const url = new URL('../../src/server/cluster-view.ts', import.meta.url).href;
  const worker = new Worker(hasty, { eval: true, workerData: { url, memory: publisher.memory, stop: stop.buffer, written: written.buffer } });
  try {
    let wall = 0;
    const reader = new ClusterViewReader(publisher.memory, { now: () => wall, monotonic: () => 0 });
    const hot = objectHash('s', 'hot');
    let whole = 0;
    let newest = 0;
    const end = systemClock.monotonic() + 1500;
    while (systemClock.monotonic() < end) {
      const seen = Number(Atomics.load(written, 0));
      assert.ok(reader.unstable(...hot) >= seen, `entry ${seen} is written and not marked`);
      const { spell } = reader;
      // No permit was given yet: with an end of 0 nothing below would be before it.
      if (spell === 0) continue;
      const until = spell * untilStep;
      // Before its end by its clock, at the latest wall time that is no sleep.
      wall = spell * offsetStep + until - 1 + 500;
      if (!reader.holds(spell, until - 1)) continue;
      whole += 1;
      newest = spell;
      wall = Number.MIN_SAFE_INTEGER;
      assert.equal(reader.holds(spell, until), false, `permit ${spell} has the end of another`);
      wall = spell * offsetStep + until - 1 + 502;
      assert.equal(reader.holds(spell, until - 1), false, `permit ${spell} has the offset of another`);
    }
    assert.ok(whole > 1000, `${whole} permits were read, the last of them number ${newest}`);
  } finally {
    Atomics.store(stop, 0, 1);
    await worker.terminate();
  }
});
