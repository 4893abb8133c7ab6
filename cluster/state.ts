/**
 * All that one node knows: the state of `role.ts`, in parts that one file each keeps.
 *
 *              claimed                       tenure entry in the log,
 *              (tenure store)                others fenced or their permits over
 *   follower ------------------> opening ----------------------------------> primary
 *      ^  ^                         |                                           |
 *      |  +-------------------------+-------------------------------------------+
 *      |     tenure over by own clock, renewal refused, newer tenure entry in the log, yield
 *      |
 *   rebuilding: foreign history, or behind what the log still holds; starts from a snapshot as a new incarnation
 *
 * Invariant: changed by `step` only, with no clock, randomness or I/O but its event and `now`.
 */
import { Backlog } from './backlog.ts';
import { noFence } from './entry.ts';
import type { Fence } from './entry.ts';
import type { Election } from './election.ts';
import type { Forward } from './forward.ts';
import type { Opening } from './opening.ts';
import type { Holders, Permits } from './permits.ts';
import type { Effect, Restored } from './ports.ts';
import type { Replicate } from './replicate.ts';
import { copyReplicated } from './replicated.ts';
import { KeptResults } from './results.ts';
import type { Replicated } from './replicated.ts';
import type { SnapshotPlan } from './catch-up.ts';
import { Tail } from './tail.ts';
import type { Tenure } from './tenure.ts';
import type { ClusterLimits, Timing } from './timing.ts';

export interface NodeState {
  readonly node: string;
  readonly timing: Timing;
  readonly limits: ClusterLimits;
  /** Random; another after each start and each rebuild, so that what was said to the node before does not count. */
  incarnation: string;
  rebuilding: boolean;
  /** A rebuild that met the same foreign history again takes an older snapshot than this. */
  rebuildBelow: number;
  /** Up to the last entry taken. */
  replicated: Replicated;
  results: KeptResults;
  tail: Tail;
  /** Taken and not applied. */
  backlog: Backlog;
  /** Last entry synced in the own store, and seen by reads. */
  applied: number;
  /** Last entry known to be stable. */
  stable: number;
  /** When the tenure entry in force was taken, by the own clock. */
  tenureTakenAt: number;
  /** First entry that the log still has, as the last read told. */
  logFirst: number;
  /** Entries that the log lost and this node cannot put back, because its tail does not reach so far: nobody may go on, an operator has to look. */
  logLost: number;
  /**
   * Set while it is not known that the log holds our own head, since it was seen to end before it: up to this place it has been compared.
   * Nothing is taken meanwhile but by reads that begin here (catch-up.ts).
   */
  agreed: number | undefined;
  /** When the log is read next, whatever happens; and the read under way, if any, with our head when it was sent. */
  nextRead: number;
  readSentAt: number | undefined;
  readHead: number;
  readonly election: Election;
  readonly permits: Permits;
  readonly forward: Forward;
  readonly snapshots: SnapshotPlan;
  /** How far the history went at earlier ticks of the last `laggardMs`. */
  marks: { readonly sequence: number; readonly at: number }[];
  /** Set for good by `drain`. */
  draining: boolean;
  /** The incarnation of each node that last said farewell. */
  readonly departed: Map<string, string>;
  /** What the newest primary that yielded left. */
  handover: { readonly fence: Fence; readonly claim: string; readonly holders: readonly string[] } | undefined;
  tenure: Tenure | undefined;
  opening: Opening | undefined;
  holders: Holders;
  replicate: Replicate | undefined;
}

export interface NodeOptions {
  readonly node: string;
  readonly timing: Timing;
  readonly limits: ClusterLimits;
  readonly restored: Restored;
  /** True when the store was empty: nothing tells what this node promised before (permits.ts). */
  readonly startsEmpty: boolean;
}

export function createState({ node, timing, limits, restored, startsEmpty }: NodeOptions, now: number): NodeState {
  const replicated = copyReplicated(restored.replicated);
  return {
    node, timing, limits,
    incarnation: restored.incarnation,
    rebuilding: false,
    rebuildBelow: Number.MAX_SAFE_INTEGER,
    replicated,
    results: new KeptResults(limits.resultBytesMax, replicated.proposals),
    tail: new Tail(limits, replicated.sequence, restored.tail),
    backlog: new Backlog(limits),
    applied: replicated.sequence,
    stable: replicated.stable,
    tenureTakenAt: now,
    logFirst: 1,
    logLost: 0,
    agreed: undefined,
    nextRead: now,
    readSentAt: undefined,
    readHead: 0,
    election: { nextLook: now, restUntil: now, sight: undefined, claim: undefined, claims: 0, logRead: false },
    permits: { grants: [], sent: new Map(), nextNumber: 1, nextHeartbeat: now, fenceSeen: replicated.fence, emptySince: startsEmpty ? now : undefined, rebuiltSince: undefined },
    forward: { primary: undefined, openedFence: noFence, pauseMs: timing.resendMs, growsAt: now, waiting: new Map() },
    snapshots: { last: replicated.sequence, restoredAt: 0, captured: undefined, underWay: false, bytes: 0, length: 0 },
    marks: [],
    draining: false,
    departed: new Map(),
    handover: undefined,
    tenure: undefined,
    opening: undefined,
    holders: new Map(),
    replicate: undefined,
  };
}

export type Outbox = Effect[];

export function roleOf(state: NodeState): 'follower' | 'opening' | 'primary' | 'rebuilding' {
  if (state.rebuilding) return 'rebuilding';
  if (state.tenure === undefined) return 'follower';
  return state.opening === undefined ? 'primary' : 'opening';
}
