/**
 * From a claim to the first commit: what a new primary does before it changes anything.
 *
 *   heads ------> reading <-----> fetching      heads     all members told how far their history goes, or `headsMs` went by
 *                  |   ^                        reading   the log to its end; what it lost and this node has is put back
 *                  v   | refused                fetching  what it lost and another node has
 *                  entry                        entry     the tenure entry, appended after the last entry: the fence is drawn
 *                  |
 *                  v                            waiting   permits of this tenure are granted already; the first commit waits
 *                 waiting ------> primary                 until no node can still answer reads under an older fence
 *
 * Invariants: after the tenure entry no append of an older tenure counts, so everything that an older primary ever answers
 * comes before it, and a node that applied it may read. A member is waited for until it has been heard with this fence on
 * its disk, or a tenure (if it is not known to be over) and a permit have gone by; the primary before needs no permit's length,
 * since its own reads end with its tenure; and if that one yielded and said who holds permits, only those are waited for. Reads of what was not known to be stable stay held until the opening is over.
 */
import { earlierTenuresOver } from './election.ts';
import { resubmit } from './forward.ts';
import { appendAgain, putBack } from './apply-loop.ts';
import { compareFences, open, seal } from './entry.ts';
import type { Fence, Logged } from './entry.ts';
import type { PeerMessage } from './messages.ts';
import { advance, copyReplicated } from './replicated.ts';
import { beginReplicate } from './replicate.ts';
import type { NodeState, Outbox } from './state.ts';
import { longestPermit, outlasting } from './timing.ts';

export interface Opening {
  stage: 'heads' | 'reading' | 'fetching' | 'entry' | 'waiting';
  readonly claimedAt: number;
  readonly heads: Map<string, { readonly sequence: number; readonly fence: Fence }>;
  nextAsk: number;
  /** When the stage is given up: heads, fetching and entry go back to reading. */
  stageUntil: number;
  /** How often each node was asked for its tail while the own history ended at `fetchedAt`. */
  fetched: Map<string, number>;
  fetchedAt: number;
  entry: Logged | undefined;
  /** Waiting: when older tenures are over, whose the last one was, how long its permits are at most, and who stands on this fence. */
  earlierOver: number;
  earlierNode: string;
  earlierClaim: string;
  earlierPermitMs: number;
  readonly fenced: Set<string>;
}

/** Fruitless requests for one node's tail: then it is foreign or gone. Each that puts one entry back begins the count anew. */
const fetchesMax = 5;

export function beginOpening(state: NodeState, now: number, out: Outbox): void {
  const { timing } = state;
  state.opening = {
    stage: 'heads', claimedAt: now, heads: new Map(), nextAsk: now, stageUntil: now + timing.headsMs,
    fetched: new Map(), fetchedAt: 0, entry: undefined, earlierOver: 0, earlierNode: '', earlierClaim: '', earlierPermitMs: 0, fenced: new Set(),
  };
  tickOpening(state, now, out);
}

/** After every event: does what the stage is waiting to do. */
export function tickOpening(state: NodeState, now: number, out: Outbox): void {
  const { opening, tenure, timing, replicated } = state;
  if (opening === undefined || tenure === undefined) return;
  const others = [...replicated.roster.keys()].filter((node) => node !== state.node);
  if (now >= opening.nextAsk) {
    opening.nextAsk = now + timing.askMs;
    if (opening.stage === 'waiting') out.push({ kind: 'broadcast', message: { kind: 'stable', fence: replicated.fence, stable: state.stable, last: replicated.sequence } });
    else out.push({ kind: 'broadcast', message: { kind: 'ask', claim: tenure.claim } });
  }
  switch (opening.stage) {
    case 'heads':
      if (now >= opening.stageUntil || others.every((node) => opening.heads.has(node))) backToReading(state, now);
      return;
    case 'fetching':
    case 'entry':
      if (now >= opening.stageUntil) backToReading(state, now);
      return;
    case 'reading':
      return;
    case 'waiting':
      if (others.some((node) => mayStillRead(state, opening, node, now)) || state.applied < replicated.sequence) return;
      state.opening = undefined;
      beginReplicate(state, now, out);
      resubmit(state, replicated.fence, now);
  }
}

/** Whether the node may hold a permit of an older tenure. */
function mayStillRead({ handover, timing }: NodeState, { fenced, earlierOver, earlierNode, earlierClaim, earlierPermitMs }: Opening, node: string, now: number): boolean {
  if (fenced.has(node)) return false;
  // The primary before has yielded and said who holds a permit.
  if (handover?.claim === earlierClaim && !handover.holders.includes(node)) return false;
  return now < (node === earlierNode ? earlierOver : earlierOver + outlasting(earlierPermitMs, timing));
}

export function backToReading(state: NodeState, now: number): void {
  const { opening } = state;
  if (opening === undefined || opening.stage === 'waiting') return;
  opening.stage = 'reading';
  opening.entry = undefined;
  state.nextRead = now;
  state.readSentAt = undefined;
}

export function takeHead(state: NodeState, from: string, head: Extract<PeerMessage, { kind: 'head' }>): void {
  if (head.claim === state.tenure?.claim) state.opening?.heads.set(from, { sequence: head.sequence, fence: head.fence });
}

/** The log has been read: it ends at `last`, and everything up to there is taken. */
export function openingHasRead(state: NodeState, last: number, now: number, out: Outbox): void {
  const { opening, tenure, replicated, timing } = state;
  if (opening?.stage !== 'reading' || tenure === undefined || last > replicated.sequence) return;
  if (last < replicated.sequence) {
    // The log lost entries that this node has taken.
    putBack(state, last, now, out);
    return;
  }
  if (opening.fetchedAt !== last) {
    opening.fetchedAt = last;
    opening.fetched = new Map();
  }
  const ahead = [...opening.heads].filter(([node, { sequence }]) => sequence > last && (opening.fetched.get(node) ?? 0) < fetchesMax);
  const [newest] = ahead.sort(([, left], [, right]) => compareFences(right.fence, left.fence) || right.sequence - left.sequence);
  if (newest !== undefined) {
    opening.fetched.set(newest[0], (opening.fetched.get(newest[0]) ?? 0) + 1);
    opening.stage = 'fetching';
    opening.stageUntil = now + timing.headsMs;
    out.push({ kind: 'send', to: newest[0], message: { kind: 'fetch', claim: tenure.claim, from: last + 1 } });
    return;
  }
  opening.earlierOver = earlierTenuresOver(state, opening.claimedAt);
  opening.earlierNode = replicated.fence.node;
  opening.earlierClaim = replicated.claim;
  opening.earlierPermitMs = Math.max(longestPermit(timing), replicated.permitMs);
  opening.entry = seal({
    sequence: replicated.sequence + 1,
    previous: replicated.chain,
    fence: { counter: Math.max(tenure.revision, replicated.fence.counter + 1), node: state.node },
    kind: 'tenure',
    stable: state.stable,
    elapsedMs: 0,
    claim: tenure.claim,
    tenureMs: timing.tenureMs,
    permitMs: longestPermit(timing),
    joined: [state.node],
    works: [],
  });
  opening.stage = 'entry';
  opening.stageUntil = now + timing.appendMs;
  // From here on this node may count as the primary before: whose reads nobody waits for longer than for its tenure.
  state.permits.grants = [];
  out.push({ kind: 'append', expected: { sequence: replicated.sequence, hash: replicated.hash }, logged: opening.entry });
}

export function takeTail(state: NodeState, message: Extract<PeerMessage, { kind: 'tail' }>, now: number, out: Outbox): void {
  const { opening, tenure, replicated, timing } = state;
  if (opening?.stage !== 'fetching' || message.claim !== tenure?.claim || message.from !== replicated.sequence + 1) return;
  const lost = message.entries.map((bytes) => open(bytes));
  const probe = copyReplicated(replicated);
  // A tail that does not follow the log's end is the foreign one: its node will find that out.
  if (lost.filter((logged) => advance(probe, logged, timing.proposalKeptMs)).length > 0) appendAgain({ sequence: replicated.sequence, hash: replicated.hash }, lost, out);
  // What the log accepted is read back from it, and asked for again if that was not all.
  backToReading(state, now);
  state.nextRead = now + timing.askMs / 2;
}
