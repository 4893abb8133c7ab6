/**
 * Activate: from Pre-Active to Active, once, with its date.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { State } from '../../src/kmip/enums.ts';
import { activate } from '../../src/operations/activate.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { put, putKey, storedAttribute } from '../engine/objects.ts';

const harness = createHarness();

test('a Pre-Active key becomes Active now', async () => {
  const key = await putKey(harness, { State: State.PreActive });
  assert.deepEqual(await harness.perform(activate, { uniqueIdentifier: key }), { uniqueIdentifier: key });
  assert.equal(storedAttribute(harness, key, 'State'), State.Active);
  assert.equal(storedAttribute(harness, key, 'ActivationDate'), startOfTime);
  assert.equal(storedAttribute(harness, key, 'LastChangeDate'), startOfTime);
});

test('an activation date in the future gives way to now', async () => {
  const key = await putKey(harness, { State: State.PreActive, ActivationDate: startOfTime + 3600 });
  await harness.perform(activate, { uniqueIdentifier: key });
  assert.equal(storedAttribute(harness, key, 'ActivationDate'), startOfTime);
});

test('what is not Pre-Active is refused: Permission Denied before 2.1, then Wrong Key Lifecycle State', async () => {
  for (const state of [State.Active, State.Deactivated, State.Compromised, State.Destroyed, State.DestroyedCompromised]) {
    const key = await putKey(harness, { State: state });
    await assert.rejects(harness.perform(activate, { uniqueIdentifier: key }, { version: 14 }), { reason: 'PermissionDenied' });
    await assert.rejects(harness.perform(activate, { uniqueIdentifier: key }, { version: 20 }), { reason: 'PermissionDenied' });
    await assert.rejects(harness.perform(activate, { uniqueIdentifier: key }, { version: 21 }), { reason: 'WrongKeyLifecycleState' });
  }
});

test('a key whose Activation Date has come is Active already', async () => {
  const key = await putKey(harness, { State: State.PreActive, ActivationDate: startOfTime });
  await assert.rejects(harness.perform(activate, { uniqueIdentifier: key }), { reason: 'PermissionDenied' });
});

test('a key whose Deactivation Date has passed is not activated', async () => {
  const key = await putKey(harness, { State: State.PreActive, DeactivationDate: startOfTime });
  await assert.rejects(harness.perform(activate, { uniqueIdentifier: key }), { reason: 'PermissionDenied' });
});

test('a missing object and one of another scope read the same', async () => {
  const theirs = await put(harness, 2, { State: State.PreActive }, undefined, 'beta');
  for (const uniqueIdentifier of ['nothing', theirs]) {
    await assert.rejects(harness.perform(activate, { uniqueIdentifier }), { reason: 'ItemNotFound', message: `ItemNotFound: object ${uniqueIdentifier} does not exist` });
  }
  await assert.rejects(harness.perform(activate, { uniqueIdentifier: 'nothing' }, { version: 21 }), { reason: 'ObjectNotFound' });
});
