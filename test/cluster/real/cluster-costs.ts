/**
 * What a cluster costs: NATS messages and processor time of an Encrypt on a node of a cluster and on a node alone, and how many
 * Creates a second are acknowledged.
 *
 * Processor time is the node's own (/proc), less what it takes when idle, at a fixed rate of requests; the two are measured in
 * turn, so that what else the machine does hits both.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { runLoad } from '../../../src/client/load/load.ts';
import type { LoadResult } from '../../../src/client/load/load.ts';
import { defaultPlan } from '../../../src/client/load/plan.ts';
import type { LoadPlan } from '../../../src/client/load/plan.ts';
import type { RealCluster } from './real-cluster.ts';
import type { ClientCredential, RealNode } from './real-node.ts';

const messagesMetric = 'kmipd_cluster_nats_messages_total';
const idleMs = 5_000;

const plan: LoadPlan = { ...defaultPlan, warmupMs: 0, checkEvery: 0, spin: false, keys: 4, payloadBytes: 256 };

/** Runs a load against a port; `around` is called when the requests begin and again when the last one is answered. */
async function loaded(port: number, credential: ClientCredential, changes: Partial<LoadPlan>, around: (phase: 'begin' | 'end') => void = () => undefined): Promise<LoadResult> {
  return runLoad({ ...plan, ...changes }, { host: '127.0.0.1', port, ...credential }, {
    onProgress(progress) {
      if (progress.kind !== 'phase') return;
      if (progress.phase === 'running') around('begin');
      if (progress.phase === 'cleaning') around('end');
    },
  });
}

export interface MessageCosts {
  readonly encrypts: number;
  readonly idlePerSecond: number;
  /** Over the run, all nodes, in and out. */
  readonly messages: number;
  readonly seconds: number;
  /** Messages above the idle rate, for each Encrypt. */
  readonly perEncrypt: number;
}

/** NATS messages of all nodes while one of them answers Encrypts. */
export async function messagesPerEncrypt(cluster: RealCluster, encrypts: number): Promise<MessageCosts> {
  const count = async (): Promise<{ readonly at: number; readonly messages: number }> => ({ messages: (await Promise.all(cluster.nodes.map((node) => node.metric(messagesMetric)))).reduce((sum, each) => sum + each, 0), at: performance.now() });
  const quiet = await count();
  if (quiet.messages === 0) throw new Error(`no node counts ${messagesMetric}`);
  await sleep(idleMs);
  const idle = await count();
  const idlePerSecond = ((idle.messages - quiet.messages) / (idle.at - quiet.at)) * 1000;
  const marks: ReturnType<typeof count>[] = [];
  const result = await loaded(cluster.nodes.at(-1)!.place.port, cluster.credential, { rate: 2000, durationMs: (encrypts / 2000) * 1000, messages: encrypts }, () => void marks.push(count()));
  const [begin, end] = await Promise.all(marks);
  const seconds = (end!.at - begin!.at) / 1000;
  const messages = end!.messages - begin!.messages;
  if (result.answered === 0 || Object.keys(result.failures).length > 0) throw new Error(`Encrypts failed: ${JSON.stringify(result.failures)}`);
  return { encrypts: result.answered, idlePerSecond, messages, seconds, perEncrypt: (messages - idlePerSecond * seconds) / result.answered };
}

export interface ProcessorCosts {
  /** Microseconds of processor time an Encrypt, each run. */
  readonly clusterMicroseconds: readonly number[];
  readonly aloneMicroseconds: readonly number[];
  /** Median of one run's figure in the cluster to the one alone beside it. */
  readonly ratio: number;
  /** Share of a processor that an idle node takes. */
  readonly clusterIdle: number;
  readonly aloneIdle: number;
}

export async function processorPerEncrypt(cluster: RealCluster, alone: RealCluster, runs: number, rate: number, seconds: number): Promise<ProcessorCosts> {
  const member = cluster.nodes.at(-1)!;
  const single = alone.nodes[0]!;
  const idle = async (node: RealNode): Promise<number> => {
    const [before, from] = [node.process.processorSeconds(), performance.now()];
    await sleep(idleMs);
    return (node.process.processorSeconds() - before) / ((performance.now() - from) / 1000);
  };
  const measure = async (node: RealNode, credential: ClientCredential, idleShare: number): Promise<number> => {
    const marks: { readonly processor: number; readonly at: number }[] = [];
    const result = await loaded(node.place.port, credential, { rate, durationMs: seconds * 1000 }, () => void marks.push({ processor: node.process.processorSeconds(), at: performance.now() }));
    const [begin, end] = marks as [(typeof marks)[0], (typeof marks)[0]];
    return ((end.processor - begin.processor - idleShare * ((end.at - begin.at) / 1000)) / result.answered) * 1e6;
  };
  const clusterIdle = await idle(member);
  const aloneIdle = await idle(single);
  // One run of each that is not counted: the compilers of both have to be done.
  await measure(member, cluster.credential, clusterIdle);
  await measure(single, alone.credential, aloneIdle);
  const clusterMicroseconds: number[] = [];
  const aloneMicroseconds: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    clusterMicroseconds.push(await measure(member, cluster.credential, clusterIdle));
    aloneMicroseconds.push(await measure(single, alone.credential, aloneIdle));
  }
  const ratios = clusterMicroseconds.map((each, run) => each / aloneMicroseconds[run]!).sort((left, right) => left - right);
  return { clusterMicroseconds, aloneMicroseconds, ratio: ratios[Math.floor(ratios.length / 2)]!, clusterIdle, aloneIdle };
}

/** Creates acknowledged, 64 connections behind the balancer, one request at a time on each. */
export function createsPerSecond(cluster: RealCluster, seconds: number): Promise<LoadResult> {
  return loaded(cluster.port, cluster.credential, { mix: [{ operation: 'create', weight: 1 }], rate: 0, connections: 64, pipeline: 1, warmupMs: 2_000, durationMs: seconds * 1000, timeoutMs: 30_000 });
}
