/**
 * Text of a message for people: names for numbers, and no secret unless asked.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { dump } from '../../src/codec/dump.ts';
import { attribute, encode, item } from '../harness/wire.ts';

const tree = item('RequestMessage', [
  item('BatchItem', [
    item('Operation', 3),
    item('RequestPayload', [
      item('ObjectType', 2),
      item('TemplateAttribute', [attribute('Cryptographic Usage Mask', 0x4000000c), attribute('State', 2), attribute('Activation Date', 0n)]),
      item('AttributeReference', 0x42008d, 'Enumeration'),
      item('SymmetricKey', [item('KeyBlock', [item('KeyValue', [item('KeyMaterial', [item('Key', Buffer.from('secretsecret'))])])])]),
      item('Username', 'a\u001b[31m\u202e'),
      item('Password', 'hunter2'),
      item(0x540001, 'x', 'TextString'),
    ]),
  ]),
]);

test('a dump names tags, enumeration values and mask bits, also those of attribute values', () => {
  const text = dump(encode(tree));
  assert.match(text, /^RequestMessage\n {2}BatchItem\n {4}Operation +Enumeration +Register\n/);
  assert.match(text, /AttributeValue +Integer +Encrypt Decrypt 0x40000000\n/);
  assert.match(text, /AttributeValue +Enumeration +Active\n/);
  assert.match(text, /AttributeValue +DateTime +1970-01-01T00:00:00.000Z\n/);
  assert.match(text, /AttributeReference +Enumeration +State\n/);
  assert.match(text, /0x540001 +TextString +"x"\n/);
});

test('secrets show their length only, unless asked for', () => {
  const text = dump(encode(tree));
  assert.doesNotMatch(text, /hunter2/);
  assert.doesNotMatch(text, /736563726574/);
  assert.match(text, /Key +ByteString +<12 bytes hidden>/);
  assert.match(text, /Password +TextString +<7 bytes hidden>/);
  const open = dump(encode(tree), { secrets: true });
  assert.match(open, /hunter2/);
  assert.match(open, /736563726574/);
});

test('control characters of texts never reach a terminal', () => {
  const text = dump(encode(tree));
  assert.match(text, /"a\\u001b\[31m\\u202e"/);
});
