/**
 * The primary at work: plan one proposal at a time, append without waiting, answer when the entry is stable.
 *
 *   propose -> [waiting] -> plan -> [planned] -> seal -> append ... taken from the log -> applied -> stable -> result
 *
 * Invariants: a proposal whose id is in the replicated state or under way is never planned again; refusals are entries
 * as well, so a result never changes. An entry is stable when the log has it, the own disk has it and every holder of a permit
 * has confirmed it, and it is declared so only within the tenure: then no newer primary can have begun. Only stable
 * entries are answered.
 */
import { appendAgain, putBack } from './apply-loop.ts';
import { seal } from './entry.ts';
import type { Logged, Work } from './entry.ts';
import { appliedByAllHolders } from './permits.ts';
import { isExpired } from './results.ts';
import type { NodeState, Outbox } from './state.ts';
import { longestPermit } from './timing.ts';
import type { ClusterLimits } from './timing.ts';

/** Names and lengths of a work's three members in the entry's encoding, rounded up. */
const workFrameBytes = 64;

export interface Replicate {
  readonly queue: { readonly proposal: string; readonly payload: Uint8Array }[];
  planning: string | undefined;
  planned: Work[];
  /** Members to be, heard of by heartbeats. */
  readonly joining: Set<string>;
  /** Members to be removed: they get no permit, and leave when they have none. */
  readonly leaving: Set<string>;
  /** Sealed and sent, not yet taken from the log; contiguous after the last entry taken. */
  sent: Logged[];
  /** When the oldest of `sent` was last sent or looked up. */
  sentAt: number;
  /** Since then one of `sent` was refused: an append before it got lost, or is still to come. They are looked up sooner. */
  refused: boolean;
  /** What is under way: who waits for its result, and the bytes it holds here. */
  readonly waiters: Map<string, { readonly nodes: Set<string>; bytes: number }>;
  waitingBytes: number;
  /** Taken from the log and not answered, in order. */
  readonly unanswered: { readonly sequence: number; readonly proposals: readonly string[] }[];
  lastEntryAt: number;
  announced: number;
}

export function beginReplicate(state: NodeState, now: number, out: Outbox): void {
  state.replicate = {
    queue: [], planning: undefined, planned: [], joining: new Set(), leaving: new Set(), sent: [], sentAt: now, refused: false, waiters: new Map(), waitingBytes: 0, unanswered: [], lastEntryAt: now, announced: -1,
  };
  out.push({ kind: 'unplan' });
}

export function takeProposal(state: NodeState, from: string, proposal: string, payload: Uint8Array, out: Outbox): void {
  const { replicate, replicated, stable, limits } = state;
  if (replicate === undefined) return;
  const record = replicated.proposals.get(proposal);
  if (record !== undefined && record.sequence <= stable) {
    answer(state, from, proposal, record.result, out);
    return;
  }
  if (isExpired(replicated.expired, proposal)) return;
  const waiting = replicate.waiters.get(proposal);
  if (waiting !== undefined) {
    waiting.nodes.add(from);
    return;
  }
  if (record !== undefined) {
    replicate.waiters.set(proposal, { nodes: new Set([from]), bytes: 0 });
    replicate.unanswered.push({ sequence: record.sequence, proposals: [proposal] });
    return;
  }
  if (replicate.waiters.size >= limits.proposalsWaitingMax || replicate.waitingBytes + payload.length > limits.proposalsWaitingBytesMax) return;
  replicate.waiters.set(proposal, { nodes: new Set([from]), bytes: payload.length });
  replicate.waitingBytes += payload.length;
  replicate.queue.push({ proposal, payload });
}

export function takePlanned(state: NodeState, work: Work): void {
  const { replicate } = state;
  if (replicate?.planning !== work.proposal) return;
  replicate.planning = undefined;
  replicate.planned.push(work);
  const waiting = replicate.waiters.get(work.proposal);
  if (waiting === undefined) return;
  replicate.waitingBytes += workBytes(work) - waiting.bytes;
  waiting.bytes = workBytes(work);
}

/** After every event: plans, seals, appends, declares stable, answers. */
export function tickReplicate(state: NodeState, now: number, out: Outbox): void {
  const { replicate } = state;
  if (replicate === undefined) return;
  const next = replicate.planning === undefined ? replicate.queue.shift() : undefined;
  if (next !== undefined) {
    replicate.planning = next.proposal;
    out.push({ kind: 'plan', proposal: next.proposal, payload: next.payload });
  }
  if (replicate.sent.length > 0 && now >= lookUpAt(state, replicate)) state.nextRead = Math.min(state.nextRead, now);
  append(state, now, out);
  declareStable(state, now, out);
}

function append(state: NodeState, now: number, out: Outbox): void {
  const { limits, timing, replicated, tenure } = state;
  const replicate = state.replicate!;
  // While entries are under way, what is planned meanwhile shares the next one: an entry costs more than what is in it.
  if (replicate.sent.length > 0 && replicate.planning !== undefined && replicate.planned.length < limits.entryProposalsMax) return;
  for (;;) {
    const left = leavingNow(state, replicate, now);
    const changesRoster = replicate.joining.size > 0 || left.length > 0;
    if (replicate.sent.length >= limits.appendsMax || (replicate.planned.length === 0 && !changesRoster)) return;
    const last = replicate.sent.at(-1);
    const head = { sequence: last?.entry.sequence ?? replicated.sequence, hash: last?.hash ?? replicated.hash };
    const elapsedMs = Math.max(0, Math.floor(now - replicate.lastEntryAt));
    const joined = [...replicate.joining];
    const logged = seal({
      sequence: head.sequence + 1,
      previous: last?.hash ?? replicated.chain,
      fence: replicated.fence,
      kind: changesRoster ? 'roster' : 'work',
      stable: state.stable,
      elapsedMs,
      claim: '',
      tenureMs: timing.tenureMs,
      permitMs: longestPermit(timing),
      joined,
      left,
      works: changesRoster ? [] : replicate.planned.splice(0, worksOfOneEntry(replicate.planned, limits)),
    });
    replicate.joining.clear();
    replicate.lastEntryAt += elapsedMs;
    if (replicate.sent.length === 0) replicate.sentAt = now;
    replicate.sent.push(logged);
    if (tenure !== undefined) out.push({ kind: 'append', expected: head, logged });
  }
}

/** Who can be removed now: without a permit, so that no later primary needs to know of it, and not being removed already. */
function leavingNow({ holders }: NodeState, { leaving, sent }: Replicate, now: number): readonly string[] {
  return [...leaving].filter((node) => now >= (holders.get(node)?.until ?? 0) && !sent.some(({ entry }) => entry.left.includes(node)));
}

export function removeMember(state: NodeState, node: string): void {
  if (node !== state.node && state.replicated.roster.has(node)) state.replicate?.leaving.add(node);
}

/** How many of the works, in their order, go into one entry: at least one. */
function worksOfOneEntry(works: readonly Work[], { entryProposalsMax, entryBytesMax }: ClusterLimits): number {
  let bytes = 0;
  for (const [index, work] of works.slice(0, entryProposalsMax).entries()) {
    bytes += workBytes(work);
    if (index > 0 && bytes > entryBytesMax) return index;
  }
  return Math.min(works.length, entryProposalsMax);
}

/** What a work takes in an entry, with its frame. */
function workBytes({ proposal, mutations, result }: Work): number {
  return proposal.length + mutations.length + result.length + workFrameBytes;
}

export function takeRefusal(state: NodeState, hash: string): void {
  const { replicate } = state;
  if (replicate?.sent.some((logged) => logged.hash === hash)) replicate.refused = true;
}

function lookUpAt({ timing }: NodeState, { sentAt, refused }: Replicate): number {
  return sentAt + (refused ? timing.refusedMs : timing.appendMs);
}

/** An entry was taken from the log. What was sent for its place or later under another guess is sealed anew. */
export function replicateTook(state: NodeState, logged: Logged, entryCounts: boolean, now: number): void {
  const { replicate } = state;
  if (replicate === undefined) return;
  if (replicate.sent[0]?.hash === logged.hash) {
    replicate.sent.shift();
    replicate.sentAt = now;
    replicate.refused = false;
    for (const node of logged.entry.left) replicate.leaving.delete(node);
    if (entryCounts && logged.entry.works.length > 0) replicate.unanswered.push({ sequence: logged.entry.sequence, proposals: logged.entry.works.map(({ proposal }) => proposal) });
    return;
  }
  if (replicate.sent.length === 0) return;
  replicate.planned = [...replicate.sent.flatMap(({ entry }) => entry.works), ...replicate.planned];
  for (const { entry } of replicate.sent) for (const node of entry.joined) if (!state.replicated.roster.has(node)) replicate.joining.add(node);
  replicate.sent = [];
}

/** The log ends at `last`: appends after it were lost on the way, or the log lost them. They are sent again as they were. */
export function replicateHasRead(state: NodeState, last: number, now: number, out: Outbox): void {
  const { replicate, replicated } = state;
  if (replicate === undefined || last >= replicated.sequence + replicate.sent.length) return;
  if (last >= replicated.sequence && now < lookUpAt(state, replicate)) return;
  replicate.sentAt = now;
  replicate.refused = false;
  if (last < replicated.sequence) {
    putBack(state, last, now, out);
    return;
  }
  const head = { sequence: last, hash: replicate.sent[last - replicated.sequence - 1]?.hash ?? replicated.hash };
  appendAgain(head, replicate.sent.slice(last - replicated.sequence), out);
}

function declareStable(state: NodeState, now: number, out: Outbox): void {
  const { replicated, tenure } = state;
  const replicate = state.replicate!;
  if (tenure === undefined || now >= tenure.until) return;
  const applied = appliedByAllHolders(state, now);
  if (applied > state.stable) {
    state.stable = applied;
    out.push({ kind: 'stable', sequence: applied });
  }
  if (state.stable > replicate.announced) {
    replicate.announced = state.stable;
    out.push({ kind: 'broadcast', message: { kind: 'stable', fence: replicated.fence, stable: state.stable, last: replicated.sequence } });
  }
  answerStable(state, out);
}

function answerStable(state: NodeState, out: Outbox): void {
  const { replicated, stable } = state;
  const replicate = state.replicate!;
  while (replicate.unanswered[0] !== undefined && replicate.unanswered[0].sequence <= stable) {
    for (const proposal of replicate.unanswered.shift()!.proposals) {
      const record = replicated.proposals.get(proposal);
      const waiting = replicate.waiters.get(proposal);
      for (const node of waiting?.nodes ?? []) if (record !== undefined) answer(state, node, proposal, record.result, out);
      replicate.waitingBytes -= waiting?.bytes ?? 0;
      replicate.waiters.delete(proposal);
    }
  }
}

function answer(state: NodeState, to: string, proposal: string, result: Uint8Array | undefined, out: Outbox): void {
  // Dropped for room: its forwarder gives up, and says that it is not known.
  if (result === undefined) return;
  if (to !== state.node) {
    out.push({ kind: 'send', to, message: { kind: 'result', proposal, result } });
  } else if (state.forward.waiting.delete(proposal)) {
    out.push({ kind: 'settle', proposal, result });
  }
}
