// Both builds of the core for the tests of test/core. Role: every suite runs once a build, and each build gives fresh
// instances, which stand for the workers of a server. Numbers come from a seeded generator, so a failure can be had again.

import type { CoreBuild, CoreInstance } from '../../src/wasm/load.ts';
import { compileCore, instantiateCore } from '../../src/wasm/load.ts';
import { CoreCrypto } from '../../src/wasm/crypto.ts';
import type { CipherMode, CipherParameters } from '../../src/wasm/crypto.ts';
import {
  MODE_CBC, MODE_CFB, MODE_CTR, MODE_ECB, MODE_GCM, MODE_OFB, PADDING_NONE, PADDING_PKCS5,
} from '../../core/abi.ts';

export interface CoreUnderTest {
  readonly build: CoreBuild;
  instance(): CoreInstance;
  crypto(): CoreCrypto;
}

export const cores: readonly CoreUnderTest[] = (['relaxed', 'strict'] as const).map((build) => {
  const module = compileCore(build);
  return { build, instance: () => instantiateCore(module), crypto: () => new CoreCrypto(instantiateCore(module)) };
});

/** node:crypto's names of the modes. */
export const modes: readonly { readonly name: string; readonly mode: CipherMode }[] = [
  { name: 'ecb', mode: MODE_ECB }, { name: 'cbc', mode: MODE_CBC }, { name: 'cfb', mode: MODE_CFB },
  { name: 'ofb', mode: MODE_OFB }, { name: 'ctr', mode: MODE_CTR }, { name: 'gcm', mode: MODE_GCM },
];

export const empty = new Uint8Array(0);

export function parametersOf(mode: CipherMode, padded = false, tagLength = 16): CipherParameters {
  return { mode, padding: padded ? PADDING_PKCS5 : PADDING_NONE, tagLength };
}

export function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

export function toHex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
}

export interface RandomSource {
  /** A whole number from 0 to limit - 1. */
  below(limit: number): number;
  bytes(length: number): Uint8Array;
}

/** mulberry32. */
export function seededRandom(seed: number): RandomSource {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return {
    below: (limit) => next() % limit,
    bytes: (length) => Uint8Array.from({ length }, () => next() & 0xff),
  };
}
