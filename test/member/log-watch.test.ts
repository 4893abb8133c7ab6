/**
 * A log that lost entries for good is told at once, then once a minute, and its end once.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Log } from '../../src/log.ts';
import { LogWatch } from '../../src/member/log-watch.ts';

test('lost entries are told at once and each minute, and that they are back, once', () => {
  const told: string[] = [];
  let now = 5;
  const watch = new LogWatch({ error: (facts: object) => told.push(JSON.stringify(facts)), info: () => told.push('whole') } as unknown as Log, () => now);
  watch.look(0);
  watch.look(3);
  watch.look(4);
  now += 59_999;
  watch.look(4);
  assert.deepEqual(told, ['{"entries":3}']);
  now += 1;
  watch.look(4);
  watch.look(0);
  watch.look(0);
  assert.deepEqual(told, ['{"entries":3}', '{"entries":4}', 'whole']);
});
