// Big-endian loads and stores, and the two counter increments. Role: byte order in one place. Counters are
// public (they follow from the IV and the position), so no rule of constant time binds them, yet none of
// these functions branches.

// The last word of a counter block in native order, and back: an involution.
const SWAP_LAST_WORD: usize = memory.data<u8>([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 14, 13, 12], 16);

// @ts-ignore: decorator
@inline
export function loadBigEndian64(pointer: usize): u64 {
  return bswap<u64>(load<u64>(pointer));
}

// @ts-ignore: decorator
@inline
export function storeBigEndian64(pointer: usize, value: u64): void {
  store<u64>(pointer, bswap<u64>(value));
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

/** Writes `count` counter blocks to target, starting with the one at counter, which moves on by `count`.
 *  The whole block is one 128-bit big-endian number (SP 800-38A B.1 with m = 128, as OpenSSL counts). */
export function spreadCounter128(counter: usize, target: usize, count: i32): void {
  let high = loadBigEndian64(counter);
  let low = loadBigEndian64(counter + 8);
  for (let index: i32 = 0; index < count; index++) {
    storeBigEndian64(target, high);
    storeBigEndian64(target + 8, low);
    target += 16;
    low += 1;
    high += <u64>(low == 0);
  }
  storeBigEndian64(counter, high);
  storeBigEndian64(counter + 8, low);
}

/** The same with GCM's increment: the last four bytes only, modulo 2^32 (SP 800-38D §6.2). */
export function spreadCounter32(counter: usize, target: usize, count: i32): void {
  const swap = v128.load(SWAP_LAST_WORD);
  const one = i32x4(0, 0, 0, 1);
  let value = i8x16.swizzle(v128.load(counter), swap);
  for (let index: i32 = 0; index < count; index++) {
    v128.store(target, i8x16.swizzle(value, swap));
    target += 16;
    value = i32x4.add(value, one);
  }
  v128.store(counter, i8x16.swizzle(value, swap));
}

/** Moves a counter block on by one, without writing it elsewhere. */
export function incrementCounter(counter: usize, isGcm: bool): void {
  if (isGcm) {
    store<u32>(counter, bswap<u32>(bswap<u32>(load<u32>(counter, 12)) + 1), 12);
    return;
  }
  const low = loadBigEndian64(counter + 8) + 1;
  storeBigEndian64(counter + 8, low);
  storeBigEndian64(counter, loadBigEndian64(counter) + <u64>(low == 0));
}

/** Eight blocks of zeros: the mask of a cipher call that XORs nothing in. */
export const ZERO_BLOCKS: usize = memory.data(128, 16);
