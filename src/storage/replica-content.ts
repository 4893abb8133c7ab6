/**
 * A store's whole content as one stream of bytes: what a snapshot or a backup consists of.
 *
 *   item     | path length 4 | value length 4 | path | value |                            lengths big-endian
 *   content  | item: path "kmipd content", value header | item: a LevelDB pair | ... | item: no path, value end |
 *
 *   header   CBOR { format, storageFormat, kind, sequence, check }                 check: tells a wrong root key
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
import { open, seal } from './envelope.ts';
import type { Place } from './envelope.ts';
import type { KeyRing } from './key-ring.ts';
import { opensCheck } from './level-format.ts';
import type { StoreKind } from './level-format.ts';

export const contentFormat = 1;
/** Chunks are cut here, in the middle of an item if need be. */
export const contentChunkBytes = 256 * 1024;
/** A path and its value: far above any message, so only damage reaches it. */
export const contentItemBytesMax = 64 * 1024 * 1024;
const headerPath = Buffer.from('kmipd content');
const headerBytesMax = 4096;
const prefixLength = 8;

export interface ContentHeader {
  readonly format: number;
  /** Number of the format of the pairs (record.ts). */
  readonly storageFormat: number;
  readonly kind: StoreKind;
  /** Last entry that is in the pairs. */
  readonly sequence: number;
  /** The check record (level-format.ts). */
  readonly check: Uint8Array;
}

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
    const prefix = Buffer.allocUnsafe(prefixLength);
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
  #header: ContentHeader | undefined;
  /** What has come and is not taken yet; `#needed` bytes are, before the next item can be. */
  #pieces: Uint8Array[] = [];
  #length = 0;
  #needed = prefixLength;
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
    if (chunk.length === 0) return [];
    if (this.#ended) throw damaged('there are bytes after its end');
    this.#pieces.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return [];
    const bytes = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces, this.#length);
    const pairs: Pair[] = [];
    const offset = this.#items(bytes, pairs);
    this.#pieces = offset < bytes.length ? [bytes.subarray(offset)] : [];
    this.#length = bytes.length - offset;
    return pairs;
  }

  /** Throws unless the content ended as it should. */
  finish(): ContentHeader {
    if (this.#header === undefined || !this.#ended) throw damaged(`it breaks off after ${this.#count} records`);
    return this.#header;
  }

  #items(bytes: Uint8Array, pairs: Pair[]): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let offset = 0;
    for (;;) {
      const left = bytes.length - offset;
      if (this.#ended) {
        if (left > 0) throw damaged('there are bytes after its end');
        return offset;
      }
      this.#needed = prefixLength;
      if (left < prefixLength) return offset;
      const pathLength = view.getUint32(offset);
      const valueLength = view.getUint32(offset + 4);
      if (this.#header === undefined && (pathLength !== headerPath.length || valueLength > headerBytesMax)) throw damaged('it does not begin as content of a store does');
      if (pathLength + valueLength > contentItemBytesMax) throw damaged(`a record of ${pathLength + valueLength} bytes is announced, ${contentItemBytesMax} are allowed`);
      this.#needed = prefixLength + pathLength + valueLength;
      if (left < this.#needed) return offset;
      const value = bytes.subarray(offset + prefixLength + pathLength, offset + this.#needed);
      if (pathLength === 0) this.#end(value);
      else {
        this.#hash.update(bytes.subarray(offset, offset + this.#needed));
        const path = bytes.subarray(offset + prefixLength, offset + prefixLength + pathLength);
        if (this.#header === undefined) this.#header = readHeader(this.#keys, path, value);
        else pairs.push(this.#pair(path, value));
      }
      offset += this.#needed;
    }
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

function readHeader(keys: KeyRing, path: Uint8Array, value: Uint8Array): ContentHeader {
  if (Buffer.compare(path, headerPath) !== 0) throw damaged('it does not begin as content of a store does');
  const header = opened(() => decode(value)) as Partial<ContentHeader>;
  if (header.format !== contentFormat) throw new Fault('E_CONTENT_FORMAT', `The store content has format ${String(header.format)}; this version of kmipd reads format ${contentFormat}.`);
  const { storageFormat, kind, sequence, check } = header;
  if (typeof storageFormat !== 'number' || (kind !== 'replica' && kind !== 'single') || typeof sequence !== 'number' || !(check instanceof Uint8Array)) throw damaged('its header is not whole');
  if (!opensCheck(keys, check)) throw damaged('it has no root key check');
  return { format: contentFormat, storageFormat, kind, sequence, check };
}

function opened<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw damaged('a part of it does not open', cause);
  }
}

function damaged(what: string, cause?: unknown): Fault {
  return new Fault('E_CONTENT_DAMAGED', `The store content cannot be used: ${what}.`, { cause });
}

function endPlace({ kind, sequence }: ContentHeader): Place {
  return { kind: 'content', scope: kind, identifier: String(sequence) };
}
