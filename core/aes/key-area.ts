// The key area: where an expanded key lies, and which of its forms are there. Role: layout and laziness; the
// forms themselves are made in key-schedule.ts and ghash.ts. Invariant: a form is used only after requireForms()
// said it is there, and wipeKey() zeroes every byte, header included. Only the header is public.
//
//      0  header: magic u32, rounds u32, forms u32
//     64  round keys, 16 B each, as FIPS 197 §5.2 makes them                          16 x 16 = 256
//    320  vector-permute form, encryption: K_0 ... K_R, then the chain key             240 + 16
//    576  vector-permute form, decryption: K_0 ... K_R                                      240
//    832  bitsliced form, encryption: first, last (16 B each), 128 B for each round between  32 + 13 x 128
//   2560  bitsliced form, decryption: the same
//   4288  GHASH: for H, H^2, H^3, H^4: 16 rows of two 16-byte tables                    4 x 512
//   6336  end

import {
  FORM_BITSLICE_DECRYPT, FORM_BITSLICE_ENCRYPT, FORM_GHASH, FORM_VECTOR_DECRYPT, FORM_VECTOR_ENCRYPT,
  KEY_AREA_BYTES, STATUS_KEY_AREA, STATUS_KEY_LENGTH, STATUS_OK,
} from "../abi.ts";
import { wipe } from "../memory.ts";
import { buildGhashTables } from "../ghash.ts";
import {
  buildBitsliceDecrypt, buildBitsliceEncrypt, buildVectorDecrypt, buildVectorEncrypt, expandKey128, expandKey192,
  expandKey256,
} from "./key-schedule.ts";
import {
  AREA_FORMS, AREA_MAGIC, AREA_ROUNDS, AREA_ROUND_KEYS, KEY_AREA_MAGIC,
} from "./area-layout.ts";

/** Fills a key area from a raw key. Secret: the bytes at key; its length is public. */
export function prepareKey(area: usize, key: usize, keyLength: i32): i32 {
  let rounds: i32 = 0;
  if (keyLength == 16) {
    expandKey128(key, area + AREA_ROUND_KEYS);
    rounds = 10;
  } else if (keyLength == 24) {
    expandKey192(key, area + AREA_ROUND_KEYS);
    rounds = 12;
  } else if (keyLength == 32) {
    expandKey256(key, area + AREA_ROUND_KEYS);
    rounds = 14;
  } else {
    return STATUS_KEY_LENGTH;
  }
  store<u32>(area, KEY_AREA_MAGIC, AREA_MAGIC);
  store<u32>(area, <u32>rounds, AREA_ROUNDS);
  store<u32>(area, 0, AREA_FORMS);
  return STATUS_OK;
}

/** Builds those of the wanted forms that are missing. forms: FORM_… numbers joined by |. */
export function requireForms(area: usize, forms: u32): i32 {
  if (load<u32>(area, AREA_MAGIC) != KEY_AREA_MAGIC) return STATUS_KEY_AREA;
  const built = load<u32>(area, AREA_FORMS);
  const wanted = forms | ((forms & FORM_GHASH) != 0 ? FORM_VECTOR_ENCRYPT : 0);
  const missing = wanted & ~built;
  if (missing == 0) return STATUS_OK;
  const rounds = load<i32>(area, AREA_ROUNDS);
  if ((missing & FORM_VECTOR_ENCRYPT) != 0) buildVectorEncrypt(area, rounds);
  if ((missing & FORM_VECTOR_DECRYPT) != 0) buildVectorDecrypt(area, rounds);
  if ((missing & FORM_BITSLICE_ENCRYPT) != 0) buildBitsliceEncrypt(area, rounds);
  if ((missing & FORM_BITSLICE_DECRYPT) != 0) buildBitsliceDecrypt(area, rounds);
  if ((missing & FORM_GHASH) != 0) buildGhashTables(area);
  store<u32>(area, built | missing, AREA_FORMS);
  return STATUS_OK;
}

/** Zeroes a key area. */
export function wipeKey(area: usize): void {
  wipe(area, KEY_AREA_BYTES);
}
