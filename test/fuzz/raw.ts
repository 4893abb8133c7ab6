/**
 * TTLV bytes built by hand, with any declared length and any padding, and the places of items in well-formed bytes.
 *
 * The tests' codec refuses what is malformed, so malformed input is made here from bytes.
 */

/** An item whose declared length need not fit its bytes; the bytes are padded to eight with `padding`. */
export function rawItem(tag: number, type: number, value: Uint8Array, declaredLength = value.length, padding = 0): Buffer {
  const bytes = Buffer.alloc(8 + Math.ceil(value.length / 8) * 8, padding);
  bytes.writeUIntBE(tag, 0, 3);
  bytes[3] = type;
  bytes.writeUInt32BE(declaredLength >>> 0, 4);
  Buffer.from(value).copy(bytes, 8);
  return bytes;
}

/** A structure of raw children. */
export function rawStructure(tag: number, ...children: readonly Uint8Array[]): Buffer {
  return rawItem(tag, 0x01, Buffer.concat(children));
}

/** Where an item lies: header at `start`, value at `start + 8`, next item at `end` (padding included). */
export interface Place {
  readonly start: number;
  readonly end: number;
  readonly type: number;
  readonly depth: number;
}

/** The places of all items, outermost first, as far as the bytes are well-formed. */
export function placesOf(bytes: Buffer): Place[] {
  const places: Place[] = [];
  const walk = (from: number, to: number, depth: number): void => {
    for (let offset = from; offset + 8 <= to; ) {
      const type = bytes[offset + 3]!;
      const length = bytes.readUInt32BE(offset + 4);
      const end = offset + 8 + Math.ceil(length / 8) * 8;
      if (end > to) return;
      places.push({ start: offset, end, type, depth });
      if (type === 0x01) walk(offset + 8, offset + 8 + length, depth + 1);
      offset = end;
    }
  };
  walk(0, bytes.length, 0);
  return places;
}

/** The bytes with those from `start` to `end` replaced, and the lengths of all enclosing structures made to fit. */
export function splice(bytes: Buffer, start: number, end: number, inserted: Uint8Array): Buffer {
  const result = Buffer.concat([bytes.subarray(0, start), inserted, bytes.subarray(end)]);
  const change = inserted.length - (end - start);
  for (const place of placesOf(bytes)) {
    if (place.type === 0x01 && place.start < start && place.end >= end) result.writeUInt32BE(Math.max(0, result.readUInt32BE(place.start + 4) + change), place.start + 4);
  }
  return result;
}

/** The bytes with the length of the outermost item set to what there is, so that framing holds. */
export function framed(bytes: Buffer): Buffer {
  const whole = Buffer.from(bytes);
  if (whole.length >= 8) whole.writeUInt32BE(whole.length - 8, 4);
  return whole;
}
