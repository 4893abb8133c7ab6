/**
 * InterSystems IRIS, EDB and others that speak 2.x: Attributes structures in place of Template-Attribute, at 2.0 and 2.1.
 *
 * An object made at 2.x is read at 1.x and the other way round; EDB's two variants take the IV from the answer or carry it.
 */
import assert from 'node:assert/strict';
import { createDecipheriv, randomBytes } from 'node:crypto';
import test from 'node:test';
import { attribute, find, findAll, item } from '../../harness/wire.ts';
import type { Item } from '../../harness/wire.ts';
import { assertRefused, byIdentifier, bytesOf, identifierOf, identifiersOf, materialOf, nameAttributeValue } from '../talk.ts';
import type { Site } from '../talk.ts';

const scope = 'iris';
const parameters = item('CryptographicParameters', [item('BlockCipherMode', 'CBC'), item('PaddingMethod', 'PKCS5'), item('CryptographicAlgorithm', 'AES')]);
const reference = (name: string): Item => item('AttributeReference', [item('VendorIdentification', ''), item('AttributeName', name)]);

export function iris(site: Site): void {
  for (const version of [20, 21]) {
    test(`IRIS at ${version / 10} makes, names, uses and removes a key by Attributes structures`, async () => {
      await site.once(scope, async (talk) => {
        const name = `iris-${version}`;
        const identifier = identifierOf(await talk.must(version, 'Create', [
          item('ObjectType', 'SymmetricKey'),
          item('Attributes', [
            item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', 256), item('CryptographicUsageMask', 12), item('Name', nameAttributeValue(name)),
          ]),
        ]));
        assert.deepEqual(identifiersOf(await talk.must(version, 'Locate', [item('Attributes', [item('Name', nameAttributeValue(name))])])), [identifier]);
        await talk.must(version, 'Activate', [byIdentifier(identifier)]);
        const attributes = find(await talk.must(version, 'GetAttributes', [byIdentifier(identifier), item('AttributeReference', 0x42008d, 'Enumeration')]), 'Attributes')!;
        assert.deepEqual(attributes.children!.map((each) => each.value), [2], 'State by its tag, and nothing else');
        const iv = randomBytes(16);
        const sealed = bytesOf(find(await talk.must(version, 'Encrypt', [byIdentifier(identifier), parameters, item('Data', Buffer.from('table space')), item('IVCounterNonce', iv)]), 'Data'));
        const oracle = createDecipheriv('aes-256-cbc', materialOf(await talk.must(version, 'Get', [byIdentifier(identifier)])), iv);
        assert.equal(Buffer.concat([oracle.update(sealed), oracle.final()]).toString(), 'table space');
        assert.ok(findAll(await talk.must(version, 'GetAttributeList', [byIdentifier(identifier)]), 'AttributeReference').length > 5);
        await talk.must(version, 'Revoke', [byIdentifier(identifier), item('RevocationReason', [item('RevocationReasonCode', 'CessationOfOperation')])]);
        await talk.must(version, 'Destroy', [byIdentifier(identifier)]);
        assertRefused(await talk.ask(version, 'Get', [byIdentifier(identifier)]), 'ObjectDestroyed', 'ObjectNotFound', 'ItemNotFound');
      });
    });
  }

  test('an object made at 2.1 is read at 1.0, and one of 1.0 at 2.1, each with what the version knows', async () => {
    await site.once(scope, async (talk) => {
      const newer = identifierOf(await talk.must(21, 'Create', [
        item('ObjectType', 'SymmetricKey'),
        item('Attributes', [item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', 128), item('CryptographicUsageMask', 12), item('Sensitive', false)]),
      ]));
      const older = identifierOf(await talk.must(10, 'Create', [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 128), attribute('Cryptographic Usage Mask', 12)]),
      ]));
      for (const identifier of [newer, older]) {
        for (const version of [10, 11, 12, 13, 14, 20, 21]) {
          // assertAnswerShape refuses every tag and attribute that the version lacks.
          await talk.must(version, 'GetAttributes', [byIdentifier(identifier)]);
          await talk.must(version, 'GetAttributeList', [byIdentifier(identifier)]);
          assert.equal(materialOf(await talk.must(version, 'Get', [byIdentifier(identifier)])).length, 16);
        }
      }
      const named = find(await talk.must(21, 'GetAttributes', [byIdentifier(newer), reference('Cryptographic Length')]), 'Attributes');
      if (named?.children?.length) assert.equal(named.children[0]!.value, 128);
    });
  });

  test('EDB has the server choose the IV, and it stands in the answer', async () => {
    await site.once(scope, async (talk) => {
      const identifier = identifierOf(await talk.must(14, 'Create', [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12)]),
      ]));
      await talk.must(14, 'Activate', [byIdentifier(identifier)]);
      const random = item('CryptographicParameters', [...parameters.children!, item('RandomIV', true)]);
      const sealed = await talk.must(14, 'Encrypt', [byIdentifier(identifier), random, item('Data', Buffer.from('wal'))]);
      const iv = bytesOf(find(sealed, 'IVCounterNonce'));
      assert.equal(iv.length, 16);
      const opened = await talk.must(14, 'Decrypt', [byIdentifier(identifier), parameters, item('Data', bytesOf(find(sealed, 'Data'))), item('IVCounterNonce', iv)]);
      assert.equal(bytesOf(find(opened, 'Data')).toString(), 'wal');
    });
  });
}
