/**
 * Spoils valid messages: bit flips, changed lengths, tags, types and values, deleted, doubled, moved and foreign items.
 *
 * Most mutations keep every enclosing length right, so that they reach the depths of the server; the outermost length
 * is always made to fit at the end, so that framing holds and the next message of the connection is found.
 */
import { framed, placesOf, rawItem, splice } from './raw.ts';
import type { Place } from './raw.ts';
import type { SeededRandom } from './random.ts';

const extremes = [0, 1, 2, 7, 8, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

type Mutation = (bytes: Buffer, random: SeededRandom, corpus: readonly Buffer[]) => Buffer;

const anyPlace = (bytes: Buffer, random: SeededRandom): Place | undefined => {
  const places = placesOf(bytes);
  return places.length < 2 ? undefined : places[1 + random.below(places.length - 1)];
};

/** Changes a place in a copy of the bytes. */
function edit(change: (copy: Buffer, place: Place, random: SeededRandom) => void): Mutation {
  return (bytes, random) => {
    const place = anyPlace(bytes, random);
    const copy = Buffer.from(bytes);
    if (place !== undefined) change(copy, place, random);
    return copy;
  };
}

const mutations: readonly Mutation[] = [
  function flipBits(bytes, random) {
    const copy = Buffer.from(bytes);
    for (let count = 1 + random.below(4); count > 0; count -= 1) copy[8 + random.below(copy.length - 8)]! ^= 1 << random.below(8);
    return copy;
  },
  edit(function changeType(copy, place, random) { copy[place.start + 3] = random.below(14); }),
  edit(function changeTag(copy, place, random) { copy.writeUInt16BE(random.below(0x180), place.start + 1); }),
  edit(function changeLength(copy, place, random) {
    const length = copy.readUInt32BE(place.start + 4);
    copy.writeUInt32BE((random.below(2) === 0 ? random.pick(extremes) : length + random.below(33) - 16) >>> 0, place.start + 4);
  }),
  edit(function changeNumber(copy, place, random) {
    if (place.end - place.start >= 16) copy.writeUInt32BE(random.below(3) === 0 ? random.below(64) : random.pick(extremes), place.start + 8 + (random.below(4) === 0 ? 4 : 0));
  }),
  edit(function changeBytes(copy, place, random) {
    for (let offset = place.start + 8; offset < place.end; offset += 1) if (random.below(4) === 0) copy[offset] = random.next();
  }),
  function deleteItem(bytes, random) {
    const place = anyPlace(bytes, random);
    return place === undefined ? bytes : splice(bytes, place.start, place.end, Buffer.alloc(0));
  },
  function doubleItem(bytes, random) {
    const place = anyPlace(bytes, random);
    if (place === undefined) return bytes;
    const copies = Buffer.concat(Array.from({ length: 1 + random.below(3) }, () => bytes.subarray(place.start, place.end)));
    return splice(bytes, place.start, place.start, copies);
  },
  function moveItem(bytes, random) {
    const source = anyPlace(bytes, random);
    const target = anyPlace(bytes, random);
    if (source === undefined || target === undefined) return bytes;
    return splice(bytes, target.start, target.start, bytes.subarray(source.start, source.end));
  },
  function graftItem(bytes, random, corpus) {
    const other = random.pick(corpus);
    const source = anyPlace(other, random);
    const target = anyPlace(bytes, random);
    if (source === undefined || target === undefined) return bytes;
    return splice(bytes, target.start, random.below(2) === 0 ? target.start : target.end, other.subarray(source.start, source.end));
  },
  function replaceValue(bytes, random) {
    const place = anyPlace(bytes, random);
    if (place === undefined || place.type === 0x01) return bytes;
    const length = random.pick([0, 1, 4, 8, 15, 16, 17, 32, 100, 1000, 5000]);
    return splice(bytes, place.start, place.end, rawItem(bytes.readUIntBE(place.start, 3), place.type, random.bytes(length)));
  },
  function nest(bytes, random) {
    const place = anyPlace(bytes, random);
    if (place === undefined) return bytes;
    let inner: Buffer = Buffer.from(bytes.subarray(place.start, place.end));
    for (let depth = random.pick([1, 2, 20, 40]); depth > 0; depth -= 1) inner = rawItem(bytes.readUIntBE(place.start, 3), 0x01, inner);
    return splice(bytes, place.start, place.end, inner);
  },
  function truncate(bytes, random) { return bytes.subarray(0, 8 + random.below(bytes.length - 8)); },
  function append(bytes, random) { return Buffer.concat([bytes, random.bytes(random.below(40))]); },
];

/** One mutated message of the corpus, of a length that the server reads, its framing right. */
export function mutated(random: SeededRandom, corpus: readonly Buffer[]): Buffer {
  let bytes = random.pick(corpus);
  for (let count = random.pick([1, 1, 1, 2, 3, 6]); count > 0 && bytes.length > 16; count -= 1) bytes = random.pick(mutations)(bytes, random, corpus);
  return framed(bytes);
}
