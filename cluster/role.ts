/**
 * The protocol as one state machine: (state, event, now) → effects. No clock, no randomness, no I/O, no waiting.
 *
 * Invariant: the tenure is measured before anything else is looked at, so no event, however late it is handled, finds a
 * primary whose tenure is over. `now` is read before the step and every request leaves after it: all durations that
 * begin with a request are counted from before it was sent, whatever pause comes in between.
 * The same state, event and time always give the same effects: a seed replays a cluster (test/cluster/sim).
 */
import { take, takeApplied } from './apply-loop.ts';
import { takePublished, takeRead, takeRestored, tickRead, tickSnapshots } from './catch-up.ts';
import { takeClaim, takeSight, tickElection } from './election.ts';
import { compareFences } from './entry.ts';
import type { Fence } from './entry.ts';
import { resubmit, submit, takeResult, tickForward } from './forward.ts';
import { backToReading, takeHead, takeTail, tickOpening } from './opening.ts';
import { takeConfirm, takeFarewell, takeGrant, takeHeartbeat, tickHeartbeat, tickOverdue } from './permits.ts';
import type { ClusterEvent, Effect } from './ports.ts';
import type { PeerMessage } from './messages.ts';
import { removeMember, takePlanned, takeProposal, takeRefusal, tickReplicate } from './replicate.ts';
import { drain, handOver, stepDown, wakeUp } from './role-changes.ts';
import type { NodeState, Outbox } from './state.ts';
import { takeRefusedRenewal, takeRenewal, tenureOver, tickTenure } from './tenure.ts';

export function step(state: NodeState, event: ClusterEvent, now: number): readonly Effect[] {
  const out: Outbox = [];
  if (tenureOver(state, now)) stepDown(state, out);
  takeEvent(state, event, now, out);
  tickOpening(state, now, out);
  tickReplicate(state, now, out);
  tickSnapshots(state, out);
  tickHeartbeat(state, now, out);
  tickRead(state, now, out);
  if (event.kind === 'tick') {
    tickOverdue(state, now);
    tickTenure(state, now, out);
    tickElection(state, now, out);
    tickForward(state, now, out);
  }
  return out;
}

function takeEvent(state: NodeState, event: ClusterEvent, now: number, out: Outbox): void {
  switch (event.kind) {
    case 'tick':
      return;
    case 'message':
      takeMessage(state, event.from, event.message, now, out);
      return;
    case 'tenure-seen':
      takeSight(state, event.sentAt, event.record, now, out);
      return;
    case 'claimed':
      takeClaim(state, event.claim, event.revision, now, out);
      return;
    case 'claim-failed':
      if (state.election.claim?.claim === event.claim) state.election.claim = undefined;
      return;
    case 'renewed':
      takeRenewal(state, event.claim, event.expected, event.revision);
      return;
    case 'renew-failed':
      takeRefusedRenewal(state, event.claim, now, out);
      return;
    case 'log-pushed':
      take(state, event.sequence, event.bytes, false, now, out);
      return;
    case 'log-read':
      takeRead(state, event, now, out);
      return;
    case 'appended': {
      const sent = state.replicate?.sent.find(({ hash }) => hash === event.hash) ?? (state.opening?.entry?.hash === event.hash ? state.opening.entry : undefined);
      if (sent !== undefined && sent.entry.sequence === event.sequence) take(state, event.sequence, sent.bytes, false, now, out);
      return;
    }
    case 'append-refused':
      state.nextRead = Math.min(state.nextRead, now);
      takeRefusal(state, event.hash);
      if (state.opening?.entry?.hash === event.hash) backToReading(state, now);
      return;
    case 'applied':
      takeApplied(state, event.sequence, event.incarnation, now, out);
      return;
    case 'planned':
      takePlanned(state, { proposal: event.proposal, mutations: event.mutations, result: event.result });
      return;
    case 'restored':
      takeRestored(state, event.restored, now, out);
      return;
    case 'captured':
      state.snapshots.captured = event.sequence;
      return;
    case 'published':
      takePublished(state, event.sequence, event.bytes, out);
      return;
    case 'submitted':
      submit(state, event.proposal, event.payload, now, out);
      return;
    case 'yield':
      handOver(state, now, out);
      return;
    case 'drain':
      drain(state, now, out);
      return;
    case 'remove-member':
      removeMember(state, event.node);
      return;
    case 'slept':
      wakeUp(state, now, out);
  }
}

function takeMessage(state: NodeState, from: string, message: PeerMessage, now: number, out: Outbox): void {
  switch (message.kind) {
    case 'heartbeat':
      noteFenced(state, from, message.fence);
      takeHeartbeat(state, from, message, now, out);
      return;
    case 'farewell':
      noteFenced(state, from, message.fence);
      takeFarewell(state, from, message);
      return;
    case 'handover':
      if (state.handover === undefined || compareFences(message.fence, state.handover.fence) > 0) state.handover = message;
      return;
    case 'grant':
      takeGrant(state, message, now);
      noteOpened(state, message, now);
      takeStable(state, message.fence, message.stable, out);
      return;
    case 'confirm':
      takeConfirm(state, from, message);
      return;
    case 'stable':
      if (message.last > state.replicated.sequence) state.nextRead = Math.min(state.nextRead, now);
      noteOpened(state, message, now);
      takeStable(state, message.fence, message.stable, out);
      return;
    case 'ask':
      if (!state.rebuilding) out.push({ kind: 'send', to: from, message: { kind: 'head', claim: message.claim, sequence: state.replicated.sequence, fence: state.replicated.fence } });
      return;
    case 'head':
      takeHead(state, from, message);
      return;
    case 'fetch': {
      if (state.rebuilding) return;
      const entries = state.tail.from(message.from, state.limits.readEntries, state.limits.tailMessageBytes).map(({ bytes }) => bytes);
      out.push({ kind: 'send', to: from, message: { kind: 'tail', claim: message.claim, from: message.from, entries } });
      return;
    }
    case 'tail':
      takeTail(state, message, now, out);
      return;
    case 'propose':
      takeProposal(state, from, message.proposal, message.payload, out);
      return;
    case 'result':
      takeResult(state, message.proposal, message.result, now, out);
  }
}

/** The node has the tenure entry on its disk: it uses no older permit any more, however often it restarts. */
function noteFenced({ opening, replicated }: NodeState, node: string, fence: Fence): void {
  if (opening?.stage === 'waiting' && compareFences(fence, replicated.fence) === 0) opening.fenced.add(node);
}

/** That its tenure entry is stable tells that the primary has opened. */
function noteOpened(state: NodeState, { fence, stable }: { readonly fence: Fence; readonly stable: number }, now: number): void {
  if (compareFences(fence, state.replicated.fence) === 0 && stable >= state.replicated.tenureSequence) resubmit(state, fence, now);
}

/** What a primary declared stable counts for those who share its history. */
function takeStable(state: NodeState, fence: Fence, stable: number, out: Outbox): void {
  if (compareFences(fence, state.replicated.fence) !== 0 || stable <= state.stable) return;
  state.stable = stable;
  out.push({ kind: 'stable', sequence: stable });
}
