/**
 * JetStream and the tenure store as far as the ports see them, with what they may do wrong: lose their unsynced tail, forget
 * a tenure record, stop answering.
 */
import type { Logged } from '../../../cluster/entry.ts';
import type { ClusterEvent, Head, Restored, TenureRecord } from '../../../cluster/ports.ts';
import { emptyHash } from '../../../cluster/entry.ts';
import type { Network } from './network.ts';
import type { Scheduler } from './scheduler.ts';

const readBytes = 8000;

export type Deliver = (node: string, event: ClusterEvent) => void;

export class SimulatedLog {
  readonly entries: Logged[] = [];
  /** Every entry ever accepted at a place, for the checker. */
  readonly accepted: { readonly sequence: number; readonly logged: Logged; readonly at: number }[] = [];
  /** Entries up to this sequence cannot be lost: synced. */
  synced = 0;
  first = 1;
  /** Grows with each loss: what was under way to the servers that lost the tail is lost with them. */
  epoch = 0;
  /** Whether the log compares the hash of its last entry as well (a message id in NATS). */
  readonly #comparesHash: boolean;
  /** False in a mutant only: a log that appends whatever comes. */
  readonly #comparesSequence: boolean;
  readonly #network: Network;
  readonly #scheduler: Scheduler;
  readonly #deliver: Deliver;
  readonly #nodes: readonly string[];

  constructor(network: Network, scheduler: Scheduler, nodes: readonly string[], deliver: Deliver, comparesHash: boolean, comparesSequence: boolean) {
    this.#network = network;
    this.#scheduler = scheduler;
    this.#nodes = nodes;
    this.#deliver = deliver;
    this.#comparesHash = comparesHash;
    this.#comparesSequence = comparesSequence;
  }

  get last(): number {
    return this.entries.length;
  }

  append(node: string, expected: Head, logged: Logged, epoch: number): void {
    this.#network.carry(node, 'log', () => {
      if (epoch !== this.epoch) return;
      const matches = !this.#comparesSequence || (expected.sequence === this.last && (!this.#comparesHash || (this.entries.at(-1)?.hash ?? emptyHash) === expected.hash));
      if (matches) {
        this.entries.push(logged);
        this.accepted.push({ sequence: this.last, logged, at: this.#scheduler.now });
        const sequence = this.last;
        for (const each of this.#nodes) this.#network.carry('log', each, () => this.#deliver(each, { kind: 'log-pushed', sequence, bytes: logged.bytes }));
      }
      const event: ClusterEvent = matches ? { kind: 'appended', sequence: this.last, hash: logged.hash } : { kind: 'append-refused', sequence: logged.entry.sequence, hash: logged.hash };
      this.#network.carry('log', node, () => this.#deliver(node, event));
    });
  }

  read(node: string, from: number, count: number): void {
    this.#network.carry(node, 'log', () => {
      const wanted = from < this.first ? [] : this.entries.slice(from - 1, from - 1 + count).map(({ bytes }) => bytes);
      // A read brings as much as it likes to, by bytes.
      let length = 0;
      const entries = wanted.filter((bytes, index) => {
        length += bytes.length;
        return index < 2 || length <= readBytes;
      });
      const event: ClusterEvent = { kind: 'log-read', from, entries, first: this.first, last: this.last };
      this.#network.carry('log', node, () => this.#deliver(node, event));
    });
  }

  purge(node: string, through: number): void {
    this.#network.carry(node, 'log', () => {
      this.first = Math.max(this.first, Math.min(through, this.last) + 1);
    });
  }

  /** Loses up to `count` entries that are not synced. Returns them. */
  loseTail(count: number): readonly Logged[] {
    this.epoch += 1;
    const keep = Math.max(this.synced, this.last - count, this.first);
    return this.entries.splice(keep);
  }
}

export class SimulatedTenureStore {
  record: (TenureRecord & { readonly writtenAt: number }) | undefined;
  #revision = 0;
  readonly #past: { readonly at: number; readonly record: SimulatedTenureStore['record']; readonly revision: number }[] = [];
  readonly #recordMs: number;
  readonly #network: Network;
  readonly #scheduler: Scheduler;
  readonly #deliver: Deliver;
  /** How fast the store's clock runs. */
  rate = 1;

  constructor(network: Network, scheduler: Scheduler, deliver: Deliver, recordMs: number) {
    this.#network = network;
    this.#scheduler = scheduler;
    this.#deliver = deliver;
    this.#recordMs = recordMs;
  }

  look(node: string, sentAt: number): void {
    this.#ask(node, () => ({ kind: 'tenure-seen', sentAt, record: this.#current() }));
  }

  claim(node: string, claim: string): void {
    this.#ask(node, () => {
      if (this.#current() !== undefined) return { kind: 'claim-failed', claim };
      this.#write(node, claim);
      return { kind: 'claimed', claim, revision: this.#revision };
    });
  }

  renew(node: string, claim: string, revision: number): void {
    this.#ask(node, () => {
      const record = this.#current();
      if (record?.revision !== revision || record.claim !== claim) return { kind: 'renew-failed', claim };
      this.#write(node, claim);
      return { kind: 'renewed', claim, expected: revision, revision: this.#revision };
    });
  }

  yield(node: string, revision: number): void {
    this.#network.carry(node, 'tenure', () => {
      if (this.#current()?.revision === revision) this.record = undefined;
    });
  }

  /** Goes back to what it was: it lost what it had not synced. */
  forget(milliseconds: number): void {
    const wanted = this.#scheduler.now - milliseconds;
    const earlier = this.#past.findLast(({ at }) => at <= wanted);
    this.record = earlier?.record;
    this.#revision = earlier?.revision ?? 0;
  }

  #current(): SimulatedTenureStore['record'] {
    const { record } = this;
    if (record !== undefined && (this.#scheduler.now - record.writtenAt) * this.rate >= this.#recordMs) this.record = undefined;
    return this.record;
  }

  #write(node: string, claim: string): void {
    this.#revision += 1;
    this.record = { node, claim, revision: this.#revision, writtenAt: this.#scheduler.now };
    this.#past.push({ at: this.#scheduler.now, record: this.record, revision: this.#revision });
  }

  #ask(node: string, act: () => ClusterEvent): void {
    this.#network.carry(node, 'tenure', () => {
      const event = act();
      this.#network.carry('tenure', node, () => this.#deliver(node, event));
    });
  }
}

/** Snapshots of all nodes, newest last; the object store keeps the newest few. */
export class SimulatedSnapshots<T> {
  readonly #kept: { readonly sequence: number; readonly restored: Omit<Restored, 'incarnation'>; readonly content: T }[] = [];

  put(sequence: number, restored: Omit<Restored, 'incarnation'>, content: T): void {
    this.#kept.push({ sequence, restored, content });
    this.#kept.sort((left, right) => left.sequence - right.sequence);
    if (this.#kept.length > 3) this.#kept.shift();
  }

  newestBelow(sequence: number): { readonly restored: Omit<Restored, 'incarnation'>; readonly content: T } | undefined {
    return this.#kept.findLast((each) => each.sequence < sequence);
  }
}
