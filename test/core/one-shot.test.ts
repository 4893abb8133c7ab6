// One-shot calls at every short length and every counter, against node:crypto: where a message ends in the middle of a batch, of a pair,
// of a block or of a run of counters, and where source is target.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { KEY_AREA_ALIGN, KEY_AREA_BYTES, MODE_CBC, MODE_CTR, MODE_ECB, MODE_GCM, OUTPUT_SLACK_BYTES, PADDING_NONE, PADDING_PKCS5 } from '../../core/abi.ts';
import { cores, empty, modes, parametersOf, seededRandom, toHex } from './cores.ts';
import { referenceEncrypt } from './reference.ts';

const longest = 300;

for (const core of cores) {
  test(`${core.build}: every mode at every length from 0 to ${longest}, in place`, () => {
    const { exports } = core.instance();
    const reserve = (length: number): number => exports.reserve(length, KEY_AREA_ALIGN);
    const [area, key, iv, aad, text, mac] = [reserve(KEY_AREA_BYTES), reserve(32), reserve(16), reserve(64), reserve(longest + OUTPUT_SLACK_BYTES), reserve(16)] as const;
    const memory = new Uint8Array(exports.memory.buffer);
    const random = seededRandom(31);
    const [keyBytes, ivBytes] = [random.bytes(32), random.bytes(16)];
    memory.set(keyBytes, key);
    memory.set(ivBytes, iv);
    exports.prepareKey(area, key, 32);
    for (const { name, mode } of modes) {
      const ivLength = mode === MODE_GCM ? 12 : 16;
      for (let length = 0; length <= longest; length += 1) {
        const padding = mode === MODE_ECB || mode === MODE_CBC ? PADDING_PKCS5 : PADDING_NONE;
        const parameters = { mode, padding, tagLength: 16 } as const;
        const plain = random.bytes(length);
        const additional = mode === MODE_GCM ? random.bytes(length % 50) : empty;
        const expected = referenceEncrypt(keyBytes, parameters, ivBytes.subarray(0, ivLength), additional, plain);
        memory.set(plain, text);
        memory.set(additional, aad);
        const written = exports.encryptOnce(area, mode, padding, 16, iv, ivLength, aad, additional.length, text, length, text, mac);
        assert.equal(toHex(memory.slice(text, text + written)), toHex(expected.data), `${name} ${length}`);
        if (mode === MODE_GCM) assert.equal(toHex(memory.slice(mac, mac + 16)), toHex(expected.mac), `${name} ${length}, mac`);
        const read = exports.decryptOnce(area, mode, padding, 16, iv, ivLength, aad, additional.length, text, written, text, mac);
        assert.equal(toHex(memory.slice(text, text + read)), toHex(plain), `${name} ${length} decrypted`);
      }
    }
  });

  test(`${core.build}: runs of counters are right from every last byte of a counter, and over its turn`, () => {
    const crypto = core.crypto();
    const random = seededRandom(32);
    for (const keyLength of [16, 24, 32]) {
      const key = random.bytes(keyLength);
      for (let last = 0; last < 256; last += 1) {
        const counter = random.bytes(16);
        counter[15] = last;
        // Every fourth: the turn of the last byte runs on through others.
        if (last % 4 === 0) counter.fill(0xff, 1 + (last % 14), 15);
        const data = random.bytes(16 * (8 + random.below(150)) + random.below(16));
        const parameters = parametersOf(MODE_CTR);
        const made = crypto.encrypt(key, parameters, counter, empty, data).data;
        assert.equal(toHex(made), toHex(referenceEncrypt(key, parameters, counter, empty, data).data), `key ${keyLength}, last byte ${last}, ${data.length} bytes`);
      }
    }
  });
}
