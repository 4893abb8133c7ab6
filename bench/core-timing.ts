/**
 * Does time tell secrets apart? After dudect (O. Reparaz, J. Balasch, I. Verbauwhede, DATE 2017): the same call on two classes of
 * secrets, one fixed and one random, in random order; then Welch's t-test on the times. A leak grows with the square root of the
 * samples, noise does not.
 *
 * Invariant: everything but the class is alike: both are copied from a pool of equal size into the same place before the clock
 * starts. The lint (test/core/lint.test.ts) is what proves; this would see what the lint cannot: the engine and the processor.
 */
import { FORM_BITSLICE_DECRYPT, FORM_BITSLICE_ENCRYPT, FORM_GHASH, FORM_VECTOR_DECRYPT, FORM_VECTOR_ENCRYPT, KEY_AREA_ALIGN, KEY_AREA_BYTES, MODE_CBC, MODE_ECB, MODE_GCM, PADDING_NONE, PADDING_PKCS5 } from '../core/abi.ts';
import { compileCore, instantiateCore } from '../src/wasm/load.ts';
import type { CoreBuild } from '../src/wasm/load.ts';
import { quantile } from './report.ts';

/** |t| above which dudect speaks of a leak beyond doubt; 4.5 is where it begins to suspect one. */
export const leakBound = 10;

const poolSize = 64;
const textBytes = 256;
/** Calls a sample: enough for the clock, few enough that an interrupt spoils few samples. */
const callsPerSample = 4;
/** Slower samples are interrupts and the collector, not the call: they are left out, of both classes by one bound. */
const keptShare = 0.9;

export interface TimingTarget {
  readonly name: string;
  /** One secret of class 0 (fixed) or 1 (varying). */
  secret(group: 0 | 1): Uint8Array;
  /** Puts a secret in its place; not timed. */
  lay(secret: Uint8Array): void;
  run(): void;
}

/** t of the two classes' mean times. */
export function welch(samples: readonly [readonly number[], readonly number[]]): number {
  const bound = quantile(Float64Array.from([...samples[0], ...samples[1]]).sort(), keptShare);
  const [first, second] = samples.map((group) => {
    const kept = group.filter((time) => time <= bound);
    const mean = kept.reduce((sum, time) => sum + time, 0) / kept.length;
    const variance = kept.reduce((sum, time) => sum + (time - mean) ** 2, 0) / (kept.length - 1);
    return { mean, error: variance / kept.length };
  }) as [{ mean: number; error: number }, { mean: number; error: number }];
  return (first.mean - second.mean) / Math.sqrt(first.error + second.error);
}

/** t after so many samples. */
export function timingOf(target: TimingTarget, count: number): number {
  const pools = ([0, 1] as const).map((group) => Array.from({ length: poolSize }, () => target.secret(group)));
  const samples: [number[], number[]] = [[], []];
  const groups = crypto.getRandomValues(new Uint8Array(65536));
  const warmUp = Math.min(2000, count);
  for (let index = -warmUp; index < count; index += 1) {
    const group = (groups[index & 65535]! & 1) as 0 | 1;
    target.lay(pools[group]![index & (poolSize - 1)]!);
    const start = performance.now();
    for (let call = 0; call < callsPerSample; call += 1) target.run();
    const time = performance.now() - start;
    if (index >= 0) samples[group].push(time);
  }
  return welch(samples);
}

function randomBytes(length: number): Uint8Array {
  return crypto.getRandomValues(new Uint8Array(length));
}

/** The kinds of work that touch secrets: each technique, key schedules, padding, macs. */
export function timingTargets(build: CoreBuild): TimingTarget[] {
  const core = instantiateCore(compileCore(build)).exports;
  const reserve = (length: number): number => core.reserve(length, KEY_AREA_ALIGN);
  // The schedules that are timed have an area of their own: the other targets rest on the key of zeros.
  const [area, timedArea, key, iv, text, output, mac] = [reserve(KEY_AREA_BYTES), reserve(KEY_AREA_BYTES), reserve(32), reserve(16), reserve(textBytes), reserve(textBytes + 32), reserve(16)] as const;
  const memory = new Uint8Array(core.memory.buffer);
  const forms = FORM_VECTOR_ENCRYPT | FORM_VECTOR_DECRYPT | FORM_BITSLICE_ENCRYPT | FORM_BITSLICE_DECRYPT | FORM_GHASH;
  core.prepareKey(area, key, 32);
  core.requireForms(area, forms);

  /** By secret: the plaintext, or the ciphertext that stands for it. */
  const ofText = (name: string, length: number, run: () => void): TimingTarget => ({
    name, run,
    secret: (group) => (group === 0 ? new Uint8Array(length) : randomBytes(length)),
    lay: (secret) => memory.set(secret, text),
  });
  const encrypt = (mode: number, length: number) => () => void core.encryptOnce(area, mode, PADDING_NONE, 16, iv, mode === MODE_GCM ? 12 : 16, 0, 0, text, length, output, mac);
  const decrypt = (mode: number, length: number, padding = PADDING_NONE) => () => void core.decryptOnce(area, mode, padding, 16, iv, mode === MODE_GCM ? 12 : 16, 0, 0, text, length, output, mac);

  /** Ciphertext whose plaintext ends in the given block. */
  const sealedBlock = (block: Uint8Array): Uint8Array => {
    memory.set(block, text);
    core.encryptOnce(area, MODE_ECB, PADDING_NONE, 16, iv, 16, 0, 0, text, 16, output, mac);
    return memory.slice(output, output + 16);
  };
  /** 16 bytes of padding, right but for one byte. */
  const paddingWrongAt = (position: number): Uint8Array => sealedBlock(Uint8Array.from({ length: 16 }, (_, index) => (index === position ? 99 : 16)));

  const tagged = (): Uint8Array => {
    memory.fill(0, text, text + 64);
    core.encryptOnce(area, MODE_GCM, PADDING_NONE, 16, iv, 12, 0, 0, text, 64, output, mac);
    return memory.slice(mac, mac + 16);
  };
  const rightMac = tagged();
  const sealedText = memory.slice(output, output + 64);

  return [
    ofText('one block, vector permute', 16, encrypt(MODE_ECB, 16)),
    ofText('sixteen blocks, bitsliced', 256, encrypt(MODE_ECB, 256)),
    ofText('sixteen blocks, bitsliced inverse', 256, decrypt(MODE_ECB, 256)),
    ofText('CBC encryption', 64, encrypt(MODE_CBC, 64)),
    ofText('GCM encryption', 100, encrypt(MODE_GCM, 100)),
    {
      name: 'key schedule and all its forms',
      secret: (group) => (group === 0 ? new Uint8Array(32) : randomBytes(32)),
      lay: (secret) => memory.set(secret, key),
      run: () => {
        core.prepareKey(timedArea, key, 32);
        core.requireForms(timedArea, forms);
      },
    },
    {
      name: 'padding, wrong at the first or at some byte',
      secret: (group) => paddingWrongAt(group === 0 ? 0 : 1 + (randomBytes(1)[0]! % 14)),
      lay: (secret) => memory.set(secret, text),
      run: decrypt(MODE_ECB, 16, PADDING_PKCS5),
    },
    {
      name: 'mac, wrong at the first or at some byte',
      secret: (group) => Uint8Array.from(rightMac, (byte, index) => (index === (group === 0 ? 0 : 15) ? byte ^ 1 : byte)),
      lay: (secret) => {
        memory.set(sealedText, text);
        memory.set(secret, mac);
      },
      run: decrypt(MODE_GCM, 64),
    },
  ];
}

/** A comparison that stops at the first difference: what the method has to find, or it finds nothing. */
export function leakingTarget(): TimingTarget {
  const right = randomBytes(256);
  let given = new Uint8Array(256);
  let differences = 0;
  return {
    name: 'a comparison that stops early',
    secret: (group) => (group === 0 ? Uint8Array.from(right) : Uint8Array.from(right, (byte, index) => (index === 16 ? byte ^ 1 : byte))),
    lay: (secret) => { given = Uint8Array.from(secret); },
    run: () => {
      for (let index = 0; index < 256; index += 1) {
        if (given[index] === right[index]) continue;
        differences += 1;
        break;
      }
    },
  };
}
