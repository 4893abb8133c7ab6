/**
 * Check: mask, limits, lease; and the placeholder that a failure empties.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchErrorContinuationOption, CryptographicUsageMask, ObjectType, ResultReason, ResultStatus, State, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import { activate } from '../../src/operations/activate.ts';
import { check } from '../../src/operations/check.ts';
import { create } from '../../src/operations/create.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { createHarness } from '../engine/harness.ts';
import { putKey, storedAttribute } from '../engine/objects.ts';

const harness = createHarness();
const { Encrypt, Decrypt, WrapKey, Unrestricted } = CryptographicUsageMask;
const plain = (operation: unknown) => operation as Operation;

test('uses that the mask allows pass, one that it lacks fails', async () => {
  const key = await putKey(harness, { CryptographicUsageMask: Encrypt | WrapKey });
  assert.deepEqual(await harness.perform(check, { uniqueIdentifier: key, cryptographicUsageMask: Encrypt | WrapKey }), { uniqueIdentifier: key });
  await assert.rejects(harness.perform(check, { uniqueIdentifier: key, cryptographicUsageMask: Encrypt | Decrypt }), { reason: 'PermissionDenied' });
  await assert.rejects(harness.perform(check, { uniqueIdentifier: key, cryptographicUsageMask: Decrypt }, { version: 21 }), { reason: 'IncompatibleCryptographicUsageMask' });
  const free = await putKey(harness, { CryptographicUsageMask: Unrestricted });
  await harness.perform(check, { uniqueIdentifier: free, cryptographicUsageMask: Decrypt }, { version: 21 });
});

test('usage limits are looked at and not counted', async () => {
  const usageLimits = { usageLimitsTotal: 1000n, usageLimitsCount: 500n, usageLimitsUnit: UsageLimitsUnit.Byte };
  const key = await putKey(harness, { UsageLimits: usageLimits });
  await harness.perform(check, { uniqueIdentifier: key, usageLimitsCount: 500n });
  await assert.rejects(harness.perform(check, { uniqueIdentifier: key, usageLimitsCount: 501n }), { reason: 'PermissionDenied' });
  await assert.rejects(harness.perform(check, { uniqueIdentifier: key, usageLimitsCount: 501n }, { version: 21 }), { reason: 'UsageLimitExceeded' });
  assert.deepEqual(storedAttribute(harness, key, 'UsageLimits'), usageLimits);
});

test('a lease longer than the object gives is denied', async () => {
  const key = await putKey(harness, { LeaseTime: 3600 });
  await harness.perform(check, { uniqueIdentifier: key, leaseTime: 3600 });
  await assert.rejects(harness.perform(check, { uniqueIdentifier: key, leaseTime: 3601 }), { reason: 'PermissionDenied' });
});

test('a failed Check empties the ID Placeholder', async () => {
  const attributes = [{ name: 'CryptographicAlgorithm', value: 3 }, { name: 'CryptographicLength', value: 128 }, { name: 'CryptographicUsageMask', value: Encrypt }];
  const course = (asked: number) => harness.batch(
    [
      { operation: plain(create), payload: { objectType: ObjectType.SymmetricKey, attributes } },
      { operation: plain(check), payload: { cryptographicUsageMask: asked } },
      { operation: plain(activate), payload: {} },
    ],
    { header: { batchErrorContinuationOption: BatchErrorContinuationOption.Continue } },
  );
  assert.deepEqual((await course(Encrypt)).map((each) => each.resultReason), [undefined, undefined, undefined]);
  assert.deepEqual((await course(Decrypt)).map((each) => each.resultReason), [undefined, ResultReason.PermissionDenied, ResultReason.ItemNotFound]);
});

test('the course of OASIS BL-M-2-21: a failed Check undoes an Activate', async () => {
  const key = await putKey(harness, { State: State.PreActive, CryptographicUsageMask: Encrypt });
  const items = await harness.batch(
    [
      { operation: plain(activate), payload: { uniqueIdentifier: key } },
      { operation: plain(check), payload: { uniqueIdentifier: key, cryptographicUsageMask: Encrypt } },
      { operation: plain(check), payload: { uniqueIdentifier: key, cryptographicUsageMask: Decrypt } },
    ],
    { version: 21, header: { batchErrorContinuationOption: BatchErrorContinuationOption.Undo } },
  );
  assert.deepEqual(items.map((each) => each.resultStatus), [ResultStatus.OperationUndone, ResultStatus.OperationUndone, ResultStatus.OperationFailed]);
  assert.deepEqual(items.map((each) => each.payload), [{ uniqueIdentifier: key }, { uniqueIdentifier: key }, undefined]);
  assert.equal(storedAttribute(harness, key, 'State'), State.PreActive);
});
