/**
 * Get Attribute List: the names of what an object has, by the version of the request.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { getAttributeList } from '../../src/operations/get-attribute-list.ts';
import { getAttributes } from '../../src/operations/get-attributes.ts';
import { createHarness } from '../engine/harness.ts';
import { created, named, registeredOpaque, text } from './making.ts';

const harness = createHarness();

test('the list has a name for every attribute that Get Attributes tells, once', async () => {
  const key = await created(harness, { Name: named('listed'), 'x-Barcode': text('XXA012A1') });
  const opaque = await registeredOpaque(harness, '00');
  for (const uniqueIdentifier of [key, opaque]) {
    for (const version of [10, 11, 12, 13, 14, 20, 21]) {
      const { attributeNames } = await harness.perform(getAttributeList, { uniqueIdentifier }, { version });
      const { attributes } = await harness.perform(getAttributes, { uniqueIdentifier }, { version });
      assert.deepEqual(attributeNames, [...new Set(attributes.map(({ name }) => name))]);
      assert.equal(attributeNames.includes('ShortUniqueIdentifier'), version >= 20);
    }
  }
});

test('1.x says titles, 2.x tags and vendors', async () => {
  const id = await created(harness, { 'x-Barcode': text('XXA012A1') });
  const list = (major: number, minor: number): Promise<string> => harness.sendText(`RequestMessage
  RequestHeader
    ProtocolVersion
      ProtocolVersionMajor ${major}
      ProtocolVersionMinor ${minor}
    BatchCount 1
  BatchItem
    Operation GetAttributeList
    RequestPayload
      UniqueIdentifier "${id}"
`);
  const old = await list(1, 2);
  assert.match(old, /AttributeName "Cryptographic Usage Mask"/);
  assert.match(old, /AttributeName "x-Barcode"/);
  const recent = await list(2, 1);
  assert.match(recent, /AttributeReference:Enumeration CryptographicUsageMask/);
  assert.match(recent, /AttributeReference:Structure\n\s+VendorIdentification "x"\n\s+AttributeName "Barcode"/);
});

test('an object that does not exist has no list', async () => {
  await assert.rejects(harness.perform(getAttributeList, { uniqueIdentifier: 'nothing' }), { reason: 'ItemNotFound' });
  await assert.rejects(harness.perform(getAttributeList, {}, { version: 21 }), { reason: 'ObjectNotFound' });
});
