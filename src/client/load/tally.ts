/**
 * The counts of a load run: made by each thread, added up in the end. Latencies go into HDR histograms (node:perf_hooks),
 * in nanoseconds, with three significant figures, up to ten minutes.
 */
import { createHistogram } from 'node:perf_hooks';
import type { RecordableHistogram } from 'node:perf_hooks';
import type { LoadOperation } from './plan.ts';

const highestNanoseconds = 600_000_000_000;

export function newHistogram(): RecordableHistogram {
  return createHistogram({ lowest: 1, highest: highestNanoseconds, figures: 3 });
}

export function recordMs(histogram: RecordableHistogram, milliseconds: number): void {
  histogram.record(Math.min(highestNanoseconds, Math.max(1, Math.round(milliseconds * 1e6))));
}

export interface OperationTally {
  readonly operation: LoadOperation;
  /** From the due time to the answer. */
  readonly latency: RecordableHistogram;
  items: number;
}

export interface Tally {
  readonly operations: readonly OperationTally[];
  /** From sending to the answer. */
  readonly service: RecordableHistogram;
  /** From the due time to sending: the generator's own lag, and waiting for a connection with room. */
  readonly wait: RecordableHistogram;
  /** Failed items by Result Reason, and messages that have no answer by why. */
  readonly failures: Map<string, number>;
  /** Messages due in the measured time; answered among them; whatever was answered within it. */
  due: number;
  answered: number;
  answeredInTime: number;
  itemsInTime: number;
  /** Due, but never sent, as too many were waiting. */
  dropped: number;
  lostConnections: number;
  checked: number;
  wrong: number;
  /** What the first wrong answer was. */
  firstWrong: string | undefined;
  /** Length of the measured time. */
  measuredMs: number;
}

export function newTally(operations: readonly LoadOperation[]): Tally {
  return {
    operations: operations.map((operation) => ({ operation, latency: newHistogram(), items: 0 })),
    service: newHistogram(), wait: newHistogram(), failures: new Map(),
    due: 0, answered: 0, answeredInTime: 0, itemsInTime: 0, dropped: 0, lostConnections: 0, checked: 0, wrong: 0, firstWrong: undefined, measuredMs: 0,
  };
}

export function countFailure(tally: Tally, why: string, count = 1): void {
  tally.failures.set(why, (tally.failures.get(why) ?? 0) + count);
}

/** Adds a thread's counts to the whole. */
export function addTally(whole: Tally, part: Tally): void {
  whole.operations.forEach((each, index) => {
    each.latency.add(part.operations[index]!.latency);
    each.items += part.operations[index]!.items;
  });
  whole.service.add(part.service);
  whole.wait.add(part.wait);
  for (const [why, count] of part.failures) countFailure(whole, why, count);
  for (const name of ['due', 'answered', 'answeredInTime', 'itemsInTime', 'dropped', 'lostConnections', 'checked', 'wrong'] as const) whole[name] += part[name];
  whole.firstWrong ??= part.firstWrong;
  whole.measuredMs = Math.max(whole.measuredMs, part.measuredMs);
}

export interface Quantiles {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

const milliseconds = (nanoseconds: number): number => Number((nanoseconds / 1e6).toFixed(6));

/** In milliseconds; all 0 when nothing was recorded. */
export function quantilesOf(histogram: RecordableHistogram): Quantiles {
  if (histogram.count === 0) return { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
  const at = (percentile: number): number => milliseconds(histogram.percentile(percentile));
  return { count: histogram.count, mean: milliseconds(histogram.mean), p50: at(50), p90: at(90), p99: at(99), p999: at(99.9), max: milliseconds(histogram.max) };
}

/** Points of the latency curve: percentile and milliseconds, closer together towards 100. */
export function curveOf(histogram: RecordableHistogram): readonly (readonly [percentile: number, ms: number])[] {
  const points: [number, number][] = [];
  if (histogram.count === 0) return points;
  for (let nines = 0.02; nines <= Math.min(6, Math.log10(histogram.count) + 0.02); nines += 0.04) {
    const percentile = 100 * (1 - 10 ** -nines);
    points.push([Number(percentile.toFixed(6)), milliseconds(histogram.percentile(percentile))]);
  }
  return points;
}
