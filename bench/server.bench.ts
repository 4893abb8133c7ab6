/**
 * What a request costs a node beside a bare TLS echo server with messages of the same length on the same Node; what the first
 * request after a start costs beside later ones; how many items a second a batch has.
 *
 * Decides: how much of a request is TLS, which no server on Node can save, and how much is ours; what joining answers is worth
 * (docs/decisions/0013); whether a worker is warm before it listens. One serving thread each; the generator keeps the other processor
 * and never sleeps; rounds alternate between the two servers.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { judge } from './floors.ts';
import type { Floor } from './floors.ts';
import { startEcho, startKmipd } from './peers.ts';
import type { BenchReport, Row } from './report.ts';
import { batchDataBytes, batchInProcess, batchItems, batchOverTls } from './server-batch.ts';
import { costOf } from './server-cost.ts';
import type { Rivals, Shape } from './server-cost.ts';
import { firstRequests, latencies } from './server-first.ts';
import { clientOf, createMessage, encryptMessage, getMessage, makeKey } from './server-messages.ts';

const shapes: readonly Shape[] = [
  ...[16, 256, 1024, 16_384].map((dataBytes) => ({ dataBytes, connections: 8, depth: 1 })),
  ...[1, 64].map((connections) => ({ dataBytes: 256, connections, depth: 1 })),
  ...[8, 16, 64].map((depth) => ({ dataBytes: 256, connections: 8, depth })),
];
const smokeShapes: readonly Shape[] = [{ dataBytes: 256, connections: 8, depth: 1 }, { dataBytes: 256, connections: 8, depth: 16 }];

const costName = ({ dataBytes, connections, depth }: Shape): string => `Encrypt of ${dataBytes} bytes, ${connections} connections, ${depth} deep: CPU of the echo to ours`;
const firstName = (request: string): string => `first ${request} after a start: later ones to it`;
const batchName = (where: string): string => `${batchItems} Encrypts of ${batchDataBytes} bytes in a message, ${where}: items a second to the target`;
const inProcess = 'in process';
const overTls = 'over mutual TLS';
const batchTargets = { [inProcess]: 500_000, [overTls]: 300_000 };
const firstKinds = ['Encrypt', 'Get', 'Create'] as const;

const floors: readonly Floor[] = [
  { name: costName({ dataBytes: 256, connections: 8, depth: 1 }), least: 0.83, source: 'performance targets 3: at most 1.2 times' },
  { name: costName({ dataBytes: 256, connections: 8, depth: 16 }), least: 0.4, source: 'performance targets 3: at most 2.5 times an echo that joins' },
  ...firstKinds.map((kind) => ({ name: firstName(kind), least: 0.33, isRare: true, source: 'performance targets 3: at most 3 times the median' })),
  ...Object.keys(batchTargets).map((where) => ({ name: batchName(where), least: 1, source: 'performance targets 4' })),
];

export async function serverBench(smoke: boolean): Promise<BenchReport> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kmipd-server-bench-'));
  const time = smoke ? { rounds: 1, milliseconds: 400, warmupMilliseconds: 400 } : { rounds: 7, milliseconds: 1500, warmupMilliseconds: 700 };
  const rows: Row[] = [];
  const firstRows: Row[] = [];
  const batchRows: Row[] = [];
  const ratios = new Map<string, number>();
  const echo = await startEcho();
  try {
    const node = await startKmipd(1, folder);
    let uniqueIdentifier: string;
    try {
      const client = clientOf(node);
      uniqueIdentifier = await makeKey(client);
      const rivals: Rivals = { node, echo, client, uniqueIdentifier };
      for (const shape of smoke ? smokeShapes : shapes) {
        const { row, echoToOurs } = await costOf(shape, rivals, time);
        rows.push(row);
        ratios.set(costName(shape), echoToOurs);
      }
      const alone = batchInProcess(time);
      const both = [alone, await batchOverTls(rivals, 1, time), await batchOverTls(rivals, 4, time)];
      batchRows.push(...both.map(({ row }) => row));
      ratios.set(batchName(inProcess), alone.itemsPerSecond / batchTargets[inProcess]);
      ratios.set(batchName(overTls), both.at(-1)!.itemsPerSecond / batchTargets[overTls]);
      // This process's own code is warm then.
      await latencies(node, encryptMessage(uniqueIdentifier, 256), 0, 2000);
      client.destroyConnection();
    } finally {
      await node.stop();
    }
    const requests = { Encrypt: encryptMessage(uniqueIdentifier, 256), Get: getMessage(uniqueIdentifier), Create: createMessage() };
    for (const kind of firstKinds) {
      const { row, laterToFirst } = await firstRequests(kind, requests[kind], folder, smoke ? 1 : 7, smoke ? 5 : 20);
      firstRows.push(row);
      ratios.set(firstName(kind), laterToFirst);
    }
  } finally {
    await echo.stop();
    rmSync(folder, { recursive: true, force: true });
  }
  return {
    name: 'server',
    question: 'what a request costs beside bare TLS (Encrypt, AES-256-GCM, nonce of the server; one serving thread)',
    rows,
    sections: [
      { title: 'the first request after a start, later ones after the same pause, and ones that follow each other at once (one connection)', rows: firstRows },
      { title: `a batch: ${batchItems} Encrypts of ${batchDataBytes} bytes in a message, one worker`, rows: batchRows },
    ],
    floors: judge(floors, ratios),
    notes: [
      'CPU µs: user and system time of the whole server process per request; CPU ratio: the middle of the rounds, then the least and the largest',
      'the echo joins the answers to what came together in one write, without copying; kmipd joins beyond eight requests waiting',
      'the generator shares the machine with the servers, so requests a second understate what a server alone reaches',
    ],
  };
}
