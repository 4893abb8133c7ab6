/**
 * MongoDB: Percona Server's key manager (KMIP 1.0, no Name, polls State) and libmongocrypt, plain and delegated.
 *
 * libmongocrypt opens a connection a message and mixes 1.0 and 1.2. Its 96-byte master secrets are Secret Data Seed,
 * at 1.7.2 with an empty Template-Attribute and Raw format, later with usage mask 0 and Opaque format. Delegated, it
 * lets the server make the IV.
 */
import assert from 'node:assert/strict';
import { createDecipheriv, randomBytes } from 'node:crypto';
import test from 'node:test';
import { attribute, find, findAll, item } from '../../harness/wire.ts';
import type { Item } from '../../harness/wire.ts';
import { assertRefused, byIdentifier, bytesOf, identifierOf, materialOf } from '../talk.ts';
import type { Site } from '../talk.ts';

const scope = 'mongodb';

export function mongodb(site: Site): void {
  test('Percona Server for MongoDB registers a nameless key, activates it and reads it after a State check', async () => {
    const material = randomBytes(32);
    const identifier = await site.once(scope, async (talk) => {
      const registered = identifierOf(await talk.must(10, 'Register', [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [
          attribute('Cryptographic Algorithm', 'AES'),
          attribute('Cryptographic Length', 256),
          attribute('Cryptographic Usage Mask', 12),
        ]),
        item('SymmetricKey', [item('KeyBlock', [
          item('KeyFormatType', 'Raw'),
          item('KeyValue', [item('KeyMaterial', material)]),
          item('CryptographicAlgorithm', 'AES'),
          item('CryptographicLength', 256),
        ])]),
      ]));
      assert.equal(identifierOf(await talk.must(10, 'Activate', [byIdentifier(registered)])), registered);
      return registered;
    });
    await site.once(scope, async (talk) => {
      const attributes = findAll(await talk.must(10, 'GetAttributes', [byIdentifier(identifier), item('AttributeName', 'State')]), 'Attribute');
      assert.equal(attributes.length, 1);
      assert.equal(find(attributes[0], 'AttributeName')!.value, 'State');
      assert.equal(find(attributes[0], 'AttributeValue')!.value, 2, 'mongod insists on Active');
      assert.deepEqual(materialOf(await talk.must(10, 'Get', [byIdentifier(identifier)])), material);
    });
  });

  test('Percona Server for MongoDB is told Item Not Found of a missing key, whatever it asks', async () => {
    await site.once(scope, async (talk) => {
      for (const operation of ['Get', 'Activate', 'Destroy']) assertRefused(await talk.ask(10, operation, [byIdentifier('missing')]), 'ItemNotFound');
      assertRefused(await talk.ask(10, 'GetAttributes', [byIdentifier('missing'), item('AttributeName', 'State')]), 'ItemNotFound');
    });
  });

  const seeds: [version: string, template: Item, format: string][] = [
    ['1.7.2', item('TemplateAttribute'), 'Raw'],
    ['1.13', item('TemplateAttribute', [attribute('Cryptographic Usage Mask', 0)]), 'Opaque'],
  ];
  for (const [version, template, format] of seeds) {
    test(`libmongocrypt ${version} keeps a 96-byte Seed, a connection a message`, async () => {
      const material = randomBytes(96);
      const identifier = await site.once(scope, async (talk) => identifierOf(await talk.must(10, 'Register', [
        item('ObjectType', 'SecretData'),
        template,
        item('SecretData', [
          item('SecretDataType', 'Seed'),
          item('KeyBlock', [item('KeyFormatType', format), item('KeyValue', [item('KeyMaterial', material)])]),
        ]),
      ])));
      await site.once(scope, (talk) => talk.must(10, 'Activate', [byIdentifier(identifier)]));
      await site.once(scope, async (talk) => {
        const got = await talk.must(10, 'Get', [byIdentifier(identifier)]);
        assert.equal(find(got, 'ObjectType')!.value, 7);
        assert.deepEqual(materialOf(got), material);
        assert.equal(find(got, 'SecretData', 'KeyBlock', 'KeyFormatType')!.value, format === 'Raw' ? 1 : 2);
      });
    });
  }

  test('libmongocrypt delegated has the server encrypt 96 bytes under a random IV, mixing 1.2 and 1.0', async () => {
    const identifier = await site.once(scope, async (talk) => identifierOf(await talk.must(12, 'Create', [
      item('ObjectType', 'SymmetricKey'),
      item('TemplateAttribute', [
        attribute('Cryptographic Algorithm', 'AES'),
        attribute('Cryptographic Length', 256),
        attribute('Cryptographic Usage Mask', 12),
      ]),
    ])));
    await site.once(scope, (talk) => talk.must(10, 'Activate', [byIdentifier(identifier)]));
    const parameters = item('CryptographicParameters', [
      item('BlockCipherMode', 'CBC'),
      item('PaddingMethod', 'PKCS5'),
      item('CryptographicAlgorithm', 'AES'),
      item('RandomIV', true),
    ]);
    const plaintext = randomBytes(96);
    const sealed = await site.once(scope, (talk) => talk.must(12, 'Encrypt', [byIdentifier(identifier), parameters, item('Data', plaintext)]));
    const iv = bytesOf(find(sealed, 'IVCounterNonce'));
    assert.equal(iv.length, 16);
    const ciphertext = bytesOf(find(sealed, 'Data'));
    const opened = await site.once(scope, (talk) => talk.must(12, 'Decrypt', [byIdentifier(identifier), parameters, item('Data', ciphertext), item('IVCounterNonce', iv)]));
    assert.deepEqual(bytesOf(find(opened, 'Data')), plaintext);
    const material = materialOf(await site.once(scope, (talk) => talk.must(12, 'Get', [byIdentifier(identifier)])));
    const oracle = createDecipheriv('aes-256-cbc', material, iv);
    assert.deepEqual(Buffer.concat([oracle.update(ciphertext), oracle.final()]), plaintext);
  });

  test('MongoDB Enterprise polls the State of its key at 1.0 to 1.2', async () => {
    await site.once(scope, async (talk) => {
      for (const version of [10, 11, 12]) {
        const identifier = identifierOf(await talk.must(version, 'Create', [
          item('ObjectType', 'SymmetricKey'),
          item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12)]),
        ]));
        const state = async (): Promise<unknown> => find(await talk.must(version, 'GetAttributes', [byIdentifier(identifier), item('AttributeName', 'State')]), 'Attribute', 'AttributeValue')!.value;
        assert.equal(await state(), 1);
        await talk.must(version, 'Activate', [byIdentifier(identifier)]);
        assert.equal(await state(), 2);
      }
    });
  });
}
