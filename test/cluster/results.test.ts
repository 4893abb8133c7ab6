/**
 * What is kept of answered proposals: results by bytes, ids until they expire, then a number for each process.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ProposalRecord } from '../../cluster/replicated.ts';
import { isExpired, KeptResults, noteExpired, processesMax } from '../../cluster/results.ts';

test('the oldest results are dropped beyond the bytes, ids stay, and what expired makes room', () => {
  const proposals = new Map<string, ProposalRecord>();
  const kept = new KeptResults(100, proposals);
  const take = (id: string, bytes: number): void => {
    const result = new Uint8Array(bytes);
    proposals.set(id, { sequence: 1, result, ageMs: 0 });
    kept.take([{ proposal: id, result }], proposals);
  };
  const lengths = (): (number | undefined)[] => [...proposals.values()].map(({ result }) => result?.length);
  take('a#1', 40);
  take('a#2', 40);
  take('a#3', 40);
  assert.deepEqual(lengths(), [undefined, 40, 40]);
  proposals.delete('a#1');
  proposals.delete('a#2');
  take('a#4', 60);
  assert.deepEqual(lengths(), [40, 60], 'what expired does not count any more');
  take('a#5', 500);
  assert.deepEqual(lengths(), [undefined, undefined, undefined]);
  const loaded = new Map<string, ProposalRecord>([['x#1', { sequence: 1, result: new Uint8Array(90), ageMs: 0 }], ['x#2', { sequence: 2, result: new Uint8Array(20), ageMs: 0 }]]);
  void new KeptResults(100, loaded);
  assert.deepEqual([...loaded.values()].map(({ result }) => result?.length), [undefined, 20], 'a store may hold more than the memory may');
});

test('what expired is never planned again, nor what its process made before; others and later ones are', () => {
  const expired = new Map<string, number>();
  noteExpired(expired, 'one#7');
  noteExpired(expired, 'one#5');
  assert.deepEqual(['one#5', 'one#7', 'one#1', 'one#8', 'two#1'].map((id) => isExpired(expired, id)), [true, true, true, false, false]);
  for (let process = 0; process < processesMax; process += 1) noteExpired(expired, `p${process}#1`);
  assert.equal(expired.size, processesMax);
  assert.equal(expired.has('one'), false, 'the one heard of longest ago makes room');
});
