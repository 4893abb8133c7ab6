// Key slots: keys of objects in use, each with the facts that the fast path has to check. Role: a table of slots, an index over it,
// and fewer key areas, in which the keys that were used last lie expanded. Invariants: a slot that is free holds no byte of a key, nor does
// an area without an owner; a slot is evicted, dropped or replaced only by way of `empty`, an area leaves its owner only by way of
// `release`, and both wipe; the index has a place for each filled slot and no other. Facts are public (drawn in abi.ts and
// README.md); keys and areas are not, and nothing here reads them. What was never used is never written, so it takes no memory.
//
//   index   2n places of 8 bytes: hash u32, slot + 1 u32 (0: free); linear probing, removal shifts back
//   slots   n of SLOT_BYTES: facts | key | its length
//   owners  m places of 8 bytes: slot + 1 u32 (0: nobody's), referenced u32
//   areas   m of KEY_AREA_BYTES
//   eviction: a clock over the slots, another over the areas; what was found since the hand passed stays once more

import {
  KEY_AREA_ALIGN, KEY_AREA_BYTES, KEY_BYTES_MAX, SLOTS_MAX, SLOT_AREA, SLOT_AREAS_MAX, SLOT_BYTES, SLOT_FACTS_BYTES, SLOT_HASH, SLOT_IDENTIFIER,
  SLOT_IDENTIFIER_BYTES_MAX, SLOT_IDENTIFIER_LENGTH, SLOT_KEY, SLOT_KEY_LENGTH, SLOT_NOT_LOADED, SLOT_REFERENCED, SLOT_SCOPE, STAGE_BYTES, STAGE_KEY,
} from "./abi.ts";
import { prepareKey } from "./aes/key-area.ts";
import { reserve, wipe } from "./memory.ts";
import { padded } from "./ttlv/rows.ts";

const STAGE: usize = memory.data(STAGE_BYTES, 16);
const FREE: i32 = 0;
const NOT_EXPANDED: i32 = -1;
const HASH_FACTOR: u64 = 0x9e3779b97f4a7c15;

let slots: usize = 0;
let slotCount: i32 = 0;
let index: usize = 0;
let indexMask: u32 = 0;
let hashSeed: u64 = 0;
let hand: i32 = 0;
/** No slot from here on was ever filled. */
let filledEnd: i32 = 0;
let areas: usize = 0;
let owners: usize = 0;
let areaCount: i32 = 0;
let areaHand: i32 = 0;

/** Makes room for `count` slots, once. seed: random, so that nobody can choose identifiers that collide. False: no room. */
export function reserveSlots(count: i32, seed: u32): bool {
  if (slotCount != 0 || count < 1 || count > SLOTS_MAX) return false;
  let places: i32 = 2;
  while (places < count << 1) places <<= 1;
  const expanded = count < SLOT_AREAS_MAX ? count : SLOT_AREAS_MAX;
  const table = reserve(<usize>count * SLOT_BYTES, 64);
  const found = reserve(<usize>places << 3, 16);
  const owned = reserve(<usize>expanded << 3, 16);
  const room = reserve(<usize>expanded * KEY_AREA_BYTES, KEY_AREA_ALIGN);
  if (table == 0 || found == 0 || owned == 0 || room == 0) return false;
  slots = table;
  owners = owned;
  areas = room;
  areaCount = expanded;
  index = found;
  indexMask = <u32>(places - 1);
  hashSeed = (<u64>seed << 32) | <u64>seed;
  slotCount = count;
  return true;
}

/** Where the host lays facts and key for loadSlot. */
export function slotStage(): usize {
  return STAGE;
}

// @ts-ignore: decorator
@inline
function factsOf(slot: i32): usize {
  return slots + <usize>slot * SLOT_BYTES;
}

// @ts-ignore: decorator
@inline
function areaOf(number: i32): usize {
  return areas + <usize>number * KEY_AREA_BYTES;
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

/** Facts of the slot of an object; 0 if none is loaded. */
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

/** The area of a slot's key, good until the next call. facts: of a filled slot. */
export function expandedKey(facts: usize): usize {
  const number = load<i32>(facts, SLOT_AREA);
  if (number > 0) {
    store<u32>(owners + (<usize>(number - 1) << 3), 1, 4);
    return areaOf(number - 1);
  }
  const free = freeArea();
  store<i32>(owners + (<usize>free << 3), <i32>((facts - slots) / SLOT_BYTES) + 1);
  store<i32>(facts, free + 1, SLOT_AREA);
  prepareKey(areaOf(free), facts + SLOT_KEY, load<i32>(facts, SLOT_KEY_LENGTH));
  return areaOf(free);
}

/** An area without an owner, taken from one if need be. */
function freeArea(): i32 {
  while (true) {
    const number = areaHand;
    areaHand = areaHand + 1 == areaCount ? 0 : areaHand + 1;
    const owner = owners + (<usize>number << 3);
    if (load<i32>(owner) == 0) return number;
    if (load<u32>(owner, 4) == 0) {
      release(number);
      return number;
    }
    store<u32>(owner, 0, 4);
  }
}

/** Wipes an area and takes it from its owner. */
function release(number: i32): void {
  const owner = owners + (<usize>number << 3);
  wipe(areaOf(number), KEY_AREA_BYTES);
  store<i32>(factsOf(load<i32>(owner) - 1), NOT_EXPANDED, SLOT_AREA);
  store<u64>(owner, 0);
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
  if (slotCount == 0 || length < 0 || length > SLOT_IDENTIFIER_BYTES_MAX) return SLOT_NOT_LOADED;
  if (keyLength != 0 && keyLength != 16 && keyLength != 24 && keyLength != KEY_BYTES_MAX) return SLOT_NOT_LOADED;
  const before = findSlot(scope, STAGE + SLOT_IDENTIFIER, length);
  if (before != 0) empty(<i32>((before - slots) / SLOT_BYTES));
  const slot = freeSlot();
  const hash = hashOf(scope, STAGE + SLOT_IDENTIFIER, length);
  if (slot >= filledEnd) filledEnd = slot + 1;
  const facts = factsOf(slot);
  memory.copy(facts, STAGE, SLOT_FACTS_BYTES);
  memory.copy(facts + SLOT_KEY, STAGE + STAGE_KEY, keyLength);
  store<i32>(facts, keyLength, SLOT_KEY_LENGTH);
  store<i32>(facts, NOT_EXPANDED, SLOT_AREA);
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
    if (load<i32>(facts, SLOT_AREA) == FREE) return slot;
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
  if (load<i32>(factsOf(slot), SLOT_AREA) != FREE) empty(slot);
}

export function dropSlots(): void {
  for (let slot: i32 = 0; slot < filledEnd; slot++) dropSlot(slot);
}

function empty(slot: i32): void {
  const facts = factsOf(slot);
  unlink(slot, load<u32>(facts, SLOT_HASH));
  const number = load<i32>(facts, SLOT_AREA);
  if (number > 0) release(number - 1);
  wipe(facts, SLOT_BYTES);
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
