/**
 * The checker itself: histories that must pass and histories that must not.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Change, CommandResult } from '../sim/state-machine.ts';
import type { Call } from './history.ts';
import { SeededRandom } from '../sim/random.ts';
import { checkCalls, checkObject } from './linearizability.ts';
import type { Model } from './linearizability.ts';

function command(change: Change, from: number, to: number, result: Partial<CommandResult> | undefined): Call {
  return { client: 'c', node: 'n', kind: 'command', label: change, id: 'k', command: { change, id: 'k', units: 5 }, proposal: '', invokedAt: from, answeredAt: to, result: result === undefined ? undefined : { done: true, revision: 1, state: 'active', units: 0, ...result } };
}

function read(from: number, to: number, state: CommandResult['state'], revision: number): Call {
  return { client: 'c', node: 'n', kind: 'read', label: 'get', id: 'k', command: undefined, proposal: '', invokedAt: from, answeredAt: to, result: { done: true, state, revision, units: 0 } };
}

const created = command('create', 0, 1, { state: 'pre-active', revision: 1 });
const activated = command('activate', 2, 3, { state: 'active', revision: 2 });

test('calls one after the other pass', () => {
  assert.equal(checkObject([created, activated, read(4, 5, 'active', 2), command('revoke', 6, 7, { state: 'deactivated', revision: 3 }), read(8, 9, 'deactivated', 3)]).linearizable, true);
});

test('a read that overlaps a change may see either side of it', () => {
  const revoked = command('revoke', 4, 10, { state: 'deactivated', revision: 3 });
  assert.equal(checkObject([created, activated, revoked, read(5, 6, 'active', 2), read(7, 8, 'deactivated', 3)]).linearizable, true);
});

test('new and then old is refused, though each alone overlaps the change', () => {
  const revoked = command('revoke', 4, 10, { state: 'deactivated', revision: 3 });
  assert.equal(checkObject([created, activated, revoked, read(5, 6, 'deactivated', 3), read(7, 8, 'active', 2)]).linearizable, false);
});

test('a read after the answer that sees the state before it is refused', () => {
  const revoked = command('revoke', 4, 5, { state: 'deactivated', revision: 3 });
  const verdict = checkObject([created, activated, revoked, read(6, 7, 'active', 2)]);
  assert.equal(verdict.linearizable, false);
  assert.equal(!verdict.linearizable && verdict.stuck[0]?.label, 'get');
});

test('a change without an answer may have taken place, late, or not at all', () => {
  const unknown = command('revoke', 4, Infinity, undefined);
  assert.equal(checkObject([created, activated, unknown, read(5, 6, 'active', 2), read(20, 21, 'deactivated', 3)]).linearizable, true);
  assert.equal(checkObject([created, activated, unknown, read(5, 6, 'active', 2), read(20, 21, 'active', 2)]).linearizable, true);
  assert.equal(checkObject([created, activated, unknown, read(5, 6, 'deactivated', 3), read(20, 21, 'active', 2)]).linearizable, false);
});

test('a change that took place twice is seen by its revision', () => {
  assert.equal(checkObject([created, command('modify', 2, 3, { state: 'pre-active', revision: 2 }), read(4, 5, 'pre-active', 3)]).linearizable, false);
});

test('a lost change is refused', () => {
  assert.equal(checkObject([created, activated, read(4, 5, 'pre-active', 1)]).linearizable, false);
});

test('an object seen before it was made is refused', () => {
  assert.equal(checkObject([read(0, 1, 'pre-active', 1), command('create', 2, 3, { state: 'pre-active', revision: 1 })]).linearizable, false);
});

test('many reads at once that all see the old state or the new one are checked at once', () => {
  const revoked = command('revoke', 4, 100, { state: 'deactivated', revision: 3 });
  const reads = Array.from({ length: 60 }, (_, index) => read(5 + index / 100, 50 + index / 100, index % 2 === 0 ? 'active' : 'deactivated', index % 2 === 0 ? 2 : 3));
  assert.equal(checkObject([created, activated, revoked, ...reads]).linearizable, true);
  assert.equal(checkObject([created, activated, revoked, ...reads, read(60, 61, 'active', 2)]).linearizable, false);
});

test('a history may be longer than the stack is deep, and its one lie is found', () => {
  const length = 30_000;
  const reads = Array.from({ length }, (_, index) => read(4 + 2 * index, 5 + 2 * index, 'active', 2));
  assert.equal(checkObject([created, activated, ...reads]).linearizable, true);
  const lie = read(5 + 2 * length, 6 + 2 * length, 'pre-active', 1);
  const verdict = checkObject([created, activated, ...reads, lie]);
  assert.deepEqual(!verdict.linearizable && [verdict.furthest.length, verdict.stuck], [length + 2, [lie]]);
});

interface RegisterCall {
  readonly invokedAt: number;
  readonly answeredAt: number;
  readonly kind: 'write' | 'read';
  readonly value: number;
}

const register: Model<number, RegisterCall> = {
  initial: 0,
  isAnswered: ({ answeredAt }) => answeredAt !== Infinity,
  explain: (state, { kind, value }) => (kind === 'write' ? { state: value } : value === state ? { state } : 'contradiction'),
  text: String,
};

/** Every order there is, without a memo and without a rule that leaves one out. */
function hasOrder(open: readonly RegisterCall[], state: number): boolean {
  if (!open.some((call) => register.isAnswered(call))) return true;
  return open.some((call) => {
    if (open.some(({ answeredAt }) => answeredAt < call.invokedAt)) return false;
    const next = register.explain(state, call);
    return next !== 'contradiction' && hasOrder(open.filter((each) => each !== call), next.state);
  });
}

test('the verdict is that of every order tried, on thousands of short histories', () => {
  const random = new SeededRandom(5);
  const below = (limit: number): number => Math.floor(random.next() * limit);
  const verdicts = { true: 0, false: 0 };
  for (let history = 0; history < 2000; history += 1) {
    const calls = Array.from({ length: 2 + below(5) }, (_, index): RegisterCall => {
      const kind = below(2) === 0 ? 'write' : 'read';
      const invokedAt = below(12);
      // No value is written twice: a write always changes something.
      return { kind, value: kind === 'write' ? index + 1 : below(5), invokedAt, answeredAt: kind === 'write' && below(5) === 0 ? Infinity : invokedAt + 1 + below(8) };
    });
    const { linearizable } = checkCalls(calls, register);
    assert.equal(linearizable, hasOrder(calls, 0), JSON.stringify(calls));
    verdicts[`${linearizable}`] += 1;
  }
  assert.ok(verdicts.true > 200 && verdicts.false > 200, JSON.stringify(verdicts));
});
