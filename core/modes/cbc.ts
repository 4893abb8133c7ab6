// CBC (SP 800-38A §6.2) on whole blocks. Encryption is serial: vector permute. Decryption is parallel: the bitsliced
// kernel with the ciphertexts, shifted by one block, as masks. chain: the last ciphertext block, moved on by each call.
// Secret: plaintext and area; public: ciphertext and lengths. source may equal target: what is still needed of the
// ciphertext is kept in SHIFTED first.

import { FORM_BITSLICE_DECRYPT, FORM_VECTOR_DECRYPT, FORM_VECTOR_ENCRYPT } from "../abi.ts";
import { AREA_BITSLICE_DECRYPT, AREA_ROUNDS } from "../aes/area-layout.ts";
import { decryptEight } from "../aes/bitslice-decrypt.gen.ts";
import { requireForms } from "../aes/key-area.ts";
import { decryptPair } from "../aes/vector-permute-pair.ts";
import { cbcEncryptBlocks, decryptBlock } from "../aes/vector-permute.ts";
import { copySevenBlocks, wipeBlocks } from "../memory.ts";

/** The eight masks of one batch: ciphertext only. */
const SHIFTED: usize = memory.data(128, 16);

export function cbcEncrypt(area: usize, chain: usize, source: usize, blocks: i32, target: usize): void {
  if (blocks == 0) return;
  requireForms(area, FORM_VECTOR_ENCRYPT);
  cbcEncryptBlocks(area, chain, source, blocks, target);
}

export function cbcDecrypt(area: usize, chain: usize, source: usize, blocks: i32, target: usize): void {
  if (blocks >= 8) {
    requireForms(area, FORM_BITSLICE_DECRYPT);
    const rounds = load<i32>(area, AREA_ROUNDS);
    do {
      v128.store(SHIFTED, v128.load(chain));
      copySevenBlocks(SHIFTED + 16, source);
      v128.store(chain, v128.load(source, 112));
      decryptEight(area + AREA_BITSLICE_DECRYPT, rounds, source, SHIFTED, target);
      source += 128;
      target += 128;
      blocks -= 8;
    } while (blocks >= 8);
    wipeBlocks(SHIFTED, 8);
  }
  if (blocks == 0) return;
  requireForms(area, FORM_VECTOR_DECRYPT);
  while (blocks >= 2) {
    v128.store(SHIFTED, v128.load(chain));
    v128.store(SHIFTED, v128.load(source), 16);
    v128.store(chain, v128.load(source, 16));
    decryptPair(area, source, SHIFTED, target);
    wipeBlocks(SHIFTED, 2);
    source += 32;
    target += 32;
    blocks -= 2;
  }
  if (blocks == 0) return;
  const next = v128.load(source);
  decryptBlock(area, source, chain, target);
  v128.store(chain, next);
}
