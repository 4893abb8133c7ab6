/**
 * Synology DSM 7 at 1.2: a connection an operation, capability questions first, then a volume's passphrase as Secret Data.
 *
 * The secret is registered under 128 hex characters and renamed to the volume's UUID by Modify Attribute, after which
 * Locate by the new name must find exactly it and the old name nothing. Nothing newer than 1.2 may come back.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { attribute, find, findAll, item } from '../../harness/wire.ts';
import type { Item } from '../../harness/wire.ts';
import { assertRefused, byIdentifier, identifierOf, identifiersOf, materialOf, nameAttributeValue } from '../talk.ts';
import type { Site } from '../talk.ts';

const scope = 'synology';
const functions = ['QueryOperations', 'QueryObjects', 'QueryServerInformation', 'QueryApplicationNamespaces', 'QueryExtensionList', 'QueryExtensionMap'];

export function synology(site: Site): void {
  const ask = (operation: string, payload: readonly Item[]): Promise<Item> => site.once(scope, (talk) => talk.must(12, operation, payload));

  test('Synology DSM makes, renames, activates, reads and removes the passphrase of a volume', async () => {
    await ask('DiscoverVersions', []);
    for (let count = 0; count < 4; count += 1) {
      const payload = await ask('Query', functions.map((name) => item('QueryFunction', name)));
      const operations = findAll(payload, 'Operation').map((each) => each.value as number);
      for (const needed of [0x03, 0x08, 0x0a, 0x0b, 0x0c, 0x0e, 0x12, 0x13, 0x14]) assert.ok(operations.includes(needed), `DSM needs operation ${needed}`);
    }
    const volume = '3f2504e0-4f89-11d3-9a0c-0305e82c3301';
    const first = randomBytes(64).toString('hex');
    assert.deepEqual(identifiersOf(await ask('Locate', [attribute('Name', nameAttributeValue(volume))])), []);
    const passphrase = randomBytes(72);
    const identifier = identifierOf(await ask('Register', [
      item('ObjectType', 'SecretData'),
      item('TemplateAttribute', [
        attribute('Cryptographic Usage Mask', 2),
        attribute('Operation Policy Name', 'default'),
        attribute('Name', nameAttributeValue(first)),
      ]),
      item('SecretData', [
        item('SecretDataType', 'Password'),
        item('KeyBlock', [item('KeyFormatType', 'Opaque'), item('KeyValue', [item('KeyMaterial', passphrase)])]),
      ]),
    ]));
    const modified = await ask('ModifyAttribute', [byIdentifier(identifier), attribute('Name', nameAttributeValue(volume))]);
    assert.equal(identifierOf(modified), identifier);
    assert.equal(find(modified, 'Attribute', 'AttributeName')!.value, 'Name');
    assert.equal(find(modified, 'Attribute', 'AttributeValue', 'NameValue')!.value, volume);
    assert.deepEqual(identifiersOf(await ask('Locate', [attribute('Name', nameAttributeValue(volume))])), [identifier]);
    assert.deepEqual(identifiersOf(await ask('Locate', [attribute('Name', nameAttributeValue(first))])), []);
    await ask('Activate', [byIdentifier(identifier)]);
    const names = findAll(await ask('GetAttributeList', [byIdentifier(identifier)]), 'AttributeName').map((each) => each.value as string);
    for (const needed of ['State', 'Object Type', 'Name', 'Unique Identifier']) assert.ok(names.includes(needed), `${needed} is not listed`);
    for (const newer of ['Sensitive', 'Extractable', 'Always Sensitive', 'Never Extractable', 'Random Number Generator', 'Comment', 'Description']) assert.ok(!names.includes(newer), `${newer} is newer than 1.2`);
    const attributes = findAll(await ask('GetAttributes', [byIdentifier(identifier), item('AttributeName', 'State'), item('AttributeName', 'Object Type')]), 'Attribute');
    const values = Object.fromEntries(attributes.map((each) => [find(each, 'AttributeName')!.value, find(each, 'AttributeValue')!.value]));
    assert.deepEqual(values, { State: 2, 'Object Type': 7 });
    assert.deepEqual(materialOf(await ask('Get', [byIdentifier(identifier)])), passphrase);
    await ask('Revoke', [byIdentifier(identifier), item('RevocationReason', [item('RevocationReasonCode', 'Unspecified')])]);
    await ask('Destroy', [byIdentifier(identifier)]);
    await site.once(scope, async (talk) => assertRefused(await talk.ask(12, 'Get', [byIdentifier(identifier)]), 'ItemNotFound'));
    assert.deepEqual(identifiersOf(await ask('Locate', [attribute('Name', nameAttributeValue(volume))])), []);
  });
}
