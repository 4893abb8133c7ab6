/**
 * A real node answers Encrypt and Decrypt by the core's fast path, and counts that; with KMIPD_FAST_PATH=off its engine gives the
 * same answers, and the count stays at nothing. Encrypt with one is Decrypt with the other.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { attribute, find, item } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import { assertRefused, byIdentifier, bytesOf, identifierOf, Site } from '../e2e/talk.ts';

const gcm = item('CryptographicParameters', [item('BlockCipherMode', 'GCM'), item('CryptographicAlgorithm', 'AES')]);
const plaintext = Buffer.from('the same either way');
const key = Buffer.alloc(32, 5);

/** Registers a key, encrypts and decrypts once, and gives the ciphertext and what the node counted. */
async function serveOnce(env: Readonly<Record<string, string>>): Promise<{ readonly sealed: string; readonly answered: number; readonly slots: number }> {
  const site = new Site();
  await site.start({ args: ['--workers', '1'], env });
  try {
    const talk = await site.talk('fast');
    const block = item('KeyBlock', [item('KeyFormatType', 'Raw'), item('KeyValue', [item('KeyMaterial', key)]), item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', 256)]);
    const identifier = identifierOf(await talk.must(14, 'Register', [item('ObjectType', 'SymmetricKey'), item('TemplateAttribute', [attribute('Cryptographic Usage Mask', 12)]), item('SymmetricKey', [block])]));
    await talk.must(14, 'Activate', [byIdentifier(identifier)]);
    const iv = item('IVCounterNonce', Buffer.alloc(12, 6));
    const sealed = await talk.must(14, 'Encrypt', [byIdentifier(identifier), gcm, item('Data', plaintext), iv]);
    const tag: Item = item('AuthenticatedEncryptionTag', bytesOf(find(sealed, 'AuthenticatedEncryptionTag')));
    const decryption = [byIdentifier(identifier), gcm, item('Data', bytesOf(find(sealed, 'Data'))), iv];
    const opened = await talk.must(14, 'Decrypt', [...decryption, tag]);
    assert.deepEqual(bytesOf(find(opened, 'Data')), plaintext);
    assertRefused(await talk.ask(14, 'Decrypt', [...decryption, item('AuthenticatedEncryptionTag', Buffer.alloc(16))]), 'CryptographicFailure');
    const { body } = await site.running.admin('GET', '/metrics', undefined, false);
    const metric = (name: string): number => Number(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\d+)$`, 'm').exec(body)?.[1]);
    assert.match(body, /kmipd_requests_total\{[^}]*operation="Encrypt"[^}]*\} 1$/m);
    assert.match(body, /kmipd_requests_total\{[^}]*operation="Decrypt"[^}]*\} 1$/m);
    await talk.close();
    return { sealed: `${bytesOf(find(sealed, 'Data')).toString('hex')} ${bytesOf(tag).toString('hex')}`, answered: metric('kmipd_fast_path_messages_total'), slots: metric('kmipd_key_slots') };
  } finally {
    await site.stop();
  }
}

test('Encrypt and Decrypt go by the fast path, and without it give the same', async () => {
  const fast = await serveOnce({});
  const slow = await serveOnce({ KMIPD_FAST_PATH: 'off' });
  assert.equal(fast.sealed, slow.sealed);
  assert.deepEqual([fast.answered, fast.slots], [2, 1], 'the refused Decrypt was the engine\'s');
  assert.deepEqual([slow.answered, slow.slots], [0, 0]);
});
