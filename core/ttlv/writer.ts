// Appends TTLV items at a pointer; every function answers the pointer behind what it wrote (KMIP 1.4 §9.1). Role: the encoding of
// answers. Invariants: padding is written as zeros, whatever was in memory; a structure's length is patched when it is
// closed. The caller has made sure of the room: an item takes itemBytes(length), and 8 bytes behind it may be overwritten.

import { TYPE_BYTE_STRING, TYPE_DATE_TIME, TYPE_ENUMERATION, TYPE_INTEGER, TYPE_STRUCTURE } from "../tags.gen.ts";
import { swapBytes32, swapBytes64 } from "../bytes.ts";
import { padded } from "./rows.ts";

/** Bytes of an item with a value of `length` bytes. */
// @ts-ignore: decorator
@inline
export function itemBytes(length: i32): i32 {
  return 8 + padded(length);
}

// @ts-ignore: decorator
@inline
function writeHead(at: usize, tag: u32, type: u32, length: i32): void {
  store<u64>(at, swapBytes64((<u64>tag << 40) | (<u64>type << 32) | <u64><u32>length));
}

/** Opens a structure, whose begin is `at`. */
// @ts-ignore: decorator
@inline
export function beginStructure(at: usize, tag: u32): usize {
  writeHead(at, tag, TYPE_STRUCTURE, 0);
  return at + 8;
}

/** Closes the structure that began at `begun`; `at` is where the next item goes. */
// @ts-ignore: decorator
@inline
export function endStructure(begun: usize, at: usize): void {
  store<u32>(begun, swapBytes32(<u32>(at - begun - 8)), 4);
}

// @ts-ignore: decorator
@inline
export function writeInteger(at: usize, tag: u32, value: i32): usize {
  writeHead(at, tag, TYPE_INTEGER, 4);
  store<u64>(at, <u64>swapBytes32(<u32>value), 8);
  return at + 16;
}

// @ts-ignore: decorator
@inline
export function writeEnumeration(at: usize, tag: u32, value: u32): usize {
  writeHead(at, tag, TYPE_ENUMERATION, 4);
  store<u64>(at, <u64>swapBytes32(value), 8);
  return at + 16;
}

// @ts-ignore: decorator
@inline
export function writeDateTime(at: usize, tag: u32, seconds: i64): usize {
  writeHead(at, tag, TYPE_DATE_TIME, 8);
  store<i64>(at, swapBytes64(<u64>seconds), 8);
  return at + 16;
}

/** Head and padding of a Byte String whose value stands at at + 8 already. */
// @ts-ignore: decorator
@inline
export function closeByteString(at: usize, tag: u32, length: i32): usize {
  writeHead(at, tag, TYPE_BYTE_STRING, length);
  store<u64>(at + 8 + <usize>length, 0);
  return at + <usize>itemBytes(length);
}

/** Of a value of up to 16 bytes 16 can be loaded. */
export function writeByteString(at: usize, tag: u32, value: usize, length: i32): usize {
  if (length <= 16) v128.store(at + 8, v128.load(value));
  else memory.copy(at + 8, value, <usize>length);
  return closeByteString(at, tag, length);
}

/** A whole item as it stands elsewhere, padding included; length: of its value. Copied by eights: such items are short. */
export function copyItem(at: usize, item: usize, length: i32): usize {
  const end = item + <usize>itemBytes(length);
  do {
    store<u64>(at, load<u64>(item));
    at += 8;
    item += 8;
  } while (item < end);
  return at;
}
