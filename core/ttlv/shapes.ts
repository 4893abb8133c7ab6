// Row tables of messages that were read before. Role: a client's messages differ in values, seldom in shape, and to find the shape again costs a quarter of
// reading it: the heads of all items (tag, type, length) are compared, sixteen bytes at a time, with those of the last message as long.
// Invariants: what is recalled is what readRows would answer, since equal heads at the same offsets of a message of equal length make
// equal rows, and the values are checked as it does; no value is kept, heads only, which are public.
//
//   shape   length, rows, rows whose value needs a look of its own (bits), length missed last
//           rows of 24 bytes | for each row 16 bytes: head and zeros, 16 bytes: which bits have to be so

import { ROW_BYTES, ROW_LENGTH, ROW_OFFSET, ROW_TYPE } from "../abi.ts";
import { reserve } from "../memory.ts";
import { TYPE_BOOLEAN, TYPE_BYTE_STRING, TYPE_ENUMERATION, TYPE_INTEGER, TYPE_INTERVAL, TYPE_LONG_INTEGER, TYPE_STRUCTURE } from "../tags.gen.ts";
import { checkValue } from "./check.ts";
import { padded, rowAt } from "./rows.ts";

const SHAPES: usize = 8;
/** More rows than a message of one item has; as many as bits in a word. */
const SHAPE_ROWS_MAX: i32 = 32;
const SHAPE_LENGTH: usize = 0;
const SHAPE_COUNT: usize = 4;
const SHAPE_LOOKS: usize = 8;
const SHAPE_MISSED: usize = 12;
const SHAPE_ROWS: usize = 16;
const SHAPE_HEADS: usize = 784;
const SHAPE_BYTES: usize = 1808;

let shapes: usize = 0;

/** Reserves the room, once. */
export function reserveShapes(): bool {
  shapes = reserve(SHAPES * SHAPE_BYTES, 64);
  return shapes != 0;
}

// @ts-ignore: decorator
@inline
function shapeOf(length: i32): usize {
  return shapes + ((<usize>length >> 3) & (SHAPES - 1)) * SHAPE_BYTES;
}

/** The row table of a message, or 0 if it has to be read. length > 0; fifteen bytes behind the message can be loaded. */
export function recallRows(message: usize, length: i32): usize {
  const shape = shapeOf(length);
  if (load<i32>(shape, SHAPE_LENGTH) != length) return 0;
  let looks = load<u32>(shape, SHAPE_LOOKS);
  let row = shape + SHAPE_ROWS;
  const end = row + <usize>(load<i32>(shape, SHAPE_COUNT) * ROW_BYTES);
  let head = shape + SHAPE_HEADS;
  do {
    const offset = load<i32>(row, ROW_OFFSET);
    const different = v128.xor(v128.load(message + <usize>(offset - 8)), v128.load(head));
    if (v128.any_true(v128.and(different, v128.load(head, 16)))) return 0;
    if ((looks & 1) != 0) {
      const valueLength = load<i32>(row, ROW_LENGTH);
      if (checkValue(message, load<u32>(row, ROW_TYPE), offset, valueLength, padded(valueLength)) >= 0) return 0;
    }
    looks >>= 1;
    row += ROW_BYTES;
    head += 32;
  } while (row < end);
  store<i32>(shape, 0, SHAPE_MISSED);
  return shape + SHAPE_ROWS;
}

/** Takes note of a message that was read, if it is the second in a row of its length that was not recalled. */
export function noteRows(message: usize, length: i32, rows: usize, count: i32): void {
  if (count > SHAPE_ROWS_MAX) return;
  const shape = shapeOf(length);
  if (load<i32>(shape, SHAPE_MISSED) != length) {
    store<i32>(shape, length, SHAPE_MISSED);
    return;
  }
  memory.copy(shape + SHAPE_ROWS, rows, <usize>(count * ROW_BYTES));
  let looks: u32 = 0;
  for (let index: i32 = 0; index < count; index++) {
    const row = rowAt(rows, index);
    const type = load<u32>(row, ROW_TYPE);
    const head = shape + SHAPE_HEADS + (<usize>index << 5);
    store<u64>(head, load<u64>(message + <usize>(load<i32>(row, ROW_OFFSET) - 8)));
    store<u64>(head, 0, 8);
    store<u64>(head, -1, 16);
    // Of the eight bytes behind the head, little-endian: padding, or all bits of a Boolean but the last.
    let same: u64 = 0;
    if (type == TYPE_INTEGER || type == TYPE_ENUMERATION || type == TYPE_INTERVAL) same = 0xffffffff00000000;
    else if (type == TYPE_BOOLEAN) same = 0xfeffffffffffffff;
    else if (type != TYPE_STRUCTURE && type != TYPE_LONG_INTEGER && !(type == TYPE_BYTE_STRING && (load<i32>(row, ROW_LENGTH) & 7) == 0)) looks |= 1 << index;
    store<u64>(head, same, 24);
  }
  store<i32>(shape, length, SHAPE_LENGTH);
  store<i32>(shape, count, SHAPE_COUNT);
  store<u32>(shape, looks, SHAPE_LOOKS);
  store<i32>(shape, 0, SHAPE_MISSED);
}
