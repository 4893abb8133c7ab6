/**
 * Journal: the writing half of the storage contract, over any backend. It applies write sets in the order of the calls,
 * lets many callers share one synced batch (group commit), and stops for good when the disk fails.
 *
 *   commit() ── apply ──> pending view ── queue ──> backend.write (one at a time, all that wait) ──> reports
 *
 * Invariants: a write set is in the pending view as a whole or not at all, and on disk likewise; a report is given after
 * the batch is durable and readable; after one failed batch nothing is written any more, since what the disk holds is
 * not known (fsync's error is given once).
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { Fault } from '../fault.ts';
import type { BookkeepingWrite } from './bookkeeping.ts';
import type { Mutation } from './mutation.ts';
import { encodeRecord, noncesAddress } from './record.ts';
import type { StateRecord } from './record.ts';
import { PendingSource, RecordReader } from './record-source.ts';
import type { RecordSource } from './record-source.ts';
import { joined, staged } from './staging.ts';
import type { RecordChange } from './staging.ts';
import type { CommitReport, ReadStore, Store } from './store.ts';

/** Write sets in one batch at most: bounds the memory of a batch and how long its callers wait for the slowest. */
export const batchWriteSetsMax = 1024;
/** Bytes of bookkeeping after which a batch is full: a write set may bring a whole log entry along. */
const batchBookkeepingBytesMax = 8 * 1024 * 1024;

export interface Backend {
  readonly source: RecordSource;
  /** Sequence of the last write set on disk. */
  readonly sequence: number;
  /** Writes all changes (one a record) with the sequence and bookkeeping, atomically; resolves when they are durable and readable. */
  write(changes: readonly RecordChange[], sequence: number, bookkeeping: readonly BookkeepingWrite[]): Promise<void>;
  /** Every record, in one order that depends on the content only. */
  records(): AsyncIterable<StateRecord>;
  close(): Promise<void>;
}

interface WriteSet {
  readonly sequence: number;
  readonly changes: readonly RecordChange[];
  readonly bookkeeping: readonly BookkeepingWrite[];
  readonly resolve: (report: CommitReport) => void;
  readonly reject: (error: unknown) => void;
}

export class Journal extends RecordReader implements Store {
  readonly #backend: Backend;
  readonly #pendingSource: PendingSource;
  readonly #pendingReader: ReadStore;
  #queue: WriteSet[] = [];
  #planned: number;
  #writing: Promise<void> | undefined;
  /** What waits for the end of the batch under way. */
  #between: (() => void)[] = [];
  #failure: Fault | undefined;
  #closed = false;

  constructor(backend: Backend) {
    super(backend.source);
    this.#backend = backend;
    this.#pendingSource = new PendingSource(backend.source);
    this.#pendingReader = new RecordReader(this.#pendingSource);
    this.#planned = backend.sequence;
  }

  get sequence(): number {
    return this.#backend.sequence;
  }

  get nextNoncePrefix(): number {
    const nonces = this.#pendingSource.record(noncesAddress);
    return nonces?.kind === 'nonces' ? nonces.next : 0;
  }

  pending(): ReadStore {
    return this.#pendingReader;
  }

  /** What `pending` reads, for a view that is laid over it. */
  get pendingSource(): RecordSource {
    return this.#pendingSource;
  }

  async commit(mutations: readonly Mutation[]): Promise<CommitReport> {
    // An empty write set makes no history, but its caller waits for the sets before it.
    return this.#take(mutations.length > 0 ? this.#planned + 1 : this.#planned, mutations, []);
  }

  /**
   * Commits a write set whose number was given elsewhere (the next one: entries come without gaps), with bookkeeping; an empty
   * one makes history as well. Throws at once, with nothing changed, what `commit` rejects with.
   */
  commitEntry(sequence: number, mutations: readonly Mutation[], bookkeeping: readonly BookkeepingWrite[]): Promise<CommitReport> {
    assert.equal(sequence, this.#planned + 1, 'entries are committed in order, each once');
    return this.#take(sequence, mutations, bookkeeping);
  }

  #take(sequence: number, mutations: readonly Mutation[], bookkeeping: readonly BookkeepingWrite[]): Promise<CommitReport> {
    if (this.#failure !== undefined) throw this.#failure;
    assert(!this.#closed, 'commit after close');
    const changes = staged(this.#pendingSource, mutations, sequence);
    this.#planned = sequence;
    for (const { address, after } of changes) this.#pendingSource.put(after, address, sequence);
    return new Promise((resolve, reject) => {
      this.#queue.push({ sequence, changes, bookkeeping, resolve, reject });
      this.#writing ??= this.#drain();
    });
  }

  /** Runs the action while no batch is under way, so that what it finds on the disk is what `sequence` says. */
  betweenBatches<T>(action: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const run = (): void => {
        try {
          if (this.#failure !== undefined) throw this.#failure;
          resolve(action());
        } catch (error) {
          reject(error);
        }
      };
      if (this.#writing === undefined) run();
      else this.#between.push(run);
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#writing;
    await this.#backend.close();
  }

  /** SHA-256 over all records on disk: equal on two nodes that applied the same history. For tests and comparisons. */
  async digest(): Promise<string> {
    const hash = createHash('sha256');
    for await (const record of this.#backend.records()) {
      const bytes = encodeRecord(record);
      hash.update(createHash('sha256').update(bytes).digest());
      bytes.fill(0);
    }
    return hash.digest('hex');
  }

  async #drain(): Promise<void> {
    // Callers of the same turn share a batch; and an empty one must not end before `commit` has noted that it began.
    await undefined;
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, batchLength(this.#queue));
      this.#queue = this.#queue.slice(batch.length);
      const { sequence: last } = batch.at(-1)!;
      try {
        if (last > this.#backend.sequence) await this.#backend.write(joined(batch), last, batch.flatMap((writeSet) => writeSet.bookkeeping));
      } catch (cause) {
        this.#fail(cause, batch);
        break;
      }
      for (const { sequence, changes } of batch) for (const { address } of changes) this.#pendingSource.settled(address, sequence);
      for (const writeSet of batch) writeSet.resolve(reportOf(writeSet));
      this.#runBetween();
    }
    this.#writing = undefined;
    this.#runBetween();
  }

  #runBetween(): void {
    for (const run of this.#between.splice(0)) run();
  }

  #fail(cause: unknown, batch: readonly WriteSet[]): void {
    this.#failure = cause instanceof Fault ? cause : new Fault('E_STORE_WRITE', 'The store could not write to its disk and takes no further changes; the process has to stop.', { cause });
    const waiting = [...batch, ...this.#queue];
    this.#queue = [];
    for (const writeSet of waiting) writeSet.reject(this.#failure);
  }
}

/** How many of the waiting write sets go into the next batch: at least one. */
function batchLength(queue: readonly WriteSet[]): number {
  let bytes = 0;
  let count = 0;
  for (const { bookkeeping } of queue) {
    for (const { value } of bookkeeping) bytes += value?.length ?? 0;
    if (count > 0 && (count === batchWriteSetsMax || bytes > batchBookkeepingBytesMax)) break;
    count += 1;
  }
  return count;
}

function reportOf(writeSet: WriteSet): CommitReport {
  const managed: { scope: string; uniqueIdentifier: string }[] = [];
  let identityChanged = false;
  for (const { address } of writeSet.changes) {
    if (address.kind === 'managed') managed.push({ scope: address.scope, uniqueIdentifier: address.identifier });
    else if (address.kind !== 'nonces') identityChanged = true;
  }
  return { sequence: writeSet.sequence, managed, identityChanged };
}
