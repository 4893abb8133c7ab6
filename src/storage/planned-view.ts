/**
 * What the primary plans on: the store with all that was planned here and has not come back from the log yet.
 *
 *   disk  <──  entries being written (journal.ts)  <──  planned, by proposal (here)
 *
 * Invariants: a proposal's records are here as a whole or not at all; once its entry is in the layer below they are let go,
 * save those that a later proposal changed again: these stay, and hold the earlier change as well, since they were worked
 * out on top of it. Whose entries were planned elsewhere passes through from below, so nothing is kept of what was read.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { targetOf } from './apply.ts';
import type { Mutation } from './mutation.ts';
import { encodeRecord, noncesAddress } from './record.ts';
import type { Address } from './record.ts';
import { PendingSource, RecordReader } from './record-source.ts';
import type { RecordSource } from './record-source.ts';
import { staged } from './staging.ts';
import type { ReadStore } from './store.ts';

/**
 * Which entry will carry a proposal is not known when it is planned, so its objects' place in the order of creation is a guess:
 * after all that has a number (entries end at 2^37, where ordinals leave the whole numbers), among themselves as planned.
 */
const guessedSequences = 2 ** 37 - 2 ** 33;

interface Plan {
  readonly turn: number;
  readonly addresses: readonly Address[];
}

export class PlannedView {
  readonly reader: ReadStore;
  readonly #source: PendingSource;
  readonly #plans = new Map<string, Plan>();
  #turn = 0;

  constructor(base: RecordSource) {
    this.#source = new PendingSource(base, false);
    this.reader = new RecordReader(this.#source);
  }

  get nextNoncePrefix(): number {
    const nonces = this.#source.record(noncesAddress);
    return nonces?.kind === 'nonces' ? nonces.next : 0;
  }

  /** Adds a proposal's mutations. They have to fit what was planned before; if not, it throws and nothing has changed. */
  plan(proposal: string, mutations: readonly Mutation[]): void {
    assert(!this.#plans.has(proposal), `proposal ${proposal} is planned already`);
    const turn = this.#turn + 1;
    const changes = staged(this.#source, mutations, guessedSequences + turn);
    this.#turn = turn;
    for (const { address, after } of changes) this.#source.put(after, address, turn);
    this.#plans.set(proposal, { turn, addresses: changes.map(({ address }) => address) });
  }

  /** The layer below has the proposals' mutations. Those planned elsewhere are not known here. */
  settle(proposals: readonly string[]): void {
    for (const proposal of proposals) {
      const plan = this.#plans.get(proposal);
      if (plan === undefined) continue;
      this.#plans.delete(proposal);
      for (const address of plan.addresses) this.#source.settled(address, plan.turn);
    }
  }

  /** Forgets every proposal. */
  clear(): void {
    this.#plans.clear();
    this.#source.clear();
  }

  /** Hex SHA-256 of the mutation's target as it is; undefined where there is none. The ordinal, which may be guessed, does not count. */
  compare(mutation: Mutation): string | undefined {
    const record = this.#source.record(targetOf(mutation));
    if (record === undefined) return undefined;
    const bytes = encodeRecord(record.kind === 'managed' ? { ...record, ordinal: 0 } : record);
    const hash = createHash('sha256').update(bytes).digest('hex');
    bytes.fill(0);
    return hash;
  }
}
