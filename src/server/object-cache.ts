/**
 * A worker's view of the store: decoded, unsealed objects kept in memory, least recently used out first.
 *
 * Invariant: an entry is dropped when the ring names it (`coherence.ts`), and its key material is overwritten, yet
 * never under the hands of a message that is still being executed: `enter` and `leave` bracket those, and what was
 * dropped meanwhile is wiped when the last has left. Everything but `fetch` goes straight to the store, and `glance` leaves nothing behind.
 * In a cluster (cluster-view.ts) an object under a change that is not stable is never kept, so that a hit needs no look at the marks.
 */
import type { Managed } from '../kmip/managed.ts';
import type { CandidateQuery, ReadStore } from '../storage/store.ts';
import { wipe } from '../secret.ts';
import type { ChangeMarks } from './cluster-view.ts';
import { objectHash } from './coherence.ts';
import type { CoherenceListener } from './coherence.ts';

export interface CacheCounts {
  cacheHit(): void;
  cacheMiss(entries: number): void;
  cacheDropped(count: number, entries: number): void;
  cacheOverrun(): void;
}

/** Who wants to know that what was read may be what an entry made that is not stable (message-reads.ts). */
export interface ReadNotes {
  noteUnstable(sequence: number): void;
}

/** Dropped objects that wait for running messages; beyond this many the collector gets them unwiped. */
const graveyardMax = 4_096;

/** Every byte array below a value; key blocks are shallow trees. */
export function byteArrays(value: unknown, found: Uint8Array[] = []): Uint8Array[] {
  if (value instanceof Uint8Array) found.push(value);
  else if (typeof value === 'object' && value !== null) for (const each of Object.values(value)) byteArrays(each, found);
  return found;
}

export class ObjectCache implements ReadStore, Omit<CoherenceListener, 'identityChanged'> {
  readonly #store: ReadStore;
  readonly #entriesMax: number;
  readonly #counts: CacheCounts;
  readonly #marks: ChangeMarks | undefined;
  /** By scope and identifier, least recently used first. */
  readonly #entries = new Map<string, Managed>();
  /** Hash to the entries that have it: one, save for a collision. */
  readonly #byHash = new Map<bigint, string[]>();
  readonly #graveyard: Managed[] = [];
  #running = 0;

  constructor(store: ReadStore, entriesMax: number, counts: CacheCounts, marks?: ChangeMarks) {
    this.#store = store;
    this.#entriesMax = entriesMax;
    this.#counts = counts;
    this.#marks = marks;
  }

  get size(): number {
    return this.#entries.size;
  }

  fetch(scope: string, uniqueIdentifier: string, notes?: ReadNotes): Managed | undefined {
    const path = `${scope}\0${uniqueIdentifier}`;
    const kept = this.#entries.get(path);
    if (kept !== undefined) {
      this.#entries.delete(path);
      this.#entries.set(path, kept);
      this.#counts.cacheHit();
      return kept;
    }
    const managed = this.#store.fetch(scope, uniqueIdentifier);
    if (this.#isUnstable(scope, uniqueIdentifier, notes)) {
      if (managed !== undefined && this.#running > 0) this.#bury(managed);
    } else if (managed !== undefined) {
      if (this.#entries.size >= this.#entriesMax) this.#remove(this.#entries.keys().next().value!);
      this.#entries.set(path, managed);
      const hash = hashOf(...objectHash(scope, uniqueIdentifier));
      const paths = this.#byHash.get(hash);
      if (paths === undefined) this.#byHash.set(hash, [path]);
      else paths.push(path);
    }
    this.#counts.cacheMiss(this.#entries.size);
    return managed;
  }

  glance(scope: string, uniqueIdentifier: string, notes?: ReadNotes): Managed | undefined {
    const kept = this.#entries.get(`${scope}\0${uniqueIdentifier}`);
    if (kept !== undefined) return kept;
    const managed = this.#store.glance(scope, uniqueIdentifier);
    this.#isUnstable(scope, uniqueIdentifier, notes);
    return managed;
  }

  /** Asked after the read from the store: a change that the read has seen was marked before. */
  #isUnstable(scope: string, uniqueIdentifier: string, notes: ReadNotes | undefined): boolean {
    if (this.#marks === undefined) return false;
    const sequence = this.#marks.unstable(...objectHash(scope, uniqueIdentifier));
    if (sequence === 0) return false;
    notes?.noteUnstable(sequence);
    return true;
  }

  drop(high: number, low: number): void {
    for (const path of [...(this.#byHash.get(hashOf(high, low)) ?? [])]) this.#remove(path);
  }

  dropAll(): void {
    for (const path of [...this.#entries.keys()]) this.#remove(path);
    this.#counts.cacheOverrun();
  }

  /** A message begins: nothing is wiped until it has left. */
  enter(): void {
    this.#running += 1;
  }

  leave(): void {
    this.#running -= 1;
    if (this.#running === 0 && this.#graveyard.length > 0) for (const managed of this.#graveyard.splice(0)) wipe(...byteArrays(managed.material));
  }

  #remove(path: string): void {
    const managed = this.#entries.get(path);
    if (managed === undefined) return;
    this.#entries.delete(path);
    const hash = hashOf(...objectHash(managed.scope, managed.uniqueIdentifier));
    const left = (this.#byHash.get(hash) ?? []).filter((each) => each !== path);
    if (left.length === 0) this.#byHash.delete(hash);
    else this.#byHash.set(hash, left);
    if (this.#running === 0) wipe(...byteArrays(managed.material));
    else this.#bury(managed);
    this.#counts.cacheDropped(1, this.#entries.size);
  }

  /** Wiped when the messages that are being executed have left. */
  #bury(managed: Managed): void {
    if (this.#graveyard.length < graveyardMax) this.#graveyard.push(managed);
  }

  candidates(scope: string, query: CandidateQuery): AsyncIterable<string> {
    return this.#store.candidates(scope, query);
  }

  scope(...parts: Parameters<ReadStore['scope']>): ReturnType<ReadStore['scope']> {
    return this.#store.scope(...parts);
  }

  scopes(): ReturnType<ReadStore['scopes']> {
    return this.#store.scopes();
  }

  role(...parts: Parameters<ReadStore['role']>): ReturnType<ReadStore['role']> {
    return this.#store.role(...parts);
  }

  roles(...parts: Parameters<ReadStore['roles']>): ReturnType<ReadStore['roles']> {
    return this.#store.roles(...parts);
  }

  credential(...parts: Parameters<ReadStore['credential']>): ReturnType<ReadStore['credential']> {
    return this.#store.credential(...parts);
  }

  credentials(...parts: Parameters<ReadStore['credentials']>): ReturnType<ReadStore['credentials']> {
    return this.#store.credentials(...parts);
  }

  setting(...parts: Parameters<ReadStore['setting']>): ReturnType<ReadStore['setting']> {
    return this.#store.setting(...parts);
  }
}

function hashOf(high: number, low: number): bigint {
  return (BigInt(high >>> 0) << 32n) | BigInt(low >>> 0);
}
