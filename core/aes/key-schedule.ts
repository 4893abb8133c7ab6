// AES key expansion (FIPS 197 §5.2) and the forms of the schedule that the two techniques want. Invariant:
// everything here is secret but the number of rounds; no branch but the loops over rounds, no table in memory is
// indexed: SubWord runs on the vector-permute S-box.
//
// Both techniques leave ShiftRows out of the round (see vector-permute.ts), so round key r is shifted back
// instead: sigma^-r(rk_r) ^ 0x63 to encrypt, sigma^r(InvMixColumns(rk_(R-r))) ^ 0x63 to decrypt. The 0x63 is
// the S-box's constant, which both circuits leave out; MixColumns maps a column of 0x63 to itself.

import {
  AREA_BITSLICE_DECRYPT, AREA_BITSLICE_ENCRYPT, AREA_CHAIN_KEY, AREA_ROUND_KEYS, AREA_VECTOR_DECRYPT,
  AREA_VECTOR_ENCRYPT, BITSLICE_FIRST, BITSLICE_LAST, BITSLICE_MIDDLE,
} from "./area-layout.ts";
import { lookUp } from "../ct.ts";
import { PHI, PSI, ROTATIONS, SHIFTS } from "./tables.ts";
import { changeBasis, substituteBytes } from "./vector-permute.ts";

/** Each byte times x in GF(2^8). */
// @ts-ignore: decorator
@inline
function timesX(value: v128): v128 {
  return v128.xor(i8x16.shl(value, 1), v128.and(i8x16.shr_s(value, 7), i8x16.splat(0x1b)));
}

/** InvMixColumns as MixColumns of s ^ 4(s ^ rho^2 s). */
// @ts-ignore: decorator
@inline
function inverseMixColumns(value: v128): v128 {
  const one = v128.load(ROTATIONS);
  const two = v128.load(ROTATIONS, 64);
  const even = v128.xor(value, timesX(timesX(v128.xor(value, lookUp(value, two)))));
  const rotated = lookUp(even, one);
  const sum = v128.xor(even, rotated);
  return v128.xor(v128.xor(timesX(sum), rotated), lookUp(sum, two));
}

/** Word n of the answer is the XOR of words 0 to n. */
// @ts-ignore: decorator
@inline
function prefixXor(words: v128): v128 {
  const zero = i32x4.splat(0);
  const pairs = v128.xor(words, v128.shuffle<i32>(zero, words, 0, 4, 5, 6));
  return v128.xor(pairs, v128.shuffle<i32>(zero, pairs, 0, 1, 4, 5));
}

/** SubWord(RotWord(word)) of one lane, in all four lanes: rotating the bytes of the word is a shift by 8. */
// @ts-ignore: decorator
@inline
function rotateWords(words: v128): v128 {
  return v128.or(i32x4.shr_u(words, 8), i32x4.shl(words, 24));
}

/** 11 round keys. Secret: the 16 bytes at key. */
export function expandKey128(key: usize, target: usize): void {
  let words = v128.load(key);
  v128.store(target, words);
  let constant = i32x4.splat(1);
  let round: i32 = 0;
  do {
    const turned = rotateWords(substituteBytes(words));
    const last = v128.shuffle<i32>(turned, turned, 3, 3, 3, 3);
    words = v128.xor(prefixXor(words), v128.xor(last, constant));
    constant = timesX(constant);
    target += 16;
    v128.store(target, words);
    round += 1;
  } while (round < 10);
}

/** 13 round keys; six words a step, so that the last step writes 8 bytes more. Secret: the 24 bytes at key. */
export function expandKey192(key: usize, target: usize): void {
  let words = v128.load(key);
  let more = v128.load64_zero(key + 16);
  v128.store(target, words);
  v128.store64_lane(target + 16, more, 0);
  let constant = i32x4.splat(1);
  const zero = i32x4.splat(0);
  let step: i32 = 0;
  do {
    const turned = rotateWords(substituteBytes(more));
    const last = v128.shuffle<i32>(turned, turned, 1, 1, 1, 1);
    words = v128.xor(prefixXor(words), v128.xor(last, constant));
    constant = timesX(constant);
    const pair = v128.xor(more, v128.shuffle<i32>(zero, more, 0, 4, 0, 0));
    more = v128.xor(pair, v128.shuffle<i32>(words, words, 3, 3, 3, 3));
    target += 24;
    v128.store(target, words);
    v128.store64_lane(target + 16, more, 0);
    step += 1;
  } while (step < 8);
}

/** 15 round keys, and one more that nobody reads. Secret: the 32 bytes at key. */
export function expandKey256(key: usize, target: usize): void {
  let even = v128.load(key);
  let odd = v128.load(key, 16);
  v128.store(target, even);
  v128.store(target, odd, 16);
  let constant = i32x4.splat(1);
  let step: i32 = 0;
  do {
    const turned = rotateWords(substituteBytes(odd));
    even = v128.xor(prefixXor(even), v128.xor(v128.shuffle<i32>(turned, turned, 3, 3, 3, 3), constant));
    constant = timesX(constant);
    target += 32;
    v128.store(target, even);
    const plain = substituteBytes(even);
    odd = v128.xor(prefixXor(odd), v128.shuffle<i32>(plain, plain, 3, 3, 3, 3));
    v128.store(target, odd, 16);
    step += 1;
  } while (step < 7);
}

/** K_0 = phi(rk_0), K_r = phi(sigma^-r(rk_r) ^ 0x63), K_R = rk_R ^ 0x63, chain key = phi(K_R) ^ K_0. */
export function buildVectorEncrypt(area: usize, rounds: i32): void {
  const constant = i8x16.splat(0x63);
  let source = area + AREA_ROUND_KEYS;
  let target = area + AREA_VECTOR_ENCRYPT;
  const first = changeBasis(v128.load(source), PHI);
  v128.store(target, first);
  let round: i32 = 1;
  do {
    source += 16;
    target += 16;
    const shifted = lookUp(v128.load(source), v128.load(SHIFTS + (<usize>(-round & 3) << 4)));
    v128.store(target, changeBasis(v128.xor(shifted, constant), PHI));
    round += 1;
  } while (round < rounds);
  const last = v128.xor(v128.load(source, 16), constant);
  v128.store(target, last, 16);
  v128.store(area, v128.xor(changeBasis(last, PHI), first), AREA_CHAIN_KEY);
}

/** K_0 = psi(rk_R ^ 0x63), K_r = psi(sigma^r(InvMixColumns(rk_(R-r))) ^ 0x63), K_R = rk_0. */
export function buildVectorDecrypt(area: usize, rounds: i32): void {
  const constant = i8x16.splat(0x63);
  let source = area + AREA_ROUND_KEYS + (<usize>rounds << 4);
  let target = area + AREA_VECTOR_DECRYPT;
  v128.store(target, changeBasis(v128.xor(v128.load(source), constant), PSI));
  let round: i32 = 1;
  do {
    source -= 16;
    target += 16;
    const shifted = lookUp(inverseMixColumns(v128.load(source)), v128.load(SHIFTS + (<usize>(round & 3) << 4)));
    v128.store(target, changeBasis(v128.xor(shifted, constant), PSI));
    round += 1;
  } while (round < rounds);
  v128.store(target, v128.load(area, AREA_ROUND_KEYS), 16);
}

/** Bit b of every byte, spread over the byte: plane b. */
// @ts-ignore: decorator
@inline
function storePlanes(target: usize, key: v128): void {
  v128.store(target, i8x16.shr_s(i8x16.shl(key, 7), 7));
  v128.store(target, i8x16.shr_s(i8x16.shl(key, 6), 7), 16);
  v128.store(target, i8x16.shr_s(i8x16.shl(key, 5), 7), 32);
  v128.store(target, i8x16.shr_s(i8x16.shl(key, 4), 7), 48);
  v128.store(target, i8x16.shr_s(i8x16.shl(key, 3), 7), 64);
  v128.store(target, i8x16.shr_s(i8x16.shl(key, 2), 7), 80);
  v128.store(target, i8x16.shr_s(i8x16.shl(key, 1), 7), 96);
  v128.store(target, i8x16.shr_s(key, 7), 112);
}

/** First key rk_0, last rk_R ^ 0x63, both in bytes; between them planes of sigma^-r(rk_r) ^ 0x63. */
export function buildBitsliceEncrypt(area: usize, rounds: i32): void {
  const constant = i8x16.splat(0x63);
  let source = area + AREA_ROUND_KEYS;
  let target = area + AREA_BITSLICE_ENCRYPT + BITSLICE_MIDDLE;
  v128.store(area + AREA_BITSLICE_ENCRYPT, v128.load(source), BITSLICE_FIRST);
  let round: i32 = 1;
  do {
    source += 16;
    storePlanes(target, v128.xor(lookUp(v128.load(source), v128.load(SHIFTS + (<usize>(-round & 3) << 4))), constant));
    target += 128;
    round += 1;
  } while (round < rounds);
  v128.store(area + AREA_BITSLICE_ENCRYPT, v128.xor(v128.load(source, 16), constant), BITSLICE_LAST);
}

/** First key rk_R ^ 0x63, last rk_0; between them planes of sigma^r(InvMixColumns(rk_(R-r))) ^ 0x63. */
export function buildBitsliceDecrypt(area: usize, rounds: i32): void {
  const constant = i8x16.splat(0x63);
  let source = area + AREA_ROUND_KEYS + (<usize>rounds << 4);
  let target = area + AREA_BITSLICE_DECRYPT + BITSLICE_MIDDLE;
  v128.store(area + AREA_BITSLICE_DECRYPT, v128.xor(v128.load(source), constant), BITSLICE_FIRST);
  let round: i32 = 1;
  do {
    source -= 16;
    const shifted = lookUp(inverseMixColumns(v128.load(source)), v128.load(SHIFTS + (<usize>(round & 3) << 4)));
    storePlanes(target, v128.xor(shifted, constant));
    target += 128;
    round += 1;
  } while (round < rounds);
  v128.store(area + AREA_BITSLICE_DECRYPT, v128.load(area, AREA_ROUND_KEYS), BITSLICE_LAST);
}
