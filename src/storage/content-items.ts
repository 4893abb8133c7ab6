/**
 * The form of store content (replica-content.ts), without what it means: a stream of items, and the clear header at its begin.
 *
 *   item     | path length 4 | value length 4 | path | value |                            lengths big-endian
 *
 * Invariants: an item is given when all of it has come; memory is set aside for what has come, never for what a length announces.
 * Nothing here needs a key, and nothing here is proof: what the header says is true once the sealed end was read.
 */
import { Buffer } from 'node:buffer';
import { Fault } from '../fault.ts';
import { decode } from './cbor.ts';
import type { StoreKind } from './level-format.ts';

export const contentFormat = 1;
/** A path and its value: far above any message, so only damage reaches it. */
export const contentItemBytesMax = 64 * 1024 * 1024;
export const headerPath = Buffer.from('kmipd content');
const headerBytesMax = 4096;
export const itemPrefixLength = 8;

export interface ContentHeader {
  readonly format: number;
  /** Number of the format of the pairs (record.ts). */
  readonly storageFormat: number;
  readonly kind: StoreKind;
  /** Last entry that is in the pairs. */
  readonly sequence: number;
  /** The check record (level-format.ts). */
  readonly check: Uint8Array;
  /** In a backup only. */
  readonly backup?: BackupMark;
}

/** What a backup says of itself. */
export interface BackupMark {
  /** Its own, of all backups. */
  readonly id: string;
  /** Milliseconds since the epoch. */
  readonly takenAt: number;
  /** With which the passphrase gives the root key, where it is one that gives it. Not secret. */
  readonly passphraseSalt?: Uint8Array;
}

/** Takes a stream of items apart, however it was cut. */
export class ItemReader {
  #pieces: Uint8Array[] = [];
  #length = 0;
  /** Bytes that have to have come before the next item can be taken. */
  #needed = itemPrefixLength;
  #count = 0;

  /** Bytes of an item that is not whole yet. */
  get waiting(): number {
    return this.#length;
  }

  /** Gives each item that is whole now, its bytes in one as well. They may be parts of the chunk, which the caller leaves as it is. */
  push(chunk: Uint8Array, take: (path: Uint8Array, value: Uint8Array, item: Uint8Array) => void): void {
    if (chunk.length === 0) return;
    this.#pieces.push(chunk);
    this.#length += chunk.length;
    if (this.#length < this.#needed) return;
    const bytes = this.#pieces.length === 1 ? chunk : Buffer.concat(this.#pieces, this.#length);
    const offset = this.#items(bytes, take);
    this.#pieces = offset < bytes.length ? [bytes.subarray(offset)] : [];
    this.#length = bytes.length - offset;
  }

  #items(bytes: Uint8Array, take: (path: Uint8Array, value: Uint8Array, item: Uint8Array) => void): number {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let offset = 0;
    for (;;) {
      const left = bytes.length - offset;
      this.#needed = itemPrefixLength;
      if (left < itemPrefixLength) return offset;
      const pathLength = view.getUint32(offset);
      const valueLength = view.getUint32(offset + 4);
      if (this.#count === 0 && (pathLength !== headerPath.length || valueLength > headerBytesMax)) throw damaged('it does not begin as content of a store does');
      if (pathLength + valueLength > contentItemBytesMax) throw damaged(`a record of ${pathLength + valueLength} bytes is announced, ${contentItemBytesMax} are allowed`);
      this.#needed = itemPrefixLength + pathLength + valueLength;
      if (left < this.#needed) return offset;
      const item = bytes.subarray(offset, offset + this.#needed);
      take(item.subarray(itemPrefixLength, itemPrefixLength + pathLength), item.subarray(itemPrefixLength + pathLength), item);
      this.#count += 1;
      offset += this.#needed;
    }
  }
}

/** What the first item says. */
export function headerOf(path: Uint8Array, value: Uint8Array): ContentHeader {
  if (Buffer.compare(path, headerPath) !== 0) throw damaged('it does not begin as content of a store does');
  let header: Partial<ContentHeader>;
  try {
    header = decode(value) as Partial<ContentHeader>;
  } catch (cause) {
    throw damaged('a part of it does not open', cause);
  }
  if (header.format !== contentFormat) throw new Fault('E_CONTENT_FORMAT', `The store content has format ${String(header.format)}; this version of kmipd reads format ${contentFormat}.`);
  const { storageFormat, kind, sequence, check, backup } = header;
  if (typeof storageFormat !== 'number' || (kind !== 'replica' && kind !== 'single') || typeof sequence !== 'number' || !(check instanceof Uint8Array)) throw damaged('its header is not whole');
  if (backup !== undefined && (typeof backup.id !== 'string' || typeof backup.takenAt !== 'number')) throw damaged('its header is not whole');
  return { format: contentFormat, storageFormat, kind, sequence, check, ...(backup !== undefined && { backup }) };
}

export function damaged(what: string, cause?: unknown): Fault {
  return new Fault('E_CONTENT_DAMAGED', `The store content cannot be used: ${what}.`, { cause });
}
