/**
 * Set Attribute: adds or replaces, where there is at most one value.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { State } from '../../src/kmip/enums.ts';
import { addAttribute } from '../../src/operations/add-attribute.ts';
import { setAttribute } from '../../src/operations/set-attribute.ts';
import { createHarness } from '../engine/harness.ts';
import { storedAttribute } from '../engine/objects.ts';
import { created, named, text } from './making.ts';

const harness = createHarness();

const set = (uniqueIdentifier: string, name: string, value: unknown, version = 21) =>
  harness.perform(setAttribute, { uniqueIdentifier, newAttribute: [{ name, value }] }, { version });

test('a value is added, then replaced', async () => {
  const id = await created(harness);
  assert.deepEqual(await set(id, 'Description', 'one'), { uniqueIdentifier: id });
  await set(id, 'Description', 'two');
  assert.equal(storedAttribute(harness, id, 'Description'), 'two');
});

test('Sensitive is set on a key that was not (OASIS TC-SETATTR-1)', async () => {
  const id = await created(harness);
  await set(id, 'Sensitive', true, 20);
  assert.equal(storedAttribute(harness, id, 'Sensitive'), true);
  assert.equal(storedAttribute(harness, id, 'AlwaysSensitive'), false);
});

test('several values are refused (OASIS TC-SETATTR-3)', async () => {
  const id = await created(harness);
  await set(id, 'x-Set', text('one'), 20);
  await harness.perform(addAttribute, { uniqueIdentifier: id, newAttribute: [{ name: 'x-Set', value: text('two') }] }, { version: 20 });
  await assert.rejects(set(id, 'x-Set', text('three'), 20), { reason: 'MultiValuedAttribute' });
});

test('what is read-only stays, absent or present', async () => {
  const id = await created(harness);
  for (const [name, value] of [['State', State.Active], ['DestroyDate', 1], ['CryptographicUsageMask', 3], ['y-Serial', text('1')]] as const) {
    await assert.rejects(set(id, name, value), { reason: 'ReadOnlyAttribute' });
  }
});

test('the rules of the other operations hold here too', async () => {
  await created(harness, { Name: named('of another') });
  const id = await created(harness);
  await assert.rejects(set(id, 'Name', named('of another')), { reason: 'NonUniqueNameAttribute' });
  await assert.rejects(set(id, 'QuantumSafe', true).then(() => set(id, 'Extractable', false)).then(() => set(id, 'Extractable', true)), { reason: 'PermissionDenied' });
  await assert.rejects(set(await created(harness, { CryptographicLength: 128 }), 'QuantumSafe', true), { reason: 'InvalidAttributeValue' });
});

test('1.x has no such operation', async () => {
  await assert.rejects(set(await created(harness), 'Comment', 'x', 14), { reason: 'OperationNotSupported' });
});
