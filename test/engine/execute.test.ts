/**
 * What the engine says to messages that are wrong as a whole, to strangers' bytes, and when it fails itself.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ResultReason, State } from '../../src/kmip/enums.ts';
import type { EngineReport } from '../../src/engine/environment.ts';
import { createHarness, startOfTime } from './harness.ts';
import { putKey } from './objects.ts';
import { find, findAll, item, print, request } from '../harness/text.ts';
import { decode, encode } from '../harness/ttlv.ts';
import type { Item } from '../harness/ttlv.ts';

const harness = createHarness();
const get = (id = 'none') => ({ operation: 'Get', payload: [item('UniqueIdentifier', id)] });
const withId = (byte: number) => ({ ...get(), id: Uint8Array.of(byte) });

test('an answer has exactly version, time stamp and count in its header, whatever the request had', async () => {
  for (const version of [10, 11, 12, 13, 14, 20, 21]) {
    const header = [
      item('MaximumResponseSize', 100_000), ...(version >= 14 ? [item('ClientCorrelationValue', 'mine'), item('ServerCorrelationValue', 'yours')] : []),
      ...(version < 20 ? [item('AsynchronousIndicator', true, 'Boolean')] : [item('AsynchronousIndicator', 'Optional', 'Enumeration')]),
      item('Authentication', [item('Credential', [item('CredentialType', 'UsernameAndPassword'), item('CredentialValue', [item('Username', ''), item('Password', '')])])]),
      item('TimeStamp', 1n),
    ];
    const answer = await harness.send(request(version, [get()], header));
    assert.equal(print(find(answer, 'ResponseHeader')!), [
      'ResponseHeader', '  ProtocolVersion', `    ProtocolVersionMajor ${Math.trunc(version / 10)}`, `    ProtocolVersionMinor ${version % 10}`,
      `  TimeStamp ${new Date(startOfTime * 1000).toISOString().replace('.000Z', 'Z')}`, '  BatchCount 1',
    ].join('\n'));
  }
});

test('a failure has operation, id, reason and message', async () => {
  assert.equal(print(find(await harness.send(request(12, [withId(7)])), 'BatchItem')!), [
    'BatchItem', '  Operation Get', '  UniqueBatchItemID 07', '  ResultStatus OperationFailed', '  ResultReason ItemNotFound', '  ResultMessage "object none does not exist"',
  ].join('\n'));
});

test('an operation that is not there, or not yet in the version, is not supported', async () => {
  for (const [version, operation] of [[14, 'Archive'], [21, 'Obliterate'], [10, 'Encrypt'], [11, 'Decrypt'], [14, 'SetAttribute']] as const) {
    const message = operation === 'Obliterate' ? 0x77 : operation;
    const answer = await harness.send(request(version, [{ operation: 'Get', payload: [] }]));
    assert.ok(answer);
    const changed = replace(request(version, [{ operation: 'Get', payload: [] }]), 'Operation', item('Operation', message, 'Enumeration'));
    assert.equal(find(await harness.send(changed), 'BatchItem', 'ResultReason')?.value, ResultReason.OperationNotSupported, `${operation} at ${version}`);
  }
});

test('a payload that cannot be read fails its item alone', async () => {
  const answer = await harness.send(request(14, [
    { operation: 'Get', id: Uint8Array.of(1), payload: [item('UniqueIdentifier', 5, 'Integer')] },
    { operation: 'Get', id: Uint8Array.of(2), payload: [item('NameValue', 'x')] },
    { operation: 'DiscoverVersions', id: Uint8Array.of(3), payload: [] },
  ], [item('BatchErrorContinuationOption', 'Continue')]));
  assert.deepEqual(findAll(answer, 'BatchItem').map((each) => find(each, 'ResultStatus')?.value), [1, 1, 0]);
  assert.match(find(findAll(answer, 'BatchItem')[0], 'ResultMessage')?.value as string, /Unique Identifier at byte \d+: expected Text String, got Integer|expected TextString/);
});

test('a message cut short or spoiled anywhere gets a well-formed answer that fails', async () => {
  const key = await putKey(harness);
  const whole = encode(request(14, [{ operation: 'Get', id: Uint8Array.of(9), payload: [item('UniqueIdentifier', key)] }]));
  for (let length = 0; length < whole.length; length += 1) {
    const { response, items } = await harness.execute(whole.subarray(0, length));
    const answer = decode(response);
    assert.equal(find(answer, 'BatchItem', 'ResultStatus')?.value, 1, `cut at ${length}`);
    assert.equal(items[0]!.reason, ResultReason.InvalidMessage);
    if (length > 120) assert.equal(find(answer, 'BatchItem', 'Operation')?.value, 10, 'the operation is echoed as soon as it is there');
    assert.deepEqual(find(answer, 'ResponseHeader', 'ProtocolVersion', 'ProtocolVersionMinor')?.value, length >= 52 ? 4 : 0);
  }
  for (let at = 0; at < whole.length; at += 1) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const { response } = await harness.execute(whole.map((byte, index) => (index === at ? byte ^ flip : byte)));
      assert.ok(find(decode(response), 'BatchItem', 'ResultStatus') !== undefined);
    }
  }
});

test('a count that does not match is refused, and nothing is done', async () => {
  for (const count of [0, 2, -1]) {
    const answer = await harness.send(replace(request(14, [get()]), 'BatchCount', item('BatchCount', count)));
    assert.match(print(answer), new RegExp(`ResultReason InvalidMessage\\n\\s+ResultMessage "Batch Count is ${count}, but 1`));
  }
  assert.match(await harness.sendText(request(14, [])), /ResultReason InvalidMessage\n\s+ResultMessage "the request has no batch item"/);
});

test('a critical Message Extension that is not known fails every item, one that is not critical none', async () => {
  const extended = (critical: boolean): Item => {
    const message = request(14, [{ operation: 'DiscoverVersions', id: Uint8Array.of(1), payload: [] }, { operation: 'DiscoverVersions', id: Uint8Array.of(2), payload: [] }]);
    const [header, first, second] = message.children!;
    const extension = item('MessageExtension', [item('VendorIdentification', 'acme'), item('CriticalityIndicator', critical), item('VendorExtension', [item(0x540001, 'na', 'TextString')])]);
    return item('RequestMessage', [header, first, item('BatchItem', [...second!.children!, extension])]);
  };
  const refused = await harness.send(extended(true));
  assert.deepEqual(findAll(refused, 'BatchItem').map((each) => find(each, 'ResultReason')?.value), [ResultReason.FeatureNotSupported, ResultReason.FeatureNotSupported]);
  assert.deepEqual(findAll(await harness.send(extended(false)), 'BatchItem').map((each) => find(each, 'ResultStatus')?.value), [0, 0]);
});

test('a Mandatory Asynchronous Indicator cannot be served', async () => {
  assert.match(await harness.sendText(request(21, [get()], [item('AsynchronousIndicator', 'Mandatory', 'Enumeration')])), /ResultReason FeatureNotSupported/);
});

test('what a role does not hold is denied, before the request is looked into', async () => {
  const limited = createHarness({ permissions: ['operation_get'] });
  assert.match(await limited.sendText(request(14, [{ operation: 'Destroy', payload: [item('NameValue', 'junk')] }])), /ResultReason PermissionDenied\n\s+ResultMessage "role tester does not hold operation_destroy"/);
  assert.match(await limited.sendText(request(14, [get()])), /ResultReason ItemNotFound/);
  const none = createHarness({ permissions: ['operation_none'] });
  assert.match(await none.sendText(request(14, [get()])), /ResultReason PermissionDenied/);
});

test('what cannot be permitted does not trouble the writing thread', async () => {
  const limited = createHarness({ permissions: ['operation_get'] });
  assert.equal((await limited.execute(encode(request(14, [{ operation: 'Activate', payload: [] }])))).onPrimary, false);
  assert.equal((await harness.execute(encode(request(14, [{ operation: 'Activate', payload: [] }])))).onPrimary, true);
});

test('an error of the server itself is General Failure with an id that the report has too, and no more', async () => {
  const reports: EngineReport[] = [];
  const failing = createHarness({ report: (report) => reports.push(report) });
  const key = await putKey(failing, { State: State.Active }, { keyBlock: { keyFormatType: 1, keyValue: { keyMaterial: undefined as never } } });
  const message = request(14, [{ operation: 'Encrypt', payload: [item('UniqueIdentifier', key), item('CryptographicParameters', [item('BlockCipherMode', 'ECB')]), item('Data', Buffer.alloc(16))] }]);
  const text = await failing.sendText(message);
  assert.equal(reports.length, 1);
  assert.equal(reports[0]!.operation, 'Encrypt');
  assert.ok(reports[0]!.error instanceof TypeError);
  assert.match(text, new RegExp(`ResultReason GeneralFailure\\n\\s+ResultMessage "internal error; the server's log has it under ${reports[0]!.correlationId}"`));
});

test('refuse answers what was not executed, with what the head of the message tells', () => {
  const head = encode(request(12, [withId(3)])).subarray(0, 160);
  const engine = harness.workers[0]!;
  assert.match(print(decode(engine.refuse('InvalidMessage', 'too long', undefined, head))), /ProtocolVersionMinor 2[\s\S]*Operation Get[\s\S]*ResultReason InvalidMessage\n\s+ResultMessage "too long"/);
  assert.match(print(decode(engine.refuse('ServerLimitExceeded', 'busy', 21))), /ProtocolVersionMajor 2[\s\S]*ResultReason ServerLimitExceeded/);
  assert.match(print(decode(engine.refuse('ServerLimitExceeded', 'busy'))), /ProtocolVersionMajor 1\n\s+ProtocolVersionMinor 0[\s\S]*ResultReason GeneralFailure/);
});

/** The message with each item of a tag replaced. */
function replace(source: Item, name: string, by: Item): Item {
  if (source.tag === by.tag) return by;
  return source.children === undefined ? source : { ...source, children: source.children.map((child) => replace(child, name, by)) };
}
