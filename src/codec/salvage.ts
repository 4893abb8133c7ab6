/**
 * What can still be told of a request that cannot be read, for the error answer to echo: version, and operation and id
 * of its batch items as far as the bytes make sense.
 *
 * Never throws, and never trusts a length beyond the bytes that are there. It also serves a message that was too long to
 * be kept, from the first bytes of it.
 */
import { ItemType } from '../kmip/item-types.ts';
import { Tag } from '../kmip/tags.ts';
import { versionNumber } from '../kmip/version.ts';
import type { ProtocolVersion } from '../kmip/version.ts';

export interface Salvage {
  readonly version: ProtocolVersion | undefined;
  readonly items: readonly { readonly operation?: number; readonly uniqueBatchItemID?: Uint8Array }[];
}

/** Items of which something is told; an error answer needs no more. */
const maximumSalvagedItems = 64;

interface Found {
  major?: number;
  minor?: number;
  items: { operation?: number; uniqueBatchItemID?: Uint8Array }[];
}

/** Structures that are entered; everything else is stepped over by its length. */
const entered: ReadonlySet<number> = new Set([Tag.RequestMessage, Tag.RequestHeader, Tag.ProtocolVersion, Tag.BatchItem]);

export function salvageRequest(bytes: Uint8Array): Salvage {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found: Found = { items: [] };
  let position = 0;
  while (position + 8 <= bytes.length) {
    const tag = view.getUint32(position) >>> 8;
    const type = bytes[position + 3] as number;
    const length = view.getUint32(position + 4);
    position += 8;
    if (type === ItemType.Structure && entered.has(tag)) {
      if (tag === Tag.BatchItem && found.items.length === maximumSalvagedItems) break;
      if (tag === Tag.BatchItem) found.items.push({});
      continue;
    }
    if (length > bytes.length - position) break;
    note(found, tag, type, view, position, length);
    position += Math.ceil(length / 8) * 8;
  }
  const version = found.major === undefined || found.minor === undefined ? Number.NaN : versionNumber(found.major, found.minor);
  return { version: Number.isNaN(version) ? undefined : version, items: found.items };
}

function note(found: Found, tag: number, type: number, view: DataView, offset: number, length: number): void {
  const item = found.items.at(-1);
  if (type === ItemType.Integer && length === 4) {
    if (tag === Tag.ProtocolVersionMajor) found.major ??= view.getInt32(offset);
    if (tag === Tag.ProtocolVersionMinor) found.minor ??= view.getInt32(offset);
  }
  if (item === undefined) return;
  if (tag === Tag.Operation && type === ItemType.Enumeration && length === 4) item.operation ??= view.getUint32(offset);
  if (tag === Tag.UniqueBatchItemID && type === ItemType.ByteString) item.uniqueBatchItemID ??= new Uint8Array(view.buffer as ArrayBuffer, view.byteOffset + offset, length);
}
