// Key slots: found by scope and identifier, evicted by a clock, dropped and wiped; and the index, whose removals shift back, beside
// a Map through thousands of random loads and drops at a size where probes run long.

import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import {
  DATE_ALWAYS, DATE_NEVER, PADDING_NONE, PERMISSION_ENCRYPT, SLOT_AREAS_MAX, SLOT_BYTES, SLOT_FACTS_BYTES, SLOT_IDENTIFIER_BYTES_MAX, STAGE_BYTES, STAGE_KEY,
} from '../../core/abi.ts';
import { readPayload, readResponse, writeRequest } from '../../src/codec/message.ts';
import { BlockCipherMode } from '../../src/kmip/enums.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import { FastPath } from '../../src/wasm/fast-path.ts';
import type { SlotFacts } from '../../src/wasm/fast-path.ts';
import type { CoreInstance } from '../../src/wasm/load.ts';
import { cores, empty, seededRandom } from './cores.ts';

const facts: SlotFacts = { flags: 0, state: 2, usageMask: 12, activation: DATE_NEVER, deactivation: DATE_NEVER, processStart: DATE_ALWAYS, protectStop: DATE_NEVER, parameters: [] };

function createSlots(instance: CoreInstance, slots: number): { readonly fast: FastPath; find(scope: number, identifier: string): boolean } {
  const fast = new FastPath(instance, { slots, batchItemsMax: 10, responseBytesMax: 4096, nonces: { prefix: 1, take: () => 0n }, random: (length) => new Uint8Array(length).fill(7) });
  const { exports } = instance;
  const region = exports.reserve(256, 64);
  return {
    fast,
    find(scope, identifier) {
      const bytes = new TextEncoder().encode(identifier);
      const memory = new Uint8Array(exports.memory.buffer);
      memory.fill(0, region, region + 256);
      memory.set(bytes, region);
      return exports.findSlot(scope, region, bytes.length) !== 0;
    },
  };
}

const seed = 0x07070707n;
const factor = 0x9e3779b97f4a7c15n;

/** The core's hash of a scope and an identifier of at most eight bytes, under the seed above. */
function hashOf(scope: number, identifier: string): number {
  const word = Buffer.alloc(8);
  word.write(identifier);
  let hash = BigInt.asUintN(64, (((seed << 32n) | seed) ^ (BigInt(scope) << 32n) ^ BigInt(identifier.length)) * factor);
  hash = BigInt.asUintN(64, (hash ^ (hash >> 29n) ^ word.readBigUInt64LE()) * factor);
  return Number(hash >> 32n);
}

/** Two of many whose hashes are the same. */
function collision<T>(make: () => T, hash: (each: T) => number): readonly [T, T] {
  const seen = new Map<number, T>();
  for (let index = 1; index < 1_000_000; index += 1) {
    const each = make();
    const earlier = seen.get(hash(each));
    if (earlier !== undefined && earlier !== each) return [earlier, each];
    seen.set(hash(each), each);
  }
  return assert.fail('no two hashes are alike');
}

test('a slot weighs what abi.ts says', () => {
  assert.ok(SLOT_BYTES >= SLOT_FACTS_BYTES + 32 + 4);
  assert.equal(SLOT_BYTES % 64, 0);
  assert.equal(STAGE_BYTES, STAGE_KEY + 32);
});

for (const core of cores) {
  test(`${core.build}: a slot is found under its scope and its whole identifier only`, () => {
    const { fast, find } = createSlots(core.instance(), 8);
    const random = seededRandom(81);
    const identifiers = ['', 'a', 'a\0', 'a\0\0', 'eight by', 'eight byt', 'ä', random.bytes(18).join('').slice(0, 36), 'x'.repeat(SLOT_IDENTIFIER_BYTES_MAX)];
    for (const identifier of identifiers) {
      fast.dropAll();
      assert.ok(fast.loadSlot(7, identifier, facts, random.bytes(16)) >= 0);
      for (const other of identifiers) assert.equal(find(7, other), other === identifier, JSON.stringify([identifier, other]));
      assert.equal(find(8, identifier), false, 'another scope');
    }
    assert.equal(fast.loadSlot(7, 'x'.repeat(SLOT_IDENTIFIER_BYTES_MAX + 1), facts, random.bytes(16)), -1);
    assert.equal(fast.loadSlot(7, 'short key', facts, random.bytes(15)), -1);
    assert.equal(find(7, 'short key'), false);
    assert.ok(fast.loadSlot(7, 'no key', facts, empty) >= 0);
  });

  test(`${core.build}: scopes and identifiers whose hashes are alike are told apart`, () => {
    const { fast, find } = createSlots(core.instance(), 8);
    const random = seededRandom(85);
    const [scope, otherScope] = collision(() => Buffer.from(random.bytes(4)).readUInt32LE(), (each) => hashOf(each, 'same'));
    const [identifier, otherIdentifier] = collision(() => Buffer.from(random.bytes(4)).toString('hex'), (each) => hashOf(3, each));
    for (const [[loadedScope, loaded], [askedScope, asked]] of [[[scope, 'same'], [otherScope, 'same']], [[3, identifier], [3, otherIdentifier]]] as const) {
      fast.loadSlot(loadedScope, loaded, facts, new Uint8Array(16));
      assert.deepEqual([find(loadedScope, loaded), find(askedScope, asked)], [true, false]);
      fast.loadSlot(askedScope, asked, facts, new Uint8Array(16));
      assert.deepEqual([find(loadedScope, loaded), find(askedScope, asked)], [true, true]);
    }
  });

  test(`${core.build}: loading again replaces, and a slot that is used outlives those that are not`, () => {
    const { fast, find } = createSlots(core.instance(), 4);
    const key = seededRandom(82).bytes(32);
    const number = fast.loadSlot(1, 'kept', facts, key);
    const again = fast.loadSlot(1, 'kept', facts, key);
    fast.dropSlot(again);
    assert.equal(find(1, 'kept'), false, `slots ${number} and ${again} were of one object`);
    fast.loadSlot(1, 'kept', facts, key);
    for (let count = 0; count < 50; count += 1) {
      assert.ok(fast.loadSlot(1, `passing ${count}`, facts, key) >= 0);
      if (count > 8) assert.equal(find(1, `passing ${count - 8}`), false);
      assert.ok(find(1, 'kept'), `after ${count}`);
    }
  });

  test(`${core.build}: the index is a Map, whatever is loaded, evicted and dropped`, () => {
    const slots = 61;
    const { fast, find } = createSlots(core.instance(), slots);
    const random = seededRandom(83);
    const bySlot = new Map<number, string>();
    const key = random.bytes(16);
    const names = Array.from({ length: 150 }, (_, index) => `${index % 3}:${index}`);
    for (let step = 0; step < 6000; step += 1) {
      const name = names[random.below(names.length)]!;
      if (random.below(3) > 0) {
        const slot = fast.loadSlot(Number(name[0]), name, facts, key);
        assert.ok(slot >= 0 && slot < slots);
        for (const [number, loaded] of bySlot) if (loaded === name) bySlot.delete(number);
        bySlot.set(slot, name);
      } else {
        const slot = random.below(slots);
        fast.dropSlot(slot);
        bySlot.delete(slot);
      }
      if (step % 20 === 0) {
        const loaded = new Set(bySlot.values());
        for (const each of names) assert.equal(find(Number(each[0]), each), loaded.has(each), `${each} after step ${step}`);
      }
    }
    fast.dropAll();
    for (const each of names) assert.equal(find(Number(each[0]), each), false);
  });

  test(`${core.build}: no byte of a key is left after a drop, an eviction or a refused load`, () => {
    const instance = core.instance();
    const { fast } = createSlots(instance, 2);
    const memory = (): Buffer => Buffer.from(instance.exports.memory.buffer);
    const before = Buffer.from(memory());
    const random = seededRandom(84);
    const keys = Array.from({ length: 5 }, () => random.bytes(32));
    const visible = (): number[] => keys.flatMap((key, index) => (memory().includes(key.subarray(0, 16)) || memory().includes(key.subarray(16)) ? [index] : []));
    const numbers = keys.slice(0, 4).map((key, index) => fast.loadSlot(1, `key ${index}`, facts, key));
    assert.deepEqual(visible(), [2, 3], 'round keys begin with the key, and two of four were evicted');
    fast.dropSlot(numbers[2]!);
    assert.deepEqual(visible(), [3]);
    assert.equal(fast.loadSlot(1, 'x'.repeat(129), facts, keys[4]!), -1);
    assert.deepEqual(visible(), [3]);
    fast.dropAll();
    assert.deepEqual(visible(), []);
    const differs: number[] = [];
    const now = memory();
    for (let offset = 0; offset < now.length && differs.length < 20; offset += 1) if (now[offset] !== before[offset]) differs.push(offset);
    assert.ok(differs.length <= 4, `memory differs at ${differs.join(', ')}: only the hand of the clock may have moved`);
  });
  test(`${core.build}: more keys than are expanded at once encrypt right in any order, and what is dropped leaves no form of its key`, () => {
    const instance = core.instance();
    const count = SLOT_AREAS_MAX + 300;
    const { fast } = createSlots(instance, count);
    const random = seededRandom(86);
    const keys = Array.from({ length: count }, (_, index) => ({ name: `key ${index}`, bytes: random.bytes([16, 24, 32][index % 3]!) }));
    const data = random.bytes(256);
    const ask = (index: number): void => {
      const { name, bytes } = keys[index]!;
      const request = writeRequest(14, {}, [{ operation: encrypt.code, payload: { type: encrypt.request, value: { uniqueIdentifier: name, cryptographicParameters: { blockCipherMode: BlockCipherMode.ECB, paddingMethod: PADDING_NONE }, data } } }]);
      const answer = fast.handle(request, 1, PERMISSION_ENCRYPT, 1);
      assert.ok(answer.kind === 'answer', `${name}: ${answer.kind}`);
      const message = readResponse(answer.response);
      const cipher = createCipheriv(`aes-${bytes.length * 8}-ecb`, bytes, null).setAutoPadding(false);
      assert.deepEqual(Buffer.from((readPayload(message, message.items[0]!, encrypt.response) as { data: Uint8Array }).data), Buffer.concat([cipher.update(data), cipher.final()]), name);
    };
    const numbers = keys.map(({ name, bytes }) => fast.loadSlot(1, name, facts, bytes));
    assert.equal(new Set(numbers).size, count);
    for (let index = 0; index < count; index += 1) ask(index);
    for (let step = 0; step < 3000; step += 1) ask(random.below(3) > 0 ? random.below(50) : random.below(count));
    const copies = (index: number): number => {
      const memory = Buffer.from(instance.exports.memory.buffer);
      let found = 0;
      for (let at = memory.indexOf(keys[index]!.bytes); at >= 0; at = memory.indexOf(keys[index]!.bytes, at + 1)) found += 1;
      return found;
    };
    const expanded = Array.from({ length: 20 }, (_, index) => index).filter((index) => copies(index) > 1);
    assert.ok(expanded.length > 15, 'keys that are often used lie in their slots and, expanded, in areas');
    const once = keys.findIndex((_, index) => index >= 50 && copies(index) === 1);
    assert.ok(once >= 0, 'another one had to make room, and its round keys are wiped');
    for (const index of [...expanded, once]) {
      fast.dropSlot(numbers[index]!);
      assert.equal(copies(index), 0);
    }
    ask(expanded.includes(30) ? 31 : 30);
    fast.dropAll();
    for (const index of [0, 30, 31, 60, count - 1]) assert.equal(copies(index), 0);
    assert.equal(fast.loadSlot(1, keys[0]!.name, facts, keys[0]!.bytes) >= 0, true);
    ask(0);
  });
}
