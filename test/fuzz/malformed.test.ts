/**
 * The malformed-input table over a live connection: for each item type lengths 0, 1, n-1, n+1 and the greatest, bad
 * padding, wrong types, children longer than their parents, too deep, truncated at every byte.
 *
 * While framing holds the server answers each with a KMIP error and goes on with the next message of the same connection.
 * It closes only when framing is lost. A control of each kind, well-formed, must succeed: so the refusals are no accident.
 */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { ItemType } from '../../src/kmip/item-types.ts';
import type { ItemTypeName } from '../../src/kmip/item-types.ts';
import { Tag } from '../../src/kmip/tags.ts';
import { attribute, encode, item, request } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import { assertAnswerShape } from '../e2e/answer-shape.ts';
import { answersOf, assertRefused, byIdentifier, identifierOf, payloadOf, Site } from '../e2e/talk.ts';
import type { Answer, Talk } from '../e2e/talk.ts';
import { framed, placesOf, rawItem, rawStructure, splice } from './raw.ts';

const site = new Site();
let talk: Talk;
let identifier = '';
before(async () => {
  await site.start();
  talk = await site.talk('malformed');
  identifier = identifierOf(await talk.must(14, 'Create', [
    item('ObjectType', 'SymmetricKey'),
    item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12)]),
  ]));
});
after(async () => {
  await talk.close();
  await site.stop();
});

const codecReasons = ['InvalidMessage', 'InvalidField', 'CodecError', 'InvalidDataType', 'UnknownTag'];

/** The one answer to bytes whose outer length is right; it comes on the connection that all tests share. */
async function answerTo(bytes: Buffer): Promise<Answer> {
  await talk.wire.send(bytes);
  const answers = answersOf(assertAnswerShape(Buffer.alloc(0), await talk.wire.receive()));
  assert.equal(answers.length, 1);
  return answers[0]!;
}

async function assertMalformed(bytes: Buffer, what: string): Promise<void> {
  const answer = await answerTo(bytes);
  assert.ok(!answer.ok, `${what}: accepted`);
  assert.ok(codecReasons.includes(answer.reason!), `${what}: refused with ${answer.reason}: ${answer.message}`);
}

async function assertUsable(): Promise<void> {
  payloadOf((await talk.exchange(encode(request(14, [{ operation: 'Get', payload: [byIdentifier(identifier)] }]))))[0]);
}

const header = (version: number): Buffer => encode(request(version, [{ operation: 'Locate', payload: [] }]).children![0]!);
const operation = encode(item('Operation', 'Locate'));

/** A Locate by a custom attribute whose value is the given raw item: any type may stand there. */
function locate(version: number, value: Buffer): Buffer {
  const name = version < 20
    ? [encode(item('AttributeName', 'x-malformed'))]
    : [encode(item('VendorIdentification', 'x')), encode(item('AttributeName', 'malformed'))];
  const wrapped = rawStructure(Tag.Attribute, ...name, value);
  return rawStructure(Tag.RequestMessage, header(version), rawStructure(Tag.BatchItem, operation, rawStructure(Tag.RequestPayload, version < 20 ? wrapped : rawStructure(Tag.Attributes, wrapped))));
}

const fixed: Readonly<Record<string, number>> = { Integer: 4, LongInteger: 8, Enumeration: 4, Boolean: 8, DateTime: 8, Interval: 4, DateTimeExtended: 8 };
const greatest = [0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

for (const [name, length] of Object.entries(fixed) as [ItemTypeName, number][]) {
  const version = name === 'DateTimeExtended' ? 21 : 14;
  const value = Buffer.alloc(length);
  value[length - 1] = 1;
  test(`${name}: only length ${length} with zero padding is taken`, async () => {
    payloadOf(await answerTo(locate(version, rawItem(Tag.AttributeValue, ItemType[name], value))));
    for (const declared of [0, 1, length - 1, length + 1, 16, ...greatest]) await assertMalformed(locate(version, rawItem(Tag.AttributeValue, ItemType[name], value, declared)), `${name} of declared length ${declared}`);
    for (const actual of [0, 1, length - 1, length + 1, 16]) await assertMalformed(locate(version, rawItem(Tag.AttributeValue, ItemType[name], Buffer.alloc(actual))), `${name} of length ${actual}`);
    if (length === 4) await assertMalformed(locate(version, rawItem(Tag.AttributeValue, ItemType[name], value, 4, 0x01)), `${name} with padding that is not zero`);
    if (name === 'Boolean') for (const other of [2, 0x80, 0xff]) await assertMalformed(locate(version, rawItem(Tag.AttributeValue, ItemType.Boolean, Buffer.from([0, 0, 0, 0, 0, 0, 0, other]))), `Boolean ${other}`);
    await assertUsable();
  });
}

for (const name of ['TextString', 'ByteString', 'BigInteger'] as const) {
  const good = name === 'BigInteger' ? Buffer.from('0000000000000001', 'hex') : Buffer.from('hello');
  test(`${name}: declared lengths that do not fit and bad padding are refused`, async () => {
    payloadOf(await answerTo(locate(14, rawItem(Tag.AttributeValue, ItemType[name], good))));
    for (const declared of [good.length + 8, 4096, ...greatest]) await assertMalformed(locate(14, rawItem(Tag.AttributeValue, ItemType[name], good, declared)), `${name} of declared length ${declared}`);
    if (name === 'BigInteger') {
      for (const actual of [0, 1, 7, 9, 15]) await assertMalformed(locate(14, rawItem(Tag.AttributeValue, ItemType.BigInteger, Buffer.alloc(actual))), `Big Integer of length ${actual}`);
    } else {
      await assertMalformed(locate(14, rawItem(Tag.AttributeValue, ItemType[name], good, 4)), `${name} one shorter than its bytes: the rest is padding that is not zero`);
      await assertMalformed(locate(14, rawItem(Tag.AttributeValue, ItemType[name], good, good.length, 0xff)), `${name} with padding that is not zero`);
      payloadOf(await answerTo(locate(14, rawItem(Tag.AttributeValue, ItemType[name], Buffer.alloc(0)))));
    }
    await assertUsable();
  });
}

test('TextString: bytes that are not UTF-8 are refused', async () => {
  for (const hex of ['ff', 'c0af', 'eda080', 'f4908080', 'e282', '80', 'f8888080']) await assertMalformed(locate(14, rawItem(Tag.AttributeValue, ItemType.TextString, Buffer.from(hex, 'hex'))), `text ${hex}`);
  for (const text of ['é', '😀', '\u0000', '\uFFFD']) payloadOf(await answerTo(locate(14, rawItem(Tag.AttributeValue, ItemType.TextString, Buffer.from(text)))));
  await assertUsable();
});

test('Structure: a child that overruns its parent, and lengths that cut a header, are refused', async () => {
  const child = rawItem(Tag.AttributeName, ItemType.TextString, Buffer.from('x-one'));
  for (const declared of [1, 7, 8, child.length - 1, child.length + 1, child.length + 8, ...greatest]) await assertMalformed(locate(14, rawItem(Tag.AttributeValue, ItemType.Structure, child, declared)), `Structure of declared length ${declared}`);
  const whole = encode(request(14, [{ operation: 'Get', payload: [byIdentifier(identifier)] }]));
  for (const place of placesOf(whole).filter((each) => each.start > 0)) {
    for (const change of [-8, -1, 1, 8, 64]) {
      const bytes = Buffer.from(whole);
      bytes.writeUInt32BE((bytes.readUInt32BE(place.start + 4) + change) >>> 0, place.start + 4);
      const answer = await answerTo(bytes);
      // One shorter or longer inside the padding is another text, and may be another key's name: then it is not found.
      assert.ok(!answer.ok, `length at ${place.start} changed by ${change}: accepted`);
      assert.ok([...codecReasons, 'ItemNotFound'].includes(answer.reason!), `length at ${place.start} changed by ${change}: ${answer.reason}`);
    }
  }
  await assertUsable();
});

test('an item type that does not exist is refused', async () => {
  for (const type of [0x00, 0x0c, 0x42, 0x81, 0xff]) await assertMalformed(locate(14, rawItem(Tag.AttributeValue, type, Buffer.alloc(8))), `item type ${type}`);
  await assertUsable();
});

test('known fields of a wrong type are refused', async () => {
  const wrong: [operation: string, payload: Item[]][] = [
    ['Get', [item('UniqueIdentifier', Buffer.from(identifier), 'ByteString')]],
    ['Get', [item('UniqueIdentifier', 7, 'Integer')]],
    ['Get', [byIdentifier(identifier), item('KeyFormatType', 1, 'Integer')]],
    ['Create', [item('ObjectType', 2, 'Integer'), item('TemplateAttribute')]],
    ['Create', [item('ObjectType', 'SymmetricKey'), item('TemplateAttribute', 'text', 'TextString')]],
    ['Locate', [item('MaximumItems', 1n, 'LongInteger')]],
    ['Encrypt', [byIdentifier(identifier), item('Data', 'text', 'TextString')]],
    ['Encrypt', [byIdentifier(identifier), item('Data', Buffer.alloc(1)), item('InitIndicator', 1, 'Integer')]],
    ['Revoke', [byIdentifier(identifier), item('RevocationReason', 1, 'Enumeration')]],
    ['GetAttributes', [byIdentifier(identifier), item('AttributeName', Buffer.from('State'), 'ByteString')]],
  ];
  for (const [index, [name, payload]] of wrong.entries()) await assertMalformed(encode(request(14, [{ operation: name, payload }])), `${name} ${index}`);
  await assertUsable();
});

test('unknown, missing, doubled and foreign fields are refused', async () => {
  const whole = request(14, [{ operation: 'Get', payload: [byIdentifier(identifier)] }]);
  const payloads: [what: string, operation: string, payload: Item[]][] = [
    ['an unknown tag', 'Get', [byIdentifier(identifier), item(0x42_0fff, 1, 'Integer')]],
    ['a known tag that does not belong', 'Get', [byIdentifier(identifier), item('Data', Buffer.alloc(1))]],
    ['a field twice', 'Get', [byIdentifier(identifier), byIdentifier(identifier)]],
    ['a required field missing', 'Create', [item('TemplateAttribute')]],
  ];
  for (const [what, name, payload] of payloads) await assertMalformed(encode(request(14, [{ operation: name, payload }])), what);
  const parts = whole.children!;
  const messages: [what: string, message: Item][] = [
    ['no header', item('RequestMessage', [parts[1]!])],
    ['no batch item', item('RequestMessage', [parts[0]!])],
    ['nothing at all', item('RequestMessage')],
    ['two headers', item('RequestMessage', [parts[0]!, parts[0]!, parts[1]!])],
    ['a wrong batch count', item('RequestMessage', [item('RequestHeader', [...parts[0]!.children!.slice(0, 1), item('BatchCount', 2)]), parts[1]!])],
    ['no protocol version', item('RequestMessage', [item('RequestHeader', [item('BatchCount', 1)]), parts[1]!])],
    ['a response in place of a request', { ...whole, tag: Tag.ResponseMessage }],
  ];
  for (const [what, message] of messages) await assertMalformed(encode(message), what);
  await assertUsable();
});

test('a version that does not exist is refused in a version that does, and the connection goes on', async () => {
  for (const [major, minor] of [[0, 0], [1, 5], [1, -1], [2, 2], [3, 0], [99, 99], [-1, 0], [0x7fff_ffff, 0x7fff_ffff]] as const) {
    const message = item('RequestMessage', [
      item('RequestHeader', [item('ProtocolVersion', [item('ProtocolVersionMajor', major), item('ProtocolVersionMinor', minor)]), item('BatchCount', 1)]),
      item('BatchItem', [item('Operation', 'Query'), item('RequestPayload', [item('QueryFunction', 'QueryObjects')])]),
    ]);
    assertRefused(await answerTo(encode(message)), 'InvalidMessage', 'UnsupportedProtocolVersion');
  }
  await assertUsable();
});

test('structures nested too deep are refused, whatever the depth', async () => {
  for (const depth of [33, 64, 100, 1000, 20_000]) {
    let nested = Buffer.alloc(0) as Buffer;
    for (let level = 0; level < depth; level += 1) nested = rawStructure(Tag.AttributeValue, nested);
    await assertMalformed(locate(14, nested), `depth ${depth}`);
  }
  await assertUsable();
});

test('a message cut at every byte, its outer length made to fit, is refused each time and never ends the connection', async () => {
  const whole = encode(request(14, [
    { operation: 'Get', id: Buffer.from([1, 2, 3]), payload: [byIdentifier(identifier)] },
    { operation: 'Encrypt', payload: [byIdentifier(identifier), item('CryptographicParameters', [item('BlockCipherMode', 'CBC')]), item('Data', Buffer.alloc(5)), item('IVCounterNonce', Buffer.alloc(16))] },
  ], [item('MaximumResponseSize', 4096), item('TimeStamp', 1n)]));
  for (let length = 8; length < whole.length; length += 1) await assertMalformed(framed(whole.subarray(0, length)), `cut at ${length}`);
  await assertUsable();
});

test('a message cut at every byte by a client that goes away harms nobody', async () => {
  const whole = encode(request(14, [{ operation: 'Get', payload: [byIdentifier(identifier)] }]));
  for (let length = 0; length < whole.length; length += 9) {
    const other = await site.talk('malformed');
    await other.wire.send(whole.subarray(0, length));
    other.wire.socket.destroy();
  }
  await assertUsable();
});

test('a batch of too many items is refused', async () => {
  const items = Array.from({ length: 20_000 }, () => ({ operation: 'Query', payload: [] }));
  const [refused] = answersOf(assertAnswerShape(Buffer.alloc(0), await (async () => { await talk.wire.send(encode(request(14, items))); return talk.wire.receive(); })()));
  assert.ok(!refused!.ok, 'twenty thousand items were accepted');
  await assertUsable();
});

test('a doubled or deleted item anywhere gets an answer, and the connection goes on', async () => {
  const whole = encode(request(14, [{ operation: 'Encrypt', id: Buffer.from([9]), payload: [byIdentifier(identifier), item('CryptographicParameters', [item('BlockCipherMode', 'CBC'), item('PaddingMethod', 'PKCS5')]), item('Data', Buffer.alloc(5)), item('IVCounterNonce', Buffer.alloc(16))] }]));
  for (const place of placesOf(whole).filter((each) => each.start > 0)) {
    await answerTo(splice(whole, place.start, place.end, Buffer.alloc(0)));
    await answerTo(splice(whole, place.start, place.start, whole.subarray(place.start, place.end)));
  }
  await assertUsable();
});
