/**
 * The store as one message of a cluster's client reads it: what it may have seen of changes that are not stable yet.
 *
 * Invariant: made for one execution. Messages that wait in the middle (Locate) run at once on a thread, and none may wait for
 * what another saw, nor forget what it saw itself.
 */
import type { Managed } from '../kmip/managed.ts';
import type { CandidateQuery } from '../storage/store.ts';
import type { ClusterViewReader } from './cluster-view.ts';
import type { ObjectReads } from './engine-port.ts';
import type { ObjectCache, ReadNotes } from './object-cache.ts';

export type NotingCache = Pick<ObjectCache, 'enter' | 'leave' | 'fetch' | 'glance' | 'candidates'>;

export class MessageReads implements ObjectReads, ReadNotes {
  readonly #cache: NotingCache;
  readonly #view: Pick<ClusterViewReader, 'newestUnstable'>;
  #noted = 0;
  #walked = false;

  constructor(cache: NotingCache, view: Pick<ClusterViewReader, 'newestUnstable'>) {
    this.#cache = cache;
    this.#view = view;
  }

  /** The newest entry of those seen that was not stable; 0: none. Ask once, when the message is executed. */
  seen(): number {
    // What a walk passed by, since it is not there any more, has no identifier to look at: all that has begun may be it.
    return this.#walked ? Math.max(this.#noted, this.#view.newestUnstable()) : this.#noted;
  }

  noteUnstable(sequence: number): void {
    if (sequence > this.#noted) this.#noted = sequence;
  }

  fetch(scope: string, uniqueIdentifier: string): Managed | undefined {
    return this.#cache.fetch(scope, uniqueIdentifier, this);
  }

  glance(scope: string, uniqueIdentifier: string): Managed | undefined {
    return this.#cache.glance(scope, uniqueIdentifier, this);
  }

  candidates(scope: string, query: CandidateQuery): AsyncIterable<string> {
    this.#walked = true;
    return this.#cache.candidates(scope, query);
  }
}
