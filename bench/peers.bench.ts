/**
 * PyKMIP's server and kmipd side by side: the same closed-loop load over mutual TLS, one server after the other, in turns.
 *
 * Decides: whether a server in JavaScript and WebAssembly is worth it beside the reference that everybody has. Get and
 * Encrypt (AES-256-CBC, 256 bytes, IV of the client) at KMIP 1.4, connections kept, answers checked; medians of the turns.
 * The generator shares the machine with the server, which costs the faster one more.
 */
import { runLoad } from '../src/client/load/load.ts';
import type { LoadResult } from '../src/client/load/load.ts';
import { defaultPlan } from '../src/client/load/plan.ts';
import type { LoadOperation, LoadPlan } from '../src/client/load/plan.ts';
import { judge } from './floors.ts';
import type { Floor } from './floors.ts';
import { freePort, startKmipd } from './peers.ts';
import type { Peer } from './peers.ts';
import { hasPykmip, startPykmip } from './pykmip-peer.ts';
import { quantile, round } from './report.ts';
import type { BenchReport, Row } from './report.ts';

const floorConnections = 8;
const operations: readonly LoadOperation[] = ['get', 'encrypt'];

const ratioName = (operation: LoadOperation, connections: number): string => `${operation}, ${connections} connections: requests a second beside PyKMIP's server`;
const floors: readonly Floor[] = operations.map((operation) => ({ name: ratioName(operation, floorConnections), least: 50, source: 'performance targets 5: peers, side by side on one machine' }));

async function measure(peer: Peer, plan: LoadPlan): Promise<LoadResult> {
  const [certificate, privateKey, authority] = [peer.certificate, peer.privateKey, peer.authority].map((file) => file.toString()) as [string, string, string];
  const result = await runLoad(plan, { host: '127.0.0.1', port: peer.port, certificate, privateKey, authority });
  const failures = Object.entries(result.failures);
  if (failures.length > 0 || result.checks.wrong > 0 || result.checks.checked === 0 || result.lostConnections > 0) {
    throw new Error(`the load on ${result.server} did not go well: ${JSON.stringify({ failures, checks: result.checks, lostConnections: result.lostConnections })}`);
  }
  return result;
}

export async function peersBench(smoke: boolean): Promise<BenchReport> {
  const rows: Row[] = [];
  const ratios = new Map<string, number>();
  const report: BenchReport = {
    name: 'peers',
    question: "how many requests a second kmipd answers for one of PyKMIP's server (mutual TLS, AES-256-CBC, 256 bytes, KMIP 1.4, one request on its way on a connection)",
    rows,
    notes: ['kmipd: one worker thread, data on disk; PyKMIP: SQLite, log off, TLS 1.2, a thread a connection', 'generator and server share the machine, which costs kmipd more than PyKMIP'],
  };
  const present = hasPykmip();
  if (!present && process.env['CI'] === 'true') throw new Error('PyKMIP is not installed, and without it CI would not notice a fall');
  if (!present) return { ...report, floors: judge(floors, ratios), notes: ["skipped: PyKMIP's server (Debian package python3-pykmip, Python before 3.12) is not installed"] };
  const kmipd = await startKmipd(1);
  const pykmip = await freePort().then(startPykmip).catch(async (error: unknown) => {
    await kmipd.stop();
    throw error;
  });
  try {
    for (const operation of operations) {
      for (const connections of smoke ? [floorConnections] : [1, floorConnections]) {
        const plan: LoadPlan = {
          ...defaultPlan, version: 14, mode: 'cbc', mix: [{ operation, weight: 1 }], rate: 0, pipeline: 1, connections, keys: 8, checkEvery: 20,
          warmupMs: smoke ? 1_500 : 2_000, durationMs: smoke ? 1_500 : 5_000,
        };
        const results: { kmipd: LoadResult[]; pykmip: LoadResult[] } = { kmipd: [], pykmip: [] };
        for (let turn = 0; turn < (smoke ? 1 : 3); turn++) {
          results.pykmip.push(await measure(pykmip, plan));
          results.kmipd.push(await measure(kmipd, { ...plan, checkEvery: 500 }));
        }
        const median = (which: readonly LoadResult[], pick: (result: LoadResult) => number): number => quantile(which.map(pick).sort((left, right) => left - right), 0.5);
        const rate = (which: readonly LoadResult[]): number => median(which, (result) => result.messagesPerSecond);
        const ratio = rate(results.kmipd) / rate(results.pykmip);
        ratios.set(ratioName(operation, connections), ratio);
        rows.push({
          operation,
          connections,
          'kmipd req/s': Math.round(rate(results.kmipd)),
          'PyKMIP req/s': Math.round(rate(results.pykmip)),
          'kmipd p50 ms': round(median(results.kmipd, (result) => result.latency.p50), 3),
          'kmipd p99 ms': round(median(results.kmipd, (result) => result.latency.p99), 3),
          'PyKMIP p50 ms': round(median(results.pykmip, (result) => result.latency.p50), 3),
          'PyKMIP p99 ms': round(median(results.pykmip, (result) => result.latency.p99), 3),
          ratio: round(ratio, 1),
        });
      }
    }
  } finally {
    await Promise.all([kmipd.stop(), pykmip.stop()]);
  }
  return { ...report, floors: judge(floors, ratios) };
}
