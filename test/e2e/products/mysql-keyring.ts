/**
 * MySQL's keyrings: Percona's component_keyring_kmip (kmippp 0.3.x, and the newer kmipclient) and Enterprise keyring_okv.
 *
 * kmippp pages through Locate with Offset Items at protocol 1.0, where the specification has no such field, and mixes
 * 1.0 and 1.4. The newer client batches at 1.4, and at 2.0 first sends Attribute Reference under a wrong tag and falls
 * back only on a reasoned refusal.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { attribute, encode, find, findAll, item, request } from '../../harness/wire.ts';
import type { Item } from '../../harness/wire.ts';
import { assertRefused, byIdentifier, identifierOf, identifiersOf, materialOf, nameAttributeValue, payloadOf } from '../talk.ts';
import type { Site, Talk } from '../talk.ts';

const scope = 'mysql-keyring';
const header = (): Item[] => [item('MaximumResponseSize', 8192), item('TimeStamp', BigInt(Math.floor(Date.now() / 1000)))];
const group = 'mysql-server-1';

const key = (name: string, material: Buffer, groupText: string | undefined): Item[] => [
  item('ObjectType', 'SymmetricKey'),
  item('TemplateAttribute', [
    attribute('Cryptographic Algorithm', 'AES'),
    attribute('Cryptographic Length', 256),
    attribute('Cryptographic Usage Mask', 12),
    attribute('Name', nameAttributeValue(name)),
    ...(groupText === undefined ? [] : [attribute('Object Group', groupText)]),
  ]),
  item('SymmetricKey', [item('KeyBlock', [
    item('KeyFormatType', 'Raw'),
    item('KeyValue', [item('KeyMaterial', material)]),
    item('CryptographicAlgorithm', 'AES'),
    item('CryptographicLength', 256),
  ])]),
];

const secret = (name: string, text: string): Item[] => [
  item('ObjectType', 'SecretData'),
  item('TemplateAttribute', [
    attribute('Cryptographic Usage Mask', 576),
    attribute('Name', nameAttributeValue(name)),
    attribute('Object Group', group),
  ]),
  item('SecretData', [
    item('SecretDataType', 'Password'),
    item('KeyBlock', [item('KeyFormatType', 'Opaque'), item('KeyValue', [item('KeyMaterial', Buffer.from(text))])]),
  ]),
];

/** All identifiers by pages of sixteen, until an empty page or the total that Located Items tells, as kmippp does. */
async function pages(talk: Talk, filter: Item): Promise<string[]> {
  const found: string[] = [];
  for (let page = 0; page < 20; page += 1) {
    const payload = await talk.must(10, 'Locate', [item('MaximumItems', 16), item('OffsetItems', found.length), filter], { header: header() });
    const identifiers = identifiersOf(payload);
    if (identifiers.length === 0) return found;
    found.push(...identifiers);
  }
  throw new Error('the pages never end: Offset Items is not honoured');
}

export function mysqlKeyring(site: Site): void {
  test('kmippp stores, pages through, reads and removes keys, mixing 1.0 and 1.4', async () => {
    const stored = new Map<string, { name: string; material: Buffer }>();
    for (let count = 0; count < 35; count += 1) {
      const name = `INNODBKey-mysql-${count}`;
      const material = randomBytes(32);
      await site.once(scope, async (talk) => {
        const identifier = identifierOf(await talk.must(14, 'Register', key(name, material, group), { header: header() }));
        assert.equal(identifierOf(await talk.must(10, 'Activate', [byIdentifier(identifier)], { header: header() })), identifier);
        stored.set(identifier, { name, material });
      });
    }
    await site.once(scope, async (talk) => {
      const secretIdentifier = identifierOf(await talk.must(14, 'Register', secret('a secret', 'text'), { header: header() }));
      await talk.must(10, 'Activate', [byIdentifier(secretIdentifier)], { header: header() });
      const found = await pages(talk, attribute('Object Type', 'SymmetricKey'));
      assert.equal(new Set(found).size, found.length, 'a page repeats an identifier');
      assert.deepEqual(new Set(found), new Set(stored.keys()));
      assert.deepEqual(await pages(talk, attribute('Object Type', 'SecretData')), [secretIdentifier]);
      assert.equal((await pages(talk, attribute('Object Group', group))).length, stored.size + 1);
      for (const [identifier, { name, material }] of stored) {
        assert.deepEqual(materialOf(await talk.must(10, 'Get', [byIdentifier(identifier)], { header: header() })), material);
        const attributes = await talk.must(14, 'GetAttributes', [byIdentifier(identifier), item('AttributeName', 'Name')], { header: header() });
        const first = findAll(attributes, 'Attribute')[0];
        assert.equal(find(first, 'AttributeName')!.value, 'Name');
        assert.equal(find(first, 'AttributeValue', 'NameValue')!.value, name);
      }
      const [removed] = stored.keys();
      const reason = item('RevocationReason', [item('RevocationReasonCode', 'Unspecified'), item('RevocationMessage', 'Deleting the key')]);
      await talk.must(10, 'Revoke', [byIdentifier(removed!), reason], { header: header() });
      await talk.must(10, 'Destroy', [byIdentifier(removed!)], { header: header() });
      assert.ok(!(await pages(talk, attribute('Object Type', 'SymmetricKey'))).includes(removed!), 'a destroyed key is located');
    });
  });

  test('kmippp of an optimised build sends a zero-length Object Group, which is taken', async () => {
    await site.once(`${scope}-empty-group`, async (talk) => {
      const identifier = identifierOf(await talk.must(14, 'Register', key('no group', randomBytes(32), ''), { header: header() }));
      await talk.must(10, 'Activate', [byIdentifier(identifier)], { header: header() });
      await talk.must(10, 'Get', [byIdentifier(identifier)], { header: header() });
    });
  });

  test('kmipclient batches Get and Get Attributes at 1.4 with batch item ids and order', async () => {
    await site.once(scope, async (talk) => {
      const identifier = identifierOf(await talk.must(14, 'Register', key('batched', randomBytes(32), group)));
      const [got, attributes] = await talk.batch(14, [
        { operation: 'Get', id: Buffer.from([1]), payload: [byIdentifier(identifier)] },
        { operation: 'GetAttributes', id: Buffer.from([2]), payload: [byIdentifier(identifier), item('AttributeName', 'Name'), item('AttributeName', 'Object Group')] },
      ], [item('MaximumResponseSize', 1_048_576), item('BatchOrderOption', true)]);
      assert.equal(identifierOf(payloadOf(got)), identifier);
      assert.equal(findAll(payloadOf(attributes), 'Attribute').length, 2);
    }, { tls: { servername: 'localhost' } });
  });

  test('kmipclient at 2.0 gets a reasoned refusal for its wrongly tagged Attribute Reference, and falls back', async () => {
    await site.once(scope, async (talk) => {
      const identifier = identifierOf(await talk.must(14, 'Register', key('referenced', randomBytes(32), group)));
      const wrong = [byIdentifier(identifier), item(0x420005, [item('VendorIdentification', ''), item('AttributeName', 'Name')])];
      const [refused] = await talk.exchange(encode(request(20, [{ operation: 'GetAttributes', payload: wrong }])));
      assertRefused(refused, 'InvalidMessage', 'InvalidField', 'FeatureNotSupported');
      const [textual] = await talk.exchange(encode(request(20, [{ operation: 'GetAttributes', payload: [byIdentifier(identifier), item('AttributeName', 'Name')] }])));
      if (!textual!.ok) {
        assertRefused(textual, 'InvalidMessage', 'InvalidField', 'FeatureNotSupported');
        const all = await talk.must(20, 'GetAttributes', [byIdentifier(identifier)]);
        assert.equal(find(all, 'Attributes', 'Name', 'NameValue')!.value, 'referenced');
      }
    });
  });

  for (const mask of [12, 2108]) {
    test(`keyring_okv of MySQL Enterprise at 1.1 makes, uses and removes a key of mask ${mask}`, async () => {
      await site.once(`${scope}-okv`, async (talk) => {
        const okv = { header: [item('MaximumResponseSize', 280_000)] };
        const identifier = identifierOf(await talk.must(11, 'Create', [
          item('ObjectType', 'SymmetricKey'),
          item('TemplateAttribute', [
            attribute('Cryptographic Algorithm', 'AES', 0),
            attribute('Cryptographic Length', 256, 0),
            attribute('Cryptographic Usage Mask', mask, 0),
          ]),
        ], okv));
        await talk.must(11, 'Activate', [byIdentifier(identifier)], okv);
        assert.equal(materialOf(await talk.must(11, 'Get', [byIdentifier(identifier)], okv)).length, 32);
        await talk.must(11, 'Revoke', [byIdentifier(identifier), item('RevocationReason', [item('RevocationReasonCode', 'Unspecified')])], okv);
        await talk.must(11, 'Destroy', [byIdentifier(identifier)], okv);
        assertRefused(await talk.ask(11, 'Get', [byIdentifier(identifier)], okv), 'ItemNotFound');
      });
    });
  }
}
