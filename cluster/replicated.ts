/**
 * The part of the replicated state that the cluster itself needs: head of the log, hash chain, fence, members, proposals.
 *
 * Invariant: `judge` and `advance` are pure functions of (this state, entry): two nodes at the same place in the same log
 * agree on which entries count. An entry counts when it follows the last one that counted (hash) under the fence in force,
 * or opens a newer tenure; else it is void: a deposed primary's append that the log accepted because it checks sequences only.
 * Proposals expire by the age of the state, which grows by what primaries measured, so a jumping wall clock expires nothing.
 */
import { compareFences, emptyHash, noFence } from './entry.ts';
import type { Fence, Logged } from './entry.ts';
import { noteExpired } from './results.ts';
import type { Expired } from './results.ts';

export interface ProposalRecord {
  readonly sequence: number;
  /** Undefined once this node has dropped it (results.ts). */
  result: Uint8Array | undefined;
  readonly ageMs: number;
}

export interface Replicated {
  /** Last entry taken, valid or void, and its hash. */
  sequence: number;
  hash: string;
  /** Hash of the last entry that counted. */
  chain: string;
  fence: Fence;
  /** Claim and place of the tenure entry in force. */
  claim: string;
  tenureSequence: number;
  /** Largest `stable` of the entries that counted. */
  stable: number;
  /** Longest tenure and permit that may still last: nodes may be configured differently. */
  tenureMs: number;
  permitMs: number;
  /** Members, each with the sequence at which it joined. */
  roster: Map<string, number>;
  ageMs: number;
  /** In the order of their entries, which is the order of expiry. */
  proposals: Map<string, ProposalRecord>;
  /** What is not kept any more, and never planned again. */
  expired: Expired;
}

export function emptyReplicated(): Replicated {
  return {
    sequence: 0, hash: emptyHash, chain: emptyHash, fence: noFence, claim: '', tenureSequence: 0, stable: 0, tenureMs: 0, permitMs: 0,
    roster: new Map(), ageMs: 0, proposals: new Map(), expired: new Map(),
  };
}

export function copyReplicated(replicated: Replicated): Replicated {
  return { ...replicated, roster: new Map(replicated.roster), proposals: new Map(replicated.proposals), expired: new Map(replicated.expired) };
}

/** Whether the next entry counts: it stands where it was made for, after what it was made for, under the fence in force. */
export function counts(replicated: Replicated, { entry }: Logged): boolean {
  if (entry.sequence !== replicated.sequence + 1 || entry.previous !== replicated.chain) return false;
  const order = compareFences(entry.fence, replicated.fence);
  return entry.kind === 'tenure' ? order > 0 : order === 0;
}

/** Takes the entry at `replicated.sequence + 1`. Returns whether it counts, that is, whether its mutations apply. */
export function advance(replicated: Replicated, logged: Logged, proposalKeptMs: number): boolean {
  const valid = counts(replicated, logged);
  replicated.sequence += 1;
  replicated.hash = logged.hash;
  if (!valid) return false;
  const { entry } = logged;
  replicated.chain = logged.hash;
  replicated.stable = Math.max(replicated.stable, entry.stable);
  replicated.ageMs += entry.elapsedMs;
  if (entry.kind === 'tenure') {
    replicated.fence = entry.fence;
    replicated.claim = entry.claim;
    replicated.tenureSequence = replicated.sequence;
  }
  // A primary writes other entries when it has opened: then nothing of older tenures lasts.
  const opened = entry.kind !== 'tenure';
  replicated.tenureMs = opened ? entry.tenureMs : Math.max(replicated.tenureMs, entry.tenureMs);
  replicated.permitMs = opened ? entry.permitMs : Math.max(replicated.permitMs, entry.permitMs);
  for (const node of entry.left) replicated.roster.delete(node);
  for (const node of entry.joined) if (!replicated.roster.has(node)) replicated.roster.set(node, replicated.sequence);
  for (const { proposal, result } of entry.works) {
    replicated.proposals.set(proposal, { sequence: replicated.sequence, result, ageMs: replicated.ageMs });
  }
  for (const [proposal, { ageMs }] of replicated.proposals) {
    if (replicated.ageMs - ageMs <= proposalKeptMs) break;
    replicated.proposals.delete(proposal);
    noteExpired(replicated.expired, proposal);
  }
  return true;
}
