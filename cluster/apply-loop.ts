/**
 * Taking entries from the log, one after the other, and handing them to the store.
 *
 *   pushed, read or acknowledged --> take: next in order? same as taken before? counts or void? --> apply (synced) --> confirm
 *
 * Invariants: entries are taken in the order of the log, each once. An entry that differs from the one taken at its place, or
 * does not follow under a newer fence while the log's entry at our head is not ours, shows a foreign history: the node
 * rebuilds. Where the log is known to agree with our head, an entry that does not follow is void for everyone.
 */
import { Buffer } from 'node:buffer';
import { compareFences, emptyHash, open } from './entry.ts';
import type { Logged } from './entry.ts';
import { noteFence } from './permits.ts';
import type { Head } from './ports.ts';
import { replicateTook } from './replicate.ts';
import { advance, counts } from './replicated.ts';
import { stepDown, tenureEntered } from './role-changes.ts';
import type { NodeState, Outbox } from './state.ts';

/** Takes one entry. `verified`: the log has just been seen to hold our last entry at our head. */
export function take(state: NodeState, sequence: number, bytes: Uint8Array, verified: boolean, now: number, out: Outbox): void {
  const { replicated, tail, timing } = state;
  if (state.rebuilding) return;
  if (sequence <= replicated.sequence) {
    const taken = tail.at(sequence);
    if (taken !== undefined && Buffer.compare(taken.bytes, bytes) !== 0) becomeForeign(state, out);
    return;
  }
  if (sequence > replicated.sequence + 1) {
    state.nextRead = Math.min(state.nextRead, now);
    return;
  }
  // The read that follows when the disk has caught up brings it.
  if (state.backlog.waits) return;
  if (!verified && state.agreed !== undefined) {
    // Whether the log holds our head is not known.
    state.nextRead = Math.min(state.nextRead, now);
    return;
  }
  const logged = open(bytes);
  if (!verified && !counts(replicated, logged) && compareFences(logged.entry.fence, replicated.fence) > 0) {
    // Void, or is it us? A read that begins with our own head tells.
    state.nextRead = Math.min(state.nextRead, now);
    return;
  }
  const entryCounts = advance(replicated, logged, timing.proposalKeptMs);
  state.snapshots.bytes += logged.bytes.length;
  state.results.take(entryCounts ? logged.entry.works : [], replicated.proposals);
  tail.push(logged);
  state.backlog.take(bytes.length);
  out.push({ kind: 'apply', logged, counts: entryCounts });
  if (entryCounts && logged.entry.kind === 'tenure') takeTenureEntry(state, logged, now, out);
  replicateTook(state, logged, entryCounts, now);
  if (replicated.stable > state.stable) {
    state.stable = replicated.stable;
    out.push({ kind: 'stable', sequence: state.stable });
  }
}

function takeTenureEntry(state: NodeState, { entry }: Logged, now: number, out: Outbox): void {
  state.tenureTakenAt = now;
  state.forward.primary = entry.fence.node;
  noteFence(state);
  state.holders.clear();
  if (state.tenure?.claim === entry.claim) tenureEntered(state, now);
  else if (state.tenure !== undefined) stepDown(state, out);
}

/** The store has synced the entry, and reads see it. */
export function takeApplied(state: NodeState, sequence: number, incarnation: string, now: number, out: Outbox): void {
  const { replicated } = state;
  if (incarnation !== state.incarnation || sequence <= state.applied) return;
  // The first sync of a new tenure's entry is told at once, with a heartbeat: a new primary waits for it.
  if (state.applied < replicated.tenureSequence && sequence >= replicated.tenureSequence) state.permits.nextHeartbeat = now;
  if (state.backlog.apply(sequence - state.applied)) state.nextRead = now;
  state.applied = sequence;
  const primary = replicated.fence.node;
  if (primary === state.node || sequence < replicated.tenureSequence) return;
  out.push({ kind: 'send', to: primary, message: { kind: 'confirm', fence: replicated.fence, incarnation: state.incarnation, applied: sequence } });
}

/** Our history is not the log's: start anew from a snapshot, an older one if the newest led here again. */
export function becomeForeign(state: NodeState, out: Outbox): void {
  if (state.rebuilding) return;
  stepDown(state, out);
  state.rebuildBelow = state.replicated.sequence === state.snapshots.restoredAt ? state.snapshots.restoredAt : Number.MAX_SAFE_INTEGER;
  rebuild(state, out);
}

export function rebuild(state: NodeState, out: Outbox): void {
  stepDown(state, out);
  state.rebuilding = true;
  state.permits.grants = [];
  out.push({ kind: 'discard' }, { kind: 'rebuild', below: state.rebuildBelow });
}

/** Entries that were lost, on the way or by the log, go to where they were, byte for byte, if the log still ends before them. */
export function appendAgain(after: Head, entries: readonly Logged[], out: Outbox): void {
  let expected = after;
  for (const logged of entries) {
    out.push({ kind: 'append', expected, logged });
    expected = { sequence: expected.sequence + 1, hash: logged.hash };
  }
}

/**
 * The log ends at `last`, before our own head, with the entry that we have there (catch-up.ts): it lost entries. Puts them back, as many at
 * once as the limits let, and reads again soon.
 */
export function putBack(state: NodeState, last: number, now: number, out: Outbox): void {
  const { tail, limits, timing } = state;
  state.nextRead = now + timing.askMs;
  appendAgain({ sequence: last, hash: tail.at(last)?.hash ?? emptyHash }, tail.from(last + 1, limits.readEntries, limits.putBackBytes), out);
}
