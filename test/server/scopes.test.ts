/**
 * Two scopes never see each other's objects: no operation of one tells of an object of the other that it exists.
 *
 * Every operation that names an object is tried with a foreign identifier at 1.4 and 2.1, Locate with every filter that
 * fits, and streams with a foreign Correlation Value. Nothing may change at the owner's either.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test, { after, before } from 'node:test';
import { attribute, find, item } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import { assertRefused, byIdentifier, bytesOf, identifierOf, identifiersOf, materialOf, nameAttributeValue, Site } from '../e2e/talk.ts';
import type { Talk } from '../e2e/talk.ts';

const site = new Site();
before(() => site.start());
after(() => site.stop());

const parameters = item('CryptographicParameters', [item('BlockCipherMode', 'CBC'), item('PaddingMethod', 'PKCS5'), item('CryptographicAlgorithm', 'AES')]);
const revocation = item('RevocationReason', [item('RevocationReasonCode', 'KeyCompromise')]);
const shared = 'a name that both use';

async function makeKey(talk: Talk, name?: string): Promise<string> {
  const named = name === undefined ? [] : [attribute('Name', nameAttributeValue(name))];
  const identifier = identifierOf(await talk.must(14, 'Create', [
    item('ObjectType', 'SymmetricKey'),
    item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12 | 16 | 32), ...named, attribute('x-Owner', 'alpha')]),
  ]));
  await talk.must(14, 'Activate', [byIdentifier(identifier)]);
  return identifier;
}

const operations: readonly [operation: string, versions: readonly number[], payload: (identifier: string, version: number) => Item[]][] = [
  ['Get', [10, 14, 21], (each) => [byIdentifier(each)]],
  ['GetAttributes', [10, 14, 21], (each) => [byIdentifier(each)]],
  ['GetAttributeList', [14, 21], (each) => [byIdentifier(each)]],
  ['Activate', [14, 21], (each) => [byIdentifier(each)]],
  ['Revoke', [14, 21], (each) => [byIdentifier(each), revocation]],
  ['Destroy', [14, 21], (each) => [byIdentifier(each)]],
  ['Check', [14, 21], (each) => [byIdentifier(each), item('CryptographicUsageMask', 4)]],
  ['Encrypt', [12, 14, 21], (each) => [byIdentifier(each), parameters, item('Data', Buffer.alloc(16)), item('IVCounterNonce', Buffer.alloc(16))]],
  ['Decrypt', [12, 14, 21], (each) => [byIdentifier(each), parameters, item('Data', Buffer.alloc(16)), item('IVCounterNonce', Buffer.alloc(16))]],
  ['AddAttribute', [14, 21], (each, version) => [byIdentifier(each), version < 20 ? attribute('Contact Information', 'x') : item('NewAttribute', [item('ContactInformation', 'x')])]],
  ['ModifyAttribute', [14, 21], (each, version) => [byIdentifier(each), version < 20 ? attribute('x-Owner', 'beta') : item('NewAttribute', [item('ContactInformation', 'x')])]],
  ['DeleteAttribute', [14, 21], (each, version) => [byIdentifier(each), version < 20 ? item('AttributeName', 'x-Owner') : item('AttributeReference', 0x420053, 'Enumeration')]],
  ['SetAttribute', [20, 21], (each) => [byIdentifier(each), item('NewAttribute', [item('ContactInformation', 'x')])]],
];

for (const [operation, versions, payload] of operations) {
  test(`${operation} of another scope's object is not found, and changes nothing`, async () => {
    const owner = await site.talk('alpha');
    const identifier = await makeKey(owner);
    const before = await owner.must(14, 'GetAttributes', [byIdentifier(identifier)]);
    const other = await site.talk('beta');
    for (const version of versions) {
      const refused = await other.ask(version, operation, payload(identifier, version));
      assertRefused(refused, 'ItemNotFound', 'ObjectNotFound');
      const missing = await other.ask(version, operation, payload('no-such-object', version));
      assert.equal(refused.reason, missing.reason, 'the reason tells a foreign object from a missing one');
      assert.equal(refused.message!.replaceAll(identifier, 'ID'), missing.message!.replaceAll('no-such-object', 'ID'), 'the message tells a foreign object from a missing one');
    }
    assert.deepEqual(await owner.must(14, 'GetAttributes', [byIdentifier(identifier)]), before);
    await owner.close();
    await other.close();
  });
}

test('Locate of one scope never lists objects of another, whatever the filter', async () => {
  const owner = await site.talk('locate-alpha');
  const identifier = await makeKey(owner, shared);
  const other = await site.talk('locate-beta');
  const filters: Item[][] = [
    [], [attribute('Name', nameAttributeValue(shared))], [attribute('Object Type', 'SymmetricKey')], [attribute('Cryptographic Algorithm', 'AES')], [attribute('State', 'Active')],
    [attribute('Unique Identifier', identifier)], [attribute('x-Owner', 'alpha')], [item('StorageStatusMask', 3), attribute('Object Type', 'SymmetricKey')],
  ];
  for (const filter of filters) {
    assert.deepEqual(identifiersOf(await other.must(14, 'Locate', filter)), []);
    assert.deepEqual(identifiersOf(await owner.must(14, 'Locate', filter)), [identifier]);
  }
  const same = await makeKey(other, shared);
  assert.deepEqual(identifiersOf(await other.must(14, 'Locate', [attribute('Name', nameAttributeValue(shared))])), [same], 'both scopes may use one name');
  await owner.close();
  await other.close();
});

test("a key of another scope does not wrap one's own", async () => {
  const owner = await site.talk('wrap-alpha');
  const wrapper = await makeKey(owner);
  const other = await site.talk('wrap-beta');
  const own = await makeKey(other);
  const specification = (uid: string): Item => item('KeyWrappingSpecification', [
    item('WrappingMethod', 'Encrypt'),
    item('EncryptionKeyInformation', [item('UniqueIdentifier', uid), item('CryptographicParameters', [item('BlockCipherMode', 'NISTKeyWrap')])]),
    item('EncodingOption', 'NoEncoding'),
  ]);
  assertRefused(await other.ask(14, 'Get', [byIdentifier(own), specification(wrapper)]), 'ItemNotFound', 'WrappingObjectNotFound');
  await owner.close();
  await other.close();
});

test('a Correlation Value is worth nothing to another scope, another key or another operation', async () => {
  const owner = await site.talk('stream-alpha');
  const identifier = await makeKey(owner);
  const second = await makeKey(owner);
  const other = await site.talk('stream-beta');
  const foreign = await makeKey(other);
  const begin = async (): Promise<Item> => {
    const payload = await owner.must(14, 'Encrypt', [byIdentifier(identifier), parameters, item('Data', randomBytes(20)), item('IVCounterNonce', Buffer.alloc(16)), item('InitIndicator', true)]);
    return find(payload, 'CorrelationValue')!;
  };
  const correlation = await begin();
  const next = (uid: string, value: Item): Item[] => [byIdentifier(uid), item('Data', randomBytes(20)), value, item('FinalIndicator', true)];
  const wrong: [who: Talk, operation: string, payload: Item[]][] = [
    [other, 'Encrypt', next(identifier, correlation)],
    [other, 'Encrypt', next(foreign, correlation)],
    [owner, 'Encrypt', next(second, correlation)],
    [owner, 'Decrypt', next(identifier, correlation)],
  ];
  for (const [who, operation, payload] of wrong) {
    const refused = await who.ask(14, operation, payload);
    assert.ok(!refused.ok, `${operation} went on with a foreign Correlation Value`);
  }
  const spoiled = bytesOf(correlation);
  for (let index = 0; index < spoiled.length; index += 5) {
    const changed = Buffer.from(spoiled);
    changed[index]! ^= 0x10;
    assert.ok(!(await owner.ask(14, 'Encrypt', next(identifier, item('CorrelationValue', changed)))).ok, `byte ${index} changed and not noticed`);
  }
  await owner.must(14, 'Encrypt', next(identifier, correlation));
  assert.equal(materialOf(await owner.must(14, 'Get', [byIdentifier(identifier)])).length, 32);
  await owner.close();
  await other.close();
});
