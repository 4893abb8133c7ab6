/**
 * What the first request after a start costs beside later ones: a server that compiles its code only when it is asked for lets its
 * first clients pay. Each kind of request is the very first one of starts of its own, on a store that has its key already.
 *
 * Like is set beside like: later ones come after the same pause as the first, since processors that have slept, or done something
 * else, make any request several times slower than one that follows another at once, the echo's too.
 */
import { connect, onAnswers } from './closed-loop.ts';
import type { Target } from './closed-loop.ts';
import { startKmipd } from './peers.ts';
import type { Node } from './peers.ts';
import { round } from './report.ts';
import type { Row } from './report.ts';
import { median } from './server-cost.ts';

export interface FirstRequests {
  readonly row: Row;
  /** The middle of later requests, after pauses, to the first one. */
  readonly laterToFirst: number;
}

const pauseMs = 50;
const pause = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, pauseMs));

export interface Latencies {
  readonly first: number;
  readonly afterPauses: readonly number[];
  readonly atOnce: readonly number[];
}

/** Microseconds of requests on a new connection: the first, some after pauses, and many that follow each other at once. */
export async function latencies(target: Target, request: Buffer, pauses: number, count: number): Promise<Latencies> {
  const socket = await connect(target);
  let answered: (microseconds: number) => void = () => undefined;
  let failed: (error: Error) => void = () => undefined;
  let began = 0;
  onAnswers(socket, () => answered((performance.now() - began) * 1000), () => undefined);
  socket.on('error', (error) => failed(error));
  socket.once('close', () => failed(new Error('the server closed the connection')));
  const ask = (): Promise<number> => new Promise((resolve, reject) => {
    answered = resolve;
    failed = reject;
    began = performance.now();
    socket.write(request);
  });
  await pause();
  const first = await ask();
  const afterPauses: number[] = [];
  for (let turn = 0; turn < pauses; turn += 1) {
    await pause();
    afterPauses.push(await ask());
  }
  const atOnce: number[] = [];
  while (atOnce.length < count) atOnce.push(await ask());
  socket.destroy();
  return { first, afterPauses, atOnce };
}

export async function firstRequests(name: string, request: Buffer, folder: string, starts: number, pauses: number): Promise<FirstRequests> {
  const taken: Latencies[] = [];
  for (let start = 0; start < starts; start += 1) {
    const node: Node = await startKmipd(1, folder);
    try {
      taken.push(await latencies(node, request, pauses, 200));
    } finally {
      await node.stop();
    }
  }
  const ratios = taken.map(({ first, afterPauses }) => first / median(afterPauses));
  return {
    row: {
      request: name, starts, 'first µs': Math.round(median(taken.map(({ first }) => first))), 'later µs': Math.round(median(taken.map(({ afterPauses }) => median(afterPauses)))),
      'at once µs': Math.round(median(taken.map(({ atOnce }) => median(atOnce)))), ratio: round(median(ratios)), 'from': round(Math.min(...ratios)), 'to': round(Math.max(...ratios)),
    },
    laterToFirst: 1 / median(ratios),
  };
}
