// PKCS #5 padding for 16-byte blocks (PKCS #7; RFC 5652 §6.3): n bytes of value n, 1 to 16. Invariant: the check reads
// all 16 bytes and decides once, so neither time nor answer tells which byte was wrong.

import { maskLess, maskNonZero } from "./ct.ts";

/** Fills the rest of a block. held: 0 to 15, public. */
export function pad(block: usize, held: i32): void {
  memory.fill(block + <usize>held, <u8>(16 - held), <usize>(16 - held));
}

/** Number of bytes before the padding, 0 to 15, or -1 if there is no valid padding. Secret: the block; the answer is
 *  declassified by being given out. */
export function unpaddedLength(block: usize): i32 {
  const count: u32 = load<u8>(block, 15);
  let wrong: u32 = maskNonZero(count) ^ 0xffffffff;
  wrong |= maskLess(16, count);
  let position: u32 = 0;
  do {
    const isPadding = maskLess(15 - position, count);
    wrong |= isPadding & (<u32>load<u8>(block + <usize>position) ^ count);
    position += 1;
  } while (position < 16);
  const bad = maskNonZero(wrong);
  return <i32>(bad | (~bad & (16 - count)));
}
