/**
 * "Who breaks on what" as tests of the checker: a good answer passes, and each way of spoiling it that broke a real client
 * (the table of the client study, each row proved against the client named) makes assertAnswerShape fail.
 *
 * The flows then hold the server to the same function in every answer.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { encode, find, item, request } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import { assertAnswerShape } from './answer-shape.ts';

const id = Buffer.from('a1b2', 'hex');
const now = (): Item => item('TimeStamp', BigInt(Math.floor(Date.now() / 1000)));
const protocol = (version: number): Item => item('ProtocolVersion', [item('ProtocolVersionMajor', Math.trunc(version / 10)), item('ProtocolVersionMinor', version % 10)]);

interface Parts { version?: number; header?: Item[]; itemFields?: Item[]; payload?: Item[] }

function answer({ version = 14, header, itemFields, payload = [item('UniqueIdentifier', 'one')] }: Parts = {}): Buffer {
  return encode(item('ResponseMessage', [
    item('ResponseHeader', header ?? [protocol(version), now(), item('BatchCount', 1)]),
    item('BatchItem', itemFields ?? [item('Operation', 'Activate'), item('UniqueBatchItemID', id), item('ResultStatus', 'Success'), item('ResponsePayload', payload)]),
  ]));
}

const asked = (version = 14, operation = 'Activate', header: Item[] = [], payload: Item[] = [item('UniqueIdentifier', 'one')]): Buffer =>
  encode(request(version, [{ operation, id, payload }], header));
const getItem = (...block: Item[]): Item[] => [
  item('Operation', 'Get'), item('UniqueBatchItemID', id), item('ResultStatus', 'Success'),
  item('ResponsePayload', [item('ObjectType', 'SymmetricKey'), item('UniqueIdentifier', 'one'), item('SymmetricKey', [item('KeyBlock', block)])]),
];
const raw = item('KeyFormatType', 'Raw');
const keyValue = (...more: Item[]): Item => item('KeyValue', [item('KeyMaterial', Buffer.alloc(16)), ...more]);
const aes = [item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', 128)];

test('a good answer passes', () => {
  const good = answer();
  assertAnswerShape(asked(), good, [good.length]);
  assertAnswerShape(asked(14, 'Get'), answer({ itemFields: getItem(raw, keyValue(), ...aes) }));
  const failure = [item('Operation', 'Activate'), item('UniqueBatchItemID', id), item('ResultStatus', 'OperationFailed'), item('ResultReason', 'ItemNotFound'), item('ResultMessage', 'there is no object "one"')];
  assertAnswerShape(asked(), answer({ itemFields: failure }));
});

const spoiled: readonly [what: string, breaks: string, bytes: Buffer, request?: Buffer, records?: (whole: number) => number[]][] = [
  ['a body cut into two TLS records', 'pg_tde, kmippp, Ceph, Arsenal', answer(), asked(), (whole) => [100, whole - 100]],
  ['a record of its own for the first eight bytes', 'Arsenal', answer(), asked(), (whole) => [8, whole - 8]],
  ['no Result Message on a failure', 'kmippp 0.3.4 (segmentation fault), TrueNAS', answer({ itemFields: [item('Operation', 'Activate'), item('UniqueBatchItemID', id), item('ResultStatus', 'OperationFailed'), item('ResultReason', 'ItemNotFound')] })],
  ['no Result Reason on a failure', 'TrueNAS, kmipclient, kmip-go', answer({ itemFields: [item('Operation', 'Activate'), item('UniqueBatchItemID', id), item('ResultStatus', 'OperationFailed'), item('ResultMessage', 'no')] })],
  ['no Time Stamp', 'TrueNAS, pg_tde, kmippp, Ceph, kmip-go', answer({ header: [protocol(14), item('BatchCount', 1)] })],
  ['no Operation in an item', 'every client but libmongocrypt', answer({ itemFields: [item('UniqueBatchItemID', id), item('ResultStatus', 'Success'), item('ResponsePayload', [item('UniqueIdentifier', 'one')])] })],
  ['no Batch Count', 'TrueNAS, pg_tde, kmippp, Ceph and the Go clients', answer({ header: [protocol(14), now()] })],
  ['a Server Correlation Value that nobody asked for', 'TrueNAS, and at 1.0 the libkmip family', answer({ header: [protocol(14), now(), item('ServerCorrelationValue', 'x'), item('BatchCount', 1)] })],
  ['Located Items in a 1.0 answer', 'Ceph', answer({ version: 10, itemFields: [item('Operation', 'Locate'), item('UniqueBatchItemID', id), item('ResultStatus', 'Success'), item('ResponsePayload', [item('LocatedItems', 0)])] }), asked(10, 'Locate', [], [])],
  ['an unknown tag at the end of a payload', 'TrueNAS', answer({ payload: [item('UniqueIdentifier', 'one'), item(0x54_0001, 'x', 'TextString')] })],
  ['an extra known tag at the end of a payload', 'TrueNAS', answer({ payload: [item('UniqueIdentifier', 'one'), item('Data', Buffer.alloc(1))] })],
  ['an empty Template-Attribute', 'TrueNAS', answer({ itemFields: [item('Operation', 'Register'), item('UniqueBatchItemID', id), item('ResultStatus', 'Success'), item('ResponsePayload', [item('UniqueIdentifier', 'one'), item('TemplateAttribute')])] }), asked(14, 'Register')],
  ['another version than the request', 'TrueNAS, Arsenal and the Go clients', answer({ version: 21 })],
  ['no algorithm or length in the key block', 'noobaa', answer({ itemFields: getItem(raw, keyValue()) }), asked(14, 'Get')],
  ['an attribute inside the Key Value', 'Veeam, Percona Server for MongoDB', answer({ itemFields: getItem(raw, keyValue(item('Attribute', [item('AttributeName', 'State'), item('AttributeValue', 2, 'Enumeration')])), ...aes) }), asked(14, 'Get')],
  ['another batch item id', 'kmip-go, Arsenal', answer({ itemFields: [item('Operation', 'Activate'), item('UniqueBatchItemID', Buffer.from('ff', 'hex')), item('ResultStatus', 'Success'), item('ResponsePayload', [item('UniqueIdentifier', 'one')])] })],
  ['no Response Payload', 'the Go clients', answer({ itemFields: [item('Operation', 'Activate'), item('UniqueBatchItemID', id), item('ResultStatus', 'Success')] })],
  ['fields out of the order of the specification', 'the libkmip family', answer({ header: [protocol(14), item('BatchCount', 1), now()] })],
  ['an attribute newer than the version', 'Synology, PyKMIP', answer({ version: 12, itemFields: [item('Operation', 'GetAttributes'), item('UniqueBatchItemID', id), item('ResultStatus', 'Success'), item('ResponsePayload', [item('UniqueIdentifier', 'one'), item('Attribute', [item('AttributeName', 'Sensitive'), item('AttributeValue', false)])])] }), asked(12, 'GetAttributes')],
  ['an attribute that was not asked for', 'kmippp, PyKMIP', answer({ itemFields: [item('Operation', 'GetAttributes'), item('UniqueBatchItemID', id), item('ResultStatus', 'Success'), item('ResponsePayload', [item('UniqueIdentifier', 'one'), item('Attribute', [item('AttributeName', 'State'), item('AttributeValue', 2, 'Enumeration')])])] }), asked(14, 'GetAttributes', [], [item('UniqueIdentifier', 'one'), item('AttributeName', 'Name')])],
  ['more than the Maximum Response Size', 'the libkmip family', answer(), asked(14, 'Activate', [item('MaximumResponseSize', 100)])],
  ['internal text in the message', 'nobody, but it tells a stranger too much', answer({ itemFields: [item('Operation', 'Activate'), item('UniqueBatchItemID', id), item('ResultStatus', 'OperationFailed'), item('ResultReason', 'GeneralFailure'), item('ResultMessage', "Cannot read properties of undefined at plan (activate.ts:12)")] })],
];
for (const [what, breaks, bytes, question, records] of spoiled) {
  test(`the checker refuses ${what} (breaks ${breaks})`, () => {
    assert.throws(() => assertAnswerShape(question ?? asked(), bytes, records?.(bytes.length)), assert.AssertionError);
  });
}

test('the checker refuses padding that is not zero (breaks TrueNAS, pg_tde, kmippp, Ceph, kmipclient)', () => {
  const bytes = answer();
  bytes[bytes.length - 1] = 1;
  assert.throws(() => assertAnswerShape(asked(), bytes), /padding that is not zero/);
});

test('a Result Message of 5000 bytes breaks no client and passes', () => {
  const bytes = answer({ itemFields: [item('Operation', 'Activate'), item('UniqueBatchItemID', id), item('ResultStatus', 'OperationFailed'), item('ResultReason', 'ItemNotFound'), item('ResultMessage', 'm'.repeat(5000))] });
  assert.equal(find(assertAnswerShape(asked(), bytes, [bytes.length]), 'BatchItem', 'ResultMessage')!.value, 'm'.repeat(5000));
});
