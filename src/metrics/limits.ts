/**
 * Metric of limits: how often each was reached. A named limit without a row here would be one that nobody can see.
 */
import type { Registry } from 'prom-client';
import { layout, limitCells } from './layout.ts';
import { rowCounter } from './shared.ts';
import type { Slabs } from './shared.ts';

export function registerLimits(registry: Registry, slabs: Slabs, limitNames: readonly string[]): void {
  if (limitNames.length > limitCells) throw new RangeError(`there are ${limitNames.length} limits and room for ${limitCells} in a slab`);
  rowCounter(registry, slabs, layout.limits, 'limit', limitNames, 'kmipd_limit_reached_total', 'Times that a limit was reached.');
}
