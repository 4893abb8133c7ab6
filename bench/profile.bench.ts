/**
 * Where a worker's processor time goes while it encrypts: self time summed by slice, from V8's profiler and, where Linux perf is
 * installed, from perf as well, which sees into OpenSSL and the kernel.
 *
 *     npm run bench:profile
 *
 * Decides: where a microsecond can still be saved. Encrypt, AES-256-GCM, 256 bytes, closed loop, connections kept; only what ran
 * while the load was measured counts. Profiling itself costs a few percent.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { runLoad } from '../src/client/load/load.ts';
import type { LoadResult } from '../src/client/load/load.ts';
import { defaultPlan } from '../src/client/load/plan.ts';
import { connectionOf } from './open-loop.ts';
import { processorSeconds } from './node-meter.ts';
import { startKmipd } from './peers.ts';
import type { Node } from './peers.ts';
import { perfSlice, profileSlice } from './profile-slices.ts';
import { round } from './report.ts';
import type { BenchReport, Row } from './report.ts';

interface Shape {
  readonly title: string;
  readonly connections: number;
  readonly pipeline: number;
}

const shapes: readonly Shape[] = [
  { title: '16 connections, one request on its way on each', connections: 16, pipeline: 1 },
  { title: '4 connections, 16 deep', connections: 4, pipeline: 16 },
];
const samplesPerSecond = 2000;

interface Loaded {
  readonly result: LoadResult;
  readonly processorUs: number;
  /** Microseconds of the monotonic clock. */
  readonly from: number;
  readonly until: number;
}

const monotonicUs = (): number => Number(process.hrtime.bigint() / 1000n);

/** Load, of which `during` may watch the measured part. */
async function loaded(node: Node, { connections, pipeline }: Shape, time: { warmupMs: number; durationMs: number }, during: () => void = () => undefined): Promise<Loaded> {
  let from = 0;
  let processorBefore = 0;
  let timer: NodeJS.Timeout | undefined;
  const result = await runLoad({ ...defaultPlan, rate: 0, connections, pipeline, checkEvery: 1000, ...time }, connectionOf(node), {
    onProgress: (progress) => {
      if (progress.kind === 'phase' && progress.phase === 'cleaning') clearTimeout(timer);
      if (progress.kind !== 'phase' || progress.phase !== 'running') return;
      timer = setTimeout(() => {
        from = monotonicUs();
        processorBefore = processorSeconds(node.pid);
        during();
        setTimeout(() => { processorBefore = processorSeconds(node.pid) - processorBefore; }, time.durationMs);
      }, time.warmupMs);
    },
  });
  if (Object.keys(result.failures).length > 0 || result.checks.wrong > 0) throw new Error(`the load did not go well: ${JSON.stringify(result.failures)}`);
  return { result, processorUs: (processorBefore * 1e6) / (result.messagesPerSecond * result.measuredSeconds), from, until: from + time.durationMs * 1000 };
}

type Sums = Map<string, number>;

const add = (sums: Sums, slice: string, amount: number): void => void sums.set(slice, (sums.get(slice) ?? 0) + amount);

interface Profile {
  readonly startTime: number;
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Microseconds by slice of one thread's profile, within the window. */
function sumProfile(profile: Profile, from: number, until: number): Sums {
  const slices = new Map(profile.nodes.map(({ id, callFrame }) => [id, profileSlice({ name: callFrame.functionName, place: callFrame.url })]));
  const sums: Sums = new Map();
  let now = profile.startTime;
  profile.samples.forEach((id, index) => {
    now += profile.timeDeltas[index]!;
    if (now >= from && now < until) add(sums, slices.get(id)!, profile.timeDeltas[index]!);
  });
  return sums;
}

const busy = (sums: Sums): number => [...sums].reduce((sum, [slice, amount]) => sum + (slice === 'waiting' ? 0 : amount), 0);

async function byV8(shape: Shape, time: { warmupMs: number; durationMs: number }): Promise<{ sums: Sums; run: Loaded }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kmipd-profile-'));
  try {
    const node = await startKmipd(1, undefined, { environment: { NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` } });
    const run = await loaded(node, shape, time).finally(() => node.stop());
    const threads = readdirSync(folder).filter((file) => file.endsWith('.cpuprofile')).map((file) => sumProfile(JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as Profile, run.from, run.until));
    const [sums] = threads.sort((left, right) => busy(right) - busy(left));
    if (sums === undefined || busy(sums) === 0) throw new Error('the server left no profile of its worker');
    return { sums, run };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Whether perf is here and may look at other processes. */
function hasPerf(): boolean {
  return spawnSync('perf', ['stat', '-p', String(process.pid), '--', 'true'], { stdio: 'ignore' }).status === 0;
}

async function byPerf(shape: Shape, time: { warmupMs: number; durationMs: number }): Promise<{ sums: Sums; run: Loaded }> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kmipd-perf-'));
  const data = path.join(folder, 'perf.data');
  const node = await startKmipd(1, undefined, { environment: { NODE_OPTIONS: '--perf-basic-prof' } });
  try {
    let recorded: Promise<unknown> = Promise.resolve();
    const run = await loaded(node, shape, time, () => {
      recorded = new Promise((resolve) => spawn('perf', ['record', '-q', '-F', String(samplesPerSecond), '-p', String(node.pid), '-o', data, '--', 'sleep', String(time.durationMs / 1000)], { stdio: 'ignore' }).once('exit', resolve));
    });
    await recorded;
    const text = execFileSync('perf', ['report', '-i', data, '--stdio', '-g', 'none', '--comm', 'kmipd-worker-0', '--sort', 'dso,symbol', '-t', '\t', '--percentage', 'relative'], { encoding: 'utf8', maxBuffer: 1 << 28, stdio: ['ignore', 'pipe', 'ignore'] });
    const sums: Sums = new Map();
    for (const line of text.split('\n')) {
      const [share, place, symbol] = line.split('\t').map((part) => part.trim());
      if (symbol === undefined || !share!.endsWith('%')) continue;
      add(sums, perfSlice({ name: symbol.replace(/^\[.\] /, ''), place: place! }), Number.parseFloat(share!));
    }
    return { sums, run };
  } finally {
    await node.stop();
    rmSync(folder, { recursive: true, force: true });
    rmSync(path.join(os.tmpdir(), `perf-${node.pid}.map`), { force: true });
  }
}

function rowsOf(sums: Sums, processorUs: number): Row[] {
  const whole = busy(sums);
  return [...sums].filter(([slice]) => slice !== 'waiting').sort(([, left], [, right]) => right - left)
    .map(([slice, amount]) => ({ slice, 'share of busy time': `${round((100 * amount) / whole, 1)} %`, 'µs a request': round((processorUs * amount) / whole) }));
}

export async function profileBench(smoke: boolean): Promise<BenchReport> {
  const time = smoke ? { warmupMs: 500, durationMs: 1000 } : { warmupMs: 4000, durationMs: 8000 };
  const sections: { title: string; rows: Row[] }[] = [];
  const rows: Row[] = [];
  const perf = hasPerf();
  for (const shape of smoke ? shapes.slice(0, 1) : shapes) {
    const v8 = await byV8(shape, time);
    sections.push({ title: `${shape.title}: by V8's profiler`, rows: rowsOf(v8.sums, v8.run.processorUs) });
    const native = perf ? await byPerf(shape, time) : undefined;
    if (native !== undefined) sections.push({ title: `${shape.title}: by perf`, rows: rowsOf(native.sums, native.run.processorUs) });
    for (const [profiler, each] of [['V8', v8], ['perf', native]] as const) {
      if (each !== undefined) rows.push({ shape: shape.title, profiler, 'requests a second': Math.round(each.run.result.messagesPerSecond), 'CPU µs a request': round(each.run.processorUs, 1) });
    }
  }
  return {
    name: 'profile',
    question: 'where a worker\'s time goes under Encrypt (AES-256-GCM, 256 bytes, closed loop)',
    rows,
    sections,
    notes: [
      'self time of the worker thread while the load was measured; µs a request: that share of the whole process\'s processor time',
      ...(perf ? [] : ['perf is not installed or not allowed here: OpenSSL, libuv and the kernel are not told apart']),
      'the generator shares the machine and its processors',
    ],
  };
}
