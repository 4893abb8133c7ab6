// CTR (SP 800-38A §6.5) on whole blocks, for both directions, and GCTR of GCM, which differs in the increment only.
// Role: runs of counters that differ in their last byte go through round 1 together, and each eight of them through a bitsliced kernel
// that XORs the text on its way out; short runs and the last byte's turn take eight counters from COUNTERS; fewer than eight go in
// pairs and singly by vector permute. Secret: text and area; public: counters and lengths. source may equal target.

import { FORM_BITSLICE_ENCRYPT, FORM_VECTOR_ENCRYPT } from "../abi.ts";
import { AREA_BITSLICE_ENCRYPT, AREA_ROUNDS } from "../aes/area-layout.ts";
import { encryptEightCounters, sliceCounters } from "../aes/bitslice-counter.gen.ts";
import { encryptEight } from "../aes/bitslice-encrypt.gen.ts";
import { sliceSixteen, wipeSixteen } from "../aes/counter-slice.ts";
import { requireForms } from "../aes/key-area.ts";
import { encryptPair } from "../aes/vector-permute-pair.ts";
import { encryptBlock } from "../aes/vector-permute.ts";
import { advanceCounter, spreadCounter128, spreadCounter32 } from "../bytes.ts";
import { wipeBlocks } from "../memory.ts";

const COUNTERS: usize = memory.data(128, 16);
/** What sliceCounters makes. */
const RUN_BLOCKS: i32 = 40;
const RUN: usize = memory.data(640, 16);
/** Batches of eight from which the long preparation of a run pays; the short one makes two. */
const LONG_RUN_LEAST: i32 = 7;
const SHORT_RUN_MOST: i32 = 2;
const RUN_BATCHES_MAX: i32 = 16;

function spread(counter: usize, count: i32, isGcm: bool): void {
  if (isGcm) spreadCounter32(counter, COUNTERS, count);
  else spreadCounter128(counter, COUNTERS, count);
}

/** Whole batches of eight: as many of `blocks` as there are. */
function ctrBatches(area: usize, counter: usize, source: usize, blocks: i32, target: usize, isGcm: bool): void {
  requireForms(area, FORM_BITSLICE_ENCRYPT);
  const keys = area + AREA_BITSLICE_ENCRYPT;
  const rounds = load<i32>(area, AREA_ROUNDS);
  let batches = blocks >> 3;
  let longest: i32 = 0;
  do {
    let run = min(min((256 - <i32>load<u8>(counter, 15)) >> 3, batches), RUN_BATCHES_MAX);
    if (run == 0) {
      spread(counter, 8, isGcm);
      encryptEight(keys, rounds, COUNTERS, source, target);
      wipeBlocks(COUNTERS, 8);
      source += 128;
      target += 128;
      batches -= 1;
      continue;
    }
    if (run >= LONG_RUN_LEAST) sliceCounters(keys, counter, RUN);
    else {
      run = min(run, SHORT_RUN_MOST);
      sliceSixteen(keys, counter, RUN);
    }
    longest = max(longest, run);
    advanceCounter(counter, <u32>run << 3, isGcm);
    batches -= run;
    let words = RUN;
    do {
      encryptEightCounters(keys, rounds, RUN, words, source, target);
      words += 4;
      source += 128;
      target += 128;
      run -= 1;
    } while (run > 0);
  } while (batches > 0);
  if (longest > SHORT_RUN_MOST) wipeBlocks(RUN, RUN_BLOCKS);
  else if (longest > 0) wipeSixteen(RUN);
}

/** counter: the next counter block, moved on by `blocks`. isGcm: increment modulo 2^32 in place of 2^128. */
export function ctr(area: usize, counter: usize, source: usize, blocks: i32, target: usize, isGcm: bool): void {
  if (blocks >= 8) {
    ctrBatches(area, counter, source, blocks, target, isGcm);
    const done = <usize>(blocks & ~7) << 4;
    source += done;
    target += done;
    blocks &= 7;
  }
  if (blocks > 0) {
    requireForms(area, FORM_VECTOR_ENCRYPT);
    spread(counter, blocks, isGcm);
    let from = COUNTERS;
    while (blocks >= 2) {
      encryptPair(area, from, source, target);
      from += 32;
      source += 32;
      target += 32;
      blocks -= 2;
    }
    if (blocks > 0) encryptBlock(area, from, source, target);
    wipeBlocks(COUNTERS, 8);
  }
}
