/**
 * The log stays readable while NATS is away.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Fault } from '../../src/fault.ts';
import { silentLog } from '../../src/log.ts';
import { RepeatedFaults } from '../../src/member/repeated-faults.ts';

test('a fault that repeats is told at once and then every ten seconds, with how often it came; another code at once', () => {
  let now = 0;
  const told: object[] = [];
  const faults = new RepeatedFaults({ ...silentLog, warn: (fields) => told.push(fields) }, () => now);
  for (; now < 21_000; now += 500) faults.tell(new Fault('E_NATS_REQUEST', 'no answer'));
  faults.tell(new Fault('E_NATS_CONNECT', 'nobody there'));
  assert.deepEqual(told, [
    { code: 'E_NATS_REQUEST', reason: 'no answer' },
    { code: 'E_NATS_REQUEST', reason: 'no answer', alsoSince: 19 },
    { code: 'E_NATS_REQUEST', reason: 'no answer', alsoSince: 19 },
    { code: 'E_NATS_CONNECT', reason: 'nobody there' },
  ]);
});
