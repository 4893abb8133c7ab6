// NIST CAVP response files for AES (known answer, multi-block, Monte Carlo) and GCM, from the reference data beside the repository.
// Every vector goes one-shot and, where it is longer than a block, also in parts through a second instance. Monte Carlo
// follows AESAVS §6.4: 100 outer steps of 1,000 chained blocks, each outer step's inputs made from the one before.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  DIRECTION_DECRYPT, DIRECTION_ENCRYPT, KEY_AREA_BYTES, CIPHER_STATE_BYTES, MODE_CBC, MODE_CFB, MODE_CTR, MODE_ECB, MODE_GCM, MODE_OFB,
  PADDING_NONE,
} from '../../core/abi.ts';
import type { CipherMode } from '../../src/wasm/crypto.ts';
import { CoreError } from '../../src/wasm/status.ts';
import { requireShared } from '../harness/shared-data.ts';
import { cores, empty, hex, parametersOf, toHex } from './cores.ts';
import type { CoreUnderTest } from './cores.ts';

const shared = requireShared('conformance/nist-cavp');
const skip = shared.skip;
const root = join(shared.folder ?? '', 'conformance/nist-cavp');

type Vector = Readonly<Record<string, string>> & { readonly section: string };

/** One record for each COUNT: the lines up to the next, and the bracketed lines above it. */
function readVectors(file: string): Vector[] {
  const vectors: Record<string, string>[] = [];
  let header: Record<string, string> = {};
  let section = '';
  let headerOpen = false;
  for (const line of readFileSync(file, 'utf8').split(/\r?\n/)) {
    const bracket = /^\[(\w+)(?:\s*=\s*(\w+))?\]$/.exec(line.trim());
    if (bracket !== null) {
      if (!headerOpen) header = {};
      headerOpen = true;
      if (bracket[2] === undefined) section = bracket[1]!;
      else header[bracket[1]!.toUpperCase()] = bracket[2];
      continue;
    }
    const pair = /^(\w+)\s*=\s*(\S*)$/.exec(line.trim());
    if (pair === null) {
      if (line.trim() === 'FAIL') vectors.at(-1)!['FAIL'] = 'yes';
      continue;
    }
    headerOpen = false;
    if (pair[1]!.toUpperCase() === 'COUNT') vectors.push({ ...header, section });
    vectors.at(-1)![pair[1]!.toUpperCase()] = pair[2]!;
  }
  return vectors as Vector[];
}

const folders: readonly { folder: string; mode: CipherMode; files: RegExp; count: number }[] = [
  { folder: 'aes-ecb', mode: MODE_ECB, files: /\.rsp$/, count: 15 },
  { folder: 'aes-cbc', mode: MODE_CBC, files: /\.rsp$/, count: 18 },
  { folder: 'aes-cfb', mode: MODE_CFB, files: /^CFB128.*\.rsp$/, count: 18 },
  { folder: 'aes-ofb', mode: MODE_OFB, files: /\.rsp$/, count: 18 },
  { folder: 'aes-ctr', mode: MODE_CTR, files: /\.txt$/, count: 3 },
];

function runKnownAnswers(core: CoreUnderTest, mode: CipherMode, vectors: readonly Vector[]): void {
  const workers = [core.crypto(), core.crypto()] as const;
  assert.ok(vectors.length > 0);
  for (const vector of vectors) {
    const key = hex(vector['KEY']!);
    const iv = hex(vector['IV'] ?? '');
    const plain = hex(vector['PLAINTEXT']!);
    const cipher = hex(vector['CIPHERTEXT']!);
    const decrypts = vector.section === 'DECRYPT';
    const [source, expected] = decrypts ? [cipher, plain] : [plain, cipher];
    const whole = decrypts
      ? workers[0].decrypt(key, parametersOf(mode), iv, empty, source, empty)
      : workers[0].encrypt(key, parametersOf(mode), iv, empty, source).data;
    assert.equal(toHex(whole), toHex(expected), `COUNT ${vector['COUNT']}`);
    let state = workers[0].begin(key, decrypts ? DIRECTION_DECRYPT : DIRECTION_ENCRYPT, parametersOf(mode), iv, empty);
    const first = workers[1].update(key, state, source.subarray(0, 7));
    state = first.state;
    const last = workers[0].finish(key, state, source.subarray(7));
    assert.equal(toHex(Buffer.concat([first.data, last.data])), toHex(expected), `COUNT ${vector['COUNT']} in parts`);
  }
}

/** AESAVS §6.4.2 to 6.4.4: CBC, OFB and CFB-128 have the same chain. Straight on the core's calls: 100,000 updates a file. */
function runMonteCarlo(core: CoreUnderTest, mode: CipherMode, vectors: readonly Vector[]): void {
  const { exports } = core.instance();
  const area = exports.reserve(KEY_AREA_BYTES, 64);
  const state = exports.reserve(CIPHER_STATE_BYTES, 16);
  const region = exports.reserve(128, 16);
  const memory = new Uint8Array(exports.memory.buffer);
  const source = region + 64;
  const target = region + 96;
  for (const section of ['ENCRYPT', 'DECRYPT']) {
    const steps = vectors.filter((vector) => vector.section === section);
    assert.equal(steps.length, 100);
    const [inputName, outputName] = section === 'ENCRYPT' ? ['PLAINTEXT', 'CIPHERTEXT'] as const : ['CIPHERTEXT', 'PLAINTEXT'] as const;
    let key = hex(steps[0]!['KEY']!);
    let iv = hex(steps[0]!['IV']!);
    let input = hex(steps[0]![inputName]!);
    for (const step of steps) {
      assert.deepEqual([toHex(key), toHex(iv), toHex(input)], [step['KEY'], step['IV'], step[inputName]], `inputs of COUNT ${step['COUNT']}`);
      memory.set(key, region);
      memory.set(iv, region + 32);
      assert.equal(exports.prepareKey(area, region, key.length), 0);
      assert.equal(exports.begin(area, state, mode, section === 'ENCRYPT' ? DIRECTION_ENCRYPT : DIRECTION_DECRYPT, PADDING_NONE, 0, region + 32, 16), 0);
      let previous = iv;
      let output = iv;
      memory.set(input, source);
      for (let round = 0; round < 1000; round++) {
        assert.equal(exports.update(area, state, source, 16, target), 16);
        previous = output;
        output = memory.slice(target, target + 16);
        memory.set(previous, source);
      }
      assert.equal(toHex(output), step[outputName], `COUNT ${step['COUNT']}`);
      const mixed = Buffer.concat([previous, output]).subarray(32 - key.length);
      key = key.map((byte, index) => byte ^ mixed[index]!);
      iv = output;
      input = previous;
    }
  }
}

for (const core of cores) {
  for (const { folder, mode, files, count } of folders) {
    test(`${core.build}: NIST CAVP ${folder}`, { skip }, async (context) => {
      const names = readdirSync(join(root, folder)).filter((name) => files.test(name));
      assert.equal(names.length, count, 'files of the reference data');
      for (const name of names) {
        await context.test(name, () => {
          const vectors = readVectors(join(root, folder, name));
          if (name.includes('MCT')) runMonteCarlo(core, mode, vectors);
          else runKnownAnswers(core, mode, vectors);
        });
      }
    });
  }

  test(`${core.build}: NIST CAVP aes-gcm`, { skip }, async (context) => {
    const crypto = core.crypto();
    const names = readdirSync(join(root, 'aes-gcm'));
    assert.equal(names.length, 6, 'files of the reference data');
    for (const name of names) {
      await context.test(name, () => {
        let refused = 0;
        const vectors = readVectors(join(root, 'aes-gcm', name));
        assert.ok(vectors.length > 1000);
        for (const vector of vectors) {
          const where = `key ${vector['KEY']} IV ${vector['IV']}`;
          const parameters = parametersOf(MODE_GCM, false, Number(vector['TAGLEN']) / 8);
          const [key, iv, aad, cipher, mac] = ['KEY', 'IV', 'AAD', 'CT', 'TAG'].map((field) => hex(vector[field] ?? '')) as
            [Uint8Array, Uint8Array, Uint8Array, Uint8Array, Uint8Array];
          if (vector['FAIL'] !== undefined) {
            refused++;
            assert.throws(() => crypto.decrypt(key, parameters, iv, aad, cipher, mac),
              (error) => error instanceof CoreError && error.status === 'DecryptionFailed', where);
            continue;
          }
          assert.equal(toHex(crypto.decrypt(key, parameters, iv, aad, cipher, mac)), vector['PT'] ?? '', where);
          const output = crypto.encrypt(key, parameters, iv, aad, hex(vector['PT'] ?? ''));
          assert.deepEqual([toHex(output.data), toHex(output.mac)], [vector['CT'] ?? '', vector['TAG']], where);
        }
        if (name.startsWith('gcmDecrypt')) assert.ok(refused > 100, `${refused} refusals`);
      });
    }
  });
}
