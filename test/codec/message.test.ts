/**
 * Whole messages: the frame of requests and responses, field order by version, and what is salvaged of broken ones.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodePayload, readPayload, readRequest, readResponse, writeRequest, writeResponse } from '../../src/codec/message.ts';
import { salvageRequest } from '../../src/codec/salvage.ts';
import { KmipError } from '../../src/kmip/result.ts';
import { optional, structure, textString } from '../../src/kmip/schema.ts';
import { tagName } from '../../src/kmip/tags.ts';
import { decode, encode, find, item } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';

const requestPayload = structure('RequestPayload', { uniqueIdentifier: optional(textString) });
const responsePayload = structure('ResponsePayload', { uniqueIdentifier: optional(textString) });
const id = new Uint8Array([0x51, 0x4c]);
const extension = { vendorIdentification: 'acme', criticalityIndicator: false, vendorExtension: { tag: 0x42009c, type: 1, value: [{ tag: 0x540001, type: 7, value: 'na' }] } };

const version = (major: number, minor: number): Item => item('ProtocolVersion', [item('ProtocolVersionMajor', major), item('ProtocolVersionMinor', minor)]);
const childNames = (tree: Item | undefined): (string | undefined)[] => (tree?.children ?? []).map((child) => tagName(child.tag));

test('a request comes back as it was written', () => {
  for (const each of [10, 12, 14, 20, 21]) {
    const bytes = writeRequest(each, { maximumResponseSize: 8192, batchOrderOption: true, timeStamp: 1_700_000_000 }, [
      { operation: 10, uniqueBatchItemID: id, payload: { type: requestPayload, value: { uniqueIdentifier: 'a' } } },
      { operation: 99, uniqueBatchItemID: id, payload: { type: requestPayload, value: {} }, messageExtension: [extension] },
    ]);
    const message = readRequest(bytes);
    assert.equal(message.version, each);
    assert.equal(message.header.maximumResponseSize, 8192);
    assert.equal(message.header.batchCount, 2);
    assert.deepEqual(message.items.map((one) => one.operation), [10, 99]);
    assert.deepEqual(message.items[1]?.messageExtension, [extension]);
    assert.deepEqual(readPayload(message, message.items[0]!, requestPayload), { uniqueIdentifier: 'a' });
  }
});

test('an answer has its fields in the order that strict clients decode', () => {
  const header = { timeStamp: 1, clientCorrelationValue: 'c', serverCorrelationValue: 's', nonce: { nonceID: id, nonceValue: id }, attestationType: [1] };
  const items = [{ messageExtension: [extension], operation: 10, uniqueBatchItemID: id, resultMessage: 'no', resultReason: 1, resultStatus: 1, payload: { type: responsePayload, value: { uniqueIdentifier: 'a' } } }];
  const tree = (each: number): Item => decode(writeResponse(each, header, items));
  assert.deepEqual(childNames(find(tree(11), 'ResponseHeader')), ['ProtocolVersion', 'TimeStamp', 'BatchCount']);
  assert.deepEqual(childNames(find(tree(12), 'ResponseHeader')), ['ProtocolVersion', 'TimeStamp', 'Nonce', 'AttestationType', 'BatchCount']);
  assert.deepEqual(childNames(find(tree(14), 'ResponseHeader')), ['ProtocolVersion', 'TimeStamp', 'Nonce', 'AttestationType', 'ClientCorrelationValue', 'ServerCorrelationValue', 'BatchCount']);
  assert.deepEqual(childNames(find(tree(14), 'BatchItem')), ['Operation', 'UniqueBatchItemID', 'ResultStatus', 'ResultReason', 'ResultMessage', 'ResponsePayload', 'MessageExtension']);
  const back = readResponse(writeResponse(14, header, items));
  assert.equal(back.items[0]?.resultMessage, 'no');
  assert.deepEqual(readPayload(back, back.items[0]!, responsePayload), { uniqueIdentifier: 'a' });
});

test('an encoded payload is put in as it is', () => {
  const typed = writeResponse(14, { timeStamp: 1 }, [{ resultStatus: 0, payload: { type: responsePayload, value: { uniqueIdentifier: 'a' } } }]);
  const encoded = writeResponse(14, { timeStamp: 1 }, [{ resultStatus: 0, payload: encodePayload(responsePayload, { uniqueIdentifier: 'a' }, 14) }]);
  assert.deepEqual(typed, encoded);
});

function requestTree(header: Item[], items: Item[]): Uint8Array {
  return encode(item('RequestMessage', [item('RequestHeader', header), ...items]));
}
const oneItem = item('BatchItem', [item('Operation', 10), item('RequestPayload', [])]);

test('header fields may come in any order, and a header after its items', () => {
  assert.equal(readRequest(requestTree([item('BatchCount', 1), version(1, 2)], [oneItem])).version, 12);
  assert.equal(readRequest(encode(item('RequestMessage', [oneItem, item('RequestHeader', [version(1, 2), item('BatchCount', 1)])]))).items.length, 1);
});

test('a frame that is not that of a request is refused', () => {
  const refuse = (bytes: Uint8Array, says: RegExp): void => assert.throws(() => readRequest(bytes), (error) => error instanceof KmipError && error.reason === 'InvalidMessage' && says.test(error.message));
  refuse(encode(item('ResponseMessage', [])), /expected Request Message, got Response Message/);
  refuse(encode(item('RequestMessage', [])), /lacks Request Header/);
  refuse(requestTree([item('BatchCount', 1)], [oneItem]), /lacks Protocol Version/);
  refuse(requestTree([version(1, 4)], [oneItem]), /lacks Batch Count/);
  refuse(requestTree([version(1, 4), item('BatchCount', 2)], [oneItem]), /Batch Count is 2, but 1 batch items came/);
  refuse(requestTree([version(1, 4), item('BatchCount', -1)], []), /Batch Count is -1/);
  refuse(requestTree([version(1, 4), item('BatchCount', 1)], [item('BatchItem', [item('RequestPayload', [])])]), /Batch Item at byte \d+ lacks Operation/);
  refuse(requestTree([version(1, 4), item('BatchCount', 1)], [item('BatchItem', [item('Operation', 10)])]), /lacks Request Payload/);
  refuse(requestTree([version(1, 4), item('BatchCount', 1)], [oneItem, item('UniqueIdentifier', 'a')]), /does not belong in Request Message/);
});

test('a version that the server lacks is read as it stands, and without the field that 3.0 dropped', () => {
  assert.equal(readRequest(requestTree([version(3, 0)], [oneItem])).version, 30);
  assert.ok(Number.isNaN(readRequest(requestTree([version(77, 0)], [oneItem])).version));
});

test('a payload error is an error of that item alone', () => {
  const message = readRequest(requestTree([version(1, 4), item('BatchCount', 2)], [oneItem, item('BatchItem', [item('Operation', 10), item('RequestPayload', [item('UniqueIdentifier', 5, 'Integer')])])]));
  assert.deepEqual(readPayload(message, message.items[0]!, requestPayload), {});
  assert.throws(() => readPayload(message, message.items[1]!, requestPayload), /Unique Identifier at byte \d+: expected TextString/);
});

test('version, operation and item id are salvaged of a message that breaks later, and nothing is invented', () => {
  const whole = requestTree([version(1, 1), item('BatchCount', 2)], [
    item('BatchItem', [item('Operation', 8), item('UniqueBatchItemID', id), item('RequestPayload', [item('UniqueIdentifier', 'abcdefgh')])]),
    item('BatchItem', [item('Operation', 10), item('RequestPayload', [])]),
  ]);
  assert.deepEqual(salvageRequest(whole), { version: 11, items: [{ operation: 8, uniqueBatchItemID: id }, { operation: 10 }] });
  for (let length = 0; length <= whole.length; length++) {
    const { version: found, items } = salvageRequest(whole.subarray(0, length));
    assert.ok(found === undefined || found === 11);
    assert.ok(items.length <= 2 && (items[0]?.operation ?? 8) === 8);
  }
  const broken = whole.slice();
  broken[whole.indexOf(0x61, 80) - 5] = 0xff;
  assert.equal(salvageRequest(broken).items[0]?.operation, 8);
  assert.deepEqual(salvageRequest(Buffer.from('GET / HTTP/1.1 and so on')), { version: undefined, items: [] });
});
