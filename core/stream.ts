// Streams of every mode over a flat cipher state. Role: what is
// not a whole block: held bytes, key stream positions, padding, tags, checks of what the caller asked for. Invariants:
// a state is complete between calls (the host may carry it to another instance); no key stream block is kept in it but
// OFB's feedback: an unfinished block is encrypted anew; a failed decryption leaves its output wiped.
//
//   begin -> PHASE_AAD (GCM) -> addAad ... -> PHASE_TEXT -> update ... -> finish (state wiped)
//
// Secret: area, state, text. Public: mode, direction, padding, all lengths, IV, AAD, and whether a decryption failed.

import {
  BLOCK_BYTES, CALL_BYTES_MAX, CIPHER_STATE_BYTES, CIPHER_STATE_REVISION, DIRECTION_DECRYPT, DIRECTION_ENCRYPT,
  GCM_AAD_BYTES_MAX, GCM_TEXT_BYTES_MAX, MODE_CBC, MODE_CFB, MODE_CTR, MODE_ECB, MODE_GCM, MODE_OFB, PADDING_NONE,
  PADDING_PKCS5, PHASE_AAD, PHASE_TEXT, STATE_AAD_LENGTH, STATE_CHAIN, STATE_DIRECTION, STATE_HELD, STATE_HELD_LENGTH,
  STATE_MODE, STATE_PADDING, STATE_PHASE, STATE_REVISION, STATE_TAG_LENGTH, STATE_TEXT_LENGTH,
  STATUS_AAD_NOT_ALLOWED, STATUS_DECRYPTION_FAILED, STATUS_IV_LENGTH, STATUS_MODE, STATUS_OK, STATUS_PADDING,
  STATUS_PARTIAL_BLOCK, STATUS_STATE, STATUS_TAG_LENGTH, STATUS_TOO_LONG, FORM_VECTOR_ENCRYPT,
} from "./abi.ts";
import { requireForms } from "./aes/key-area.ts";
import { encryptBlock } from "./aes/vector-permute.ts";
import { ZERO_BLOCKS, advanceCounter, xorBytes } from "./bytes.ts";
import { differenceMask } from "./ct.ts";
import { wipe, wipeBlocks } from "./memory.ts";
import { cbcDecrypt, cbcEncrypt } from "./modes/cbc.ts";
import { cfbDecrypt, cfbEncrypt } from "./modes/cfb.ts";
import { ctr } from "./modes/ctr.ts";
import { ecbDecrypt, ecbEncrypt } from "./modes/ecb.ts";
import { gcmAad, gcmBlocks, gcmHeldComplete, gcmStart, gcmTag, gcmTextBegins } from "./modes/gcm.ts";
import { ofb } from "./modes/ofb.ts";
import { pad, unpaddedLength } from "./padding.ts";

/** One block of key stream, or one tag, while a call runs; wiped before it returns. */
const BLOCK: usize = memory.data(16, 16);
const STATE_BLOCKS: i32 = CIPHER_STATE_BYTES >> 4;

export function isBlockMode(mode: i32): bool {
  return mode == MODE_ECB || mode == MODE_CBC;
}

export function checkParameters(mode: i32, padding: i32, tagLength: i32, ivLength: i32): i32 {
  if (mode != MODE_CBC && mode != MODE_ECB && mode != MODE_CFB && mode != MODE_OFB && mode != MODE_CTR && mode != MODE_GCM) {
    return STATUS_MODE;
  }
  if (padding != PADDING_NONE && !(padding == PADDING_PKCS5 && isBlockMode(mode))) return STATUS_PADDING;
  if (mode == MODE_GCM) {
    if (tagLength != 4 && tagLength != 8 && (tagLength < 12 || tagLength > 16)) return STATUS_TAG_LENGTH;
    if (ivLength < 1) return STATUS_IV_LENGTH;
  } else if (mode != MODE_ECB && ivLength != BLOCK_BYTES) {
    return STATUS_IV_LENGTH;
  }
  return STATUS_OK;
}

/** Starts a stream in `state`. ECB ignores the IV; tagLength counts for GCM only. */
export function begin(
  area: usize, state: usize, mode: i32, direction: i32, padding: i32, tagLength: i32, iv: usize, ivLength: i32,
): i32 {
  const wrong = checkParameters(mode, padding, tagLength, ivLength);
  if (wrong < 0) return wrong;
  if (direction != DIRECTION_ENCRYPT && direction != DIRECTION_DECRYPT) return STATUS_STATE;
  const unprepared = requireForms(area, 0);
  if (unprepared < 0) return unprepared;
  wipeBlocks(state, STATE_BLOCKS);
  store<u8>(state, CIPHER_STATE_REVISION, STATE_REVISION);
  store<u8>(state, <u8>mode, STATE_MODE);
  store<u8>(state, <u8>direction, STATE_DIRECTION);
  store<u8>(state, <u8>padding, STATE_PADDING);
  if (mode == MODE_GCM) {
    store<u8>(state, <u8>tagLength, STATE_TAG_LENGTH);
    store<u8>(state, PHASE_AAD, STATE_PHASE);
    gcmStart(area, state, iv, ivLength);
    return STATUS_OK;
  }
  store<u8>(state, PHASE_TEXT, STATE_PHASE);
  if (mode != MODE_ECB) v128.store(state + STATE_CHAIN, v128.load(iv));
  return STATUS_OK;
}

/** Refuses a state that would steer a call out of its regions; the host's seal is what keeps it honest otherwise. */
function checkState(area: usize, state: usize, length: i32): i32 {
  if (load<u8>(state, STATE_REVISION) != CIPHER_STATE_REVISION) return STATUS_STATE;
  const mode: i32 = load<u8>(state, STATE_MODE);
  if (checkParameters(mode, load<u8>(state, STATE_PADDING), load<u8>(state, STATE_TAG_LENGTH), BLOCK_BYTES) < 0) return STATUS_STATE;
  const direction: i32 = load<u8>(state, STATE_DIRECTION);
  if (direction != DIRECTION_ENCRYPT && direction != DIRECTION_DECRYPT) return STATUS_STATE;
  if (load<u8>(state, STATE_HELD_LENGTH) > (isBlockMode(mode) ? 16 : 0)) return STATUS_STATE;
  const phase: i32 = load<u8>(state, STATE_PHASE);
  if (phase != PHASE_TEXT && !(phase == PHASE_AAD && mode == MODE_GCM)) return STATUS_STATE;
  if (length < 0 || length > CALL_BYTES_MAX) return STATUS_TOO_LONG;
  return requireForms(area, 0);
}

/** More additional data, before the first text. */
export function addAad(area: usize, state: usize, aad: usize, length: i32): i32 {
  const wrong = checkState(area, state, length);
  if (wrong < 0) return wrong;
  if (load<u8>(state, STATE_PHASE) != PHASE_AAD) return STATUS_AAD_NOT_ALLOWED;
  if (load<u64>(state, STATE_AAD_LENGTH) + <u64>length > <u64>GCM_AAD_BYTES_MAX) return STATUS_TOO_LONG;
  gcmAad(area, state, aad, length);
  return STATUS_OK;
}

/** Takes a part of the text; the answer is how many bytes were written. */
export function update(area: usize, state: usize, source: usize, length: i32, target: usize): i32 {
  const wrong = checkState(area, state, length);
  if (wrong < 0) return wrong;
  const mode: i32 = load<u8>(state, STATE_MODE);
  const taken = load<u64>(state, STATE_TEXT_LENGTH) + <u64>length;
  if (mode == MODE_GCM) {
    if (taken > <u64>GCM_TEXT_BYTES_MAX) return STATUS_TOO_LONG;
    if (length > 0 && load<u8>(state, STATE_PHASE) == PHASE_AAD) gcmTextBegins(area, state);
  }
  const written = isBlockMode(mode)
    ? updateBlocks(area, state, source, length, target)
    : updateKeyStream(area, state, source, length, target);
  store<u64>(state, taken, STATE_TEXT_LENGTH);
  return written;
}

/** Whole blocks in the state's mode and direction. */
function runBlocks(area: usize, state: usize, source: usize, blocks: i32, target: usize): void {
  const mode: i32 = load<u8>(state, STATE_MODE);
  if (mode == MODE_GCM) gcmBlocks(area, state, source, blocks, target);
  else runMode(area, mode, load<u8>(state, STATE_DIRECTION) == DIRECTION_ENCRYPT, state + STATE_CHAIN, source, blocks, target);
}

/** Whole blocks in any mode but GCM. */
export function runMode(area: usize, mode: i32, encrypting: bool, chain: usize, source: usize, blocks: i32, target: usize): void {
  if (mode == MODE_CTR) ctr(area, chain, source, blocks, target, false);
  else if (mode == MODE_OFB) ofb(area, chain, source, blocks, target);
  else if (mode == MODE_CBC) {
    if (encrypting) cbcEncrypt(area, chain, source, blocks, target);
    else cbcDecrypt(area, chain, source, blocks, target);
  } else if (mode == MODE_CFB) {
    if (encrypting) cfbEncrypt(area, chain, source, blocks, target);
    else cfbDecrypt(area, chain, source, blocks, target);
  } else if (encrypting) ecbEncrypt(area, source, blocks, target);
  else ecbDecrypt(area, source, blocks, target);
}

/** ECB and CBC: whole blocks go out, the rest is held. A decryption with padding holds its last block too. */
function updateBlocks(area: usize, state: usize, source: usize, length: i32, target: usize): i32 {
  if (length == 0) return 0;
  const holdsLast = load<u8>(state, STATE_DIRECTION) == DIRECTION_DECRYPT && load<u8>(state, STATE_PADDING) == PADDING_PKCS5;
  const held: i32 = load<u8>(state, STATE_HELD_LENGTH);
  let blocks = (held + length - (holdsLast ? 1 : 0)) >> 4;
  const written = blocks << 4;
  const heldBytes = state + STATE_HELD;
  if (blocks == 0) {
    memory.copy(heldBytes + <usize>held, source, <usize>length);
    store<u8>(state, <u8>(held + length), STATE_HELD_LENGTH);
    return 0;
  }
  if (held > 0) {
    const take = 16 - held;
    memory.copy(heldBytes + <usize>held, source, <usize>take);
    runBlocks(area, state, heldBytes, 1, target);
    source += <usize>take;
    length -= take;
    target += 16;
    blocks -= 1;
  }
  const rest = length - (blocks << 4);
  if (rest > 0) memory.copy(heldBytes, source + (<usize>blocks << 4), <usize>rest);
  store<u8>(state, <u8>rest, STATE_HELD_LENGTH);
  if (blocks > 0) runBlocks(area, state, source, blocks, target);
  return written;
}

/** CFB, OFB, CTR, GCM: every byte goes out at once. */
function updateKeyStream(area: usize, state: usize, source: usize, length: i32, target: usize): i32 {
  const position = <i32>load<u64>(state, STATE_TEXT_LENGTH) & 15;
  let remaining = length;
  if (position > 0 && remaining > 0) {
    const take = min(16 - position, remaining);
    runPartial(area, state, source, take, target, position);
    source += <usize>take;
    target += <usize>take;
    remaining -= take;
  }
  const blocks = remaining >> 4;
  if (blocks > 0) runBlocks(area, state, source, blocks, target);
  const rest = remaining & 15;
  if (rest > 0) runPartial(area, state, source + (<usize>blocks << 4), rest, target + (<usize>blocks << 4), 0);
  return length;
}

/** `count` bytes of one block from `position` on. The key stream is E(chain) in all four modes; chain moves on only when
 *  the block is whole. CFB and GCM gather its ciphertext in STATE_HELD. */
function runPartial(area: usize, state: usize, source: usize, count: i32, target: usize, position: i32): void {
  const mode: i32 = load<u8>(state, STATE_MODE);
  const encrypting = load<u8>(state, STATE_DIRECTION) == DIRECTION_ENCRYPT;
  const chain = state + STATE_CHAIN;
  const held = state + STATE_HELD;
  const gathers = mode == MODE_CFB || mode == MODE_GCM;
  requireForms(area, FORM_VECTOR_ENCRYPT);
  encryptBlock(area, chain, ZERO_BLOCKS, BLOCK);
  if (gathers && !encrypting) memory.copy(held + <usize>position, source, <usize>count);
  xorBytes(target, source, BLOCK + <usize>position, count);
  if (gathers && encrypting) memory.copy(held + <usize>position, target, <usize>count);
  if (position + count == 16) {
    if (mode == MODE_OFB) v128.store(chain, v128.load(BLOCK));
    else if (mode == MODE_CFB) v128.store(chain, v128.load(held));
    else advanceCounter(chain, 1, mode == MODE_GCM);
    if (mode == MODE_GCM) gcmHeldComplete(area, state);
  }
  wipeBlocks(BLOCK, 1);
}

/** Ends the stream and wipes its state. mac: GCM's tag, written (encrypt) or compared (decrypt). */
export function finish(area: usize, state: usize, target: usize, mac: usize): i32 {
  const wrong = checkState(area, state, 0);
  if (wrong < 0) return wrong;
  const mode: i32 = load<u8>(state, STATE_MODE);
  const written = mode == MODE_GCM ? finishGcm(area, state, mac) : isBlockMode(mode) ? finishBlocks(area, state, target) : 0;
  wipeBlocks(state, STATE_BLOCKS);
  return written;
}

function finishGcm(area: usize, state: usize, mac: usize): i32 {
  if (load<u8>(state, STATE_PHASE) == PHASE_AAD) gcmTextBegins(area, state);
  gcmTag(area, state, BLOCK);
  const tagLength: i32 = load<u8>(state, STATE_TAG_LENGTH);
  let answer: i32 = 0;
  if (load<u8>(state, STATE_DIRECTION) == DIRECTION_ENCRYPT) memory.copy(mac, BLOCK, <usize>tagLength);
  else if (differenceMask(BLOCK, mac, tagLength) != 0) answer = STATUS_DECRYPTION_FAILED;
  wipeBlocks(BLOCK, 1);
  return answer;
}

function finishBlocks(area: usize, state: usize, target: usize): i32 {
  const held: i32 = load<u8>(state, STATE_HELD_LENGTH);
  const padded = load<u8>(state, STATE_PADDING) == PADDING_PKCS5;
  const heldBytes = state + STATE_HELD;
  if (!padded) return held == 0 ? 0 : STATUS_PARTIAL_BLOCK;
  if (load<u8>(state, STATE_DIRECTION) == DIRECTION_ENCRYPT) {
    pad(heldBytes, held);
    runBlocks(area, state, heldBytes, 1, target);
    return BLOCK_BYTES;
  }
  if (held != BLOCK_BYTES) return STATUS_PARTIAL_BLOCK;
  runBlocks(area, state, heldBytes, 1, target);
  const length = unpaddedLength(target);
  if (length < 0) {
    wipe(target, BLOCK_BYTES);
    return STATUS_DECRYPTION_FAILED;
  }
  wipe(target + <usize>length, <usize>(BLOCK_BYTES - length));
  return length;
}
