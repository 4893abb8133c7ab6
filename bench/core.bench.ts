/**
 * The AES core beside its rivals, AES-256, one thread: native OpenSSL without AES instructions (the fair one), node:crypto with them,
 * @noble/ciphers.
 *
 * Decides: whether a change to the core stays, which sizes it should answer itself, and whether the accelerator chooses well.
 * Each cipher's output is compared with node:crypto's before it is timed. Ratios come from calls that took turns (core-rounds.ts),
 * and are judged by core-floors.ts; the table of one-shot calls is tinybench's medians.
 */
import assert from 'node:assert/strict';
import os from 'node:os';
import { cbc, cfb, ctr, ecb, gcm } from '@noble/ciphers/aes.js';
import { Bench } from 'tinybench';
import { PADDING_NONE } from '../core/abi.ts';
import { AcceleratedCrypto, uniformCrossovers } from '../src/wasm/accelerator.ts';
import type { Ciphers, Crossovers } from '../src/wasm/accelerator.ts';
import { CoreCrypto } from '../src/wasm/crypto.ts';
import { measureCrossovers } from '../src/wasm/crossover.ts';
import { chooseCoreBuild, compileCore, instantiateCore } from '../src/wasm/load.ts';
import type { CoreBuild } from '../src/wasm/load.ts';
import { acceleratorName, coreFloors, openSslKernels, openSslName, openSslSizes, slotKernels, slotLeast, slotName, timingName } from './core-floors.ts';
import { LoadedCore, kernelOf, key, nativeDecrypt, nativeEncrypt, none, patterned } from './core-kernels.ts';
import type { Kernel } from './core-kernels.ts';
import { openSslMissing, openSslSpeed, openSslVersion } from './core-openssl.ts';
import { medians, middle } from './core-rounds.ts';
import { leakBound, timingOf, timingTargets } from './core-timing.ts';
import { judge } from './floors.ts';
import { round } from './report.ts';
import type { BenchReport, Row } from './report.ts';

type Ratios = Map<string, number>;

const acceleratorSizes = [16, 64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 4096, 16384, 65536];

const noble: Readonly<Record<string, (iv: Uint8Array, data: Uint8Array) => Uint8Array>> = {
  'ECB encrypt': (_iv, data) => ecb(key, { disablePadding: true }).encrypt(data),
  'CBC encrypt': (iv, data) => cbc(key, iv, { disablePadding: true }).encrypt(data),
  'CFB encrypt': (iv, data) => cfb(key, iv).encrypt(data),
  'CTR encrypt': (iv, data) => ctr(key, iv).encrypt(data),
  'GCM encrypt': (iv, data) => gcm(key, iv).encrypt(data).subarray(0, data.length),
};

/** Bytes a second of both builds and of OpenSSL, in rounds of all three. */
function besideOpenSsl(smoke: boolean, ratios: Ratios): Row[] {
  const builds: readonly CoreBuild[] = ['relaxed', 'strict'];
  const cores = builds.map((build) => new LoadedCore(build));
  const rounds = smoke ? 1 : 3;
  const rows: Row[] = [];
  for (const name of openSslKernels) {
    for (const bytes of smoke ? openSslSizes.slice(0, 1) : openSslSizes) {
      const kernel = kernelOf(name);
      const calls = cores.map((core) => core.inPlace(kernel, bytes));
      const speeds = Array.from({ length: rounds }, () => {
        const before = medians(calls, smoke ? 100 : 300);
        const rival = openSslSpeed(name, bytes);
        const after = medians(calls, smoke ? 100 : 300);
        return { rival, ours: before.map((time, index) => (bytes * 1e9) / ((time + after[index]!) / 2)) };
      });
      const ratio = (index: number): number => middle(speeds.map(({ ours, rival }) => ours[index]! / rival));
      builds.forEach((build, index) => ratios.set(openSslName(name, bytes, build), ratio(index)));
      const megabytes = (values: readonly number[]): number => Math.round(middle(values) / 1e6);
      rows.push({
        kernel: name, bytes,
        'relaxed MB/s': megabytes(speeds.map(({ ours }) => ours[0]!)), 'strict MB/s': megabytes(speeds.map(({ ours }) => ours[1]!)), 'OpenSSL MB/s': megabytes(speeds.map(({ rival }) => rival)),
        'relaxed / OpenSSL': round(ratio(0)), 'strict / OpenSSL': round(ratio(1)),
      });
    }
  }
  return rows;
}

/** One call with the key slot loaded, bytes in and out of linear memory included, beside node:crypto's one-shot. */
function besideNative(smoke: boolean, build: CoreBuild, ratios: Ratios): Row[] {
  const core = new LoadedCore(build);
  const rows: Row[] = [];
  for (const name of slotKernels) {
    for (const bytes of slotLeast.keys()) {
      const kernel = kernelOf(name);
      const sealed = nativeEncrypt(kernel, patterned(bytes, 3));
      const plain = patterned(bytes, 3);
      const native = kernel.decrypts ? () => void nativeDecrypt(kernel, sealed) : () => void nativeEncrypt(kernel, plain);
      const [ours, rival] = medians([core.throughMemory(kernel, bytes), native], smoke ? 60 : 600) as [number, number];
      ratios.set(slotName(name, bytes), rival / ours);
      rows.push({ kernel: name, bytes, 'core ns': Math.round(ours), 'node:crypto ns': Math.round(rival), 'core / node speed': round(rival / ours) });
    }
  }
  return rows;
}

function oneShot(ciphers: Ciphers, { mode, iv, decrypts }: Kernel, data: Uint8Array): () => void {
  const parameters = { mode, padding: PADDING_NONE, tagLength: 16 } as const;
  if (!decrypts) return () => void ciphers.encrypt(key, parameters, iv, none, data);
  const sealed = ciphers.encrypt(key, parameters, iv, none, data);
  return () => void ciphers.decrypt(key, parameters, iv, none, sealed.data, sealed.mac);
}

/** The accelerator, with crossovers as a node measures them when it starts, beside the core alone and node:crypto alone. */
function besideBoth(smoke: boolean, core: CoreCrypto, crossovers: Crossovers, ratios: Ratios): Row[] {
  const native = new AcceleratedCrypto(core, uniformCrossovers(0));
  const auto = new AcceleratedCrypto(core, crossovers);
  const rows: Row[] = [];
  for (const name of slotKernels) {
    const kernel = kernelOf(name);
    let worst = Infinity;
    let worstBytes = 0;
    for (const bytes of smoke ? [16, 1024] : acceleratorSizes) {
      const data = patterned(bytes, 3);
      const calls = [core, native, auto].map((ciphers) => oneShot(ciphers, kernel, data));
      // The least of many ratios is the most disturbed one, so each is the middle of three.
      const ratio = middle(Array.from({ length: smoke ? 1 : 3 }, () => {
        const [coreTime, nativeTime, autoTime] = medians(calls, smoke ? 40 : 120) as [number, number, number];
        return Math.min(coreTime, nativeTime) / autoTime;
      }));
      if (ratio >= worst) continue;
      worst = ratio;
      worstBytes = bytes;
    }
    ratios.set(acceleratorName(name), worst);
    rows.push({ kernel: name, 'crossover B': crossovers[kernel.mode][kernel.decrypts ? 'decrypt' : 'encrypt'], 'least auto / better': round(worst), 'at B': worstBytes });
  }
  return rows;
}

/** Welch's t between a fixed secret and others; the middle of three. */
function timing(smoke: boolean, ratios: Ratios): Row[] {
  const samples = smoke ? 2000 : 30_000;
  return (['relaxed', 'strict'] as const).flatMap((build) =>
    timingTargets(build).map((target) => {
      const t = middle(Array.from({ length: 3 }, () => Math.abs(timingOf(target, samples))));
      ratios.set(timingName(target.name, build), leakBound / t);
      return { target: target.name, build, samples, '|t|': round(t, 1), bound: leakBound };
    }),
  );
}

/** Key given as bytes, key schedule included. */
async function oneShotTable(smoke: boolean, core: CoreCrypto): Promise<Row[]> {
  const rows: Row[] = [];
  for (const name of ['ECB encrypt', 'CBC encrypt', 'CFB encrypt', 'OFB encrypt', 'CTR encrypt', 'GCM encrypt']) {
    const kernel = kernelOf(name);
    for (const bytes of smoke ? [16, 1024] : [16, 256, 1024, 4096, 16384, 65536]) {
      const data = patterned(bytes, 3);
      const expected = Buffer.from(nativeEncrypt(kernel, data).data);
      assert.deepEqual(Buffer.from(core.encrypt(key, { mode: kernel.mode, padding: PADDING_NONE, tagLength: 16 }, kernel.iv, none, data).data), expected);
      const bench = new Bench({ time: smoke ? 20 : 200, warmupTime: smoke ? 20 : 150 })
        .add('core', oneShot(core, kernel, data))
        .add('node', () => void nativeEncrypt(kernel, data));
      const third = noble[name];
      if (third !== undefined) {
        assert.deepEqual(Buffer.from(third(kernel.iv, data)), expected);
        bench.add('noble', () => void third(kernel.iv, data));
      }
      await bench.run();
      const nanoseconds = (task: string): number => {
        const result = bench.getTask(task)?.result as { latency?: { p50: number } } | undefined;
        return result?.latency === undefined ? Number.NaN : result.latency.p50 * 1e6;
      };
      const [coreTime, nodeTime, nobleTime] = ['core', 'node', 'noble'].map(nanoseconds) as [number, number, number];
      rows.push({
        kernel: name, bytes,
        'core ns': Math.round(coreTime), 'node:crypto ns': Math.round(nodeTime), 'noble ns': Number.isNaN(nobleTime) ? '-' : Math.round(nobleTime),
        'core / node speed': round(nodeTime / coreTime), 'core / noble speed': Number.isNaN(nobleTime) ? '-' : round(nobleTime / coreTime),
      });
    }
  }
  return rows;
}

export async function coreBench(smoke: boolean): Promise<BenchReport> {
  const build = chooseCoreBuild();
  const module = compileCore(build);
  const crossovers = measureCrossovers(module, () => performance.now());
  const core = new CoreCrypto(instantiateCore(module));
  const ratios: Ratios = new Map();
  const load = os.loadavg()[0]!;
  const missing = openSslMissing();
  const sections = [
    ...(missing === undefined ? [{ title: 'key loaded, text in place, beside OpenSSL without AES instructions', rows: besideOpenSsl(smoke, ratios) }] : []),
    { title: 'key loaded, bytes in and out, beside a whole one-shot call of node:crypto', rows: besideNative(smoke, build, ratios) },
    { title: '--crypto auto beside the better of core and node:crypto, over all sizes', rows: besideBoth(smoke, core, crossovers, ratios) },
    { title: "does time tell a fixed secret from others: Welch's t", rows: timing(smoke, ratios) },
  ];
  const rows = await oneShotTable(smoke, core);
  return {
    name: 'core',
    question: 'what each mode costs (AES-256, key given as bytes, one thread)',
    rows,
    sections,
    floors: judge(coreFloors, ratios),
    notes: [
      `core build: ${build}; key schedule included in the table of one-shot calls; outputs checked against node:crypto`,
      missing === undefined ? `rival: ${openSslVersion()}, AES and carry-less multiplication instructions off, user time` : `OpenSSL was not measured: ${missing}`,
      `load of the machine: ${round(load)} before, ${round(os.loadavg()[0]!)} after, on ${os.cpus().length} processors`,
    ],
  };
}
