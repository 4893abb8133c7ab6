// Random comparisons with node:crypto over all modes, key sizes, paddings, IV, AAD and tag lengths, text of 0 to 4 KiB: each
// is encrypted and decrypted one-shot, and again in random parts that alternate between two instances, as a stream
// does that meets another worker with each part. 10,000 in the default run, half on each build; KMIPD_TEST_RANDOM sets
// another number, KMIPD_TEST_SEED another seed. @noble/ciphers is the second oracle for a share of them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cbc, ctr, ecb, gcm } from '@noble/ciphers/aes.js';
import {
  DIRECTION_DECRYPT, DIRECTION_ENCRYPT, MODE_CBC, MODE_CTR, MODE_ECB, MODE_GCM,
} from '../../core/abi.ts';
import type { CipherDirection, CipherParameters, CoreCrypto } from '../../src/wasm/crypto.ts';
import { cores, empty, modes, parametersOf, seededRandom, toHex } from './cores.ts';
import type { RandomSource } from './cores.ts';
import { referenceEncrypt } from './reference.ts';

const comparisons = Number(process.env['KMIPD_TEST_RANDOM'] ?? 10_000);
const seed = Number(process.env['KMIPD_TEST_SEED'] ?? 20_000);

interface Case {
  readonly key: Uint8Array;
  readonly parameters: CipherParameters;
  readonly iv: Uint8Array;
  readonly aad: Uint8Array;
  readonly data: Uint8Array;
}

function randomCase(random: RandomSource): Case {
  const { mode } = modes[random.below(modes.length)]!;
  const isBlockMode = mode === MODE_ECB || mode === MODE_CBC;
  const padded = isBlockMode && random.below(2) === 0;
  const short = random.below(3) > 0;
  let length = random.below(short ? 300 : 4097);
  if (isBlockMode && !padded) length &= ~15;
  const isGcm = mode === MODE_GCM;
  return {
    key: random.bytes([16, 24, 32][random.below(3)]!),
    parameters: parametersOf(mode, padded, isGcm ? [4, 8, 12, 13, 14, 15, 16][random.below(7)]! : 0),
    iv: mode === MODE_ECB ? empty : random.bytes(isGcm && random.below(2) === 0 ? 1 + random.below(40) : isGcm ? 12 : 16),
    aad: isGcm ? random.bytes(random.below(80)) : empty,
    data: random.bytes(length),
  };
}

function inParts(workers: readonly CoreCrypto[], random: RandomSource, direction: CipherDirection, item: Case, data: Uint8Array, mac: Uint8Array):
  { data: Uint8Array; mac: Uint8Array } {
  const pieces: Uint8Array[] = [];
  const largest = (data.length < 300 ? [1, 5, 17, 64, 300] : [64, 300, 1000, 5000])[random.below(4)]!;
  let turn = 0;
  const worker = (): CoreCrypto => workers[turn++ % workers.length]!;
  const aadCut = random.below(item.aad.length + 1);
  let state = worker().begin(item.key, direction, item.parameters, item.iv, item.aad.subarray(0, aadCut));
  if (aadCut < item.aad.length) state = worker().addAad(item.key, state, item.aad.subarray(aadCut));
  let offset = 0;
  for (;;) {
    const part = data.subarray(offset, offset + random.below(largest + 1));
    offset += part.length;
    if (offset === data.length && random.below(2) === 0) {
      const last = worker().finish(item.key, state, part, mac);
      return { data: Buffer.concat([...pieces, last.data]), mac: last.mac };
    }
    const answer = worker().update(item.key, state, part);
    state = answer.state;
    pieces.push(answer.data);
  }
}

function nobleEncrypt(item: Case): Uint8Array | undefined {
  const { key, iv, aad, data, parameters } = item;
  if (parameters.mode === MODE_CBC && parameters.padding !== 1) return cbc(key, iv).encrypt(data);
  if (parameters.mode === MODE_ECB && parameters.padding !== 1) return ecb(key).encrypt(data);
  if (parameters.mode === MODE_CTR) return ctr(key, iv).encrypt(data);
  if (parameters.mode === MODE_GCM && parameters.tagLength === 16 && iv.length >= 8) return gcm(key, iv, aad).encrypt(data);
  return undefined;
}

for (const core of cores) {
  test(`${core.build}: ${comparisons / 2} random cases equal node:crypto, one-shot and in parts`, () => {
    const random = seededRandom(seed + (core.build === 'strict' ? 1 : 0));
    const crypto = core.crypto();
    const workers = [core.crypto(), core.crypto()];
    for (let count = 0; count < comparisons / 2; count++) {
      const item = randomCase(random);
      const { key, parameters, iv, aad, data } = item;
      const expected = referenceEncrypt(key, parameters, iv, aad, data);
      const where = `case ${count} of seed ${seed}: mode ${parameters.mode}, key ${key.length}, text ${data.length}`;
      const same = (got: Uint8Array, wanted: Uint8Array, what: string): void => {
        if (Buffer.compare(got, wanted) !== 0) assert.equal(toHex(got), toHex(wanted), `${where}: ${what}`);
      };
      const output = crypto.encrypt(key, parameters, iv, aad, data);
      same(output.data, expected.data, 'encrypt');
      same(output.mac, expected.mac, 'mac');
      same(crypto.decrypt(key, parameters, iv, aad, output.data, output.mac), data, 'decrypt');
      const encrypted = inParts(workers, random, DIRECTION_ENCRYPT, item, data, empty);
      same(encrypted.data, expected.data, 'encrypt in parts');
      same(encrypted.mac, expected.mac, 'mac in parts');
      same(inParts(workers, random, DIRECTION_DECRYPT, item, expected.data, expected.mac).data, data, 'decrypt in parts');
      if (count % 10 === 0) {
        const second = nobleEncrypt(item);
        if (second !== undefined) same(Buffer.concat([output.data, output.mac]), second, 'noble');
      }
    }
  });
}
