// Linear memory: who has which part of it, and how it is wiped. Role: one bump allocator for regions that are
// reserved once, when a thread starts, and live as long as the instance. Invariant: nothing is ever freed or
// moved, so a pointer stays good; memory grows to MEMORY_PAGES_MAX and no further.
//
//   0 ........ static tables (public constants), then the static work areas of each file
//   __heap_base  first reserved region | second | ...   (cipher scratch, slots, request, response, rows)

import { MEMORY_PAGES_MAX } from "./abi.ts";

let top: usize = __heap_base;

/** Reserves zeroed bytes; the answer is their address, or 0 if memory is at its limit. align: a power of two. */
export function reserve(length: usize, align: usize): usize {
  const start = (top + align - 1) & ~(align - 1);
  const end: u64 = <u64>start + <u64>length;
  if (end > <u64>MEMORY_PAGES_MAX << 16) return 0;
  const have: i32 = memory.size();
  const need = <i32>((end + 0xffff) >> 16);
  if (need > have && memory.grow(need - have) < 0) return 0;
  top = <usize>end;
  return start;
}

/** Zeroes 1 to 8 blocks of a work area: for so few, cheaper than the call that memory.fill is in V8. */
export function wipeBlocks(pointer: usize, blocks: i32): void {
  const zero = i64x2.splat(0);
  do {
    v128.store(pointer, zero);
    pointer += 16;
    blocks -= 1;
  } while (blocks > 0);
}

/** Copies 1 to 8 blocks; a call of memory.copy costs as much as ten. */
export function copyBlocks(target: usize, source: usize, blocks: i32): void {
  do {
    v128.store(target, v128.load(source));
    target += 16;
    source += 16;
    blocks -= 1;
  } while (blocks > 0);
}

/** Copies seven blocks: what a batch of eight needs of the one before each. */
// @ts-ignore: decorator
@inline
export function copySevenBlocks(target: usize, source: usize): void {
  v128.store(target, v128.load(source));
  v128.store(target, v128.load(source, 16), 16);
  v128.store(target, v128.load(source, 32), 32);
  v128.store(target, v128.load(source, 48), 48);
  v128.store(target, v128.load(source, 64), 64);
  v128.store(target, v128.load(source, 80), 80);
  v128.store(target, v128.load(source, 96), 96);
}

/** Zeroes bytes. memory.fill is one instruction that no compiler pass may drop: linear memory is observable. */
export function wipe(pointer: usize, length: usize): void {
  memory.fill(pointer, 0, length);
}
