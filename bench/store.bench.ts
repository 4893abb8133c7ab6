/**
 * The store as it fills up, and how fast it takes in what is new: 1,000 to 1,000,000 named keys on disk.
 *
 * Decides: how many objects a node may hold (look-up, start-up, memory, disk), and what a Create with fsync costs alone and in
 * a group of 64. The rival of one connection's rate is the disk itself: one small write with fdatasync after another.
 */
import { createHash } from 'node:crypto';
import { closeSync, fdatasyncSync, mkdtempSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { writeRequest } from '../src/codec/message.ts';
import { NameType } from '../src/kmip/enums.ts';
import { locate } from '../src/operations/locate.ts';
import { closedLoop } from './closed-loop.ts';
import type { LoopResult, Target } from './closed-loop.ts';
import { judge } from './floors.ts';
import type { Floor } from './floors.ts';
import { startKmipd } from './peers.ts';
import { quantile, round } from './report.ts';
import type { BenchReport, Row } from './report.ts';
import { writerRates } from './writer-load.ts';
import type { WriterRates } from './writer-load.ts';
import { caller, createRequest, engineOver, fill, nameOf, openFolder, storeBytes } from './store-fill.ts';

const kibibyte = 1024;

const source = 'performance targets 6';
/** What has to hold: a bound and, in a name, what is compared with it, more being better. */
const bounds = {
  locateP99: { name: 'Locate by Name over mTLS among 1,000,000 objects: 2 ms to its p99', most: 2 },
  start: { name: 'start with 1,000,000 objects: 2 s to the time until ready', most: 2 },
  memory: { name: 'own memory per object at 1,000,000: 200 bytes to what it is', most: 200 },
  creates: { name: 'Create with fsync, 64 connections: requests a second to 3,000', least: 3000 },
  group: { name: 'Create with fsync over mTLS: 64 connections to 15 times 1 connection', least: 15 },
  groupInProcess: { name: 'Create with syncs 10 ms slower, in process: 64 at once to 15 times 1 at once', least: 15 },
} as const;
type Bound = { readonly name: string; readonly most?: number; readonly least?: number };
const floors: readonly Floor[] = Object.values(bounds).map(({ name }) => ({ name, least: 1, source }));

function named(number: number): Buffer {
  const attributes = [{ name: 'Name', value: { nameValue: nameOf(number), nameType: NameType.UninterpretedTextString } }];
  return Buffer.from(writeRequest(14, {}, [{ operation: locate.code, payload: { type: locate.request, value: { attributes } } }]));
}

/** Numbers below `count` in an order that no cache likes, the same in every run. */
function scattered(count: number): () => number {
  let seed = 12345;
  return () => {
    seed = (Math.imul(seed, 1103515245) + 12345) >>> 0;
    return Math.floor((seed / 2 ** 32) * count);
  };
}

const sortedTimes = (times: readonly number[]): Float64Array => Float64Array.from(times).sort();

/** A piece of work of about 50 microseconds that waits for nothing: what the machine does to its p99, it does to a look-up's. */
const workload = new Uint8Array(64 * kibibyte);

/** Look-ups on one thread without the network: a fetch, and a whole Locate message by Name. */
async function lookUps(folder: string, count: number, rounds: number): Promise<{ fetchUs: number; locateP50Us: number; locateP99Us: number; walkOneMs: number; openMs: number; workP50Us: number; workP99Us: number }> {
  const opening = performance.now();
  const { store } = await openFolder(folder);
  const openMs = performance.now() - opening;
  const engine = engineOver(store);
  const next = scattered(count);
  const identifiers: string[] = [];
  for await (const identifier of store.candidates(caller.scope, { terms: [] })) {
    identifiers.push(identifier);
    if (identifiers.length >= 20_000) break;
  }
  const [fetches, locates, works]: [number[], number[], number[]] = [[], [], []];
  for (let turn = -rounds / 4; turn < rounds; turn++) {
    const wanted = identifiers[next() % identifiers.length]!;
    const message = named(next());
    const began = performance.now();
    store.fetch(caller.scope, wanted);
    const fetched = performance.now();
    const executed = await engine.execute(message, caller, false);
    const located = performance.now();
    if (executed.needsPrimary || executed.items[0]?.reason !== 0 || executed.response.length < 100) throw new Error('Locate found nothing');
    const rested = performance.now();
    createHash('sha256').update(workload).digest();
    const worked = performance.now();
    if (turn < 0) continue;
    works.push((worked - rested) * 1000);
    fetches.push((fetched - began) * 1000);
    locates.push((located - fetched) * 1000);
  }
  const anyone = writeRequest(14, {}, [{ operation: locate.code, payload: { type: locate.request, value: { maximumItems: 1, attributes: [] } } }]);
  const began = performance.now();
  await engine.execute(anyone, caller, false);
  const walkOneMs = performance.now() - began;
  await store.close();
  const sorted = sortedTimes(locates);
  return { fetchUs: quantile(sortedTimes(fetches), 0.5), locateP50Us: quantile(sorted, 0.5), locateP99Us: quantile(sorted, 0.99), walkOneMs, openMs, workP50Us: quantile(sortedTimes(works), 0.5), workP99Us: quantile(sortedTimes(works), 0.99) };
}

function memoryOf(pid: number): { all: number; own: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * kibibyte;
  return { all: field('VmRSS'), own: field('RssAnon') };
}

/** A node on the folder: its start, its memory, and Locate by Name over mutual TLS. */
async function served(folder: string, count: number, smoke: boolean): Promise<{ startMs: number; idle: { all: number; own: number }; used: { all: number; own: number }; locate: LoopResult }> {
  const node = await startKmipd(1, folder);
  try {
    const idle = memoryOf(node.pid);
    const next = scattered(count);
    const time = smoke ? { milliseconds: 300, warmupMilliseconds: 200 } : { milliseconds: 4000, warmupMilliseconds: 2000 };
    const result = await closedLoop(node, () => named(next()), { connections: 1, ...time });
    return { startMs: node.startMilliseconds, idle, used: memoryOf(node.pid), locate: result };
  } finally {
    await node.stop();
  }
}

/** Syncs a second that the disk gives one writer after the other. */
function diskSyncs(milliseconds: number): number {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kmipd-sync-'));
  const file = openSync(path.join(folder, 'log'), 'w');
  const record = Buffer.alloc(2048, 0x5a);
  let count = 0;
  const began = performance.now();
  while (performance.now() - began < milliseconds) {
    writeSync(file, record);
    fdatasyncSync(file);
    count += 1;
  }
  const seconds = (performance.now() - began) / 1000;
  closeSync(file);
  rmSync(folder, { recursive: true });
  return count / seconds;
}

interface Writes {
  readonly one: LoopResult;
  readonly group: LoopResult;
  readonly syncs: number;
}

/** Creates with a Name each over 1 and 64 connections, and the bare disk, by turns. */
async function writes(node: Target, rounds: number, milliseconds: number): Promise<readonly Writes[]> {
  let made = 500_000_000;
  const pattern = createRequest(nameOf(made));
  const place = pattern.indexOf(nameOf(made));
  const next = (): Buffer => {
    made += 1;
    const request = Buffer.from(pattern);
    request.write(nameOf(made), place, 'latin1');
    return request;
  };
  const results: Writes[] = [];
  for (let turn = 0; turn < rounds; turn++) {
    results.push({
      syncs: diskSyncs(milliseconds / 4),
      one: await closedLoop(node, next, { connections: 1, milliseconds, warmupMilliseconds: milliseconds / 4 }),
      group: await closedLoop(node, next, { connections: 64, milliseconds, warmupMilliseconds: milliseconds / 4 }),
    });
  }
  return results;
}

export async function storeBench(smoke: boolean): Promise<BenchReport> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kmipd-store-'));
  const rows: Row[] = [];
  const ratios = new Map<string, number>();
  const add = (measure: string, objects: number, value: number, unit: string, bound?: Bound): void => {
    rows.push({ measure, objects, value: round(value, value < 100 ? 2 : 0), unit });
    // Smoke sizes say nothing about a million objects.
    if (bound !== undefined && !smoke) ratios.set(bound.name, bound.most === undefined ? value / bound.least! : bound.most / Math.max(value, bound.most / 1000));
  };
  try {
    const sizes = smoke ? [1000, 2000] : [1000, 10_000, 100_000, 1_000_000];
    const largest = sizes.at(-1)!;
    let filled = 0;
    let smallest: { count: number; idle: { all: number; own: number }; used: { all: number; own: number } } | undefined;
    for (const count of sizes) {
      const seconds = await fill(folder, filled, count);
      add('fill, in commits of 1000', count, (count - filled) / seconds, 'objects/s');
      filled = count;
      add('disk', count, storeBytes(folder) / count, 'bytes/object');
      const { fetchUs, locateP50Us, locateP99Us, walkOneMs, openMs, workP50Us, workP99Us } = await lookUps(folder, count, smoke ? 200 : 5000);
      add('opening the store alone', count, openMs, 'ms');
      add('fetch (read, open, decode), p50', count, fetchUs, 'µs');
      add('Locate by Name, in process, p50', count, locateP50Us, 'µs');
      add('Locate by Name, in process, p99', count, locateP99Us, 'µs');
      add('the machine alone (SHA-256 of 64 KiB by turns), p50', count, workP50Us, 'µs');
      add('the machine alone (SHA-256 of 64 KiB by turns), p99', count, workP99Us, 'µs');
      add('Locate, Maximum Items 1, no filter', count, walkOneMs, 'ms');
      const { startMs, idle, used, locate: located } = await served(folder, count, smoke);
      add('start until ready', count, startMs / 1000, 's', count === largest ? bounds.start : undefined);
      add('Locate by Name over mTLS, p50', count, located.p50Microseconds / 1000, 'ms');
      add('Locate by Name over mTLS, p99', count, located.p99Microseconds / 1000, 'ms', count === largest ? bounds.locateP99 : undefined);
      add('memory after start (own pages)', count, idle.own / kibibyte ** 2, 'MiB');
      add('memory after look-ups (own pages)', count, used.own / kibibyte ** 2, 'MiB');
      add('memory after look-ups (with mapped files)', count, used.all / kibibyte ** 2, 'MiB');
      if (smallest === undefined) smallest = { count, idle, used };
      else add(`own memory per object beyond ${smallest.count}`, count, (used.own - smallest.used.own) / (count - smallest.count), 'bytes', count === largest ? bounds.memory : undefined);
    }
    for (const syncDelayMs of [0, 10]) {
      const rates: WriterRates[] = [];
      for (let turn = 0; turn < (smoke ? 1 : 5); turn++) rates.push(await writerRates(folder, syncDelayMs, smoke ? 300 : 2000));
      const median = (pick: (each: WriterRates) => number): number => quantile(rates.map(pick).sort((left, right) => left - right), 0.5);
      const disk = syncDelayMs === 0 ? 'this disk' : `syncs ${syncDelayMs} ms slower`;
      add(`Create in process, ${disk}: 1 at once`, largest, median((each) => each.one), '1/s');
      add(`Create in process, ${disk}: 64 at once`, largest, median((each) => each.group), '1/s');
      add(`Create in process, ${disk}: 64 / 1`, largest, median((each) => each.group / each.one), 'times', syncDelayMs === 0 ? undefined : bounds.groupInProcess);
    }
    const node = await startKmipd(1, folder);
    const results = await writes(node, smoke ? 1 : 5, smoke ? 500 : 3000).finally(() => node.stop());
    const medianOf = (pick: (each: Writes) => number): number => quantile(results.map(pick).sort((left, right) => left - right), 0.5);
    add('the disk alone: writes with fdatasync, one after the other', largest, medianOf((each) => each.syncs), '1/s');
    add('Create over mTLS, 1 connection', largest, medianOf((each) => each.one.requestsPerSecond), '1/s');
    add('Create over mTLS, 64 connections', largest, medianOf((each) => each.group.requestsPerSecond), '1/s', bounds.creates);
    add('Create, 64 connections: p50', largest, medianOf((each) => each.group.p50Microseconds) / 1000, 'ms');
    add('Create, 64 connections: p99', largest, medianOf((each) => each.group.p99Microseconds) / 1000, 'ms');
    add('Create, 1 connection: server CPU', largest, medianOf((each) => each.one.cpuMicrosecondsPerRequest), 'µs');
    add('Create, 64 connections: server CPU', largest, medianOf((each) => each.group.cpuMicrosecondsPerRequest), 'µs');
    add('Create: 64 connections / syncs of the disk alone', largest, medianOf((each) => each.group.requestsPerSecond / each.syncs), 'times');
    add('Create: 64 connections / 1 connection', largest, medianOf((each) => each.group.requestsPerSecond / each.one.requestsPerSecond), 'times', bounds.group);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    name: 'store',
    question: 'what look-up, start-up, memory and disk cost as a node fills up, and what group commit gives',
    rows,
    ...(!smoke && { floors: judge(floors, ratios) }),
    notes: [
      'own pages: anonymous memory of the process; mapped table files are the page cache and are given back under pressure',
      'the ratio of 64 connections to 1 rests on the disk: where a sync costs less than planning a Create, there is little to share',
      'p99 beside that of the machine alone: the same interruptions by other processes stand in both',
      'client and server share the machine, so rates understate what a server alone reaches',
    ],
  };
}
