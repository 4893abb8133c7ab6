// GHASH (SP 800-38D §6.4) by swizzle tables: no multiplication and no secret address. Role: GCM's authenticator, and the part
// of GCM's key that a key area holds. Invariant: tables and blocks reach swizzle indices and operands only.
//
// For a power H^m, two tables of 16 multiples: n.H^m and n.x^4.H^m, reduced, n = 0 to 15 (GCM's bit order: the high nibble of
// a byte is the low powers of x). Byte-transposed: row q, 32 bytes, holds byte q of the 16 multiples of each, so
// that one swizzle answers byte q of the product of each of the 16 bytes of a block. Those 16 products lie one byte apart: for
// q = 15 down to 0 the accumulator (A, B) moves up one byte, then A ^= row_q. Four blocks share the moves and the
// reduction: A ^ B ^ B.(x + x^2 + x^7), where B has 120 bits at most, so that nothing is left to fold.
// Rejected: multiplication with holes (ctmul64), 13 cycles a byte against 1.6.

import { AREA_GHASH, GHASH_POWER_BYTES } from "./aes/area-layout.ts";
import { NIBBLES } from "./aes/tables.ts";
import { encryptBlock } from "./aes/vector-permute.ts";
import { ZERO_BLOCKS } from "./bytes.ts";
import { lookUp } from "./ct.ts";
import { wipe } from "./memory.ts";

/** b.(x + x^2 + x^7) for the two nibbles of a byte: the byte itself (high, low nibble), then the carry into the next. */
const REDUCTION: usize = memory.data<u8>([
  0x00, 0x0c, 0x18, 0x14, 0x30, 0x3c, 0x28, 0x24, 0x61, 0x6d, 0x79, 0x75, 0x51, 0x5d, 0x49, 0x45,
  0x00, 0x00, 0x01, 0x01, 0x03, 0x03, 0x02, 0x02, 0x06, 0x06, 0x07, 0x07, 0x05, 0x05, 0x04, 0x04,
  0x00, 0x20, 0x40, 0x60, 0x80, 0xa0, 0xc0, 0xe0, 0x00, 0x20, 0x40, 0x60, 0x80, 0xa0, 0xc0, 0xe0,
  0x00, 0xc2, 0x84, 0x46, 0x08, 0xca, 0x8c, 0x4e, 0x10, 0xd2, 0x94, 0x56, 0x18, 0xda, 0x9c, 0x5e,
], 16);

/** All ones where entry n of a table has bit 8, 4, 2, 1. */
const ENTRY_BITS: usize = memory.data<u8>([
  0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
  0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff,
  0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff, 0, 0, 0xff, 0xff,
  0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff, 0, 0xff,
], 16);

/** H.x^0 to H.x^7 while tables are made, then H^m; wiped after. */
const MULTIPLES: usize = memory.data(144, 16);
const POWER: usize = MULTIPLES + 128;

/** A ^ B ^ B.(x + x^2 + x^7). */
// @ts-ignore: decorator
@inline
function reduce(low: v128, high: v128): v128 {
  const lowNibbles = v128.and(high, v128.load(NIBBLES));
  const highNibbles = i32x4.shr_u(v128.xor(high, lowNibbles), 4);
  const same = v128.xor(lookUp(v128.load(REDUCTION), highNibbles), lookUp(v128.load(REDUCTION, 16), lowNibbles));
  const carry = v128.xor(lookUp(v128.load(REDUCTION, 32), highNibbles), lookUp(v128.load(REDUCTION, 48), lowNibbles));
  return v128.xor(v128.xor(v128.xor(low, high), same), moveUp(i64x2.splat(0), carry));
}

/** The 16 bytes one place above the bottom of (below, above): above moved up by one byte, below's top byte in. */
// @ts-ignore: decorator
@inline
function moveUp(below: v128, above: v128): v128 {
  return v128.shuffle<u8>(below, above, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
}

/** The eight multiples of the element at POWER that the tables are linear combinations of. */
function makeMultiples(): void {
  let high = bswap<u64>(load<u64>(POWER));
  let low = bswap<u64>(load<u64>(POWER, 8));
  let target = MULTIPLES;
  do {
    store<u64>(target, bswap<u64>(high));
    store<u64>(target, bswap<u64>(low), 8);
    const carry: u64 = 0 - (low & 1);
    low = (low >> 1) | (high << 63);
    high = (high >> 1) ^ (carry & 0xe100000000000000);
    target += 16;
  } while (target < POWER);
}

/** One row of 16 entries: byte q of the combinations of four multiples. */
// @ts-ignore: decorator
@inline
function combineRow(multiples: usize): v128 {
  const eight = v128.and(v128.load8_splat(multiples), v128.load(ENTRY_BITS));
  const four = v128.and(v128.load8_splat(multiples, 16), v128.load(ENTRY_BITS, 16));
  const two = v128.and(v128.load8_splat(multiples, 32), v128.load(ENTRY_BITS, 32));
  const one = v128.and(v128.load8_splat(multiples, 48), v128.load(ENTRY_BITS, 48));
  return v128.xor(v128.xor(eight, four), v128.xor(two, one));
}

/** The 16 rows of the element at POWER, 512 bytes. */
function makeRows(target: usize): void {
  let multiples = MULTIPLES;
  do {
    v128.store(target, combineRow(multiples));
    v128.store(target, combineRow(multiples + 64), 16);
    multiples += 1;
    target += 32;
  } while (multiples < MULTIPLES + 16);
}

/** H = E(0) and the tables of H, H^2, H^3, H^4. Needs FORM_VECTOR_ENCRYPT. Secret: the area. */
export function buildGhashTables(area: usize): void {
  const tables = area + AREA_GHASH;
  wipe(POWER, 16);
  encryptBlock(area, POWER, POWER, POWER);
  makeMultiples();
  makeRows(tables);
  let power: usize = 1;
  do {
    ghashOne(tables, POWER, ZERO_BLOCKS);
    makeMultiples();
    makeRows(tables + power * GHASH_POWER_BYTES);
    power += 1;
  } while (power < 4);
  wipe(MULTIPLES, 144);
}

/** y = (y ^ block at `block`).H, tables: those of H. Secret: all but the pointers. */
export function ghashOne(tables: usize, y: usize, block: usize): void {
  const value = v128.xor(v128.load(y), v128.load(block));
  const low = v128.and(value, v128.load(NIBBLES));
  const high = i32x4.shr_u(v128.xor(value, low), 4);
  let a = i64x2.splat(0);
  let b = i64x2.splat(0);
  let row = tables + 480;
  let remaining: i32 = 16;
  do {
    b = moveUp(a, b);
    a = v128.xor(moveUp(i64x2.splat(0), a), v128.xor(lookUp(v128.load(row), high), lookUp(v128.load(row, 16), low)));
    row -= 32;
    remaining -= 1;
  } while (remaining > 0);
  v128.store(y, reduce(a, b));
}

/** Two blocks at once: less than twice the time of one. */
function ghashTwo(tables: usize, y: usize, source: usize): void {
  const mask = v128.load(NIBBLES);
  const block1 = v128.xor(v128.load(y), v128.load(source));
  const block2 = v128.load(source, 16);
  const low1 = v128.and(block1, mask);
  const low2 = v128.and(block2, mask);
  const high1 = i32x4.shr_u(v128.xor(block1, low1), 4);
  const high2 = i32x4.shr_u(v128.xor(block2, low2), 4);
  let a = i64x2.splat(0);
  let b = i64x2.splat(0);
  let row = tables + 480;
  let remaining: i32 = 16;
  do {
    const add2 = v128.xor(lookUp(v128.load(row), high2), lookUp(v128.load(row, 16), low2));
    const add1 = v128.xor(lookUp(v128.load(row, 512), high1), lookUp(v128.load(row, 528), low1));
    b = moveUp(a, b);
    a = v128.xor(moveUp(i64x2.splat(0), a), v128.xor(add1, add2));
    row -= 32;
    remaining -= 1;
  } while (remaining > 0);
  v128.store(y, reduce(a, b));
}

/** Four blocks at a time. groups > 0. */
function ghashFours(tables: usize, y: usize, source: usize, groups: i32): void {
  let state = v128.load(y);
  do {
    const mask = v128.load(NIBBLES);
    const block1 = v128.xor(state, v128.load(source));
    const block2 = v128.load(source, 16);
    const block3 = v128.load(source, 32);
    const block4 = v128.load(source, 48);
    const low1 = v128.and(block1, mask);
    const low2 = v128.and(block2, mask);
    const low3 = v128.and(block3, mask);
    const low4 = v128.and(block4, mask);
    const high1 = i32x4.shr_u(v128.xor(block1, low1), 4);
    const high2 = i32x4.shr_u(v128.xor(block2, low2), 4);
    const high3 = i32x4.shr_u(v128.xor(block3, low3), 4);
    const high4 = i32x4.shr_u(v128.xor(block4, low4), 4);
    let a = i64x2.splat(0);
    let b = i64x2.splat(0);
    let row = tables + 480;
    let remaining: i32 = 16;
    do {
      const add4 = v128.xor(lookUp(v128.load(row), high4), lookUp(v128.load(row, 16), low4));
      const add3 = v128.xor(lookUp(v128.load(row, 512), high3), lookUp(v128.load(row, 528), low3));
      const add2 = v128.xor(lookUp(v128.load(row, 1024), high2), lookUp(v128.load(row, 1040), low2));
      const add1 = v128.xor(lookUp(v128.load(row, 1536), high1), lookUp(v128.load(row, 1552), low1));
      b = moveUp(a, b);
      a = v128.xor(moveUp(i64x2.splat(0), a), v128.xor(v128.xor(add1, add2), v128.xor(add3, add4)));
      row -= 32;
      remaining -= 1;
    } while (remaining > 0);
    state = reduce(a, b);
    source += 64;
    groups -= 1;
  } while (groups > 0);
  v128.store(y, state);
}

/** Absorbs whole blocks into y. Needs FORM_GHASH. Secret: y, the blocks and the area; public: their number. */
export function ghashBlocks(area: usize, y: usize, source: usize, blocks: i32): void {
  const tables = area + AREA_GHASH;
  const groups = blocks >> 2;
  if (groups > 0) ghashFours(tables, y, source, groups);
  source += <usize>groups << 6;
  if ((blocks & 2) != 0) {
    ghashTwo(tables, y, source);
    source += 32;
  }
  if ((blocks & 1) != 0) ghashOne(tables, y, source);
}
