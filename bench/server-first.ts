/**
 * What the first request after a start costs beside later ones: a server that compiles its code only when it is asked for lets its
 * first clients pay. Each kind of request is the very first one of starts of its own, on a store that has its key already.
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
  /** The middle of later requests to the first one. */
  readonly laterToFirst: number;
}

/** A client may take its time from the handshake to the first request; the server has done all it does for a connection then. */
const afterHandshakeMs = 50;

/** Microseconds of each of `count` requests on a new connection, one after the other. */
export async function latencies(target: Target, request: Buffer, count: number): Promise<number[]> {
  const socket = await connect(target);
  await new Promise((resolve) => setTimeout(resolve, afterHandshakeMs));
  const taken: number[] = [];
  await new Promise<void>((resolve, reject) => {
    let began = 0;
    const send = (): void => {
      began = performance.now();
      socket.write(request);
    };
    onAnswers(socket, () => { taken.push((performance.now() - began) * 1000); }, () => (taken.length < count ? send() : resolve()));
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('the server closed the connection')));
    send();
  });
  socket.destroy();
  return taken;
}

export async function firstRequests(name: string, request: Buffer, folder: string, starts: number, later: number): Promise<FirstRequests> {
  const firsts: number[] = [];
  const medians: number[] = [];
  for (let start = 0; start < starts; start += 1) {
    const node: Node = await startKmipd(1, folder);
    try {
      const [first, ...others] = await latencies(node, request, later + 1);
      firsts.push(first!);
      medians.push(median(others));
    } finally {
      await node.stop();
    }
  }
  const ratios = firsts.map((first, start) => first / medians[start]!);
  return {
    row: { request: name, starts, 'first µs': Math.round(median(firsts)), 'later p50 µs': Math.round(median(medians)), ratio: round(median(ratios)), 'from': round(Math.min(...ratios)), 'to': round(Math.max(...ratios)) },
    laterToFirst: 1 / median(ratios),
  };
}
