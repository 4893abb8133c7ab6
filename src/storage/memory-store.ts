/**
 * The store without a disk: for `kmipd dev` and for tests. Same contract, same journal, same encoding of records, so what
 * cannot be stored on disk cannot be stored here either; durable means "in the maps".
 *
 * Invariant: records are kept as bytes and decoded at each fetch, so nobody can change stored state through a reference.
 */
import assert from 'node:assert/strict';
import type { BookkeepingWrite } from './bookkeeping.ts';
import { isHeldTerm, termsOf } from './index-terms.ts';
import { Journal } from './journal.ts';
import type { Backend } from './journal.ts';
import { addressOf, addressText, decodeRecord, encodeRecord, listingOf } from './record.ts';
import type { Address, StateRecord } from './record.ts';
import type { IndexEntry, RecordSource } from './record-source.ts';
import type { RecordChange } from './staging.ts';

export interface MemoryStoreOptions {
  /** Scopes that are there from the start, for tests that need one to put objects into. */
  readonly scopes?: readonly string[];
}

export function createMemoryStore(options: MemoryStoreOptions = {}): Journal {
  const backend = new MemoryBackend();
  for (const scope of options.scopes ?? []) {
    const after: StateRecord = { kind: 'scope', record: { scope, sealedRootKey: new Uint8Array(0), createdAt: 0 } };
    backend.put({ address: addressOf(after), before: undefined, after });
  }
  return new Journal(backend);
}

class MemoryBackend implements Backend, RecordSource {
  readonly source: RecordSource = this;
  sequence = 0;
  readonly #records = new Map<string, Uint8Array>();
  readonly #lists = new Map<string, string[]>();
  /** Scope and term to ordinal to unique identifier. */
  readonly #index = new Map<string, Map<number, string>>();

  record(address: Address): StateRecord | undefined {
    const bytes = this.#records.get(addressText(address));
    return bytes === undefined ? undefined : decodeRecord(bytes);
  }

  has(address: Address): boolean {
    return this.#records.has(addressText(address));
  }

  list(list: Address): readonly string[] {
    return this.#lists.get(addressText(list)) ?? [];
  }

  async *indexed(scope: string, terms: readonly string[], newestFirst: boolean): AsyncIterable<IndexEntry> {
    const found = this.#entries(scope, terms);
    yield* newestFirst ? found.toReversed() : found;
  }

  /** Of held terms, as the store on disk does. */
  indexedAtOnce(scope: string, terms: readonly string[]): readonly IndexEntry[] | undefined {
    return terms.every(isHeldTerm) ? this.#entries(scope, terms) : undefined;
  }

  #entries(scope: string, terms: readonly string[]): readonly IndexEntry[] {
    const found = terms.flatMap((term) => [...(this.#index.get(indexName(scope, term)) ?? [])]);
    return found.sort(([left], [right]) => left - right).map(([ordinal, uniqueIdentifier]) => ({ ordinal, uniqueIdentifier }));
  }

  async write(changes: readonly RecordChange[], sequence: number, bookkeeping: readonly BookkeepingWrite[]): Promise<void> {
    assert.equal(bookkeeping.length, 0, 'a store in memory is nobody\'s replica');
    // A disk answers later, and callers must not come to rest on less.
    await new Promise((resolve) => setImmediate(resolve));
    for (const change of changes) this.put(change);
    this.sequence = sequence;
  }

  put(change: RecordChange): void {
    const { address, before, after } = change;
    this.#records.set(addressText(address), encodeRecord(after));
    const list = listingOf(after);
    if (list !== undefined && before === undefined) this.#lists.set(addressText(list), [...this.list(list), address.identifier]);
    if (after.kind !== 'managed') return;
    const termsBefore = before?.kind === 'managed' ? termsOf(before.managed) : new Set<string>();
    const termsAfter = termsOf(after.managed);
    for (const term of termsBefore.difference(termsAfter)) this.#index.get(indexName(address.scope, term))?.delete(after.ordinal);
    for (const term of termsAfter.difference(termsBefore)) {
      const name = indexName(address.scope, term);
      const entries = this.#index.get(name) ?? new Map<number, string>();
      this.#index.set(name, entries.set(after.ordinal, address.identifier));
    }
  }

  async *records(): AsyncIterable<StateRecord> {
    for (const [, bytes] of [...this.#records].sort(([left], [right]) => (left < right ? -1 : 1))) yield decodeRecord(bytes);
  }

  async close(): Promise<void> {}
}

function indexName(scope: string, term: string): string {
  return `${scope.length} ${scope} ${term}`;
}
