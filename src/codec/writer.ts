/**
 * TtlvWriter: appends items and patches the length of a structure when it is closed (KMIP 1.4 §9.1).
 *
 * Invariant: what it holds between calls is whole items, padded with zero bytes; every `begin` has its `end`. `bytes` ends
 * the writer. Its memory is zero from `length` on; it goes from one writer to the next, wiped, because answers hold keys
 * and because a fresh kilobyte for each costs more than writing it.
 */
import { ItemType } from '../kmip/item-types.ts';
import type { TtlvNode } from '../kmip/schema.ts';

export interface WriterOptions {
  /**
   * Leave out attributes that the message's version lacks, or whose value holds an enumeration value it lacks: right for
   * a server's answers. A client's request says what the caller said.
   */
  readonly filterAttributes?: boolean;
}

interface Memory {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView<ArrayBuffer>;
  /** The same bytes, for their text encoder. */
  readonly buffer: Buffer;
}

const firstCapacity = 16_384;

/** Memory above this is not kept for the next writer. */
const keptCapacity = 262_144;

/** Wiped memory for the next writer, unless one is at work. */
let spare: Memory | undefined;

function memoryOf(capacity: number): Memory {
  const bytes = new Uint8Array(capacity);
  return { bytes, view: new DataView(bytes.buffer), buffer: Buffer.from(bytes.buffer) };
}

/** Memory of a writer that has ended. */
const none = memoryOf(0);

export class TtlvWriter {
  readonly filterAttributes: boolean;
  #memory: Memory;
  #view: DataView<ArrayBuffer>;
  #length = 0;

  constructor(options: WriterOptions = {}) {
    this.filterAttributes = options.filterAttributes ?? true;
    this.#memory = spare ?? memoryOf(firstCapacity);
    this.#view = this.#memory.view;
    spare = undefined;
  }

  get length(): number {
    return this.#length;
  }

  /** Opens a structure; the number belongs to `end`. */
  begin(tag: number): number {
    const start = this.#header(tag, ItemType.Structure, 0, 0);
    return start + 8;
  }

  end(begun: number): void {
    this.#view.setUint32(begun - 4, this.#length - begun);
  }

  integer(tag: number, value: number): void {
    const at = this.#header(tag, ItemType.Integer, 4, 8) + 8;
    this.#view.setInt32(at, value);
  }

  longInteger(tag: number, value: bigint): void {
    const at = this.#header(tag, ItemType.LongInteger, 8, 8) + 8;
    this.#view.setBigInt64(at, value);
  }

  enumeration(tag: number, value: number): void {
    const at = this.#header(tag, ItemType.Enumeration, 4, 8) + 8;
    this.#view.setUint32(at, value);
  }

  boolean(tag: number, value: boolean): void {
    const at = this.#header(tag, ItemType.Boolean, 8, 8) + 12;
    this.#view.setUint32(at, value ? 1 : 0);
  }

  interval(tag: number, value: number): void {
    const at = this.#header(tag, ItemType.Interval, 4, 8) + 8;
    this.#view.setUint32(at, value);
  }

  /** Whole seconds since the epoch. */
  dateTime(tag: number, value: number): void {
    const at = this.#header(tag, ItemType.DateTime, 8, 8) + 8;
    const high = Math.floor(value / 0x1_0000_0000);
    this.#view.setInt32(at, high);
    this.#view.setUint32(at + 4, value - high * 0x1_0000_0000);
  }

  /** Microseconds since the epoch. */
  dateTimeExtended(tag: number, value: bigint): void {
    const at = this.#header(tag, ItemType.DateTimeExtended, 8, 8) + 8;
    this.#view.setBigInt64(at, value);
  }

  textString(tag: number, value: string): void {
    // Three bytes a character at most: room for the worst case, then the length that came out.
    const start = this.#reserve(8 + value.length * 3 + 7);
    const length = this.#memory.buffer.write(value, start + 8, 'utf8');
    this.#finish(start, tag, ItemType.TextString, length);
  }

  byteString(tag: number, value: Uint8Array): void {
    this.#raw(tag, ItemType.ByteString, value);
  }

  /** Two's complement, big-endian, a multiple of 8 bytes. */
  bigInteger(tag: number, value: Uint8Array): void {
    if (value.length === 0 || value.length % 8 !== 0) throw new RangeError(`a Big Integer has a multiple of 8 bytes, got ${value.length}`);
    this.#raw(tag, ItemType.BigInteger, value);
  }

  /** A tree, under its own tag or another. Depth is that of the tree: the reader bounded it. */
  node(node: TtlvNode, tag: number = node.tag): void {
    switch (node.type) {
      case ItemType.Structure: {
        const begun = this.begin(tag);
        for (const child of node.value as readonly TtlvNode[]) this.node(child);
        this.end(begun);
        return;
      }
      case ItemType.Integer: return this.integer(tag, node.value as number);
      case ItemType.LongInteger: return this.longInteger(tag, node.value as bigint);
      case ItemType.BigInteger: return this.bigInteger(tag, node.value as Uint8Array);
      case ItemType.Enumeration: return this.enumeration(tag, node.value as number);
      case ItemType.Boolean: return this.boolean(tag, node.value as boolean);
      case ItemType.TextString: return this.textString(tag, node.value as string);
      case ItemType.ByteString: return this.byteString(tag, node.value as Uint8Array);
      case ItemType.DateTime: return this.dateTime(tag, node.value as number);
      case ItemType.Interval: return this.interval(tag, node.value as number);
      case ItemType.DateTimeExtended: return this.dateTimeExtended(tag, node.value as bigint);
      default: throw new RangeError(`item type ${node.type} does not exist`);
    }
  }

  /** Items that are encoded already, padding included. */
  encoded(items: Uint8Array): void {
    const start = this.#reserve(items.length);
    this.#memory.bytes.set(items, start);
    this.#length = start + items.length;
  }

  /** All that was written, in memory of its own that may be transferred to another thread. Ends the writer. */
  bytes(): Uint8Array<ArrayBuffer> {
    const { bytes } = this.#memory;
    const written = bytes.slice(0, this.#length);
    bytes.fill(0, 0, this.#length);
    if (bytes.length <= keptCapacity) spare = this.#memory;
    this.#memory = none;
    this.#view = this.#memory.view;
    this.#length = 0;
    return written;
  }

  /** Fixed-length items: header now, value by the caller; memory above #length is always zero, so padding is there. It may move the
   *  memory, so `this.#view` is read after it. */
  #header(tag: number, type: number, length: number, room: number): number {
    const start = this.#reserve(8 + room);
    this.#view.setUint32(start, (tag << 8) | type);
    this.#view.setUint32(start + 4, length);
    this.#length = start + 8 + room;
    return start;
  }

  #raw(tag: number, type: number, value: Uint8Array): void {
    const start = this.#reserve(8 + value.length + 7);
    this.#memory.bytes.set(value, start + 8);
    this.#finish(start, tag, type, value.length);
  }

  #finish(start: number, tag: number, type: number, length: number): void {
    this.#view.setUint32(start, (tag << 8) | type);
    this.#view.setUint32(start + 4, length);
    this.#length = start + 8 + Math.ceil(length / 8) * 8;
  }

  #reserve(count: number): number {
    const start = this.#length;
    const { bytes } = this.#memory;
    if (start + count > bytes.length) {
      const larger = memoryOf(Math.max(bytes.length * 2, start + count));
      larger.bytes.set(bytes.subarray(0, start));
      bytes.fill(0, 0, start);
      this.#memory = larger;
      this.#view = larger.view;
    }
    return start;
  }
}
