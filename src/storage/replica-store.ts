/**
 * The store of a node of a cluster: a replay of the log. One entry is one write set, under the entry's own number; what the
 * cluster has to remember about the entry goes to the disk in the same batch.
 *
 *   plan(proposal) ──> planned view             (the primary: seen by the next plan, on no disk)
 *   apply(entry)   ──> journal: pending view ──> one synced batch for all that wait ──> reports
 *
 * Invariants: entries are applied in order without gaps, each whole or not at all, with its bookkeeping; so two nodes at the
 * same sequence have the same digest. Nothing planned reaches the disk but by an entry. A store is a replica's for ever.
 */
import { checkBookkeeping, readBookkeeping } from './bookkeeping.ts';
import type { BookkeepingWrite } from './bookkeeping.ts';
import { LevelCapture } from './capture.ts';
import type { BackupRequest, Capture } from './capture.ts';
import { Journal } from './journal.ts';
import { LevelBackend } from './level-backend.ts';
import { openSource } from './level-source.ts';
import type { LevelSource, LevelStoreOptions } from './level-source.ts';
import type { Mutation } from './mutation.ts';
import { PlannedView } from './planned-view.ts';
import { RecordReader } from './record-source.ts';
import type { CommitReport, ReadStore } from './store.ts';

export type { BookkeepingWrite } from './bookkeeping.ts';
export type { Capture } from './capture.ts';
export type { LevelStoreOptions } from './level-source.ts';
export { restoreReplica } from './replica-restore.ts';

export interface ReplicaEntry {
  /** Place in the log; the one after the last entry applied. */
  readonly sequence: number;
  /** None for an entry that is void or changes members only. */
  readonly mutations: readonly Mutation[];
  /** Whose mutations they are. */
  readonly proposals: readonly string[];
  /** Written with the mutations, under paths that have nothing secret; values are sealed on the disk. */
  readonly bookkeeping: readonly BookkeepingWrite[];
}

export interface ReplicaStore extends ReadStore {
  /** Last entry on disk, 0 when there is none. */
  readonly sequence: number;
  /** Next unused nonce prefix in the planned view. */
  readonly nextNoncePrefix: number;
  /** The disk with all entries that are being written and all that is planned. */
  planned(): ReadStore;
  /** Adds a proposal to the planned view. Throws, and leaves it as it was, where the mutations do not fit. */
  plan(proposal: string, mutations: readonly Mutation[]): void;
  /** Hex SHA-256 of what the mutation would change, as it is in the planned view; undefined: not there. Equal on all nodes. */
  compare(mutation: Mutation): string | undefined;
  /** Forgets what was planned and has not been applied. Entries under way to the disk stay. */
  unplan(): void;
  /**
   * Applies the next entry: at once to the planned view, which lets go of the entry's proposals; resolves when it is on disk. Entries
   * of one turn share a batch. Rejects, for good, when the disk fails; with an assertion where the entry does not fit.
   */
  apply(entry: ReplicaEntry): Promise<CommitReport>;
  /** Bookkeeping on disk under paths that begin so, in path order (bytes of UTF-8). */
  bookkeeping(prefix: string): AsyncIterable<readonly [path: string, value: Uint8Array]>;
  /** What is on disk at its `sequence`, for `restoreReplica`. */
  capture(): Promise<Capture>;
  /** The same as a backup: for `restoreSingle`, and for a new cluster. */
  backup(request: BackupRequest): Promise<Capture>;
  /** Over records, not bookkeeping: equal on nodes with the same history. Of what is on disk while nothing is applied. */
  digest(): Promise<string>;
  close(): Promise<void>;
}

/** Opens (or makes) the replica for the one thread that writes; other threads use openReader (level-store.ts). */
export async function openReplicaStore(options: LevelStoreOptions): Promise<ReplicaStore> {
  const source = await openSource(options, 'replica');
  return new LevelReplica(source, new Journal(new LevelBackend(source, options.erasureDelayMs)));
}

class LevelReplica extends RecordReader implements ReplicaStore {
  readonly #source: LevelSource;
  readonly #journal: Journal;
  readonly #view: PlannedView;

  constructor(source: LevelSource, journal: Journal) {
    super(source);
    this.#source = source;
    this.#journal = journal;
    this.#view = new PlannedView(journal.pendingSource);
  }

  get sequence(): number {
    return this.#journal.sequence;
  }

  get nextNoncePrefix(): number {
    return this.#view.nextNoncePrefix;
  }

  planned(): ReadStore {
    return this.#view.reader;
  }

  plan(proposal: string, mutations: readonly Mutation[]): void {
    this.#view.plan(proposal, mutations);
  }

  compare(mutation: Mutation): string | undefined {
    return this.#view.compare(mutation);
  }

  unplan(): void {
    this.#view.clear();
  }

  async apply(entry: ReplicaEntry): Promise<CommitReport> {
    checkBookkeeping(entry.bookkeeping);
    const written = this.#journal.commitEntry(entry.sequence, entry.mutations, entry.bookkeeping);
    this.#view.settle(entry.proposals);
    return written;
  }

  bookkeeping(prefix: string): AsyncIterable<readonly [path: string, value: Uint8Array]> {
    return readBookkeeping(this.#source.database, this.#source.keys, prefix);
  }

  capture(): Promise<Capture> {
    return this.#journal.betweenBatches(() => new LevelCapture(this.#source, 'replica'));
  }

  backup(request: BackupRequest): Promise<Capture> {
    return this.#journal.betweenBatches(() => new LevelCapture(this.#source, 'replica', request));
  }

  digest(): Promise<string> {
    return this.#journal.digest();
  }

  close(): Promise<void> {
    return this.#journal.close();
  }
}
