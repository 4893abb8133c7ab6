/**
 * The cluster's own state beside the records of a store: head, members and fence of the history, results of proposals, and the
 * newest entries byte for byte. It is written in the same batch as the entry that changed it.
 *
 *   head                        all of `Replicated` but what follows
 *   proposals/<sequence>        ids of the entry's proposals, and the history's age then
 *   results/<sequence>          their results, in that order; gone sooner where they are many bytes
 *   expired/<process>           highest number of a process's proposals that expired, and the entry that did it
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
import { noteExpired } from '../../cluster/results.ts';
import type { Replicated } from '../../cluster/replicated.ts';
import { decode, encode } from '../storage/cbor.ts';
import type { BookkeepingWrite, ReplicaStore } from '../storage/replica-store.ts';

const headPath = 'head';
const tailPrefix = 'tail/';
const proposalsPrefix = 'proposals/';
const resultsPrefix = 'results/';
const expiredPrefix = 'expired/';

export interface HistoryLimits {
  readonly proposalKeptMs: number;
  readonly tailEntries: number;
  readonly tailBytes: number;
  readonly resultBytes: number;
}

interface KeptProposals {
  readonly ageMs: number;
  readonly ids: readonly string[];
}

interface KeptExpired {
  readonly number: number;
  readonly sequence: number;
}

interface Head extends Omit<Replicated, 'roster' | 'proposals' | 'expired'> {
  readonly roster: ReadonlyMap<string, number>;
}

/** Follows a store's history entry by entry and says what is to be written beside each. */
export class History {
  readonly #limits: HistoryLimits;
  readonly #replicated: Replicated;
  /** Entries with proposals that are kept, oldest first. */
  readonly #kept: { readonly sequence: number; readonly ageMs: number; readonly ids: readonly string[] }[] = [];
  /** Of those, the ones whose results are kept. */
  readonly #results: { readonly sequence: number; readonly bytes: number }[] = [];
  #resultBytes = 0;
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
    const expired: [string, KeptExpired][] = [];
    for await (const [path, value] of store.bookkeeping(expiredPrefix)) expired.push([path.slice(expiredPrefix.length), decode(value) as KeptExpired]);
    expired.sort(([, left], [, right]) => left.sequence - right.sequence);
    replicated.expired = new Map(expired.map(([process, { number }]) => [process, number]));
    const history = new History(limits, { ...replicated, roster: new Map(replicated.roster), proposals: new Map(), expired: new Map(replicated.expired) });
    const results = new Map<number, readonly Uint8Array[]>();
    for await (const [path, value] of store.bookkeeping(resultsPrefix)) {
      const sequence = numberOf(path, resultsPrefix);
      results.set(sequence, decode(value) as readonly Uint8Array[]);
      history.#results.push({ sequence, bytes: value.length });
      history.#resultBytes += value.length;
    }
    for await (const [path, value] of store.bookkeeping(proposalsPrefix)) {
      const sequence = numberOf(path, proposalsPrefix);
      const { ageMs, ids } = decode(value) as KeptProposals;
      for (const [index, id] of ids.entries()) replicated.proposals.set(id, { sequence, result: results.get(sequence)?.[index], ageMs });
      history.#kept.push({ sequence, ageMs, ids });
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
      const ids = logged.entry.works.map(({ proposal }) => proposal);
      const results = encode(logged.entry.works.map(({ result }) => result));
      writes.push({ path: pathOf(proposalsPrefix, sequence), value: encode({ ageMs, ids } satisfies KeptProposals) }, { path: pathOf(resultsPrefix, sequence), value: results });
      this.#kept.push({ sequence, ageMs, ids });
      this.#results.push({ sequence, bytes: results.length });
      this.#resultBytes += results.length;
    }
    // Expired by the rule of `advance`, which works on the protocol's own copy.
    while (this.#kept[0] !== undefined && ageMs - this.#kept[0].ageMs > proposalKeptMs) this.#expire(this.#kept.shift()!, writes);
    const [oldest] = this.#kept;
    while (this.#results[0] !== undefined && (oldest === undefined || this.#results[0].sequence < oldest.sequence || this.#resultBytes > this.#limits.resultBytes)) {
      const { sequence: gone, bytes } = this.#results.shift()!;
      this.#resultBytes -= bytes;
      writes.push({ path: pathOf(resultsPrefix, gone), value: undefined });
    }
    replicated.proposals.clear();
    writes.push({ path: pathOf(tailPrefix, sequence), value: logged.bytes });
    for (const old of this.#addToTail(sequence, logged.bytes.length)) writes.push({ path: pathOf(tailPrefix, old), value: undefined });
    const { proposals: _, expired: __, ...head } = replicated;
    writes.push({ path: headPath, value: encode(head satisfies Head) });
    return writes;
  }

  #expire({ sequence, ids }: { readonly sequence: number; readonly ids: readonly string[] }, writes: BookkeepingWrite[]): void {
    writes.push({ path: pathOf(proposalsPrefix, sequence), value: undefined });
    const { expired } = this.#replicated;
    const touched = new Set<string>();
    for (const id of ids) {
      const { process, forgotten } = noteExpired(expired, id);
      touched.add(process);
      if (forgotten !== undefined) writes.push({ path: expiredPrefix + forgotten, value: undefined });
    }
    for (const process of touched) writes.push({ path: expiredPrefix + process, value: encode({ number: expired.get(process)!, sequence } satisfies KeptExpired) });
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
