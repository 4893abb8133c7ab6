// Measures, when a node starts, from how many bytes on node:crypto beats the core, for each mode and direction. Role: the one
// number that the accelerator needs, found on the machine that will use it: it differs by ten times between processors
// with and without AES instructions. Invariants: it takes a set time at most; a disturbed measurement costs
// speed only, since both sides give the same bytes.
//
// Both are called as the server calls them: key, IV and data as bytes, key schedule included. Samples of both interleave, and
// the lower quartile of each counts: a busy machine only makes a sample longer.

import { MODE_GCM, PADDING_NONE } from '../../core/abi.ts';
import { AcceleratedCrypto, cipherModes, uniformCrossovers } from './accelerator.ts';
import type { Ciphers, Crossover, Crossovers } from './accelerator.ts';
import { CoreCrypto } from './crypto.ts';
import type { CipherMode } from './crypto.ts';
import { instantiateCore } from './load.ts';

/** The crossover of nearly every mode lies between the first and the last. */
const sizes = [128, 256, 512, 1024, 2048, 4096] as const;
/** Calls of each size before any is timed: V8 has compiled the kernels at its best by then. */
const warmUpRounds = 60;
const timedRounds = 31;
/** At most about this long; a mode that is not measured by then keeps the default. */
const budgetMs = 250;

/** Of x86-64 with AES instructions (bench/results/core.json). */
export const defaultCrossovers: Crossovers = { ...uniformCrossovers(512), 4: { encrypt: 512, decrypt: 2048 } };

export type Direction = keyof Crossover;
const directions: readonly Direction[] = ['encrypt', 'decrypt'];

/** `core`: seconds or any unit that both share, by size; ascending sizes. */
export interface Timing {
  readonly bytes: number;
  readonly core: number;
  readonly native: number;
}

/** `monotonic`: milliseconds with fractions. */
export function measureCrossovers(core: WebAssembly.Module, monotonic: () => number): Crossovers {
  const wasm = new CoreCrypto(instantiateCore(core));
  const native = new AcceleratedCrypto(wasm, uniformCrossovers(0));
  const end = monotonic() + budgetMs;
  const series = cipherModes.flatMap((mode) => directions.map((direction) => ({ mode, direction, calls: callsOf(wasm, native, mode, direction) })));
  // All are warm before one is timed, so that the compiler's own threads have had their time.
  for (const { calls } of series) {
    for (let round = 0; round < warmUpRounds; round += 1) for (const call of calls) [call.core(), call.native()];
  }
  const measured = structuredClone(defaultCrossovers) as Record<CipherMode, Record<Direction, number>>;
  for (const { mode, direction, calls } of series) {
    if (monotonic() > end) break;
    measured[mode][direction] = crossoverOf(timed(calls, monotonic));
  }
  return measured;
}

interface Calls {
  readonly bytes: number;
  core(): void;
  native(): void;
}

function callsOf(wasm: Ciphers, native: Ciphers, mode: CipherMode, direction: Direction): readonly Calls[] {
  const key = new Uint8Array(32);
  const aad = new Uint8Array(0);
  const iv = new Uint8Array(mode === MODE_GCM ? 12 : 16);
  const parameters = { mode, padding: PADDING_NONE, tagLength: 16 } as const;
  return sizes.map((bytes) => {
    const data = new Uint8Array(bytes);
    const { mac } = wasm.encrypt(key, parameters, iv, aad, data);
    const call = (ciphers: Ciphers) => (): void => {
      if (direction === 'encrypt') ciphers.encrypt(key, parameters, iv, aad, data);
      else ciphers.decrypt(key, parameters, iv, aad, sealed, mac);
    };
    const sealed = wasm.encrypt(key, parameters, iv, aad, data).data;
    return { bytes, core: call(wasm), native: call(native) };
  });
}

function timed(calls: readonly Calls[], monotonic: () => number): readonly Timing[] {
  const samples = calls.map(() => ({ core: new Float64Array(timedRounds), native: new Float64Array(timedRounds) }));
  for (let round = 0; round < timedRounds; round += 1) {
    calls.forEach((call, index) => {
      const start = monotonic();
      call.core();
      const between = monotonic();
      call.native();
      samples[index]!.core[round] = between - start;
      samples[index]!.native[round] = monotonic() - between;
    });
  }
  const quartile = (values: Float64Array): number => values.sort()[timedRounds >> 2]!;
  return samples.map(({ core, native }, index) => ({ bytes: calls[index]!.bytes, core: quartile(core), native: quartile(native) }));
}

/**
 * Where node:crypto begins to win for good: the gain, a line between neighbouring sizes, read from the long end. Infinity where
 * it does not win at the longest; the shortest size where it wins everywhere.
 */
export function crossoverOf(timings: readonly Timing[]): number {
  let crossover = Infinity;
  for (let index = timings.length - 1; index >= 0; index -= 1) {
    const { bytes, core, native } = timings[index]!;
    if (core > native) {
      crossover = bytes;
      continue;
    }
    const longer = timings[index + 1];
    if (longer === undefined) return Infinity;
    const [loss, gain] = [native - core, longer.core - longer.native];
    return Math.round(bytes + ((longer.bytes - bytes) * loss) / (loss + gain));
  }
  return crossover;
}
