// One-shot calls: a whole message in, a whole message out. Role: for 16 bytes, what a stream spends on its state is half of the
// time, so the checks are made once and the blocks go straight to the modes. Invariants: the same statuses as a stream of one
// part; a failed call leaves wiped what it had written; source may equal target.
//
// Secret: area, text. Public: mode, direction, padding, all lengths, IV, AAD, and whether a decryption failed.

import {
  BLOCK_BYTES, CALL_BYTES_MAX, FORM_VECTOR_ENCRYPT, MODE_ECB, MODE_GCM, PADDING_PKCS5, STATUS_AAD_NOT_ALLOWED,
  STATUS_DECRYPTION_FAILED, STATUS_OK, STATUS_PARTIAL_BLOCK, STATUS_TOO_LONG,
} from "./abi.ts";
import { requireForms } from "./aes/key-area.ts";
import { encryptBlock } from "./aes/vector-permute.ts";
import { ZERO_BLOCKS, xorBytes } from "./bytes.ts";
import { wipe, wipeBlocks } from "./memory.ts";
import { gcmOnce } from "./modes/gcm-once.ts";
import { pad, unpaddedLength } from "./padding.ts";
import { checkParameters, isBlockMode, runMode } from "./stream.ts";

/** The chaining value, and the last block of a message that ends in one; wiped before a call returns. */
const CHAIN: usize = memory.data(32, 16);
const BLOCK: usize = CHAIN + 16;

/** ECB and CBC, encryption. */
function encryptBlocks(area: usize, mode: i32, padded: bool, source: usize, length: i32, target: usize): i32 {
  const whole = length >> 4;
  const rest = length & 15;
  if (padded) {
    // Before the blocks, since source may be target.
    if (rest > 0) memory.copy(BLOCK, source + (<usize>whole << 4), <usize>rest);
    pad(BLOCK, rest);
  } else if (rest > 0) {
    wipe(target, <usize>(whole << 4));
    return STATUS_PARTIAL_BLOCK;
  }
  if (whole > 0) runMode(area, mode, true, CHAIN, source, whole, target);
  if (!padded) return length;
  runMode(area, mode, true, CHAIN, BLOCK, 1, target + (<usize>whole << 4));
  return (whole + 1) << 4;
}

/** ECB and CBC, decryption. */
function decryptBlocks(area: usize, mode: i32, padded: bool, source: usize, length: i32, target: usize): i32 {
  if ((length & 15) != 0 || (padded && length == 0)) {
    wipe(target, <usize>(length & ~15));
    return STATUS_PARTIAL_BLOCK;
  }
  if (length > 0) runMode(area, mode, false, CHAIN, source, length >> 4, target);
  if (!padded) return length;
  const before = length - BLOCK_BYTES;
  const kept = unpaddedLength(target + <usize>before);
  if (kept < 0) {
    wipe(target, <usize>length);
    return STATUS_DECRYPTION_FAILED;
  }
  wipe(target + <usize>(before + kept), <usize>(BLOCK_BYTES - kept));
  return before + kept;
}

/** CFB, OFB, CTR. The key stream is E(chain) in all three. */
function runKeyStream(area: usize, mode: i32, encrypting: bool, source: usize, length: i32, target: usize): i32 {
  const whole = length >> 4;
  if (whole > 0) runMode(area, mode, encrypting, CHAIN, source, whole, target);
  const rest = length & 15;
  if (rest > 0) {
    const done = <usize>whole << 4;
    requireForms(area, FORM_VECTOR_ENCRYPT);
    encryptBlock(area, CHAIN, ZERO_BLOCKS, BLOCK);
    xorBytes(target + done, source + done, BLOCK, rest);
  }
  return length;
}

function runOnce(
  area: usize, mode: i32, encrypting: bool, padding: i32, tagLength: i32, iv: usize, ivLength: i32, aad: usize,
  aadLength: i32, source: usize, length: i32, target: usize, mac: usize,
): i32 {
  const wrong = checkParameters(mode, padding, tagLength, ivLength);
  if (wrong < 0) return wrong;
  const unprepared = requireForms(area, 0);
  if (unprepared < 0) return unprepared;
  if (aadLength < 0 || aadLength > CALL_BYTES_MAX || length < 0 || length > CALL_BYTES_MAX) return STATUS_TOO_LONG;
  if (mode == MODE_GCM) {
    const status = gcmOnce(area, encrypting, tagLength, iv, ivLength, aad, aadLength, source, length, target, mac);
    return status == STATUS_OK ? length : status;
  }
  if (aadLength > 0) return STATUS_AAD_NOT_ALLOWED;
  if (mode != MODE_ECB) v128.store(CHAIN, v128.load(iv));
  const padded = padding == PADDING_PKCS5;
  const answer = !isBlockMode(mode) ? runKeyStream(area, mode, encrypting, source, length, target)
    : encrypting ? encryptBlocks(area, mode, padded, source, length, target)
    : decryptBlocks(area, mode, padded, source, length, target);
  wipeBlocks(CHAIN, 2);
  return answer;
}

/** One-shot encryption: bytes written, or a status. */
export function encryptOnce(
  area: usize, mode: i32, padding: i32, tagLength: i32, iv: usize, ivLength: i32, aad: usize, aadLength: i32,
  source: usize, length: i32, target: usize, mac: usize,
): i32 {
  return runOnce(area, mode, true, padding, tagLength, iv, ivLength, aad, aadLength, source, length, target, mac);
}

/** One-shot decryption: bytes written, or a status; on a status the target is wiped. */
export function decryptOnce(
  area: usize, mode: i32, padding: i32, tagLength: i32, iv: usize, ivLength: i32, aad: usize, aadLength: i32,
  source: usize, length: i32, target: usize, mac: usize,
): i32 {
  return runOnce(area, mode, false, padding, tagLength, iv, ivLength, aad, aadLength, source, length, target, mac);
}
