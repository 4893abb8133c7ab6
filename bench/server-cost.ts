/**
 * What a request costs a node beside a bare TLS echo server with messages of the same length: rounds of the two in turns, the
 * middle of the rounds' ratios.
 */
import type { KmipClient } from '../src/client/client.ts';
import { closedLoop } from './closed-loop.ts';
import type { LoopResult } from './closed-loop.ts';
import type { Peer } from './peers.ts';
import { quantile, round } from './report.ts';
import type { Row } from './report.ts';
import { controlFrame, encryptMessage } from './server-messages.ts';

export interface Shape {
  readonly dataBytes: number;
  readonly connections: number;
  /** Requests on their way on each connection. */
  readonly depth: number;
}

export interface Rivals {
  readonly node: Peer;
  readonly echo: Peer;
  readonly client: KmipClient;
  readonly uniqueIdentifier: string;
}

export interface CostOptions {
  readonly rounds: number;
  readonly milliseconds: number;
  readonly warmupMilliseconds: number;
}

export interface Cost {
  readonly row: Row;
  /** CPU time of the echo's request to that of ours. */
  readonly echoToOurs: number;
}

export const median = (values: readonly number[]): number => quantile([...values].sort((left, right) => left - right), 0.5);

export async function costOf({ dataBytes, connections, depth }: Shape, { node, echo, client, uniqueIdentifier }: Rivals, { rounds, ...time }: CostOptions): Promise<Cost> {
  const request = encryptMessage(uniqueIdentifier, dataBytes);
  const answerBytes = (await client.sendRaw(request)).length;
  const ours: LoopResult[] = [];
  const echoes: LoopResult[] = [];
  for (let turn = 0; turn < rounds; turn += 1) {
    echoes.push(await closedLoop(echo, request, { connections, depth, awake: true, ...time, first: controlFrame(answerBytes) }));
    ours.push(await closedLoop(node, request, { connections, depth, awake: true, ...time }));
  }
  const ratios = ours.map((result, turn) => result.cpuMicrosecondsPerRequest / echoes[turn]!.cpuMicrosecondsPerRequest);
  const of = (results: readonly LoopResult[], name: keyof LoopResult): number => median(results.map((result) => result[name]));
  return {
    row: {
      'payload bytes': dataBytes, connections, depth, 'request bytes': request.length, 'answer bytes': answerBytes,
      'kmipd req/s': Math.round(of(ours, 'requestsPerSecond')), 'echo req/s': Math.round(of(echoes, 'requestsPerSecond')),
      'kmipd p50 µs': Math.round(of(ours, 'p50Microseconds')), 'kmipd p99 µs': Math.round(of(ours, 'p99Microseconds')),
      'kmipd CPU µs': round(of(ours, 'cpuMicrosecondsPerRequest')), 'echo CPU µs': round(of(echoes, 'cpuMicrosecondsPerRequest')),
      'CPU ratio': round(median(ratios)), 'from': round(Math.min(...ratios)), 'to': round(Math.max(...ratios)),
    },
    echoToOurs: 1 / median(ratios),
  };
}
