/**
 * A load run from its first key to its last: makes own keys, encodes the messages, starts the threads together, adds up
 * what they counted, destroys all that was made. Works with any KMIP server; nothing here knows kmipd.
 *
 * Invariant: whatever ends the run (its time, a failure, the caller's signal), what it made on the server is destroyed, or
 * counted in `left`.
 */
import { randomBytes } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { versionText } from '../../kmip/version.ts';
import { KmipClient } from '../client.ts';
import type { ConnectionOptions } from '../connection.ts';
import type { LoadJob, Second } from './generator.ts';
import { destroyKeys, makeKeys } from './own-keys.ts';
import { LoadError, checkPlan } from './plan.ts';
import type { LoadOperation, LoadPlan } from './plan.ts';
import { makeRing } from './requests.ts';
import type { RequestRing } from './requests.ts';
import { addTally, curveOf, newHistogram, newTally, quantilesOf } from './tally.ts';
import type { Quantiles, Tally } from './tally.ts';
import type { ThreadOrder, ThreadReport } from './thread.ts';

/** Time for destroying what the run made. */
const cleanMs = 120_000;

/** One second of the run, all threads together; those of the warm-up are below 0. Latencies in milliseconds. */
export interface LoadSecond {
  readonly second: number;
  readonly due: number;
  readonly answered: number;
  readonly failed: number;
  /** Without an answer at the end of the second. */
  readonly waiting: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

/** Latencies in milliseconds. */
export interface LoadResult {
  readonly server: string;
  readonly startedAt: string;
  readonly plan: Omit<LoadPlan, 'version'> & { readonly version: string };
  readonly measuredSeconds: number;
  /** Messages due in the measured time, and answered, also after it. */
  readonly due: number;
  readonly answered: number;
  /** Answered within the measured time, a second. */
  readonly messagesPerSecond: number;
  readonly itemsPerSecond: number;
  /** From the due time to the answer. */
  readonly latency: Quantiles;
  /** From sending to the answer. */
  readonly service: Quantiles;
  /** From the due time to sending: the generator's lag, and waiting for a connection with room. */
  readonly wait: Quantiles;
  readonly operations: readonly { readonly operation: LoadOperation; readonly items: number; readonly latency: Quantiles }[];
  /** Failed items by Result Reason; in brackets, messages without an answer. */
  readonly failures: Readonly<Record<string, number>>;
  readonly dropped: number;
  readonly lostConnections: number;
  readonly checks: { readonly checked: number; readonly wrong: number; readonly firstWrong?: string };
  readonly seconds: readonly LoadSecond[];
  /** Percentile and latency, from the due time and from sending. */
  readonly curve: readonly (readonly [number, number])[];
  readonly serviceCurve: readonly (readonly [number, number])[];
  /** Objects of the run that could not be destroyed. */
  readonly left: number;
}

export type LoadProgress =
  | { readonly kind: 'phase'; readonly phase: 'making keys' | 'encoding messages' | 'connecting' | 'running' | 'cleaning' }
  | { readonly kind: 'second'; readonly second: LoadSecond };

export interface LoadOptions {
  readonly onProgress?: (progress: LoadProgress) => void;
  /** Aborted: the run ends early, cleans, and gives the result so far. */
  readonly signal?: AbortSignal;
}

const threadEntry = new URL(`./thread${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

/** Adds the threads' seconds together, and hands each on when all threads have told it. */
class Seconds {
  readonly all: LoadSecond[] = [];
  readonly #open = new Map<number, { sum: { due: number; answered: number; failed: number; waiting: number }; latency: ReturnType<typeof newHistogram>; threads: number }>();
  readonly #threads: number;
  readonly #onSecond: (second: LoadSecond) => void;

  constructor(threads: number, onSecond: (second: LoadSecond) => void) {
    this.#threads = threads;
    this.#onSecond = onSecond;
  }

  add({ second, latency, ...counts }: Second): void {
    const open = this.#open.get(second) ?? { sum: { due: 0, answered: 0, failed: 0, waiting: 0 }, latency: newHistogram(), threads: 0 };
    this.#open.set(second, open);
    for (const name of ['due', 'answered', 'failed', 'waiting'] as const) open.sum[name] += counts[name];
    open.latency.add(latency);
    open.threads += 1;
    if (open.threads < this.#threads) return;
    this.#open.delete(second);
    const { p50, p99, max } = quantilesOf(open.latency);
    const whole = { second, ...open.sum, p50, p99, max };
    this.all.push(whole);
    this.#onSecond(whole);
  }
}

/** `count` in `parts` shares that differ by one at most. */
const share = (count: number, parts: number, index: number): number => Math.floor((count * (index + 1)) / parts) - Math.floor((count * index) / parts);

interface Ran {
  readonly tally: Tally;
  readonly seconds: readonly LoadSecond[];
}

async function runThreads(plan: LoadPlan, jobs: readonly LoadJob[], made: string[], { onProgress, signal }: LoadOptions): Promise<Ran> {
  const tally = newTally(plan.mix.map(({ operation }) => operation));
  const seconds = new Seconds(jobs.length, (second) => onProgress?.({ kind: 'second', second }));
  const workers = jobs.map((job) => new Worker(threadEntry, { workerData: job, name: `load-${job.thread}` }));
  const order = (what: ThreadOrder): void => workers.forEach((worker) => worker.postMessage(what));
  const stop = (): void => order('stop');
  let ready = 0;
  try {
    await Promise.all(
      workers.map((worker) => new Promise<void>((resolve, reject) => {
        worker.on('message', (report: ThreadReport) => {
          if (report.kind === 'second') seconds.add(report.second);
          if (report.kind === 'ready' && ++ready === workers.length) {
            onProgress?.({ kind: 'phase', phase: 'running' });
            signal?.addEventListener('abort', stop);
            order(signal?.aborted === true ? 'stop' : 'go');
          }
          if (report.kind !== 'done') return;
          addTally(tally, report.tally);
          for (const identifier of report.made) made.push(identifier);
          resolve();
        });
        // Errors of another thread lose their class on the way.
        worker.once('error', (error: unknown) => reject(new LoadError(error instanceof Error ? error.message : String(error), { cause: error })));
        worker.once('exit', () => reject(new LoadError('a thread of the run ended before its time')));
      })),
    );
  } finally {
    signal?.removeEventListener('abort', stop);
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
  return { tally, seconds: seconds.all.sort((left, right) => left.second - right.second) };
}

/** Runs the plan. Throws a LoadError where it cannot begin; failures of single requests are part of the result. */
export async function runLoad(plan: LoadPlan, connection: ConnectionOptions, options: LoadOptions = {}): Promise<LoadResult> {
  checkPlan(plan);
  const { onProgress } = options;
  const startedAt = new Date().toISOString();
  const client = new KmipClient({ ...connection, version: plan.version, pipeline: 16, timeoutMs: Math.max(plan.timeoutMs, 30_000) });
  const [keys, made]: [string[], string[]] = [[], []];
  let left = 0;
  let ran: Ran;
  try {
    onProgress?.({ kind: 'phase', phase: 'making keys' });
    const mark = randomBytes(6).toString('hex');
    const identifiers = await makeKeys(client, mark, plan.keys, keys);
    onProgress?.({ kind: 'phase', phase: 'encoding messages' });
    const rings: RequestRing[] = [];
    for (const { operation } of plan.mix) rings.push(await makeRing(operation, plan, client, identifiers, mark));
    onProgress?.({ kind: 'phase', phase: 'connecting' });
    const jobs = Array.from({ length: plan.threads }, (_, thread): LoadJob => ({
      plan, connection, identifiers, rings, thread,
      lanes: share(plan.connections, plan.threads, thread),
      rate: plan.rate / plan.threads,
      messages: share(plan.messages, plan.threads, thread),
    }));
    ran = await runThreads(plan, jobs, made, options);
  } finally {
    onProgress?.({ kind: 'phase', phase: 'cleaning' });
    const deadline = performance.now() + cleanMs;
    left = await destroyKeys(client, made, false, deadline);
    left += await destroyKeys(client, keys, true, deadline);
    client.destroyConnection();
  }
  return resultOf(plan, `${connection.host}:${connection.port}`, startedAt, ran, left);
}

function resultOf(plan: LoadPlan, server: string, startedAt: string, { tally, seconds }: Ran, left: number): LoadResult {
  const measuredSeconds = tally.measuredMs / 1000;
  const perSecond = (count: number): number => (measuredSeconds > 0 ? Math.round((count / measuredSeconds) * 10) / 10 : 0);
  const latency = newHistogram();
  for (const each of tally.operations) latency.add(each.latency);
  return {
    server,
    startedAt,
    plan: { ...plan, version: versionText(plan.version) },
    measuredSeconds: Math.round(measuredSeconds * 1000) / 1000,
    due: tally.due,
    answered: tally.answered,
    messagesPerSecond: perSecond(tally.answeredInTime),
    itemsPerSecond: perSecond(tally.itemsInTime),
    latency: quantilesOf(latency),
    service: quantilesOf(tally.service),
    wait: quantilesOf(tally.wait),
    operations: tally.operations.map((each) => ({ operation: each.operation, items: each.items, latency: quantilesOf(each.latency) })),
    failures: Object.fromEntries([...tally.failures].sort(([, one], [, other]) => other - one)),
    dropped: tally.dropped,
    lostConnections: tally.lostConnections,
    checks: { checked: tally.checked, wrong: tally.wrong, ...(tally.firstWrong !== undefined && { firstWrong: tally.firstWrong }) },
    seconds,
    curve: curveOf(latency),
    serviceCurve: curveOf(tally.service),
    left,
  };
}
