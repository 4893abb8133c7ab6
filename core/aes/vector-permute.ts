// Vector-permute AES (M. Hamburg, CHES 2009): one block in one register, the S-box by nibble inversions in registers.
// Role: serial work (CBC and CFB encryption, OFB, single blocks) and tails too short for a bitsliced batch of eight.
// Invariant: secrets reach swizzle indices only, never an address or a branch.
//
// A round without ShiftRows: sigma = ShiftRows, rho = rotate the rows of each column by one. The state kept is
// Z_r = sigma^-r(X_r). With A = S(Z), D = 2S(Z) and rho_r = sigma^-r rho sigma^r (a loaded index vector, period 4):
//
//     T = D ^ rho_r(A)          Z' = ((K_r ^ rho_r^3(A)) ^ T) ^ rho_r(T)
//
// State and K_r are in the basis phi, so A and D are look-ups U[u] ^ T[t]; the last round gives the
// standard basis: sigma^R(S) ^ K_R. Decryption runs the inverse S-box first, in the basis psi = phi A^-1, and mixes by
// Horner: E ^ rho(B ^ rho(D ^ rho(9))), rho_-r.

import { lookUp } from "../ct.ts";
import { AREA_CHAIN_KEY, AREA_ROUNDS, AREA_VECTOR_DECRYPT, AREA_VECTOR_ENCRYPT } from "./area-layout.ts";
import {
  DECRYPT_LAST, DECRYPT_ROUND, ENCRYPT_LAST, ENCRYPT_ROUND, INVERSION, NIBBLES, PHI, ROTATIONS, SHIFTS,
  PSI,
} from "./tables.ts";

/** A linear map of bytes by two nibble look-ups. */
// @ts-ignore: decorator
@inline
export function changeBasis(value: v128, table: usize): v128 {
  const low = v128.and(value, i8x16.splat(15));
  const high = i32x4.shr_u(v128.xor(value, low), 4);
  return v128.xor(lookUp(v128.load(table), low), lookUp(v128.load(table, 16), high));
}

/** U[u] ^ T[t] for a state in the tower basis, tables at `pair`. */
// @ts-ignore: decorator
@inline
export function invertAndMap(state: v128, pair: usize): v128 {
  return invertAndMapBy(state, pair, i8x16.splat(15), v128.load(INVERSION), v128.load(INVERSION, 16));
}

/** The same with constants that the caller holds: of two calls on one state the compiler keeps what they share. */
// @ts-ignore: decorator
@inline
function invertAndMapBy(state: v128, pair: usize, mask: v128, inverse: v128, inverseA: v128): v128 {
  const k = v128.and(state, mask);
  const i = v128.and(i32x4.shr_u(state, 4), mask);
  const j = v128.xor(k, i);
  const a = lookUp(inverseA, k);
  const p = v128.xor(lookUp(inverse, i), a);
  const q = v128.xor(lookUp(inverse, j), a);
  const u = v128.xor(lookUp(inverse, p), j);
  const t = v128.xor(lookUp(inverse, q), i);
  return v128.xor(lookUp(v128.load(pair), u), lookUp(v128.load(pair, 16), t));
}

/** SubBytes of FIPS 197 on 16 bytes in the standard basis. Secret: value. */
// @ts-ignore: decorator
@inline
export function substituteBytes(value: v128): v128 {
  return v128.xor(invertAndMap(changeBasis(value, PHI), ENCRYPT_LAST), i8x16.splat(0x63));
}

/** Rounds 1 to R-1. key: K_1, 16 bytes past a multiple of 64, so that its address tells the round. The lines stand as find-order.ts
 *  found them to run soonest, 6 % sooner than in the order of the formula. */
// @ts-ignore: decorator
@inline
function encryptRounds(start: v128, firstKey: usize, rounds: i32): v128 {
  const mask = v128.load(NIBBLES);
  const inverse = v128.load(INVERSION);
  const inverseA = v128.load(INVERSION, 16);
  const single1 = v128.load(ENCRYPT_ROUND);
  const single2 = v128.load(ENCRYPT_ROUND, 16);
  const double1 = v128.load(ENCRYPT_ROUND, 32);
  const double2 = v128.load(ENCRYPT_ROUND, 48);
  let state = start;
  let key = firstKey;
  let round: i32 = 1;
  do {
    const high = i32x4.shr_u(state, 4);
    const i = v128.and(high, mask);
    const k = v128.and(state, mask);
    const ofI = lookUp(inverse, i);
    const j = v128.xor(k, i);
    const ofJ = lookUp(inverse, j);
    const a = lookUp(inverseA, k);
    const q = v128.xor(ofJ, a);
    const ofQ = lookUp(inverse, q);
    const roundKey = v128.load(key);
    const rotation = ROTATIONS + (key & 48);
    const rhoThrice = v128.load(rotation, 128);
    const rho = v128.load(rotation);
    const p = v128.xor(ofI, a);
    const t = v128.xor(ofQ, i);
    const ofP = lookUp(inverse, p);
    const u = v128.xor(ofP, j);
    const singleU = lookUp(single1, u);
    const singleT = lookUp(single2, t);
    const single = v128.xor(singleU, singleT);
    const thrice = lookUp(single, rhoThrice);
    const once = lookUp(single, rho);
    const doubleU = lookUp(double1, u);
    const doubleT = lookUp(double2, t);
    const double = v128.xor(doubleU, doubleT);
    const sum = v128.xor(double, once);
    const sumOnce = lookUp(sum, rho);
    const rest = v128.xor(roundKey, thrice);
    const most = v128.xor(rest, sum);
    state = v128.xor(most, sumOnce);
    key += 16;
    round += 1;
  } while (round < rounds);
  return state;
}

/** Rounds 1 to R-1 of decryption. key: K_1 of the decryption form. */
// @ts-ignore: decorator
@inline
function decryptRounds(start: v128, firstKey: usize, rounds: i32): v128 {
  const mask = v128.load(NIBBLES);
  const inverse = v128.load(INVERSION);
  const inverseA = v128.load(INVERSION, 16);
  let state = start;
  let key = firstKey;
  let round: i32 = 1;
  do {
    const rho = v128.load(ROTATIONS + (<usize>(-round & 3) << 4));
    const k = v128.and(state, mask);
    const i = v128.and(i32x4.shr_u(state, 4), mask);
    const j = v128.xor(k, i);
    const a = lookUp(inverseA, k);
    const p = v128.xor(lookUp(inverse, i), a);
    const q = v128.xor(lookUp(inverse, j), a);
    const u = v128.xor(lookUp(inverse, p), j);
    const t = v128.xor(lookUp(inverse, q), i);
    const by9 = v128.xor(lookUp(v128.load(DECRYPT_ROUND, 96), u), lookUp(v128.load(DECRYPT_ROUND, 112), t));
    const by13 = v128.xor(lookUp(v128.load(DECRYPT_ROUND, 64), u), lookUp(v128.load(DECRYPT_ROUND, 80), t));
    const by11 = v128.xor(lookUp(v128.load(DECRYPT_ROUND, 32), u), lookUp(v128.load(DECRYPT_ROUND, 48), t));
    const by14 = v128.xor(lookUp(v128.load(DECRYPT_ROUND), u), lookUp(v128.load(DECRYPT_ROUND, 16), t));
    const mixed = v128.xor(by11, lookUp(v128.xor(by13, lookUp(by9, rho)), rho));
    state = v128.xor(v128.xor(by14, v128.load(key)), lookUp(mixed, rho));
    key += 16;
    round += 1;
  } while (round < rounds);
  return state;
}

/** target = E(source) ^ mask, one block. Needs FORM_VECTOR_ENCRYPT. Secret: the blocks and the area. */
export function encryptBlock(area: usize, source: usize, mask: usize, target: usize): void {
  const rounds = load<i32>(area, AREA_ROUNDS);
  const keys = area + AREA_VECTOR_ENCRYPT;
  const start = v128.xor(changeBasis(v128.load(source), PHI), v128.load(keys));
  const state = encryptRounds(start, keys + 16, rounds);
  const substituted = invertAndMap(state, ENCRYPT_LAST);
  const shifted = lookUp(substituted, v128.load(SHIFTS + (<usize>(rounds & 3) << 4)));
  const output = v128.xor(shifted, v128.load(keys + (<usize>rounds << 4)));
  v128.store(target, v128.xor(output, v128.load(mask)));
}

/** target = D(source) ^ mask, one block. Needs FORM_VECTOR_DECRYPT. Secret: the blocks and the area. */
export function decryptBlock(area: usize, source: usize, mask: usize, target: usize): void {
  const rounds = load<i32>(area, AREA_ROUNDS);
  const keys = area + AREA_VECTOR_DECRYPT;
  const start = v128.xor(changeBasis(v128.load(source), PSI), v128.load(keys));
  const state = decryptRounds(start, keys + 16, rounds);
  const substituted = invertAndMap(state, DECRYPT_LAST);
  const shifted = lookUp(substituted, v128.load(SHIFTS + (<usize>(-rounds & 3) << 4)));
  const output = v128.xor(shifted, v128.load(keys + (<usize>rounds << 4)));
  v128.store(target, v128.xor(output, v128.load(mask)));
}

/** CBC encryption of whole blocks; chain holds the previous ciphertext block, and then the last. blocks > 0. The next
 *  state is sigma^R(phi.S) ^ (phi(P) ^ chain key): the bracket waits for nothing, the ciphertext is off the chain. */
export function cbcEncryptBlocks(area: usize, chain: usize, source: usize, blocks: i32, target: usize): void {
  const rounds = load<i32>(area, AREA_ROUNDS);
  const keys = area + AREA_VECTOR_ENCRYPT;
  const shift = v128.load(SHIFTS + (<usize>(rounds & 3) << 4));
  const lastKey = v128.load(keys + (<usize>rounds << 4));
  const chainKey = v128.load(area, AREA_CHAIN_KEY);
  let carried = v128.xor(v128.xor(changeBasis(v128.load(chain), PHI), v128.load(keys)), chainKey);
  let output = chainKey;
  const mask = v128.load(NIBBLES);
  const inverse = v128.load(INVERSION);
  const inverseA = v128.load(INVERSION, 16);
  let remaining = blocks;
  do {
    const bracket = v128.xor(changeBasis(v128.load(source), PHI), chainKey);
    const state = encryptRounds(v128.xor(carried, bracket), keys + 16, rounds);
    carried = lookUp(invertAndMapBy(state, ENCRYPT_ROUND, mask, inverse, inverseA), shift);
    output = v128.xor(lookUp(invertAndMapBy(state, ENCRYPT_LAST, mask, inverse, inverseA), shift), lastKey);
    v128.store(target, output);
    source += 16;
    target += 16;
    remaining -= 1;
  } while (remaining > 0);
  v128.store(chain, output);
}

/** CFB-128 encryption of whole blocks; chain as in CBC. blocks > 0. */
export function cfbEncryptBlocks(area: usize, chain: usize, source: usize, blocks: i32, target: usize): void {
  const rounds = load<i32>(area, AREA_ROUNDS);
  const keys = area + AREA_VECTOR_ENCRYPT;
  const shift = v128.load(SHIFTS + (<usize>(rounds & 3) << 4));
  const lastKey = v128.load(keys + (<usize>rounds << 4));
  const chainKey = v128.load(area, AREA_CHAIN_KEY);
  let start = v128.xor(changeBasis(v128.load(chain), PHI), v128.load(keys));
  let output = chainKey;
  const mask = v128.load(NIBBLES);
  const inverse = v128.load(INVERSION);
  const inverseA = v128.load(INVERSION, 16);
  let remaining = blocks;
  do {
    const plain = v128.load(source);
    const bracket = v128.xor(changeBasis(plain, PHI), chainKey);
    const state = encryptRounds(start, keys + 16, rounds);
    start = v128.xor(lookUp(invertAndMapBy(state, ENCRYPT_ROUND, mask, inverse, inverseA), shift), bracket);
    output = v128.xor(lookUp(invertAndMapBy(state, ENCRYPT_LAST, mask, inverse, inverseA), shift), v128.xor(plain, lastKey));
    v128.store(target, output);
    source += 16;
    target += 16;
    remaining -= 1;
  } while (remaining > 0);
  v128.store(chain, output);
}

/** OFB of whole blocks, either direction; chain holds the last output block (key stream: secret). blocks > 0. */
export function ofbBlocks(area: usize, chain: usize, source: usize, blocks: i32, target: usize): void {
  const rounds = load<i32>(area, AREA_ROUNDS);
  const keys = area + AREA_VECTOR_ENCRYPT;
  const shift = v128.load(SHIFTS + (<usize>(rounds & 3) << 4));
  const lastKey = v128.load(keys + (<usize>rounds << 4));
  const chainKey = v128.load(area, AREA_CHAIN_KEY);
  let start = v128.xor(changeBasis(v128.load(chain), PHI), v128.load(keys));
  let output = chainKey;
  const mask = v128.load(NIBBLES);
  const inverse = v128.load(INVERSION);
  const inverseA = v128.load(INVERSION, 16);
  let remaining = blocks;
  do {
    const state = encryptRounds(start, keys + 16, rounds);
    start = v128.xor(lookUp(invertAndMapBy(state, ENCRYPT_ROUND, mask, inverse, inverseA), shift), chainKey);
    output = v128.xor(lookUp(invertAndMapBy(state, ENCRYPT_LAST, mask, inverse, inverseA), shift), lastKey);
    v128.store(target, v128.xor(output, v128.load(source)));
    source += 16;
    target += 16;
    remaining -= 1;
  } while (remaining > 0);
  v128.store(chain, output);
}
