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
  assert.ok(tail.length >= 1 && tail.length < 5, `${tail.length}`);
  assert.deepEqual(tail.map(({ hash }) => hash), entries.slice(25 - tail.length).map(({ hash }) => hash));
});

test('results beyond their bytes are gone after a restart, and the ids are not', async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'kmipd-history-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const store = await openReplicaStore({ folder: join(folder, 'store'), rootKey });
  const narrow = { ...limits, proposalKeptMs: 60_000, resultBytes: 30 };
  const { history } = await History.read(store, narrow);
  const replicated = emptyReplicated();
  for (const logged of entriesOf(20)) {
    const counts = advance(replicated, logged, narrow.proposalKeptMs);
    await store.apply({ sequence: logged.entry.sequence, mutations: [], proposals: [], bookkeeping: history.after(logged, counts) });
  }
  const read = await History.read(store, narrow);
  await store.close();
  assert.deepEqual([...read.replicated.proposals.keys()], [...replicated.proposals.keys()]);
  const results = [...read.replicated.proposals.values()].map(({ result }) => result !== undefined);
  assert.ok(results.includes(false) && results.at(-1) === true, results.join());
});
