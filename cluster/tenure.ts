/**
 * The tenure as its holder measures it: from before it sent the claim or renewal, on its own monotonic clock.
 *
 *   renew --- answered -----------------------> until = when that renewal was first sent + tenureMs; renew again after renewMs
 *     |  \--- refused, or no word for renewMs -> look, each lookMs --- the record is ours: renew at once, from its revision
 *     v                                                           \-- refused, and it is not: step down
 *   tenure over by the own clock: step down
 *
 * Invariant: when it has run out by the own clock, nothing is granted, answered or renewed any more, whatever arrives later:
 * `step` asks `tenureOver` before it looks at any event. So a process that slept (SIGSTOP) wakes up as a follower.
 */
import type { TenureRecord } from './ports.ts';
import { stepDown } from './role-changes.ts';
import type { NodeState, Outbox } from './state.ts';

export interface Tenure {
  readonly claim: string;
  /** Revision of the record as this node last wrote or saw it. */
  revision: number;
  until: number;
  nextRenewal: number;
  /** When a renewal that names the revision was first sent, for all without an answer: it may have been written from then on. */
  readonly sent: Map<number, number>;
  /** The last renewal has no answer yet, and no look after it showed the record. */
  awaiting: boolean;
  /** It has had none for `renewMs`: NATS stalls, maybe. */
  unanswered: boolean;
  /** When a renewal was refused: the record may still be ours, written by one whose answer was lost. */
  doubtedAt: number | undefined;
}

export function beginTenure(state: NodeState, claim: string, revision: number, sentAt: number): void {
  const { tenureMs, renewMs } = state.timing;
  state.tenure = { claim, revision, until: sentAt + tenureMs, nextRenewal: sentAt + renewMs, sent: new Map(), awaiting: false, unanswered: false, doubtedAt: undefined };
}

export function tenureOver(state: NodeState, now: number): boolean {
  return state.tenure !== undefined && now >= state.tenure.until;
}

export function tickTenure(state: NodeState, now: number, out: Outbox): void {
  const { tenure, timing } = state;
  if (tenure === undefined || now < tenure.nextRenewal) return;
  if (tenure.awaiting) {
    tenure.unanswered = true;
    tenure.nextRenewal = now + timing.lookMs;
    out.push({ kind: 'look', sentAt: now });
    return;
  }
  tenure.awaiting = true;
  tenure.nextRenewal = now + timing.renewMs;
  if (!tenure.sent.has(tenure.revision)) tenure.sent.set(tenure.revision, now);
  out.push({ kind: 'renew', claim: tenure.claim, revision: tenure.revision });
}

/** One that named the revision `expected` was written as `revision`: which of several, nobody knows, so it is counted from the first. */
export function takeRenewal(state: NodeState, claim: string, expected: number, revision: number): void {
  const { tenure, timing } = state;
  if (tenure?.claim !== claim) return;
  const sentAt = tenure.sent.get(expected);
  if (sentAt === undefined) return;
  tenure.revision = Math.max(tenure.revision, revision);
  tenure.until = Math.max(tenure.until, sentAt + timing.tenureMs);
  for (const older of tenure.sent.keys()) if (older <= expected) tenure.sent.delete(older);
  tenure.awaiting = tenure.sent.size > 0;
  tenure.nextRenewal = Math.min(tenure.nextRenewal, sentAt + timing.renewMs);
  tenure.unanswered = false;
  tenure.doubtedAt = undefined;
}

/** The record has another revision than this node knew, or is another's, or is gone. */
export function takeRefusedRenewal(state: NodeState, claim: string, now: number, out: Outbox): void {
  const { tenure, timing } = state;
  if (tenure?.claim !== claim) return;
  tenure.awaiting = true;
  tenure.doubtedAt ??= now;
  tenure.nextRenewal = now + timing.lookMs;
  out.push({ kind: 'look', sentAt: now });
}

/** The holder sees the record. The tenure is not longer for it. */
export function takeOwnSight(state: NodeState, tenure: Tenure, sentAt: number, record: TenureRecord | undefined, now: number, out: Outbox): void {
  if (record?.claim === tenure.claim) {
    tenure.revision = Math.max(tenure.revision, record.revision);
    tenure.doubtedAt = undefined;
    if (tenure.awaiting) tenure.nextRenewal = now;
    tenure.awaiting = false;
  } else if (tenure.doubtedAt !== undefined && sentAt >= tenure.doubtedAt) {
    stepDown(state, out);
  }
}
