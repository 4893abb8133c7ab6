// The row table: what the reader leaves and all else reads. Role: where the cells of a row lie, and big-endian values in
// place. Invariant: rows are in the order of the bytes; the children of row r are r + 1 up to rowEnd(r), each child c
// followed by rowEnd(c). src/codec/rows-plain.ts has the same table, cell by cell. All of it is public.
//
//   row r at rows + 24 r:   tag | item type | offset of the value | length | row of the parent | first row after

import { swapBytes32 } from "../bytes.ts";
import { ROW_BYTES, ROW_END, ROW_LENGTH, ROW_OFFSET, ROW_TAG, ROW_TYPE } from "../abi.ts";

// @ts-ignore: decorator
@inline
export function rowAt(rows: usize, row: i32): usize {
  return rows + <usize>(row * ROW_BYTES);
}

// @ts-ignore: decorator
@inline
export function rowTag(rows: usize, row: i32): u32 {
  return load<u32>(rowAt(rows, row), ROW_TAG);
}

// @ts-ignore: decorator
@inline
export function rowType(rows: usize, row: i32): u32 {
  return load<u32>(rowAt(rows, row), ROW_TYPE);
}

// @ts-ignore: decorator
@inline
export function rowOffset(rows: usize, row: i32): i32 {
  return load<i32>(rowAt(rows, row), ROW_OFFSET);
}

// @ts-ignore: decorator
@inline
export function rowLength(rows: usize, row: i32): i32 {
  return load<i32>(rowAt(rows, row), ROW_LENGTH);
}

// @ts-ignore: decorator
@inline
export function rowEnd(rows: usize, row: i32): i32 {
  return load<i32>(rowAt(rows, row), ROW_END);
}

/** Whether a row is a tag of an item type. */
// @ts-ignore: decorator
@inline
export function rowIs(rows: usize, row: i32, tag: u32, type: u32): bool {
  return rowTag(rows, row) == tag && rowType(rows, row) == type;
}

/** Value of an Integer or an Enumeration. */
// @ts-ignore: decorator
@inline
export function rowInteger(message: usize, rows: usize, row: i32): i32 {
  return <i32>swapBytes32(load<u32>(message + <usize>rowOffset(rows, row)));
}

/** Length with the zero bytes behind a value, a multiple of 8. */
// @ts-ignore: decorator
@inline
export function padded(length: i32): i32 {
  return (length + 7) & ~7;
}
