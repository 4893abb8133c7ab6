// Streams at the lengths where block, batch and hold-back logic meet their edges, cut into parts of 1, 16 and 17 bytes, each part
// on another instance than the one before: what a cluster does, where any worker gets the next part. And input larger
// than the windows of CoreCrypto.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  CIPHER_STATE_BYTES, DIRECTION_DECRYPT, DIRECTION_ENCRYPT, MODE_CBC, MODE_ECB, MODE_GCM,
} from '../../core/abi.ts';
import type { CipherDirection, CipherParameters, CoreCrypto } from '../../src/wasm/crypto.ts';
import { WINDOW_BYTES } from '../../src/wasm/crypto.ts';
import { cores, empty, modes, parametersOf, seededRandom } from './cores.ts';
import { referenceEncrypt } from './reference.ts';

const lengths = [0, 1, 15, 16, 17, 31, 32, 33, 127, 128, 129];
const steps = [1, 16, 17];

function stream(workers: readonly CoreCrypto[], step: number, key: Uint8Array, direction: CipherDirection, parameters: CipherParameters,
  iv: Uint8Array, aad: Uint8Array, data: Uint8Array, mac: Uint8Array): { data: Uint8Array; mac: Uint8Array } {
  const pieces: Uint8Array[] = [];
  let state = workers[0]!.begin(key, direction, parameters, iv, aad);
  let turn = 1;
  for (let offset = 0; offset < data.length; offset += step) {
    const answer = workers[turn++ % workers.length]!.update(key, state, data.subarray(offset, offset + step));
    assert.equal(answer.state.length, CIPHER_STATE_BYTES);
    state = answer.state;
    pieces.push(answer.data);
  }
  const last = workers[turn % workers.length]!.finish(key, state, empty, mac);
  return { data: Buffer.concat([...pieces, last.data]), mac: last.mac };
}

for (const core of cores) {
  const workers = [core.crypto(), core.crypto()];
  const random = seededRandom(7);

  for (const { name, mode } of modes) {
    const isBlockMode = mode === MODE_ECB || mode === MODE_CBC;
    for (const padded of isBlockMode ? [false, true] : [false]) {
      test(`${core.build}: ${name}${padded ? ' with PKCS5' : ''} in parts of 1, 16, 17 on alternating workers`, () => {
        for (const length of lengths) {
          if (isBlockMode && !padded && length % 16 !== 0) continue;
          for (const step of steps) {
            const key = random.bytes([16, 24, 32][random.below(3)]!);
            const iv = random.bytes(mode === MODE_GCM ? 12 : 16);
            const aad = mode === MODE_GCM ? random.bytes(length) : empty;
            const data = random.bytes(length);
            const parameters = parametersOf(mode, padded);
            const expected = referenceEncrypt(key, parameters, iv, aad, data);
            const output = stream(workers, step, key, DIRECTION_ENCRYPT, parameters, iv, aad, data, empty);
            assert.deepEqual(Buffer.from(output.data), expected.data, `${length} bytes in ${step}s`);
            assert.deepEqual(Buffer.from(output.mac), Buffer.from(expected.mac), `mac of ${length} bytes in ${step}s`);
            const back = stream(workers, step, key, DIRECTION_DECRYPT, parameters, iv, aad, expected.data, expected.mac);
            assert.deepEqual(Buffer.from(back.data), Buffer.from(data), `back from ${length} bytes in ${step}s`);
          }
        }
      });
    }

    test(`${core.build}: ${name} of text and AAD larger than the windows, one-shot`, () => {
      const key = random.bytes(32);
      const iv = random.bytes(16);
      const data = random.bytes(3 * WINDOW_BYTES);
      const aad = mode === MODE_GCM ? random.bytes(WINDOW_BYTES + 5) : empty;
      const parameters = parametersOf(mode, isBlockMode);
      const expected = referenceEncrypt(key, parameters, iv, aad, data);
      const output = workers[0]!.encrypt(key, parameters, iv, aad, data);
      assert.ok(Buffer.from(output.data).equals(expected.data));
      assert.deepEqual(Buffer.from(output.mac), Buffer.from(expected.mac));
      assert.ok(Buffer.from(data).equals(workers[0]!.decrypt(key, parameters, iv, aad, output.data, output.mac)));
    });
  }

  test(`${core.build}: a stream's last part may carry text, and its mac is checked`, () => {
    const key = random.bytes(16);
    const iv = random.bytes(12);
    const data = random.bytes(50);
    const parameters = parametersOf(MODE_GCM);
    const { data: cipher, mac } = workers[0]!.encrypt(key, parameters, iv, empty, data);
    const state = workers[0]!.begin(key, DIRECTION_DECRYPT, parameters, iv, empty);
    const first = workers[1]!.update(key, state, cipher.subarray(0, 20));
    const last = workers[0]!.finish(key, first.state, cipher.subarray(20), mac);
    assert.deepEqual(Buffer.concat([first.data, last.data]), Buffer.from(data));
    const wrong = mac.slice();
    wrong[0]! ^= 1;
    assert.throws(() => workers[1]!.finish(key, first.state, cipher.subarray(20), wrong), { status: 'DecryptionFailed' });
    assert.throws(() => workers[1]!.finish(key, first.state, cipher.subarray(20)), { status: 'DecryptionFailed' });
  });
}
