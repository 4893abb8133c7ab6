/**
 * What a store's memory or disk has to offer, below the contract of store.ts; and the contract's reading half on top of it.
 *
 * Invariant: `indexed` gives entries in creation order, each once, from one consistent snapshot taken when iteration
 * starts. RecordReader is the one implementation of ReadStore: committed state, pending state and a worker's
 * handle differ in their source only.
 */
import type { Managed } from '../kmip/managed.ts';
import { isHeldTerm, queryTerms, termsOf } from './index-terms.ts';
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
  /** Whether there is one, without opening it. */
  has(address: Address): boolean;
  /** Identifiers of the records of a kind, in the order they were made; `list` has an empty identifier. */
  list(list: Address): readonly string[];
  /** Objects that have one of the terms. No object has two of them. `newestFirst`: in the opposite order. */
  indexed(scope: string, terms: readonly string[], newestFirst: boolean): AsyncIterable<IndexEntry>;
  /** The same, oldest first, where it can be told without waiting. */
  indexedAtOnce?(scope: string, terms: readonly string[]): readonly IndexEntry[] | undefined;
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

  glance(scope: string, uniqueIdentifier: string): Managed | undefined {
    return this.fetch(scope, uniqueIdentifier);
  }

  async *candidates(scope: string, query: CandidateQuery): AsyncIterable<string> {
    if (!this.#source.has({ kind: 'scope', scope: '', identifier: scope })) return;
    const wanted = query.terms.find((term) => term.name === 'UniqueIdentifier')?.value;
    if (typeof wanted === 'string') {
      if (this.#source.has({ kind: 'managed', scope, identifier: wanted })) yield wanted;
      return;
    }
    for await (const entry of this.#source.indexed(scope, queryTerms(query), query.newestFirst === true)) yield entry.uniqueIdentifier;
  }

  candidatesAtOnce(scope: string, query: CandidateQuery): readonly string[] | undefined {
    if (this.#source.indexedAtOnce === undefined || query.newestFirst === true || query.terms.some((term) => term.name === 'UniqueIdentifier')) return undefined;
    if (!this.#source.has({ kind: 'scope', scope: '', identifier: scope })) return [];
    return this.#source.indexedAtOnce(scope, queryTerms(query))?.map((entry) => entry.uniqueIdentifier);
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

/** Records of scopes, roles and credentials that the writing thread keeps decoded: each message of a client needs three. */
const identityRecordsMax = 4096;

/** The newest records of write sets that are not on disk yet, over a source that does not have them yet. */
export class PendingSource implements RecordSource {
  readonly #base: RecordSource;
  readonly #records = new Map<string, { readonly record: StateRecord; readonly sequence: number }>();
  /** Pending objects by scope and held term: asked for at every birth, so not found by a walk. */
  readonly #held = new Map<string, Map<string, IndexEntry>>();
  /** What the base has, as long as no write set replaces it. */
  readonly #identity = new Map<string, StateRecord>();
  readonly #identityRecordsMax: number;

  /** `keepsIdentity`: the base changes by write sets only that were pending here, so what it had once may be kept. */
  constructor(base: RecordSource, keepsIdentity = true) {
    this.#base = base;
    this.#identityRecordsMax = keepsIdentity ? identityRecordsMax : 0;
  }

  /** No write sets are pending any more, whatever became of them. */
  clear(): void {
    this.#records.clear();
    this.#held.clear();
  }

  put(record: StateRecord, address: Address, sequence: number): void {
    const text = addressText(address);
    this.#letGo(text);
    this.#records.set(text, { record, sequence });
    if (record.kind !== 'managed') return;
    const { scope, uniqueIdentifier } = record.managed;
    for (const term of termsOf(record.managed)) {
      if (!isHeldTerm(term)) continue;
      const holders = this.#held.get(heldName(scope, term)) ?? new Map<string, IndexEntry>();
      this.#held.set(heldName(scope, term), holders.set(uniqueIdentifier, { ordinal: record.ordinal, uniqueIdentifier }));
    }
  }

  /** The base has this write set's records now; those that no later write set changed again are let go. */
  settled(address: Address, sequence: number): void {
    const text = addressText(address);
    this.#identity.delete(text);
    if (this.#records.get(text)?.sequence === sequence) this.#letGo(text);
  }

  record(address: Address): StateRecord | undefined {
    const text = addressText(address);
    const known = this.#records.get(text)?.record ?? this.#identity.get(text);
    if (known !== undefined) return known;
    const found = this.#base.record(address);
    if (found !== undefined && this.#identityRecordsMax > 0 && (address.kind === 'scope' || address.kind === 'role' || address.kind === 'credential')) {
      if (this.#identity.size >= this.#identityRecordsMax) this.#identity.clear();
      this.#identity.set(text, found);
    }
    return found;
  }

  has(address: Address): boolean {
    const text = addressText(address);
    return this.#records.has(text) || this.#identity.has(text) || this.#base.has(address);
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

  async *indexed(scope: string, terms: readonly string[], newestFirst: boolean): AsyncIterable<IndexEntry> {
    // Changed objects come from here if they match now; the base may still list them by what they were, which a superset may.
    const changed = this.#changed(scope, terms);
    const seen = new Set(changed.map((entry) => entry.uniqueIdentifier));
    const precedes = (left: IndexEntry, right: IndexEntry): boolean => (newestFirst ? left.ordinal > right.ordinal : left.ordinal < right.ordinal);
    changed.sort((left, right) => (newestFirst ? right.ordinal - left.ordinal : left.ordinal - right.ordinal));
    let next = 0;
    for await (const entry of this.#base.indexed(scope, terms, newestFirst)) {
      while (next < changed.length && precedes(changed[next]!, entry)) yield changed[next++]!;
      if (!seen.has(entry.uniqueIdentifier)) yield entry;
    }
    while (next < changed.length) yield changed[next++]!;
  }

  indexedAtOnce(scope: string, terms: readonly string[]): readonly IndexEntry[] | undefined {
    const known = this.#base.indexedAtOnce?.(scope, terms);
    if (known === undefined) return undefined;
    const changed = this.#changed(scope, terms);
    if (changed.length === 0) return known;
    const seen = new Set(changed.map((entry) => entry.uniqueIdentifier));
    return [...known.filter((entry) => !seen.has(entry.uniqueIdentifier)), ...changed].sort((left, right) => left.ordinal - right.ordinal);
  }

  #changed(scope: string, terms: readonly string[]): IndexEntry[] {
    if (terms.every(isHeldTerm)) return terms.flatMap((term) => [...(this.#held.get(heldName(scope, term))?.values() ?? [])]);
    const changed: IndexEntry[] = [];
    for (const { record } of this.#records.values()) {
      if (record.kind !== 'managed' || record.managed.scope !== scope) continue;
      const objectTerms = termsOf(record.managed);
      if (terms.some((term) => objectTerms.has(term))) changed.push({ ordinal: record.ordinal, uniqueIdentifier: record.managed.uniqueIdentifier });
    }
    return changed;
  }

  #letGo(text: string): void {
    const record = this.#records.get(text)?.record;
    this.#records.delete(text);
    if (record?.kind !== 'managed') return;
    const { scope, uniqueIdentifier } = record.managed;
    for (const term of termsOf(record.managed)) {
      if (!isHeldTerm(term)) continue;
      const holders = this.#held.get(heldName(scope, term));
      holders?.delete(uniqueIdentifier);
      if (holders?.size === 0) this.#held.delete(heldName(scope, term));
    }
  }
}

function heldName(scope: string, term: string): string {
  return `${scope.length} ${scope} ${term}`;
}

function present<T>(identifiers: readonly string[], fetch: (identifier: string) => T | undefined): T[] {
  return identifiers.map(fetch).filter((record) => record !== undefined);
}
