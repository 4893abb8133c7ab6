/**
 * The storage contract. One exported suite (test/storage/) runs against every implementation.
 *
 * Invariants: `commit` resolves only after the write set is durable (one synced batch, shared by many callers: group
 * commit), and then every read on the node sees it; write sets are applied in the order of the calls and atomically;
 * reads never wait for writes. Nothing secret is on disk outside the envelope.
 */
import type { Managed } from '../kmip/managed.ts';
import type { CredentialRecord, Mutation, RoleRecord, ScopeRecord } from './mutation.ts';

/** An equality that an index can answer. `value` is the attribute's in-memory value by its rule's type. */
export interface IndexTerm {
  readonly name: string;
  readonly value: unknown;
}

export interface CandidateQuery {
  /** All have to hold; the store uses the most selective one that has an index, or walks the scope. */
  readonly terms: readonly IndexTerm[];
  /** Objects that are destroyed need not be among the candidates. */
  readonly isHeld?: boolean;
  /** The other way round: last created first. */
  readonly newestFirst?: boolean;
}

export interface ReadStore {
  /** The object as committed, or undefined. Synchronous: about 10 microseconds. */
  fetch(scope: string, uniqueIdentifier: string): Managed | undefined;
  /** As `fetch`, for one look among many: no cache keeps it, so that a walk does not push out what is in use. */
  glance(scope: string, uniqueIdentifier: string): Managed | undefined;
  /**
   * Identifiers that may match, in creation order, each once; a superset of the matches: the caller checks each.
   * Sees one consistent snapshot.
   */
  candidates(scope: string, query: CandidateQuery): AsyncIterable<string>;
  /** The same at once, where the store need not wait for them (a Name, and few hold it); undefined: `candidates` has to be walked. */
  candidatesAtOnce?(scope: string, query: CandidateQuery): readonly string[] | undefined;
  scope(scope: string): ScopeRecord | undefined;
  scopes(): readonly ScopeRecord[];
  role(scope: string, role: string): RoleRecord | undefined;
  roles(scope: string): readonly RoleRecord[];
  credential(fingerprint: string): CredentialRecord | undefined;
  credentials(scope: string): readonly CredentialRecord[];
  setting(name: string): Uint8Array | undefined;
}

/** What a commit touched, for caches on other threads. */
export interface CommitReport {
  /** Sequence of the last write set applied: 1 for the first ever. */
  readonly sequence: number;
  readonly managed: readonly { readonly scope: string; readonly uniqueIdentifier: string }[];
  /** A scope, role, credential or setting changed. */
  readonly identityChanged: boolean;
}

export interface Store extends ReadStore {
  readonly sequence: number;
  /** Next unused nonce prefix (see mutation nonce-prefix-taken). */
  readonly nextNoncePrefix: number;
  /**
   * Applies the write set to the store's view at once (later fetches by the planner on this thread see it through
   * `pending()`), and resolves when it is on disk. Rejects with a Fault when the disk fails; the store then refuses
   * every further commit: the process has to stop.
   */
  commit(mutations: readonly Mutation[]): Promise<CommitReport>;
  /** A view that includes write sets whose commit is still under way: what the planner on the writing thread reads. */
  pending(): ReadStore;
  close(): Promise<void>;
}
