/**
 * The corrections of case files, each worked out from the inputs in the file with node:crypto.
 */
import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import test from 'node:test';
import { corrections } from './corrections.ts';

function correctionOf(name: string): string | undefined {
  return corrections.find((correction) => correction.name.test(name))?.to;
}

test('CS-BC-M-6 of 1.2 and 1.3 encrypts with the registered key', () => {
  const cipher = createCipheriv('aes-128-ecb', Buffer.from('0123456789abcdef0123456789abcdef', 'hex'), null).setAutoPadding(false);
  const data = Buffer.concat([cipher.update('01020304050607080910111213141516', 'hex'), cipher.final()]);
  for (const name of ['CS-BC-M-6-12', 'CS-BC-M-6-13']) assert.equal(correctionOf(name), data.toString('hex'));
});
