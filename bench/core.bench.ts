/**
 * Core against node:crypto and @noble/ciphers: AES-256, one-shot, every mode, 16 B to 64 KiB, one thread.
 *
 * Decides: which sizes the core should answer itself, and which are worth handing to native AES instructions.
 * Every cipher's output is compared with node:crypto's before it is timed. Median of tinybench's samples.
 */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { cbc, cfb, ctr, ecb, gcm } from '@noble/ciphers/aes.js';
import { Bench } from 'tinybench';
import { CoreCrypto } from '../src/wasm/crypto.ts';
import type { CipherMode } from '../src/wasm/crypto.ts';
import { chooseCoreBuild, compileCore, instantiateCore } from '../src/wasm/load.ts';
import { BlockCipherMode, PaddingMethod } from '../src/kmip/enums.ts';
import { round } from './report.ts';
import type { BenchReport, Row } from './report.ts';

interface Case {
  readonly mode: string;
  readonly number: CipherMode;
  readonly ivLength: number;
  readonly node: string;
  readonly noble: ((key: Uint8Array, iv: Uint8Array, data: Uint8Array) => Uint8Array) | undefined;
}

const cases: readonly Case[] = [
  { mode: 'ECB', number: BlockCipherMode.ECB, ivLength: 0, node: 'aes-256-ecb', noble: (key, _iv, data) => ecb(key, { disablePadding: true }).encrypt(data) },
  { mode: 'CBC', number: BlockCipherMode.CBC, ivLength: 16, node: 'aes-256-cbc', noble: (key, iv, data) => cbc(key, iv, { disablePadding: true }).encrypt(data) },
  { mode: 'CFB', number: BlockCipherMode.CFB, ivLength: 16, node: 'aes-256-cfb', noble: (key, iv, data) => cfb(key, iv).encrypt(data) },
  { mode: 'OFB', number: BlockCipherMode.OFB, ivLength: 16, node: 'aes-256-ofb', noble: undefined },
  { mode: 'CTR', number: BlockCipherMode.CTR, ivLength: 16, node: 'aes-256-ctr', noble: (key, iv, data) => ctr(key, iv).encrypt(data) },
  { mode: 'GCM', number: BlockCipherMode.GCM, ivLength: 12, node: 'aes-256-gcm', noble: (key, iv, data) => gcm(key, iv).encrypt(data).subarray(0, data.length) },
];

const bytes = (length: number, seed: number): Uint8Array => Uint8Array.from({ length }, (_, index) => (index * 131 + seed * 89 + 7) & 255);
const none = new Uint8Array();

function nodeEncrypt(name: string, key: Uint8Array, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const cipher = createCipheriv(name as 'aes-256-gcm', key, iv.length === 0 ? null! : iv);
  if (!name.endsWith('gcm')) cipher.setAutoPadding(false);
  const output = cipher.update(data);
  cipher.final();
  if (name.endsWith('gcm')) cipher.getAuthTag();
  return output;
}

export async function coreBench(smoke: boolean): Promise<BenchReport> {
  const build = chooseCoreBuild();
  const core = new CoreCrypto(instantiateCore(compileCore(build)));
  const sizes = smoke ? [16, 1024] : [16, 256, 1024, 4096, 16384, 65536];
  const rows: Row[] = [];
  for (const { mode, number, ivLength, node, noble } of cases) {
    for (const size of sizes) {
      const [key, iv, data] = [bytes(32, 1), bytes(ivLength, 2), bytes(size, 3)];
      const parameters = { mode: number, padding: PaddingMethod.None, tagLength: 16 } as const;
      const expected = Buffer.from(nodeEncrypt(node, key, iv, data));
      assert.deepEqual(Buffer.from(core.encrypt(key, parameters, iv, none, data).data), expected);
      const bench = new Bench({ time: smoke ? 20 : 300, warmupTime: smoke ? 20 : 200 })
        .add('core', () => void core.encrypt(key, parameters, iv, none, data))
        .add('node', () => void nodeEncrypt(node, key, iv, data));
      if (noble !== undefined) {
        assert.deepEqual(Buffer.from(noble(key, iv, data)), expected);
        bench.add('noble', () => void noble(key, iv, data));
      }
      await bench.run();
      const nanoseconds = (name: string): number => {
        const result = bench.getTask(name)?.result as { latency?: { p50: number } } | undefined;
        return result?.latency === undefined ? Number.NaN : result.latency.p50 * 1e6;
      };
      const [coreTime, nodeTime, nobleTime] = ['core', 'node', 'noble'].map(nanoseconds) as [number, number, number];
      rows.push({
        mode,
        bytes: size,
        'core ns': Math.round(coreTime),
        'node:crypto ns': Math.round(nodeTime),
        'noble ns': Number.isNaN(nobleTime) ? '-' : Math.round(nobleTime),
        'core / node speed': round(nodeTime / coreTime),
        'core / noble speed': Number.isNaN(nobleTime) ? '-' : round(nobleTime / coreTime),
      });
    }
  }
  return {
    name: 'core',
    question: 'which one-shot sizes should the core answer itself (AES-256 encrypt, key given as bytes, one thread)',
    rows,
    notes: [`core build: ${build}; key schedule included in every figure; outputs checked against node:crypto`],
  };
}
