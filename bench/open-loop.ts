/**
 * One stretch of open-loop Encrypts on a node, by the generator of `kmipd load` in this process: fixed arrival rate, any number of
 * connections, any order of keys; latencies from the due time, processor time and counters of the node beside them.
 *
 * Invariant: every Encrypt has to succeed and one answer in 200 is decrypted and compared; otherwise there is no result.
 */
import { Connection } from '../src/client/connection.ts';
import type { ConnectionOptions } from '../src/client/connection.ts';
import { KmipClient } from '../src/client/client.ts';
import { Generator } from '../src/client/load/generator.ts';
import { defaultPlan } from '../src/client/load/plan.ts';
import type { LoadPlan } from '../src/client/load/plan.ts';
import { makeRing } from '../src/client/load/requests.ts';
import { newHistogram, quantilesOf } from '../src/client/load/tally.ts';
import { beginStretch } from './node-meter.ts';
import type { Stretch } from './node-meter.ts';
import type { Node } from './peers.ts';

export interface OpenLoopOptions {
  readonly rate: number;
  readonly connections: number;
  /** Keys by message, played round. */
  readonly identifiers: readonly string[];
  /** Messages played before, as fast as they go, so that what may be in memory is. */
  readonly ahead: readonly string[];
  readonly warmupMs: number;
  readonly durationMs: number;
  readonly seed: number;
}

export interface OpenLoopResult {
  readonly p50Us: number;
  readonly p99Us: number;
  readonly processorUs: number;
  readonly answered: number;
  readonly stretch: Stretch;
}

export function connectionOf(node: Node): ConnectionOptions {
  return { host: '127.0.0.1', port: node.port, certificate: node.certificate.toString(), privateKey: node.privateKey.toString(), authority: node.authority.toString() };
}

/** Sends all messages over one connection, 64 on their way at once. */
async function play(options: ConnectionOptions, messages: readonly Uint8Array[]): Promise<void> {
  const connection = new Connection({ ...options, pipeline: 64 });
  await Promise.all(messages.map((message) => connection.send(message)));
  connection.destroy();
}

async function encrypts(plan: LoadPlan, options: ConnectionOptions, identifiers: readonly string[]): Promise<{ ring: Awaited<ReturnType<typeof makeRing>>; messages: Uint8Array[] }> {
  const client = new KmipClient(options);
  const ring = await makeRing('encrypt', plan, client, identifiers, '');
  client.destroyConnection();
  return { ring, messages: Array.from({ length: ring.offsets.length - 1 }, (_, index) => new Uint8Array(ring.bytes, ring.offsets[index]!, ring.offsets[index + 1]! - ring.offsets[index]!)) };
}

export async function openLoop(node: Node, { rate, connections, identifiers, ahead, warmupMs, durationMs, seed }: OpenLoopOptions): Promise<OpenLoopResult> {
  const options = connectionOf(node);
  const plan: LoadPlan = { ...defaultPlan, rate, connections, warmupMs, durationMs, seed, checkEvery: 200, keys: identifiers.length, pipeline: 16 };
  if (ahead.length > 0) await play(options, (await encrypts(plan, options, ahead)).messages);
  const { ring } = await encrypts(plan, options, identifiers);
  const generator = new Generator({ plan, connection: options, identifiers, rings: [ring], thread: 0, lanes: connections, rate, messages: plan.messages }, () => undefined);
  await generator.connect();
  const begun = new Promise<Awaited<ReturnType<typeof beginStretch>>>((resolve, reject) => {
    setTimeout(() => beginStretch(node).then(resolve, reject), warmupMs);
  });
  await generator.run();
  const stretch = await (await begun)();
  const { tally } = generator;
  if (tally.failures.size > 0 || tally.wrong > 0 || tally.lostConnections > 0 || tally.dropped > 0 || tally.answered === 0) {
    throw new Error(`the load did not go well: ${JSON.stringify({ failures: [...tally.failures], wrong: tally.firstWrong, lost: tally.lostConnections, dropped: tally.dropped })}`);
  }
  const latency = newHistogram();
  for (const each of tally.operations) latency.add(each.latency);
  const { p50, p99 } = quantilesOf(latency);
  return { p50Us: p50 * 1000, p99Us: p99 * 1000, processorUs: (stretch.processorSeconds * 1e6) / tally.answered, answered: tally.answered, stretch };
}
