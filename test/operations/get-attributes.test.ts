/**
 * Get Attributes: what was asked for and nothing else, by the version of the request.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RevocationReasonCode, State } from '../../src/kmip/enums.ts';
import { destroy } from '../../src/operations/destroy.ts';
import { getAttributes } from '../../src/operations/get-attributes.ts';
import { revoke } from '../../src/operations/revoke.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { created, named, number, registeredKey, registeredSecret, text } from './making.ts';

const harness = createHarness();

const asked = async (uniqueIdentifier: string, attributeNames: string[], version = 14): Promise<unknown[]> =>
  ((await harness.perform(getAttributes, { uniqueIdentifier, attributeNames }, { version })).attributes ?? []).map(({ name, value }) => [name, value]);

const namesOfAll = async (uniqueIdentifier: string, version: number): Promise<string[]> =>
  (await harness.perform(getAttributes, { uniqueIdentifier }, { version })).attributes.map(({ name }) => name);

test('names are answered in the order they are asked for', async () => {
  const id = await created(harness, { Name: named('ordered') });
  assert.deepEqual(await asked(id, ['Name', 'State', 'ObjectType', 'UniqueIdentifier']), [
    ['Name', named('ordered')], ['State', State.PreActive], ['ObjectType', 2], ['UniqueIdentifier', id],
  ]);
});

test('an attribute that is absent or unknown is left out: the answer is the Unique Identifier alone', async () => {
  const id = await created(harness);
  const bytes = await harness.sendText(`RequestMessage
  RequestHeader
    ProtocolVersion
      ProtocolVersionMajor 1
      ProtocolVersionMinor 1
    BatchCount 1
  BatchItem
    Operation GetAttributes
    RequestPayload
      UniqueIdentifier "${id}"
      AttributeName "x-Product_Version"
      AttributeName "No Such Attribute"
      AttributeName "Deactivation Date"
`);
  assert.match(bytes, new RegExp(`ResultStatus Success\\n    ResponsePayload\\n      UniqueIdentifier "${id}"\\s*$`));
});

test('several values come with their indexes', async () => {
  const id = await created(harness);
  await harness.store.commit([{ kind: 'attributes-changed', scope: 'alpha', uniqueIdentifier: id, changes: [{ name: 'ObjectGroup', instances: [{ index: 0, value: 'one' }, { index: 3, value: 'two' }] }] }]);
  const { attributes } = await harness.perform(getAttributes, { uniqueIdentifier: id, attributeNames: ['ObjectGroup'] });
  assert.deepEqual(attributes, [{ name: 'ObjectGroup', value: 'one' }, { name: 'ObjectGroup', index: 3, value: 'two' }]);
});

test('a name may not be asked for twice', async () => {
  const id = await created(harness);
  await assert.rejects(harness.perform(getAttributes, { uniqueIdentifier: id, attributeNames: ['State', 'Name', 'State'] }), { reason: 'InvalidMessage' });
});

test('State is the one that dates have brought about', async () => {
  const id = await created(harness, { ActivationDate: startOfTime + 10, DeactivationDate: startOfTime + 20 });
  const states: unknown[] = [];
  for (const seconds of [9, 10, 19, 20]) {
    harness.clock.now = startOfTime + seconds;
    states.push(...(await asked(id, ['State'])));
  }
  harness.clock.now = startOfTime;
  assert.deepEqual(states, [['State', State.PreActive], ['State', State.Active], ['State', State.Active], ['State', State.Deactivated]]);
});

test('no name means all that the version has, and nothing newer', async () => {
  const id = await registeredKey(harness, '00112233445566778899aabbccddeeff', { AlternativeName: { alternativeNameValue: 'a', alternativeNameType: 1 }, Description: 'd', 'x-Mine': text('m'), 'x-Count': number(3) });
  const old = await namesOfAll(id, 10);
  assert.deepEqual(old, ['UniqueIdentifier', 'ObjectType', 'CryptographicAlgorithm', 'CryptographicLength', 'Digest', 'CryptographicUsageMask', 'LeaseTime', 'State', 'InitialDate', 'LastChangeDate', 'x-Mine', 'x-Count']);
  const added = async (version: number, before: number): Promise<string[]> => {
    const known = await namesOfAll(id, before);
    return (await namesOfAll(id, version)).filter((name) => !known.includes(name));
  };
  assert.deepEqual(await added(11, 10), ['Fresh']);
  assert.deepEqual(await added(12, 11), ['AlternativeName']);
  assert.deepEqual(await added(14, 12), ['Description', 'Sensitive', 'AlwaysSensitive', 'Extractable', 'NeverExtractable']);
  assert.deepEqual(await added(20, 14), ['KeyFormatType', 'ProtectionStorageMask', 'ShortUniqueIdentifier']);
});

test('an attribute of a newer version is not told even when asked for', async () => {
  const id = await created(harness);
  assert.deepEqual(await asked(id, ['Sensitive', 'State'], 12), [['State', State.PreActive]]);
});

test('the attributes of a destroyed object stay', async () => {
  const id = await registeredSecret(harness, 'x', { Name: named('gone') });
  await harness.perform(revoke, { uniqueIdentifier: id, revocationReason: { revocationReasonCode: RevocationReasonCode.KeyCompromise } });
  await harness.perform(destroy, { uniqueIdentifier: id });
  assert.deepEqual(await asked(id, ['Name', 'State', 'DestroyDate']), [['Name', named('gone')], ['State', State.DestroyedCompromised], ['DestroyDate', startOfTime]]);
});
