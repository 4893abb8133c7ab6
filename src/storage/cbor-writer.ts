/**
 * The writing half of cbor.ts.
 *
 * Invariant: what is written holds key material and is in one of two places, which are wiped when it was copied or used. Encoding
 * never waits, so two are enough: the bytes of a record may be in use while its place is encoded (envelope.ts).
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';

/** Nesting of a record: an attribute's value is at most a few structures deep, a custom one 32 (codec's own limit). */
export const depthMax = 80;
export const tagPositiveBignum = 2;
export const tagNegativeBignum = 3;
export const tagMap = 259;

/** Members of an object whose number is one byte. */
const shortCountMax = 23;
/** Texts up to here are tried as ASCII. */
const plainTextMax = 40;

/** Most values fit. */
const scratches = [Buffer.alloc(8192), Buffer.alloc(1024)] as const;
let scratchesTaken = 0;

/** As `encode`, without a copy: the bytes are there, and not changed, until `use` returns; then they are wiped. */
export function withEncoded<Result>(value: unknown, use: (bytes: Uint8Array) => Result): Result {
  const writer = new Writer(scratches[scratchesTaken] ?? Buffer.alloc(scratches[1].length));
  scratchesTaken += 1;
  try {
    writer.value(value, 0);
    return use(writer.written());
  } finally {
    writer.wipe();
    scratchesTaken -= 1;
  }
}

class Writer {
  #bytes: Buffer;
  #length = 0;

  constructor(scratch: Buffer) {
    this.#bytes = scratch;
  }

  written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  /** Records hold key material: nothing of them stays in the writer's own memory. */
  wipe(): void {
    this.#bytes.fill(0, 0, this.#length);
  }

  value(value: unknown, depth: number): void {
    if (depth > depthMax) assert.fail('value nests too deep for a record');
    switch (typeof value) {
      case 'number':
        if (!Number.isSafeInteger(value)) assert.fail('only whole numbers can be stored');
        if (value >= 0) this.#head(0, value);
        else this.#head(1, -1 - value);
        return;
      case 'string':
        this.#text(value);
        return;
      case 'boolean':
        this.#byte(value ? 0xf5 : 0xf4);
        return;
      case 'bigint':
        this.#bigint(value);
        return;
      case 'object':
        this.#structured(value, depth);
        return;
      default:
        assert.fail(`a ${typeof value} cannot be stored`);
    }
  }

  #structured(value: object | null, depth: number): void {
    if (value === null) this.#byte(0xf6);
    else if (value instanceof Uint8Array) {
      this.#head(2, value.length);
      this.#append(value);
    } else if (Array.isArray(value)) {
      this.#head(4, value.length);
      for (const element of value) this.value(element, depth + 1);
    } else if (value instanceof Map) {
      this.#head(6, tagMap);
      this.#head(5, value.size);
      // A loop over the entries makes an array of each.
      value.forEach((member: unknown, name: unknown) => {
        this.value(name, depth + 1);
        this.value(member, depth + 1);
      });
    } else {
      const prototype: unknown = Object.getPrototypeOf(value);
      if (prototype !== Object.prototype && prototype !== null) assert.fail('only plain objects can be stored');
      this.#members(value as Readonly<Record<string, unknown>>, depth);
    }
  }

  #members(members: Readonly<Record<string, unknown>>, depth: number): void {
    const names = Object.keys(members);
    const isShort = names.length <= shortCountMax;
    const start = this.#length;
    // Where the number is one byte anyway it is written when all members are: looking at each of them costs as much as writing it.
    this.#head(5, isShort ? 0 : names.filter((name) => members[name] !== undefined).length);
    let count = 0;
    for (const name of names) {
      const member = members[name];
      if (member === undefined) continue;
      count += 1;
      this.#text(name);
      this.value(member, depth + 1);
    }
    if (isShort) this.#bytes[start] = (5 << 5) | count;
  }

  #bigint(value: bigint): void {
    this.#head(6, value >= 0n ? tagPositiveBignum : tagNegativeBignum);
    let hexadecimal = (value >= 0n ? value : -1n - value).toString(16);
    if (hexadecimal.length % 2 === 1) hexadecimal = `0${hexadecimal}`;
    const bytes = hexadecimal === '00' ? Buffer.alloc(0) : Buffer.from(hexadecimal, 'hex');
    this.#head(2, bytes.length);
    this.#append(bytes);
  }

  #text(value: string): void {
    if (value.length <= plainTextMax && this.#plainText(value)) return;
    const length = Buffer.byteLength(value, 'utf8');
    this.#head(3, length);
    this.#reserve(length);
    this.#bytes.write(value, this.#length, length, 'utf8');
    this.#length += length;
  }

  /** Short and ASCII, as names are: byte by byte costs less than a call out. False, and nothing written, where it is not. */
  #plainText(value: string): boolean {
    const start = this.#length;
    this.#head(3, value.length);
    this.#reserve(value.length);
    const bytes = this.#bytes;
    let offset = this.#length;
    for (let index = 0; index < value.length; index++) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) {
        // Bytes beyond the length are not wiped at the end.
        bytes.fill(0, start, offset);
        this.#length = start;
        return false;
      }
      bytes[offset++] = code;
    }
    this.#length = offset;
    return true;
  }

  #head(major: number, argument: number): void {
    this.#reserve(9);
    const bytes = this.#bytes;
    const start = this.#length;
    if (argument < 24) {
      bytes[start] = (major << 5) | argument;
      this.#length += 1;
    } else if (argument < 0x100) {
      bytes[start] = (major << 5) | 24;
      bytes[start + 1] = argument;
      this.#length += 2;
    } else if (argument < 0x10000) {
      bytes[start] = (major << 5) | 25;
      bytes.writeUInt16BE(argument, start + 1);
      this.#length += 3;
    } else if (argument < 0x100000000) {
      bytes[start] = (major << 5) | 26;
      bytes.writeUInt32BE(argument, start + 1);
      this.#length += 5;
    } else {
      bytes[start] = (major << 5) | 27;
      bytes.writeBigUInt64BE(BigInt(argument), start + 1);
      this.#length += 9;
    }
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = byte;
  }

  #append(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.alloc(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes.fill(0, 0, this.#length);
    this.#bytes = larger;
  }
}
