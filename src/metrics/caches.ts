/**
 * Metrics of what workers keep in memory: decoded objects and key slots of the core.
 */
import type { Registry } from 'prom-client';
import { layout } from './layout.ts';
import { cellCounter, cellGauge } from './shared.ts';
import type { Slabs } from './shared.ts';

export function registerCaches(registry: Registry, slabs: Slabs): void {
  cellGauge(registry, slabs, layout.cacheEntries, 'kmipd_cached_objects', 'Decoded objects that workers keep in memory.');
  cellGauge(registry, slabs, layout.keySlots, 'kmipd_key_slots', 'Loaded key slots of the WebAssembly core.');
  cellCounter(registry, slabs, layout.keySlotLoads, 'kmipd_key_slot_loads_total', 'Keys expanded into a slot of the WebAssembly core.');
  cellCounter(registry, slabs, layout.fastAnswers, 'kmipd_fast_path_messages_total', 'Messages answered by the WebAssembly core alone.');
  cellCounter(registry, slabs, layout.cacheHits, 'kmipd_cache_hits_total', 'Objects found in the memory of a worker.');
  cellCounter(registry, slabs, layout.cacheMisses, 'kmipd_cache_misses_total', 'Objects fetched from the store by a worker.');
  cellCounter(registry, slabs, layout.cacheDrops, 'kmipd_cache_drops_total', 'Objects dropped by workers: changed, or least recently used.');
  cellCounter(registry, slabs, layout.cacheOverruns, 'kmipd_cache_overruns_total', 'Times that a worker dropped all objects because it missed changes.');
}
