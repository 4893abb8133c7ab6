/**
 * Rounds of faults under load: strike, measure how long writes are away, end the fault, wait until all is well, look at what was
 * acknowledged. What it shows in the end is the verdict over the whole run.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { SeededRandom } from '../sim/random.ts';
import { chooseStrike } from './faults.ts';
import type { StrikeRequest } from './faults.ts';
import { Judge } from './judge.ts';
import type { Lie } from './judge.ts';
import type { KeyClient } from './key-client.ts';
import type { RealCluster } from './real-cluster.ts';
import { Workload, writeTimeoutMs } from './workload.ts';

export interface RoundsRequest extends StrikeRequest {
  readonly rounds: number;
  readonly clients: number;
  readonly seed: number;
  readonly secondsPerRound: number;
  /** Plants a lie in what clients saw, to prove that it is found. */
  readonly lie: Lie | undefined;
}

export interface RoundsResult {
  readonly rounds: number;
  readonly acknowledged: number;
  readonly lost: number;
  readonly stale: number;
  readonly failedEncrypts: number;
  /** From a strike on the primary to the next acknowledged write that began after it. */
  readonly writeFailoverMs: readonly number[];
  readonly struck: readonly Struck[];
  /** Everything that was wrong, a text each. */
  readonly troubles: readonly string[];
  /** What a run may have, and is told. */
  readonly notes: readonly string[];
}

const thinkMs = 40;
const healLimitMs = 45_000;
/** Gap between the writes that look for the end of a failover. */
const knockMs = 50;
const knockersMax = 30;

export async function runRounds(cluster: RealCluster, request: RoundsRequest, say: (line: string) => void): Promise<RoundsResult> {
  const random = new SeededRandom(request.seed);
  const workload = new Workload(cluster, { clients: request.clients, seed: request.seed, thinkMs });
  const judge = new Judge(cluster, workload.history);
  const failovers: number[] = [];
  const struck: Struck[] = [];
  let rounds = 0;
  await workload.start();
  const warmUp = performance.now();
  await sleep(2_000);
  say(`load: ${request.clients} clients behind ${cluster.balancer}, a probe of each node; ${Math.round(workload.history.acknowledged / ((performance.now() - warmUp) / 1000))} acknowledged writes a second`);
  for (let round = 1; round <= request.rounds; round += 1) {
    const roundAt = performance.now();
    const acknowledgedBefore = workload.history.acknowledged;
    const failedBefore = failedEncrypts(workload).length;
    const strike = await chooseStrike(cluster, random, request);
    const struckProbes = workload.probes.filter(({ node }) => strike.nodes.includes(node));
    for (const each of workload.probes) each.slowestMs = 0;
    for (const each of struckProbes) each.struck = true;
    const struckAt = performance.now();
    workload.history.watchGaps();
    await strike.begin();
    const away = writesAway(workload, struckAt);
    await sleep(strike.forMs);
    await strike.end();
    const writeMs = await away;
    await cluster.waitReady(healLimitMs);
    const healedMs = performance.now() - struckAt;
    for (const each of struckProbes) each.struck = false;
    if (strike.whom === 'the primary') failovers.push(writeMs);
    await sleep(Math.max(500, request.secondsPerRound * 1000 - (performance.now() - roundAt)));
    await judge.look();
    rounds += 1;
    struck.push({ what: `${strike.fault} of ${strike.whom}`, writeMs, gapMs: workload.history.longestGapMs, failed: failedEncrypts(workload).length - failedBefore });
    const slowest = Math.max(...workload.probes.filter((each) => !struckProbes.includes(each)).map(({ slowestMs }) => slowestMs), 0);
    say(`round ${round}: ${strike.text} | writes away ${Math.round(writeMs)} ms, longest gap of writes ${Math.round(workload.history.longestGapMs)} ms | all ready after ${Math.round(healedMs)} ms | elsewhere ${failedEncrypts(workload).length - failedBefore} Encrypts failed, slowest ${Math.round(slowest)} ms | ${workload.history.acknowledged - acknowledgedBefore} acknowledged, lost ${judge.lost.size}, stale ${workload.history.stale.length}`);
  }
  await workload.stop();
  if (request.lie !== undefined) judge.plant(request.lie);
  await judge.look(true);
  const { history } = workload;
  const failed = failedEncrypts(workload);
  const calls = [...history.keys.values()].reduce((sum, { calls: { length } }) => sum + length, 0);
  return {
    rounds,
    acknowledged: history.acknowledged,
    lost: judge.lost.size,
    stale: history.stale.length,
    failedEncrypts: failed.length,
    writeFailoverMs: failovers,
    struck,
    troubles: [...judge.lost, ...history.stale, ...history.repeatedNonces.map((text) => `nonce twice: ${text}`), ...history.wrongAnswers, ...judge.disagreements, ...judge.contradictions()],
    notes: [
      ...byKind(struck),
      `${history.keys.size} keys, ${calls} calls in the history, ${workload.probes.reduce((sum, { encrypts }) => sum + encrypts, 0)} Encrypts by the probes, ${history.nonces} nonces made by servers, all different unless told`,
      `${workload.retriedReads} reads of clients were asked a second time, ${workload.failedReads.length} of them in vain`,
      ...grouped('Encrypt on a node that was not struck', failed),
      ...grouped('read that failed twice', workload.failedReads),
    ],
  };
}

/** The upper one of two in the middle; 0 of none. */
export function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;
}

export interface Struck {
  /** Fault and whom it struck. */
  readonly what: string;
  /** From the strike to the first acknowledged write that began after it. */
  readonly writeMs: number;
  /** Longest time in the round between two acknowledged writes: a nats-server's faults show later than at once. */
  readonly gapMs: number;
  readonly failed: number;
}

function byKind(struck: readonly Struck[]): readonly string[] {
  return [...Map.groupBy(struck, ({ what }) => what)].map(([what, all]) => {
    const summed = (values: readonly number[]): string => `${Math.round(median(values))} ms (median), ${Math.round(Math.max(...values))} ms (longest)`;
    return `${what}: ${all.length} times; writes away ${summed(all.map(({ writeMs }) => writeMs))}; longest gap between two writes ${summed(all.map(({ gapMs }) => gapMs))}; ${all.reduce((sum, { failed }) => sum + failed, 0)} Encrypts failed elsewhere`;
  }).sort();
}

/** On nodes that were not struck. */
function failedEncrypts(workload: Workload): readonly string[] {
  return workload.probes.flatMap(({ failed }) => failed);
}

/** Equal texts once, with their number: at most a few. */
export function grouped(what: string, texts: readonly string[]): readonly string[] {
  return [...Map.groupBy(texts, (text) => text)].slice(0, 8).map(([text, all]) => `${what}, ${all.length} times: ${text}`);
}

/** Milliseconds from the strike to the answer of the first write that began after it: a new write every `knockMs`, behind the balancer. */
async function writesAway(workload: Workload, struckAt: number): Promise<number> {
  const idle: KeyClient[] = [];
  const all: KeyClient[] = [];
  const underWay = new Set<Promise<void>>();
  let first = Infinity;
  const knock = async (client: KeyClient): Promise<void> => {
    const { outcome, answeredAt } = await client.create(workload.newKey());
    if (outcome === 'done') first = Math.min(first, answeredAt);
    idle.push(client);
  };
  while (first === Infinity && performance.now() - struckAt < healLimitMs) {
    const client = idle.shift() ?? (all.length < knockersMax ? workload.client(`knocker ${all.length + 1}`, writeTimeoutMs) : undefined);
    if (client !== undefined) {
      if (!all.includes(client)) all.push(client);
      const knocking: Promise<void> = knock(client).finally(() => underWay.delete(knocking));
      underWay.add(knocking);
    }
    await sleep(knockMs);
  }
  // Those that are still waited for get their answers, or not, in their own time.
  void Promise.all(underWay).then(() => all.forEach((client) => client.close()));
  return first - struckAt;
}
