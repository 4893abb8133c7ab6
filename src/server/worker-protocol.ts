/**
 * What the main thread and its workers tell each other. Counters, caches and limits go through shared memory instead.
 *
 *     main                                worker
 *      │ ── WorkerStart (workerData) ────> │  opens a read handle, warms up
 *      │ <─────────────────── rehearsing ─ │  at this port, which is not the clients'
 *      │ ────── rehearsed ───────────────> │
 *      │ <──────────────────── listening ─ │
 *      │ <───── plan { message } ───────── │  a message that changes something
 *      │ ────── planned { answer } ──────> │
 *      │ ────── identity ────────────────> │  look up all live connections again
 *      │ ────── ticket-secret ───────────> │  of TLS session tickets, from now on
 *      │ ────── drain ───────────────────> │
 *      │ <─────────────────────── drained ─│
 *      │ ────── close ───────────────────> │  wipes, closes, ends with code 0
 */
import type { LogLevel } from '../log.ts';
import type { ServerFacts } from '../operations/context.ts';
import type { Crossovers } from '../wasm/accelerator.ts';
import type { Limits } from './limits.ts';
import type { RehearsalPlace } from './rehearsal.ts';
import type { TlsMaterial } from './tls-options.ts';
import type { Consistency } from './message-service.ts';
import type { PlanMessage, PlannedMessage } from './primary-link.ts';

/** All that a worker is given; secrets in it stay in the process. */
export interface WorkerStart {
  readonly worker: number;
  readonly host: string | undefined;
  readonly port: number;
  /** Whether other workers listen on the port as well. */
  readonly reusePort: boolean;
  readonly logLevel: LogLevel;
  readonly limits: Limits;
  readonly tls: TlsMaterial;
  readonly store: { readonly folder: string; readonly rootKey: Uint8Array };
  readonly streamKey: Uint8Array;
  /** Taken for this thread alone before it started. */
  readonly noncePrefix: number;
  readonly server: ServerFacts;
  readonly core: WebAssembly.Module;
  /** Undefined: the core alone. */
  readonly crossovers: Crossovers | undefined;
  readonly coherence: SharedArrayBuffer;
  /** What may be answered (cluster-view.ts), and how strictly; undefined: a single node, which may answer all. */
  readonly clusterView?: SharedArrayBuffer | undefined;
  readonly consistency?: Consistency | undefined;
  readonly census: SharedArrayBuffer;
  readonly slab: SharedArrayBuffer;
}

export type FromWorker = { readonly kind: 'rehearsing'; readonly place: RehearsalPlace } | { readonly kind: 'listening'; readonly port: number } | { readonly kind: 'drained' } | PlanMessage;
export type ToWorker = PlannedMessage | { readonly kind: 'rehearsed' } | { readonly kind: 'identity' } | { readonly kind: 'ticket-secret'; readonly secret: Uint8Array } | { readonly kind: 'drain' } | { readonly kind: 'close' };
