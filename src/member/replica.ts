/**
 * A member's own copy of the state: what the protocol asks of a store (cluster/ports.ts), done on a ReplicaStore.
 *
 *   apply ── marks for readers ──> one synced batch (many entries) ──> caches told ──> `applied`
 *   plan  ── engine on the planned view ──> `planned`
 *   rebuild ── threads stopped, old folder set aside ── newest readable snapshot, or nothing ──> `restored`
 *   capture, publish ── LevelDB snapshot ──> object store ──> `published`
 *
 * Invariants: nothing here calls the protocol from within a call of the protocol: every outcome is an event that comes later.
 * A mark stands before the entry is written and caches are told before `applied` is: a reader on any thread knows of a change
 * no later than it can see it. After a disk error nothing more is written and the process ends.
 */
import { randomUUID } from 'node:crypto';
import { rename, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logged } from '../../cluster/entry.ts';
import type { ClusterEvent, Restored, StorePort } from '../../cluster/ports.ts';
import type { Log } from '../log.ts';
import { targetOf } from '../storage/apply.ts';
import { openReplicaStore, restoreReplica } from '../storage/replica-store.ts';
import type { Capture, ReplicaStore } from '../storage/replica-store.ts';
import type { CommitReport } from '../storage/store.ts';
import type { LevelStoreOptions } from '../storage/level-store.ts';
import { History, restoredFrom } from './history.ts';
import type { HistoryLimits } from './history.ts';
import type { PlannedWork } from './planner.ts';
import { mutationsFrom } from './proposal.ts';

/** Between two attempts to read or write a snapshot while NATS is away. */
const snapshotRetryMs = 1_000;

export interface SnapshotStore {
  list(): Promise<readonly { readonly name: string; readonly sequence: number }[]>;
  read(snapshot: { readonly name: string; readonly sequence: number }): AsyncIterable<Uint8Array>;
  publish(sequence: number, content: AsyncIterable<Uint8Array>): Promise<{ readonly length: number }>;
}

export interface ReplicaPorts {
  readonly options: LevelStoreOptions;
  readonly limits: HistoryLimits;
  readonly log: Log;
  emit(event: ClusterEvent): void;
  snapshots(): SnapshotStore;
  /** Plans a proposal on `planned()`; never throws for what a client sent. */
  plan(payload: Uint8Array): Promise<PlannedWork>;
  /** The same, changing nothing. */
  refuse(payload: Uint8Array): PlannedWork;
  /** What was planned and is not in the log is forgotten. */
  unplanned(): void;
  /** Entry `sequence` is about to change these objects. */
  applying(changed: CommitReport['managed'], sequence: number): void;
  /** It has: caches let go of them. */
  applied(report: CommitReport): void;
  /** The store is taken away from all other threads; resolves when none has it open. And, at the end, given back. */
  suspend(): Promise<void>;
  /** The store is another one, and ends here. */
  reopened(sequence: number): void;
  resume(): Promise<void>;
  /** The disk failed, or a bug: the process cannot go on. */
  onFault(error: unknown): void;
}

export class Replica implements StorePort {
  readonly #ports: ReplicaPorts;
  #store: ReplicaStore;
  #history: History;
  #incarnation = randomUUID();
  /** Counts how often what was planned was forgotten. */
  #plans = 0;
  /** Resolves when the last plan that was begun has ended. */
  #planning: Promise<void> = Promise.resolve();
  #captured: Capture | undefined;
  /** Highest entry applied in this turn, told as one event. */
  #appliedUpTo = 0;
  #telling = false;
  #sliceBegan = 0;
  #closed = false;

  private constructor(ports: ReplicaPorts, store: ReplicaStore, history: History) {
    this.#ports = ports;
    this.#store = store;
    this.#history = history;
  }

  static async open(ports: ReplicaPorts): Promise<{ readonly replica: Replica; readonly restored: Restored; readonly startsEmpty: boolean }> {
    const store = await openReplicaStore(ports.options);
    const { history, ...state } = await History.read(store, ports.limits);
    const replica = new Replica(ports, store, history);
    return { replica, restored: restoredFrom(replica.#incarnation, state), startsEmpty: store.sequence === 0 };
  }

  /** The store as it is now; another one after a rebuild. */
  get store(): ReplicaStore {
    return this.#store;
  }

  apply(logged: Logged, counts: boolean): void {
    const { sequence, works } = logged.entry;
    const incarnation = this.#incarnation;
    const mutations = counts ? works.flatMap((work) => mutationsFrom(work.mutations)) : [];
    const changed = mutations.map(targetOf).filter(({ kind }) => kind === 'managed').map(({ scope, identifier }) => ({ scope, uniqueIdentifier: identifier }));
    this.#ports.applying(changed, sequence);
    const bookkeeping = this.#history.after(logged, counts);
    this.#store.apply({ sequence, mutations, proposals: counts ? works.map(({ proposal }) => proposal) : [], bookkeeping }).then(
      (report) => {
        if (this.#incarnation !== incarnation) return;
        this.#ports.applied(report);
        this.#tell(sequence);
      },
      (error: unknown) => {
        if (this.#incarnation === incarnation) this.#ports.onFault(error);
      },
    );
  }

  /** Entries of one batch are told together: the confirmation of the last one is that of all. */
  #tell(sequence: number): void {
    this.#appliedUpTo = sequence;
    if (this.#telling) return;
    this.#telling = true;
    queueMicrotask(() => {
      this.#telling = false;
      this.#ports.emit({ kind: 'applied', sequence: this.#appliedUpTo, incarnation: this.#incarnation });
    });
  }

  plan(proposal: string, payload: Uint8Array): void {
    const plans = this.#plans;
    // One at a time, those included that were forgotten: the planner's nonces are of one tenure.
    this.#planning = this.#planning.then(() => this.#plan(plans, proposal, payload));
  }

  async #plan(plans: number, proposal: string, payload: Uint8Array): Promise<void> {
    try {
      await this.#rested();
      if (this.#plans !== plans) return;
      const work = await this.#ports.plan(payload);
      if (this.#plans === plans) {
        const { mutations, result } = this.#fitting(proposal, payload, work);
        this.#ports.emit({ kind: 'planned', proposal, mutations, result });
        return;
      }
    } catch (error) {
      if (this.#plans === plans) {
        this.#ports.onFault(error);
        return;
      }
    }
    // Forgotten while it was being decided: what it was decided on is not there any more, and what it has used since is nobody's.
    this.#ports.unplanned();
  }

  /** What was decided has to fit the planned view. Where it does not, that is a bug, and one that the next primary would meet as well: it is refused. */
  #fitting(proposal: string, payload: Uint8Array, work: PlannedWork): PlannedWork {
    try {
      this.#store.plan(proposal, work.decided);
      return work;
    } catch (error) {
      this.#ports.log.error({ error }, 'What was decided does not fit the state that it was decided on; it is refused.');
      this.#ports.unplanned();
      const refused = this.#ports.refuse(payload);
      this.#store.plan(proposal, refused.decided);
      return refused;
    }
  }

  /** A long queue is planned in slices, so that heartbeats, the tenure and sockets have their turn. */
  async #rested(): Promise<void> {
    const sliceMs = 5;
    const now = performance.now();
    if (now - this.#sliceBegan < sliceMs) return;
    await new Promise((resolve) => setImmediate(resolve));
    this.#sliceBegan = performance.now();
  }

  unplan(): void {
    this.#plans += 1;
    this.#store.unplan();
    this.#ports.unplanned();
  }

  capture(): void {
    void this.#capture().catch((error: unknown) => this.#ports.onFault(error));
  }

  async #capture(): Promise<void> {
    await this.#captured?.close();
    const captured = await this.#store.capture();
    this.#captured = captured;
    this.#ports.emit({ kind: 'captured', sequence: captured.sequence });
  }

  publish(sequence: number): void {
    void this.#publish(sequence);
  }

  async #publish(sequence: number): Promise<void> {
    const captured = this.#captured;
    if (captured?.sequence !== sequence) return;
    while (!this.#closed && this.#captured === captured) {
      try {
        const { length } = await this.#ports.snapshots().publish(sequence, captured.content());
        this.#captured = undefined;
        await captured.close();
        this.#ports.log.info({ sequence }, 'A snapshot was published.');
        this.#ports.emit({ kind: 'published', sequence, bytes: length });
        return;
      } catch (error) {
        this.#ports.log.warn({ error, sequence }, 'A snapshot could not be published; trying again.');
        await sleep(snapshotRetryMs);
      }
    }
  }

  rebuild(below: number): void {
    void this.#rebuild(below).catch((error: unknown) => {
      if (!this.#closed) this.#ports.onFault(error);
    });
  }

  async #rebuild(below: number): Promise<void> {
    const { options, limits, log, emit } = this.#ports;
    // From here on what is still under way to the old store concerns nobody.
    this.#incarnation = randomUUID();
    this.#plans += 1;
    const wasEmpty = this.#store.sequence === 0;
    await this.#ports.suspend();
    await this.#captured?.close();
    this.#captured = undefined;
    await this.#store.close();
    if (!wasEmpty) {
      const aside = `${options.folder}.aside-${new Date().toISOString().replaceAll(':', '-')}`;
      log.warn({ aside }, 'This node\'s history is not the cluster\'s, or too old to go on with: its store is set aside and made anew.');
      await rename(options.folder, aside);
    }
    // Nothing to start from, again and again: the log begins later than any snapshot that is left.
    if (!(await this.#restore(below)) && wasEmpty) await sleep(snapshotRetryMs);
    this.#store = await openReplicaStore(options);
    const { history, ...state } = await History.read(this.#store, limits);
    this.#history = history;
    log.info({ sequence: this.#store.sequence }, 'The store was made anew.');
    this.#ports.reopened(this.#store.sequence);
    emit({ kind: 'restored', restored: restoredFrom(this.#incarnation, state) });
    // Threads need prefixes for their nonces, which only a node that is in the protocol again can ask for.
    await this.#ports.resume();
  }

  /** The newest snapshot that can be read; none at all only where the object store says that there is none. */
  async #restore(below: number): Promise<boolean> {
    const { options, log } = this.#ports;
    while (!this.#closed) {
      let tried = false;
      try {
        const snapshots = (await this.#ports.snapshots().list()).filter(({ sequence }) => sequence < below).sort((left, right) => right.sequence - left.sequence);
        if (snapshots.length === 0) return false;
        for (const snapshot of snapshots) {
          tried = true;
          try {
            await removeFolder(options.folder);
            await restoreReplica(options, this.#ports.snapshots().read(snapshot));
            log.info({ sequence: snapshot.sequence }, 'Restored from a snapshot.');
            return true;
          } catch (error) {
            log.warn({ error, snapshot: snapshot.name }, 'A snapshot cannot be used; the one before is tried.');
          }
        }
      } catch (error) {
        log.warn({ error, tried }, 'The snapshots cannot be read; trying again.');
      }
      await sleep(snapshotRetryMs);
    }
    throw new Error('closed while the store was made anew');
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#incarnation = randomUUID();
    this.#plans += 1;
    await this.#captured?.close();
    await this.#store.close();
  }
}

function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true });
}
