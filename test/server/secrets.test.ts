/**
 * No secret is readable where it should not be: not in the data folder, not in the log, not in /metrics.
 *
 * Keys that the server made and keys, passwords and opaque objects that were registered are looked for raw, in hex and in
 * base64, by each eight bytes of theirs, so that a compressed or split record does not hide them. The scan first has to
 * find a secret that the test planted itself.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { attribute, item } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import { byIdentifier, identifierOf, materialOf, nameAttributeValue, Site } from '../e2e/talk.ts';

const windowLength = 8;

/** All that would show a secret: each eight bytes raw and in hex, and its base64 at each of the three alignments. */
function tracesOf(secret: Buffer): Buffer[] {
  const traces: Buffer[] = [];
  for (let offset = 0; offset + windowLength <= secret.length; offset += windowLength) {
    const window = secret.subarray(offset, offset + windowLength);
    const hex = window.toString('hex');
    traces.push(window, Buffer.from(hex), Buffer.from(hex.toUpperCase()));
  }
  for (const shift of [0, 1, 2]) traces.push(Buffer.from(secret.subarray(shift, shift + Math.floor((secret.length - shift) / 3) * 3).toString('base64').slice(0, 20)));
  return traces;
}

function findSecrets(places: ReadonlyMap<string, Buffer>, secrets: readonly Buffer[]): string[] {
  const found: string[] = [];
  for (const [place, content] of places) {
    for (const [index, secret] of secrets.entries()) {
      if (tracesOf(secret).some((trace) => content.includes(trace))) found.push(`secret ${index} in ${place}`);
    }
  }
  return found;
}

function filesOf(folder: string): Map<string, Buffer> {
  const files = new Map<string, Buffer>();
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) files.set(entry.name, readFileSync(join(entry.parentPath, entry.name)));
  }
  return files;
}

test('the scan finds a secret raw, in hex and in base64', () => {
  const secret = randomBytes(32);
  for (const form of [secret, secret.subarray(8, 20), Buffer.from(secret.toString('hex')), Buffer.from(secret.toString('base64')), Buffer.concat([Buffer.from('x'), secret]).toString('base64')]) {
    const content = Buffer.concat([randomBytes(100), Buffer.from(form as Buffer), randomBytes(100)]);
    assert.equal(findSecrets(new Map([['planted', content]]), [secret]).length, 1);
  }
});

test('neither data folder nor log nor metrics hold key material, registered secrets or passwords', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kmipd-secrets-'));
  const site = new Site();
  const secrets: Buffer[] = [];
  try {
    await site.start({ dataFolder: folder });
    const talk = await site.talk('secrets');
    const password = randomBytes(18).toString('base64');
    secrets.push(Buffer.from(password));
    const header = [item('Authentication', [item('Credential', [item('CredentialType', 'UsernameAndPassword'), item('CredentialValue', [item('Username', 'user'), item('Password', password)])])])];
    for (let count = 0; count < 30; count += 1) {
      const identifier = identifierOf(await talk.must(14, 'Create', [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12), attribute('Name', nameAttributeValue(`name ${count}`))]),
      ], { header }));
      await talk.must(14, 'Activate', [byIdentifier(identifier)]);
      secrets.push(materialOf(await talk.must(14, 'Get', [byIdentifier(identifier)])));
      const parameters = item('CryptographicParameters', [item('BlockCipherMode', 'CTR'), item('CryptographicAlgorithm', 'AES')]);
      const plaintext = randomBytes(64);
      secrets.push(plaintext);
      await talk.must(14, 'Encrypt', [byIdentifier(identifier), parameters, item('Data', plaintext), item('IVCounterNonce', Buffer.alloc(16))]);
    }
    const registered = (object: Item, type: string): Promise<Item> => talk.must(14, 'Register', [item('ObjectType', type), item('TemplateAttribute', [attribute('Cryptographic Usage Mask', 12)]), object]);
    for (let count = 0; count < 10; count += 1) {
      const material = randomBytes(32);
      const secret = Buffer.from(randomBytes(24).toString('base64'));
      const opaque = randomBytes(500);
      secrets.push(material, secret, opaque);
      await registered(item('SymmetricKey', [item('KeyBlock', [item('KeyFormatType', 'Raw'), item('KeyValue', [item('KeyMaterial', material)]), item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', 256)])]), 'SymmetricKey');
      await registered(item('SecretData', [item('SecretDataType', 'Password'), item('KeyBlock', [item('KeyFormatType', 'Opaque'), item('KeyValue', [item('KeyMaterial', secret)])])]), 'SecretData');
      await talk.must(14, 'Register', [item('ObjectType', 'OpaqueObject'), item('TemplateAttribute'), item('OpaqueObject', [item('OpaqueDataType', 0x8000_0001, 'Enumeration'), item('OpaqueDataValue', opaque)])]);
    }
    // Failures are what logs love to quote: secrets in a broken request must not turn up either.
    const material = randomBytes(32);
    secrets.push(material);
    await talk.ask(14, 'Register', [item('ObjectType', 'SymmetricKey'), item('TemplateAttribute', [attribute('Cryptographic Length', 7)]), item('SymmetricKey', [item('KeyBlock', [item('KeyFormatType', 'Raw'), item('KeyValue', [item('KeyMaterial', material)]), item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', 128)])])]);
    const metrics = await site.running.admin('GET', '/metrics', undefined, false);
    assert.equal(metrics.status, 200);
    await talk.close();
    const alive = filesOf(folder);
    await site.stop();
    const places = new Map([...alive, ...filesOf(folder), ['log', Buffer.from(site.running.log())], ['metrics', Buffer.from(metrics.body)]]);
    assert.ok([...filesOf(folder).values()].reduce((sum, each) => sum + each.length, 0) > 10_000, 'the data folder holds less than what was stored');
    assert.deepEqual(findSecrets(places, secrets), []);
    writeFileSync(join(folder, 'planted'), secrets[5]!);
    assert.equal(findSecrets(filesOf(folder), secrets).length, 1, 'the scan of the folder misses a planted key');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
