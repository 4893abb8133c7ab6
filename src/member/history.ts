/**
 * The cluster's own state beside the records of a store: head, members and fence of the history, results of proposals, and the
 * newest entries byte for byte. It is written in the same batch as the entry that changed it.
 *
 *   head                        all of `Replicated` but the proposals
 *   proposals/<sequence>        ids and results of the entry, and the history's age then
 *   tail/<sequence>             the entry
 *
 * Invariant: what `read` gives is what `after` wrote up to the store's last entry: a node that starts anew, or from
 * another's snapshot, stands exactly where the writer stood.
 */
import assert from 'node:assert/strict';
import { open } from '../../cluster/entry.ts';
import type { Logged } from '../../cluster/entry.ts';
import type { Restored } from '../../cluster/ports.ts';
import { advance, emptyReplicated } from '../../cluster/replicated.ts';
import type { Replicated } from '../../cluster/replicated.ts';
import { decode, encode } from '../storage/cbor.ts';
import type { BookkeepingWrite, ReplicaStore } from '../storage/replica-store.ts';

const headPath = 'head';
const tailPrefix = 'tail/';
const proposalsPrefix = 'proposals/';

export interface HistoryLimits {
  readonly proposalKeptMs: number;
  readonly tailEntries: number;
  readonly tailBytes: number;
}

interface KeptProposals {
  readonly ageMs: number;
  readonly proposals: readonly { readonly id: string; readonly result: Uint8Array }[];
}

interface Head extends Omit<Replicated, 'roster' | 'proposals'> {
  readonly roster: ReadonlyMap<string, number>;
}

/** Follows a store's history entry by entry and says what is to be written beside each. */
export class History {
  readonly #limits: HistoryLimits;
  readonly #replicated: Replicated;
  /** Entries with proposals that are kept, and their age, oldest first. */
  readonly #kept: { readonly sequence: number; readonly ageMs: number }[] = [];
  /** Lengths of the entries of the tail, oldest first. */
  readonly #tail: { readonly sequence: number; readonly bytes: number }[] = [];
  #tailBytes = 0;

  private constructor(limits: HistoryLimits, replicated: Replicated) {
    this.#limits = limits;
    this.#replicated = replicated;
  }

  /** What the store holds, for the protocol to start from, and the history to go on with. */
  static async read(store: ReplicaStore, limits: HistoryLimits): Promise<{ readonly history: History; readonly replicated: Replicated; readonly tail: readonly Logged[] }> {
    const replicated = emptyReplicated();
    for await (const [path, value] of store.bookkeeping(headPath)) {
      if (path !== headPath) continue;
      const { roster, ...head } = decode(value) as Head;
      Object.assign(replicated, head);
      replicated.roster = new Map(roster);
    }
    assert.equal(replicated.sequence, store.sequence, 'the head of the history and the records of the store belong together');
    const history = new History(limits, { ...replicated, roster: new Map(replicated.roster), proposals: new Map() });
    for await (const [path, value] of store.bookkeeping(proposalsPrefix)) {
      const sequence = numberOf(path, proposalsPrefix);
      const { ageMs, proposals } = decode(value) as KeptProposals;
      for (const { id, result } of proposals) replicated.proposals.set(id, { sequence, result, ageMs });
      history.#kept.push({ sequence, ageMs });
    }
    const tail: Logged[] = [];
    for await (const [path, value] of store.bookkeeping(tailPrefix)) {
      tail.push(open(new Uint8Array(value)));
      history.#addToTail(numberOf(path, tailPrefix), value.length);
    }
    return { history, replicated, tail };
  }

  /** Takes the next entry; returns what is written beside its mutations. `counts` is what the protocol decided, and must agree. */
  after(logged: Logged, counts: boolean): readonly BookkeepingWrite[] {
    const { proposalKeptMs } = this.#limits;
    const replicated = this.#replicated;
    assert.equal(advance(replicated, logged, proposalKeptMs), counts, `entry ${logged.entry.sequence}: store and protocol disagree on whether it counts`);
    const { sequence, ageMs } = replicated;
    const writes: BookkeepingWrite[] = [];
    if (counts && logged.entry.works.length > 0) {
      const kept: KeptProposals = { ageMs, proposals: logged.entry.works.map(({ proposal, result }) => ({ id: proposal, result })) };
      writes.push({ path: pathOf(proposalsPrefix, sequence), value: encode(kept) });
      this.#kept.push({ sequence, ageMs });
    }
    // Expired by the rule of `advance`, which works on the protocol's own copy.
    while (this.#kept[0] !== undefined && ageMs - this.#kept[0].ageMs > proposalKeptMs) {
      writes.push({ path: pathOf(proposalsPrefix, this.#kept.shift()!.sequence), value: undefined });
    }
    replicated.proposals.clear();
    writes.push({ path: pathOf(tailPrefix, sequence), value: logged.bytes });
    for (const old of this.#addToTail(sequence, logged.bytes.length)) writes.push({ path: pathOf(tailPrefix, old), value: undefined });
    const { proposals: _, ...head } = replicated;
    writes.push({ path: headPath, value: encode(head satisfies Head) });
    return writes;
  }

  /** Sequences of the entries that had to make room. */
  #addToTail(sequence: number, bytes: number): readonly number[] {
    const { tailEntries, tailBytes } = this.#limits;
    this.#tail.push({ sequence, bytes });
    this.#tailBytes += bytes;
    const gone: number[] = [];
    while (this.#tail.length > tailEntries || (this.#tailBytes > tailBytes && this.#tail.length > 1)) {
      const oldest = this.#tail.shift()!;
      this.#tailBytes -= oldest.bytes;
      gone.push(oldest.sequence);
    }
    return gone;
  }
}

export function restoredFrom(incarnation: string, { replicated, tail }: { readonly replicated: Replicated; readonly tail: readonly Logged[] }): Restored {
  return { incarnation, replicated, tail };
}

function pathOf(prefix: string, sequence: number): string {
  return `${prefix}${String(sequence).padStart(16, '0')}`;
}

function numberOf(path: string, prefix: string): number {
  return Number(path.slice(prefix.length));
}
