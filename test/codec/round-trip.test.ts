/**
 * Properties over random trees: what is written reads back, the tests' own codec agrees to the byte, and whatever is
 * changed in a message either reads or is refused with a KmipError, never anything else.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decodeNode, encodeNode } from '../../src/codec/node.ts';
import { ItemType } from '../../src/kmip/item-types.ts';
import { KmipError } from '../../src/kmip/result.ts';
import type { TtlvNode } from '../../src/kmip/schema.ts';
import { tagTable } from '../../src/kmip/tags.ts';
import { decode, encode } from '../harness/wire.ts';

const tag = fc.oneof(fc.constantFrom(...Object.values(tagTable).map((row) => row.number)), fc.integer({ min: 0x540000, max: 0x54ffff }));
const bytes = (lengths: fc.ArrayConstraints): fc.Arbitrary<Uint8Array> => fc.array(fc.integer({ min: 0, max: 255 }), lengths).map((values) => new Uint8Array(values));
const long = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

/** Ordinary objects, as the reader makes them. */
const nodeOf = (parts: { readonly tag: fc.Arbitrary<number>; readonly type: fc.Arbitrary<number>; readonly value: fc.Arbitrary<unknown> }): fc.Arbitrary<TtlvNode> => fc.record(parts, { noNullPrototype: true }) as fc.Arbitrary<TtlvNode>;

const leaf: fc.Arbitrary<TtlvNode> = fc.oneof(
  nodeOf({ tag, type: fc.constant(ItemType.Integer), value: fc.integer() }),
  nodeOf({ tag, type: fc.constant(ItemType.LongInteger), value: long }),
  nodeOf({ tag, type: fc.constant(ItemType.BigInteger), value: bytes({ minLength: 8, maxLength: 8 }).chain((each) => fc.integer({ min: 1, max: 4 }).map((times) => new Uint8Array(Buffer.concat(Array<Uint8Array>(times).fill(each))))) }),
  nodeOf({ tag, type: fc.constantFrom(ItemType.Enumeration, ItemType.Interval), value: fc.integer({ min: 0, max: 0xffffffff }) }),
  nodeOf({ tag, type: fc.constant(ItemType.Boolean), value: fc.boolean() }),
  nodeOf({ tag, type: fc.constant(ItemType.TextString), value: fc.string({ unit: 'binary', maxLength: 90 }).map((text) => text.toWellFormed()) }),
  nodeOf({ tag, type: fc.constant(ItemType.ByteString), value: bytes({ maxLength: 40 }) }),
  nodeOf({ tag, type: fc.constant(ItemType.DateTime), value: fc.maxSafeInteger().map((seconds) => (Object.is(seconds, -0) ? 0 : seconds)) }),
  nodeOf({ tag, type: fc.constant(ItemType.DateTimeExtended), value: long }),
);

const { node } = fc.letrec<{ node: TtlvNode }>((tie) => ({
  node: fc.oneof({ maxDepth: 6, depthSize: 'small' }, leaf, nodeOf({ tag, type: fc.constant(ItemType.Structure), value: fc.array(tie('node'), { maxLength: 6 }) })),
}));

test('any tree reads back as it was written, and the tests’ own codec writes the same bytes', () => {
  fc.assert(fc.property(node, (tree) => {
    const written = encodeNode(tree);
    assert.equal(written.length % 8, 0);
    assert.deepEqual(decodeNode(written), tree);
    assert.deepEqual(new Uint8Array(encode(decode(written))), written);
  }), { numRuns: 1500 });
});

test('a message with bytes changed, cut or doubled reads or is refused, and both codecs agree which', () => {
  const change = fc.record({ at: fc.nat(), to: fc.integer({ min: 0, max: 255 }) });
  fc.assert(fc.property(node, fc.array(change, { minLength: 1, maxLength: 3 }), fc.nat({ max: 20 }), (tree, changes, cut) => {
    const changed = encodeNode(tree);
    for (const { at, to } of changes) changed[at % changed.length] = to;
    const source = cut === 0 ? changed.slice(0, changed.length - 1) : changed;
    let read: TtlvNode | undefined;
    try {
      read = decodeNode(source);
    } catch (error) {
      assert.ok(error instanceof KmipError, String(error));
    }
    let own = true;
    try {
      decode(source);
    } catch {
      own = false;
    }
    // The product is the stricter one: Big Integers of no bytes, far dates, foreign tags, depth.
    if (read !== undefined) assert.ok(own, Buffer.from(source).toString('hex'));
    if (read !== undefined) assert.deepEqual(encodeNode(read), source);
  }), { numRuns: 3000 });
});
