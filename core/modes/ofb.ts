// OFB (SP 800-38A §6.4) on whole blocks; one function for both directions, serial, so vector permute. chain holds the
// last output block, which is key stream: secret, like the area and the text.

import { FORM_VECTOR_ENCRYPT } from "../abi.ts";
import { requireForms } from "../aes/key-area.ts";
import { ofbBlocks } from "../aes/vector-permute.ts";

export function ofb(area: usize, chain: usize, source: usize, blocks: i32, target: usize): void {
  if (blocks == 0) return;
  requireForms(area, FORM_VECTOR_ENCRYPT);
  ofbBlocks(area, chain, source, blocks, target);
}
