// Key slots: expanded keys of objects in use, each with the facts that the fast path has to check. Role: a table of slots and an
// index over it. Invariants: a slot that is free holds no byte of a key; a slot is evicted, dropped or replaced only by
// way of `empty`, which wipes it; the index has a place for each filled slot and no other. Facts are public (drawn in abi.ts and
// README.md); the key area is not, and nothing here reads it.
//
//   index   2n places of 8 bytes: hash u32, slot + 1 u32 (0: free); linear probing, removal shifts back
//   slots   n of SLOT_BYTES: key area | facts
//   eviction: a clock over the slots; a slot that was found since the hand passed stays once more

import {
  KEY_AREA_ALIGN, KEY_AREA_BYTES, SLOTS_MAX, SLOT_BYTES, SLOT_FACTS_BYTES, SLOT_HASH, SLOT_IDENTIFIER, SLOT_IDENTIFIER_BYTES_MAX,
  SLOT_IDENTIFIER_LENGTH, SLOT_NOT_LOADED, SLOT_REFERENCED, SLOT_SCOPE, STAGE_BYTES, STAGE_KEY, KEY_BYTES_MAX,
} from "./abi.ts";
import { prepareKey } from "./aes/key-area.ts";
import { reserve, wipe } from "./memory.ts";
import { padded } from "./ttlv/rows.ts";

const STAGE: usize = memory.data(STAGE_BYTES, 16);
const FREE: i32 = -1;
const HASH_FACTOR: u64 = 0x9e3779b97f4a7c15;

let slots: usize = 0;
let slotCount: i32 = 0;
let index: usize = 0;
let indexMask: u32 = 0;
let hashSeed: u64 = 0;
let hand: i32 = 0;

/** Makes room for `count` slots, once. seed: random, so that nobody can choose identifiers that collide. False: no room. */
export function reserveSlots(count: i32, seed: u32): bool {
  if (slotCount != 0 || count < 1 || count > SLOTS_MAX) return false;
  let places: i32 = 2;
  while (places < count << 1) places <<= 1;
  const table = reserve(<usize>count * SLOT_BYTES, KEY_AREA_ALIGN);
  const found = reserve(<usize>places << 3, 16);
  if (table == 0 || found == 0) return false;
  slots = table;
  index = found;
  indexMask = <u32>(places - 1);
  hashSeed = (<u64>seed << 32) | <u64>seed;
  for (let slot: i32 = 0; slot < count; slot++) store<i32>(factsOf(slot), FREE, SLOT_IDENTIFIER_LENGTH);
  slotCount = count;
  return true;
}

/** Where the host lays facts and key for loadSlot. */
export function slotStage(): usize {
  return STAGE;
}

// @ts-ignore: decorator
@inline
function areaOf(slot: i32): usize {
  return slots + <usize>slot * SLOT_BYTES;
}

// @ts-ignore: decorator
@inline
function factsOf(slot: i32): usize {
  return areaOf(slot) + KEY_AREA_BYTES;
}

/** Identifiers lie with zero bytes up to a multiple of 8, here and in messages. */
function hashOf(scope: u32, identifier: usize, length: i32): u32 {
  let hash = (hashSeed ^ (<u64>scope << 32) ^ <u64>length) * HASH_FACTOR;
  const end = identifier + <usize>padded(length);
  while (identifier < end) {
    hash = (hash ^ (hash >> 29) ^ load<u64>(identifier)) * HASH_FACTOR;
    identifier += 8;
  }
  return <u32>(hash >> 32);
}

function sameIdentifier(left: usize, right: usize, length: i32): bool {
  const end = left + <usize>padded(length);
  while (left < end) {
    if (load<u64>(left) != load<u64>(right)) return false;
    left += 8;
    right += 8;
  }
  return true;
}

/** Facts of the slot of an object, whose key area lies before them; 0 if none is loaded. */
export function findSlot(scope: u32, identifier: usize, length: i32): usize {
  if (slotCount == 0) return 0;
  const hash = hashOf(scope, identifier, length);
  let place = hash & indexMask;
  while (true) {
    const at = index + (<usize>place << 3);
    const found = load<i32>(at, 4);
    if (found == 0) return 0;
    if (load<u32>(at) == hash) {
      const facts = factsOf(found - 1);
      if (load<u32>(facts, SLOT_SCOPE) == scope && load<i32>(facts, SLOT_IDENTIFIER_LENGTH) == length
        && sameIdentifier(facts + SLOT_IDENTIFIER, identifier, length)) {
        store<u32>(facts, 1, SLOT_REFERENCED);
        return facts;
      }
    }
    place = (place + 1) & indexMask;
  }
}

/** Takes a key in from the stage, and wipes the stage. keyLength 0: an object without a key, which is the host's. The answer is the
 *  slot's number, or SLOT_NOT_LOADED. Secret: the staged key. */
export function loadSlot(keyLength: i32): i32 {
  const slot = takeStage(keyLength);
  wipe(STAGE, STAGE_BYTES);
  return slot;
}

function takeStage(keyLength: i32): i32 {
  const length = load<i32>(STAGE, SLOT_IDENTIFIER_LENGTH);
  const scope = load<u32>(STAGE, SLOT_SCOPE);
  if (slotCount == 0 || length < 0 || length > SLOT_IDENTIFIER_BYTES_MAX || keyLength < 0 || keyLength > KEY_BYTES_MAX) return SLOT_NOT_LOADED;
  const before = findSlot(scope, STAGE + SLOT_IDENTIFIER, length);
  if (before != 0) empty(<i32>((before - KEY_AREA_BYTES - slots) / SLOT_BYTES));
  const slot = freeSlot();
  if (keyLength > 0 && prepareKey(areaOf(slot), STAGE + STAGE_KEY, keyLength) < 0) return SLOT_NOT_LOADED;
  const hash = hashOf(scope, STAGE + SLOT_IDENTIFIER, length);
  const facts = factsOf(slot);
  memory.copy(facts, STAGE, SLOT_FACTS_BYTES);
  store<u32>(facts, hash, SLOT_HASH);
  store<u32>(facts, 0, SLOT_REFERENCED);
  let place = hash & indexMask;
  while (load<i32>(index + (<usize>place << 3), 4) != 0) place = (place + 1) & indexMask;
  store<u32>(index + (<usize>place << 3), hash);
  store<i32>(index + (<usize>place << 3), slot + 1, 4);
  return slot;
}

/** A free slot, emptied if need be. */
function freeSlot(): i32 {
  while (true) {
    const slot = hand;
    hand = hand + 1 == slotCount ? 0 : hand + 1;
    const facts = factsOf(slot);
    if (load<i32>(facts, SLOT_IDENTIFIER_LENGTH) == FREE) return slot;
    if (load<u32>(facts, SLOT_REFERENCED) == 0) {
      empty(slot);
      return slot;
    }
    store<u32>(facts, 0, SLOT_REFERENCED);
  }
}

/** Wipes a slot and forgets it. */
export function dropSlot(slot: i32): void {
  if (slot < 0 || slot >= slotCount) return;
  if (load<i32>(factsOf(slot), SLOT_IDENTIFIER_LENGTH) != FREE) empty(slot);
}

export function dropSlots(): void {
  for (let slot: i32 = 0; slot < slotCount; slot++) dropSlot(slot);
}

function empty(slot: i32): void {
  const facts = factsOf(slot);
  unlink(slot, load<u32>(facts, SLOT_HASH));
  wipe(areaOf(slot), SLOT_BYTES);
  store<i32>(facts, FREE, SLOT_IDENTIFIER_LENGTH);
}

/** Takes a slot out of the index, and moves up those behind it that probing would no longer reach. */
function unlink(slot: i32, hash: u32): void {
  let hole = hash & indexMask;
  while (load<i32>(index + (<usize>hole << 3), 4) != slot + 1) hole = (hole + 1) & indexMask;
  let next = (hole + 1) & indexMask;
  while (true) {
    const at = index + (<usize>next << 3);
    if (load<i32>(at, 4) == 0) break;
    const home = load<u32>(at) & indexMask;
    if (((next - home) & indexMask) >= ((next - hole) & indexMask)) {
      store<u64>(index + (<usize>hole << 3), load<u64>(at));
      hole = next;
    }
    next = (next + 1) & indexMask;
  }
  store<u64>(index + (<usize>hole << 3), 0);
}
