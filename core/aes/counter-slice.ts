// Round 1 of up to sixteen counter blocks that differ in byte 15 only, for encryptEightCounters: the short form of sliceCounters
// (bitslice-counter.gen.ts), which makes 128 and pays from seven batches on. Role: the S-box of byte 15 for all sixteen in one register, by vector
// permute, then an 8 x 8 bit transposition of both halves of it at once. Secret: keys, run; public: the counter.
//
//   run: 0 C_b, planes of what all blocks share (8 x 16)   128 W_b, words V V 3V 2V of plane b for batches 0 and 1 (8 bytes each 64)

import { lookUp } from "../ct.ts";
import { BITSLICE_FIRST, BITSLICE_MIDDLE } from "./area-layout.ts";
import { BIT_SQUARES, ENCRYPT_LAST, LAST_BYTE, LAST_BYTE_MASK, PHI, PLANE_ORDERS, ROTATIONS, STEPS } from "./tables.ts";
import { changeBasis, invertAndMap } from "./vector-permute.ts";

/** Byte b of each half becomes the b-th bits of the half's bytes. */
// @ts-ignore: decorator
@inline
function transposeBits(halves: v128): v128 {
  let swap = v128.and(v128.xor(halves, i64x2.shr_u(halves, 7)), v128.load(BIT_SQUARES));
  let value = v128.xor(v128.xor(halves, swap), i64x2.shl(swap, 7));
  swap = v128.and(v128.xor(value, i64x2.shr_u(value, 14)), v128.load(BIT_SQUARES, 16));
  value = v128.xor(v128.xor(value, swap), i64x2.shl(swap, 14));
  swap = v128.and(v128.xor(value, i64x2.shr_u(value, 28)), v128.load(BIT_SQUARES, 32));
  return v128.xor(v128.xor(value, swap), i64x2.shl(swap, 28));
}

/** Words of planes `plane` and `plane` + 1, for both batches. */
// @ts-ignore: decorator
@inline
function storeWords(run: usize, plane: usize, words: v128): void {
  v128.store64_lane(run + (plane << 6), words, 0, 128);
  v128.store64_lane(run + (plane << 6), words, 1, 192);
}

/** `run` gets what encryptEightCounters starts from, for batches 0 and 1. Byte 15 may not run over within what is used of them. */
export function sliceSixteen(keys: usize, counter: usize, run: usize): void {
  const base = v128.load(counter);
  const first = v128.load(keys, BITSLICE_FIRST);
  const lastByte = v128.load(LAST_BYTE);
  const bytes = v128.xor(i8x16.add(lookUp(base, lastByte), v128.load(STEPS)), lookUp(first, lastByte));
  const planes = transposeBits(invertAndMap(changeBasis(bytes, PHI), ENCRYPT_LAST));
  const once = lookUp(planes, v128.load(PLANE_ORDERS));
  const twice = v128.xor(lookUp(planes, v128.load(PLANE_ORDERS, 16)), lookUp(planes, v128.load(PLANE_ORDERS, 32)));
  const thrice = v128.xor(once, twice);
  const lowOnce = v128.shuffle<u8>(once, once, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const lowMore = v128.shuffle<u8>(thrice, twice, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const highOnce = v128.shuffle<u8>(once, once, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  const highMore = v128.shuffle<u8>(thrice, twice, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
  storeWords(run, 0, v128.shuffle<u16>(lowOnce, lowMore, 0, 8, 1, 9, 2, 10, 3, 11));
  storeWords(run, 2, v128.shuffle<u16>(lowOnce, lowMore, 4, 12, 5, 13, 6, 14, 7, 15));
  storeWords(run, 4, v128.shuffle<u16>(highOnce, highMore, 0, 8, 1, 9, 2, 10, 3, 11));
  storeWords(run, 6, v128.shuffle<u16>(highOnce, highMore, 4, 12, 5, 13, 6, 14, 7, 15));

  // The other fifteen bytes: MixColumns with nothing in byte 15, then K_1.
  const substituted = v128.andnot(invertAndMap(changeBasis(v128.xor(base, first), PHI), ENCRYPT_LAST), v128.load(LAST_BYTE_MASK));
  const rho = v128.load(ROTATIONS, 16);
  const zero = i64x2.splat(0);
  const doubled = v128.xor(i8x16.add(substituted, substituted), v128.and(i8x16.lt_s(substituted, zero), i8x16.splat(0x1b)));
  const sum = v128.xor(doubled, lookUp(substituted, rho));
  let bits = v128.xor(v128.xor(lookUp(substituted, v128.load(ROTATIONS, 144)), sum), lookUp(sum, rho));
  let plane: usize = 128;
  do {
    plane -= 16;
    v128.store(run + plane, v128.xor(v128.load(keys + plane, BITSLICE_MIDDLE), i8x16.lt_s(bits, zero)));
    bits = i8x16.add(bits, bits);
  } while (plane > 0);
}

/** Zeroes what sliceSixteen wrote. */
export function wipeSixteen(run: usize): void {
  const zero = i64x2.splat(0);
  let plane: usize = 0;
  do {
    v128.store(run + (plane << 4), zero);
    store<u64>(run + (plane << 6), 0, 128);
    plane += 1;
  } while (plane < 8);
}
