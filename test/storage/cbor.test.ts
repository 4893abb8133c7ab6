/**
 * The record encoding: bytes of RFC 8949 Appendix A, round trips of every value a record can hold, refusal of damage.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { Fault } from '../../src/fault.ts';
import { decode, encode } from '../../src/storage/cbor.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

it('writes what RFC 8949 Appendix A gives', () => {
  const rows: readonly [unknown, string][] = [
    [0, '00'], [10, '0a'], [23, '17'], [24, '1818'], [100, '1864'], [1000, '1903e8'], [1000000, '1a000f4240'], [1000000000000, '1b000000e8d4a51000'],
    [18446744073709551616n, 'c249010000000000000000'], [-18446744073709551617n, 'c349010000000000000000'],
    [-1, '20'], [-10, '29'], [-100, '3863'], [-1000, '3903e7'], [false, 'f4'], [true, 'f5'], [null, 'f6'],
    [new Uint8Array(0), '40'], [new Uint8Array([1, 2, 3, 4]), '4401020304'], ['', '60'], ['IETF', '6449455446'], ['ü', '62c3bc'], ['水', '63e6b0b4'],
    [[], '80'], [[1, [2, 3], [4, 5]], '8301820203820405'], [{}, 'a0'], [{ a: 1, b: [2, 3] }, 'a26161016162820203'],
  ];
  for (const [value, bytes] of rows) {
    assert.equal(hex(encode(value)), bytes);
    assert.deepEqual(decode(Buffer.from(bytes, 'hex')), value);
  }
});

const scalar = fc.oneof(fc.maxSafeInteger(), fc.bigInt(), fc.boolean(), fc.string({ unit: 'grapheme' }), fc.uint8Array(), fc.constant(null));
const { value } = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' }, scalar, fc.array(tie('value')),
    fc.dictionary(fc.string().filter((name) => name !== '__proto__'), tie('value'), { noNullPrototype: true }),
    fc.array(fc.tuple(fc.string(), tie('value'))).map((entries) => new Map(entries)),
  ),
}));

it('gives every value back as it was, and equal bytes for equal values', () => {
  fc.assert(fc.property(value, (sample) => {
    const bytes = encode(sample);
    const again = decode(bytes);
    assert.deepEqual(again, sample);
    assert.deepEqual(encode(again), bytes);
  }));
});

it('copies byte strings, so that the input can be wiped', () => {
  const bytes = encode({ key: new Uint8Array([1, 2, 3]) });
  const decoded = decode(bytes) as { key: Uint8Array };
  bytes.fill(0);
  assert.deepEqual(decoded.key, new Uint8Array([1, 2, 3]));
  assert.equal(Object.getPrototypeOf(decoded.key), Uint8Array.prototype);
});

it('leaves out undefined members, and refuses what has no form', () => {
  assert.deepEqual(decode(encode({ a: undefined, b: 1 })), { b: 1 });
  for (const bad of [1.5, Number.NaN, 2 ** 60, () => 1, Symbol('s'), new Date(), [undefined], new Set()]) assert.throws(() => encode(bad));
});

it('encodes right after a value that could not be encoded, and values of any size', () => {
  assert.throws(() => encode(['left over', 1.5]));
  assert.deepEqual(decode(encode([])), []);
  const large = { text: 'x'.repeat(50_000), bytes: new Uint8Array(100_000).fill(7), list: Array.from({ length: 3000 }, (_, index) => index) };
  assert.deepEqual(decode(encode(large)), large);
});

it('refuses damage without allocating what it claims', () => {
  const damaged = ['', '18', '1900', '61', '5b7fffffffffffffff', '9a7fffffff', 'bb7fffffffffffffff', '0000', 'f7', 'f97c00', '9f01ff', 'c100', 'a10102', 'd9010380', '1bffffffffffffffff', 'a1695f5f70726f746f5f5f00'];
  for (const bytes of damaged) assert.throws(() => decode(Buffer.from(bytes, 'hex')), (error) => error instanceof Fault && error.code === 'E_RECORD_DAMAGED', bytes);
  assert.throws(() => decode(new Uint8Array(1000).fill(0x81)), /too deep/);
});

it('ends with a value or a Fault at every truncation and for any bytes', () => {
  const bytes = encode({ name: 'n', list: [1, 300, 70000, new Uint8Array(30)], map: new Map([['k', -5n]]) });
  for (let length = 0; length < bytes.length; length++) assert.throws(() => decode(bytes.subarray(0, length)), Fault);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (noise) => {
    try {
      decode(noise);
    } catch (error) {
      assert.ok(error instanceof Fault, String(error));
    }
  }), { numRuns: 2000 });
});
