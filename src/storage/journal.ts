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
import { apply, targetOf, writeSetMutationsMax } from './apply.ts';
import type { Mutation } from './mutation.ts';
import { addressText, encodeRecord, noncesAddress } from './record.ts';
import type { Address, StateRecord } from './record.ts';
import { PendingSource, RecordReader } from './record-source.ts';
import type { RecordSource } from './record-source.ts';
import type { CommitReport, ReadStore, Store } from './store.ts';

/** Write sets in one batch at most: bounds the memory of a batch and how long its callers wait for the slowest. */
export const batchWriteSetsMax = 1024;

export interface RecordChange {
  readonly address: Address;
  readonly before: StateRecord | undefined;
  readonly after: StateRecord;
}

export interface Backend {
  readonly source: RecordSource;
  /** Sequence of the last write set on disk. */
  readonly sequence: number;
  /** Writes all changes (one a record) with the sequence, atomically, and resolves when they are durable and readable. */
  write(changes: readonly RecordChange[], sequence: number): Promise<void>;
  /** Every record, in one order that depends on the content only. */
  records(): AsyncIterable<StateRecord>;
  close(): Promise<void>;
}

interface WriteSet {
  readonly sequence: number;
  readonly changes: readonly RecordChange[];
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

  async commit(mutations: readonly Mutation[]): Promise<CommitReport> {
    if (this.#failure !== undefined) throw this.#failure;
    assert(!this.#closed, 'commit after close');
    const changes = this.#stage(mutations);
    // An empty write set makes no history, but its caller waits for the sets before it.
    if (mutations.length > 0) this.#planned += 1;
    const sequence = this.#planned;
    for (const { address, after } of changes) this.#pendingSource.put(after, address, sequence);
    return new Promise((resolve, reject) => {
      this.#queue.push({ sequence, changes, resolve, reject });
      this.#writing ??= this.#drain();
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

  #stage(mutations: readonly Mutation[]): readonly RecordChange[] {
    assert(mutations.length <= writeSetMutationsMax, `a write set has at most ${writeSetMutationsMax} mutations`);
    const staged = new Map<string, RecordChange>();
    const current = (address: Address): StateRecord | undefined => staged.get(addressText(address))?.after ?? this.#pendingSource.record(address);
    mutations.forEach((mutation, index) => {
      const address = targetOf(mutation);
      const text = addressText(address);
      const before = current(address);
      if (address.scope !== '' && before === undefined) {
        const owner: Address = { kind: 'scope', scope: '', identifier: address.scope };
        assert(staged.has(addressText(owner)) || this.#pendingSource.has(owner), `scope ${address.scope} is not there`);
      }
      const after = apply(before, mutation, (this.#planned + 1) * writeSetMutationsMax + index);
      staged.set(text, { address, before: staged.has(text) ? staged.get(text)!.before : before, after });
    });
    return [...staged.values()];
  }

  async #drain(): Promise<void> {
    // Callers of the same turn share a batch; and an empty one must not end before `commit` has noted that it began.
    await undefined;
    while (this.#queue.length > 0) {
      const batch = this.#queue.slice(0, batchWriteSetsMax);
      this.#queue = this.#queue.slice(batch.length);
      const changes = joined(batch);
      try {
        if (changes.length > 0) await this.#backend.write(changes, batch.at(-1)!.sequence);
      } catch (cause) {
        this.#fail(cause, batch);
        break;
      }
      for (const { sequence, changes: settled } of batch) for (const { address } of settled) this.#pendingSource.settled(address, sequence);
      for (const writeSet of batch) writeSet.resolve(reportOf(writeSet));
    }
    this.#writing = undefined;
  }

  #fail(cause: unknown, batch: readonly WriteSet[]): void {
    this.#failure = cause instanceof Fault ? cause : new Fault('E_STORE_WRITE', 'The store could not write to its disk and takes no further changes; the process has to stop.', { cause });
    const waiting = [...batch, ...this.#queue];
    this.#queue = [];
    for (const writeSet of waiting) writeSet.reject(this.#failure);
  }
}

/** One change a record: from what it was before the batch to what it is after it. */
function joined(batch: readonly WriteSet[]): readonly RecordChange[] {
  const [first] = batch;
  if (batch.length === 1 && first !== undefined) return first.changes;
  const changes = new Map<string, RecordChange>();
  for (const writeSet of batch) {
    for (const change of writeSet.changes) {
      const text = addressText(change.address);
      const earlier = changes.get(text);
      changes.set(text, earlier === undefined ? change : { ...change, before: earlier.before });
    }
  }
  return [...changes.values()];
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
