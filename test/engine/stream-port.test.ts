/**
 * Sealing of stream states: opens where it belongs, and nowhere else.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { correlationValueBytesMax, createStreamPort } from '../../src/engine/stream-port.ts';

const key = randomBytes(32);
const port = createStreamPort(key);
const binding = Buffer.from('who, which operation');

test('another thread with the same key opens what this one sealed', () => {
  for (const length of [0, 1, 200, 1000]) {
    const state = randomBytes(length);
    assert.deepEqual(createStreamPort(Buffer.from(key)).open(port.seal(state, binding), binding), state);
  }
});

test('another key, binding, or any changed bit does not open', () => {
  const sealed = port.seal(randomBytes(100), binding);
  assert.equal(createStreamPort(randomBytes(32)).open(sealed, binding), undefined);
  assert.equal(port.open(sealed, Buffer.from('somebody else')), undefined);
  for (let at = 0; at < sealed.length; at += 1) assert.equal(port.open(sealed.map((byte, index) => (index === at ? byte ^ 1 : byte)), binding), undefined);
  for (let length = 0; length < sealed.length; length += 1) assert.equal(port.open(sealed.subarray(0, length), binding), undefined);
  assert.equal(port.open(Buffer.alloc(correlationValueBytesMax + 1, 1), binding), undefined);
});

test('one state never seals to the same value, and the state cannot be seen in it', () => {
  const state = Buffer.alloc(64, 'plain text');
  const values = new Set(Array.from({ length: 50 }, () => Buffer.from(port.seal(state, binding)).toString('hex')));
  assert.equal(values.size, 50);
  for (const value of values) assert.ok(!value.includes(Buffer.from('plain text').toString('hex')));
});

test('a key of another length is a mistake of the caller', () => {
  assert.throws(() => createStreamPort(randomBytes(16)), /32 bytes, got 16/);
});
