// From a TTLV message to its row table (KMIP 1.4 §9.1, KMIP 2.1 §10.1): one pass that checks the encoding and notes where each
// item stands. Role: twin of src/codec/rows-plain.ts, which says the same in TypeScript; a test holds both to the same rows,
// verdicts and offsets. Invariants: a loop, no recursion; memory is the caller's table and no more, whatever lengths the
// message declares; what passes is well-formed to the last bit, so nobody behind needs bounds checks. All of it is public: a
// message's shape steers, its values do not.
//
//   42 0020 | 02 | 00000004 | 00000008 00000000        tag, item type, length, value, zero padding to 8 bytes

import { ROW_BYTES, ROW_END, ROW_LENGTH, ROW_OFFSET, ROW_PARENT, ROW_TAG, ROW_TYPE } from "../abi.ts";
import { TYPE_DATE_TIME_EXTENDED, TYPE_ENUMERATION, TYPE_INTEGER, TYPE_STRUCTURE } from "../tags.gen.ts";
import { checkValue } from "./check.ts";
import { padded, rowAt } from "./rows.ts";

/** Reads exactly one item of `length` bytes. The answer is how many rows there are, or ~offset (negative) of the byte
 *  where the encoding breaks. rows: room for rowsMax rows. */
export function readRows(message: usize, length: i32, rows: usize, rowsMax: i32, depthMax: i32): i32 {
  let count: i32 = 0;
  let position: i32 = 0;
  let parent: i32 = -1;
  let parentEnd: i32 = length;
  let depth: i32 = 0;
  let at = rows;
  do {
    if (parentEnd - position < 8) return ~position;
    if (count == rowsMax) return ~position;
    const lead = load<u32>(message + <usize>position);
    const tag = bswap<u32>(lead) >> 8;
    const type = lead >> 24;
    const declared = bswap<u32>(load<u32>(message + <usize>position, 4));
    if (tag >> 16 != 0x42 && tag >> 16 != 0x54) return ~position;
    if (type == 0 || type > TYPE_DATE_TIME_EXTENDED) return ~(position + 3);
    const room = parentEnd - position - 8;
    if (declared > <u32>room) return ~(position + 4);
    const valueLength = <i32>declared;
    store<u32>(at, tag, ROW_TAG);
    store<u32>(at, type, ROW_TYPE);
    store<i32>(at, position + 8, ROW_OFFSET);
    store<i32>(at, valueLength, ROW_LENGTH);
    store<i32>(at, parent, ROW_PARENT);
    store<i32>(at, count + 1, ROW_END);
    if (type == TYPE_STRUCTURE) {
      if (depth == depthMax) return ~position;
      position += 8;
      parent = count;
      parentEnd = position + valueLength;
      depth += 1;
    } else if ((type == TYPE_INTEGER || type == TYPE_ENUMERATION) && valueLength == 4 && room >= 8 && load<u32>(message + <usize>position, 12) == 0) {
      // The most usual items, and their size is known before their length was read: the next one need not wait for it.
      position += 16;
    } else {
      const wrong = checkValue(message, type, position + 8, valueLength, room);
      if (wrong >= 0) return ~wrong;
      position += 8 + padded(valueLength);
    }
    count += 1;
    at += ROW_BYTES;
    while (position == parentEnd && parent >= 0) {
      const closed = rowAt(rows, parent);
      store<i32>(closed, count, ROW_END);
      parent = load<i32>(closed, ROW_PARENT);
      if (parent < 0) parentEnd = length;
      else {
        const around = rowAt(rows, parent);
        parentEnd = load<i32>(around, ROW_OFFSET) + load<i32>(around, ROW_LENGTH);
      }
      depth -= 1;
    }
  } while (parent >= 0);
  return position == length ? count : ~position;
}
