/**
 * Reading on in the log: what was not pushed, what is older than the log keeps, and the snapshots that allow it to forget.
 *
 * Every read begins with the entry at our head, so that it tells at the same time whether we are still on the log's history. Where
 * the log was seen to end before our head, reads begin with its last entry, and go on from there until they have come to our head:
 *
 *   log   1 ... k            read from k: ours? then k+1 ... are put back; another's: we are foreign; not in the tail: lost
 *   tail  1 ... k ... head   read from k on, byte for byte, up to head: only then anything is taken again
 *
 * For what we put back may get into the log above an entry that another history had put there in the meantime.
 * Invariants: a snapshot holds stable entries only, and is published before the log is purged; the log keeps the entries that
 * nodes keep as their tails. A deposed primary's snapshot or purge does no harm: both concern stable entries.
 */
import { Backlog } from './backlog.ts';
import { becomeForeign, rebuild, take } from './apply-loop.ts';
import { openingHasRead } from './opening.ts';
import { noteFence } from './permits.ts';
import type { ClusterEvent, Restored } from './ports.ts';
import { replicateHasRead } from './replicate.ts';
import { copyReplicated } from './replicated.ts';
import { handOver } from './role-changes.ts';
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
  /** Bytes of the entries taken since the last capture, or start. */
  bytes: number;
  /** Of the last snapshot that this node published, as it stands in the store of snapshots. */
  length: number;
}

export function tickRead(state: NodeState, now: number, out: Outbox): void {
  if (state.rebuilding || state.backlog.waits || now < state.nextRead) return;
  if (state.readSentAt !== undefined && now < state.readSentAt + state.timing.appendMs) return;
  state.readSentAt = now;
  state.nextRead = now + state.timing.readMs;
  state.readHead = state.replicated.sequence;
  out.push({ kind: 'read-log', from: Math.max(state.logFirst, state.agreed ?? state.replicated.sequence), count: state.limits.readEntries });
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
  noteEnd(state, first, last);
  // Where we compare from a place on, only reads that leave nothing out tell anything of our head.
  const gapless = state.agreed === undefined || from <= Math.max(state.agreed, first);
  const incarnation = state.incarnation;
  let verified = state.replicated.sequence === 0;
  for (const [index, bytes] of entries.entries()) {
    const sequence = from + index;
    const head = state.replicated.sequence;
    take(state, sequence, bytes, verified, now, out);
    if (state.rebuilding || state.incarnation !== incarnation) return;
    if (gapless && sequence <= head && state.agreed !== undefined) state.agreed = Math.max(state.agreed, sequence);
    if (gapless && sequence === head) {
      verified = true;
      state.agreed = undefined;
    }
    if (sequence > head && state.replicated.sequence === head) {
      if (state.agreed !== undefined || state.backlog.waits) break;
      // It does not follow and cannot be void, for our own head is not in the log any more.
      if (first > head) becomeForeign(state, out);
      return;
    }
  }
  if (last > state.replicated.sequence) {
    if (entries.length > 1 || from > state.replicated.sequence) state.nextRead = now;
    return;
  }
  if (state.agreed === undefined) {
    // An answer from before what was taken meanwhile.
    if (last < state.replicated.sequence) {
      if (state.opening !== undefined) state.nextRead = now;
      return;
    }
    state.logLost = 0;
  } else if (!mayMend(state, from + entries.length - 1 >= last && from <= last, last, now, out)) {
    return;
  }
  state.election.logRead = true;
  openingHasRead(state, last, now, out);
  replicateHasRead(state, last, now, out);
}

/** Notes that the log ends before our head, as it was when it was asked; or that it begins after it, and the next entry tells alone. */
function noteEnd(state: NodeState, first: number, last: number): void {
  const { replicated, readHead } = state;
  if (last < Math.min(replicated.sequence, readHead)) state.agreed = Math.min(state.agreed ?? last, last);
  else if (first > replicated.sequence) state.agreed = undefined;
}

/** The log ends at or before our head, which has not been compared. Whether its last entry has been, so that the rest may be put back. */
function mayMend(state: NodeState, broughtLast: boolean, last: number, now: number, out: Outbox): boolean {
  const { replicated, tail, agreed, logFirst } = state;
  if (last > 0 && logFirst <= last && (agreed !== last || !broughtLast)) {
    state.nextRead = now;
    return false;
  }
  const reaches = (last === 0 || (broughtLast && tail.at(last) !== undefined)) && last + 1 >= tail.first;
  state.logLost = reaches ? 0 : replicated.sequence - last;
  // Others may have begun anew, and need not wait for us.
  if (state.logLost > 0 && state.opening !== undefined) handOver(state, now, out);
  return reaches && last < replicated.sequence;
}

export function takeRestored(state: NodeState, { incarnation, replicated, tail }: Restored, now: number, out: Outbox): void {
  if (!state.rebuilding) return;
  state.rebuilding = false;
  state.incarnation = incarnation;
  state.replicated = copyReplicated(replicated);
  state.results = new KeptResults(state.limits.resultBytesMax, state.replicated.proposals);
  state.tail = new Tail(state.limits, replicated.sequence, tail);
  state.backlog = new Backlog(state.limits);
  state.applied = replicated.sequence;
  state.stable = replicated.stable;
  state.tenureTakenAt = now;
  state.snapshots.last = replicated.sequence;
  state.snapshots.restoredAt = replicated.sequence;
  state.snapshots.captured = undefined;
  state.snapshots.underWay = false;
  state.snapshots.bytes = 0;
  state.permits.sent.clear();
  state.permits.rebuiltSince = now;
  state.marks = [];
  state.election.claim = undefined;
  state.election.logRead = false;
  state.agreed = undefined;
  state.logLost = 0;
  state.nextRead = now;
  state.readSentAt = undefined;
  noteFence(state);
  out.push({ kind: 'stable', sequence: state.stable });
}

/** The primary takes a snapshot of what is applied, publishes it when that is stable, and lets the log forget what is older. */
export function tickSnapshots(state: NodeState, out: Outbox): void {
  const { snapshots, limits, stable } = state;
  if (state.replicate === undefined) return;
  const isDue = stable - snapshots.last >= limits.snapshotEntries || snapshots.bytes >= Math.max(limits.snapshotBytes, snapshots.length / 2);
  if (!snapshots.underWay && isDue && stable > snapshots.last) {
    snapshots.underWay = true;
    snapshots.bytes = 0;
    out.push({ kind: 'capture' });
  }
  if (snapshots.captured !== undefined && stable >= snapshots.captured) {
    out.push({ kind: 'publish', sequence: snapshots.captured });
    snapshots.captured = undefined;
  }
}

export function takePublished(state: NodeState, sequence: number, bytes: number, out: Outbox): void {
  const { snapshots, limits } = state;
  snapshots.last = Math.max(snapshots.last, sequence);
  snapshots.underWay = false;
  snapshots.length = bytes;
  if (sequence > limits.tailEntries) out.push({ kind: 'purge', through: sequence - limits.tailEntries });
}
