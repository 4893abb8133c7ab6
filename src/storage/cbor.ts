/**
 * Values to bytes and back: the encoding of stored records, a subset of CBOR (RFC 8949) with one form for each value.
 *
 * Invariant: decode(encode(v)) is v, in the very in-memory form (`kmip/schema.ts`), and equal values built in the same order
 * give equal bytes on every node: shortest heads (§4.2.1), definite lengths, map entries in the order of the value.
 * Why not the messages' own TTLV: its writer leaves out what a protocol version lacks, and a record must lose nothing.
 *
 *   number (whole, |n| <= 2^53-1)  major 0, 1          text    major 3         array   major 4
 *   bigint                         tag 2, 3 + bytes    bytes   major 2         object  major 5 (undefined members left out)
 *   true, false, null              major 7             Map     tag 259 + map
 *
 * Decoding copies byte strings, so that the caller can wipe the input. Lengths are checked against the bytes that are there.
 */
import { Buffer } from 'node:buffer';
import { Fault } from '../fault.ts';
import { depthMax, tagMap, tagNegativeBignum, tagPositiveBignum, withEncoded } from './cbor-writer.ts';

export { withEncoded } from './cbor-writer.ts';

/** Member and attribute names met before, by a cheap hash: making a text from bytes is what decoding spends its time on. */
const knownNames: { readonly bytes: Uint8Array; readonly text: string }[] = [];
const knownNamesMask = 0x3ff;
const knownNameLengthMax = 40;

/** `index` and `value` as texts. */
const indexName = Uint8Array.of(0x65, 0x69, 0x6e, 0x64, 0x65, 0x78);
const valueName = Uint8Array.of(0x65, 0x76, 0x61, 0x6c, 0x75, 0x65);

/** Encodes one value. A value that has no form here (fraction, function, class instance) is a bug and asserts. */
export function encode(value: unknown): Uint8Array {
  return withEncoded(value, (bytes) => new Uint8Array(bytes));
}

/** Decodes exactly one value. Anything else than what `encode` writes is a Fault: the record is damaged. */
export function decode(bytes: Uint8Array): unknown {
  const reader = new Reader(bytes);
  const value = reader.value(0);
  if (reader.offset !== bytes.length) throw damaged('bytes after the end', reader.offset);
  return value;
}

function damaged(what: string, offset: number): Fault {
  return new Fault('E_RECORD_DAMAGED', `A stored record is damaged: ${what} at offset ${offset}.`);
}

class Reader {
  readonly #bytes: Buffer;
  offset = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  value(depth: number): unknown {
    if (depth > depthMax) throw damaged('nesting too deep', this.offset);
    const start = this.offset;
    const initial = this.#bytes[start];
    if (initial === undefined) throw damaged('early end', start);
    switch (initial >> 5) {
      case 0:
        return this.#argument();
      case 1:
        return -1 - this.#argument();
      case 2:
        return this.#byteString(this.#length());
      case 3:
        return this.#text();
      case 4:
        return this.#array(depth);
      case 5:
        return this.#map(depth);
      case 6:
        return this.#tagged(depth);
      default:
        this.offset += 1;
        if (initial === 0xf5) return true;
        if (initial === 0xf4) return false;
        if (initial === 0xf6) return null;
        throw damaged('unknown simple value', start);
    }
  }

  #tagged(depth: number): unknown {
    const start = this.offset;
    const tag = this.#argument();
    if (tag === tagMap) {
      const count = this.#headOf(5);
      const map = new Map<unknown, unknown>();
      for (let index = 0; index < count; index++) {
        const name = this.#bytes[this.offset]! >> 5 === 3 ? this.#name() : this.value(depth + 1);
        map.set(name, this.value(depth + 1));
      }
      return map;
    }
    if (tag !== tagPositiveBignum && tag !== tagNegativeBignum) throw damaged('unknown tag', start);
    const bytes = this.#byteString(this.#headOf(2));
    const magnitude = bytes.length === 0 ? 0n : BigInt(`0x${Buffer.from(bytes).toString('hex')}`);
    return tag === tagPositiveBignum ? magnitude : -1n - magnitude;
  }

  #array(depth: number): unknown[] {
    const count = this.#length();
    const elements: unknown[] = [];
    for (let index = 0; index < count; index++) elements.push(this.value(depth + 1));
    return elements;
  }

  #map(depth: number): Record<string, unknown> {
    const count = this.#length();
    if (count === 2 && this.#isNext(indexName)) return this.#instance(depth);
    const members: Record<string, unknown> = {};
    for (let index = 0; index < count; index++) {
      const name = this.#memberName();
      members[name] = this.value(depth + 1);
    }
    return members;
  }

  /**
   * An instance of an attribute, { index, value }: two thirds of the maps of a record. A literal of a known shape is made and
   * read several times faster than an object that gets its members one by one.
   */
  #instance(depth: number): Record<string, unknown> {
    this.offset += indexName.length;
    const index = this.value(depth + 1);
    if (this.#isNext(valueName)) {
      this.offset += valueName.length;
      return { index, value: this.value(depth + 1) };
    }
    const name = this.#memberName();
    return { index, [name]: this.value(depth + 1) };
  }

  #isNext(wanted: Uint8Array): boolean {
    const { offset } = this;
    for (let position = 0; position < wanted.length; position++) if (this.#bytes[offset + position] !== wanted[position]) return false;
    return true;
  }

  #memberName(): string {
    if ((this.#bytes[this.offset] ?? 0) >> 5 !== 3) throw damaged('member without a name', this.offset);
    const name = this.#name();
    // A plain assignment of this one name would set the prototype.
    if (name === '__proto__') throw damaged('reserved member name', this.offset);
    return name;
  }

  /** A text that other records have as well. */
  #name(): string {
    const start = this.offset;
    const length = this.#length();
    if (length === 0 || length > knownNameLengthMax) {
      this.offset = start;
      return this.#text();
    }
    const bytes = this.#bytes;
    const first = this.offset;
    this.offset += length;
    const slot = (length * 31 + bytes[first]! * 7 + bytes[first + (length >> 1)]! * 131 + bytes[this.offset - 1]! * 17) & knownNamesMask;
    const known = knownNames[slot];
    if (known !== undefined && known.bytes.length === length) {
      let index = 0;
      while (index < length && known.bytes[index] === bytes[first + index]) index += 1;
      if (index === length) return known.text;
    }
    const text = bytes.toString('utf8', first, this.offset);
    knownNames[slot] = { bytes: new Uint8Array(bytes.subarray(first, this.offset)), text };
    return text;
  }

  #text(): string {
    const length = this.#length();
    const start = this.offset;
    this.offset += length;
    return this.#bytes.toString('utf8', start, this.offset);
  }

  #byteString(length: number): Uint8Array {
    const start = this.offset;
    if (length > this.#bytes.length - start) throw damaged('length beyond the end', start);
    this.offset += length;
    // Buffer's own slice would share the memory.
    return new Uint8Array(this.#bytes.subarray(start, this.offset));
  }

  #headOf(major: number): number {
    if ((this.#bytes[this.offset] ?? 0xff) >> 5 !== major) throw damaged('unexpected kind of value', this.offset);
    return this.#length();
  }

  /** An argument that counts things which take at least one byte each. */
  #length(): number {
    const start = this.offset;
    const length = this.#argument();
    if (length > this.#bytes.length - this.offset) throw damaged('length beyond the end', start);
    return length;
  }

  #argument(): number {
    const start = this.offset;
    const bytes = this.#bytes;
    const additional = (bytes[start] ?? 0) & 0x1f;
    if (additional < 24) {
      this.offset = start + 1;
      return additional;
    }
    const size = additional === 24 ? 1 : additional === 25 ? 2 : additional === 26 ? 4 : additional === 27 ? 8 : 0;
    if (size === 0) throw damaged('indefinite length', start);
    if (bytes.length - start - 1 < size) throw damaged('early end', start);
    this.offset = start + 1 + size;
    if (size === 1) return bytes.readUInt8(start + 1);
    if (size === 2) return bytes.readUInt16BE(start + 1);
    if (size === 4) return bytes.readUInt32BE(start + 1);
    const large = bytes.readBigUInt64BE(start + 1);
    if (large > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged('number too large', start);
    return Number(large);
  }
}
