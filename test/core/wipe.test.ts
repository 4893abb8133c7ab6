// Wiping: after every call of CoreCrypto, whether it answered or threw, linear memory is byte for byte what it was before the
// first call, so no key, schedule, table, text, IV or counter is left in it. And the core's own calls leave nothing but what the
// caller asked them to write.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CIPHER_STATE_BYTES, DIRECTION_DECRYPT, DIRECTION_ENCRYPT, KEY_AREA_BYTES, MODE_CBC, MODE_ECB, MODE_GCM, PADDING_NONE,
} from '../../core/abi.ts';
import { CoreCrypto, WINDOW_BYTES } from '../../src/wasm/crypto.ts';
import type { CoreInstance } from '../../src/wasm/load.ts';
import { cores, empty, modes, parametersOf, seededRandom } from './cores.ts';

function memoryOf(instance: CoreInstance): Uint8Array {
  return new Uint8Array(instance.exports.memory.buffer);
}

/** Where memory differs from what it was; empty if nowhere. */
function changes(before: Uint8Array, now: Uint8Array): number[] {
  if (Buffer.compare(before, now) === 0) return [];
  const offsets: number[] = [];
  for (let offset = 0; offset < now.length && offsets.length < 20; offset++) if (before[offset] !== now[offset]) offsets.push(offset);
  return offsets;
}

for (const core of cores) {
  test(`${core.build}: linear memory after each call is what it was before the first`, () => {
    const instance = core.instance();
    const crypto = new CoreCrypto(instance);
    const before = memoryOf(instance).slice();
    const random = seededRandom(11);
    const unchanged = (what: string): void => assert.deepEqual(changes(before, memoryOf(instance)), [], what);
    for (const { name, mode } of modes) {
      const isBlockMode = mode === MODE_ECB || mode === MODE_CBC;
      for (const keyLength of [16, 24, 32]) {
        for (const length of [0, 1, 16, 47, 128, 200, 1000, WINDOW_BYTES + 100]) {
          const what = `${name}, key ${keyLength}, text ${length}`;
          const key = random.bytes(keyLength);
          const iv = random.bytes(mode === MODE_GCM ? 1 + random.below(50) : 16);
          const aad = mode === MODE_GCM ? random.bytes(random.below(100)) : empty;
          const data = random.bytes(length);
          const parameters = parametersOf(mode, isBlockMode);
          const output = crypto.encrypt(key, parameters, iv, aad, data);
          unchanged(`encrypt ${what}`);
          crypto.decrypt(key, parameters, iv, aad, output.data, output.mac);
          unchanged(`decrypt ${what}`);
          if (mode === MODE_GCM) {
            assert.throws(() => crypto.decrypt(key, parameters, iv, aad, output.data, random.bytes(16)));
            unchanged(`failed decrypt ${what}`);
          }
          if (isBlockMode) {
            assert.throws(() => crypto.encrypt(key, parametersOf(mode), iv, empty, random.bytes(33)));
            unchanged(`refused encrypt ${what}`);
          }
          for (const [direction, text] of [[DIRECTION_ENCRYPT, data], [DIRECTION_DECRYPT, output.data]] as const) {
            const state = crypto.begin(key, direction, parameters, iv, aad);
            unchanged(`begin ${what}`);
            const next = crypto.update(key, state, text.subarray(0, 77));
            unchanged(`update ${what}`);
            crypto.finish(key, next.state, text.subarray(77), output.mac);
            unchanged(`finish ${what}`);
          }
        }
      }
    }
  });

  test(`${core.build}: wipeKey zeroes the area and each of its forms`, () => {
    const { exports } = core.instance();
    const area = exports.reserve(KEY_AREA_BYTES + 128, 64) + 64;
    const key = exports.reserve(32, 16);
    const memory = new Uint8Array(exports.memory.buffer);
    const random = seededRandom(12);
    for (const length of [16, 24, 32]) {
      memory.set(random.bytes(length), key);
      const before = memory.slice();
      exports.prepareKey(area, key, length);
      exports.requireForms(area, 31);
      const used = memory.subarray(area, area + KEY_AREA_BYTES);
      assert.ok(used.filter((byte) => byte !== 0).length > 3000, 'the forms are there before');
      assert.deepEqual(changes(before.subarray(0, area), memory.subarray(0, area)), [], 'nothing is written below the area');
      assert.deepEqual(changes(before.subarray(area + KEY_AREA_BYTES), memory.subarray(area + KEY_AREA_BYTES)), [], 'nor above it');
      exports.wipeKey(area);
      assert.deepEqual(changes(before, memory), []);
    }
  });

  test(`${core.build}: a one-shot call writes its target, its mac and the forms of its key, nothing else`, () => {
    const { exports } = core.instance();
    const area = exports.reserve(KEY_AREA_BYTES, 64);
    const state = exports.reserve(CIPHER_STATE_BYTES, 16);
    const region = exports.reserve(4096, 64);
    const memory = new Uint8Array(exports.memory.buffer);
    const random = seededRandom(13);
    memory.set(random.bytes(3000), region);
    exports.prepareKey(area, region, 32);
    exports.requireForms(area, 31);
    const before = memory.slice();
    const [source, target, mac] = [region + 64, region + 3000, region + 4000];
    for (const { name, mode } of modes) {
      for (const length of [16, 128, 144, 800]) {
        const ivLength = mode === MODE_GCM ? 12 : 16;
        assert.equal(exports.encryptOnce(area, mode, PADDING_NONE, 16, region, ivLength, 0, 0, source, length, target, mac), length);
        const after = memory.slice();
        after.set(before.subarray(target, target + length), target);
        after.set(before.subarray(mac, mac + 16), mac);
        assert.deepEqual(changes(before, after), [], `${name} of ${length}`);
        memory.set(before);
        exports.begin(area, state, mode, DIRECTION_ENCRYPT, PADDING_NONE, 16, region, ivLength);
        exports.finish(area, state, target, mac);
        memory.set(before.subarray(mac, mac + 16), mac);
        assert.deepEqual(changes(before, memory), [], `${name}: finish wipes the state`);
      }
    }
  });
}
