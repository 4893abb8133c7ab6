// Vector-permute AES on two independent blocks at once. Role: tails of the parallel modes, where one block alone leaves the
// shuffle units idle for half of its latency. The rounds are those of vector-permute.ts, written twice side by side, since
// AssemblyScript has no function with two answers. Invariant: as there, secrets reach swizzle indices only. source, mask and
// target are two blocks each, and may be the same memory.

import { lookUp } from "../ct.ts";
import { AREA_ROUNDS, AREA_VECTOR_DECRYPT, AREA_VECTOR_ENCRYPT } from "./area-layout.ts";
import {
  DECRYPT_LAST, DECRYPT_ROUND, ENCRYPT_LAST, ENCRYPT_ROUND, INVERSION, PHI, PSI, ROTATIONS, SHIFTS,
} from "./tables.ts";
import { changeBasis, invertAndMap } from "./vector-permute.ts";

/** target = E(source) ^ mask. Needs FORM_VECTOR_ENCRYPT. Secret: the blocks and the area. */
export function encryptPair(area: usize, source: usize, mask: usize, target: usize): void {
  const rounds = load<i32>(area, AREA_ROUNDS);
  const nibble = i8x16.splat(15);
  const inverse = v128.load(INVERSION);
  const inverseA = v128.load(INVERSION, 16);
  let key = area + AREA_VECTOR_ENCRYPT;
  let state1 = v128.xor(changeBasis(v128.load(source), PHI), v128.load(key));
  let state2 = v128.xor(changeBasis(v128.load(source, 16), PHI), v128.load(key));
  let round: i32 = 1;
  do {
    key += 16;
    const rotation = ROTATIONS + (<usize>(round & 3) << 4);
    const k1 = v128.and(state1, nibble);
    const i1 = i32x4.shr_u(v128.xor(state1, k1), 4);
    const j1 = v128.xor(k1, i1);
    const a1 = lookUp(inverseA, k1);
    const p1 = v128.xor(lookUp(inverse, i1), a1);
    const q1 = v128.xor(lookUp(inverse, j1), a1);
    const u1 = v128.xor(lookUp(inverse, p1), j1);
    const t1 = v128.xor(lookUp(inverse, q1), i1);
    const k2 = v128.and(state2, nibble);
    const i2 = i32x4.shr_u(v128.xor(state2, k2), 4);
    const j2 = v128.xor(k2, i2);
    const a2 = lookUp(inverseA, k2);
    const p2 = v128.xor(lookUp(inverse, i2), a2);
    const q2 = v128.xor(lookUp(inverse, j2), a2);
    const u2 = v128.xor(lookUp(inverse, p2), j2);
    const t2 = v128.xor(lookUp(inverse, q2), i2);
    const table1 = v128.load(ENCRYPT_ROUND);
    const table2 = v128.load(ENCRYPT_ROUND, 16);
    const single1 = v128.xor(lookUp(table1, u1), lookUp(table2, t1));
    const single2 = v128.xor(lookUp(table1, u2), lookUp(table2, t2));
    const table3 = v128.load(ENCRYPT_ROUND, 32);
    const table4 = v128.load(ENCRYPT_ROUND, 48);
    const double1 = v128.xor(lookUp(table3, u1), lookUp(table4, t1));
    const double2 = v128.xor(lookUp(table3, u2), lookUp(table4, t2));
    const rho = v128.load(rotation);
    const sum1 = v128.xor(double1, lookUp(single1, rho));
    const sum2 = v128.xor(double2, lookUp(single2, rho));
    const rhoThrice = v128.load(rotation, 128);
    const rest1 = v128.xor(v128.load(key), lookUp(single1, rhoThrice));
    const rest2 = v128.xor(v128.load(key), lookUp(single2, rhoThrice));
    state1 = v128.xor(v128.xor(rest1, sum1), lookUp(sum1, rho));
    state2 = v128.xor(v128.xor(rest2, sum2), lookUp(sum2, rho));
    round += 1;
  } while (round < rounds);
  const shift = v128.load(SHIFTS + (<usize>(rounds & 3) << 4));
  const last = v128.load(key, 16);
  const output1 = v128.xor(v128.xor(lookUp(invertAndMap(state1, ENCRYPT_LAST), shift), last), v128.load(mask));
  const output2 = v128.xor(v128.xor(lookUp(invertAndMap(state2, ENCRYPT_LAST), shift), last), v128.load(mask, 16));
  v128.store(target, output1);
  v128.store(target, output2, 16);
}

/** target = D(source) ^ mask. Needs FORM_VECTOR_DECRYPT. Secret: the blocks and the area. */
export function decryptPair(area: usize, source: usize, mask: usize, target: usize): void {
  const rounds = load<i32>(area, AREA_ROUNDS);
  const nibble = i8x16.splat(15);
  const inverse = v128.load(INVERSION);
  const inverseA = v128.load(INVERSION, 16);
  let key = area + AREA_VECTOR_DECRYPT;
  let state1 = v128.xor(changeBasis(v128.load(source), PSI), v128.load(key));
  let state2 = v128.xor(changeBasis(v128.load(source, 16), PSI), v128.load(key));
  let round: i32 = 1;
  do {
    key += 16;
    const rho = v128.load(ROTATIONS + (<usize>(-round & 3) << 4));
    const k1 = v128.and(state1, nibble);
    const i1 = i32x4.shr_u(v128.xor(state1, k1), 4);
    const j1 = v128.xor(k1, i1);
    const a1 = lookUp(inverseA, k1);
    const p1 = v128.xor(lookUp(inverse, i1), a1);
    const q1 = v128.xor(lookUp(inverse, j1), a1);
    const u1 = v128.xor(lookUp(inverse, p1), j1);
    const t1 = v128.xor(lookUp(inverse, q1), i1);
    const k2 = v128.and(state2, nibble);
    const i2 = i32x4.shr_u(v128.xor(state2, k2), 4);
    const j2 = v128.xor(k2, i2);
    const a2 = lookUp(inverseA, k2);
    const p2 = v128.xor(lookUp(inverse, i2), a2);
    const q2 = v128.xor(lookUp(inverse, j2), a2);
    const u2 = v128.xor(lookUp(inverse, p2), j2);
    const t2 = v128.xor(lookUp(inverse, q2), i2);
    const nineU = v128.load(DECRYPT_ROUND, 96);
    const nineT = v128.load(DECRYPT_ROUND, 112);
    const nine1 = v128.xor(lookUp(nineU, u1), lookUp(nineT, t1));
    const nine2 = v128.xor(lookUp(nineU, u2), lookUp(nineT, t2));
    const thirteenU = v128.load(DECRYPT_ROUND, 64);
    const thirteenT = v128.load(DECRYPT_ROUND, 80);
    const thirteen1 = v128.xor(lookUp(thirteenU, u1), lookUp(thirteenT, t1));
    const thirteen2 = v128.xor(lookUp(thirteenU, u2), lookUp(thirteenT, t2));
    const turned1 = v128.xor(thirteen1, lookUp(nine1, rho));
    const turned2 = v128.xor(thirteen2, lookUp(nine2, rho));
    const elevenU = v128.load(DECRYPT_ROUND, 32);
    const elevenT = v128.load(DECRYPT_ROUND, 48);
    const eleven1 = v128.xor(lookUp(elevenU, u1), lookUp(elevenT, t1));
    const eleven2 = v128.xor(lookUp(elevenU, u2), lookUp(elevenT, t2));
    const mixed1 = v128.xor(eleven1, lookUp(turned1, rho));
    const mixed2 = v128.xor(eleven2, lookUp(turned2, rho));
    const fourteenU = v128.load(DECRYPT_ROUND);
    const fourteenT = v128.load(DECRYPT_ROUND, 16);
    const fourteen1 = v128.xor(lookUp(fourteenU, u1), lookUp(fourteenT, t1));
    const fourteen2 = v128.xor(lookUp(fourteenU, u2), lookUp(fourteenT, t2));
    state1 = v128.xor(v128.xor(fourteen1, v128.load(key)), lookUp(mixed1, rho));
    state2 = v128.xor(v128.xor(fourteen2, v128.load(key)), lookUp(mixed2, rho));
    round += 1;
  } while (round < rounds);
  const shift = v128.load(SHIFTS + (<usize>(-rounds & 3) << 4));
  const last = v128.load(key, 16);
  const output1 = v128.xor(v128.xor(lookUp(invertAndMap(state1, DECRYPT_LAST), shift), last), v128.load(mask));
  const output2 = v128.xor(v128.xor(lookUp(invertAndMap(state2, DECRYPT_LAST), shift), last), v128.load(mask, 16));
  v128.store(target, output1);
  v128.store(target, output2, 16);
}
