// CFB with 128-bit segments (SP 800-38A §6.3) on whole blocks; unfinished ones are stream.ts's. Encryption is serial: vector
// permute. Decryption is parallel: E of the ciphertexts shifted by one block, which SHIFTED keeps so that source may equal
// target. Secret: plaintext and area; public: ciphertext and lengths.

import { FORM_BITSLICE_ENCRYPT, FORM_VECTOR_ENCRYPT } from "../abi.ts";
import { AREA_BITSLICE_ENCRYPT, AREA_ROUNDS } from "../aes/area-layout.ts";
import { encryptEight } from "../aes/bitslice-encrypt.gen.ts";
import { requireForms } from "../aes/key-area.ts";
import { encryptPair } from "../aes/vector-permute-pair.ts";
import { cfbEncryptBlocks, encryptBlock } from "../aes/vector-permute.ts";
import { copySevenBlocks, wipeBlocks } from "../memory.ts";

/** The eight inputs of one batch: ciphertext only. */
const SHIFTED: usize = memory.data(128, 16);

export function cfbEncrypt(area: usize, chain: usize, source: usize, blocks: i32, target: usize): void {
  if (blocks == 0) return;
  requireForms(area, FORM_VECTOR_ENCRYPT);
  cfbEncryptBlocks(area, chain, source, blocks, target);
}

export function cfbDecrypt(area: usize, chain: usize, source: usize, blocks: i32, target: usize): void {
  if (blocks >= 8) {
    requireForms(area, FORM_BITSLICE_ENCRYPT);
    const rounds = load<i32>(area, AREA_ROUNDS);
    do {
      v128.store(SHIFTED, v128.load(chain));
      copySevenBlocks(SHIFTED + 16, source);
      v128.store(chain, v128.load(source, 112));
      encryptEight(area + AREA_BITSLICE_ENCRYPT, rounds, SHIFTED, source, target);
      source += 128;
      target += 128;
      blocks -= 8;
    } while (blocks >= 8);
    wipeBlocks(SHIFTED, 8);
  }
  if (blocks == 0) return;
  requireForms(area, FORM_VECTOR_ENCRYPT);
  while (blocks >= 2) {
    v128.store(SHIFTED, v128.load(chain));
    v128.store(SHIFTED, v128.load(source), 16);
    v128.store(chain, v128.load(source, 16));
    encryptPair(area, SHIFTED, source, target);
    wipeBlocks(SHIFTED, 2);
    source += 32;
    target += 32;
    blocks -= 2;
  }
  if (blocks == 0) return;
  const next = v128.load(source);
  encryptBlock(area, chain, source, target);
  v128.store(chain, next);
}
