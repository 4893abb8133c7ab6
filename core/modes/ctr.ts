// CTR (SP 800-38A §6.5) on whole blocks, for both directions, and GCTR of GCM, which differs in the increment only.
// Role: counters into COUNTERS, eight at a time, then one bitsliced kernel that XORs the text on its way out; fewer
// than eight in pairs and singly by vector permute. Secret: text and area; public: counters and lengths. source may equal target.

import { FORM_BITSLICE_ENCRYPT, FORM_VECTOR_ENCRYPT } from "../abi.ts";
import { AREA_BITSLICE_ENCRYPT, AREA_ROUNDS } from "../aes/area-layout.ts";
import { encryptEight } from "../aes/bitslice-encrypt.gen.ts";
import { requireForms } from "../aes/key-area.ts";
import { encryptPair } from "../aes/vector-permute-pair.ts";
import { encryptBlock } from "../aes/vector-permute.ts";
import { spreadCounter128, spreadCounter32 } from "../bytes.ts";
import { wipeBlocks } from "../memory.ts";

const COUNTERS: usize = memory.data(128, 16);

function spread(counter: usize, count: i32, isGcm: bool): void {
  if (isGcm) spreadCounter32(counter, COUNTERS, count);
  else spreadCounter128(counter, COUNTERS, count);
}

/** counter: the next counter block, moved on by `blocks`. isGcm: increment modulo 2^32 in place of 2^128. */
export function ctr(area: usize, counter: usize, source: usize, blocks: i32, target: usize, isGcm: bool): void {
  if (blocks == 0) return;
  if (blocks >= 8) {
    requireForms(area, FORM_BITSLICE_ENCRYPT);
    const rounds = load<i32>(area, AREA_ROUNDS);
    do {
      spread(counter, 8, isGcm);
      encryptEight(area + AREA_BITSLICE_ENCRYPT, rounds, COUNTERS, source, target);
      source += 128;
      target += 128;
      blocks -= 8;
    } while (blocks >= 8);
  }
  if (blocks == 0) {
    wipeBlocks(COUNTERS, 8);
    return;
  }
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
