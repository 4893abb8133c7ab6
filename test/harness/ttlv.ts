/**
 * A second, plain TTLV codec for tests (KMIP 1.4 §9.1.1, KMIP 2.1 §9.1): bytes to a tree of items and back.
 *
 * It shares no code with the product's codec, so that the two check each other. It is strict: a wrong fixed length,
 * non-zero padding, a boolean other than 0 or 1, broken UTF-8, a child that overruns its parent and bytes left over
 * are all refused. It has no limits of its own, so it is for answers of a server under test, never for strangers.
 */
import { ItemType, fixedLength, itemTypeName } from '../../src/kmip/item-types.ts';

/** Integer, Enumeration, Interval: number. LongInteger, DateTime, DateTimeExtended: bigint. BigInteger, ByteString: bytes. */
export type Value = number | bigint | boolean | string | Uint8Array;

/** One item: a Structure has `children`, every other type a `value`. */
export interface Item {
  readonly tag: number;
  readonly type: number;
  readonly value?: Value;
  readonly children?: readonly Item[];
}

const headerLength = 8;

function paddedLength(length: number): number {
  return Math.ceil(length / 8) * 8; // no bit operations: they would make a length above 2^31 negative
}

/** Bytes of an item's value, without padding. */
function encodeValue(item: Item): Buffer {
  const { type, value } = item;
  switch (type) {
    case ItemType.Structure:
      return Buffer.concat((item.children ?? []).map(encode));
    case ItemType.Integer: {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32BE(Number(value));
      return bytes;
    }
    case ItemType.Enumeration:
    case ItemType.Interval: {
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32BE(Number(value));
      return bytes;
    }
    case ItemType.LongInteger:
    case ItemType.DateTime:
    case ItemType.DateTimeExtended: {
      const bytes = Buffer.alloc(8);
      bytes.writeBigInt64BE(BigInt(value as bigint | number));
      return bytes;
    }
    case ItemType.Boolean: {
      const bytes = Buffer.alloc(8);
      bytes[7] = value === true ? 1 : 0;
      return bytes;
    }
    case ItemType.TextString:
      return Buffer.from(value as string, 'utf8');
    default:
      return Buffer.from(value as Uint8Array);
  }
}

/** The item as TTLV bytes, padded. */
export function encode(item: Item): Buffer {
  const value = encodeValue(item);
  const bytes = Buffer.alloc(headerLength + paddedLength(value.length));
  bytes.writeUIntBE(item.tag, 0, 3);
  bytes[3] = item.type;
  bytes.writeUInt32BE(value.length, 4);
  value.copy(bytes, headerLength);
  return bytes;
}

function refuse(offset: number, what: string): never {
  throw new Error(`TTLV at offset ${offset}: ${what}`);
}

function decodeValue(type: number, bytes: Buffer, offset: number): Value {
  switch (type) {
    case ItemType.Integer:
      return bytes.readInt32BE();
    case ItemType.Enumeration:
    case ItemType.Interval:
      return bytes.readUInt32BE();
    case ItemType.LongInteger:
    case ItemType.DateTime:
    case ItemType.DateTimeExtended:
      return bytes.readBigInt64BE();
    case ItemType.Boolean: {
      const number = bytes.readBigUInt64BE();
      if (number > 1n) refuse(offset, `Boolean of ${number}, allowed 0 and 1`);
      return number === 1n;
    }
    case ItemType.TextString:
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    case ItemType.BigInteger:
      if (bytes.length === 0 || bytes.length % 8 !== 0) refuse(offset, `Big Integer of ${bytes.length} bytes, allowed are multiples of 8`);
      return Buffer.from(bytes);
    default:
      return Buffer.from(bytes);
  }
}

function decodeAt(bytes: Buffer, offset: number, end: number): { item: Item; next: number } {
  if (end - offset < headerLength) refuse(offset, `${end - offset} bytes left, a header has ${headerLength}`);
  const tag = bytes.readUIntBE(offset, 3);
  const type = bytes[offset + 3]!;
  const length = bytes.readUInt32BE(offset + 4);
  if (tag >> 16 !== 0x42 && tag >> 16 !== 0x54) refuse(offset, `tag 0x${tag.toString(16)}, allowed are 42… and 54…`);
  if (itemTypeName(type) === undefined) refuse(offset + 3, `item type 0x${type.toString(16)} does not exist`);
  const fixed = fixedLength(type);
  if (fixed !== undefined && length !== fixed) refuse(offset + 4, `length ${length} of ${itemTypeName(type)}, allowed is ${fixed}`);
  const start = offset + headerLength;
  const next = start + paddedLength(length);
  if (next > end) refuse(offset + 4, `length ${length} reaches to ${next}, the enclosing item ends at ${end}`);
  for (let index = start + length; index < next; index += 1) {
    if (bytes[index] !== 0) refuse(index, 'padding that is not zero');
  }
  if (type !== ItemType.Structure) return { item: { tag, type, value: decodeValue(type, bytes.subarray(start, start + length), start) }, next };
  const children: Item[] = [];
  for (let position = start; position < start + length; ) {
    const child = decodeAt(bytes, position, start + length);
    children.push(child.item);
    position = child.next;
  }
  return { item: { tag, type, children }, next };
}

/** The one item that the bytes hold; throws when they are malformed or hold anything after it. */
export function decode(source: Uint8Array): Item {
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  const { item, next } = decodeAt(bytes, 0, bytes.length);
  if (next !== bytes.length) refuse(next, `${bytes.length - next} bytes after the item`);
  return item;
}
