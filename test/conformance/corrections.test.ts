/**
 * The corrections of case files, each worked out from the inputs in the file with node:crypto and the tests' own codec.
 */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import test from 'node:test';
import { attribute, encode, item } from '../harness/wire.ts';
import { corrections } from './corrections.ts';

function correctionOf(name: string): string | undefined {
  return corrections.find((correction) => correction.name.test(name))?.to;
}

test('CS-BC-M-6 of 1.2 and 1.3 encrypts with the registered key', () => {
  const cipher = createCipheriv('aes-128-ecb', Buffer.from('0123456789abcdef0123456789abcdef', 'hex'), null).setAutoPadding(false);
  const data = Buffer.concat([cipher.update('01020304050607080910111213141516', 'hex'), cipher.final()]);
  for (const name of ['CS-BC-M-6-12', 'CS-BC-M-6-13']) assert.equal(correctionOf(name), data.toString('hex'));
});

test('TC-142 wraps the Key Value structure with the named attribute as TTLV', () => {
  const keyValue = item('KeyValue', [
    item('KeyMaterial', Buffer.from('00112233445566778899aabbccddeeff', 'hex'), 'ByteString'),
    attribute('Cryptographic Usage Mask', 'Encrypt Decrypt'),
  ]);
  const cipher = createCipheriv('id-aes128-wrap', Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex'), Buffer.alloc(8, 0xa6));
  const wrapped = Buffer.concat([cipher.update(encode(keyValue)), cipher.final()]);
  for (const name of ['TC-142-11', 'TC-142-12']) assert.equal(correctionOf(name), wrapped.toString('hex'));
});
