/**
 * Reading on in the log: what was not pushed, what is older than the log keeps, and the snapshots that allow it to forget.
 *
 * Every read begins with the entry at our head, so that it tells at the same time whether we are still on the log's history.
 * Invariants: a snapshot holds stable entries only, and is published before the log is purged; the log keeps the entries that
 * nodes keep as their tails. A deposed primary's snapshot or purge does no harm: both concern stable entries.
 */
import { becomeForeign, rebuild, take } from './apply-loop.ts';
import { openingHasRead } from './opening.ts';
import { noteFence } from './permits.ts';
import type { ClusterEvent, Restored } from './ports.ts';
import { replicateHasRead } from './replicate.ts';
import { copyReplicated } from './replicated.ts';
import { KeptResults } from './results.ts';
import type { NodeState, Outbox } from './state.ts';
import { Tail } from './tail.ts';

export interface SnapshotPlan {
  /** Sequence of the last snapshot that this node published or came from. */
  last: number;
  restoredAt: number;
  /** Taken, and to be published once stable. */
  captured: number | undefined;
  underWay: boolean;
}

export function tickRead(state: NodeState, now: number, out: Outbox): void {
  if (state.rebuilding || now < state.nextRead) return;
  if (state.readSentAt !== undefined && now < state.readSentAt + state.timing.appendMs) return;
  state.readSentAt = now;
  state.nextRead = now + state.timing.readMs;
  out.push({ kind: 'read-log', from: Math.max(state.logFirst, state.replicated.sequence), count: state.limits.readEntries });
}

export function takeRead(state: NodeState, read: Extract<ClusterEvent, { kind: 'log-read' }>, now: number, out: Outbox): void {
  if (state.rebuilding) return;
  state.readSentAt = undefined;
  const { from, entries, first, last } = read;
  // Our head may just have been purged: then the next read begins after it.
  if (first > from && first > state.logFirst) state.nextRead = now;
  state.logFirst = Math.max(1, first);
  if (first > state.replicated.sequence + 1) {
    state.rebuildBelow = Number.MAX_SAFE_INTEGER;
    rebuild(state, out);
    return;
  }
  const incarnation = state.incarnation;
  let verified = state.replicated.sequence === 0;
  for (const [index, bytes] of entries.entries()) {
    const sequence = from + index;
    const head = state.replicated.sequence;
    take(state, sequence, bytes, verified, now, out);
    if (state.rebuilding || state.incarnation !== incarnation) return;
    verified ||= sequence === head;
    if (sequence > head && state.replicated.sequence === head) {
      // It does not follow and cannot be void, for our own head is not in the log any more.
      if (first > head) becomeForeign(state, out);
      return;
    }
  }
  if (last > state.replicated.sequence) {
    if (entries.length > 1 || from > state.replicated.sequence) state.nextRead = now;
    return;
  }
  if (last >= state.replicated.sequence) state.logLost = 0;
  state.election.logRead = true;
  openingHasRead(state, last, now, out);
  replicateHasRead(state, last, now, out);
}

export function takeRestored(state: NodeState, { incarnation, replicated, tail }: Restored, now: number, out: Outbox): void {
  if (!state.rebuilding) return;
  state.rebuilding = false;
  state.incarnation = incarnation;
  state.replicated = copyReplicated(replicated);
  state.results = new KeptResults(state.limits.resultBytesMax, state.replicated.proposals);
  state.tail = new Tail(state.limits, replicated.sequence, tail);
  state.applied = replicated.sequence;
  state.stable = replicated.stable;
  state.tenureTakenAt = now;
  state.snapshots.last = replicated.sequence;
  state.snapshots.restoredAt = replicated.sequence;
  state.snapshots.captured = undefined;
  state.snapshots.underWay = false;
  state.permits.sent.clear();
  state.marks = [];
  state.election.claim = undefined;
  state.election.logRead = false;
  state.nextRead = now;
  state.readSentAt = undefined;
  noteFence(state);
  out.push({ kind: 'stable', sequence: state.stable });
}

/** The primary takes a snapshot of what is applied, publishes it when that is stable, and lets the log forget what is older. */
export function tickSnapshots(state: NodeState, out: Outbox): void {
  const { snapshots, limits, stable } = state;
  if (state.replicate === undefined) return;
  if (!snapshots.underWay && stable - snapshots.last >= limits.snapshotEntries) {
    snapshots.underWay = true;
    out.push({ kind: 'capture' });
  }
  if (snapshots.captured !== undefined && stable >= snapshots.captured) {
    out.push({ kind: 'publish', sequence: snapshots.captured });
    snapshots.captured = undefined;
  }
}

export function takePublished(state: NodeState, sequence: number, out: Outbox): void {
  const { snapshots, limits } = state;
  snapshots.last = Math.max(snapshots.last, sequence);
  snapshots.underWay = false;
  if (sequence > limits.tailEntries) out.push({ kind: 'purge', through: sequence - limits.tailEntries });
}
