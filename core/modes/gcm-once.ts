// GCM of a whole message in one call (SP 800-38D §7): what a stream does in four steps, with everything at its end together. Role: the
// last 0 to 8 blocks of text, the unfinished one with them, and E(J0) are one batch of the cipher; the last blocks of
// ciphertext and the block of lengths are one input of GHASH. Invariant: TAIL and the other work areas are wiped before it
// returns. Secret: area, text, Y; public: IV, AAD, lengths, ciphertext, and whether the mac fits.
//
//   TAIL   0 becomes E(J0)   16 text, zeros behind it (0 to 8 blocks)   then the block of lengths   160

import { FORM_BITSLICE_ENCRYPT, FORM_GHASH, FORM_VECTOR_ENCRYPT, STATUS_DECRYPTION_FAILED, STATUS_OK } from "../abi.ts";
import { AREA_BITSLICE_ENCRYPT, AREA_ROUNDS } from "../aes/area-layout.ts";
import { encryptEight } from "../aes/bitslice-encrypt.gen.ts";
import { requireForms } from "../aes/key-area.ts";
import { encryptPair } from "../aes/vector-permute-pair.ts";
import { encryptBlock } from "../aes/vector-permute.ts";
import { advanceCounter, spreadCounter32 } from "../bytes.ts";
import { blockDifferenceMask, differenceMask } from "../ct.ts";
import { ghashBlocks } from "../ghash.ts";
import { copyBlocks, wipe, wipeBlocks } from "../memory.ts";
import { gcmRun, makePreCounter, storeLengths } from "./gcm.ts";

const TAIL_BLOCKS: i32 = 10;
const TAIL: usize = memory.data(160, 16);
/** J0, then the counters of TAIL's text. */
const COUNTERS_BLOCKS: i32 = 9;
const COUNTERS: usize = memory.data(144, 16);
/** GHASH's Y, and then the tag. */
const Y: usize = memory.data(16, 16);
const COUNTER: usize = memory.data(16, 16);
/** From so many blocks on, one bitsliced batch is faster than pairs. */
const BATCH_LEAST: i32 = 6;

/** Encrypts the first `blocks` of COUNTERS onto TAIL. 1 to 9. */
function encryptTail(area: usize, blocks: i32): void {
  let counter = COUNTERS;
  let text = TAIL;
  if (blocks >= BATCH_LEAST) {
    requireForms(area, FORM_BITSLICE_ENCRYPT);
    encryptEight(area + AREA_BITSLICE_ENCRYPT, load<i32>(area, AREA_ROUNDS), COUNTERS, TAIL, TAIL);
    counter += 128;
    text += 128;
    blocks -= 8;
  }
  requireForms(area, FORM_VECTOR_ENCRYPT);
  while (blocks >= 2) {
    encryptPair(area, counter, text, text);
    counter += 32;
    text += 32;
    blocks -= 2;
  }
  if (blocks > 0) encryptBlock(area, counter, text, text);
}

/** AAD, padded with zeros to whole blocks. */
function absorbAad(area: usize, aad: usize, length: i32): void {
  if (length >= 16) ghashBlocks(area, Y, aad, length >> 4);
  const rest = length & 15;
  if (rest == 0) return;
  memory.copy(TAIL, aad + <usize>(length & ~15), <usize>rest);
  ghashBlocks(area, Y, TAIL, 1);
  wipeBlocks(TAIL, 1);
}

/** Answers STATUS_OK or STATUS_DECRYPTION_FAILED, which wipes the target. mac: tagLength bytes, written or compared. */
export function gcmOnce(
  area: usize, encrypting: bool, tagLength: i32, iv: usize, ivLength: i32, aad: usize, aadLength: i32, source: usize, length: i32,
  target: usize, mac: usize,
): i32 {
  requireForms(area, FORM_GHASH);
  makePreCounter(area, COUNTERS, iv, ivLength);
  v128.store(COUNTER, v128.load(COUNTERS));
  advanceCounter(COUNTER, 1, true);
  if (aadLength > 0) absorbAad(area, aad, aadLength);

  const batched = length & ~127;
  const rest = length & 127;
  if (rest == 0) {
    // A chain that waits for itself: first, so that what follows runs beside it.
    requireForms(area, FORM_VECTOR_ENCRYPT);
    encryptBlock(area, COUNTERS, TAIL, TAIL);
  }
  if (batched > 0) gcmRun(area, Y, COUNTER, encrypting, source, batched >> 4, target);
  const whole = rest >> 4;
  const blocks = (rest + 15) >> 4;
  const text = TAIL + 16;
  const unfinished = <usize>(whole << 4);
  const from = source + <usize>batched;
  if (whole > 0) copyBlocks(text, from, whole);
  if (blocks > whole) memory.copy(text + unfinished, from + unfinished, <usize>(rest & 15));
  if (blocks == 1) v128.store(COUNTERS + 16, v128.load(COUNTER));
  else if (blocks > 1) spreadCounter32(COUNTER, COUNTERS + 16, 1);

  const last = text + (<usize>blocks << 4);
  if (!encrypting) {
    storeLengths(last, <u64>aadLength, <u64>length);
    ghashBlocks(area, Y, text, blocks + 1);
  }
  if (blocks > 0) encryptTail(area, blocks + 1);
  const to = target + <usize>batched;
  if (whole > 0) copyBlocks(to, text, whole);
  if (blocks > whole) memory.copy(to + unfinished, text + unfinished, <usize>(rest & 15));
  if (encrypting) {
    if (blocks > whole) memory.fill(text + <usize>rest, 0, <usize>((blocks << 4) - rest));
    storeLengths(last, <u64>aadLength, <u64>length);
    ghashBlocks(area, Y, text, blocks + 1);
  }
  v128.store(Y, v128.xor(v128.load(Y), v128.load(TAIL)));

  let status = STATUS_OK;
  const isWhole = tagLength == 16;
  if (encrypting) {
    if (isWhole) v128.store(mac, v128.load(Y));
    else memory.copy(mac, Y, <usize>tagLength);
  } else if ((isWhole ? blockDifferenceMask(Y, mac) : differenceMask(Y, mac, tagLength)) != 0) {
    wipe(target, <usize>length);
    status = STATUS_DECRYPTION_FAILED;
  }
  wipeBlocks(TAIL, blocks == 0 ? 2 : TAIL_BLOCKS);
  wipeBlocks(COUNTERS, blocks == 0 ? 1 : COUNTERS_BLOCKS);
  v128.store(Y, i64x2.splat(0));
  v128.store(COUNTER, i64x2.splat(0));
  return status;
}
