/**
 * Metrics of the writing thread: queue, commits, write sets. They live in that thread, so they are plain prom-client.
 */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { Registry } from 'prom-client';
import { latencyBounds } from './layout.ts';

export interface WritingMetrics {
  planned(seconds: number): void;
  committed(mutations: number, seconds: number): void;
  refused(): void;
}

export interface WritingState {
  /** Messages submitted and not answered yet. */
  queued(): number;
  sequence(): number;
}

const writeSetBounds = [0, 1, 2, 4, 8, 16, 32, 64, 128];

export function registerWriting(registry: Registry, state: WritingState): WritingMetrics {
  const registers = [registry];
  new Gauge({ name: 'kmipd_writer_queue', help: 'Messages that the writing thread has not answered yet.', registers, collect() { this.set(state.queued()); } });
  new Gauge({ name: 'kmipd_store_sequence', help: 'Sequence of the last write set applied.', registers, collect() { this.set(state.sequence()); } });
  const planning = new Histogram({ name: 'kmipd_plan_duration_seconds', help: 'Executing one message on the writing thread, without its commit.', buckets: [...latencyBounds], registers });
  const commits = new Counter({ name: 'kmipd_commits_total', help: 'Write sets committed.', registers });
  const duration = new Histogram({ name: 'kmipd_commit_duration_seconds', help: 'From a write set handed to the store until it is synced.', buckets: [...latencyBounds], registers });
  const sizes = new Histogram({ name: 'kmipd_write_set_mutations', help: 'Mutations of a write set.', buckets: writeSetBounds, registers });
  const refusals = new Counter({ name: 'kmipd_writer_refusals_total', help: 'Messages refused because the writing thread had too many.', registers });
  return {
    planned: (seconds) => planning.observe(seconds),
    committed(mutations, seconds) {
      commits.inc();
      duration.observe(seconds);
      sizes.observe(mutations);
    },
    refused: () => refusals.inc(),
  };
}
