/**
 * HMAC-SHA-256 in TypeScript beside the one of node:crypto, at every length around the ends of its blocks.
 */
import assert from 'node:assert/strict';
import { createHmac, randomBytes } from 'node:crypto';
import { it } from 'node:test';
import { HmacKey } from '../../src/storage/hmac-sha-256.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

it('gives what RFC 4231 gives', () => {
  const rows: readonly [string, string, string][] = [
    ['0b'.repeat(20), hex(Buffer.from('Hi There')), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [hex(Buffer.from('Jefe')), hex(Buffer.from('what do ya want for nothing?')), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
    ['aa'.repeat(20), 'dd'.repeat(50), '773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe'],
  ];
  for (const [key, text, expected] of rows) {
    const target = new Uint8Array(32);
    new HmacKey(Buffer.from(key, 'hex')).mac(Buffer.from(text, 'hex'), target);
    assert.equal(hex(target), expected);
  }
});

it('gives what node:crypto gives, for every length of key and text', () => {
  for (const keyLength of [0, 1, 31, 32, 33, 63, 64]) {
    const key = randomBytes(keyLength);
    const ours = new HmacKey(key);
    for (const length of [...Array.from({ length: 200 }, (_, each) => each), 4095, 4096, 4097, 100_000]) {
      const text = randomBytes(length);
      const target = new Uint8Array(32);
      ours.mac(text, target);
      assert.equal(hex(target), createHmac('sha256', key).update(text).digest('hex'), `${keyLength}, ${length}`);
    }
  }
});

it('takes texts of any length and alphabet as UTF-8', () => {
  const key = randomBytes(32);
  const ours = new HmacKey(key);
  for (const text of ['', 'tank/payroll', 'ü', '水'.repeat(1365), '水'.repeat(1366), '🔑'.repeat(5000), 'x'.repeat(5000)]) {
    const target = new Uint8Array(32);
    ours.macOfText(text, target);
    assert.equal(hex(target), createHmac('sha256', key).update(text, 'utf8').digest('hex'), `${text.length}`);
  }
});

it('may write to where the text stands, and leaves the key alone', () => {
  const key = randomBytes(32);
  const text = randomBytes(40);
  const expected = createHmac('sha256', key).update(text).digest('hex');
  const ours = new HmacKey(key);
  key.fill(0);
  ours.mac(text, text);
  assert.equal(hex(text.subarray(0, 32)), expected);
});

it('is of no use once it is wiped, and takes no key that would have to be hashed first', () => {
  const ours = new HmacKey(randomBytes(32));
  assert.equal(ours.isWiped, false);
  ours.wipe();
  assert.equal(ours.isWiped, true);
  assert.throws(() => new HmacKey(new Uint8Array(65)), /64 bytes at most/);
});
