/**
 * Who keeps a node's state: the node alone (single-keeper.ts) or its cluster (src/member/). The rest of the node is the same.
 *
 * Invariant: what `submit`, `commit` and `takeNoncePrefix` answer is durable, and known to every thread of the node, before they
 * resolve; in a cluster, on every node that may answer reads.
 */
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ServerFacts } from '../operations/context.ts';
import type { Capture } from '../storage/capture.ts';
import type { BackupMark } from '../storage/content-items.ts';
import type { LevelStoreOptions } from '../storage/level-store.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { ReadStore } from '../storage/store.ts';
import type { Crossovers } from '../wasm/accelerator.ts';
import type { Answer } from './engine-port.ts';
import type { Limits } from './limits.ts';

export interface Keeper {
  /** What the next change is decided on. */
  readonly view: ReadStore;
  /** Changes submitted and not answered yet. */
  readonly queued: number;
  /** Last write set, or entry of the log, on disk. */
  readonly sequence: number;
  /** For the threads: what they may answer. Absent on a single node. */
  readonly clusterView?: SharedArrayBuffer;
  /** Looks at what is on disk, and resolves once that is known to be the newest state; rejects with E_NOT_READY where it may not be. */
  read<T>(look: (store: ReadStore) => T): Promise<T>;
  /** Why reads would not be answered now; undefined if they would. */
  notReady(): string | undefined;
  /** Why clients should go to another node; undefined where waiting here is as good as anywhere. */
  sendsAway(): string | undefined;
  /** Resolves when reads would be answered. */
  ready(): Promise<void>;
  /** Executes a message that changes something. Resolves with its answer, an error answer included. */
  submit(message: Uint8Array, credential: string): Promise<Answer>;
  /** Changes that do not come from a KMIP message. Rejects with E_CHANGED_MEANWHILE where another node was faster. */
  commit(mutations: readonly Mutation[]): Promise<unknown>;
  /** A prefix of nonces that no thread had or will have. */
  takeNoncePrefix(): Promise<number>;
  /**
   * A consistent picture of all state, for the caller to close. Everything acknowledged before the call is in it; E_NOT_READY where this
   * node cannot know what was.
   */
  backup(mark: BackupMark): Promise<Capture>;
  /** What `kmipd status` shows of a cluster. */
  status(): object | undefined;
  /** Before connections are drained: others take over what only this node did. */
  leave(): Promise<void>;
  /** Resolves when everything submitted is answered. */
  drained(): Promise<void>;
  /** After that, when no client is left: nobody has to wait for this node. */
  farewell(): void;
  /** Takes another node out of the cluster for good; absent on a single node. */
  removeMember?(node: string): Promise<void>;
  close(): Promise<void>;
}

/** What either kind of keeper is made of. */
export interface KeeperParts {
  readonly store: LevelStoreOptions;
  readonly core: WebAssembly.Module;
  /** Undefined: the core alone. */
  readonly crossovers: Crossovers | undefined;
  readonly server: ServerFacts;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
}

export interface KeeperEvents {
  /** A change is durable: caches let go of these objects, connections of their identities. */
  changed(report: { readonly managed: readonly { readonly scope: string; readonly uniqueIdentifier: string }[]; readonly identityChanged: boolean }): void;
  /** No thread may have the store open from here on, and may again. Only a member of a cluster makes its store anew. */
  suspend(): Promise<void>;
  resume(): Promise<void>;
  /** Nothing can be stored any more. */
  onFault(error: unknown): void;
}
