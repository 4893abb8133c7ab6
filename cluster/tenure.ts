/**
 * The tenure as its holder measures it: from before it sent the claim or renewal, on its own monotonic clock.
 *
 * Invariant: when it has run out by the own clock, nothing is granted, answered or renewed any more, whatever arrives later:
 * `step` asks `tenureOver` before it looks at any event. So a process that slept (SIGSTOP) wakes up as a follower.
 */
import type { NodeState, Outbox } from './state.ts';

export interface Tenure {
  readonly claim: string;
  /** Revision of the record as this node last wrote it. */
  revision: number;
  until: number;
  nextRenewal: number;
  /** When the renewal under way was sent. */
  renewalSentAt: number | undefined;
}

export function beginTenure(state: NodeState, claim: string, revision: number, sentAt: number): void {
  const { tenureMs, renewMs } = state.timing;
  state.tenure = { claim, revision, until: sentAt + tenureMs, nextRenewal: sentAt + renewMs, renewalSentAt: undefined };
}

export function tenureOver(state: NodeState, now: number): boolean {
  return state.tenure !== undefined && now >= state.tenure.until;
}

export function tickTenure(state: NodeState, now: number, out: Outbox): void {
  const { tenure, timing } = state;
  if (tenure === undefined || now < tenure.nextRenewal) return;
  tenure.nextRenewal = now + timing.renewMs;
  if (tenure.renewalSentAt !== undefined) {
    // No word of the last one: it may have been written. A look tells, and gives the revision to go on with.
    tenure.renewalSentAt = undefined;
    out.push({ kind: 'look', sentAt: now });
    tenure.nextRenewal = now + timing.lookMs;
    return;
  }
  tenure.renewalSentAt = now;
  out.push({ kind: 'renew', claim: tenure.claim, revision: tenure.revision });
}

export function takeRenewal(state: NodeState, claim: string, revision: number): void {
  const { tenure, timing } = state;
  if (tenure === undefined || tenure.claim !== claim || tenure.renewalSentAt === undefined || revision <= tenure.revision) return;
  tenure.revision = revision;
  tenure.until = tenure.renewalSentAt + timing.tenureMs;
  tenure.renewalSentAt = undefined;
}
