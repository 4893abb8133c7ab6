/**
 * Adjust Attribute: counting, moving dates, turning truth over, and where each type ends.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AdjustmentType } from '../../src/kmip/enums.ts';
import { ItemType } from '../../src/kmip/item-types.ts';
import type { TtlvNode } from '../../src/kmip/schema.ts';
import { Tag } from '../../src/kmip/tags.ts';
import { adjustAttribute } from '../../src/operations/adjust-attribute.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { storedAttribute } from '../engine/objects.ts';
import { created, number, text } from './making.ts';

const harness = createHarness();
const { Increment, Decrement, Negate } = AdjustmentType;

const by = (value: number | bigint, type: number = typeof value === 'bigint' ? ItemType.LongInteger : ItemType.Integer): TtlvNode => ({ tag: Tag.AdjustmentValue, type, value });

const adjust = (uniqueIdentifier: string, name: string, adjustmentType: number, adjustmentValue?: TtlvNode) =>
  harness.perform(adjustAttribute, { uniqueIdentifier, attributeNames: [name], adjustmentType, ...(adjustmentValue === undefined ? {} : { adjustmentValue }) }, { version: 21 });

const custom = (id: string, name: string): unknown => (harness.store.fetch('alpha', id)!.attributes.get(name)![0]!.value as TtlvNode).value;

test('numbers go up and down, by one when nothing else is said', async () => {
  const id = await created(harness, { 'x-Count': number(5), 'x-Long': { tag: Tag.AttributeValue, type: ItemType.LongInteger, value: 2n ** 40n } });
  assert.deepEqual(await adjust(id, 'x-Count', Increment), { uniqueIdentifier: id });
  await adjust(id, 'x-Count', Increment, by(10));
  await adjust(id, 'x-Count', Decrement, by(20));
  assert.equal(custom(id, 'x-Count'), -4);
  await adjust(id, 'x-Count', Negate);
  assert.equal(custom(id, 'x-Count'), 4);
  await adjust(id, 'x-Long', Decrement, by(2n ** 40n + 1n));
  assert.equal(custom(id, 'x-Long'), -1n);
});

test('a date moves by seconds, an absent interval starts at 0', async () => {
  const id = await created(harness, { ActivationDate: startOfTime + 100 });
  await adjust(id, 'ActivationDate', Increment);
  assert.equal(storedAttribute(harness, id, 'ActivationDate'), startOfTime + 101);
  await adjust(id, 'ProtectionPeriod', Increment, by(60, ItemType.Interval));
  assert.equal(storedAttribute(harness, id, 'ProtectionPeriod'), 60);
});

test('truth turns over', async () => {
  const id = await created(harness);
  await adjust(id, 'Sensitive', Negate);
  assert.equal(storedAttribute(harness, id, 'Sensitive'), true);
  await assert.rejects(adjust(id, 'Sensitive', Negate), { reason: 'PermissionDenied' });
  await assert.rejects(adjust(id, 'Extractable', Increment), { reason: 'InvalidDataType' });
});

test('a type ends where it ends', async () => {
  const id = await created(harness, { 'x-Count': number(2 ** 31 - 1), ProtectionPeriod: 0 }, { version: 21 });
  await assert.rejects(adjust(id, 'x-Count', Increment), { reason: 'NumericRange' });
  await assert.rejects(adjust(id, 'ProtectionPeriod', Decrement), { reason: 'NumericRange' });
  assert.equal(custom(id, 'x-Count'), 2 ** 31 - 1);
});

test('what is no number, not there, several, unknown or read-only is refused by its name', async () => {
  const id = await created(harness, { Description: 'text', 'x-Text': text('a') });
  await harness.store.commit([{ kind: 'attributes-changed', scope: 'alpha', uniqueIdentifier: id, changes: [{ name: 'x-Two', instances: [{ index: 0, value: number(1) }, { index: 1, value: number(2) }] }] }]);
  await assert.rejects(adjust(id, 'Description', Increment), { reason: 'InvalidDataType' });
  await assert.rejects(adjust(id, 'x-Text', Increment), { reason: 'InvalidDataType' });
  await assert.rejects(adjust(id, 'x-None', Increment), { reason: 'InvalidDataType' });
  await assert.rejects(adjust(id, 'ProtectionPeriod', Negate), { reason: 'InvalidDataType' });
  await assert.rejects(adjust(id, 'ProtectionPeriod', Increment, { tag: Tag.AdjustmentValue, type: ItemType.TextString, value: '1' }), { reason: 'InvalidDataType' });
  await assert.rejects(adjust(id, 'x-Two', Increment), { reason: 'MultiValuedAttribute' });
  await assert.rejects(adjust(id, 'CryptographicLength', Increment), { reason: 'ReadOnlyAttribute' });
});

test('a reference to a tag that is no attribute is refused', async () => {
  const answer = await harness.sendText(`RequestMessage
  RequestHeader
    ProtocolVersion
      ProtocolVersionMajor 2
      ProtocolVersionMinor 1
    BatchCount 1
  BatchItem
    Operation AdjustAttribute
    RequestPayload
      UniqueIdentifier "${await created(harness)}"
      AttributeReference:Enumeration BatchCount
      AdjustmentType Increment
`);
  assert.match(answer, /ResultReason UnsupportedAttribute/);
});
