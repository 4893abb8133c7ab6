/**
 * Revoke: compromise against all other reasons, from every state.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RevocationReasonCode, State } from '../../src/kmip/enums.ts';
import { revoke } from '../../src/operations/revoke.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { putKey, storedAttribute } from '../engine/objects.ts';

const harness = createHarness();
const { KeyCompromise, CACompromise, CessationOfOperation, Unspecified } = RevocationReasonCode;

test('key compromise and CA compromise make an object Compromised, with both dates and the reason', async () => {
  for (const revocationReasonCode of [KeyCompromise, CACompromise]) {
    for (const state of [State.PreActive, State.Active, State.Deactivated]) {
      const key = await putKey(harness, { State: state, InitialDate: startOfTime - 500 });
      await harness.perform(revoke, { uniqueIdentifier: key, revocationReason: { revocationReasonCode, revocationMessage: 'laptop stolen' } });
      assert.equal(storedAttribute(harness, key, 'State'), State.Compromised);
      assert.equal(storedAttribute(harness, key, 'CompromiseDate'), startOfTime);
      assert.equal(storedAttribute(harness, key, 'CompromiseOccurrenceDate'), startOfTime - 500, 'the Initial Date, since none was given');
      assert.deepEqual(storedAttribute(harness, key, 'RevocationReason'), { revocationReasonCode, revocationMessage: 'laptop stolen' });
      assert.equal(storedAttribute(harness, key, 'DeactivationDate'), undefined);
    }
  }
});

test('the Compromise Occurrence Date of the request is kept', async () => {
  const key = await putKey(harness);
  await harness.perform(revoke, { uniqueIdentifier: key, revocationReason: { revocationReasonCode: KeyCompromise }, compromiseOccurrenceDate: 6 });
  assert.equal(storedAttribute(harness, key, 'CompromiseOccurrenceDate'), 6);
});

test('every other reason makes an object Deactivated now', async () => {
  for (const state of [State.PreActive, State.Active]) {
    const key = await putKey(harness, { State: state });
    await harness.perform(revoke, { uniqueIdentifier: key, revocationReason: { revocationReasonCode: CessationOfOperation } });
    assert.equal(storedAttribute(harness, key, 'State'), State.Deactivated);
    assert.equal(storedAttribute(harness, key, 'DeactivationDate'), startOfTime);
  }
});

test('a Destroyed object becomes Destroyed Compromised, and nothing else', async () => {
  const key = await putKey(harness, { State: State.Destroyed });
  await assert.rejects(harness.perform(revoke, { uniqueIdentifier: key, revocationReason: { revocationReasonCode: Unspecified } }), { reason: 'PermissionDenied' });
  await harness.perform(revoke, { uniqueIdentifier: key, revocationReason: { revocationReasonCode: KeyCompromise } });
  assert.equal(storedAttribute(harness, key, 'State'), State.DestroyedCompromised);
});

test('revoking twice for the same effect succeeds and changes nothing', async () => {
  const key = await putKey(harness);
  const request = { uniqueIdentifier: key, revocationReason: { revocationReasonCode: Unspecified } };
  await harness.perform(revoke, request);
  const { revision } = harness.store.fetch('alpha', key)!;
  await harness.perform(revoke, request);
  assert.equal(harness.store.fetch('alpha', key)!.revision, revision);
});

test('a Compromised object does not become Deactivated', async () => {
  const key = await putKey(harness, { State: State.Compromised });
  await assert.rejects(harness.perform(revoke, { uniqueIdentifier: key, revocationReason: { revocationReasonCode: Unspecified } }), { reason: 'PermissionDenied' });
});

test('a Deactivation Date that was reached stays, and the reason is added', async () => {
  const key = await putKey(harness, { DeactivationDate: startOfTime - 10 });
  await harness.perform(revoke, { uniqueIdentifier: key, revocationReason: { revocationReasonCode: Unspecified } });
  assert.equal(storedAttribute(harness, key, 'DeactivationDate'), startOfTime - 10);
  assert.deepEqual(storedAttribute(harness, key, 'RevocationReason'), { revocationReasonCode: Unspecified });
});

test('a Compromise Occurrence Date without a compromise, or in the future, is refused', async () => {
  const key = await putKey(harness);
  await assert.rejects(harness.perform(revoke, { uniqueIdentifier: key, revocationReason: { revocationReasonCode: Unspecified }, compromiseOccurrenceDate: 6 }), { reason: 'InvalidField' });
  await assert.rejects(
    harness.perform(revoke, { uniqueIdentifier: key, revocationReason: { revocationReasonCode: KeyCompromise }, compromiseOccurrenceDate: startOfTime + 1 }),
    { reason: 'InvalidField' },
  );
  assert.equal(storedAttribute(harness, key, 'State'), State.Active);
});
