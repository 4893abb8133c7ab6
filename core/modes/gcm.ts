// GCM (SP 800-38D) over a cipher state: pre-counter block, AAD, text in chunks that stay in cache, tag. Invariant: Y
// takes ciphertext only, AAD before text, each padded with zeros to whole blocks; STATE_HELD keeps the bytes of an unfinished
// block of either. Secret: area, Y, text; public: IV, AAD, lengths, ciphertext.

import {
  DIRECTION_ENCRYPT, FORM_GHASH, PHASE_TEXT, STATE_AAD_LENGTH, STATE_CHAIN, STATE_DIRECTION, STATE_GHASH, STATE_HELD,
  STATE_PHASE, STATE_PRE_COUNTER, STATE_TEXT_LENGTH,
} from "../abi.ts";
import { AREA_GHASH } from "../aes/area-layout.ts";
import { requireForms } from "../aes/key-area.ts";
import { encryptBlock } from "../aes/vector-permute.ts";
import { advanceCounter, storeBigEndian64 } from "../bytes.ts";
import { ghashBlocks, ghashOne } from "../ghash.ts";
import { wipe, wipeBlocks } from "../memory.ts";
import { ctr } from "./ctr.ts";

/** Blocks of text between cipher and GHASH: 2 KiB, so that the second reads what the first left in L1. */
const CHUNK_BLOCKS: i32 = 128;

/** The block of lengths; before it, the last bytes of an IV. Zero between calls. */
const LENGTHS: usize = memory.data(16, 16);

/** J0 (SP 800-38D §7.1 step 2) to preCounter, which is zero. ivLength > 0. Needs FORM_GHASH. */
export function makePreCounter(area: usize, preCounter: usize, iv: usize, ivLength: i32): void {
  if (ivLength == 12) {
    store<u64>(preCounter, load<u64>(iv));
    store<u32>(preCounter, load<u32>(iv, 8), 8);
    store<u32>(preCounter, 0x01000000, 12);
  } else {
    const whole = ivLength >> 4;
    const rest = ivLength & 15;
    ghashBlocks(area, preCounter, iv, whole);
    if (rest > 0) {
      memory.copy(LENGTHS, iv + (<usize>whole << 4), <usize>rest);
      ghashOne(area + AREA_GHASH, preCounter, LENGTHS);
      wipeBlocks(LENGTHS, 1);
    }
    absorbLengths(area, preCounter, 0, <u64>ivLength);
  }
}

/** J0 and the first counter. */
export function gcmStart(area: usize, state: usize, iv: usize, ivLength: i32): void {
  requireForms(area, FORM_GHASH);
  makePreCounter(area, state + STATE_PRE_COUNTER, iv, ivLength);
  v128.store(state + STATE_CHAIN, v128.load(state + STATE_PRE_COUNTER));
  advanceCounter(state + STATE_CHAIN, 1, true);
}

/** The last block of GHASH's input. Both counts in bytes; GHASH takes them in bits. */
export function storeLengths(target: usize, first: u64, second: u64): void {
  storeBigEndian64(target, first << 3);
  storeBigEndian64(target + 8, second << 3);
}

function absorbLengths(area: usize, y: usize, first: u64, second: u64): void {
  storeLengths(LENGTHS, first, second);
  ghashOne(area + AREA_GHASH, y, LENGTHS);
  wipeBlocks(LENGTHS, 1);
}

/** Absorbs the unfinished block of `held` bytes, padded with zeros. */
function absorbHeld(area: usize, state: usize, held: i32): void {
  if (held == 0) return;
  memory.fill(state + STATE_HELD + <usize>held, 0, <usize>(16 - held));
  ghashOne(area + AREA_GHASH, state + STATE_GHASH, state + STATE_HELD);
}

/** Absorbs a block that just became whole. */
export function gcmHeldComplete(area: usize, state: usize): void {
  requireForms(area, FORM_GHASH);
  ghashOne(area + AREA_GHASH, state + STATE_GHASH, state + STATE_HELD);
}

/** More AAD; STATE_AAD_LENGTH is moved on here. */
export function gcmAad(area: usize, state: usize, aad: usize, length: i32): void {
  requireForms(area, FORM_GHASH);
  const held = <i32>load<u64>(state, STATE_AAD_LENGTH) & 15;
  store<u64>(state, load<u64>(state, STATE_AAD_LENGTH) + <u64>length, STATE_AAD_LENGTH);
  if (held > 0) {
    const take = min(16 - held, length);
    memory.copy(state + STATE_HELD + <usize>held, aad, <usize>take);
    aad += <usize>take;
    length -= take;
    if (held + take < 16) return;
    gcmHeldComplete(area, state);
  }
  ghashBlocks(area, state + STATE_GHASH, aad, length >> 4);
  if ((length & 15) > 0) memory.copy(state + STATE_HELD, aad + <usize>(length & ~15), <usize>(length & 15));
}

/** Ends the AAD. */
export function gcmTextBegins(area: usize, state: usize): void {
  requireForms(area, FORM_GHASH);
  absorbHeld(area, state, <i32>load<u64>(state, STATE_AAD_LENGTH) & 15);
  store<u8>(state, PHASE_TEXT, STATE_PHASE);
}

/** Whole blocks of text: counter mode and GHASH over the ciphertext. source may equal target. */
export function gcmBlocks(area: usize, state: usize, source: usize, blocks: i32, target: usize): void {
  requireForms(area, FORM_GHASH);
  gcmRun(area, state + STATE_GHASH, state + STATE_CHAIN, load<u8>(state, STATE_DIRECTION) == DIRECTION_ENCRYPT, source, blocks, target);
}

/** The same without a state. Needs FORM_GHASH. */
export function gcmRun(area: usize, y: usize, counter: usize, encrypting: bool, source: usize, blocks: i32, target: usize): void {
  while (blocks > 0) {
    const count = min(blocks, CHUNK_BLOCKS);
    if (!encrypting) ghashBlocks(area, y, source, count);
    ctr(area, counter, source, count, target, true);
    if (encrypting) ghashBlocks(area, y, target, count);
    source += <usize>count << 4;
    target += <usize>count << 4;
    blocks -= count;
  }
}

/** The full 16-byte tag of what was taken. */
export function gcmTag(area: usize, state: usize, tag: usize): void {
  const textLength = load<u64>(state, STATE_TEXT_LENGTH);
  requireForms(area, FORM_GHASH);
  absorbHeld(area, state, <i32>textLength & 15);
  absorbLengths(area, state + STATE_GHASH, load<u64>(state, STATE_AAD_LENGTH), textLength);
  encryptBlock(area, state + STATE_PRE_COUNTER, state + STATE_GHASH, tag);
}
