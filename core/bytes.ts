// Big-endian loads and stores, and the two counter increments. Role: byte order in one place. Counters are
// public (they follow from the IV and the position), so no rule of constant time binds them, so they may branch.

/** A word with its bytes in the other order. The compiler's own is a call, which no pass folds where the word is a constant. */
// @ts-ignore: decorator
@inline
export function swapBytes32(value: u32): u32 {
  return rotl<u32>(value & 0xff00ff00, 8) | rotr<u32>(value & 0x00ff00ff, 8);
}

// @ts-ignore: decorator
@inline
export function swapBytes64(value: u64): u64 {
  return (<u64>swapBytes32(<u32>value) << 32) | <u64>swapBytes32(<u32>(value >> 32));
}

// @ts-ignore: decorator
@inline
export function loadBigEndian64(pointer: usize): u64 {
  return swapBytes64(load<u64>(pointer));
}

// @ts-ignore: decorator
@inline
export function storeBigEndian64(pointer: usize, value: u64): void {
  store<u64>(pointer, swapBytes64(value));
}

/** XORs `length` (1 to 16) bytes; target may be either source. Secret: the bytes. */
export function xorBytes(target: usize, left: usize, right: usize, length: i32): void {
  do {
    store<u8>(target, load<u8>(left) ^ load<u8>(right));
    target += 1;
    left += 1;
    right += 1;
    length -= 1;
  } while (length > 0);
}

/** Swaps the bytes of the last word: a counter block in native order, and back. */
// @ts-ignore: decorator
@inline
function swapLastWord(block: v128): v128 {
  return v128.shuffle<u8>(block, block, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 14, 13, 12);
}

/** Writes eight counter blocks to target, starting with the one at counter, which moves on by `count`, 1 to 8. GCM's increment: the
 *  last four bytes only, modulo 2^32 (SP 800-38D §6.2). */
export function spreadCounter32(counter: usize, target: usize, count: i32): void {
  const first = swapLastWord(v128.load(counter));
  v128.store(target, swapLastWord(first));
  v128.store(target, swapLastWord(i32x4.add(first, i32x4(0, 0, 0, 1))), 16);
  v128.store(target, swapLastWord(i32x4.add(first, i32x4(0, 0, 0, 2))), 32);
  v128.store(target, swapLastWord(i32x4.add(first, i32x4(0, 0, 0, 3))), 48);
  v128.store(target, swapLastWord(i32x4.add(first, i32x4(0, 0, 0, 4))), 64);
  v128.store(target, swapLastWord(i32x4.add(first, i32x4(0, 0, 0, 5))), 80);
  v128.store(target, swapLastWord(i32x4.add(first, i32x4(0, 0, 0, 6))), 96);
  v128.store(target, swapLastWord(i32x4.add(first, i32x4(0, 0, 0, 7))), 112);
  v128.store(counter, swapLastWord(i32x4.add(first, i32x4.replace_lane(i64x2.splat(0), 3, count))));
}

/** The same where the whole block is one 128-bit big-endian number (SP 800-38A B.1 with m = 128, as OpenSSL counts). Only when
 *  the last word wraps within these blocks do the others take part. */
export function spreadCounter128(counter: usize, target: usize, count: i32): void {
  if (swapBytes32(load<u32>(counter, 12)) < 0xfffffff8) {
    spreadCounter32(counter, target, count);
    return;
  }
  let high = loadBigEndian64(counter);
  let low = loadBigEndian64(counter + 8);
  for (let index: i32 = 0; index < 8; index++) {
    if (index == count) {
      storeBigEndian64(counter, high);
      storeBigEndian64(counter + 8, low);
    }
    storeBigEndian64(target, high);
    storeBigEndian64(target + 8, low);
    target += 16;
    low += 1;
    high += <u64>(low == 0);
  }
  if (count == 8) {
    storeBigEndian64(counter, high);
    storeBigEndian64(counter + 8, low);
  }
}

/** Moves a counter block on by `count`, without writing it elsewhere. */
export function advanceCounter(counter: usize, count: u32, isGcm: bool): void {
  if (isGcm) {
    store<u32>(counter, swapBytes32(swapBytes32(load<u32>(counter, 12)) + count), 12);
    return;
  }
  const low = loadBigEndian64(counter + 8) + <u64>count;
  storeBigEndian64(counter + 8, low);
  storeBigEndian64(counter, loadBigEndian64(counter) + <u64>(low < <u64>count));
}

/** Eight blocks of zeros: the mask of a cipher call that XORs nothing in. */
export const ZERO_BLOCKS: usize = memory.data(128, 16);
