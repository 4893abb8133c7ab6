/**
 * Structures by their schema: what the reader takes and refuses, what the writer leaves out for a version.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRows, readStructure, TtlvWriter, writeStructure } from '../../src/codec/ttlv.ts';
import { KmipError, reasonFor } from '../../src/kmip/result.ts';
import { ResultReason } from '../../src/kmip/enums.ts';
import { cryptographicParameters, keyBlock, link } from '../../src/kmip/objects.ts';
import { anyItem, bigInteger, boolean, byteString, dateTime, dateTimeExtended, enumeration, identifier, integer, interval, longInteger, mask, openEnumeration, optional, repeated, required, structure, textString, unread } from '../../src/kmip/schema.ts';
import type { Fields, Infer, StructureType } from '../../src/kmip/schema.ts';
import { encode, item } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';

const everyKind = structure('RequestPayload', {
  uniqueIdentifier: required(identifier),
  cryptographicLength: optional(integer),
  usageLimitsCount: optional(longInteger),
  modulus: optional(bigInteger),
  objectType: optional(enumeration('ObjectType')),
  operation: repeated(openEnumeration('Operation')),
  cryptographicUsageMask: optional(mask('CryptographicUsageMask')),
  fresh: optional(boolean),
  username: optional(textString),
  data: optional(byteString),
  activationDate: optional(dateTime),
  timeStamp: optional(dateTimeExtended),
  leaseTime: optional(interval),
  keyMaterial: optional(anyItem),
  cryptographicParameters: repeated(cryptographicParameters),
});

function read<T extends StructureType<Fields>>(type: T, source: Item | Uint8Array, version = 14): Infer<T> {
  return readStructure(readRows(source instanceof Uint8Array ? source : encode(source)), 0, type, version);
}

function write<T extends StructureType<Fields>>(type: T, value: Infer<T>, version = 14): Uint8Array {
  const writer = new TtlvWriter();
  writeStructure(writer, type, value, version);
  return writer.bytes();
}

function fails(act: () => unknown, reason: string, says: RegExp): KmipError {
  try {
    act();
  } catch (error) {
    assert.ok(error instanceof KmipError, String(error));
    assert.equal(error.reason, reason);
    assert.match(error.message, says);
    return error;
  }
  return assert.fail('nothing was thrown');
}

const payload = (...children: Item[]): Item => item('RequestPayload', children);

test('every kind of value comes back as it was written', () => {
  const value: Infer<typeof everyKind> = {
    uniqueIdentifier: 'ключ 🔑', cryptographicLength: -2147483648, usageLimitsCount: -(2n ** 63n), modulus: new Uint8Array(16).fill(0xfe), objectType: 7,
    operation: [1, 0x80000005, 99], cryptographicUsageMask: 0x0c, fresh: true, username: '', data: new Uint8Array(0), activationDate: -1,
    timeStamp: 2n ** 62n, leaseTime: 0xffffffff, keyMaterial: { tag: 0x420043, type: 1, value: [{ tag: 0x42003f, type: 8, value: new Uint8Array([1, 2, 3]) }] },
    cryptographicParameters: [{ blockCipherMode: 9 }, {}],
  };
  assert.deepEqual(read(everyKind, write(everyKind, value)), value);
  for (const activationDate of [0, 1, 2 ** 31, 2 ** 32 + 5, -(2 ** 40) - 7, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]) {
    const { activationDate: back } = read(everyKind, write(everyKind, { uniqueIdentifier: 'a', activationDate }));
    assert.equal(back, activationDate);
  }
});

test('fields may come in any order', () => {
  assert.deepEqual(read(everyKind, payload(item('CryptographicLength', 128), item('UniqueIdentifier', 'a'))), { uniqueIdentifier: 'a', cryptographicLength: 128 });
});

test('a required field that is missing is an invalid message in every version', () => {
  const error = fails(() => read(everyKind, payload()), 'InvalidMessage', /Request Payload at byte 0 lacks Unique Identifier/);
  assert.equal(reasonFor(error, 10), ResultReason.InvalidMessage);
  assert.equal(reasonFor(error, 21), ResultReason.InvalidMessage);
});

test('a single field that comes twice is an invalid message', () => {
  fails(() => read(everyKind, payload(item('UniqueIdentifier', 'a'), item('UniqueIdentifier', 'b'))), 'InvalidMessage', /Unique Identifier at byte 24 comes twice/);
});

test('a field of another item type is told with its name, place and both types', () => {
  fails(() => read(everyKind, payload(item('UniqueIdentifier', 'a'), item('CryptographicLength', 'x', 'TextString'))), 'InvalidMessage', /Cryptographic Length at byte 24: expected Integer, got TextString/);
  fails(() => read(everyKind, payload(item('UniqueIdentifier', 'a'), item('CryptographicParameters', 1, 'Integer'))), 'InvalidMessage', /expected Structure, got Integer/);
});

test('a tag that the structure does not have is refused: 1.x reads Invalid Field', () => {
  const misplaced = fails(() => read(everyKind, payload(item('UniqueIdentifier', 'a'), item('ArchiveDate', 0n, 'DateTime'))), 'InvalidMessage', /Archive Date at byte 24 does not belong in Request Payload/);
  assert.equal(reasonFor(misplaced, 14), ResultReason.InvalidField);
  assert.equal(reasonFor(misplaced, 20), ResultReason.InvalidMessage);
  for (const tag of [0x420fff, 0x540001]) {
    const unknown = fails(() => read(everyKind, payload(item('UniqueIdentifier', 'a'), item(tag, 'x', 'TextString'))), 'UnknownTag', /tag 0x(420fff|540001) at byte 24 does not belong/);
    assert.equal(reasonFor(unknown, 12), ResultReason.InvalidField);
    assert.equal(reasonFor(unknown, 21), ResultReason.UnknownTag);
  }
});

test('an enumeration value that no version has is refused, an extension value or an open enumeration taken', () => {
  const error = fails(() => read(everyKind, payload(item('UniqueIdentifier', 'a'), item('ObjectType', 99, 'Enumeration'))), 'UnknownEnumeration', /Object Type at byte 24: 0x00000063 is no value of ObjectType/);
  assert.equal(reasonFor(error, 14), ResultReason.InvalidField);
  assert.equal(reasonFor(error, 20), ResultReason.UnknownEnumeration);
  assert.equal(read(everyKind, payload(item('UniqueIdentifier', 'a'), item('ObjectType', 0x80000001, 'Enumeration'))).objectType, 0x80000001);
  assert.deepEqual(read(everyKind, payload(item('UniqueIdentifier', 'a'), item('Operation', 99, 'Enumeration'))).operation, [99]);
});

test('the writer keeps the order of the specification and leaves out what the version lacks', () => {
  const parameters = { tagLength: 16, randomIV: true, hashingAlgorithm: 6, blockCipherMode: 1, saltLength: 32 };
  const names = (version: number): string[] => Object.keys(read(cryptographicParameters, write(cryptographicParameters, parameters, version), version));
  assert.deepEqual(names(10), ['blockCipherMode', 'hashingAlgorithm']);
  assert.deepEqual(names(12), ['blockCipherMode', 'hashingAlgorithm', 'randomIV', 'tagLength']);
  assert.deepEqual(names(14), ['blockCipherMode', 'hashingAlgorithm', 'randomIV', 'tagLength', 'saltLength']);
});

test('the reader takes a field that is newer than the message', () => {
  assert.equal(read(cryptographicParameters, item('CryptographicParameters', [item('RandomIV', true)]), 10).randomIV, true);
});

test('two fields of one tag are told apart by item type, then by version', () => {
  const type = structure('RequestHeader', {
    asynchronous: optional(boolean, { tag: 'AsynchronousIndicator', until: 14 }),
    asynchronousIndicator: optional(enumeration('AsynchronousIndicator'), { since: 20 }),
    oldName: optional(textString, { tag: 'Username', until: 14 }),
    newName: optional(textString, { tag: 'Username', since: 20 }),
  });
  const read1 = (version: number, ...children: Item[]): unknown => read(type, item('RequestHeader', children), version);
  assert.deepEqual(read1(14, item('AsynchronousIndicator', true, 'Boolean')), { asynchronous: true });
  assert.deepEqual(read1(20, item('AsynchronousIndicator', 2, 'Enumeration')), { asynchronousIndicator: 2 });
  assert.deepEqual(read1(20, item('AsynchronousIndicator', true, 'Boolean')), { asynchronous: true });
  assert.deepEqual(read1(14, item('Username', 'a')), { oldName: 'a' });
  assert.deepEqual(read1(20, item('Username', 'a')), { newName: 'a' });
});

test('an identifier is text in 1.x, and in 2.x also the result of an earlier item', () => {
  const of = (value: Item, version: number): unknown => read(everyKind, payload(value), version).uniqueIdentifier;
  assert.equal(of(item('UniqueIdentifier', 'a'), 10), 'a');
  assert.deepEqual(of(item('UniqueIdentifier', 1, 'Enumeration'), 20), { placeholder: 1 });
  assert.deepEqual(of(item('UniqueIdentifier', -1, 'Integer'), 21), { batchIndex: -1 });
  fails(() => of(item('UniqueIdentifier', 1, 'Enumeration'), 14), 'InvalidMessage', /expected TextString, got Enumeration/);
  fails(() => of(item('UniqueIdentifier', 99, 'Enumeration'), 20), 'UnknownEnumeration', /no value of UniqueIdentifier/);
  for (const linkedObjectIdentifier of ['a', { placeholder: 3 }, { batchIndex: 0 }]) {
    assert.deepEqual(read(link, write(link, { linkType: 257, linkedObjectIdentifier }, 21), 21).linkedObjectIdentifier, linkedObjectIdentifier);
  }
});

test('a Key Value is a structure, or the bytes of the wrapped one', () => {
  const plain = { keyFormatType: 1, keyValue: { keyMaterial: { tag: 0x420043, type: 8, value: new Uint8Array([9, 8, 7]) } } };
  const wrapped = { keyFormatType: 1, keyValue: new Uint8Array(24).fill(3), keyWrappingData: { wrappingMethod: 1 } };
  assert.deepEqual(read(keyBlock, write(keyBlock, plain)), plain);
  assert.deepEqual(read(keyBlock, write(keyBlock, wrapped)), wrapped);
  fails(() => read(keyBlock, item('KeyBlock', [item('KeyFormatType', 1, 'Enumeration'), item('KeyValue', 'x', 'TextString')])), 'InvalidMessage', /expected Structure or ByteString/);
});

test('an unread item gives its row', () => {
  const type = structure('BatchItem', { requestPayload: required(unread) });
  const rows = readRows(encode(item('BatchItem', [payload(item('UniqueIdentifier', 'a'))])));
  const { requestPayload } = readStructure(rows, 0, type, 14);
  assert.equal(readStructure(rows, requestPayload, everyKind, 14).uniqueIdentifier, 'a');
});

test('the memory of a writer is wiped before the next one has it', () => {
  write(everyKind, { uniqueIdentifier: 'x'.repeat(3000), data: new Uint8Array(900).fill(0xff) });
  const bytes = write(everyKind, { uniqueIdentifier: 'abc' });
  assert.equal(Buffer.from(bytes).toString('hex'), '42007901000000104200940700000003' + '6162630000000000');
  const one = new TtlvWriter();
  one.textString(0x420094, 'a');
  const two = new TtlvWriter();
  two.textString(0x420094, 'b');
  assert.equal(Buffer.from(one.bytes()).toString('latin1', 8, 9), 'a');
  assert.equal(Buffer.from(two.bytes()).toString('latin1', 8, 9), 'b');
});
