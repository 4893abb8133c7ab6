/**
 * Limits in bytes: what one entry carries, what waits at the primary, what the tail keeps and hands out at once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyHash, noFence, seal } from '../../cluster/entry.ts';
import type { Logged } from '../../cluster/entry.ts';
import { Tail } from '../../cluster/tail.ts';
import { Stage } from './scenarios/stage.ts';

function entryOf(sequence: number, length: number): Logged {
  const works = [{ proposal: 'p', mutations: new Uint8Array(length), result: new Uint8Array(0) }];
  return seal({ sequence, previous: emptyHash, fence: noFence, kind: 'work', stable: 0, elapsedMs: 0, claim: '', joined: [], works });
}

test('a tail keeps the newest entries within both limits, and the last one in any case', () => {
  const { length } = entryOf(1, 1000).bytes;
  const tail = new Tail({ tailEntries: 5, tailBytesMax: 3 * length + 10 }, 0);
  for (let sequence = 1; sequence <= 40; sequence += 1) {
    tail.push(entryOf(sequence, sequence <= 20 ? 10 : 1000));
    const kept = tail.from(tail.first, 100, Infinity);
    assert.equal(tail.last, sequence);
    assert.equal(kept.length, tail.last - tail.first + 1);
    assert.ok(kept.length <= 5 && kept.reduce((sum, { bytes }) => sum + bytes.length, 0) <= 3 * length + 10);
    assert.deepEqual(kept.map(({ entry }) => entry.sequence), Array.from(kept, (_, index) => tail.first + index));
    assert.equal(tail.at(tail.first - 1), undefined);
  }
  assert.equal(tail.first, 38);
  tail.push(entryOf(41, 100_000));
  assert.equal(tail.first, 41);
  assert.equal(tail.at(41)?.entry.sequence, 41);
});

test('a tail hands out as many entries as fit, at least one, and none from where it does not reach', () => {
  const entries = [1, 2, 3, 4].map((sequence) => entryOf(sequence, 1000));
  const { length } = entries[0]!.bytes;
  const tail = new Tail({ tailEntries: 3, tailBytesMax: 1 << 20 }, 4, entries);
  const sequences = (from: number, count: number, bytes: number): readonly number[] => tail.from(from, count, bytes).map(({ entry }) => entry.sequence);
  assert.deepEqual(sequences(1, 10, Infinity), []);
  assert.deepEqual(sequences(2, 10, 2 * length), [2, 3]);
  assert.deepEqual(sequences(2, 1, Infinity), [2]);
  assert.deepEqual(sequences(3, 10, 1), [3]);
  assert.deepEqual(sequences(5, 10, Infinity), []);
});

test('an entry is sealed when the next work would not fit, and a single longer work goes alone', () => {
  const stage = new Stage({ limits: { appendsMax: 1, entryBytesMax: 600 } });
  const { primary, world } = stage;
  const long = 'x'.repeat(1500);
  const answers = Array.from({ length: 40 }, (_, index) => stage.begin(primary, 'create', index === 20 ? long : `key${index}`));
  stage.run(3000);
  for (const { result } of answers) assert.equal(result?.done, true);
  const works = world.log.entries.map(({ entry }) => entry.works).filter(({ length }) => length > 0);
  assert.ok(works.some(({ length }) => length > 1), 'works share entries');
  for (const entry of works) assert.ok(entry.length === 1 || entry.reduce((sum, { mutations, result }) => sum + mutations.length + result.length, 0) <= 600);
  assert.equal(works.filter((entry) => entry.some(({ mutations }) => mutations.length > 1500)).length, 1);
  stage.endsWell();
});

test('what is not answered yet is bounded in bytes and in number; the rest is asked for again and answered later', () => {
  for (const limits of [{ proposalsWaitingBytesMax: 1000 }, { proposalsWaitingMax: 5 }]) {
    const stage = new Stage({ limits: { appendsMax: 1, ...limits }, timing: { giveUpMs: 20_000 } });
    const { primary } = stage;
    const answers = Array.from({ length: 60 }, (_, index) => stage.begin(primary, 'create', `key${index}`));
    let most = 0;
    for (let round = 0; round < 1600; round += 1) {
      stage.run(5);
      const { waiters, waitingBytes } = primary.cluster!.state.replicate!;
      most = Math.max(most, waitingBytes);
      // A payload is 40 bytes and more, and its plan may be longer than that.
      assert.ok(waiters.size <= ('proposalsWaitingMax' in limits ? 5 : 25), `${waiters.size} proposals of ${waitingBytes} bytes`);
      assert.equal(waitingBytes, [...waiters.values()].reduce((sum, { bytes }) => sum + bytes, 0));
    }
    for (const { result } of answers) assert.equal(result?.done, true);
    assert.ok(most > 0);
    assert.equal(primary.cluster!.state.replicate!.waitingBytes, 0);
    stage.endsWell();
  }
});

test('a primary whose log lost more than its tail holds says so and appends nothing in a wrong place', () => {
  const stage = new Stage({ limits: { tailEntries: 3, snapshotEntries: 1000 } });
  const { primary } = stage;
  const { log } = stage.world;
  for (let index = 0; index < 12; index += 1) stage.change(primary, 'create', `key${index}`, 100);
  assert.equal(primary.cluster!.logLost, 0);
  const lost = log.entries.splice(-8);
  log.epoch += 1;
  const { last } = log;
  stage.run(1000);
  assert.equal(log.last, last);
  assert.equal(primary.cluster!.logLost, lost.length);
  log.entries.push(...lost);
  stage.run(1000);
  assert.equal(primary.cluster!.logLost, 0);
  assert.equal(stage.change(primary, 'create', 'next').done, true);
  stage.endsWell();
});

test('what is asked again for is bounded at each tick, and rarer the longer nothing is answered; a new primary is asked at once', () => {
  const resendBytes = 1000;
  const stage = new Stage({ limits: { resendBytes }, timing: { giveUpMs: 60_000 } });
  const { world, primary } = stage;
  const [forwarder, other] = stage.followers;
  let bytes = 0;
  const asked = new Map<string, number[]>();
  world.mayReplay = (from, _to, message) => {
    if (message.kind !== 'propose' || from !== forwarder!.name) return;
    bytes += message.payload.length;
    asked.set(message.proposal, [...(asked.get(message.proposal) ?? []), world.scheduler.now]);
  };
  // It can reach neither log nor tenure store: so it goes on asking a primary that is dead.
  for (const service of ['log', 'tenure']) {
    world.network.cut(forwarder!.name, service, 14_000);
    world.network.cut(service, forwarder!.name, 14_000);
  }
  primary.crash(false);
  other!.crash(false);
  const answers = Array.from({ length: 100 }, (_, index) => stage.begin(forwarder!, 'create', `key${index}`));
  const payloads = bytes;
  assert.ok(payloads > 3000 && asked.size === 100);
  const began = world.scheduler.now;
  for (let round = 0; round < 1000; round += 1) {
    bytes = 0;
    stage.run(10);
    assert.ok(bytes <= resendBytes, `${bytes} bytes at one tick`);
  }
  for (const times of asked.values()) {
    assert.ok(times.length >= 4 && times.length <= 6, `asked for at ${times.map((time) => time - began).join(', ')}`);
    assert.ok(times[1]! - began < 600 && times[2]! - times[1]! > 700 && times[3]! - times[2]! > 1400);
  }
  stage.run(4000);
  other!.start();
  stage.run(4000);
  const opened = answers.map(({ at }) => at).sort((left, right) => left - right);
  assert.ok(opened.every((at) => at < Infinity), 'all are answered');
  assert.ok(opened.at(-1)! - opened[0]! < 600, `the first ${opened[0]}, the last ${opened.at(-1)}`);
  primary.start();
  stage.endsWell();
});

test('a snapshot is due after so many bytes of entries, or after half of the last snapshot where that is more', () => {
  const stage = new Stage({ limits: { snapshotEntries: 1_000_000, snapshotBytes: 3000 } });
  const { snapshots } = stage.primary.cluster!.state;
  const published: number[] = [];
  const changes = (count: number, from: number): void => {
    for (let index = from; index < from + count; index += 1) {
      stage.change(stage.followers[0]!, 'create', `key ${index}`, 300);
      if (snapshots.last !== published.at(-1)) published.push(snapshots.last);
    }
  };
  changes(30, 0);
  const early = published.length;
  assert.ok(early >= 3, `${published.join()}`);
  // The simulated snapshot is 4000 bytes: make it look larger than the limit.
  snapshots.length = 100_000;
  changes(30, 30);
  assert.ok(published.length <= early + 2, `${published.join()}`);
  stage.endsWell();
});
