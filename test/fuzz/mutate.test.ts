/** The fuzzer's own tests: one seed replays a run, framing always holds, and the mutations do spoil messages. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { attribute, decode, encode, item, request } from '../harness/wire.ts';
import { mutated } from './mutate.ts';
import { SeededRandom } from './random.ts';
import { placesOf, splice } from './raw.ts';

const corpus = [
  encode(request(14, [{ operation: 'Get', id: Buffer.from([1]), payload: [item('UniqueIdentifier', 'one')] }])),
  encode(request(12, [{ operation: 'Locate', payload: [item('MaximumItems', 1), attribute('Object Type', 'SymmetricKey')] }])),
];

test('one seed gives one run, another seed another', () => {
  const run = (seed: number): string => {
    const random = new SeededRandom(seed);
    return Array.from({ length: 200 }, () => mutated(random, corpus).toString('hex')).join();
  };
  assert.equal(run(7), run(7));
  assert.notEqual(run(7), run(8));
});

test('framing holds in every mutated message, most are spoiled and some are still TTLV', () => {
  const random = new SeededRandom(3);
  let readable = 0;
  let changed = 0;
  for (let count = 0; count < 5000; count += 1) {
    const bytes = mutated(random, corpus);
    assert.equal(bytes.readUInt32BE(4), bytes.length - 8);
    assert.equal(bytes.subarray(0, 4).toString('hex'), '42007801');
    if (!corpus.some((each) => each.equals(bytes))) changed += 1;
    try { decode(bytes); readable += 1; } catch { /* spoiled down to the encoding */ }
  }
  assert.ok(changed > 4500, `${changed} changed`);
  assert.ok(readable > 1000 && readable < 4500, `${readable} of 5000 are still TTLV`);
});

test('splice mends the lengths of all enclosing structures', () => {
  for (const place of placesOf(corpus[0]!).filter((each) => each.start > 0)) {
    decode(splice(corpus[0]!, place.start, place.end, Buffer.alloc(0)));
    decode(splice(corpus[0]!, place.start, place.start, corpus[0]!.subarray(place.start, place.end)));
  }
});
