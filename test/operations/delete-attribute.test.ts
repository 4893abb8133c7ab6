/**
 * Delete Attribute: one value in 1.x, one or all in 2.x, and what an object always has.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UsageLimitsUnit } from '../../src/kmip/enums.ts';
import { addAttribute } from '../../src/operations/add-attribute.ts';
import { deleteAttribute } from '../../src/operations/delete-attribute.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { storedAttribute } from '../engine/objects.ts';
import { created, named, text } from './making.ts';

const harness = createHarness();

const remove = (uniqueIdentifier: string, name: string, version = 14, attributeIndex?: number) =>
  harness.perform(deleteAttribute, { uniqueIdentifier, attributeNames: [name], attributeIndex }, { version });

const withGroups = async (): Promise<string> => {
  const id = await created(harness);
  for (const value of ['a', 'b', 'c']) await harness.perform(addAttribute, { uniqueIdentifier: id, newAttribute: [{ name: 'ObjectGroup', value }] });
  return id;
};

const groups = (id: string): unknown => harness.store.fetch('alpha', id)!.attributes.get('ObjectGroup');

test('1.x deletes one value and gives it back; the others keep their indexes', async () => {
  const id = await withGroups();
  assert.deepEqual(await remove(id, 'ObjectGroup', 14, 1), { uniqueIdentifier: id, attribute: [{ name: 'ObjectGroup', index: 1, value: 'b' }] });
  assert.deepEqual(groups(id), [{ index: 0, value: 'a' }, { index: 2, value: 'c' }]);
  assert.deepEqual((await remove(id, 'ObjectGroup')).attribute, [{ name: 'ObjectGroup', value: 'a' }]);
  await assert.rejects(remove(id, 'ObjectGroup'), { reason: 'ItemNotFound' });
  await remove(id, 'ObjectGroup', 14, 2);
  assert.equal(groups(id), undefined);
});

test('2.x deletes the Current Attribute, or all values by reference', async () => {
  const id = await withGroups();
  const byValue = (value: string) => harness.perform(deleteAttribute, { uniqueIdentifier: id, currentAttribute: [{ name: 'ObjectGroup', value }] }, { version: 21 });
  assert.deepEqual(await byValue('b'), { uniqueIdentifier: id });
  assert.deepEqual(groups(id), [{ index: 0, value: 'a' }, { index: 2, value: 'c' }]);
  await assert.rejects(byValue('b'), { reason: 'AttributeInstanceNotFound' });
  await remove(id, 'ObjectGroup', 21);
  assert.equal(groups(id), undefined);
  await assert.rejects(remove(id, 'ObjectGroup', 21), { reason: 'AttributeNotFound' });
  await assert.rejects(harness.perform(deleteAttribute, { uniqueIdentifier: id }, { version: 21 }), { reason: 'InvalidField' });
});

test('what an object always has, or a client may not delete, stays', async () => {
  const id = await created(harness, { ActivationDate: startOfTime + 9 });
  for (const name of ['State', 'CryptographicLength', 'Digest', 'UniqueIdentifier', 'ActivationDate', 'Sensitive', 'LeaseTime']) {
    await assert.rejects(remove(id, name), { reason: 'PermissionDenied' });
    await assert.rejects(remove(id, name, 21), { reason: 'AttributeReadOnly' });
  }
});

test('an attribute that is not there, or nowhere, is not found', async () => {
  const id = await created(harness);
  for (const name of ['ContactInformation', 'x-nothing', 'No Such Attribute', 'DestroyDate']) await assert.rejects(remove(id, name), { reason: 'ItemNotFound' });
});

test('custom attributes of the client go, the server\'s stay', async () => {
  const id = await created(harness, { 'x-attribute1': text('ModifiedValue1') });
  await harness.store.commit([{ kind: 'attributes-changed', scope: 'alpha', uniqueIdentifier: id, changes: [{ name: 'y-Serial', instances: [{ index: 0, value: text('1') }] }] }]);
  assert.deepEqual((await remove(id, 'x-attribute1')).attribute, [{ name: 'x-attribute1', value: text('ModifiedValue1') }]);
  await assert.rejects(remove(id, 'y-Serial'), { reason: 'PermissionDenied' });
});

test('a name is free once it is deleted', async () => {
  const id = await created(harness, { Name: named('passing') });
  await remove(id, 'Name');
  await created(harness, { Name: named('passing') });
});

test('Usage Limits go while they are unused', async () => {
  const limits = { usageLimitsTotal: 10n, usageLimitsUnit: UsageLimitsUnit.Byte };
  const unused = await created(harness, { UsageLimits: limits });
  await remove(unused, 'UsageLimits');
  assert.equal(storedAttribute(harness, unused, 'UsageLimits'), undefined);
  const used = await created(harness, { UsageLimits: limits });
  await harness.store.commit([{ kind: 'attributes-changed', scope: 'alpha', uniqueIdentifier: used, changes: [{ name: 'UsageLimits', instances: [{ index: 0, value: { ...limits, usageLimitsCount: 1n } }] }] }]);
  await assert.rejects(remove(used, 'UsageLimits'), { reason: 'PermissionDenied' });
});
