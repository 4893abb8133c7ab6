// Checks of one value that is no structure (KMIP 1.4 §9.1.1.3 and §9.1.1.4): length, padding, content. Role: the half of the reader
// that knows item types. Invariant: the answer is -1, or the offset at which the encoding breaks, the same one as
// src/codec/rows-plain.ts finds. Nothing outside offset - 8 … offset + room is read.

import {
  TYPE_BIG_INTEGER, TYPE_BOOLEAN, TYPE_BYTE_STRING, TYPE_DATE_TIME, TYPE_DATE_TIME_EXTENDED, TYPE_ENUMERATION, TYPE_INTEGER,
  TYPE_INTERVAL, TYPE_LONG_INTEGER, TYPE_TEXT_STRING,
} from "../tags.gen.ts";
import { padded } from "./rows.ts";

const FINE: i32 = -1;

/** Length that a type must have; -1 where it varies. */
// @ts-ignore: decorator
@inline
function fixedLength(type: u32): i32 {
  if (type == TYPE_INTEGER || type == TYPE_ENUMERATION || type == TYPE_INTERVAL) return 4;
  if (type == TYPE_LONG_INTEGER || type == TYPE_BOOLEAN || type == TYPE_DATE_TIME || type == TYPE_DATE_TIME_EXTENDED) return 8;
  return -1;
}

/** offset: of the value in the message; room: bytes from there to the end of the structure around it; length <= room. */
export function checkValue(message: usize, type: u32, offset: i32, length: i32, room: i32): i32 {
  const fixed = fixedLength(type);
  if (fixed >= 0 && length != fixed) return offset - 4;
  if (padded(length) > room) return offset - 4;
  const value = message + <usize>offset;
  const odd = length & 7;
  if (odd > 0) {
    const padding = load<u64>(value + <usize>(length - odd)) >> (<u64>odd << 3);
    if (padding != 0) return offset + length + (<i32>ctz<u64>(padding) >> 3);
  }
  if (type == TYPE_BYTE_STRING || type == TYPE_INTEGER || type == TYPE_ENUMERATION) return FINE;
  if (type == TYPE_TEXT_STRING) return isAscii(value, length) || isUtf8(value, length) ? FINE : offset;
  if (type == TYPE_BOOLEAN) return bswap<u64>(load<u64>(value)) > 1 ? offset : FINE;
  if (type == TYPE_BIG_INTEGER) return length == 0 || odd != 0 ? offset - 4 : FINE;
  if (type == TYPE_DATE_TIME) {
    const seconds = bswap<i64>(load<i64>(value));
    // What a double holds exactly: the host's form of a date.
    if (seconds >= 9007199254740992 || seconds <= -9007199254740992) return offset;
  }
  return FINE;
}

/** The zero bytes behind the text are ASCII too, so it goes by eights. */
function isAscii(text: usize, length: i32): bool {
  const end = text + <usize>padded(length);
  while (text < end) {
    if ((load<u64>(text) & 0x8080808080808080) != 0) return false;
    text += 8;
  }
  return true;
}

// @ts-ignore: decorator
@inline
function isContinuation(at: usize): bool {
  return (load<u8>(at) & 0xc0) == 0x80;
}

/** RFC 3629: no overlong form, no surrogate, nothing above U+10FFFF. */
export function isUtf8(text: usize, length: i32): bool {
  const end = text + <usize>length;
  while (text < end) {
    const first: u32 = load<u8>(text);
    text += 1;
    if (first < 0x80) continue;
    let more: i32 = 1;
    let least: u32 = 0x80;
    let most: u32 = 0xbf;
    if (first >= 0xc2 && first <= 0xdf) more = 1;
    else if (first >= 0xe0 && first <= 0xef) {
      more = 2;
      if (first == 0xe0) least = 0xa0;
      if (first == 0xed) most = 0x9f;
    } else if (first >= 0xf0 && first <= 0xf4) {
      more = 3;
      if (first == 0xf0) least = 0x90;
      if (first == 0xf4) most = 0x8f;
    } else return false;
    if (<i32>(end - text) < more) return false;
    const second: u32 = load<u8>(text);
    if (second < least || second > most) return false;
    for (let index: i32 = 1; index < more; index++) {
      if (!isContinuation(text + <usize>index)) return false;
    }
    text += <usize>more;
  }
  return true;
}
