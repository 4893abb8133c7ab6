/**
 * Destroy: the material goes, the attributes stay; never while Active.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { State } from '../../src/kmip/enums.ts';
import { destroy } from '../../src/operations/destroy.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { putKey, putSecret, storedAttribute } from '../engine/objects.ts';

const harness = createHarness();

test('Pre-Active, Deactivated and Compromised objects are destroyed, material and all', async () => {
  for (const [before, after] of [
    [State.PreActive, State.Destroyed],
    [State.Deactivated, State.Destroyed],
    [State.Compromised, State.DestroyedCompromised],
  ] as const) {
    for (const put of [putKey, putSecret]) {
      const uniqueIdentifier = await put(harness, { State: before });
      assert.deepEqual(await harness.perform(destroy, { uniqueIdentifier }), { uniqueIdentifier });
      assert.equal(storedAttribute(harness, uniqueIdentifier, 'State'), after);
      assert.equal(storedAttribute(harness, uniqueIdentifier, 'DestroyDate'), startOfTime);
      assert.equal(harness.store.fetch('alpha', uniqueIdentifier)?.material, undefined);
    }
  }
});

test('an Active object stays, also one that its dates made Active', async () => {
  for (const key of [await putKey(harness), await putKey(harness, { State: State.PreActive, ActivationDate: startOfTime })]) {
    await assert.rejects(harness.perform(destroy, { uniqueIdentifier: key }), { reason: 'PermissionDenied' });
    await assert.rejects(harness.perform(destroy, { uniqueIdentifier: key }, { version: 21 }), { reason: 'WrongKeyLifecycleState' });
    assert.notEqual(harness.store.fetch('alpha', key)?.material, undefined);
  }
});

test('a key that its Deactivation Date made Deactivated can go', async () => {
  const key = await putKey(harness, { DeactivationDate: startOfTime });
  await harness.perform(destroy, { uniqueIdentifier: key });
  assert.equal(storedAttribute(harness, key, 'State'), State.Destroyed);
});

test('destroying twice fails', async () => {
  const key = await putKey(harness, { State: State.Destroyed });
  await assert.rejects(harness.perform(destroy, { uniqueIdentifier: key }), { reason: 'PermissionDenied' });
  await assert.rejects(harness.perform(destroy, { uniqueIdentifier: key }, { version: 21 }), { reason: 'ObjectDestroyed' });
});
