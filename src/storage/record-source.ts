/**
 * What a store's memory or disk has to offer, below the contract of store.ts; and the contract's reading half on top of it.
 *
 * Invariant: `indexed` gives entries in creation order, each once, from one consistent snapshot taken when iteration
 * starts. RecordReader is the one implementation of ReadStore: committed state, pending state and a worker's
 * handle differ in their source only.
 */
import type { Managed } from '../kmip/managed.ts';
import { queryTerms, termsOf } from './index-terms.ts';
import type { CredentialRecord, RoleRecord, ScopeRecord } from './mutation.ts';
import { addressOf, addressText, listingOf } from './record.ts';
import type { Address, StateRecord } from './record.ts';
import type { CandidateQuery, ReadStore } from './store.ts';

export interface IndexEntry {
  readonly ordinal: number;
  readonly uniqueIdentifier: string;
}

export interface RecordSource {
  record(address: Address): StateRecord | undefined;
  /** Identifiers of the records of a kind, in the order they were made; `list` has an empty identifier. */
  list(list: Address): readonly string[];
  /** Objects that have one of the terms. No object has two of them. */
  indexed(scope: string, terms: readonly string[]): AsyncIterable<IndexEntry>;
}

export class RecordReader implements ReadStore {
  readonly #source: RecordSource;

  constructor(source: RecordSource) {
    this.#source = source;
  }

  fetch(scope: string, uniqueIdentifier: string): Managed | undefined {
    const found = this.#source.record({ kind: 'managed', scope, identifier: uniqueIdentifier });
    return found?.kind === 'managed' ? found.managed : undefined;
  }

  async *candidates(scope: string, query: CandidateQuery): AsyncIterable<string> {
    if (this.scope(scope) === undefined) return;
    for await (const entry of this.#source.indexed(scope, queryTerms(query.terms))) yield entry.uniqueIdentifier;
  }

  scope(scope: string): ScopeRecord | undefined {
    const found = this.#source.record({ kind: 'scope', scope: '', identifier: scope });
    return found?.kind === 'scope' ? found.record : undefined;
  }

  scopes(): readonly ScopeRecord[] {
    return present(this.#source.list({ kind: 'scope', scope: '', identifier: '' }), (scope) => this.scope(scope));
  }

  role(scope: string, role: string): RoleRecord | undefined {
    const found = this.#source.record({ kind: 'role', scope, identifier: role });
    return found?.kind === 'role' ? found.record : undefined;
  }

  roles(scope: string): readonly RoleRecord[] {
    return present(this.#source.list({ kind: 'role', scope, identifier: '' }), (role) => this.role(scope, role));
  }

  credential(fingerprint: string): CredentialRecord | undefined {
    const found = this.#source.record({ kind: 'credential', scope: '', identifier: fingerprint });
    return found?.kind === 'credential' ? found.record : undefined;
  }

  credentials(scope: string): readonly CredentialRecord[] {
    return present(this.#source.list({ kind: 'credential', scope, identifier: '' }), (fingerprint) => this.credential(fingerprint));
  }

  setting(name: string): Uint8Array | undefined {
    const found = this.#source.record({ kind: 'setting', scope: '', identifier: name });
    return found?.kind === 'setting' ? found.value : undefined;
  }
}

/** The newest records of write sets that are not on disk yet, over a source that does not have them yet. */
export class PendingSource implements RecordSource {
  readonly #base: RecordSource;
  readonly #records = new Map<string, { readonly record: StateRecord; readonly sequence: number }>();

  constructor(base: RecordSource) {
    this.#base = base;
  }

  put(record: StateRecord, address: Address, sequence: number): void {
    this.#records.set(addressText(address), { record, sequence });
  }

  /** The base has this write set's records now; those that no later write set changed again are let go. */
  settled(address: Address, sequence: number): void {
    const text = addressText(address);
    if (this.#records.get(text)?.sequence === sequence) this.#records.delete(text);
  }

  record(address: Address): StateRecord | undefined {
    return this.#records.get(addressText(address))?.record ?? this.#base.record(address);
  }

  list(list: Address): readonly string[] {
    const wanted = addressText(list);
    const identifiers = new Set(this.#base.list(list));
    for (const { record } of this.#records.values()) {
      const listing = listingOf(record);
      if (listing !== undefined && addressText(listing) === wanted) identifiers.add(addressOf(record).identifier);
    }
    return [...identifiers];
  }

  async *indexed(scope: string, terms: readonly string[]): AsyncIterable<IndexEntry> {
    // Changed objects come from here if they match now; the base may still list them by what they were, which a superset may.
    const changed: IndexEntry[] = [];
    const seen = new Set<string>();
    for (const { record } of this.#records.values()) {
      if (record.kind !== 'managed' || record.managed.scope !== scope) continue;
      const objectTerms = termsOf(record.managed);
      if (!terms.some((term) => objectTerms.has(term))) continue;
      changed.push({ ordinal: record.ordinal, uniqueIdentifier: record.managed.uniqueIdentifier });
      seen.add(record.managed.uniqueIdentifier);
    }
    changed.sort((left, right) => left.ordinal - right.ordinal);
    let next = 0;
    for await (const entry of this.#base.indexed(scope, terms)) {
      while (next < changed.length && changed[next]!.ordinal < entry.ordinal) yield changed[next++]!;
      if (!seen.has(entry.uniqueIdentifier)) yield entry;
    }
    while (next < changed.length) yield changed[next++]!;
  }
}

function present<T>(identifiers: readonly string[], fetch: (identifier: string) => T | undefined): T[] {
  return identifiers.map(fetch).filter((record) => record !== undefined);
}
