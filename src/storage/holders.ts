/**
 * Who holds a Name: one value a name, found by one point look-up, where an index walk would cost an iterator and a
 * change of threads (decision 0012).
 *
 * Invariant: under the path of a held term (index-terms.ts) stand all objects that have the term, oldest first; or the
 * mark *many* from the moment when more had it than fit, for ever: then the plain index answers. Clear, like the index.
 */
import { decode, encode } from './cbor.ts';
import type { LevelWrite } from './level-format.ts';
import type { IndexEntry } from './record-source.ts';

/** Objects that share a Name by different Name Types; each write of one rewrites the list. */
export const holdersMax = 16;

export type Holders = readonly IndexEntry[] | 'many';

export function readHolders(value: Uint8Array | undefined): Holders {
  if (value === undefined) return [];
  const pairs = decode(value) as readonly (readonly [number, string])[] | null;
  return pairs === null ? 'many' : pairs.map(([ordinal, uniqueIdentifier]) => ({ ordinal, uniqueIdentifier }));
}

function holdersBytes(holders: Holders): Uint8Array {
  return encode(holders === 'many' ? null : holders.map(({ ordinal, uniqueIdentifier }) => [ordinal, uniqueIdentifier]));
}

/** What a batch changes in lists of holders: several of its objects may join or leave one list. */
export class HolderEdits {
  readonly #read: (path: Uint8Array) => Uint8Array | undefined;
  readonly #lists = new Map<string, { readonly path: Uint8Array; holders: Holders }>();

  constructor(read: (path: Uint8Array) => Uint8Array | undefined) {
    this.#read = read;
  }

  /** Names of the lists, as `HeldReads` has them. */
  get names(): Iterable<string> {
    return this.#lists.keys();
  }

  join(path: Uint8Array, entry: IndexEntry): void {
    const list = this.#list(path);
    if (list.holders === 'many') return;
    const others = list.holders.filter((holder) => holder.ordinal !== entry.ordinal);
    list.holders = others.length >= holdersMax ? 'many' : [...others, entry].sort((left, right) => left.ordinal - right.ordinal);
  }

  leave(path: Uint8Array, ordinal: number): void {
    const list = this.#list(path);
    if (list.holders !== 'many') list.holders = list.holders.filter((holder) => holder.ordinal !== ordinal);
  }

  writes(): LevelWrite[] {
    return [...this.#lists.values()].map(({ path, holders }): LevelWrite => (holders.length === 0 ? { type: 'del', key: path } : { type: 'put', key: path, value: holdersBytes(holders) }));
  }

  #list(path: Uint8Array): { readonly path: Uint8Array; holders: Holders } {
    const name = nameOf(path);
    const known = this.#lists.get(name);
    if (known !== undefined) return known;
    const list = { path, holders: readHolders(this.#read(path)) };
    this.#lists.set(name, list);
    return list;
  }
}

/** Lists read before one of them is forgotten with all others: more than there are changes under way. */
const readsMax = 4096;

/**
 * Lists as they were read by the one who writes them: whether a Name is free is asked when its object is planned, and who has it when
 * it is written. Good until a batch that writes the list is on disk; then it has to be forgotten.
 */
export class HeldReads {
  readonly #values = new Map<string, Uint8Array | undefined>();

  value(path: Uint8Array, read: (path: Uint8Array) => Uint8Array | undefined): Uint8Array | undefined {
    const name = nameOf(path);
    if (this.#values.has(name)) return this.#values.get(name);
    const value = read(path);
    if (this.#values.size >= readsMax) this.#values.clear();
    this.#values.set(name, value);
    return value;
  }

  forget(names: Iterable<string>): void {
    for (const name of names) this.#values.delete(name);
  }
}

function nameOf(path: Uint8Array): string {
  return Buffer.from(path.buffer, path.byteOffset, path.byteLength).toString('latin1');
}
