/**
 * The envelope opens in its own place, under its own key, unchanged, and in no other case.
 */
import assert from 'node:assert/strict';
import { createDecipheriv, createHmac } from 'node:crypto';
import { it } from 'node:test';
import { Fault } from '../../src/fault.ts';
import { encode } from '../../src/storage/cbor.ts';
import { deriveKeys, open, seal, token } from '../../src/storage/envelope.ts';
import { KeyRing, sealScopeRootKey } from '../../src/storage/key-ring.ts';

const { sealing, index } = deriveKeys(new Uint8Array(32).fill(1));
const place = { kind: 'managed', scope: 'default', identifier: 'u1' };
const plaintext = new TextEncoder().encode('attack at dawn');
const isBroken = (error: unknown): boolean => error instanceof Fault && error.code === 'E_ENVELOPE_BROKEN';

it('gives back what was sealed, of any length', () => {
  for (const length of [0, 1, 15, 16, 17, 1000]) {
    const bytes = new Uint8Array(length).fill(length);
    assert.deepEqual(new Uint8Array(open(sealing, place, seal(sealing, place, bytes))), bytes);
  }
});

it('never seals alike twice', () => {
  const salts = new Set(Array.from({ length: 100 }, () => Buffer.from(seal(sealing, place, plaintext)).toString('hex')));
  assert.equal(salts.size, 100);
});

it('does not open after any one bit has changed', () => {
  const sealed = seal(sealing, place, plaintext);
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    const changed = sealed.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.throws(() => open(sealing, place, changed), Fault, `bit ${bit}`);
  }
  for (let length = 0; length < sealed.length; length++) assert.throws(() => open(sealing, place, sealed.subarray(0, length)), Fault);
});

it('does not open in another place or under another key', () => {
  const sealed = seal(sealing, place, plaintext);
  for (const other of [{ ...place, identifier: 'u2' }, { ...place, scope: 'other' }, { ...place, kind: 'setting' }, { kind: 'managed', scope: 'defaultu', identifier: '1' }]) {
    assert.throws(() => open(sealing, other, sealed), isBroken);
  }
  assert.throws(() => open(deriveKeys(new Uint8Array(32).fill(2)).sealing, place, sealed), isBroken);
  assert.throws(() => open(index, place, sealed), isBroken);
});

it('makes tokens that are equal for equal texts of one key only', () => {
  assert.deepEqual(token(index, 'a'), token(index, 'a'));
  assert.notDeepEqual(token(index, 'a'), token(index, 'b'));
  assert.notDeepEqual(token(index, 'a'), token(sealing, 'a'));
  assert.equal(token(index, 'a').length, 16);
  const indexKey = createHmac('sha256', new Uint8Array(32).fill(1)).update('kmipd index').update(new Uint8Array([1])).digest();
  assert.deepEqual(Buffer.from(token(index, 'a')), createHmac('sha256', indexKey).update('a').digest().subarray(0, 16));
});

it('gives each scope keys of its own, from a root key that only the right server key opens', () => {
  const server = new Uint8Array(32).fill(3);
  const records = new Map(['a', 'b'].map((scope) => [scope, { scope, createdAt: 1, sealedRootKey: sealScopeRootKey(server, scope, new Uint8Array(32).fill(9)) }]));
  const ring = new KeyRing(server, (scope) => records.get(scope));
  // One root key in two scopes would give equal keys; it is sealed for its scope, so it cannot be carried over.
  assert.throws(() => open(ring.sealing('role', 'a'), place, seal(ring.sealing('managed', 'a'), place, plaintext)), isBroken);
  records.set('c', { ...records.get('a')!, scope: 'c' });
  assert.throws(() => ring.sealing('managed', 'c'), isBroken);
  assert.throws(() => ring.sealing('managed', 'd'), /scope d is not there/);
  assert.throws(() => new KeyRing(new Uint8Array(32), (scope) => records.get(scope)).sealing('managed', 'a'), isBroken);
  const kept = ring.sealing('managed', 'b');
  ring.wipe();
  assert.ok(kept.isWiped);
});

it('is what its drawing says: node opens it with a key derived by hand', () => {
  const sealed = seal(sealing, place, plaintext);
  const sealingKey = createHmac('sha256', new Uint8Array(32).fill(1)).update('kmipd sealing').update(new Uint8Array([1])).digest();
  const key = createHmac('sha256', sealingKey).update('kmipd seal 1').update(sealed.subarray(1, 17)).update(new Uint8Array([1])).digest();
  const decipher = createDecipheriv('aes-256-gcm', key, new Uint8Array(12));
  decipher.setAAD(encode([1, 'managed', 'default', 'u1']));
  decipher.setAuthTag(sealed.subarray(-16));
  assert.equal(Buffer.concat([decipher.update(sealed.subarray(17, -16)), decipher.final()]).toString(), 'attack at dawn');
});
