/**
 * The objects of one scope as a message sees them: the store, and over it what earlier items of the message have planned.
 *
 * Invariant: what an item planned is seen by later items at once and by nobody else until it is committed; taking back an
 * item's plan (Undo, Response Too Large) leaves no trace. Mutations are applied by the same pure function as the store's.
 */
import type { Managed } from '../kmip/managed.ts';
import { KmipError } from '../kmip/result.ts';
import type { LocateTerm, View } from '../operations/context.ts';
import { apply } from '../storage/apply.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { ObjectReads } from './environment.ts';

export class MessageView implements View {
  readonly #store: ObjectReads;
  readonly #scope: string;
  /** Objects that the message has changed, by unique identifier; creation order for the new ones. */
  readonly #changed = new Map<string, Managed>();
  readonly #mutations: Mutation[] = [];
  readonly #looksMax: number;
  #looks = 0;

  /** `looksMax`: objects that all walks of the message together may look at. */
  constructor(store: ObjectReads, scope: string, looksMax = Number.POSITIVE_INFINITY) {
    this.#store = store;
    this.#scope = scope;
    this.#looksMax = looksMax;
  }

  get mutations(): readonly Mutation[] {
    return this.#mutations;
  }

  fetch(uniqueIdentifier: string): Managed | undefined {
    return this.#changed.get(uniqueIdentifier) ?? this.#store.fetch(this.#scope, uniqueIdentifier);
  }

  async *candidates(terms: readonly LocateTerm[], how: { readonly isHeld?: boolean; readonly newestFirst?: boolean } = {}): AsyncIterable<Managed> {
    const seen = new Set<string>();
    if (how.newestFirst === true) {
      for (const [uniqueIdentifier, managed] of [...this.#changed].reverse()) {
        this.#look();
        if (this.#store.glance(this.#scope, uniqueIdentifier) !== undefined) continue;
        seen.add(uniqueIdentifier);
        yield managed;
      }
    }
    for await (const uniqueIdentifier of this.#store.candidates(this.#scope, { terms, ...how })) {
      this.#look();
      const changed = this.#changed.get(uniqueIdentifier);
      if (changed !== undefined) seen.add(uniqueIdentifier);
      const managed = changed ?? this.#store.glance(this.#scope, uniqueIdentifier);
      if (managed !== undefined) yield managed;
    }
    // An index knows nothing of the message's own changes: every changed object may match.
    for (const [uniqueIdentifier, managed] of this.#changed) {
      if (seen.has(uniqueIdentifier)) continue;
      this.#look();
      yield managed;
    }
  }

  candidatesAtOnce(terms: readonly LocateTerm[], how: { readonly isHeld?: boolean } = {}): readonly Managed[] | undefined {
    const identifiers = this.#store.candidatesAtOnce?.(this.#scope, { terms, ...how });
    if (identifiers === undefined) return undefined;
    const found: Managed[] = [];
    for (const uniqueIdentifier of identifiers) {
      this.#look();
      const managed = this.#changed.get(uniqueIdentifier) ?? this.#store.glance(this.#scope, uniqueIdentifier);
      if (managed !== undefined) found.push(managed);
    }
    for (const [uniqueIdentifier, managed] of this.#changed) {
      if (identifiers.includes(uniqueIdentifier)) continue;
      this.#look();
      found.push(managed);
    }
    return found;
  }

  #look(): void {
    this.#looks += 1;
    if (this.#looks <= this.#looksMax) return;
    const what = `a message that changes something may look at ${this.#looksMax} objects`;
    throw new KmipError('ServerLimitExceeded', `${what}; Locate in a message of its own, or by an attribute that few have`, 'IllegalOperation');
  }

  /** Adds an item's plan and gives back how to take it back, as long as nothing else was planned since. */
  plan(mutations: readonly Mutation[]): () => void {
    const count = this.#mutations.length;
    const replaced: [string, Managed | undefined][] = [];
    const takeBack = (): void => {
      for (const [uniqueIdentifier, managed] of replaced.reverse()) {
        if (managed === undefined) this.#changed.delete(uniqueIdentifier);
        else this.#changed.set(uniqueIdentifier, managed);
      }
      this.#mutations.length = count;
    };
    try {
      for (const mutation of mutations) {
        const uniqueIdentifier = objectOf(mutation);
        if (uniqueIdentifier !== undefined) {
          // That a new identifier is new is the store's to say, when it commits.
          const managed = mutation.kind === 'managed-created' ? this.#changed.get(uniqueIdentifier) : this.fetch(uniqueIdentifier);
          const after = apply(managed === undefined ? undefined : { kind: 'managed', managed, ordinal: 0 }, mutation, 0);
          replaced.push([uniqueIdentifier, this.#changed.get(uniqueIdentifier)]);
          if (after.kind === 'managed') this.#changed.set(uniqueIdentifier, after.managed);
        }
        this.#mutations.push(mutation);
      }
    } catch (error) {
      takeBack();
      throw error;
    }
    return takeBack;
  }

  /** Takes everything back. */
  clear(): void {
    this.#changed.clear();
    this.#mutations.length = 0;
  }
}

function objectOf(mutation: Mutation): string | undefined {
  switch (mutation.kind) {
    case 'managed-created':
      return mutation.managed.uniqueIdentifier;
    case 'attributes-changed':
    case 'material-destroyed':
    case 'material-replaced':
      return mutation.uniqueIdentifier;
    default:
      return undefined;
  }
}
