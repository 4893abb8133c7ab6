/**
 * The test's own codec against the examples of the specification (KMIP 1.4 §9.1.2), and its text form against itself.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { attribute, decode, encode, find, item, parse, print, request } from './wire.ts';

const hex = (text: string): Buffer => Buffer.from(text.replace(/[^0-9a-f]/gi, ''), 'hex');

const examples: readonly [name: string, bytes: string][] = [
  ['Integer', '42 0020 | 02 | 00000004 | 00000008 00000000'],
  ['Long Integer', '42 0020 | 03 | 00000008 | 01B69B4BA5749200'],
  ['Big Integer', '42 0020 | 04 | 00000010 | 0000000003FD35EB6BC2DF4618080000'],
  ['Enumeration', '42 0020 | 05 | 00000004 | 000000FF 00000000'],
  ['Boolean', '42 0020 | 06 | 00000008 | 0000000000000001'],
  ['Text String', '42 0020 | 07 | 0000000B | 48656C6C6F20576F726C640000000000'],
  ['Byte String', '42 0020 | 08 | 00000003 | 0102030000000000'],
  ['Date-Time', '42 0020 | 09 | 00000008 | 0000000047DA67F8'],
  ['Interval', '42 0020 | 0A | 00000004 | 000D2F00 00000000'],
  ['Structure', '42 0020 | 01 | 00000020 | 42 0004 | 05 | 00000004 | 000000FE 00000000 | 42 0005 | 02 | 00000004 | 000000FF 00000000'],
];

for (const [name, bytes] of examples) {
  test(`the specification's example of ${name} decodes and encodes to itself`, () => {
    assert.deepEqual(encode(decode(hex(bytes))), hex(bytes));
  });
}

const malformed: readonly [what: string, bytes: string][] = [
  ['an Integer of length 8', '42 0020 | 02 | 00000008 | 00000008 00000000'],
  ['padding that is not zero', '42 0020 | 02 | 00000004 | 00000008 00000001'],
  ['a Boolean of 2', '42 0020 | 06 | 00000008 | 0000000000000002'],
  ['text that is not UTF-8', '42 0020 | 07 | 00000001 | FF00000000000000'],
  ['a child longer than its parent', '42 0020 | 01 | 00000008 | 42 0004 | 05 | 00000004'],
  ['an unknown item type', '42 0020 | 0C | 00000000'],
  ['truncation', '42 0020 | 02 | 00000004 | 00000008'],
  ['bytes after the item', '42 0020 | 08 | 00000000 | 00'],
];
for (const [what, bytes] of malformed) {
  test(`${what} is refused`, () => assert.throws(() => decode(hex(bytes)), /TTLV at offset|not valid/));
}

test('a printed message parses to the same bytes', () => {
  const message = request(14, [
    {
      operation: 'Create',
      id: hex('01'),
      payload: [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [
          attribute('Cryptographic Algorithm', 'AES'),
          attribute('Cryptographic Usage Mask', 'Encrypt Decrypt'),
          attribute('Name', [item('NameValue', 'a "quoted"\n name '), item('NameType', 'UninterpretedTextString')]),
          attribute('Activation Date', 1_700_000_000n),
          attribute('x-ID', 'own'),
        ]),
      ],
    },
    { operation: 'Encrypt', payload: [item('Data', hex('00ff')), item('IVCounterNonce', Buffer.alloc(0))] },
  ]);
  const text = print(message);
  assert.match(text, /AttributeValue:Integer Encrypt Decrypt/);
  assert.deepEqual(encode(parse(text)), encode(message));
  assert.equal(find(decode(encode(message)), 'RequestHeader', 'BatchCount')?.value, 2);
});
