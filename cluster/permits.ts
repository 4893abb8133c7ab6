/**
 * Permits: the right of a node to answer reads from its own store, as the node counts it and as the primary counts it.
 *
 *   node      h: heartbeat 7 ----.                    .----> permit until h + L on the node's clock,
 *                                 \                  /       once it has applied `through`
 *   primary                        g: grant for 7 --'        holder until g + outlasting(L) on the primary's clock;  h <= g
 *
 * Invariants: the permit ends before the primary stops counting its holder. A permit counts only while the tenure entry of its
 * fence is the newest in the node's own history, so nobody reads under a fence whose history it does not share. A primary
 * grants only in its tenure, and notes the holder before it grants. A primary's own permit is its tenure.
 */
import { compareFences, noFence } from './entry.ts';
import type { Fence } from './entry.ts';
import type { PeerMessage } from './messages.ts';
import type { NodeState, Outbox } from './state.ts';
import { longestPermit, outlasting } from './timing.ts';

export interface Permits {
  grants: readonly { readonly fence: Fence; readonly through: number; readonly until: number }[];
  /** Heartbeats of this incarnation by number: when each was sent. */
  readonly sent: Map<number, number>;
  nextNumber: number;
  nextHeartbeat: number;
  /** Newest fence ever seen by this process: a rebuild may lead back to an older history for a while. */
  fenceSeen: Fence;
  /** When it started with an empty store: then it does not know under which fence it last told a primary that it stands. */
  readonly emptySince: number | undefined;
  /** When its store was last made anew: the newest fence seen may be of the history that was given up then, above those that the log will have for days. */
  rebuiltSince: number | undefined;
}

/** Call when the fence in force changed. */
export function noteFence(state: NodeState): void {
  const { permits, replicated } = state;
  if (compareFences(replicated.fence, permits.fenceSeen) > 0) permits.fenceSeen = replicated.fence;
}

/** As the primary sees them. */
export interface Holder {
  readonly incarnation: string;
  until: number;
  confirmed: number;
  /** When what earlier incarnations were granted is over; messages of theirs may still come. */
  readonly earlierUntil: number;
}
export type Holders = Map<string, Holder>;

/** Until when, on the own clock, reads on the own store may be answered if nothing else happens; 0 for not at all. */
export function permitUntil(state: NodeState, now: number): number {
  const { applied, replicated, tenure, permits } = state;
  if (state.rebuilding || applied < replicated.tenureSequence) return 0;
  if (tenure !== undefined && replicated.claim === tenure.claim) return now < tenure.until ? tenure.until : 0;
  const counting = permits.grants.filter(({ fence, through, until }) => now < until && applied >= through && compareFences(fence, replicated.fence) === 0);
  return Math.max(0, ...counting.map(({ until }) => until));
}

/** Whether a read that has just been done on the own store may be answered. Ask after the read, never before it. */
export function holdsPermit(state: NodeState, now: number): boolean {
  return now < permitUntil(state, now);
}

export function tickHeartbeat(state: NodeState, now: number, out: Outbox): void {
  const { permits, timing, replicated, applied } = state;
  if (now < permits.nextHeartbeat || state.rebuilding) return;
  permits.nextHeartbeat = now + timing.heartbeatMs;
  // A fence is told once its tenure entry is on the own disk: then no restart leads this node back to an older fence.
  const fence = applied >= replicated.tenureSequence ? replicated.fence : noFence;
  if (state.draining) {
    out.push({ kind: 'broadcast', message: { kind: 'farewell', incarnation: state.incarnation, fence } });
    return;
  }
  for (const [number, sentAt] of permits.sent) if (now >= sentAt + timing.permitMs) permits.sent.delete(number);
  const number = permits.nextNumber;
  permits.nextNumber += 1;
  permits.sent.set(number, now);
  out.push({ kind: 'broadcast', message: { kind: 'heartbeat', incarnation: state.incarnation, number, fence, applied } });
}

export function takeGrant(state: NodeState, grant: Extract<PeerMessage, { kind: 'grant' }>, now: number): void {
  const { permits, timing, replicated } = state;
  const sentAt = permits.sent.get(grant.number);
  if (grant.incarnation !== state.incarnation || sentAt === undefined) return;
  const promised = outlasting(Math.max(timing.tenureMs, replicated.tenureMs) + Math.max(longestPermit(timing), replicated.permitMs), timing);
  if (permits.emptySince !== undefined && sentAt < permits.emptySince + promised) return;
  // Of a node that was emptied nobody knows more than this, and it is safe after so long: any tenure that an older primary may believe in is over.
  const forgets = permits.rebuiltSince !== undefined && sentAt >= permits.rebuiltSince + promised;
  if (!forgets && compareFences(grant.fence, permits.fenceSeen) < 0) return;
  const kept = permits.grants.filter(({ until, fence }) => until > now && compareFences(fence, grant.fence) === 0).slice(-3);
  permits.grants = [...kept, { fence: grant.fence, through: grant.through, until: sentAt + grant.permitMs }];
}

/** Primary: a node is there. Grants it a permit if it stands on this tenure's history, is a member and keeps up. */
export function takeHeartbeat(state: NodeState, from: string, heartbeat: Extract<PeerMessage, { kind: 'heartbeat' }>, now: number, out: Outbox): void {
  const { replicated, tenure, stable, timing, limits } = state;
  if (tenure === undefined || replicated.claim !== tenure.claim || compareFences(heartbeat.fence, replicated.fence) !== 0) return;
  if (state.departed.get(from) === heartbeat.incarnation || state.replicate?.leaving.has(from)) return;
  const joined = replicated.roster.get(from);
  if (joined === undefined) state.replicate?.joining.add(from);
  if (joined === undefined || joined > Math.max(stable, replicated.tenureSequence)) return;
  // Before a tenure's first commit `stable` says little, but nothing after its tenure entry was answered by anyone else.
  const through = Math.max(stable, replicated.tenureSequence);
  if (through - heartbeat.applied > limits.permitLagEntries) return;
  const holder = state.holders.get(from);
  const same = holder?.incarnation === heartbeat.incarnation;
  const heard = same ? Math.max(holder.confirmed, heartbeat.applied) : heartbeat.applied;
  const earlierUntil = same ? holder.earlierUntil : Math.max(holder?.until ?? 0, holder?.earlierUntil ?? 0);
  // Heard, and yet it does not get on (slow disk, deaf): the permit that it has runs out.
  if (heard < overdue(state, now)) return;
  const permitMs = tenure.unanswered ? longestPermit(timing) : timing.permitMs;
  // A longer permit granted before is still good; and a heartbeat of another incarnation may be the older one's: both are counted on.
  const until = Math.max(now + outlasting(permitMs, timing), holder?.until ?? 0);
  const confirmed = Math.min(heard, same ? heard : (holder?.confirmed ?? heard));
  state.holders.set(from, { incarnation: heartbeat.incarnation, until, confirmed, earlierUntil });
  out.push({ kind: 'send', to: from, message: { kind: 'grant', fence: replicated.fence, incarnation: heartbeat.incarnation, number: heartbeat.number, through, stable, permitMs } });
}

/** That incarnation of the node answers no reads any more: what it was granted is over, whatever heartbeats of it still come. */
export function takeFarewell(state: NodeState, from: string, { incarnation }: Extract<PeerMessage, { kind: 'farewell' }>): void {
  state.departed.set(from, incarnation);
  const holder = state.holders.get(from);
  if (holder?.incarnation === incarnation) holder.until = Math.min(holder.until, holder.earlierUntil);
}

/** Notes how far the history goes now, to know later what everyone should have. */
export function tickOverdue(state: NodeState, now: number): void {
  const { marks, replicated, timing } = state;
  if (marks.at(-1)?.sequence !== replicated.sequence) marks.push({ sequence: replicated.sequence, at: now });
  while (marks[1] !== undefined && marks[1].at <= now - timing.laggardMs) marks.shift();
}

/** The last entry that was taken at least `laggardMs` ago. */
function overdue(state: NodeState, now: number): number {
  const [oldest] = state.marks;
  return oldest !== undefined && oldest.at <= now - state.timing.laggardMs ? oldest.sequence : 0;
}

export function takeConfirm(state: NodeState, from: string, confirm: Extract<PeerMessage, { kind: 'confirm' }>): void {
  const holder = state.holders.get(from);
  if (holder?.incarnation !== confirm.incarnation || compareFences(confirm.fence, state.replicated.fence) !== 0) return;
  holder.confirmed = Math.max(holder.confirmed, confirm.applied);
}

/** What every node that may answer reads has applied; the primary's own store included. */
export function appliedByAllHolders(state: NodeState, now: number): number {
  let lowest = state.applied;
  for (const [node, { until, confirmed }] of state.holders) {
    if (now >= until) state.holders.delete(node);
    else lowest = Math.min(lowest, confirmed);
  }
  return lowest;
}
