/**
 * Attributes in the forms of 1.x and 2.x: each form read at every version, written in the one of the version, without
 * what the version lacks.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRows, readStructure, TtlvWriter, writeStructure } from '../../src/codec/ttlv.ts';
import type { AttributeInstance } from '../../src/kmip/attributes.ts';
import { KmipError } from '../../src/kmip/result.ts';
import { attributeNames, attributeSet, optional, structure } from '../../src/kmip/schema.ts';
import type { Infer } from '../../src/kmip/schema.ts';
import { Tag } from '../../src/kmip/tags.ts';
import { attribute, decode, encode, find, findAll, item } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';

const template = structure('RequestPayload', { attributes: optional(attributeSet('template')) });
const repeatedSet = structure('ResponsePayload', { attributes: optional(attributeSet('repeated')) });
const modify = structure('RequestPayload', {
  currentAttribute: optional(attributeSet('single', { v2: 'CurrentAttribute' }), { since: 20 }),
  newAttribute: optional(attributeSet('single', { v2: 'NewAttribute' })),
});
const names = structure('RequestPayload', { attributeNames: optional(attributeNames) });
const specification = structure('KeyWrappingSpecification', { attributeNames: optional(attributeNames, { tag: 'AttributeName' }) });

type SetOf = Infer<typeof template>;

function read(type: typeof template, source: Item, version: number): readonly AttributeInstance[] {
  return readStructure(readRows(encode(source)), 0, type, version).attributes ?? [];
}

function written(type: Parameters<typeof writeStructure>[1], value: unknown, version: number, filterAttributes = true): Item {
  const writer = new TtlvWriter({ filterAttributes });
  writeStructure(writer, type, value as never, version);
  return decode(writer.bytes());
}

const byName = (value: string): AttributeInstance => ({ name: 'Name', value: { nameValue: value, nameType: 1 } });
const custom = (name: string, text: string): AttributeInstance => ({ name, value: { tag: Tag.AttributeValue, type: 7, value: text } });

const all: readonly AttributeInstance[] = [
  byName('key'),
  { name: 'CryptographicLength', value: 256 },
  { name: 'ObjectGroup', index: 3, value: 'group' },
  custom('x-Product', 'vSphere'),
];

const instances1 = [
  attribute('Name', [item('NameValue', 'key'), item('NameType', 1)]),
  attribute('Cryptographic Length', 256),
  attribute('Object Group', 'group', 3),
  item('Attribute', [item('AttributeName', 'x-Product'), item('AttributeValue', 'vSphere', 'TextString')]),
];
const instances2 = [
  item('Name', [item('NameValue', 'key'), item('NameType', 1)]),
  item('CryptographicLength', 256),
  item('ObjectGroup', 'group'),
  item('Attribute', [item('VendorIdentification', 'x'), item('AttributeName', 'Product'), item('AttributeValue', 'vSphere', 'TextString')]),
];
const withoutIndex = all.map(({ name, value }) => ({ name, value }));

test('every form is taken at every version', () => {
  for (const version of [10, 14, 20, 21]) {
    for (const type of [template, repeatedSet] as (typeof template)[]) {
      assert.deepEqual(read(type, item('RequestPayload', [item('TemplateAttribute', instances1)]), version), all);
      assert.deepEqual(read(type, item('RequestPayload', instances1), version), all);
      assert.deepEqual(read(type, item('RequestPayload', [item('Attributes', instances2)]), version), withoutIndex);
    }
  }
});

test('a set is written in the form of the version', () => {
  const value: SetOf = { attributes: all };
  assert.deepEqual(written(template, value, 14), item('RequestPayload', [item('TemplateAttribute', instances1)]));
  assert.deepEqual(written(repeatedSet, value, 10), item('ResponsePayload', instances1));
  for (const type of [template, repeatedSet]) assert.deepEqual(written(type, value, 20), item(type === template ? 'RequestPayload' : 'ResponsePayload', [item('Attributes', instances2)]));
});

test('Attribute Index is written when it is not 0', () => {
  const indexes = findAll(written(repeatedSet, { attributes: [{ ...byName('a'), index: 0 }, { ...byName('b'), index: 1 }] }, 14), 'Attribute').map((each) => find(each, 'AttributeIndex')?.value);
  assert.deepEqual(indexes, [undefined, 1]);
});

test('an empty set is nothing in 1.x and an empty Attributes in 2.x', () => {
  assert.deepEqual(written(template, { attributes: [] }, 14).children, []);
  assert.deepEqual(written(template, { attributes: [] }, 20).children, [item('Attributes', [])]);
  const quiet = structure('KeyValue', { attributes: optional(attributeSet('repeated', { omitEmpty: true })) });
  assert.deepEqual(written(quiet, { attributes: [] }, 21).children, []);
});

test('Modify Attribute of 1.x has the new attribute, that of 2.x both', () => {
  const rows1 = readRows(encode(item('RequestPayload', [attribute('Contact Information', 'me')])));
  assert.deepEqual(readStructure(rows1, 0, modify, 14), { newAttribute: [{ name: 'ContactInformation', value: 'me' }] });
  const rows2 = readRows(encode(item('RequestPayload', [item('CurrentAttribute', [item('ContactInformation', 'me')]), item('NewAttribute', [item('ContactInformation', 'you')])])));
  const both = { currentAttribute: [{ name: 'ContactInformation', value: 'me' }], newAttribute: [{ name: 'ContactInformation', value: 'you' }] };
  assert.deepEqual(readStructure(rows2, 0, modify, 21), both);
  assert.deepEqual(written(modify, both, 14).children, [attribute('Contact Information', 'you')]);
});

test('answers leave out attributes that the version lacks, and those that hold a value it lacks; requests do not', () => {
  const value = {
    attributes: [
      { name: 'Sensitive', value: true }, { name: 'ShortUniqueIdentifier', value: new Uint8Array(4) }, { name: 'CryptographicAlgorithm', value: 28 },
      { name: 'CryptographicParameters', value: { blockCipherMode: 18 } }, { name: 'CryptographicParameters', value: { digitalSignatureAlgorithm: 17 } },
      { name: 'OperationPolicyName', value: 'default' }, { name: 'State', value: 2 }, custom('x-a', 'b'),
    ],
  };
  const namesOf = (version: number, filter = true): string[] => {
    const writer = new TtlvWriter({ filterAttributes: filter });
    writeStructure(writer, repeatedSet, value as never, version);
    return readStructure(readRows(writer.bytes()), 0, repeatedSet, version).attributes?.map((each) => each.name) ?? [];
  };
  // At 1.0 the digital signature algorithm is not written at all, so its value does no harm.
  assert.deepEqual(namesOf(10), ['CryptographicParameters', 'OperationPolicyName', 'State', 'x-a']);
  assert.deepEqual(namesOf(12), ['OperationPolicyName', 'State', 'x-a']);
  assert.deepEqual(namesOf(14), ['Sensitive', 'CryptographicAlgorithm', 'CryptographicParameters', 'CryptographicParameters', 'OperationPolicyName', 'State', 'x-a']);
  assert.deepEqual(namesOf(20), ['Sensitive', 'ShortUniqueIdentifier', 'CryptographicAlgorithm', 'CryptographicParameters', 'CryptographicParameters', 'State', 'x-a']);
  assert.equal(namesOf(12, false).length, value.attributes.length);
});

test('custom attributes of other vendors keep vendor and name', () => {
  const other = [custom('acme:Rack', '7'), custom('y-Serial', '8')];
  const tree = written(repeatedSet, { attributes: other }, 20);
  assert.deepEqual(read(repeatedSet as never, tree, 20), other);
  assert.deepEqual(findAll(find(tree, 'Attributes'), 'Attribute').map((each) => [find(each, 'VendorIdentification')?.value, find(each, 'AttributeName')?.value]), [['acme', 'Rack'], ['y', 'Serial']]);
});

test('names that are no attribute stay as they came, with a tree as their value', () => {
  const [misspelt] = read(template, item('RequestPayload', [item('TemplateAttribute', [item('Attribute', [item('AttributeName', 'Cryptographic length'), item('AttributeValue', 256)])])]), 14);
  assert.deepEqual(misspelt, { name: 'Cryptographic length', value: { tag: Tag.AttributeValue, type: 2, value: 256 } });
  const [misplaced] = read(template, item('RequestPayload', [item('Attributes', [item('BatchCount', 1)])]), 20);
  assert.deepEqual(misplaced, { name: 'BatchCount', value: { tag: Tag.BatchCount, type: 2, value: 1 } });
});

test('an attribute without its name or value, with one twice, or ill-typed is refused', () => {
  const refuse = (children: Item[], says: RegExp): void => {
    assert.throws(() => read(template, item('RequestPayload', [item('TemplateAttribute', [item('Attribute', children)])]), 14), (error) => error instanceof KmipError && error.reason === 'InvalidMessage' && says.test(error.message));
  };
  refuse([item('AttributeValue', 1)], /Attribute at byte 16 lacks Attribute Name/);
  refuse([item('AttributeName', 'State')], /lacks Attribute Value/);
  refuse([item('AttributeName', 'State'), item('AttributeName', 'State'), item('AttributeValue', 1)], /Attribute Name at byte 40 comes twice/);
  refuse([item('AttributeName', 'Cryptographic Length'), item('AttributeValue', 'long', 'TextString')], /expected Integer, got TextString/);
});

test('a Template named in a Template-Attribute is not found', () => {
  assert.throws(() => read(template, item('RequestPayload', [item('TemplateAttribute', [item('Name', [item('NameValue', 't'), item('NameType', 1)])])]), 12), (error) => error instanceof KmipError && error.reason === 'ItemNotFound');
});

test('names of attributes come as text or as references, and go as the version has them', () => {
  const rows = readRows(encode(item('RequestPayload', [
    item('AttributeName', 'X.509 Certificate Subject'),
    item('AttributeReference', Tag.State, 'Enumeration'),
    item('AttributeReference', [item('VendorIdentification', 'x'), item('AttributeName', 'Product')]),
    item('AttributeName', 'no such'),
  ])));
  const value = readStructure(rows, 0, names, 20);
  assert.deepEqual(value, { attributeNames: ['X_509CertificateSubject', 'State', 'x-Product', 'no such'] });
  assert.deepEqual(written(names, { attributeNames: ['State', 'x-Product', 'Sensitive'] }, 12).children, [item('AttributeName', 'State'), item('AttributeName', 'x-Product')]);
  assert.deepEqual(written(names, { attributeNames: ['State', 'x-Product'] }, 21).children, [
    item('AttributeReference', Tag.State, 'Enumeration'),
    item('AttributeReference', [item('VendorIdentification', 'x'), item('AttributeName', 'Product')]),
  ]);
  assert.deepEqual(written(specification, { attributeNames: ['CryptographicUsageMask'] }, 21).children, [item('AttributeName', 'Cryptographic Usage Mask')]);
  assert.throws(() => readStructure(readRows(encode(item('RequestPayload', [item('AttributeReference', 'State', 'TextString')]))), 0, names, 20), /expected Enumeration or Structure/);
});
