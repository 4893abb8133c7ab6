// GCM's corners that random tests hit too seldom: the 32-bit counter wrap, at every distance from the wrap and in eights
// and tails; tag lengths; long IVs and AAD. The IV that leads to a chosen pre-counter block is found by a naive GF(2^128).

import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { test } from 'node:test';
import { gcm } from '@noble/ciphers/aes.js';
import { MODE_GCM } from '../../core/abi.ts';
import { cores, empty, parametersOf, seededRandom } from './cores.ts';
import { referenceEncrypt } from './reference.ts';

/** OpenSSL takes no longer one; noble takes none below 8 bytes. */
const OPENSSL_IV_BYTES_MAX = 128;

/** Bit 127 of the number is x^0, as SP 800-38D writes blocks. */
function multiply(left: bigint, right: bigint): bigint {
  let product = 0n;
  let shifted = right;
  for (let bit = 127n; bit >= 0n; bit--) {
    if ((left >> bit) & 1n) product ^= shifted;
    shifted = (shifted >> 1n) ^ ((shifted & 1n) === 1n ? 0xe1n << 120n : 0n);
  }
  return product;
}

function invert(value: bigint): bigint {
  let result = 1n << 127n;
  let square = value;
  for (let bit = 1; bit < 128; bit++) {
    square = multiply(square, square);
    result = multiply(result, square);
  }
  return result;
}

const toNumber = (bytes: Uint8Array): bigint => BigInt('0x' + Buffer.from(bytes).toString('hex'));
const toBytes = (value: bigint): Uint8Array => Uint8Array.from(Buffer.from(value.toString(16).padStart(32, '0'), 'hex'));

/** The 16-byte IV whose pre-counter block is `preCounter`: J0 = (IV.H ^ length).H. */
function ivFor(key: Uint8Array, preCounter: bigint): Uint8Array {
  const inverse = invert(toNumber(createCipheriv(`aes-${key.length * 8}-ecb`, key, null).update(new Uint8Array(16))));
  return toBytes(multiply(multiply(preCounter, inverse) ^ 128n, inverse));
}

for (const core of cores) {
  const crypto = core.crypto();

  test(`${core.build}: GCM's counter wraps at 32 bits, wherever in a batch the wrap falls`, () => {
    const random = seededRandom(32);
    for (const keyLength of [16, 24, 32]) {
      for (let distance = 0; distance <= 20; distance++) {
        const key = random.bytes(keyLength);
        const iv = ivFor(key, (toNumber(random.bytes(12)) << 32n) | BigInt(0xffffffff - distance));
        for (const length of [16 * 3, 16 * 8, 16 * 31 + 5]) {
          const data = random.bytes(length);
          const expected = referenceEncrypt(key, parametersOf(MODE_GCM), iv, empty, data);
          const output = crypto.encrypt(key, parametersOf(MODE_GCM), iv, empty, data);
          assert.deepEqual([Buffer.from(output.data), Buffer.from(output.mac)], [expected.data, expected.mac]);
        }
      }
    }
  });

  test(`${core.build}: every tag length encrypts and decrypts, and one wrong bit anywhere in it is refused`, () => {
    const random = seededRandom(4);
    const key = random.bytes(32);
    const iv = random.bytes(12);
    const aad = random.bytes(21);
    const data = random.bytes(77);
    for (const tagLength of [4, 8, 12, 13, 14, 15, 16]) {
      const parameters = parametersOf(MODE_GCM, false, tagLength);
      const output = crypto.encrypt(key, parameters, iv, aad, data);
      assert.deepEqual(Buffer.from(output.mac), referenceEncrypt(key, parameters, iv, aad, data).mac);
      assert.deepEqual(crypto.decrypt(key, parameters, iv, aad, output.data, output.mac), data);
      for (let bit = 0; bit < tagLength * 8; bit++) {
        const wrong = output.mac.slice();
        wrong[bit >> 3]! ^= 1 << (bit & 7);
        assert.throws(() => crypto.decrypt(key, parameters, iv, aad, output.data, wrong), { status: 'DecryptionFailed' });
      }
    }
  });

  test(`${core.build}: a wrong bit in IV, AAD or ciphertext is refused`, () => {
    const random = seededRandom(5);
    const key = random.bytes(16);
    const parts = [random.bytes(12), random.bytes(33), random.bytes(70)] as const;
    const mac = crypto.encrypt(key, parametersOf(MODE_GCM), ...parts).mac;
    const cipher = crypto.encrypt(key, parametersOf(MODE_GCM), ...parts).data;
    const inputs = [parts[0], parts[1], cipher];
    for (const [index, part] of inputs.entries()) {
      for (let offset = 0; offset < part.length; offset++) {
        const changed = inputs.map((bytes) => bytes.slice());
        changed[index]![offset]! ^= 0x10;
        assert.throws(() => crypto.decrypt(key, parametersOf(MODE_GCM), changed[0]!, changed[1]!, changed[2]!, mac), { status: 'DecryptionFailed' });
      }
    }
  });

  test(`${core.build}: IVs of 1 to 200 bytes and AAD of 0 to 200 bytes`, () => {
    const random = seededRandom(6);
    for (let length = 0; length <= 200; length++) {
      const key = random.bytes(24);
      const iv = random.bytes(length + 1);
      const aad = random.bytes(200 - length);
      const data = random.bytes(random.below(64));
      const output = crypto.encrypt(key, parametersOf(MODE_GCM), iv, aad, data);
      const joined = Buffer.concat([output.data, output.mac]);
      if (iv.length >= 8) assert.deepEqual(joined, Buffer.from(gcm(key, iv, aad).encrypt(data)), `noble, IV of ${iv.length}`);
      if (iv.length > OPENSSL_IV_BYTES_MAX) continue;
      const expected = referenceEncrypt(key, parametersOf(MODE_GCM), iv, aad, data);
      assert.deepEqual(joined, Buffer.concat([expected.data, expected.mac]), `node:crypto, IV of ${iv.length}`);
    }
  });
}
