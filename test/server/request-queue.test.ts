/**
 * The queue of a connection's requests: first in, first out, whatever its ring does, and nothing is held that was taken.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestQueue, bytesOf } from '../../src/server/request-queue.ts';

test('requests leave in the order in which they came, with their times, however the ring turns and grows', () => {
  const queue = new RequestQueue();
  const twin: [Uint8Array, number][] = [];
  let number = 0;
  for (let turn = 0; turn < 300; turn += 1) {
    for (let count = (turn * 7) % 11; count > 0; count -= 1) {
      const request = Uint8Array.of(number & 255, number >> 8);
      queue.now = number;
      queue.push(request);
      twin.push([request, number]);
      number += 1;
    }
    for (let count = Math.min(twin.length, (turn * 5) % 13); count > 0; count -= 1) {
      const [request, arrivedAt] = twin.shift()!;
      assert.equal(queue.take(), request);
      assert.equal(queue.arrivedAt, arrivedAt);
    }
    assert.equal(queue.length, twin.length);
  }
  assert.ok(number > 1_000);
});

test('a refused request has no bytes that are kept', () => {
  assert.equal(bytesOf({ kind: 'too-long', length: 5_000_000, head: new Uint8Array(256) }), 0);
  assert.equal(bytesOf(new Uint8Array(40)), 40);
});
