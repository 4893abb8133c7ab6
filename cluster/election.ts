/**
 * Who claims, when, and how long it has to wait for the one before.
 *
 *   look ... look ... look (nothing there) -> claim -> claimed -> opening
 *
 * A node watches the tenure record by looks. A record that stood unchanged from its first to its last sight for longer than a
 * tenure belongs to a primary that has stopped by its own clock: it only renews while it believes, and a renewal would have
 * changed the record. Then a claimant need not wait for that primary; else it waits a tenure from its claim. The time to live
 * of the record is therefore not what safety rests on: the tenure store may even forget a record.
 */
import { beginTenure, takeOwnSight } from './tenure.ts';
import { beginOpening } from './opening.ts';
import type { TenureRecord } from './ports.ts';
import type { NodeState, Outbox } from './state.ts';
import { outlasting } from './timing.ts';

export interface Sight {
  readonly claim: string;
  readonly revision: number;
  readonly node: string;
  /** When the look that saw it first was sent, and when its answer arrived here. */
  readonly firstSentAt: number;
  readonly firstAt: number;
  /** When the last look that saw it unchanged was sent. */
  readonly lastAt: number;
}

export interface Election {
  nextLook: number;
  /** After it yielded, a node lets the others claim first. */
  restUntil: number;
  sight: Sight | undefined;
  /** The claim under way. */
  claim: { readonly claim: string; readonly sentAt: number } | undefined;
  claims: number;
  /** The log was read to its end since the start: before that, claiming would only hold others up. */
  logRead: boolean;
}

export function tickElection(state: NodeState, now: number, out: Outbox): void {
  const { election, timing } = state;
  if (state.tenure !== undefined || now < election.nextLook) return;
  election.nextLook = now + timing.lookMs;
  out.push({ kind: 'look', sentAt: now });
}

export function takeSight(state: NodeState, sentAt: number, record: TenureRecord | undefined, now: number, out: Outbox): void {
  const { election, tenure } = state;
  if (tenure !== undefined) {
    takeOwnSight(state, tenure, sentAt, record, now, out);
    return;
  }
  if (record === undefined) {
    if (state.rebuilding || state.draining || now < election.restUntil || !election.logRead || state.logLost > 0 || (election.claim !== undefined && now < election.claim.sentAt + state.timing.appendMs)) return;
    election.claims += 1;
    const claim = `${state.node}/${state.incarnation}/${election.claims}`;
    election.claim = { claim, sentAt: now };
    out.push({ kind: 'claim', claim });
    return;
  }
  if (election.claim?.claim === record.claim) {
    takeClaim(state, record.claim, record.revision, now, out);
    return;
  }
  const { sight } = election;
  const unchanged = sight !== undefined && sight.claim === record.claim && sight.revision === record.revision;
  election.sight = { claim: record.claim, revision: record.revision, node: record.node, firstSentAt: unchanged ? sight.firstSentAt : sentAt, firstAt: unchanged ? sight.firstAt : now, lastAt: unchanged ? Math.max(sight.lastAt, sentAt) : sentAt };
}

export function takeClaim(state: NodeState, claim: string, revision: number, now: number, out: Outbox): void {
  const { election } = state;
  const pending = election.claim;
  if (pending?.claim !== claim || state.rebuilding || state.tenure !== undefined || now >= pending.sentAt + state.timing.tenureMs) {
    // A claim that nobody waits for any more: make room.
    if (state.tenure?.claim !== claim) out.push({ kind: 'yield', revision });
    return;
  }
  election.claim = undefined;
  beginTenure(state, claim, revision, pending.sentAt);
  beginOpening(state, now, out);
}

/**
 * When, on the own clock, every tenure before the one claimed (as this node was told at `claimedAt`) is over. Asked when
 * the log has been read to its end and the own tenure entry is next.
 */
export function earlierTenuresOver(state: NodeState, claimedAt: number): number {
  const { replicated, timing, tenureTakenAt } = state;
  const { sight } = state.election;
  if (replicated.fence.counter === 0) return claimedAt;
  const wait = outlasting(Math.max(timing.tenureMs, replicated.tenureMs), timing);
  // What was watched has to be the newest tenure: the one in the log, or one that never got as far as the log.
  const newest = sight !== undefined && (sight.claim === replicated.claim || sight.firstSentAt >= tenureTakenAt);
  return newest && sight.lastAt - sight.firstAt >= wait ? claimedAt : claimedAt + wait;
}
