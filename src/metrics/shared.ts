/**
 * Reads the slabs of all threads as prom-client metrics: sums over threads, computed at scrape and never before.
 *
 * prom-client's own counters live in one thread, so here a counter is set from shared memory when it is asked, and a
 * histogram gives its lines from the cells (layout in `layout.ts`).
 */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import { histogramCells } from './layout.ts';

/** The slabs of all workers, in the order of the workers. */
export type Slabs = readonly Float64Array[];

export interface Reading {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface FamilyName {
  readonly name: string;
  readonly help: string;
  readonly labelNames?: readonly string[];
}

export function sumOf(slabs: Slabs, cell: number): number {
  let sum = 0;
  for (const slab of slabs) sum += slab[cell]!;
  return sum;
}

export function sharedCounter(registry: Registry, family: FamilyName, read: () => readonly Reading[]): void {
  new Counter({
    name: family.name,
    help: family.help,
    labelNames: [...(family.labelNames ?? [])],
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of read()) this.inc({ ...labels }, value);
    },
  });
}

export function sharedGauge(registry: Registry, family: FamilyName, read: () => readonly Reading[]): void {
  new Gauge({
    name: family.name,
    help: family.help,
    labelNames: [...(family.labelNames ?? [])],
    registers: [registry],
    collect() {
      this.reset();
      for (const { labels, value } of read()) this.set({ ...labels }, value);
    },
  });
}

/** One plain counter that is one cell of the slabs. */
export function cellCounter(registry: Registry, slabs: Slabs, cell: number, name: string, help: string): void {
  sharedCounter(registry, { name, help }, () => [{ labels: {}, value: sumOf(slabs, cell) }]);
}

/** One counter whose label runs over neighbouring cells. */
export function rowCounter(registry: Registry, slabs: Slabs, offset: number, labelName: string, labels: readonly string[], name: string, help: string): void {
  sharedCounter(registry, { name, help, labelNames: [labelName] }, () => labels.map((label, index) => ({ labels: { [labelName]: label }, value: sumOf(slabs, offset + index) })));
}

export function cellGauge(registry: Registry, slabs: Slabs, cell: number, name: string, help: string): void {
  sharedGauge(registry, { name, help }, () => [{ labels: {}, value: sumOf(slabs, cell) }]);
}

export interface HistogramSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** First cell of the series: a count a bound, one for what is above, the sum. */
  readonly offset: number;
}

class SharedHistogram extends Histogram {
  readonly #lines: () => { metricName: string; labels: Record<string, string | number>; value: number }[];

  constructor(registry: Registry, family: FamilyName, bounds: readonly number[], slabs: Slabs, series: () => readonly HistogramSeries[]) {
    super({ name: family.name, help: family.help, labelNames: [...(family.labelNames ?? [])], buckets: [...bounds], registers: [registry] });
    this.#lines = () => series().flatMap(({ labels, offset }) => {
      const lines = [];
      let count = 0;
      for (let index = 0; index <= bounds.length; index += 1) {
        count += sumOf(slabs, offset + index);
        lines.push({ metricName: `${family.name}_bucket`, labels: { ...labels, le: index < bounds.length ? String(Number(bounds[index]!.toPrecision(6))) : '+Inf' }, value: count });
      }
      lines.push({ metricName: `${family.name}_sum`, labels: { ...labels }, value: sumOf(slabs, offset + bounds.length + 1) });
      lines.push({ metricName: `${family.name}_count`, labels: { ...labels }, value: count });
      return lines;
    });
  }

  /** The registry asks this one for the text form. */
  getForPromString(): Promise<unknown> {
    return this.get();
  }

  override async get(): Promise<never> {
    const self = this as unknown as { name: string; help: string; type: string; aggregator: string };
    return { name: self.name, help: self.help, type: 'histogram', aggregator: 'sum', values: this.#lines() } as never;
  }
}

export function sharedHistogram(registry: Registry, family: FamilyName, bounds: readonly number[], slabs: Slabs, series: () => readonly HistogramSeries[]): void {
  new SharedHistogram(registry, family, bounds, slabs, series);
}

/** Whether a histogram's series holds anything yet: empty series are left out of the text. */
export function hasObservations(slabs: Slabs, offset: number, bounds: readonly number[]): boolean {
  for (let index = 0; index < histogramCells(bounds) - 1; index += 1) {
    if (sumOf(slabs, offset + index) > 0) return true;
  }
  return false;
}
