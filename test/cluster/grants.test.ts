/**
 * Shares of Usage Limits: never more than was granted, and small beside what is left.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { GrantLedger, shareMax, shareMin, shareSize } from '../../cluster/grants.ts';

test('a ledger spends what was granted and not one unit more', () => {
  const ledger = new GrantLedger();
  assert.equal(ledger.spend('key', 1), false);
  ledger.add('key', 3);
  assert.equal(ledger.spend('key', 2), true);
  assert.equal(ledger.spend('key', 2), false);
  assert.equal(ledger.available('key'), 1);
  assert.equal(ledger.spend('other', 1), false);
  ledger.drop('key');
  assert.equal(ledger.spend('key', 1), false);
});

test('shares double for who spends fast, shrink near the end, and stay within their bounds', () => {
  assert.equal(shareSize(1_000_000, 3, 16, true), 32);
  assert.equal(shareSize(1_000_000, 3, 16, false), 16);
  assert.equal(shareSize(1_000_000_000, 3, shareMax, true), shareMax);
  assert.equal(shareSize(24, 3, 512, true), 2);
  assert.equal(shareSize(1, 3, 512, true), shareMin);
});
