/**
 * The registry of a node: puts the families together and gives the text of `/metrics`.
 *
 * One file a family; every family reads shared memory or asks the main thread at scrape time only.
 */
import { Gauge, Registry, collectDefaultMetrics } from 'prom-client';
import { registerCaches } from './caches.ts';
import { registerCluster } from './cluster.ts';
import type { ClusterFacts } from './cluster.ts';
import { registerClusterReads } from './cluster-reads.ts';
import { registerConnections } from './connections.ts';
import { slabBytes } from './layout.ts';
import { registerLimits } from './limits.ts';
import { registerRequests } from './requests.ts';
import { sharedGauge } from './shared.ts';
import { registerWriting } from './writing.ts';
import type { WritingMetrics, WritingState } from './writing.ts';

export interface MetricsParts {
  readonly workers: number;
  readonly limitNames: readonly string[];
  readonly serverVersion: string;
  readonly coreBuild: string;
  readonly writing: WritingState;
  /** Share of the time since the last call that each worker was busy, 0 to 1. */
  utilization(): readonly number[];
  /** Of a member of a cluster. */
  cluster?(): ClusterFacts;
}

export interface NodeMetrics {
  /** One slab a worker, to be handed to its thread. */
  readonly slabs: readonly SharedArrayBuffer[];
  readonly writing: WritingMetrics;
  readonly contentType: string;
  text(): Promise<string>;
}

export function createMetrics(parts: MetricsParts): NodeMetrics {
  const registry = new Registry();
  const slabs = Array.from({ length: parts.workers }, () => new SharedArrayBuffer(slabBytes));
  const views = slabs.map((slab) => new Float64Array(slab));
  registerRequests(registry, views);
  registerConnections(registry, views);
  registerCaches(registry, views);
  registerLimits(registry, views, parts.limitNames);
  const writing = registerWriting(registry, parts.writing);
  sharedGauge(registry, { name: 'kmipd_worker_utilization', help: 'Share of the time since the last scrape that a worker was busy.', labelNames: ['worker'] }, () => parts.utilization().map((value, worker) => ({ labels: { worker: String(worker) }, value })));
  if (parts.cluster !== undefined) {
    registerCluster(registry, parts.cluster);
    registerClusterReads(registry, views);
  }
  new Gauge({ name: 'kmipd_build_info', help: 'Version of the server, its Node and its core; always 1.', labelNames: ['version', 'node', 'core'], registers: [registry] })
    .set({ version: parts.serverVersion, node: process.version, core: parts.coreBuild }, 1);
  collectDefaultMetrics({ register: registry });
  return { slabs, writing, contentType: registry.contentType, text: () => registry.metrics() };
}
