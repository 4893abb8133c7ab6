/**
 * The checklist of traps for a KMIP server (client study, section 17), each point a named test on a live server.
 *
 * Points that other files prove in depth (TLS in tls.test.ts, coherence and durability in test/server) are held here
 * only as far as one server and a few messages show them.
 */
import assert from 'node:assert/strict';
import { createDecipheriv, randomBytes } from 'node:crypto';
import test, { after, before } from 'node:test';
import { attribute, encode, find, findAll, item, request } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import { makeCorpus } from '../fuzz/corpus.ts';
import { recordLimit } from './answer-shape.ts';
import { answersOf, assertRefused, byIdentifier, bytesOf, identifierOf, identifiersOf, materialOf, nameAttributeValue, payloadOf, Site } from './talk.ts';
import type { Talk } from './talk.ts';

const site = new Site();
/** Ceph keeps connections for five seconds; this one is opened first and looked at when the other points are through. */
const idleMs = 5500;
let idle: Talk;
let idleSince = 0;
before(async () => {
  await site.start();
  idle = await site.talk(scope);
  await idle.must(10, 'DiscoverVersions', []);
  assertRefused(await idle.ask(14, 'Get', [byIdentifier('missing')]), 'ItemNotFound');
  idleSince = performance.now();
});
after(() => site.stop());

const scope = 'checklist';
const versions = [10, 11, 12, 13, 14, 20, 21];
const on = (body: (talk: Talk) => Promise<void>, name = scope) => () => site.once(name, body);
const text = (version: number): string => `${Math.trunc(version / 10)}.${version % 10}`;

/** An AES key in the words of the version: Template-Attribute before 2.0, Attributes from 2.0 on. */
function keyTemplate(version: number, ...more: readonly [title: string, value: string | number | bigint | Item[]][]): Item[] {
  const all: [string, string | number | bigint | Item[]][] = [['Cryptographic Algorithm', 'AES'], ['Cryptographic Length', 256], ['Cryptographic Usage Mask', 12], ...more];
  const holder = version < 20
    ? item('TemplateAttribute', all.map(([title, value]) => attribute(title, value)))
    : item('Attributes', all.map(([title, value]) => item(title.replaceAll(' ', '') as 'Name', value)));
  return [item('ObjectType', 'SymmetricKey'), holder];
}

const create = async (talk: Talk, version = 14, ...more: readonly [title: string, value: string | number | bigint | Item[]][]): Promise<string> =>
  identifierOf(await talk.must(version, 'Create', keyTemplate(version, ...more)));

const cbc = item('CryptographicParameters', [item('BlockCipherMode', 'CBC'), item('PaddingMethod', 'PKCS5'), item('CryptographicAlgorithm', 'AES')]);
const registration = (material: Buffer, template: Item | undefined, block: readonly Item[] = [item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', material.length * 8)]): (Item | undefined)[] => [
  item('ObjectType', 'SymmetricKey'), template,
  item('SymmetricKey', [item('KeyBlock', [item('KeyFormatType', 'Raw'), item('KeyValue', [item('KeyMaterial', material)]), ...block])]),
];

test('1. the version belongs to the message: one connection and one object take them all, in success and in failure', on(async (talk) => {
  const identifier = await create(talk, 12);
  for (const version of [...versions, ...versions.toReversed()]) {
    await talk.must(version, 'Get', [byIdentifier(identifier)]);
    const refused = await talk.ask(version, 'Get', [byIdentifier('missing')]);
    assertRefused(refused, 'ItemNotFound', 'ObjectNotFound');
  }
}));

test('2. an object is read at a version other than its own with what that version knows', on(async (talk) => {
  for (const made of versions) {
    const identifier = await create(talk, made, ['Name', nameAttributeValue(`made at ${made}`)]);
    for (const read of versions) {
      await talk.must(read, 'GetAttributes', [byIdentifier(identifier)]);
      assert.equal(materialOf(await talk.must(read, 'Get', [byIdentifier(identifier)])).length, 32);
    }
  }
}));

const lenient: [what: string, version: number, payload: (Item | undefined)[], header?: Item[]][] = [
  ['usage mask 0', 12, registration(randomBytes(32), item('TemplateAttribute', [attribute('Cryptographic Usage Mask', 0)]))],
  ['no usage mask', 12, registration(randomBytes(32), item('TemplateAttribute', [attribute('Name', nameAttributeValue('no mask'))]))],
  ['an empty Template-Attribute', 10, registration(randomBytes(32), item('TemplateAttribute'))],
  ['no Name', 14, registration(randomBytes(32), item('TemplateAttribute', [attribute('Cryptographic Usage Mask', 12)]))],
  ['a zero-length text', 14, registration(randomBytes(32), item('TemplateAttribute', [attribute('Cryptographic Usage Mask', 12), attribute('Object Group', '')]))],
  ['Attribute Index 0', 11, registration(randomBytes(32), item('TemplateAttribute', [attribute('Cryptographic Usage Mask', 12, 0), attribute('Name', nameAttributeValue('indexed'), 0)]))],
  ['an empty user name and password', 10, registration(randomBytes(32), item('TemplateAttribute')), [item('Authentication', [item('Credential', [item('CredentialType', 'UsernameAndPassword'), item('CredentialValue', [item('Username', ''), item('Password', '')])])])]],
];
for (const [what, version, payload, header] of lenient) {
  test(`3. Register takes ${what}`, on(async (talk) => {
    const identifier = identifierOf(await talk.must(version, 'Register', payload, header === undefined ? {} : { header }));
    assert.equal(materialOf(await talk.must(version, 'Get', [byIdentifier(identifier)])).length, 32);
    await talk.must(version, 'Activate', [byIdentifier(identifier)]);
  }));
}

test('3. Register takes a Key Compression Type on an AES key', on(async (talk) => {
  const material = randomBytes(32);
  const block = item('KeyBlock', [item('KeyFormatType', 'Raw'), item('KeyCompressionType', 1, 'Enumeration'), item('KeyValue', [item('KeyMaterial', material)]), item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', 256)]);
  const identifier = identifierOf(await talk.must(14, 'Register', [item('ObjectType', 'SymmetricKey'), item('TemplateAttribute'), item('SymmetricKey', [block])]));
  assert.deepEqual(materialOf(await talk.must(10, 'Get', [byIdentifier(identifier)])), material);
}));

test('4. an error answer has operation, batch item id, reason and message; no correlation value comes unasked', on(async (talk) => {
  for (const version of versions) {
    const refused = await talk.ask(version, 'Get', [byIdentifier('missing')], { id: Buffer.from('c0ffee', 'hex') });
    assert.deepEqual(Buffer.from(refused.id!), Buffer.from('c0ffee', 'hex'));
  }
  // With a client's correlation value the server may return its own; assertAnswerShape takes it then, and only then.
  await talk.must(14, 'Query', [item('QueryFunction', 'QueryOperations')], { header: [item('ClientCorrelationValue', 'mine')] });
}));

test('5. every operation of every version is answered in the order of the specification, zero-padded, without a field too many', on(async (talk) => {
  const corpus = await makeCorpus(talk);
  for (const message of corpus) await talk.exchange(message); // assertAnswerShape is what looks
  assert.ok(corpus.length > 150);
}, 'checklist-5'));

test('6. a request in any pieces, or several in one, is answered whole and in order, one record an answer', on(async (talk) => {
  const identifier = await create(talk);
  const bytes = encode(request(14, [{ operation: 'Get', payload: [byIdentifier(identifier)] }]));
  for (const pieces of [[1], [3, 5], [8], [9], Array.from({ length: 20 }, () => 7), [bytes.length - 1]]) payloadOf((await talk.exchange(bytes, pieces))[0]);
  const before = talk.wire.records.length;
  await talk.wire.send(Buffer.concat([bytes, bytes, bytes, bytes.subarray(0, 20)]));
  await talk.wire.send(bytes.subarray(20));
  const answers: Buffer[] = [];
  for (let count = 0; count < 4; count += 1) answers.push(await talk.wire.receive());
  assert.deepEqual(talk.wire.records.slice(before), answers.map((each) => each.length));
}));

test(`6. an answer of nearly ${recordLimit} bytes is one record, a longer one fills its records`, on(async (talk) => {
  for (const length of [1000, 16_000, 40_000]) {
    const payload = [item('ObjectType', 'OpaqueObject'), item('TemplateAttribute'), item('OpaqueObject', [item('OpaqueDataType', 0x8000_0001, 'Enumeration'), item('OpaqueDataValue', randomBytes(length))])];
    const identifier = identifierOf(await talk.must(14, 'Register', payload));
    const got = await talk.must(14, 'Get', [byIdentifier(identifier)]);
    assert.equal(bytesOf(find(got, 'OpaqueObject', 'OpaqueDataValue')).length, length);
  }
}));

test('7. an answer above the Maximum Response Size is Response Too Large instead', on(async (talk) => {
  const payload = [item('ObjectType', 'OpaqueObject'), item('TemplateAttribute'), item('OpaqueObject', [item('OpaqueDataType', 0x8000_0001, 'Enumeration'), item('OpaqueDataValue', randomBytes(9000))])];
  const identifier = identifierOf(await talk.must(14, 'Register', payload));
  for (const size of [256, 8000, 8192]) assertRefused(await talk.ask(14, 'Get', [byIdentifier(identifier)], { header: [item('MaximumResponseSize', size)] }), 'ResponseTooLarge');
  for (const size of [65_536, 280_000, 1_048_576]) await talk.must(14, 'Get', [byIdentifier(identifier)], { header: [item('MaximumResponseSize', size)] });
}));

test('8. Located Items is the total, Maximum Items and Offset Items page, destroyed objects are gone', on(async (talk) => {
  const group = attribute('Object Group', 'eight');
  const made: string[] = [];
  for (let count = 0; count < 7; count += 1) made.push(await create(talk, 14, ['Object Group', 'eight']));
  const page = async (version: number, ...more: Item[]): Promise<{ found: string[]; total: unknown }> => {
    const payload = await talk.must(version, 'Locate', [...more, group]);
    return { found: identifiersOf(payload), total: find(payload, 'LocatedItems')?.value };
  };
  assert.deepEqual(new Set((await page(14)).found), new Set(made));
  const first = await page(14, item('MaximumItems', 3));
  const second = await page(14, item('MaximumItems', 3), item('OffsetItems', 3));
  const third = await page(14, item('MaximumItems', 3), item('OffsetItems', 6));
  assert.deepEqual([first.found.length, second.found.length, third.found.length], [3, 3, 1]);
  assert.equal(new Set([...first.found, ...second.found, ...third.found]).size, 7);
  for (const { total } of [first, second, third]) assert.ok(total === undefined || total === 7, `Located Items ${String(total)}`);
  assert.equal((await page(10, item('MaximumItems', 3), item('OffsetItems', 6))).found.length, 1, 'Offset Items at 1.0 (kmippp)');
  await talk.must(14, 'Destroy', [byIdentifier(made[0]!)]);
  assert.ok(!(await page(14)).found.includes(made[0]!));
}, 'checklist-8'));

test('9. Discover Versions is the intersection, newest first, and is answered at any header version', on(async (talk) => {
  const protocol = (version: number): Item => item('ProtocolVersion', [item('ProtocolVersionMajor', Math.trunc(version / 10)), item('ProtocolVersionMinor', version % 10)]);
  const listed = (payload: Item): number[] => findAll(payload, 'ProtocolVersion').map((each) => Number(find(each, 'ProtocolVersionMajor')!.value) * 10 + Number(find(each, 'ProtocolVersionMinor')!.value));
  for (const version of versions) {
    assert.deepEqual(listed(await talk.must(version, 'DiscoverVersions', [])), versions.toReversed(), `at ${text(version)}`);
    assert.deepEqual(listed(await talk.must(version, 'DiscoverVersions', [protocol(14)])), [14]);
    assert.deepEqual(listed(await talk.must(version, 'DiscoverVersions', [protocol(30), protocol(12), protocol(10)])), [12, 10]);
    assert.deepEqual(listed(await talk.must(version, 'DiscoverVersions', [protocol(30)])), []);
  }
}));

test('10. an absent attribute is success with the identifier alone, and one name asked gives that one', on(async (talk) => {
  const identifier = await create(talk);
  for (const version of [10, 12, 14]) {
    for (const name of ['x-Nothing', 'Contact Information', 'Name']) assert.equal((await talk.must(version, 'GetAttributes', [byIdentifier(identifier), item('AttributeName', name)])).children!.length, 1);
    const one = await talk.must(version, 'GetAttributes', [byIdentifier(identifier), item('AttributeName', 'State')]);
    assert.equal(findAll(one, 'Attribute').length, 1);
  }
}));

test('11. Get and Destroy work on a Pre-Active object; a revoked one is destroyed; an Active one is not', on(async (talk) => {
  const first = await create(talk);
  await talk.must(14, 'Get', [byIdentifier(first)]);
  await talk.must(14, 'Destroy', [byIdentifier(first)]);
  for (const code of ['Unspecified', 'CessationOfOperation'] as const) {
    const identifier = await create(talk);
    await talk.must(14, 'Activate', [byIdentifier(identifier)]);
    assertRefused(await talk.ask(14, 'Destroy', [byIdentifier(identifier)]), 'PermissionDenied', 'IllegalOperation', 'WrongKeyLifecycleState');
    await talk.must(14, 'Revoke', [byIdentifier(identifier), item('RevocationReason', [item('RevocationReasonCode', code)])]);
    await talk.must(14, 'Destroy', [byIdentifier(identifier)]);
  }
}));

test('12. a missing key and a key of another scope are the same Item Not Found', async () => {
  const identifier = await site.once('checklist-mine', (talk) => create(talk));
  await site.once('checklist-other', async (talk) => {
    const messages: string[] = [];
    for (const each of [identifier, identifier.replace(/.$/, (last) => (last === '0' ? '1' : '0'))]) {
      const refused = await talk.ask(14, 'Get', [byIdentifier(each)]);
      assertRefused(refused, 'ItemNotFound');
      messages.push(refused.message!.replaceAll(each, 'ID'));
    }
    assert.equal(messages[0], messages[1], 'the message tells which of the two it is');
  });
});

test('13. the ID Placeholder goes through a batch; Stop, Continue and Undo do what they say', on(async (talk) => {
  const batch = (option: string | undefined): Promise<ReturnType<typeof answersOf>> => talk.batch(14, [
    { operation: 'Create', id: Buffer.from([1]), payload: keyTemplate(14, ['Object Group', `option ${option}`]) },
    { operation: 'Get', id: Buffer.from([2]), payload: [byIdentifier('missing')] },
    { operation: 'Query', id: Buffer.from([3]), payload: [item('QueryFunction', 'QueryObjects')] },
  ], option === undefined ? [] : [item('BatchErrorContinuationOption', option)]);
  const made = async (option: string | undefined): Promise<number> => identifiersOf(await talk.must(14, 'Locate', [attribute('Object Group', `option ${option}`)])).length;
  for (const option of [undefined, 'Stop']) {
    const stopped = await batch(option);
    assert.deepEqual(stopped.map((each) => each.ok), [true, false], 'Stop: nothing after the failure');
    assert.equal(await made(option), 1);
  }
  assert.deepEqual((await batch('Continue')).map((each) => each.ok), [true, false, true]);
  assert.equal(await made('Continue'), 1);
  await batch('Undo');
  assert.equal(await made('Undo'), 0, 'Undo takes back what was done');
  const [created, activated, got] = await talk.batch(14, [
    { operation: 'Create', id: Buffer.from([1]), payload: keyTemplate(14) },
    { operation: 'Activate', id: Buffer.from([2]), payload: [] },
    { operation: 'Get', id: Buffer.from([3]), payload: [] },
  ], [item('BatchOrderOption', true)]);
  assert.equal(identifierOf(payloadOf(activated)), identifierOf(payloadOf(created)));
  assert.equal(identifierOf(payloadOf(got)), identifierOf(payloadOf(created)));
}));

test('16. an old or a future Time Stamp is no reason to refuse', on(async (talk) => {
  for (const stamp of [0n, 1_000_000_000n, 4_000_000_000n]) await talk.must(14, 'Query', [item('QueryFunction', 'QueryObjects')], { header: [item('TimeStamp', stamp)] });
}));

test('17. Modify Attribute answers with the attribute as it is now', on(async (talk) => {
  const identifier = await create(talk, 14, ['Contact Information', 'before']);
  const payload = await talk.must(14, 'ModifyAttribute', [byIdentifier(identifier), attribute('Contact Information', 'after')]);
  assert.equal(find(payload, 'Attribute', 'AttributeValue')!.value, 'after');
  assert.equal(find(await talk.must(14, 'GetAttributes', [byIdentifier(identifier), item('AttributeName', 'Contact Information')]), 'Attribute', 'AttributeValue')!.value, 'after');
}));

test('an Encrypt that the version lacks is refused and leaves the connection usable', on(async (talk) => {
  const identifier = await create(talk);
  for (const version of [10, 11]) {
    assertRefused(await talk.ask(version, 'Encrypt', [byIdentifier(identifier), cbc, item('Data', Buffer.alloc(16)), item('IVCounterNonce', Buffer.alloc(16))]), 'OperationNotSupported');
    await talk.must(version, 'Get', [byIdentifier(identifier)]);
  }
}));

test('a key wrapped by NIST key wrap unwraps with node:crypto to the key, and its Key Value is a Byte String (TC-141)', on(async (talk) => {
  const mode = item('CryptographicParameters', [item('BlockCipherMode', 'NISTKeyWrap')]);
  for (const version of [11, 12, 14, 21]) {
    const wrapper = identifierOf(await talk.must(14, 'Create', [
      item('ObjectType', 'SymmetricKey'),
      item('TemplateAttribute', [
        attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 16 | 32),
        attribute('Cryptographic Parameters', mode.children! as Item[]),
      ]),
    ]));
    await talk.must(14, 'Activate', [byIdentifier(wrapper)]);
    const identifier = await create(talk);
    const got = await talk.must(version, 'Get', [byIdentifier(identifier), item('KeyWrappingSpecification', [
      item('WrappingMethod', 'Encrypt'),
      item('EncryptionKeyInformation', [item('UniqueIdentifier', wrapper), mode]),
      item('EncodingOption', 'NoEncoding'),
    ])]);
    const block = find(got, 'SymmetricKey', 'KeyBlock');
    assert.equal(find(block, 'KeyWrappingData', 'EncryptionKeyInformation', 'UniqueIdentifier')!.value, wrapper);
    const oracle = createDecipheriv('id-aes256-wrap', materialOf(await talk.must(14, 'Get', [byIdentifier(wrapper)])), Buffer.alloc(8, 0xa6));
    const unwrapped = Buffer.concat([oracle.update(bytesOf(find(block, 'KeyValue'))), oracle.final()]);
    assert.deepEqual(unwrapped, materialOf(await talk.must(14, 'Get', [byIdentifier(identifier)])));
  }
}));

test('15. a connection stays open over idle seconds and after error answers', async () => {
  await new Promise((resolve) => setTimeout(resolve, idleSince + idleMs - performance.now()));
  assertRefused(await idle.ask(14, 'Get', [byIdentifier('missing')]), 'ItemNotFound');
  await idle.must(10, 'DiscoverVersions', []);
  await idle.close();
});
