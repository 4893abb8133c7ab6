/**
 * The malformed-input table: for each item type the lengths and values that break it, and what holds for every message:
 * truncation at each byte, depth, count, tags, padding. Each refusal names a byte of the message.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KmipError } from '../../src/kmip/result.ts';
import { maximumDepth, maximumRows, readRows } from '../../src/codec/rows-plain.ts';

/** Barred hex: `42 0020 | 02 | 00000004 | 00000008 00000000`. */
function bytesOf(barred: string): Uint8Array {
  return new Uint8Array(Buffer.from(barred.replace(/[\s|]/g, ''), 'hex'));
}

function refusal(bytes: Uint8Array): KmipError {
  try {
    readRows(bytes);
  } catch (error) {
    assert.ok(error instanceof KmipError, String(error));
    assert.equal(error.reason, 'InvalidMessage');
    assert.match(error.message, /at byte \d+/);
    return error;
  }
  return assert.fail(`${Buffer.from(bytes).toString('hex')} was taken`);
}

/** A Structure around hex, with the right length. */
function around(inner: string, tag = '420078'): string {
  const hex = inner.replace(/[\s|]/g, '');
  return `${tag} 01 ${(hex.length / 2).toString(16).padStart(8, '0')} ${hex}`;
}

const refused: readonly (readonly [why: string, barred: string, says: RegExp])[] = [
  ['an Integer of length 0', '42 002a | 02 | 00000000', /Integer has 4 bytes, got 0/],
  ['an Integer of length 3', '42 002a | 02 | 00000003 | 0000080000000000', /Integer has 4 bytes, got 3/],
  ['an Integer of length 5', '42 002a | 02 | 00000005 | 0000000800000000', /Integer has 4 bytes, got 5/],
  ['an Integer of length 8', '42 002a | 02 | 00000008 | 0000000800000000', /Integer has 4 bytes, got 8/],
  ['an Integer with a length of 4 GiB', '42 002a | 02 | ffffffff | 0000000800000000', /says 4294967295 bytes, 8 are left/],
  ['an Integer with padding that is not zero', '42 002a | 02 | 00000004 | 00000008 00000001', /padding of Cryptographic Length is not zero/],
  ['an Integer without its padding', '42 002a | 02 | 00000004 | 00000008', /padding of Cryptographic Length lies outside/],
  ['a Long Integer of length 7', '42 0097 | 03 | 00000007 | 0000000000000000', /LongInteger has 8 bytes, got 7/],
  ['a Long Integer of length 4', '42 0097 | 03 | 00000004 | 0000000000000000', /LongInteger has 8 bytes, got 4/],
  ['a Big Integer of length 0', '42 0052 | 04 | 00000000', /multiple of 8, got 0/],
  ['a Big Integer of length 7', '42 0052 | 04 | 00000007 | 0000000000000000', /multiple of 8, got 7/],
  ['a Big Integer of length 9', '42 0052 | 04 | 00000009 | 00000000000000000000000000000000', /multiple of 8, got 9/],
  ['an Enumeration of length 8', '42 0057 | 05 | 00000008 | 0000000200000000', /Enumeration has 4 bytes, got 8/],
  ['an Enumeration with padding that is not zero', '42 0057 | 05 | 00000004 | 00000002 80000000', /padding/],
  ['a Boolean of 2', '42 0010 | 06 | 00000008 | 0000000000000002', /a Boolean is 0 or 1/],
  ['a Boolean with its bit in the wrong half', '42 0010 | 06 | 00000008 | 0000000100000000', /a Boolean is 0 or 1/],
  ['a Boolean of length 1', '42 0010 | 06 | 00000001 | 0100000000000000', /Boolean has 8 bytes, got 1/],
  ['a text of broken UTF-8', '42 0094 | 07 | 00000002 | c328000000000000', /Unique Identifier is not UTF-8/],
  ['a text that ends inside a character', '42 0094 | 07 | 00000001 | c300000000000000', /is not UTF-8/],
  ['a text of an overlong character', '42 0094 | 07 | 00000002 | c080000000000000', /is not UTF-8/],
  ['a text of a surrogate', '42 0094 | 07 | 00000003 | eda0800000000000', /is not UTF-8/],
  ['a long text of broken UTF-8', `42 0094 | 07 | 00000048 | ${'41'.repeat(71)}ff`, /is not UTF-8/],
  ['a text with padding that is not zero', '42 0094 | 07 | 00000001 | 4100000000000020', /padding/],
  ['a text whose padding is cut off', '42 0094 | 07 | 00000001 | 41', /padding .* lies outside/],
  ['a Byte String longer than what is there', '42 0043 | 08 | 00000010 | 0000000000000000', /says 16 bytes, 8 are left/],
  ['a Byte String with padding that is not zero', '42 0043 | 08 | 00000007 | 0000000000000001', /padding/],
  ['a Date-Time of length 4', '42 0001 | 09 | 00000004 | 0000000000000000', /DateTime has 8 bytes, got 4/],
  ['a Date-Time beyond 2^53 seconds', '42 0001 | 09 | 00000008 | 0020000000000000', /more than 2\^53/],
  ['a Date-Time before -2^53 seconds', '42 0001 | 09 | 00000008 | ffdfffffffffffff', /more than 2\^53/],
  ['an Interval of length 8', '42 0049 | 0a | 00000008 | 0000000000000000', /Interval has 4 bytes, got 8/],
  ['an extended Date-Time of length 4', '42 0092 | 0b | 00000004 | 0000000000000000', /DateTimeExtended has 8 bytes, got 4/],
  ['item type 0', '42 002a | 00 | 00000004 | 0000000800000000', /item type 0x00/],
  ['item type 12', '42 002a | 0c | 00000004 | 0000000800000000', /item type 0x0c/],
  ['item type 255', '42 002a | ff | 00000004 | 0000000800000000', /item type 0xff/],
  ['a tag that begins with neither 42 nor 54', '43 002a | 02 | 00000004 | 0000000800000000', /a tag begins with 42 or 54/],
  ['bytes after the message', '42 002a | 02 | 00000004 | 0000000800000000 | 00', /1 bytes follow/],
  ['a structure shorter than its child', `42 0078 | 01 | 00000008 | 42 002a | 02 | 00000004 | 0000000800000000`, /says 4 bytes, 0 are left/],
  ['a structure that cuts a child header', '42 0078 | 01 | 00000004 | 42002a02', /at least 8 bytes, 4 are left/],
  ['a structure of a length that is not whole items', '42 0078 | 01 | 00000011 | 42 002a | 02 | 00000004 | 0000000800000000 00', /at least 8 bytes, 1 are left/],
  ['a child longer than its parent, within the message', `${around('42 0077 01 00000018 | 42 002a | 02 | 00000004 | 0000000800000000')} `, /says 24 bytes, 16 are left/],
];

for (const [why, barred, says] of refused) {
  test(`${why} is refused`, () => {
    assert.match(refusal(bytesOf(barred)).message, says);
    assert.match(refusal(bytesOf(around(barred))).message, /at byte \d+/);
  });
}

test('no bytes at all, and a second message after the first, are refused', () => {
  assert.match(refusal(bytesOf('')).message, /at least 8 bytes, 0 are left/);
  assert.match(refusal(bytesOf('42 0078 01 00000000 | 42 0078 01 00000000')).message, /8 bytes follow/);
});

const taken: readonly (readonly [why: string, barred: string])[] = [
  ['an empty structure', '42 0078 | 01 | 00000000'],
  ['an empty text', '42 0094 | 07 | 00000000'],
  ['an empty Byte String', '42 0043 | 08 | 00000000'],
  ['a text of eight bytes, which has no padding', '42 0094 | 07 | 00000008 | 4142434445464748'],
  ['a text of every length of character', '42 0094 | 07 | 0000000a | 41c3a9e282acf09f9880000000000000'],
  ['an extension tag', '54 0001 | 07 | 00000001 | 4100000000000000'],
  ['the last second that a double holds exactly', '42 0001 | 09 | 00000008 | 001fffffffffffff'],
];

for (const [why, barred] of taken) {
  test(`${why} is taken`, () => {
    assert.equal(readRows(bytesOf(barred)).count, 1);
    assert.equal(readRows(bytesOf(around(barred))).count, 2);
  });
}

const message = bytesOf(around(
  `${around('42 0069 01 00000020 | 42 006a 02 00000004 0000000100000000 | 42 006b 02 00000004 0000000400000000 | 42 000d 02 00000004 0000000100000000', '420077')}
   ${around(`42 005c 05 00000004 0000000a00000000 | 42 0093 08 00000003 6162630000000000 | ${around('42 0094 07 00000004 6b65793100000000 | 42 0001 09 00000008 0000000060000000', '420079')}`, '42000f')}`,
));

test('a message cut at any byte is refused', () => {
  assert.equal(readRows(message).count, 12);
  for (let length = 0; length < message.length; length++) refusal(message.slice(0, length));
});

test('a message with any length byte set to 255 is refused, or is another well-formed message', () => {
  for (let index = 0; index < message.length; index++) {
    const changed = message.slice();
    changed[index] = 0xff;
    try {
      readRows(changed);
    } catch (error) {
      assert.ok(error instanceof KmipError, `byte ${index}: ${String(error)}`);
    }
  }
});

test('structures nest as deep as the limit and no deeper', () => {
  const nested = (depth: number): Uint8Array => {
    let hex = '';
    for (let level = 0; level < depth; level++) hex = around(hex);
    return bytesOf(hex);
  };
  assert.equal(readRows(nested(maximumDepth)).count, maximumDepth);
  assert.match(refusal(nested(maximumDepth + 1)).message, /nested more than 32 deep/);
  assert.match(refusal(nested(20_000)).message, /nested more than 32 deep/);
});

test('a message has as many items as the limit and no more', () => {
  const empties = (count: number): Uint8Array => {
    const bytes = new Uint8Array(8 + count * 8);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, 0x42007801);
    view.setUint32(4, count * 8);
    for (let index = 0; index < count; index++) view.setUint32(8 + index * 8, 0x42007901);
    return bytes;
  };
  assert.equal(readRows(empties(maximumRows - 1)).count, maximumRows);
  assert.match(refusal(empties(maximumRows)).message, /more than 65536 items/);
});

test('rows know their parents and where their subtrees end', () => {
  const rows = readRows(message);
  const walked: number[] = [];
  for (let row = 1; row < rows.end(0); row = rows.end(row)) walked.push(row);
  assert.deepEqual(walked, [1, 6]);
  assert.deepEqual([rows.parent(0), rows.parent(1), rows.parent(2), rows.parent(3), rows.parent(6), rows.parent(10)], [-1, 0, 1, 2, 0, 9]);
  assert.equal(rows.end(0), 12);
  assert.equal(rows.text(10), 'key1');
});

test('rows read a view that does not begin at the start of its memory', () => {
  const shifted = new Uint8Array(message.length + 13);
  shifted.set(message, 13);
  const rows = readRows(shifted.subarray(13));
  assert.equal(rows.text(10), 'key1');
  assert.deepEqual(rows.value(8), new Uint8Array(Buffer.from('abc')));
});
