// The fast path: a message whose items are all Encrypt or Decrypt in one part, on loaded slots, from request to response without
// the host. Role: what src/engine and src/operations do, for the messages that succeed. Invariants: an answer equals, byte for
// byte, what the TypeScript engine would answer at the same time with the same nonces and random bytes (a test holds that);
// whatever is unusual, or fails, is HOST_NEEDED: no error is worded here; then nothing of the half-made answer stays in memory.
//
//   answerMessage ──> reads rows and header ──> items, one after the other ──> length of the response
//                                                 │ SLOT_MISSING, NONCES_NEEDED, RANDOM_NEEDED: the host sees to it
//                     resumeMessage ──────────────┘ and the item that waited is next
//
// Secret: data of requests and responses, key areas; all else steers. Tags are compared in stream.ts, never here.

import {
  BATCH_OPTION_MAX, DATA_LIMITS_BYTES, DATA_LIMIT_DECRYPT, DATA_LIMIT_MODE_BYTES, FAST_DEPTH_MAX, FAST_HOST_NEEDED, FAST_ITEMS_MAX, FAST_ITEM_IDS, FAST_REQUEST_BYTES, FAST_RESPONSE_BYTES, FAST_ROWS_MAX,
  FAST_SLOT_MISSING, KEY_AREA_ALIGN, MODE_GCM, OPERATION_DECRYPT, OPERATION_ENCRYPT, PERMISSION_DECRYPT, PERMISSION_ENCRYPT,
  REPORT_DECRYPTED, REPORT_ENCRYPTED, REPORT_IDENTIFIER, REPORT_IDENTIFIER_LENGTH, REPORT_VERSION, RESULT_SUCCESS, ROW_BYTES,
  SLOT_ACTIVATION, SLOT_DEACTIVATION, SLOT_FLAGS, SLOT_HOST_DECRYPTS, SLOT_HOST_ENCRYPTS, SLOT_IDENTIFIER_BYTES_MAX, SLOT_PARAMETERS,
  SLOT_PROCESS_START, SLOT_PROTECT_STOP, SLOT_STATE, SLOT_USAGE_MASK, STATE_ACTIVE, STATE_COMPROMISED, STATE_DEACTIVATED,
  STATE_PRE_ACTIVE, STATUS_OK, USAGE_DECRYPT, USAGE_ENCRYPT, USAGE_UNRESTRICTED,
} from "./abi.ts";
import { REPORT, chooseParameters, chooseVector, iv, ivLength, ivMade, mode, padding, tagLength } from "./cipher-request.ts";
import { reserve, wipe } from "./memory.ts";
import { expandedKey, findSlot } from "./slots.ts";
import { decryptOnce, encryptOnce } from "./once.ts";
import {
  TAG_AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA, TAG_AUTHENTICATED_ENCRYPTION_TAG, TAG_BATCH_COUNT, TAG_BATCH_ERROR_CONTINUATION_OPTION,
  TAG_BATCH_ITEM, TAG_BATCH_ORDER_OPTION, TAG_CLIENT_CORRELATION_VALUE, TAG_CRYPTOGRAPHIC_PARAMETERS, TAG_DATA, TAG_IV_COUNTER_NONCE,
  TAG_MAXIMUM_RESPONSE_SIZE, TAG_OPERATION, TAG_PROTOCOL_VERSION, TAG_PROTOCOL_VERSION_MAJOR, TAG_PROTOCOL_VERSION_MINOR, TAG_REQUEST_HEADER,
  TAG_REQUEST_MESSAGE, TAG_REQUEST_PAYLOAD, TAG_RESPONSE_HEADER, TAG_RESPONSE_MESSAGE, TAG_RESPONSE_PAYLOAD, TAG_RESULT_STATUS,
  TAG_TIME_STAMP, TAG_UNIQUE_BATCH_ITEM_ID, TAG_UNIQUE_IDENTIFIER, TYPE_BOOLEAN, TYPE_BYTE_STRING, TYPE_DATE_TIME, TYPE_ENUMERATION,
  TYPE_INTEGER, TYPE_STRUCTURE, TYPE_TEXT_STRING,
} from "./tags.gen.ts";
import { readRows } from "./ttlv/reader.ts";
import { noteRows, recallRows, reserveShapes } from "./ttlv/shapes.ts";
import { padded, rowEnd, rowInteger, rowIs, rowLength, rowOffset, rowTag, rowType } from "./ttlv/rows.ts";
import {
  beginStructure, closeByteString, copyItem, endStructure, itemBytes, writeByteString, writeDateTime, writeEnumeration, writeInteger,
} from "./ttlv/writer.ts";

const MAC: usize = memory.data(16, 16);
/** Rows of the batch item ids seen in this message, by hash; 0: free. */
const ITEM_IDS: usize = memory.data(FAST_ITEM_IDS * 4, 16);
/** Ids that collide more often than this were made to. */
const PROBES_MAX: i32 = 32;
/** Response Message, its header, Protocol Version with two Integers, Time Stamp, Batch Count. */
const HEADER_BYTES: i32 = 88;
/** Of an item's answer: Batch Item, Operation, Result Status, Response Payload, heads of Data, IV and tag, padding that PKCS5 adds, a
 *  tag, a made IV, and the bytes behind an item that the writer may overwrite. */
const ITEM_SLACK_BYTES: i32 = 320;

const DATA_LIMITS: usize = memory.data(DATA_LIMITS_BYTES, 16);

let request: usize = 0;
let response: usize = 0;
/** Room for the rows of a message that has to be read; `rows`: those of the message under way, there or recalled. */
let table: usize = 0;
let rows: usize = 0;
let itemsMax: i32 = 0;
let responseMax: i32 = 0;

// The message under way.
let requestLength: i32 = 0;
let version: i32 = 0;
let scope: u32 = 0;
let permissions: i32 = 0;
let now: i64 = 0;
let allowedBytes: i32 = 0;
let itemCount: i32 = 0;
let nextItem: i32 = 0;
let cursor: usize = 0;
/** Up to where the response region was written, for the wipe. */
let written: usize = 0;

/** Reserves the regions, once. False: no room. */
export function reserveFastPath(batchItemsMax: i32, responseBytesMax: i32): bool {
  request = reserve(FAST_REQUEST_BYTES, KEY_AREA_ALIGN);
  response = reserve(FAST_RESPONSE_BYTES, KEY_AREA_ALIGN);
  table = reserve(FAST_ROWS_MAX * ROW_BYTES, KEY_AREA_ALIGN);
  itemsMax = min(batchItemsMax, FAST_ITEMS_MAX);
  responseMax = min(responseBytesMax, FAST_RESPONSE_BYTES);
  cursor = response;
  written = response;
  for (let at: i32 = 0; at < DATA_LIMITS_BYTES; at += 4) store<u32>(DATA_LIMITS + <usize>at, FAST_REQUEST_BYTES);
  return request != 0 && response != 0 && table != 0 && reserveShapes();
}

export function requestRegion(): usize {
  return request;
}

export function responseRegion(): usize {
  return response;
}

/** Where the host sets from how many bytes of data on it is the faster (DATA_LIMIT_…). */
export function dataLimits(): usize {
  return DATA_LIMITS;
}

export function reportBlock(): usize {
  return REPORT;
}

/** Wipes request and response. The host calls it when it has taken the answer, or given up. */
export function forgetMessage(): void {
  wipe(request, <usize>requestLength);
  wipe(response, written - response);
  requestLength = 0;
  cursor = response;
  written = response;
}

/** Answers the message of `length` bytes in the request region. callerScope: the host's number; callerPermissions:
 *  PERMISSION_…; seconds: the time. */
export function answerMessage(length: i32, callerScope: u32, callerPermissions: i32, seconds: f64): i32 {
  requestLength = length;
  scope = callerScope;
  permissions = callerPermissions;
  now = <i64>seconds;
  nextItem = 0;
  store<i32>(REPORT, 0, REPORT_ENCRYPTED);
  store<i32>(REPORT, 0, REPORT_DECRYPTED);
  if (request == 0 || length <= 0 || length > FAST_REQUEST_BYTES) return FAST_HOST_NEEDED;
  rows = recallRows(request, length);
  if (rows == 0) {
    rows = table;
    const count = readRows(request, length, rows, FAST_ROWS_MAX, FAST_DEPTH_MAX);
    if (count < 0) return FAST_HOST_NEEDED;
    noteRows(request, length, rows, count);
  }
  if (!rowIs(rows, 0, TAG_REQUEST_MESSAGE, TYPE_STRUCTURE) || rowEnd(rows, 0) == 1) return FAST_HOST_NEEDED;
  if (!rowIs(rows, 1, TAG_REQUEST_HEADER, TYPE_STRUCTURE)) return FAST_HOST_NEEDED;
  const said = readHeader(1);
  if (said < 1 || said > itemsMax) return FAST_HOST_NEEDED;
  itemCount = 0;
  const end = rowEnd(rows, 0);
  for (let row = rowEnd(rows, 1); row < end; row = rowEnd(rows, row)) {
    if (!rowIs(rows, row, TAG_BATCH_ITEM, TYPE_STRUCTURE)) return FAST_HOST_NEEDED;
    itemCount += 1;
  }
  if (itemCount != said) return FAST_HOST_NEEDED;
  if (itemCount > 1) memory.fill(ITEM_IDS, 0, FAST_ITEM_IDS * 4);
  nextItem = rowEnd(rows, 1);
  cursor = writeHeader();
  return resumeMessage();
}

/** Goes on with the item that could not be answered before. */
export function resumeMessage(): i32 {
  if (nextItem == 0) return FAST_HOST_NEEDED;
  const end = rowEnd(rows, 0);
  while (nextItem < end) {
    const status = answerItem(nextItem);
    if (status == FAST_HOST_NEEDED) nextItem = 0;
    if (status < 0) return status;
    nextItem = rowEnd(rows, nextItem);
  }
  nextItem = 0;
  if (cursor - response > <usize>allowedBytes) return FAST_HOST_NEEDED;
  endStructure(response, cursor);
  store<i32>(REPORT, version, REPORT_VERSION);
  return <i32>(cursor - response);
}

/** Batch Count, or HOST_NEEDED. Sets version and allowedBytes. */
function readHeader(header: i32): i32 {
  let count: i32 = -1;
  let seen: u32 = 0;
  version = 0;
  allowedBytes = responseMax;
  const end = rowEnd(rows, header);
  for (let row = header + 1; row < end; row = rowEnd(rows, row)) {
    const tag = rowTag(rows, row);
    const type = rowType(rows, row);
    let field: u32 = 0;
    if (tag == TAG_PROTOCOL_VERSION && type == TYPE_STRUCTURE) {
      field = 1;
      version = readVersion(row);
    } else if (tag == TAG_BATCH_COUNT && type == TYPE_INTEGER) {
      field = 2;
      count = rowInteger(request, rows, row);
    } else if (tag == TAG_MAXIMUM_RESPONSE_SIZE && type == TYPE_INTEGER) {
      field = 4;
      // Each answer takes as much as the shortest failure and more, so the whole one's size decides.
      allowedBytes = min(allowedBytes, rowInteger(request, rows, row));
    } else if (tag == TAG_BATCH_ERROR_CONTINUATION_OPTION && type == TYPE_ENUMERATION) {
      field = 8;
      const option = <u32>rowInteger(request, rows, row);
      if (option < 1 || option > <u32>BATCH_OPTION_MAX) return FAST_HOST_NEEDED;
    } else if (tag == TAG_BATCH_ORDER_OPTION && type == TYPE_BOOLEAN) field = 16;
    else if (tag == TAG_TIME_STAMP && type == TYPE_DATE_TIME) field = 32;
    else if (tag == TAG_CLIENT_CORRELATION_VALUE && type == TYPE_TEXT_STRING) field = 64;
    if (field == 0 || (seen & field) != 0) return FAST_HOST_NEEDED;
    seen |= field;
  }
  return version == 0 || allowedBytes <= 0 ? FAST_HOST_NEEDED : count;
}

/** 12, 13, 14, 20 or 21; 0 for any other. */
function readVersion(row: i32): i32 {
  if (rowEnd(rows, row) != row + 3) return 0;
  if (!rowIs(rows, row + 1, TAG_PROTOCOL_VERSION_MAJOR, TYPE_INTEGER) || !rowIs(rows, row + 2, TAG_PROTOCOL_VERSION_MINOR, TYPE_INTEGER)) return 0;
  const major = rowInteger(request, rows, row + 1);
  const minor = rowInteger(request, rows, row + 2);
  if (major == 1 && minor >= 2 && minor <= 4) return 10 + minor;
  return major == 2 && (minor == 0 || minor == 1) ? 20 + minor : 0;
}

function writeHeader(): usize {
  const message = beginStructure(response, TAG_RESPONSE_MESSAGE);
  const parts = beginStructure(message, TAG_RESPONSE_HEADER);
  let at = beginStructure(parts, TAG_PROTOCOL_VERSION);
  at = writeInteger(at, TAG_PROTOCOL_VERSION_MAJOR, version / 10);
  at = writeInteger(at, TAG_PROTOCOL_VERSION_MINOR, version % 10);
  endStructure(parts, at);
  at = writeDateTime(at, TAG_TIME_STAMP, now);
  at = writeInteger(at, TAG_BATCH_COUNT, itemCount);
  endStructure(message, at);
  written = at;
  return at;
}

/** Answers one Batch Item at the cursor. Operation, Unique Batch Item ID, Request Payload, in this order and nothing else. */
function answerItem(item: i32): i32 {
  const end = rowEnd(rows, item);
  let row = item + 1;
  if (row >= end || !rowIs(rows, row, TAG_OPERATION, TYPE_ENUMERATION)) return FAST_HOST_NEEDED;
  const operation = rowInteger(request, rows, row);
  if (operation == OPERATION_ENCRYPT ? (permissions & PERMISSION_ENCRYPT) == 0
    : operation != OPERATION_DECRYPT || (permissions & PERMISSION_DECRYPT) == 0) return FAST_HOST_NEEDED;
  row = rowEnd(rows, row);
  let id: i32 = -1;
  if (row < end && rowIs(rows, row, TAG_UNIQUE_BATCH_ITEM_ID, TYPE_BYTE_STRING)) {
    id = row;
    row = rowEnd(rows, row);
  }
  if (row >= end || !rowIs(rows, row, TAG_REQUEST_PAYLOAD, TYPE_STRUCTURE) || rowEnd(rows, row) != end) return FAST_HOST_NEEDED;
  if (itemCount > 1) {
    // 2.x goes without ids, 1.x does not.
    if (id < 0 ? version < 20 : !noteItemId(id)) return FAST_HOST_NEEDED;
  }
  return answerPayload(operation, id, row);
}

/** Takes note of a batch item id; false if it came before. */
function noteItemId(row: i32): bool {
  const length = rowLength(rows, row);
  const id = request + <usize>rowOffset(rows, row);
  let hash: u64 = <u64>length;
  for (let at: usize = 0; at < <usize>padded(length); at += 8) hash = (hash ^ (hash >> 29) ^ load<u64>(id + at)) * 0x9e3779b97f4a7c15;
  let place = <u32>(hash >> 32) & (FAST_ITEM_IDS - 1);
  for (let probes: i32 = 0; probes < PROBES_MAX; probes++) {
    const at = ITEM_IDS + (<usize>place << 2);
    const earlier = load<i32>(at);
    // The same item again: it waited for a slot, nonces or random bytes.
    if (earlier == row) return true;
    if (earlier == 0) {
      store<i32>(at, row);
      return true;
    }
    if (rowLength(rows, earlier) == length && memory.compare(request + <usize>rowOffset(rows, earlier), id, <usize>length) == 0) return false;
    place = (place + 1) & (FAST_ITEM_IDS - 1);
  }
  return false;
}

function answerPayload(operation: i32, id: i32, payload: i32): i32 {
  let identifier: i32 = -1;
  let parameters: i32 = -1;
  let data: i32 = -1;
  let vector: i32 = -1;
  let aad: i32 = -1;
  let mac: i32 = -1;
  const end = rowEnd(rows, payload);
  for (let row = payload + 1; row < end; row = rowEnd(rows, row)) {
    const tag = rowTag(rows, row);
    const type = rowType(rows, row);
    let earlier: i32 = -1;
    if (tag == TAG_UNIQUE_IDENTIFIER && type == TYPE_TEXT_STRING) {
      earlier = identifier;
      identifier = row;
    } else if (tag == TAG_CRYPTOGRAPHIC_PARAMETERS && type == TYPE_STRUCTURE) {
      earlier = parameters;
      parameters = row;
    } else if (tag == TAG_DATA && type == TYPE_BYTE_STRING) {
      earlier = data;
      data = row;
    } else if (tag == TAG_IV_COUNTER_NONCE && type == TYPE_BYTE_STRING) {
      earlier = vector;
      vector = row;
    } else if (tag == TAG_AUTHENTICATED_ENCRYPTION_ADDITIONAL_DATA && type == TYPE_BYTE_STRING) {
      earlier = aad;
      aad = row;
    } else if (tag == TAG_AUTHENTICATED_ENCRYPTION_TAG && type == TYPE_BYTE_STRING && operation == OPERATION_DECRYPT) {
      earlier = mac;
      mac = row;
    } else return FAST_HOST_NEEDED;
    if (earlier >= 0) return FAST_HOST_NEEDED;
  }
  if (identifier < 0 || data < 0) return FAST_HOST_NEEDED;

  const nameLength = rowLength(rows, identifier);
  const name = request + <usize>rowOffset(rows, identifier);
  if (nameLength > SLOT_IDENTIFIER_BYTES_MAX) return FAST_HOST_NEEDED;
  const facts = findSlot(scope, name, nameLength);
  if (facts == 0) {
    store<i32>(REPORT, <i32>name, REPORT_IDENTIFIER);
    store<i32>(REPORT, nameLength, REPORT_IDENTIFIER_LENGTH);
    return FAST_SLOT_MISSING;
  }
  if (operation == OPERATION_ENCRYPT ? !mayEncrypt(facts) : !mayDecrypt(facts)) return FAST_HOST_NEEDED;

  const dataLength = rowLength(rows, data);
  const aadLength = aad < 0 ? 0 : rowLength(rows, aad);
  let status = chooseParameters(request, rows, parameters, facts + SLOT_PARAMETERS, version, mac < 0 ? -1 : rowLength(rows, mac));
  if (status < 0) return status;
  if (mode == MODE_GCM ? operation == OPERATION_DECRYPT && mac < 0 : aadLength > 0) return FAST_HOST_NEEDED;
  const limit = DATA_LIMITS + <usize>(mode * DATA_LIMIT_MODE_BYTES + (operation == OPERATION_DECRYPT ? DATA_LIMIT_DECRYPT : 0));
  if (<u32>dataLength > load<u32>(limit)) return FAST_HOST_NEEDED;
  const room = ITEM_SLACK_BYTES + (id < 0 ? 0 : itemBytes(rowLength(rows, id))) + itemBytes(nameLength) + itemBytes(dataLength);
  if (cursor + <usize>room > response + FAST_RESPONSE_BYTES) return FAST_HOST_NEEDED;
  status = vector < 0
    ? chooseVector(operation, 0, 0, dataLength)
    : chooseVector(operation, request + <usize>rowOffset(rows, vector), rowLength(rows, vector), dataLength);
  if (status < 0) return status;

  let at = beginStructure(cursor, TAG_BATCH_ITEM);
  at = writeEnumeration(at, TAG_OPERATION, <u32>operation);
  if (id >= 0) at = copyItem(at, request + <usize>rowOffset(rows, id) - 8, rowLength(rows, id));
  at = writeEnumeration(at, TAG_RESULT_STATUS, RESULT_SUCCESS);
  const answer = at;
  at = beginStructure(answer, TAG_RESPONSE_PAYLOAD);
  at = copyItem(at, name - 8, nameLength);
  const area = expandedKey(facts);
  const source = request + <usize>rowOffset(rows, data);
  const additional = aad < 0 ? request : request + <usize>rowOffset(rows, aad);
  written = cursor + <usize>room;
  if (operation == OPERATION_ENCRYPT) {
    status = encryptOnce(area, mode, padding, tagLength, iv, ivLength, additional, aadLength, source, dataLength, at + 8, MAC);
    if (status < 0) return FAST_HOST_NEEDED;
    at = closeByteString(at, TAG_DATA, status);
    if (ivMade) at = writeByteString(at, TAG_IV_COUNTER_NONCE, iv, ivLength);
    if (mode == MODE_GCM) at = writeByteString(at, TAG_AUTHENTICATED_ENCRYPTION_TAG, MAC, tagLength);
    store<i32>(REPORT, load<i32>(REPORT, REPORT_ENCRYPTED) + 1, REPORT_ENCRYPTED);
  } else {
    const tag = mac < 0 ? MAC : request + <usize>rowOffset(rows, mac);
    status = decryptOnce(area, mode, padding, tagLength, iv, ivLength, additional, aadLength, source, dataLength, at + 8, tag);
    if (status < 0) return FAST_HOST_NEEDED;
    at = closeByteString(at, TAG_DATA, status);
    store<i32>(REPORT, load<i32>(REPORT, REPORT_DECRYPTED) + 1, REPORT_DECRYPTED);
  }
  endStructure(answer, at);
  endStructure(cursor, at);
  cursor = at;
  return STATUS_OK;
}

/** State that the stored one has become by its dates (src/kmip/life-cycle.ts). */
// @ts-ignore: decorator
@inline
function stateNow(facts: usize): u32 {
  let state = load<u32>(facts, SLOT_STATE);
  if (state == STATE_PRE_ACTIVE && load<i64>(facts, SLOT_ACTIVATION) <= now) state = STATE_ACTIVE;
  if (state == STATE_ACTIVE && load<i64>(facts, SLOT_DEACTIVATION) <= now) state = STATE_DEACTIVATED;
  return state;
}

function mayEncrypt(facts: usize): bool {
  return (load<u32>(facts, SLOT_FLAGS) & SLOT_HOST_ENCRYPTS) == 0 && stateNow(facts) == STATE_ACTIVE
    && load<i64>(facts, SLOT_PROTECT_STOP) > now && (load<u32>(facts, SLOT_USAGE_MASK) & (USAGE_ENCRYPT | USAGE_UNRESTRICTED)) != 0;
}

function mayDecrypt(facts: usize): bool {
  const state = stateNow(facts);
  return (load<u32>(facts, SLOT_FLAGS) & SLOT_HOST_DECRYPTS) == 0
    && (state == STATE_ACTIVE || state == STATE_DEACTIVATED || state == STATE_COMPROMISED)
    && load<i64>(facts, SLOT_PROCESS_START) <= now && (load<u32>(facts, SLOT_USAGE_MASK) & (USAGE_DECRYPT | USAGE_UNRESTRICTED)) != 0;
}
