/**
 * Does a request stay as cheap when a node has more to do with: connections from 1 to 1,000, keys in use from 1 to 100,000; and what
 * handshakes cost, full and resumed, beside those of a bare TLS server.
 *
 * Decides: the limits `keySlots` and `cachedObjects` of src/server/limits.ts, and how many connections a node may have. The arrival rate is the
 * same at every size (open loop); sizes take turns, and each ratio is to the smallest size of the same turn.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { limitTable } from '../src/server/limits.ts';
import { judge } from './floors.ts';
import type { Floor } from './floors.ts';
import { handshakes, protocols } from './handshakes.ts';
import type { HandshakeResult } from './handshakes.ts';
import { drawKeys } from './key-draws.ts';
import type { Spread } from './key-draws.ts';
import { openLoop } from './open-loop.ts';
import type { OpenLoopResult } from './open-loop.ts';
import { startEcho, startKmipd } from './peers.ts';
import type { Node, Peer } from './peers.ts';
import { quantile, round } from './report.ts';
import type { BenchReport, Row } from './report.ts';
import { fill } from './store-fill.ts';

const rate = 2000;
/** Connections of the runs over keys, and keys of the runs over connections. */
const usualConnections = 16;
const usualKeys = 16;
const connectionSizes = [1, 10, 100, 300, 1000];
const keySizes = [1, 10, 100, 1000, 10_000, 100_000];
const spreads: readonly Spread[] = ['even', 'favourites'];
/** What a full cache of a worker has seen; more asked ahead changes nothing any more. */
const keySlots: number = limitTable.keySlots.byDefault;
const aheadMost = 2 * keySlots;

/** The cliff with more slots: what an operator buys with memory. */
const manySlots = 32_768;
const manySlotSizes = [1, 10_000, 30_000];

interface Time {
  readonly turns: number;
  readonly warmupMs: number;
  readonly durationMs: number;
}

/** Flat: at most 1.5 times the smallest size's, as the ratio of the smallest to this. */
const flat = 1 / 1.5;
const source = 'performance targets 7: flat p50 and CPU per request from 1 to 1,000 connections, and from 1 to 100,000 distinct keys in use';

type Measure = 'p50' | 'CPU';
const connectionName = (connections: number, measure: Measure): string => `${connections} connections: ${measure} of 1 connection to this`;
const keyName = (keys: number, spread: Spread, measure: Measure): string => `${keys} keys (${spread}): ${measure} of 1 key to this`;
const measures: readonly Measure[] = ['p50', 'CPU'];

const floors: readonly Floor[] = [
  ...connectionSizes.slice(1).flatMap((size) => measures.map((measure) => ({ name: connectionName(size, measure), least: flat, source }))),
  ...spreads.flatMap((spread) => keySizes.slice(1).flatMap((size) => measures.map((measure) => ({ name: keyName(size, spread, measure), least: flat, source })))),
];

const middle = (values: readonly number[]): number => quantile([...values].sort((left, right) => left - right), 0.5);

/** Each size in turn, forwards and backwards; results by size. */
async function inTurns<Size>(sizes: readonly Size[], turns: number, measure: (size: Size, turn: number) => Promise<OpenLoopResult>): Promise<OpenLoopResult[][]> {
  const results: OpenLoopResult[][] = sizes.map(() => []);
  for (let turn = 0; turn < turns; turn++) {
    const order = sizes.map((_, index) => (turn % 2 === 0 ? index : sizes.length - 1 - index));
    for (const index of order) results[index]!.push(await measure(sizes[index]!, turn));
  }
  return results;
}

function growth(results: readonly (readonly OpenLoopResult[])[], index: number, pick: (result: OpenLoopResult) => number): number {
  return middle(results[index]!.map((result, turn) => pick(result) / pick(results[0]![turn]!)));
}

/** The columns that every size has, and what its floors are judged by. */
function columns(results: readonly (readonly OpenLoopResult[])[], index: number): { row: Row; growthOf: Readonly<Record<Measure, number>> } {
  const own = results[index]!;
  const growthOf = { p50: growth(results, index, (each) => each.p50Us), CPU: growth(results, index, (each) => each.processorUs) };
  return {
    growthOf,
    row: {
      'p50 µs': Math.round(middle(own.map((each) => each.p50Us))), 'p99 µs': Math.round(middle(own.map((each) => each.p99Us))), 'CPU µs': round(middle(own.map((each) => each.processorUs)), 1),
      'p50 to smallest': round(growthOf.p50), 'CPU to smallest': round(growthOf.CPU), 'own memory MiB': Math.round(middle(own.map((each) => each.stretch.ownMemoryBytes)) / 2 ** 20),
    },
  };
}

async function overConnections(node: Node, identifiers: readonly string[], sizes: readonly number[], time: Time, ratios: Map<string, number>): Promise<Row[]> {
  const some = identifiers.slice(0, usualKeys);
  const results = await inTurns(sizes, time.turns, (connections, turn) => openLoop(node, { rate, connections, identifiers: some, ahead: some, warmupMs: time.warmupMs, durationMs: time.durationMs, seed: turn + 1 }));
  return sizes.map((connections, index) => {
    const { row, growthOf } = columns(results, index);
    if (index > 0) for (const measure of measures) ratios.set(connectionName(connections, measure), 1 / growthOf[measure]);
    return { connections, ...row };
  });
}

async function overKeys(node: Node, identifiers: readonly string[], spread: Spread, sizes: readonly number[], time: Time, ahead: number): Promise<{ rows: Row[]; ratios: Map<string, number> }> {
  const ratios = new Map<string, number>();
  const messages = Math.ceil((rate * (time.warmupMs + time.durationMs) * 1.1) / 1000);
  const results = await inTurns(sizes, time.turns, (keys, turn) => {
    const played = keys <= ahead ? identifiers.slice(0, keys) : [...drawKeys(keys, spread, ahead, 1000 + turn)].map((index) => identifiers[index]!);
    const drawn = [...drawKeys(keys, spread, messages, turn + 1)].map((index) => identifiers[index]!);
    return openLoop(node, { rate, connections: usualConnections, identifiers: drawn, ahead: played, warmupMs: time.warmupMs, durationMs: time.durationMs, seed: turn + 1 });
  });
  const rows = sizes.map((keys, index): Row => {
    const { row, growthOf } = columns(results, index);
    if (index > 0) for (const measure of measures) ratios.set(keyName(keys, spread, measure), 1 / growthOf[measure]);
    const each = (metric: string): number => middle(results[index]!.map((result) => result.stretch.grown(metric) / result.answered));
    return {
      keys, spread, ...row,
      'slot loads a request': round(each('kmipd_key_slot_loads_total'), 3),
      'object cache misses a request': round(each('kmipd_cache_misses_total'), 3),
      'fast path share': round(each('kmipd_fast_path_messages_total')),
    };
  });
  return { rows, ratios };
}

/** The same over keys on a node with as many slots as the core has room for. */
async function withManySlots(folder: string, identifiers: readonly string[], time: Time): Promise<Row[]> {
  const node = await startKmipd(1, folder, { options: ['--limit', `keySlots=${manySlots}`] });
  try {
    const { rows } = await overKeys(node, identifiers, 'even', manySlotSizes, time, manySlots);
    return rows;
  } finally {
    await node.stop();
  }
}

async function overHandshakes(node: Node, echo: Peer, smoke: boolean): Promise<Row[]> {
  const options = { lanes: 8, milliseconds: smoke ? 300 : 2500 };
  const rows: Row[] = [];
  for (const protocol of protocols) {
    for (const isResumed of [false, true]) {
      const results: { node: HandshakeResult[]; echo: HandshakeResult[] } = { node: [], echo: [] };
      for (let turn = 0; turn < (smoke ? 1 : 5); turn++) {
        results.node.push(await handshakes(node, protocol, isResumed, options));
        results.echo.push(await handshakes(echo, protocol, isResumed, options));
      }
      const of = (which: readonly HandshakeResult[], pick: (result: HandshakeResult) => number): number => middle(which.map(pick));
      rows.push({
        protocol,
        handshake: isResumed ? 'resumed' : 'full',
        'kmipd a second': Math.round(of(results.node, (each) => each.perSecond)),
        'bare TLS a second': Math.round(of(results.echo, (each) => each.perSecond)),
        'kmipd CPU µs': Math.round(of(results.node, (each) => each.processorUs)),
        'bare TLS CPU µs': Math.round(of(results.echo, (each) => each.processorUs)),
        'CPU ratio': round(middle(results.node.map((each, turn) => each.processorUs / results.echo[turn]!.processorUs))),
        'kmipd p50 ms': round(of(results.node, (each) => each.p50Us) / 1000),
      });
    }
  }
  return rows;
}

export async function growthBench(smoke: boolean): Promise<BenchReport> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kmipd-growth-'));
  const time: Time = smoke ? { turns: 1, warmupMs: 300, durationMs: 700 } : { turns: 5, warmupMs: 1000, durationMs: 4000 };
  const sizes = smoke ? { connections: [1, 100], keys: [1, 1000] } : { connections: connectionSizes, keys: keySizes };
  const ratios = new Map<string, number>();
  const load = os.loadavg()[0]!;
  try {
    const identifiers: string[] = [];
    await fill(folder, 0, Math.max(...sizes.keys, usualKeys), { isActive: true, onMade: (identifier) => identifiers.push(identifier) });
    const slotRows = smoke || keySlots >= manySlots ? [] : await withManySlots(folder, identifiers, time);
    const node = await startKmipd(1, folder);
    const echo = await startEcho();
    try {
      const rows = await overConnections(node, identifiers, sizes.connections, time, ratios);
      const keyRows: Row[] = [];
      for (const spread of spreads) {
        const over = await overKeys(node, identifiers, spread, sizes.keys, time, aheadMost);
        keyRows.push(...over.rows);
        for (const [name, ratio] of over.ratios) ratios.set(name, ratio);
      }
      return {
        name: 'growth',
        question: `what a request costs as connections grow (Encrypt, AES-256-GCM, 256 bytes, ${rate} a second in all, ${usualKeys} keys, one worker)`,
        rows,
        sections: [
          { title: `as the keys in use grow (the same requests, ${usualConnections} connections)`, rows: keyRows },
          ...(slotRows.length === 0 ? [] : [{ title: `as the keys in use grow, with --limit keySlots=${manySlots}`, rows: slotRows }]),
          { title: 'handshakes with client certificates, 8 at once, connection opened and closed', rows: await overHandshakes(node, echo, smoke) },
        ],
        // A short look at latency on a shared machine tells about the machine.
        floors: judge(smoke ? floors.filter(({ name }) => ratios.has(name) && name.includes(': CPU ')) : floors, ratios),
        notes: [
          'own memory: anonymous pages of the process; what one size needed is kept for the next, which may be a smaller one',
          `flat: at most 1.5 times the smallest size, in the middle of ${time.turns} turns`,
          `a worker has ${keySlots} key slots: a key without one is fetched from the store, opened, decoded and expanded again; even: every key as likely; favourites: Zipf's law, exponent 0.99`,
          'CPU µs: user and system time of the whole server process per request; latency from the due time; one answer in 200 checked by decrypting it',
          'bare TLS: the echo server of the server bench; its certificate is its own authority, kmipd\'s chains and looks up a credential',
          `generator and server share ${os.cpus().length} processors; load of the machine: ${round(load)} before, ${round(os.loadavg()[0]!)} after`,
        ],
      };
    } finally {
      await Promise.all([node.stop(), echo.stop()]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
