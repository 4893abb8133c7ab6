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

  get count(): number {
    return this.#lists.size;
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
    const text = Buffer.from(path.buffer, path.byteOffset, path.byteLength).toString('latin1');
    const known = this.#lists.get(text);
    if (known !== undefined) return known;
    const list = { path, holders: readHolders(this.#read(path)) };
    this.#lists.set(text, list);
    return list;
  }
}
