/**
 * Nonces never repeat, identifiers are ordered and well formed, whatever the clock does.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identifierSource, nonceSource, systemRandom } from '../../src/random.ts';
import { secretsEqual, wipe } from '../../src/secret.ts';

test('a nonce is the prefix and a counter', () => {
  const next = nonceSource(0xfffffffe);
  assert.equal(Buffer.from(next()).toString('hex'), 'fffffffe0000000000000000');
  assert.equal(Buffer.from(next()).toString('hex'), 'fffffffe0000000000000001');
  assert.notDeepEqual(nonceSource(1)(), nonceSource(2)());
  for (const prefix of [-1, 2 ** 32, 0.5, Number.NaN]) assert.throws(() => nonceSource(prefix), RangeError);
});

test('identifiers are UUIDs of version 7 that grow strictly, also when the clock stands or goes back', () => {
  let time = 1_700_000_000_000;
  const next = identifierSource({ now: () => time, monotonic: () => 0 });
  const made: string[] = [];
  for (let count = 0; count < 20_000; count += 1) {
    if (count % 1000 === 0) time += 1;
    if (count === 15_000) time -= 100_000;
    made.push(next());
  }
  for (const each of made) assert.match(each, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.deepEqual(made, [...made].sort());
  assert.equal(new Set(made).size, made.length);
  assert.equal(Number.parseInt(made[0]!.replaceAll('-', '').slice(0, 12), 16), 1_700_000_000_001);
});

test('random bytes lie in memory of their own', () => {
  for (const length of [0, 1, 16, 32, 5000]) {
    const bytes = systemRandom(length);
    assert.equal(bytes.length, length);
    assert.equal(bytes.buffer.byteLength, length);
  }
  assert.notDeepEqual(systemRandom(32), systemRandom(32));
});

test('secrets compare by content and wipe to zeros', () => {
  assert.ok(secretsEqual('abc', Buffer.from('abc')));
  assert.ok(!secretsEqual('abc', 'abd'));
  assert.ok(!secretsEqual('abc', 'abcd'));
  const bytes = Uint8Array.of(1, 2, 3);
  wipe(bytes, undefined);
  assert.deepEqual(bytes, new Uint8Array(3));
});

test('numbers that are taken for nonces made elsewhere are left out here', () => {
  const next = nonceSource(9);
  next();
  assert.equal(next.take(1000), 1n);
  assert.equal(Buffer.from(next()).toString('hex'), '0000000900000000000003e9');
  assert.equal(next.take(1), 1002n);
});
