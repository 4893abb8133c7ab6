/**
 * Entries and the replicated state: which entries count, what they leave behind, and when proposals are forgotten.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareFences, emptyHash, open, seal } from '../../cluster/entry.ts';
import type { Entry, Fence, Logged } from '../../cluster/entry.ts';
import { advance, copyReplicated, emptyReplicated } from '../../cluster/replicated.ts';
import { outlasting } from '../../cluster/timing.ts';
import { encode } from '../../src/storage/cbor.ts';

const keptMs = 600_000;
const first: Fence = { counter: 1, node: 'a' };
const second: Fence = { counter: 2, node: 'b' };

function made(fields: Partial<Entry> & Pick<Entry, 'sequence' | 'previous' | 'fence'>): Logged {
  return seal({ kind: 'work', stable: 0, elapsedMs: 0, claim: '', joined: [], works: [], ...fields });
}

function work(proposal: string): Entry['works'][number] {
  return { proposal, mutations: new Uint8Array([1]), result: new Uint8Array([2]) };
}

const opening = made({ sequence: 1, previous: emptyHash, fence: first, kind: 'tenure', claim: 'a1', joined: ['a'] });

test('an entry comes back from its bytes as it was, with the same hash', () => {
  const logged = made({ sequence: 2, previous: opening.hash, fence: first, elapsedMs: 7, works: [work('p')] });
  assert.deepEqual(open(logged.bytes), logged);
});

test('an entry of a format that this program does not know is a fault, not a guess', () => {
  assert.throws(() => open(encode({ format: 2, sequence: 1 })), { code: 'E_LOG_FORMAT' });
});

test('fences are ordered by counter, then by node', () => {
  assert.ok(compareFences(first, second) < 0);
  assert.ok(compareFences({ counter: 2, node: 'c' }, second) > 0);
  assert.equal(compareFences(second, { ...second }), 0);
});

test('what a deposed primary appended behind the new tenure is void, for everyone alike', () => {
  const state = emptyReplicated();
  assert.equal(advance(state, opening, keptMs), true);
  const lost = made({ sequence: 2, previous: opening.hash, fence: first, works: [work('lost')] });
  // The log checks sequences only: the old primary's second append under way fits behind the new tenure entry.
  const stale = made({ sequence: 3, previous: lost.hash, fence: first, works: [work('stale')] });
  const tenure = made({ sequence: 2, previous: opening.hash, fence: second, kind: 'tenure', claim: 'b1', joined: ['b'] });
  assert.equal(advance(state, tenure, keptMs), true);
  assert.equal(advance(state, stale, keptMs), false);
  assert.equal(state.proposals.size, 0);
  // The new primary goes on behind it.
  assert.equal(advance(state, made({ sequence: 4, previous: tenure.hash, fence: second, works: [work('next')] }), keptMs), true);
  assert.deepEqual([...state.proposals.keys()], ['next']);
  assert.deepEqual([...state.roster], [['a', 1], ['b', 2]]);
});

test('no second tenure under the same fence, none under an older one, and no entry of a tenure that never began', () => {
  const state = emptyReplicated();
  advance(state, opening, keptMs);
  const { chain } = state;
  for (const logged of [
    made({ sequence: 2, previous: chain, fence: first, kind: 'tenure', claim: 'x' }),
    made({ sequence: 2, previous: chain, fence: { counter: 0, node: 'z' }, kind: 'tenure', claim: 'x' }),
    made({ sequence: 2, previous: chain, fence: second }),
    made({ sequence: 3, previous: chain, fence: first }),
  ]) {
    assert.equal(advance(copyReplicated(state), logged, keptMs), false);
  }
});

test('proposals are kept for ten minutes of the age that primaries measured, and dropped after', () => {
  const state = emptyReplicated();
  advance(state, opening, keptMs);
  let sequence = 1;
  const next = (elapsedMs: number, proposal: string): void => {
    sequence += 1;
    advance(state, made({ sequence, previous: state.chain, fence: first, elapsedMs, works: [work(proposal)] }), keptMs);
  };
  next(0, 'old');
  next(600_000, 'middle');
  assert.deepEqual([...state.proposals.keys()], ['old', 'middle']);
  next(1, 'new');
  assert.deepEqual([...state.proposals.keys()], ['middle', 'new']);
});

test('the longest tenure and permit count until a primary has opened', () => {
  const state = emptyReplicated();
  const take = (fields: Partial<Entry> & Pick<Entry, 'fence'>): readonly number[] => {
    assert.equal(advance(state, made({ sequence: state.sequence + 1, previous: state.chain, ...fields }), keptMs), true);
    return [state.tenureMs, state.permitMs];
  };
  assert.deepEqual(take({ fence: first, kind: 'tenure', claim: 'a1', tenureMs: 4000, permitMs: 8000 }), [4000, 8000]);
  assert.deepEqual(take({ fence: second, kind: 'tenure', claim: 'b1', tenureMs: 1000, permitMs: 2000 }), [4000, 8000]);
  assert.deepEqual(take({ fence: second, tenureMs: 1000, permitMs: 2000, works: [work('p')] }), [1000, 2000]);
});

test('members leave and join, each by an entry', () => {
  const state = emptyReplicated();
  advance(state, opening, keptMs);
  for (const [changes, members] of [[{ joined: ['b', 'c'] }, 'a,b,c'], [{ left: ['b', 'x'] }, 'a,c'], [{ left: ['c'], joined: ['b'] }, 'a,b']] as const) {
    advance(state, made({ sequence: state.sequence + 1, previous: state.chain, fence: first, kind: 'roster', ...changes }), keptMs);
    assert.equal([...state.roster.keys()].join(), members);
  }
});

test('waiting for another clock covers both clocks at their worst', () => {
  const clockRateBound = 0.01;
  const waited = outlasting(1000, { clockRateBound });
  assert.ok(waited / (1 + clockRateBound) >= 1000 / (1 - clockRateBound) - 1e-9);
});
