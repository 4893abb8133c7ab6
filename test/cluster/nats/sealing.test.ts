/**
 * What leaves a node: opened by node:crypto by hand, refused when a bit, the place, the purpose, the cluster or the key is another.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createDecipheriv, createSecretKey, hkdfSync, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { Sealer, sealedOverhead } from '../../../cluster/nats/sealing.ts';
import { clusterKey } from './witness.ts';

test('what one node seals another opens, and so does the recipe in the header done by hand', () => {
  const sealed = Buffer.from(new Sealer(clusterKey, 'test', 'log').seal(Buffer.from('text'), '7'));
  assert.equal(Buffer.from(new Sealer(clusterKey, 'test', 'log').open(sealed, '7')!).toString(), 'text');
  assert.equal(sealed.length, 4 + sealedOverhead);
  const key = Buffer.from(hkdfSync('sha256', clusterKey, sealed.subarray(1, 17), 'kmipd/test/log', 32));
  const decipher = createDecipheriv('aes-256-gcm', key, Buffer.concat([Buffer.alloc(4), sealed.subarray(17, 25)]));
  decipher.setAAD(Buffer.from('kmipd/test/log/7')).setAuthTag(sealed.subarray(-16));
  assert.equal(Buffer.concat([decipher.update(sealed.subarray(25, -16)), decipher.final()]).toString(), 'text');
});

test('a nonce is used once: equal texts seal to other bytes, by one sealer and by two', () => {
  const sealer = new Sealer(clusterKey, 'test', 'log');
  const nonces = Array.from({ length: 1000 }, (_, index) => Buffer.from((index % 2 === 0 ? sealer : new Sealer(clusterKey, 'test', 'log')).seal(Buffer.alloc(16), '')).subarray(1, 25).toString('hex'));
  assert.equal(new Set(nonces).size, nonces.length);
});

test('another place, purpose, cluster or key, a changed bit and a cut anywhere do not open', () => {
  const sealed = Buffer.from(new Sealer(clusterKey, 'test', 'log').seal(Buffer.from('text'), '7'));
  assert.equal(new Sealer(clusterKey, 'test', 'log').open(sealed, '8'), undefined);
  assert.equal(new Sealer(clusterKey, 'test', 'peer').open(sealed, '7'), undefined);
  assert.equal(new Sealer(clusterKey, 'other', 'log').open(sealed, '7'), undefined);
  assert.equal(new Sealer(createSecretKey(randomBytes(32)), 'test', 'log').open(sealed, '7'), undefined);
  const reader = new Sealer(clusterKey, 'test', 'log');
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(reader.open(changed, '7'), undefined, `bit ${bit}`);
  }
  for (let length = 0; length < sealed.length; length += 1) assert.equal(reader.open(sealed.subarray(0, length), '7'), undefined, `length ${length}`);
  assert.ok(reader.open(sealed, '7'));
});

test('a key that is not 32 bytes long is refused', () => {
  assert.throws(() => new Sealer(createSecretKey(randomBytes(16)), 'test', 'log'), { code: 'E_CLUSTER_KEY' });
});
