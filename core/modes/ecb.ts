// ECB (SP 800-38A §6.1) on whole blocks. Role: eights by the bitsliced kernel, the rest in pairs and singly by vector permute.
// Secret: blocks and area; public: their number. source may equal target.

import { FORM_BITSLICE_DECRYPT, FORM_BITSLICE_ENCRYPT, FORM_VECTOR_DECRYPT, FORM_VECTOR_ENCRYPT } from "../abi.ts";
import { AREA_BITSLICE_DECRYPT, AREA_BITSLICE_ENCRYPT, AREA_ROUNDS } from "../aes/area-layout.ts";
import { decryptEight } from "../aes/bitslice-decrypt.gen.ts";
import { encryptEight } from "../aes/bitslice-encrypt.gen.ts";
import { requireForms } from "../aes/key-area.ts";
import { decryptPair, encryptPair } from "../aes/vector-permute-pair.ts";
import { decryptBlock, encryptBlock } from "../aes/vector-permute.ts";
import { ZERO_BLOCKS } from "../bytes.ts";

export function ecbEncrypt(area: usize, source: usize, blocks: i32, target: usize): void {
  if (blocks >= 8) {
    requireForms(area, FORM_BITSLICE_ENCRYPT);
    const rounds = load<i32>(area, AREA_ROUNDS);
    do {
      encryptEight(area + AREA_BITSLICE_ENCRYPT, rounds, source, ZERO_BLOCKS, target);
      source += 128;
      target += 128;
      blocks -= 8;
    } while (blocks >= 8);
  }
  if (blocks == 0) return;
  requireForms(area, FORM_VECTOR_ENCRYPT);
  while (blocks >= 2) {
    encryptPair(area, source, ZERO_BLOCKS, target);
    source += 32;
    target += 32;
    blocks -= 2;
  }
  if (blocks > 0) encryptBlock(area, source, ZERO_BLOCKS, target);
}

export function ecbDecrypt(area: usize, source: usize, blocks: i32, target: usize): void {
  if (blocks >= 8) {
    requireForms(area, FORM_BITSLICE_DECRYPT);
    const rounds = load<i32>(area, AREA_ROUNDS);
    do {
      decryptEight(area + AREA_BITSLICE_DECRYPT, rounds, source, ZERO_BLOCKS, target);
      source += 128;
      target += 128;
      blocks -= 8;
    } while (blocks >= 8);
  }
  if (blocks == 0) return;
  requireForms(area, FORM_VECTOR_DECRYPT);
  while (blocks >= 2) {
    decryptPair(area, source, ZERO_BLOCKS, target);
    source += 32;
    target += 32;
    blocks -= 2;
  }
  if (blocks > 0) decryptBlock(area, source, ZERO_BLOCKS, target);
}
