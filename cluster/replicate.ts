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
import { appendAgain } from './apply-loop.ts';
import { emptyHash, seal } from './entry.ts';
import type { Logged, Work } from './entry.ts';
import { appliedByAllHolders } from './permits.ts';
import type { NodeState, Outbox } from './state.ts';

export interface Replicate {
  readonly queue: { readonly proposal: string; readonly payload: Uint8Array }[];
  planning: string | undefined;
  planned: Work[];
  /** Members to be, heard of by heartbeats. */
  readonly joining: Set<string>;
  /** Sealed and sent, not yet taken from the log; contiguous after the last entry taken. */
  sent: Logged[];
  /** When the oldest of `sent` was last sent or looked up. */
  sentAt: number;
  /** Who waits for the result of which proposal; also marks what is under way. */
  readonly waiters: Map<string, Set<string>>;
  /** Taken from the log and not answered, in order. */
  readonly unanswered: { readonly sequence: number; readonly proposals: readonly string[] }[];
  lastEntryAt: number;
  announced: number;
}

export function beginReplicate(state: NodeState, now: number, out: Outbox): void {
  state.replicate = {
    queue: [], planning: undefined, planned: [], joining: new Set(), sent: [], sentAt: now, waiters: new Map(), unanswered: [], lastEntryAt: now, announced: -1,
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
  const waiting = replicate.waiters.get(proposal);
  if (waiting !== undefined) {
    waiting.add(from);
    return;
  }
  if (record !== undefined) {
    replicate.waiters.set(proposal, new Set([from]));
    replicate.unanswered.push({ sequence: record.sequence, proposals: [proposal] });
    return;
  }
  if (replicate.queue.length >= limits.proposalsWaitingMax) return;
  replicate.waiters.set(proposal, new Set([from]));
  replicate.queue.push({ proposal, payload });
}

export function takePlanned(state: NodeState, work: Work): void {
  const { replicate } = state;
  if (replicate?.planning !== work.proposal) return;
  replicate.planning = undefined;
  replicate.planned.push(work);
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
  if (replicate.sent.length > 0 && now >= replicate.sentAt + state.timing.appendMs) state.nextRead = Math.min(state.nextRead, now);
  append(state, now, out);
  declareStable(state, now, out);
}

function append(state: NodeState, now: number, out: Outbox): void {
  const { limits, replicated, tenure } = state;
  const replicate = state.replicate!;
  while (replicate.sent.length < limits.appendsMax && (replicate.planned.length > 0 || replicate.joining.size > 0)) {
    const last = replicate.sent.at(-1);
    const head = { sequence: last?.entry.sequence ?? replicated.sequence, hash: last?.hash ?? replicated.hash };
    const elapsedMs = Math.max(0, Math.floor(now - replicate.lastEntryAt));
    const joined = [...replicate.joining];
    const logged = seal({
      sequence: head.sequence + 1,
      previous: last?.hash ?? replicated.chain,
      fence: replicated.fence,
      kind: joined.length > 0 ? 'roster' : 'work',
      stable: state.stable,
      elapsedMs,
      claim: '',
      joined,
      works: joined.length > 0 ? [] : replicate.planned.splice(0, limits.entryProposalsMax),
    });
    replicate.joining.clear();
    replicate.lastEntryAt += elapsedMs;
    if (replicate.sent.length === 0) replicate.sentAt = now;
    replicate.sent.push(logged);
    if (tenure !== undefined) out.push({ kind: 'append', expected: head, logged });
  }
}

/** An entry was taken from the log. What was sent for its place or later under another guess is sealed anew. */
export function replicateTook(state: NodeState, logged: Logged, entryCounts: boolean, now: number): void {
  const { replicate } = state;
  if (replicate === undefined) return;
  if (replicate.sent[0]?.hash === logged.hash) {
    replicate.sent.shift();
    replicate.sentAt = now;
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
  const { replicate, replicated, tail } = state;
  if (replicate === undefined || last >= replicated.sequence + replicate.sent.length) return;
  if (last >= replicated.sequence && now < replicate.sentAt + state.timing.appendMs) return;
  replicate.sentAt = now;
  const lost = last < replicated.sequence ? tail.from(last + 1, replicated.sequence - last) : [];
  const begin = Math.max(last, replicated.sequence);
  const head = { sequence: last, hash: tail.at(last)?.hash ?? replicate.sent[last - replicated.sequence - 1]?.hash ?? emptyHash };
  appendAgain(head, [...lost, ...replicate.sent.slice(begin - replicated.sequence)], out);
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
      for (const node of replicate.waiters.get(proposal) ?? []) if (record !== undefined) answer(state, node, proposal, record.result, out);
      replicate.waiters.delete(proposal);
    }
  }
}

function answer(state: NodeState, to: string, proposal: string, result: Uint8Array, out: Outbox): void {
  if (to !== state.node) {
    out.push({ kind: 'send', to, message: { kind: 'result', proposal, result } });
  } else if (state.forward.waiting.delete(proposal)) {
    out.push({ kind: 'settle', proposal, result });
  }
}
