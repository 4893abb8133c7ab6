/**
 * Metrics of a cluster's node: answers that had to wait, or could not be given, since others may know better.
 */
import type { Registry } from 'prom-client';
import { heldCauses, layout } from './layout.ts';
import { cellCounter, rowCounter } from './shared.ts';
import type { Slabs } from './shared.ts';

export function registerClusterReads(registry: Registry, slabs: Slabs): void {
  rowCounter(registry, slabs, layout.readsHeld, 'for', heldCauses, 'kmipd_cluster_reads_held_total', 'Answers that waited for a permit of this node, or until a change that they show was on all nodes.');
  cellCounter(registry, slabs, layout.readsRefused, 'kmipd_cluster_reads_refused_total', 'Messages that were not answered since this node was out of touch with its cluster for too long.');
}
