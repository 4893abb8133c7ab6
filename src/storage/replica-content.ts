/**
 * A store's whole content as one stream of bytes: what a snapshot or a backup consists of.
 *
 *   item     | path length 4 | value length 4 | path | value |                            lengths big-endian
 *   content  | item: path "kmipd content", value header | item: a LevelDB pair | ... | item: no path, value end |
 *
 *   header   CBOR { format, storageFormat, kind, sequence, check, backup }         check: tells a wrong root key; backup: in a backup only
 *   end      sealed CBOR [count of pairs, SHA-256 of everything before the end]
 *
 * Invariants: pairs are the live ones of one LevelDB snapshot, in the order of their paths, as they stand on the disk (sealed);
 * what was deleted or replaced is in none. Format, check and kind are told by the header and are not among the pairs. Content
 * that is cut short, changed, or not ours ends in a Fault; the end is sealed, so nobody without the root key makes one.
 * The reader sets memory aside for what has come, never for what a length announces.
 */
import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { Fault } from '../fault.ts';
import { decode, encode } from './cbor.ts';
import { contentItemBytesMax, damaged, headerOf, headerPath, ItemReader, itemPrefixLength } from './content-items.ts';
import type { ContentHeader } from './content-items.ts';
import { open, seal } from './envelope.ts';
import type { Place } from './envelope.ts';
import type { KeyRing } from './key-ring.ts';
import { opensCheck } from './level-format.ts';

export { contentFormat, contentItemBytesMax } from './content-items.ts';
export type { ContentHeader } from './content-items.ts';

/** Chunks are cut here, in the middle of an item if need be. */
export const contentChunkBytes = 256 * 1024;

export type Pair = readonly [path: Uint8Array, value: Uint8Array];

/** The content of pairs that come in the order of their paths. Chunks have `contentChunkBytes`, the last one what is left. */
export async function* writeContent(keys: KeyRing, header: ContentHeader, pages: AsyncIterable<readonly Pair[]>): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  let chunk = Buffer.allocUnsafe(contentChunkBytes);
  let used = 0;
  const full: Uint8Array[] = [];
  const put = (bytes: Uint8Array): void => {
    for (let offset = 0; offset < bytes.length;) {
      const part = bytes.subarray(offset, offset + contentChunkBytes - used);
      chunk.set(part, used);
      used += part.length;
      offset += part.length;
      if (used < contentChunkBytes) continue;
      full.push(chunk);
      chunk = Buffer.allocUnsafe(contentChunkBytes);
      used = 0;
    }
  };
  const item = (path: Uint8Array, value: Uint8Array, counts: boolean): void => {
    if (path.length + value.length > contentItemBytesMax) throw new Fault('E_CONTENT_LIMIT', `A stored value has ${value.length} bytes; a snapshot holds at most ${contentItemBytesMax}.`);
    const prefix = Buffer.allocUnsafe(itemPrefixLength);
    prefix.writeUInt32BE(path.length, 0);
    prefix.writeUInt32BE(value.length, 4);
    for (const bytes of [prefix, path, value]) {
      if (counts) hash.update(bytes);
      put(bytes);
    }
  };
  item(headerPath, encode(header), true);
  let count = 0;
  for await (const page of pages) {
    for (const [path, value] of page) item(path, value, true);
    count += page.length;
    yield* full.splice(0);
  }
  item(Buffer.alloc(0), seal(keys.sealing('content', ''), endPlace(header), encode([count, hash.digest()])), false);
  yield* full.splice(0);
  if (used > 0) yield chunk.subarray(0, used);
}

/** Takes content apart, chunk by chunk, however it was cut. */
export class ContentReader {
  readonly #keys: KeyRing;
  readonly #hash = createHash('sha256');
  readonly #items = new ItemReader();
  #header: ContentHeader | undefined;
  #count = 0;
  #last: Uint8Array = Buffer.alloc(0);
  #ended = false;

  constructor(keys: KeyRing) {
    this.#keys = keys;
  }

  /** There from the first item on; under our root key. */
  get header(): ContentHeader | undefined {
    return this.#header;
  }

  /** The pairs that are whole now. Their bytes may be parts of the chunk, which the caller leaves as it is. */
  push(chunk: Uint8Array): readonly Pair[] {
    if (chunk.length > 0 && this.#ended) throw damaged('there are bytes after its end');
    const pairs: Pair[] = [];
    this.#items.push(chunk, (path, value, item) => {
      if (this.#ended) throw damaged('there are bytes after its end');
      if (path.length === 0) return this.#end(value);
      this.#hash.update(item);
      if (this.#header === undefined) this.#header = ownHeader(this.#keys, path, value);
      else pairs.push(this.#pair(path, value));
    });
    if (this.#ended && this.#items.waiting > 0) throw damaged('there are bytes after its end');
    return pairs;
  }

  /** Throws unless the content ended as it should. */
  finish(): ContentHeader {
    if (this.#header === undefined || !this.#ended) throw damaged(`it breaks off after ${this.#count} records`);
    return this.#header;
  }

  #pair(path: Uint8Array, value: Uint8Array): Pair {
    if (this.#count > 0 && Buffer.compare(this.#last, path) >= 0) throw damaged('its records are not in order');
    this.#count += 1;
    this.#last = path;
    return [path, value];
  }

  #end(sealed: Uint8Array): void {
    const plaintext = opened(() => open(this.#keys.sealing('content', ''), endPlace(this.#header!), sealed));
    const [count, hash] = decode(plaintext) as readonly [number, Uint8Array];
    if (count !== this.#count || Buffer.compare(hash, this.#hash.digest()) !== 0) throw damaged('its records are not those that its end tells');
    this.#ended = true;
  }
}

/** The header, if our root key made it. */
function ownHeader(keys: KeyRing, path: Uint8Array, value: Uint8Array): ContentHeader {
  const header = headerOf(path, value);
  if (!opensCheck(keys, header.check)) throw damaged('it has no root key check');
  return header;
}

function opened<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw damaged('a part of it does not open', cause);
  }
}

function endPlace({ kind, sequence }: ContentHeader): Place {
  return { kind: 'content', scope: kind, identifier: String(sequence) };
}
