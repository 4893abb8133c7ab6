// What the core refuses, and how: each wrong parameter has its own status, wrong padding and wrong mac have one together, a state
// that no begin() made is refused before it steers anything, and a failed decryption leaves no plaintext behind.

import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import {
  CIPHER_STATE_BYTES, DIRECTION_DECRYPT, DIRECTION_ENCRYPT, KEY_AREA_BYTES, MODE_CBC, MODE_CTR, MODE_ECB, MODE_GCM,
  PADDING_NONE, PADDING_PKCS5, STATE_HELD_LENGTH, STATE_MODE, STATE_PHASE, STATUS_DECRYPTION_FAILED, STATUS_KEY_AREA,
} from '../../core/abi.ts';
import type { CipherMode, CipherPadding } from '../../src/wasm/crypto.ts';
import { IV_BYTES_MAX } from '../../src/wasm/crypto.ts';
import { CoreError } from '../../src/wasm/status.ts';
import { cores, empty, modes, parametersOf, seededRandom } from './cores.ts';

for (const core of cores) {
  const crypto = core.crypto();
  const random = seededRandom(9);
  const key = random.bytes(16);
  const iv = random.bytes(16);

  test(`${core.build}: wrong parameters are refused by name`, () => {
    const encrypt = (mode: number, padding: number, tagLength: number, ivLength: number, keyLength = 16, aadLength = 0) => () =>
      crypto.encrypt(random.bytes(keyLength), { mode: mode as CipherMode, padding: padding as CipherPadding, tagLength },
        random.bytes(ivLength), random.bytes(aadLength), random.bytes(16));
    for (const length of [0, 1, 15, 17, 23, 31, 33, 64, 1000]) assert.throws(encrypt(MODE_CBC, PADDING_NONE, 0, 16, length), { status: 'KeyLength' });
    for (const mode of [0, 3, 7, 8, 10, 18, 0x80000001, -1]) assert.throws(encrypt(mode, PADDING_NONE, 0, 16), { status: 'Mode' });
    for (const padding of [0, 2, 4, 5, 9]) assert.throws(encrypt(MODE_CBC, padding, 0, 16), { status: 'Padding' });
    assert.throws(encrypt(MODE_CTR, PADDING_PKCS5, 0, 16), { status: 'Padding' });
    for (const tagLength of [-1, 0, 1, 3, 5, 7, 9, 11, 17, 100, 2 ** 31]) assert.throws(encrypt(MODE_GCM, PADDING_NONE, tagLength, 12), { status: 'TagLength' });
    for (const { mode, name } of modes) {
      if (name === 'ecb' || name === 'gcm') continue;
      for (const length of [0, 1, 12, 15, 17, 32]) assert.throws(encrypt(mode, PADDING_NONE, 0, length), { status: 'IvLength' });
    }
    assert.throws(encrypt(MODE_GCM, PADDING_NONE, 16, 0), { status: 'IvLength' });
    assert.throws(encrypt(MODE_GCM, PADDING_NONE, 16, IV_BYTES_MAX + 1), { status: 'IvLength' });
    assert.throws(encrypt(MODE_CBC, PADDING_NONE, 0, 16, 16, 1), { status: 'AadNotAllowed' });
    assert.doesNotThrow(encrypt(MODE_ECB, PADDING_NONE, 0, 5), 'ECB ignores an IV');
  });

  test(`${core.build}: a partial block without padding is refused in ECB and CBC, one-shot and at the end of a stream`, () => {
    for (const mode of [MODE_ECB, MODE_CBC] as const) {
      for (const length of [1, 15, 17, 129]) {
        assert.throws(() => crypto.encrypt(key, parametersOf(mode), iv, empty, random.bytes(length)), { status: 'PartialBlock' });
        for (const padded of [false, true]) {
          assert.throws(() => crypto.decrypt(key, parametersOf(mode, padded), iv, empty, random.bytes(length), empty), { status: 'PartialBlock' });
        }
        const state = crypto.begin(key, DIRECTION_ENCRYPT, parametersOf(mode), iv, empty);
        const next = crypto.update(key, state, random.bytes(length));
        assert.throws(() => crypto.finish(key, next.state, empty), { status: 'PartialBlock' });
      }
      assert.throws(() => crypto.decrypt(key, parametersOf(mode, true), iv, empty, empty, empty), { status: 'PartialBlock' });
      assert.equal(crypto.decrypt(key, parametersOf(mode), iv, empty, empty, empty).length, 0);
    }
  });

  test(`${core.build}: every wrong padding is refused with one status, every right one taken`, () => {
    const wrap = (block: Uint8Array): Uint8Array => {
      const cipher = createCipheriv('aes-128-ecb', key, null).setAutoPadding(false);
      return Buffer.concat([cipher.update(block), cipher.final()]);
    };
    for (let count = 0; count < 256; count++) {
      for (const wrongAt of [-1, ...Array(Math.min(count, 16)).keys()]) {
        if (wrongAt === 0) continue;
        const block = new Uint8Array(16).fill(0x77);
        if (count > 0) block.fill(count, 16 - Math.min(count, 16));
        block[15] = count;
        if (wrongAt >= 0) block[15 - wrongAt]! ^= 0x80;
        const valid = count >= 1 && count <= 16 && wrongAt < 0;
        const decrypt = (): Uint8Array => crypto.decrypt(key, parametersOf(MODE_ECB, true), empty, empty, wrap(block), empty);
        if (valid) assert.deepEqual(decrypt(), block.slice(0, 16 - count));
        else assert.throws(decrypt, { status: 'DecryptionFailed', code: STATUS_DECRYPTION_FAILED }, `last byte ${count}, wrong at ${wrongAt}`);
      }
    }
  });

  test(`${core.build}: a state that no begin made is refused`, () => {
    const state = crypto.begin(key, DIRECTION_DECRYPT, parametersOf(MODE_CBC, true), iv, empty);
    const refused = (change: (bytes: Uint8Array) => void): void => {
      const changed = state.slice();
      change(changed);
      assert.throws(() => crypto.update(key, changed, random.bytes(32)), { status: 'State' });
      assert.throws(() => crypto.finish(key, changed, empty), { status: 'State' });
    };
    for (let offset = 0; offset < 6; offset++) if (offset !== 4) refused((bytes) => { bytes[offset] = 0xee; });
    refused((bytes) => { bytes[STATE_HELD_LENGTH] = 17; });
    refused((bytes) => { bytes[STATE_MODE] = MODE_CTR; });
    refused((bytes) => { bytes[STATE_PHASE] = 1; });
    refused((bytes) => bytes.fill(0));
    assert.throws(() => crypto.update(key, state.subarray(1), empty), { status: 'State' });
    assert.throws(() => crypto.update(key, new Uint8Array(CIPHER_STATE_BYTES + 1), empty), { status: 'State' });
  });

  test(`${core.build}: additional data after the text is refused`, () => {
    const state = crypto.begin(key, DIRECTION_ENCRYPT, parametersOf(MODE_GCM), iv, empty);
    const next = crypto.update(key, state, random.bytes(3)).state;
    assert.throws(() => crypto.addAad(key, next, random.bytes(3)), { status: 'AadNotAllowed' });
  });

  test(`${core.build}: GCM text ends at 2^36 - 32 bytes`, () => {
    const state = crypto.begin(key, DIRECTION_ENCRYPT, parametersOf(MODE_GCM), iv, empty);
    const view = new DataView(crypto.update(key, state, random.bytes(16)).state.buffer);
    view.setBigUint64(16, 2n ** 36n - 48n, true);
    const near = new Uint8Array(view.buffer);
    assert.equal(crypto.update(key, near, random.bytes(16)).data.length, 16);
    assert.throws(() => crypto.update(key, near, random.bytes(17)), { status: 'TooLong' });
  });

  test(`${core.build}: an area that holds no prepared key is refused`, () => {
    const { exports } = core.instance();
    const area = exports.reserve(KEY_AREA_BYTES, 64);
    const state = exports.reserve(CIPHER_STATE_BYTES, 16);
    assert.equal(exports.begin(area, state, MODE_ECB, DIRECTION_ENCRYPT, PADDING_NONE, 0, 0, 0), STATUS_KEY_AREA);
    assert.equal(exports.requireForms(area, 31), STATUS_KEY_AREA);
  });

  test(`${core.build}: a failed one-shot decryption leaves its target wiped, also in place`, () => {
    const { exports } = core.instance();
    const area = exports.reserve(KEY_AREA_BYTES, 64);
    const region = exports.reserve(1024, 16);
    const bytes = new Uint8Array(exports.memory.buffer);
    bytes.set(key, region);
    exports.prepareKey(area, region, 16);
    bytes.set(random.bytes(200), region);
    const status = exports.decryptOnce(area, MODE_GCM, PADDING_NONE, 16, region + 400, 12, 0, 0, region, 200, region, region + 500);
    assert.equal(status, STATUS_DECRYPTION_FAILED);
    assert.ok(bytes.subarray(region, region + 200).every((byte) => byte === 0));
    bytes.set(random.bytes(64), region);
    assert.equal(exports.decryptOnce(area, MODE_CBC, PADDING_PKCS5, 0, region + 400, 16, 0, 0, region, 64, region, 0), STATUS_DECRYPTION_FAILED);
    assert.ok(bytes.subarray(region, region + 64).every((byte) => byte === 0));
  });
}

test('an error of the core tells its status, and nothing of the data', () => {
  const error = new CoreError(STATUS_DECRYPTION_FAILED);
  assert.deepEqual([error.name, error.status, error.code, error.message], ['CoreError', 'DecryptionFailed', -8, 'decryption failed']);
  assert.equal(new CoreError(-99).status, 'Unknown');
});
