/**
 * Storage and network appliances: FortiGate, Dell arrays, NetApp ONTAP, IBM tape, Db2 and VAST Data.
 *
 * FortiGate (1.0) batches Locates whose filter stands inside a Template-Attribute, with credentials and continuation
 * Continue. Dell batches Query, Locate, Get by ID Placeholder and Get Attributes. NetApp hangs some twenty custom
 * attributes on a key. IBM tape uses Alternative Name, Db2 takes the Name as a unique label. VAST Data (1.4) names its key
 * by Add Attribute and polls it for minutes; its HTTPS transport and its ReKey are not served yet, the rest is played.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { attribute, find, findAll, item } from '../../harness/wire.ts';
import type { Item } from '../../harness/wire.ts';
import { assertRefused, byIdentifier, identifierOf, identifiersOf, materialOf, nameAttributeValue, payloadOf } from '../talk.ts';
import type { Site, Talk } from '../talk.ts';

const credential = item('Authentication', [item('Credential', [
  item('CredentialType', 'UsernameAndPassword'),
  item('CredentialValue', [item('Username', 'fg-client'), item('Password', 'password')]),
])]);
const fortiHeader = [item('MaximumResponseSize', 65_536), credential, item('BatchErrorContinuationOption', 'Continue'), item('BatchOrderOption', true)];

const aes = (name: string, material: Buffer): Item[] => [
  item('ObjectType', 'SymmetricKey'),
  item('TemplateAttribute', [
    attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', material.length * 8), attribute('Cryptographic Usage Mask', 12), attribute('Name', nameAttributeValue(name)),
  ]),
  item('SymmetricKey', [item('KeyBlock', [
    item('KeyFormatType', 'Raw'), item('KeyValue', [item('KeyMaterial', material)]), item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', material.length * 8),
  ])]),
];
const seed = (name: string, material: Buffer, ...custom: Item[]): Item[] => [
  item('ObjectType', 'SecretData'),
  item('TemplateAttribute', [attribute('Cryptographic Usage Mask', 2), attribute('Name', nameAttributeValue(name)), ...custom]),
  item('SecretData', [item('SecretDataType', 'Seed'), item('KeyBlock', [item('KeyFormatType', 'Opaque'), item('KeyValue', [item('KeyMaterial', material)])])]),
];
const fortiLocate = (name: string, id: string): { operation: string; id: Buffer; payload: Item[] } => ({
  operation: 'Locate',
  id: Buffer.from(id, 'hex'),
  payload: [item('MaximumItems', 1), item('TemplateAttribute', [attribute('Name', nameAttributeValue(name))])],
});

function createAes(talk: Talk, version: number, ...more: Item[]): Promise<Item> {
  return talk.must(version, 'Create', [
    item('ObjectType', 'SymmetricKey'),
    item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12), ...more]),
  ]);
}

export function appliances(site: Site): void {
  test('FortiGate finds each tunnel key by a filter inside a Template-Attribute and gets them in a batch', async () => {
    await site.once('fortigate', async (talk) => {
      const prefix = 'fw-a.kmip.local-fw-b.kmip.local-s2s-kmip-';
      const objects: [name: string, material: Buffer, identifier: string][] = [];
      for (const [suffix, length] of [['ENC-AES-16', 16], ['ENC-AES-32', 32], ['AUTH-SHA1-20', 20], ['AUTH-SHA256-32', 32]] as const) {
        const material = randomBytes(length);
        const name = prefix + suffix;
        objects.push([name, material, identifierOf(await talk.must(10, 'Register', suffix.startsWith('ENC') ? aes(name, material) : seed(name, material)))]);
      }
      for (const [, , identifier] of objects) await talk.must(10, 'Activate', [byIdentifier(identifier)]);
      for (const idLength of ['b900000001', 'b90000000100000001000000']) {
        const located = await talk.batch(10, objects.map(([name], index) => fortiLocate(name, idLength.padEnd(10, '0') + String(index).padStart(2, '0'))), fortiHeader);
        assert.deepEqual(located.map((each) => identifiersOf(payloadOf(each))), objects.map(([, , identifier]) => [identifier]));
      }
      const got = await talk.batch(10, objects.map(([, , identifier], index) => ({ operation: 'Get', id: Buffer.from([0xb9, 0, 0, 0, 0, index]), payload: [byIdentifier(identifier)] })), fortiHeader);
      got.forEach((each, index) => assert.deepEqual(materialOf(payloadOf(each)), objects[index]![1]));
      for (const wrong of [prefix, `${prefix}ENC-AES-16x`, 'nothing']) {
        const [none] = await talk.batch(10, [fortiLocate(wrong, 'b900000000ff')], fortiHeader);
        assert.deepEqual(identifiersOf(payloadOf(none)), [], `${wrong} is no key's name`);
      }
      const mixed = await talk.batch(10, [
        { operation: 'Get', id: Buffer.from([1]), payload: [byIdentifier('missing')] },
        { operation: 'Get', id: Buffer.from([2]), payload: [byIdentifier(objects[0]![2])] },
      ], fortiHeader);
      assert.equal(mixed.length, 2, 'Continue: the second item is done although the first failed');
      assertRefused(mixed[0], 'ItemNotFound');
      payloadOf(mixed[1]);
    });
  });

  test('a Dell array asks, locates by two custom attributes, gets by ID Placeholder and reads attributes in one batch', async () => {
    await site.once('dell', async (talk) => {
      const secret = randomBytes(32);
      const own = [attribute('x-ResourceID', 'resource-7'), attribute('x-SystemID', 'system-3')];
      const identifier = identifierOf(await talk.must(10, 'Register', seed('dell', secret, ...own, attribute('x-Counter', 7))));
      await talk.must(10, 'Register', seed('dell-other', randomBytes(32), own[0]!, attribute('x-SystemID', 'system-4')));
      const batch = await talk.batch(10, [
        { operation: 'Query', id: Buffer.from([1]), payload: [item('QueryFunction', 'QueryOperations'), item('QueryFunction', 'QueryObjects')] },
        { operation: 'Locate', id: Buffer.from([2]), payload: own },
        { operation: 'Get', id: Buffer.from([3]), payload: [item('KeyFormatType', 'Opaque')] },
        { operation: 'GetAttributes', id: Buffer.from([4]), payload: [item('AttributeName', 'x-ResourceID'), item('AttributeName', 'x-Counter')] },
      ], [item('BatchOrderOption', true)]);
      assert.equal(batch.length, 4);
      assert.deepEqual(identifiersOf(payloadOf(batch[1])), [identifier]);
      assert.deepEqual(materialOf(payloadOf(batch[2])), secret);
      const values = findAll(payloadOf(batch[3]), 'Attribute').map((each) => find(each, 'AttributeValue')!.value);
      assert.deepEqual(values.toSorted(), [7, 'resource-7'].toSorted());
    });
  });

  test('NetApp ONTAP keeps twenty custom attributes on a key and finds it by any of them', async () => {
    const suffixes = [
      'ClusterId', 'ClusterName', 'NodeId', 'NodeName', 'PartnerClusterId', 'PartnerNodeName', 'Product', 'Version', 'KeyUsage', 'KeyType',
      'VserverId', 'VserverUuid', 'VolumeId', 'VolumeIdHash', 'CRN', 'Policy', 'KeyId', 'Tag', 'PartnerNodeId', 'PartnerClusterName',
    ];
    await site.once('netapp', async (talk) => {
      const custom = suffixes.map((suffix) => attribute(`x-NETAPP-${suffix}`, `value of ${suffix}`));
      const material = randomBytes(32);
      const registration = aes('netapp-key', material);
      const template = item('TemplateAttribute', [...registration[1]!.children!, ...custom]);
      const identifier = identifierOf(await talk.must(12, 'Register', [registration[0]!, template, registration[2]!]));
      await talk.must(12, 'Register', aes('netapp-other', randomBytes(32)));
      for (const each of custom) assert.deepEqual(identifiersOf(await talk.must(12, 'Locate', [each])), [identifier]);
      assert.deepEqual(identifiersOf(await talk.must(12, 'Locate', custom)), [identifier]);
      assert.deepEqual(identifiersOf(await talk.must(12, 'Locate', [attribute('x-NETAPP-Tag', 'another')])), []);
      const back = findAll(await talk.must(12, 'GetAttributes', [byIdentifier(identifier), ...suffixes.map((suffix) => item('AttributeName', `x-NETAPP-${suffix}`))]), 'Attribute');
      assert.equal(back.length, suffixes.length);
      await talk.must(12, 'Activate', [byIdentifier(identifier)]);
      assert.deepEqual(materialOf(await talk.must(12, 'Get', [byIdentifier(identifier)])), material);
    });
  });

  test('IBM tape creates with an Alternative Name and custom attributes, and locates by them', async () => {
    await site.once('ibm', async (talk) => {
      const alternative = attribute('Alternative Name', [item('AlternativeNameValue', 'VOL001'), item('AlternativeNameType', 'UninterpretedTextString')]);
      const identifier = identifierOf(await createAes(talk, 12, alternative, attribute('x-IBM-Drive', 'drive 5')));
      await createAes(talk, 12);
      assert.deepEqual(identifiersOf(await talk.must(12, 'Locate', [alternative])), [identifier]);
      assert.deepEqual(identifiersOf(await talk.must(12, 'Locate', [alternative, attribute('x-IBM-Drive', 'drive 5')])), [identifier]);
      assert.deepEqual(identifiersOf(await talk.must(12, 'Locate', [alternative, attribute('x-IBM-Drive', 'drive 6')])), []);
    });
  });

  test('Db2 takes a Name for a unique label: a second object of the name is refused', async () => {
    await site.once('db2', async (talk) => {
      const label = attribute('Name', nameAttributeValue('DB2_SYSGEN_label'));
      await createAes(talk, 11, label);
      const again = await talk.ask(11, 'Create', [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12), label]),
      ]);
      assertRefused(again, 'InvalidField');
    });
  });

  test('VAST Data names its key by Add Attribute, locates it by a wrapped filter and polls State and Activation Date', async () => {
    await site.once('vast', async (talk) => {
      await talk.must(14, 'DiscoverVersions', []);
      const identifier = identifierOf(await createAes(talk, 14));
      const added = [attribute('Name', nameAttributeValue('vast-encryption-group')), attribute('Object Group', 'vast-group'), attribute('Operation Policy Name', 'default')];
      for (const each of added) {
        const back = find(await talk.must(14, 'AddAttribute', [byIdentifier(identifier), each]), 'Attribute');
        assert.equal(find(back, 'AttributeName')!.value, find(each, 'AttributeName')!.value);
      }
      await talk.must(14, 'Activate', [byIdentifier(identifier)]);
      const filter = [item('MaximumItems', 1), item('TemplateAttribute', [added[0]!, added[1]!])];
      assert.deepEqual(identifiersOf(await talk.must(14, 'Locate', filter)), [identifier]);
      assert.deepEqual(identifiersOf(await talk.must(14, 'Locate', [item('TemplateAttribute', [added[0]!, attribute('Object Group', 'another')])])), []);
      for (let poll = 0; poll < 3; poll += 1) {
        const polled = findAll(await talk.must(14, 'GetAttributes', [byIdentifier(identifier), item('AttributeName', 'State'), item('AttributeName', 'Activation Date')]), 'Attribute');
        assert.deepEqual(polled.map((each) => find(each, 'AttributeName')!.value).toSorted(), ['Activation Date', 'State']);
      }
      await talk.must(14, 'Revoke', [byIdentifier(identifier), item('RevocationReason', [item('RevocationReasonCode', 'CessationOfOperation')])]);
      await talk.must(14, 'Destroy', [byIdentifier(identifier)]);
      assert.deepEqual(identifiersOf(await talk.must(14, 'Locate', filter)), []);
    });
  });

  test('a misspelt or ill-typed filter of Locate (ScyllaDB, Seagate) matches nothing or is refused, and never matches all', async () => {
    await site.once('scylla', async (talk) => {
      for (let count = 0; count < 3; count += 1) await createAes(talk, 14);
      const filters: Item[] = [
        attribute('Cryptographic Lenght', 256),
        attribute('cryptographic length', 256),
        item('Attribute', [item('AttributeName', 'Cryptographic Length'), item('AttributeValue', '256', 'TextString')]),
        item('Attribute', [item('AttributeName', 'Cryptographic Algorithm'), item('AttributeValue', 'AES', 'TextString')]),
        item('Attribute', [item('AttributeName', 'Object Type'), item('AttributeValue', 2, 'Integer')]),
        item('Attribute', [item('AttributeName', 'Name'), item('AttributeValue', 'plain text', 'TextString')]),
      ];
      for (const filter of filters) {
        const answer = await talk.ask(14, 'Locate', [filter]);
        if (answer.ok) assert.deepEqual(identifiersOf(answer.payload!), []);
        else assertRefused(answer, 'InvalidField', 'InvalidMessage', 'ItemNotFound');
      }
    });
  });
}
