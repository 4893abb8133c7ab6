/**
 * The line of events: order, no entering twice, and a listener that throws.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventQueue } from '../../../cluster/nats/event-queue.ts';

test('events come in the order in which they were put, never from within put, and none after close', async () => {
  const taken: number[] = [];
  let inside = false;
  const queue = new EventQueue<number>((event) => {
    assert.equal(inside, false);
    inside = true;
    taken.push(event);
    if (event < 3) queue.put(event + 10);
    inside = false;
  });
  for (const event of [1, 2, 3]) queue.put(event);
  assert.deepEqual(taken, []);
  await new Promise(setImmediate);
  assert.deepEqual(taken, [1, 2, 3, 11, 12]);
  queue.put(4);
  queue.close();
  queue.put(5);
  await new Promise(setImmediate);
  assert.equal(taken.length, 5);
});
