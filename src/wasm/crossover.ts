// Finds, when a node starts, from how many bytes on node:crypto beats the core, for each mode and direction. Role: the one
// number that the accelerator needs, checked on the machine that will use it: it differs by ten times between processors
// with and without AES instructions. Invariants: it takes a set time at most; a disturbed measurement costs
// speed only, since both sides give the same bytes.
//
// Where the two meet cannot be measured in the tenth of a second that a start has: what a call of node:crypto costs before
// it touches a byte shows only when its garbage is collected, and half of the true length comes out. What can, within some percent and on
// a busy machine too, is the speed of the two with long data. So the lengths are a table, measured at leisure, and a start
// asks whether the processor is one of the table's kind.

import { MODE_CBC, MODE_CFB, MODE_CTR, MODE_ECB, MODE_GCM, MODE_OFB, PADDING_NONE } from '../../core/abi.ts';
import { AcceleratedCrypto, cipherModes, uniformCrossovers } from './accelerator.ts';
import type { Ciphers, Crossover, Crossovers } from './accelerator.ts';
import { CoreCrypto } from './crypto.ts';
import type { CipherMode } from './crypto.ts';
import { instantiateCore } from './load.ts';

/** So long that AES counts, and not the call around it. */
const sampleBytes = 16384;
const warmUpCalls = 8;
/** Core and node:crypto take turns; the middle of the turns' ratios decides. */
const turns = 31;
/** At most about this long; a mode that is not measured by then keeps the table's crossover. */
const budgetMs = 250;
/** How much more than the table's its share may be on a processor of the table's kind. */
const shareTolerance = 1.25;

/** `bytes`: from where on node:crypto is sooner done. `share`: its time with the sample's length, as a share of the core's. */
export interface KnownCrossover {
  readonly bytes: number;
  readonly share: number;
}

/** Of x86-64 with AES instructions: where 120 ms of turns at each of 16 lengths meet. OpenSSL decrypts CFB block by block. */
const knownCrossovers: Readonly<Record<CipherMode, Readonly<Record<keyof Crossover, KnownCrossover>>>> = {
  [MODE_ECB]: { encrypt: { bytes: 768, share: 0.4 }, decrypt: { bytes: 768, share: 0.4 } },
  [MODE_CBC]: { encrypt: { bytes: 528, share: 0.41 }, decrypt: { bytes: 752, share: 0.43 } },
  [MODE_CFB]: { encrypt: { bytes: 576, share: 0.52 }, decrypt: { bytes: 1840, share: 1 } },
  [MODE_OFB]: { encrypt: { bytes: 528, share: 0.44 }, decrypt: { bytes: 560, share: 0.44 } },
  [MODE_CTR]: { encrypt: { bytes: 896, share: 0.51 }, decrypt: { bytes: 880, share: 0.52 } },
  [MODE_GCM]: { encrypt: { bytes: 832, share: 0.41 }, decrypt: { bytes: 608, share: 0.4 } },
};

export type Direction = keyof Crossover;
const directions: readonly Direction[] = ['encrypt', 'decrypt'];

/** `monotonic`: milliseconds with fractions. */
export function measureCrossovers(core: WebAssembly.Module, monotonic: () => number): Crossovers {
  const wasm = new CoreCrypto(instantiateCore(core));
  const native = new AcceleratedCrypto(wasm, uniformCrossovers(0));
  const end = monotonic() + budgetMs;
  const crossover = (mode: CipherMode, direction: Direction): number => {
    const known = knownCrossovers[mode][direction];
    return monotonic() > end ? known.bytes : crossoverFor(known, nativeShare(callsOf(wasm, native, mode, direction), monotonic));
  };
  const measured = cipherModes.map((mode) => [mode, Object.fromEntries(directions.map((direction) => [direction, crossover(mode, direction)]))]);
  return Object.fromEntries(measured) as Crossovers;
}

/**
 * The known crossover where node:crypto's share is what it was there. Where it is more, a byte gains less, and it takes more of them to
 * make up for what a call costs; Infinity where a byte gains nothing.
 */
export function crossoverFor(known: KnownCrossover, share: number): number {
  if (share <= known.share * shareTolerance) return known.bytes;
  return share < 1 ? Math.round((known.bytes * (1 - known.share)) / (1 - share)) : Infinity;
}

export interface Calls {
  core(): void;
  native(): void;
}

function callsOf(wasm: Ciphers, native: Ciphers, mode: CipherMode, direction: Direction): Calls {
  const key = new Uint8Array(32);
  const aad = new Uint8Array(0);
  const iv = new Uint8Array(mode === MODE_GCM ? 12 : 16);
  const parameters = { mode, padding: PADDING_NONE, tagLength: 16 } as const;
  const data = new Uint8Array(sampleBytes);
  const sealed = wasm.encrypt(key, parameters, iv, aad, data);
  const call = (ciphers: Ciphers) => (): void => {
    if (direction === 'encrypt') ciphers.encrypt(key, parameters, iv, aad, data);
    else ciphers.decrypt(key, parameters, iv, aad, sealed.data, sealed.mac);
  };
  return { core: call(wasm), native: call(native) };
}

/** What node:crypto takes, as a share of what the core takes. */
export function nativeShare({ core, native }: Calls, monotonic: () => number): number {
  for (let call = 0; call < warmUpCalls; call += 1) [core(), native()];
  const shares = new Float64Array(turns);
  for (let turn = 0; turn < turns; turn += 1) {
    const start = monotonic();
    core();
    const between = monotonic();
    native();
    shares[turn] = (monotonic() - between) / (between - start);
  }
  return shares.sort()[turns >> 1]!;
}
