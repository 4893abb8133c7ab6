// What a cipher needs to know of one Encrypt or Decrypt: parameters and IV (KMIP 1.4 §3.6, §4.29 and §4.30). Role: twin of
// src/operations/cipher-request.ts, for the requests that succeed; whatever that file would refuse is HOST_NEEDED here, for it to
// say why. Invariant: an IV made here is never given out twice: nonces are the thread's durable prefix and a count that the
// host granted to this instance alone (SP 800-38D §8.2.1), the rest is from the host's pool of random bytes, each used once.
// Public: parameters, IVs, lengths; nothing secret comes by here.
//
//   parameters   present bits u32 | nine values of 4 bytes        (abi.ts, PARAMETER_…)

import {
  ALGORITHM_AES, BLOCK_BYTES, FAST_HOST_NEEDED, FAST_NONCES_NEEDED, FAST_RANDOM_NEEDED, MADE_IV_BYTES_MAX, MODE_CBC, MODE_CFB,
  MODE_CTR, MODE_ECB, MODE_GCM, MODE_OFB, OPERATION_DECRYPT, PADDING_NONE, PADDING_PKCS5, PARAMETERS_BYTES, PARAMETERS_PRESENT,
  PARAMETERS_VALUES, PARAMETER_ALGORITHM, PARAMETER_COUNT, PARAMETER_COUNTER_LENGTH, PARAMETER_FIXED_FIELD_LENGTH,
  PARAMETER_INITIAL_COUNTER_VALUE, PARAMETER_INVOCATION_FIELD_LENGTH, PARAMETER_IV_LENGTH, PARAMETER_MODE, PARAMETER_PADDING,
  PARAMETER_TAG_LENGTH, RANDOM_POOL_BYTES, REPORT_RANDOM_USED, STATUS_OK,
} from "./abi.ts";
import { loadBigEndian64, storeBigEndian64, swapBytes32 } from "./bytes.ts";
import {
  TAG_BLOCK_CIPHER_MODE, TAG_COUNTER_LENGTH, TAG_CRYPTOGRAPHIC_ALGORITHM, TAG_FIXED_FIELD_LENGTH, TAG_INITIAL_COUNTER_VALUE,
  TAG_INVOCATION_FIELD_LENGTH, TAG_IV_LENGTH, TAG_PADDING_METHOD, TAG_RANDOM_IV, TAG_TAG_LENGTH, TYPE_BOOLEAN, TYPE_ENUMERATION,
  TYPE_INTEGER,
} from "./tags.gen.ts";
import { rowEnd, rowInteger, rowTag, rowType } from "./ttlv/rows.ts";

/** First version whose messages have the Authenticated Encryption Tag. */
const FIRST_TAG_VERSION: i32 = 14;
/** For Decrypt too: a shorter tag counts only where parameters say so. */
const TAG_BYTES_DEFAULT: i32 = 16;
/** A nonce made here: 32 bits that name the thread, 64 that count. */
const NONCE_FIXED_BITS: i32 = 32;
const NONCE_INVOCATION_BITS: i32 = 64;
const NONCE_BYTES: i32 = 12;
const NONCE_BITS: i32 = 96;
const BLOCK_BITS: i32 = 128;
/** As src/wasm/crypto.ts: a longer IV is no nonce but a mistake. */
const IV_BYTES_MAX: i32 = 65536;

const REQUESTED: usize = memory.data(PARAMETERS_BYTES, 16);
const MADE_IV: usize = memory.data(MADE_IV_BYTES_MAX, 16);
const POOL: usize = memory.data(RANDOM_POOL_BYTES, 16);

let noncePrefix: u32 = 0;
let nonceNext: u64 = 0;
let noncesLeft: i32 = 0;

/** What the last call of chooseParameters settled. */
let chosen: usize = 0;
export let mode: i32 = 0;
export let padding: i32 = 0;
export let tagLength: i32 = 0;

/** What the last call of chooseVector settled. */
export let iv: usize = 0;
export let ivLength: i32 = 0;
export let ivMade: bool = false;

/** Nonces for this instance alone: `count` of them under the thread's prefix, from `high` * 2^32 + `low` on. */
export function grantNonces(prefix: u32, high: u32, low: u32, count: i32): void {
  noncePrefix = prefix;
  nonceNext = (<u64>high << 32) | <u64>low;
  noncesLeft = count;
}

/** Where the host lays RANDOM_POOL_BYTES of random bytes; they are used from the front. */
export function randomPool(): usize {
  return POOL;
}

// @ts-ignore: decorator
@inline
function isPresent(parameter: i32): bool {
  return (load<u32>(chosen, PARAMETERS_PRESENT) & (1 << parameter)) != 0;
}

// @ts-ignore: decorator
@inline
function valueOf(parameter: i32): i32 {
  return load<i32>(chosen + (<usize>parameter << 2), PARAMETERS_VALUES);
}

/** Whether a parameter that has to fit is absent or does. */
// @ts-ignore: decorator
@inline
function fits(parameter: i32, actual: i32): bool {
  return !isPresent(parameter) || valueOf(parameter) == actual;
}

function parameterOf(tag: u32): i32 {
  if (tag == TAG_BLOCK_CIPHER_MODE) return PARAMETER_MODE;
  if (tag == TAG_PADDING_METHOD) return PARAMETER_PADDING;
  if (tag == TAG_CRYPTOGRAPHIC_ALGORITHM) return PARAMETER_ALGORITHM;
  if (tag == TAG_IV_LENGTH) return PARAMETER_IV_LENGTH;
  if (tag == TAG_TAG_LENGTH) return PARAMETER_TAG_LENGTH;
  if (tag == TAG_FIXED_FIELD_LENGTH) return PARAMETER_FIXED_FIELD_LENGTH;
  if (tag == TAG_INVOCATION_FIELD_LENGTH) return PARAMETER_INVOCATION_FIELD_LENGTH;
  if (tag == TAG_COUNTER_LENGTH) return PARAMETER_COUNTER_LENGTH;
  if (tag == TAG_INITIAL_COUNTER_VALUE) return PARAMETER_INITIAL_COUNTER_VALUE;
  return -1;
}

/** Reads a Cryptographic Parameters structure into REQUESTED. */
function readParameters(message: usize, rows: usize, row: i32): i32 {
  let present: u32 = 0;
  let sawRandomIv = false;
  const end = rowEnd(rows, row);
  for (let child = row + 1; child < end; child = rowEnd(rows, child)) {
    const tag = rowTag(rows, child);
    const type = rowType(rows, child);
    if (tag == TAG_RANDOM_IV) {
      if (type != TYPE_BOOLEAN || sawRandomIv) return FAST_HOST_NEEDED;
      sawRandomIv = true;
      continue;
    }
    const parameter = parameterOf(tag);
    if (parameter < 0) return FAST_HOST_NEEDED;
    const wanted = parameter <= PARAMETER_ALGORITHM ? TYPE_ENUMERATION : TYPE_INTEGER;
    if (type != wanted || (present & (1 << parameter)) != 0) return FAST_HOST_NEEDED;
    present |= 1 << parameter;
    store<i32>(REQUESTED + (<usize>parameter << 2), rowInteger(message, rows, child), PARAMETERS_VALUES);
  }
  store<u32>(REQUESTED, present, PARAMETERS_PRESENT);
  return STATUS_OK;
}

/** Completes REQUESTED from the object's own where the request names no mode. */
function complete(own: usize): void {
  const requested = load<u32>(REQUESTED, PARAMETERS_PRESENT);
  if ((requested & (1 << PARAMETER_MODE)) != 0) return;
  const missing = load<u32>(own, PARAMETERS_PRESENT) & ~requested;
  for (let parameter: i32 = 0; parameter < PARAMETER_COUNT; parameter++) {
    if ((missing & (1 << parameter)) == 0) continue;
    const at = <usize>parameter << 2;
    store<i32>(REQUESTED + at, load<i32>(own + at, PARAMETERS_VALUES), PARAMETERS_VALUES);
  }
  store<u32>(REQUESTED, requested | missing, PARAMETERS_PRESENT);
}

/** Settles mode, padding and tagLength. row: of the request's parameters, -1 if it has none; own: the object's; macLength: bytes
 *  of the tag that came with a Decrypt, -1 if none did. */
export function chooseParameters(message: usize, rows: usize, row: i32, own: usize, version: i32, macLength: i32): i32 {
  chosen = own;
  if (row >= 0) {
    const wrong = readParameters(message, rows, row);
    if (wrong < 0) return wrong;
    complete(own);
    chosen = REQUESTED;
  }
  if (!isPresent(PARAMETER_MODE) || !fits(PARAMETER_ALGORITHM, ALGORITHM_AES)) return FAST_HOST_NEEDED;
  mode = valueOf(PARAMETER_MODE);
  if (mode != MODE_GCM && mode != MODE_CBC && mode != MODE_CTR && mode != MODE_ECB && mode != MODE_CFB && mode != MODE_OFB) return FAST_HOST_NEEDED;
  padding = isPresent(PARAMETER_PADDING) ? valueOf(PARAMETER_PADDING) : PADDING_NONE;
  if (padding != PADDING_NONE && !(padding == PADDING_PKCS5 && (mode == MODE_ECB || mode == MODE_CBC))) return FAST_HOST_NEEDED;
  tagLength = 0;
  if (mode != MODE_GCM) return macLength >= 0 ? FAST_HOST_NEEDED : STATUS_OK;
  if (version < FIRST_TAG_VERSION) return FAST_HOST_NEEDED;
  tagLength = isPresent(PARAMETER_TAG_LENGTH) ? valueOf(PARAMETER_TAG_LENGTH) : TAG_BYTES_DEFAULT;
  if (tagLength != 4 && tagLength != 8 && (tagLength < 12 || tagLength > 16)) return FAST_HOST_NEEDED;
  return macLength >= 0 && macLength != tagLength ? FAST_HOST_NEEDED : STATUS_OK;
}

/** Settles the IV. given: where the request's is, 0 if it has none. dataLength: what the counter has to last for. */
export function chooseVector(operation: i32, given: usize, givenLength: i32, dataLength: i32): i32 {
  iv = given;
  ivLength = givenLength;
  ivMade = false;
  if (mode == MODE_ECB) return STATUS_OK;
  if (given == 0) return operation == OPERATION_DECRYPT ? FAST_HOST_NEEDED : makeVector(dataLength);
  if (givenLength > IV_BYTES_MAX || !fits(PARAMETER_IV_LENGTH, givenLength << 3)) return FAST_HOST_NEEDED;
  if (mode == MODE_CTR) return counterVector(given, givenLength, dataLength);
  if (mode != MODE_GCM) return givenLength == BLOCK_BYTES ? STATUS_OK : FAST_HOST_NEEDED;
  if (givenLength == 0) return FAST_HOST_NEEDED;
  if (isPresent(PARAMETER_FIXED_FIELD_LENGTH) && isPresent(PARAMETER_INVOCATION_FIELD_LENGTH)) {
    const bits = <i64>valueOf(PARAMETER_FIXED_FIELD_LENGTH) + <i64>valueOf(PARAMETER_INVOCATION_FIELD_LENGTH);
    if (bits != <i64>givenLength << 3) return FAST_HOST_NEEDED;
  }
  return STATUS_OK;
}

function makeVector(dataLength: i32): i32 {
  if (mode == MODE_CTR) {
    if (!fits(PARAMETER_IV_LENGTH, BLOCK_BITS) || !fits(PARAMETER_COUNTER_LENGTH, BLOCK_BITS - NONCE_BITS)) return FAST_HOST_NEEDED;
    if (noncesLeft == 0) return FAST_NONCES_NEEDED;
    takeNonce(MADE_IV);
    ivMade = true;
    return counterVector(MADE_IV, NONCE_BYTES, dataLength);
  }
  let bits = BLOCK_BITS;
  let random: i32 = BLOCK_BYTES;
  if (mode == MODE_GCM) {
    if (!fits(PARAMETER_FIXED_FIELD_LENGTH, NONCE_FIXED_BITS) || !fits(PARAMETER_INVOCATION_FIELD_LENGTH, NONCE_INVOCATION_BITS)) return FAST_HOST_NEEDED;
    bits = isPresent(PARAMETER_IV_LENGTH) ? valueOf(PARAMETER_IV_LENGTH) : NONCE_BITS;
    if (bits < NONCE_BITS || bits > MADE_IV_BYTES_MAX << 3 || (bits & 7) != 0) return FAST_HOST_NEEDED;
    random = (bits >> 3) - NONCE_BYTES;
  } else if (!fits(PARAMETER_IV_LENGTH, BLOCK_BITS)) return FAST_HOST_NEEDED;
  // Both are there before either is taken, so that a resumed item takes no second nonce.
  if (randomUsed() + random > RANDOM_POOL_BYTES) return FAST_RANDOM_NEEDED;
  if (mode == MODE_GCM && noncesLeft == 0) return FAST_NONCES_NEEDED;
  iv = MADE_IV;
  ivLength = bits >> 3;
  ivMade = true;
  if (mode == MODE_GCM) takeNonce(MADE_IV);
  if (random > 0) takeRandom(MADE_IV + <usize>(ivLength - random), random);
  return STATUS_OK;
}

function takeNonce(target: usize): void {
  store<u32>(target, swapBytes32(noncePrefix));
  storeBigEndian64(target + 4, nonceNext);
  nonceNext += 1;
  noncesLeft -= 1;
}

// @ts-ignore: decorator
@inline
function randomUsed(): i32 {
  return load<i32>(REPORT, REPORT_RANDOM_USED);
}

function takeRandom(target: usize, length: i32): void {
  const used = randomUsed();
  memory.copy(target, POOL + <usize>used, <usize>length);
  // What is in an answer is no secret, but the pool should not show it twice.
  memory.fill(POOL + <usize>used, 0, <usize>length);
  store<i32>(REPORT, used + length, REPORT_RANDOM_USED);
}

/** A counter block: sixteen bytes as they are, or a shorter nonce with the counter behind it, which starts at Initial
 *  Counter Value (1 when absent). The blocks of the data have to fit in what is left of the counter. */
function counterVector(given: usize, givenLength: i32, dataLength: i32): i32 {
  if (givenLength > BLOCK_BYTES) return FAST_HOST_NEEDED;
  const whole = givenLength == BLOCK_BYTES;
  const bits = !whole ? (BLOCK_BYTES - givenLength) << 3 : isPresent(PARAMETER_COUNTER_LENGTH) ? valueOf(PARAMETER_COUNTER_LENGTH) : BLOCK_BITS;
  if (bits < 1 || bits > BLOCK_BITS || !fits(PARAMETER_COUNTER_LENGTH, bits)) return FAST_HOST_NEEDED;
  const block = MADE_IV;
  if (whole) {
    // The counter is in the block already; whether it is the one that the parameter names, the host may say.
    if (isPresent(PARAMETER_INITIAL_COUNTER_VALUE)) return FAST_HOST_NEEDED;
    v128.store(block, v128.load(given));
  } else {
    const start = isPresent(PARAMETER_INITIAL_COUNTER_VALUE) ? valueOf(PARAMETER_INITIAL_COUNTER_VALUE) : 1;
    if (start < 0 || (bits < 32 && <u32>start >> bits != 0)) return FAST_HOST_NEEDED;
    memory.copy(block, given, <usize>givenLength);
    memory.fill(block + <usize>givenLength, 0, <usize>(BLOCK_BYTES - givenLength));
    // 8 bits and more: the last bytes of the block take the number, as many as it has.
    storeBigEndian64(block + 8, loadBigEndian64(block + 8) | <u64>start);
  }
  iv = block;
  ivLength = BLOCK_BYTES;
  return lastsFor(block, bits, (dataLength + 15) >> 4) ? STATUS_OK : FAST_HOST_NEEDED;
}

/** Whether a counter of the block's last `bits` bits has `blocks` more values before it runs over. */
function lastsFor(block: usize, bits: i32, blocks: i32): bool {
  const low = loadBigEndian64(block + 8);
  if (bits < 64) return ((<u64>1 << <u64>bits) - (low & ((<u64>1 << <u64>bits) - 1))) >= <u64>blocks;
  const highBits = bits - 64;
  const ones: u64 = highBits == 0 ? 0 : <u64>-1 >> <u64>(64 - highBits);
  if ((loadBigEndian64(block) & ones) != ones || low == 0) return true;
  return 0 - low >= <u64>blocks;
}

/** Report block of the fast path (abi.ts, REPORT_…). */
export const REPORT: usize = memory.data(32, 16);
