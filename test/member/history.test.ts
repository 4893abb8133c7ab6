/**
 * What a member keeps beside its records: after any restart it stands where the protocol's own state stood.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { seal } from '../../cluster/entry.ts';
import type { Logged, Work } from '../../cluster/entry.ts';
import { advance, emptyReplicated } from '../../cluster/replicated.ts';
import { processesMax } from '../../cluster/results.ts';
import { History } from '../../src/member/history.ts';
import { openReplicaStore } from '../../src/storage/replica-store.ts';

const limits = { proposalKeptMs: 1_000, tailEntries: 20, tailBytes: 1 << 20, resultBytes: 1 << 20 };
const rootKey = new Uint8Array(32).fill(7);

function entriesOf(count: number): Logged[] {
  const replicated = emptyReplicated();
  const entries: Logged[] = [];
  for (let sequence = 1; sequence <= count; sequence += 1) {
    const works: Work[] = Array.from({ length: sequence % 3 }, (_, index) => ({ proposal: `p${sequence % 4}#${sequence * 10 + index}`, mutations: new Uint8Array(0), result: Uint8Array.of(sequence & 0xff, index) }));
    const isTenure = sequence === 1 || sequence === 30;
    // Every seventh is void: made for another place.
    const previous = sequence % 7 === 0 ? 'f'.repeat(64) : replicated.chain;
    const logged = seal({
      sequence, previous, fence: isTenure ? { counter: sequence, node: 'a' } : replicated.fence, kind: isTenure ? 'tenure' : 'work', stable: Math.max(0, sequence - 3), elapsedMs: 100,
      claim: isTenure ? `claim ${sequence}` : '', joined: isTenure ? ['a', 'b'] : [], works: isTenure ? [] : works,
    } as Parameters<typeof seal>[0]);
    advance(replicated, logged, limits.proposalKeptMs);
    entries.push(logged);
  }
  return entries;
}

test('a history that is read again is the one that the protocol had, void entries, expired proposals and tail included', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'kmipd-history-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const expected = emptyReplicated();
  const entries = entriesOf(60);
  for (const stop of [0, 1, 13, 29, 30, 60]) {
    const store = await openReplicaStore({ folder: join(folder, 'store'), rootKey });
    const read = await History.read(store, limits);
    assert.deepEqual(read.replicated, expected, `before ${stop}`);
    assert.deepEqual(read.tail.map(({ hash }) => hash), entries.slice(Math.max(0, expected.sequence - limits.tailEntries), expected.sequence).map(({ hash }) => hash));
    for (const logged of entries.slice(expected.sequence, stop)) {
      const counts = advance(expected, logged, limits.proposalKeptMs);
      await store.apply({ sequence: logged.entry.sequence, mutations: [], proposals: [], bookkeeping: read.history.after(logged, counts) });
    }
    await store.close();
  }
  assert.ok(expected.proposals.size > 0 && expected.proposals.size < 40, 'some have expired and some have not');
});

test('a tail is bounded in bytes as well, and keeps the newest entry however long', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'kmipd-history-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const store = await openReplicaStore({ folder: join(folder, 'store'), rootKey });
  const narrow = { ...limits, tailBytes: 600 };
  const { history } = await History.read(store, narrow);
  const replicated = emptyReplicated();
  const entries = entriesOf(25);
  for (const logged of entries) {
    const counts = advance(replicated, logged, limits.proposalKeptMs);
    await store.apply({ sequence: logged.entry.sequence, mutations: [], proposals: [], bookkeeping: history.after(logged, counts) });
  }
  const { tail } = await History.read(store, narrow);
  await store.close();
  assert.equal(tail.at(-1)?.entry.sequence, 25);
  const bytes = (from: number): number => entries.slice(from).reduce((sum, logged) => sum + logged.bytes.length, 0);
  assert.ok(tail.length === 1 || bytes(25 - tail.length) <= narrow.tailBytes, `${tail.length}`);
  assert.ok(bytes(25 - tail.length - 1) > narrow.tailBytes, 'one more would not fit: what is kept may have to be put back into the log');
  assert.deepEqual(tail.map(({ hash }) => hash), entries.slice(25 - tail.length).map(({ hash }) => hash));
});

test('results beyond their bytes are gone after a restart, and the ids are not', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'kmipd-history-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const store = await openReplicaStore({ folder: join(folder, 'store'), rootKey });
  const narrow = { ...limits, proposalKeptMs: 60_000, resultBytes: 30 };
  const replicated = emptyReplicated();
  let { history } = await History.read(store, narrow);
  const kept: number[] = [];
  for (const logged of entriesOf(40)) {
    const counts = advance(replicated, logged, narrow.proposalKeptMs);
    await store.apply({ sequence: logged.entry.sequence, mutations: [], proposals: [], bookkeeping: history.after(logged, counts) });
    if (logged.entry.sequence % 10 !== 0 || logged.entry.sequence < 20) continue;
    const read = await History.read(store, narrow);
    assert.deepEqual([...read.replicated.proposals.keys()], [...replicated.proposals.keys()]);
    const results = [...read.replicated.proposals.values()].map(({ result }) => result !== undefined);
    assert.ok(results.includes(false) && results.at(-1) === true, results.join());
    kept.push(results.filter((each) => each).length);
    // Each ten entries a restart: what is kept counts from then on as well.
    history = read.history;
  }
  await store.close();
  assert.ok(Math.max(...kept) - Math.min(...kept) <= 2, `as many after each restart: ${kept.join()}`);
});

test('of more processes than are remembered the disk keeps no more than memory does', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'kmipd-history-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const store = await openReplicaStore({ folder: join(folder, 'store'), rootKey });
  const { history } = await History.read(store, limits);
  const replicated = emptyReplicated();
  for (let sequence = 1; sequence <= 20; sequence += 1) {
    const works: Work[] = sequence < 2 || sequence > 4 ? [] : Array.from({ length: 500 }, (_, index) => ({ proposal: `process ${sequence} ${index}#1`, mutations: new Uint8Array(0), result: new Uint8Array(0) }));
    const isTenure = sequence === 1;
    const logged = seal({
      sequence, previous: replicated.chain, fence: isTenure ? { counter: 1, node: 'a' } : replicated.fence, kind: isTenure ? 'tenure' : 'work', stable: 0, elapsedMs: 100,
      claim: isTenure ? 'claim' : '', joined: isTenure ? ['a'] : [], works,
    } as Parameters<typeof seal>[0]);
    const counts = advance(replicated, logged, limits.proposalKeptMs);
    await store.apply({ sequence, mutations: [], proposals: [], bookkeeping: history.after(logged, counts) });
  }
  assert.equal(replicated.expired.size, processesMax);
  const read = await History.read(store, limits);
  await store.close();
  assert.deepEqual(read.replicated.expired, replicated.expired);
});
