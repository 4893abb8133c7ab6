/**
 * The row table of a TTLV message, in plain TypeScript (KMIP 1.4 §9.1, KMIP 2.1 §10.1): one pass that checks the encoding
 * and notes where each item stands; every reader works on rows in place and copies nothing.
 *
 *     42 0020 | 02 | 00000004 | 00000008 00000000        tag, item type, length, value, zero padding to 8 bytes
 *
 * Invariants: the pass is a loop, not a recursion; it allocates by the bytes that are there, never by a length that they
 * declare; what it accepts is well-formed to the last bit, so readers need no bounds checks of their own. Rows are in
 * the order of the bytes: the children of row r are r + 1 up to end(r), each child c followed by end(c).
 */
import { isUtf8 } from 'node:buffer';
import { ItemType, fixedLength, itemTypeName } from '../kmip/item-types.ts';
import { KmipError } from '../kmip/result.ts';
import { tagRow } from '../kmip/tags.ts';

/** Levels of structures. A real message has eight; a deeper one is made to hurt recursive readers. */
export const maximumDepth = 32;

/** Items in one message: a batch of a thousand items has some twenty thousand. Bounds the table at 1.5 MB. */
export const maximumRows = 65_536;

export interface RowLimits {
  readonly maximumDepth?: number;
  readonly maximumRows?: number;
}

/** Cells of one row: tag, item type, offset of the value, length of the value, row of the parent, first row after the subtree. */
const stride = 6;

/** Where the pass writes before it knows how many rows there are; shared, since a pass never yields. */
let scratch = new Int32Array(stride * 256);

export class RowTable {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly count: number;
  readonly #cells: Int32Array;
  /** The same bytes, for their text decoder; made when the first text is read. */
  #buffer: Buffer | undefined;

  constructor(bytes: Uint8Array, view: DataView, cells: Int32Array, count: number) {
    this.bytes = bytes;
    this.view = view;
    this.count = count;
    this.#cells = cells;
  }

  tag(row: number): number {
    return this.#cells[row * stride] as number;
  }

  type(row: number): number {
    return this.#cells[row * stride + 1] as number;
  }

  /** Offset of the value; the item itself begins 8 bytes before. */
  offset(row: number): number {
    return this.#cells[row * stride + 2] as number;
  }

  length(row: number): number {
    return this.#cells[row * stride + 3] as number;
  }

  /** Row of the structure around the item; -1 for the first row. */
  parent(row: number): number {
    return this.#cells[row * stride + 4] as number;
  }

  /** First row after the item and all that is in it: its next sibling, if its parent has one. */
  end(row: number): number {
    return this.#cells[row * stride + 5] as number;
  }

  /** The value's bytes: a view of the message, not a copy. */
  value(row: number): Uint8Array {
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + this.offset(row), this.length(row));
  }

  /** The whole item with its header and padding, as a view. */
  item(row: number): Uint8Array {
    const start = this.offset(row) - 8;
    return new Uint8Array(this.bytes.buffer, this.bytes.byteOffset + start, 8 + padded(this.length(row)));
  }

  text(row: number): string {
    this.#buffer ??= Buffer.from(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    const start = this.offset(row);
    return this.#buffer.toString('utf8', start, start + this.length(row));
  }
}

function padded(length: number): number {
  return Math.ceil(length / 8) * 8;
}

/** What an item is called in messages: its name, or its number. */
export function tagTitle(tag: number): string {
  return tagRow(tag)?.title ?? `tag 0x${tag.toString(16).padStart(6, '0')}`;
}

function malformed(offset: number, what: string): never {
  throw new KmipError('InvalidMessage', `malformed TTLV at byte ${offset}: ${what}`);
}

/** Reads exactly one item that fills `bytes`. Throws a KmipError that names the byte where the encoding breaks. */
export function readRows(bytes: Uint8Array, limits: RowLimits = {}): RowTable {
  const depthLimit = limits.maximumDepth ?? maximumDepth;
  const rowLimit = limits.maximumRows ?? maximumRows;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let cells = scratch;
  let count = 0;
  let position = 0;
  let parent = -1;
  let parentEnd = bytes.length;
  let depth = 0;
  do {
    if (parentEnd - position < 8) malformed(position, `an item takes at least 8 bytes, ${parentEnd - position} are left`);
    if (count === rowLimit) malformed(position, `the message has more than ${rowLimit} items`);
    const tag = view.getUint32(position) >>> 8;
    const type = bytes[position + 3] as number;
    const length = view.getUint32(position + 4);
    if (tag >>> 16 !== 0x42 && tag >>> 16 !== 0x54) malformed(position, `a tag begins with 42 or 54, got ${tag.toString(16).padStart(6, '0')}`);
    if (type === 0 || type > ItemType.DateTimeExtended) malformed(position + 3, `item type 0x${type.toString(16).padStart(2, '0')} of ${tagTitle(tag)} does not exist`);
    const room = parentEnd - position - 8;
    if (length > room) malformed(position + 4, `${tagTitle(tag)} says ${length} bytes, ${room} are left in ${parent < 0 ? 'the message' : 'its structure'}`);

    if ((count + 1) * stride > cells.length) cells = scratch = grown(cells);
    const cell = count * stride;
    cells[cell] = tag;
    cells[cell + 1] = type;
    cells[cell + 2] = position + 8;
    cells[cell + 3] = length;
    cells[cell + 4] = parent;
    cells[cell + 5] = count + 1;

    if (type === ItemType.Structure) {
      if (depth === depthLimit) malformed(position, `structures are nested more than ${depthLimit} deep`);
      position += 8;
      parent = count;
      parentEnd = position + length;
      depth++;
    } else {
      checkValue(bytes, view, tag, type, position + 8, length, room);
      position += 8 + padded(length);
    }
    count++;
    while (position === parentEnd && parent >= 0) {
      cells[parent * stride + 5] = count;
      parent = cells[parent * stride + 4] as number;
      parentEnd = parent < 0 ? bytes.length : (cells[parent * stride + 2] as number) + (cells[parent * stride + 3] as number);
      depth--;
    }
  } while (parent >= 0);
  if (position !== bytes.length) malformed(position, `${bytes.length - position} bytes follow the end of the message`);
  return new RowTable(bytes, view, cells.slice(0, count * stride), count);
}

function grown(cells: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(cells.length * 2);
  larger.set(cells);
  return larger;
}

/** Checks length, content and padding of one value that is no structure. */
function checkValue(bytes: Uint8Array, view: DataView, tag: number, type: number, offset: number, length: number, room: number): void {
  const fixed = fixedLength(type);
  if (fixed !== undefined && length !== fixed) malformed(offset - 4, `${tagTitle(tag)}: ${itemTypeName(type)} has ${fixed} bytes, got ${length}`);
  if (padded(length) > room) malformed(offset - 4, `the padding of ${tagTitle(tag)} lies outside its structure`);
  for (let index = offset + length; index < offset + padded(length); index++) {
    if (bytes[index] !== 0) malformed(index, `the padding of ${tagTitle(tag)} is not zero`);
  }
  switch (type) {
    case ItemType.Boolean:
      if (view.getUint32(offset) !== 0 || view.getUint32(offset + 4) > 1) malformed(offset, `${tagTitle(tag)}: a Boolean is 0 or 1`);
      break;
    case ItemType.BigInteger:
      if (length === 0 || length % 8 !== 0) malformed(offset - 4, `${tagTitle(tag)}: the length of a Big Integer is a multiple of 8, got ${length}`);
      break;
    case ItemType.DateTime: {
      const high = view.getInt32(offset);
      if (high >= 0x200000 || high < -0x200000 || (high === -0x200000 && view.getUint32(offset + 4) === 0)) malformed(offset, `${tagTitle(tag)}: a Date-Time of more than 2^53 seconds`);
      break;
    }
    case ItemType.TextString:
      if (!isAscii(bytes, offset, length) && !isUtf8(bytes.subarray(offset, offset + length))) malformed(offset, `${tagTitle(tag)} is not UTF-8`);
      break;
    default:
  }
}

/** Most text is ASCII and short, where a loop beats a call. */
function isAscii(bytes: Uint8Array, offset: number, length: number): boolean {
  if (length > 64) return false;
  for (let index = offset; index < offset + length; index++) {
    if ((bytes[index] as number) > 0x7f) return false;
  }
  return true;
}
