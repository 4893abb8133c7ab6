/**
 * What waits in a member: reads for what they saw to be stable, and clients for their changes. Each is settled once, and what is
 * counted comes back to nothing.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outcomeBytes } from '../../src/member/proposal.ts';
import { StableWaits } from '../../src/member/stable-waits.ts';
import { UnderWay } from '../../src/member/under-way.ts';

const changed = outcomeBytes({ kind: 'changed' });

test('a read waits for its own entry and no later one, and for a second at most', async () => {
  const waits = new StableWaits();
  const settled: [number, boolean][] = [];
  const begin = performance.now();
  const all = Promise.all([5, 6, 7].map(async (sequence) => settled.push([sequence, await waits.until(sequence)])));
  waits.stable(4);
  await new Promise(setImmediate);
  assert.deepEqual(settled, []);
  waits.stable(6);
  await new Promise(setImmediate);
  assert.deepEqual(settled, [[5, true], [6, true]]);
  await all;
  assert.deepEqual(settled[2], [7, false], 'the primary is asked');
  const waitedMs = performance.now() - begin;
  assert.ok(waitedMs > 900, `${waitedMs} ms`);
});

test('a read that waits when its history is given up is not answered, though the next history is stable up to the same number', async () => {
  const waits = new StableWaits();
  const waiting = waits.until(5);
  waits.discard();
  waits.stable(5);
  assert.equal(await waiting, false);
  const next = waits.until(5);
  waits.stable(5);
  assert.equal(await next, true);
});

test('proposals have growing numbers of one process, and are settled once, in any order', async () => {
  const underWay = new UnderWay();
  const ids: string[] = [];
  const propose = (name: string) => underWay.propose({ kind: 'change', changes: [{ before: null, mutation: { kind: 'setting-put', name, value: new Uint8Array(100) } }] }, (id) => ids.push(id) > 0);
  const [first, second, third] = [propose('a'), propose('b'), propose('c')];
  const parts = ids.map((id) => id.split('#'));
  assert.equal(new Set(parts.map(([process]) => process)).size, 1);
  assert.deepEqual(parts.map(([, number]) => number), ['1', '2', '3']);
  void new UnderWay().propose({ kind: 'nonce-prefix' }, (id) => ids.push(id) > 0);
  assert.notEqual(ids[3]!.split('#')[0], parts[0]![0], 'a start is another process');
  assert.equal(underWay.count, 3);
  assert.ok(underWay.bytes > 300);
  underWay.settle(ids[1]!, changed);
  underWay.settle(ids[1]!, undefined);
  underWay.settle('another#1', changed);
  assert.deepEqual(await second, { kind: 'changed' });
  assert.equal(underWay.count, 2);
  underWay.settle(ids[0]!, changed);
  underWay.settleAll();
  assert.deepEqual(await Promise.all([first, third]), [{ kind: 'changed' }, undefined]);
  assert.deepEqual([underWay.count, underWay.bytes], [0, 0], 'else a node would refuse all changes after some time');
});

test('a proposal that nobody takes is settled as not known, and leaves nothing behind', async () => {
  const underWay = new UnderWay();
  assert.equal(await underWay.propose({ kind: 'nonce-prefix' }, () => false), undefined);
  assert.deepEqual([underWay.count, underWay.bytes], [0, 0]);
});

test('messages that wait for their turn before they are proposals are counted, whatever becomes of them', async () => {
  const underWay = new UnderWay();
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const other = Promise.withResolvers<number>();
  const both = [underWay.during(10, promise), underWay.during(20, other.promise)];
  assert.deepEqual([underWay.count, underWay.bytes], [2, 30]);
  resolve(1);
  assert.equal(await both[0], 1);
  assert.deepEqual([underWay.count, underWay.bytes], [1, 20]);
  other.reject(new Error('closed under it'));
  reject(new Error('too late'));
  await assert.rejects(both[1]!, /closed under it/);
  assert.deepEqual([underWay.count, underWay.bytes], [0, 0]);
});
