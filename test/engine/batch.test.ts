/**
 * Batches: Stop, Continue, Undo; ID Placeholder and references; Maximum Response Size; ids of items.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BatchErrorContinuationOption, BlockCipherMode, ResultReason, ResultStatus, State, UniqueIdentifierValue, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import { activate } from '../../src/operations/activate.ts';
import { create } from '../../src/operations/create.ts';
import { destroy } from '../../src/operations/destroy.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import { getAttributes } from '../../src/operations/get-attributes.ts';
import { get } from '../../src/operations/get.ts';
import { locate } from '../../src/operations/locate.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { query } from '../../src/operations/query.ts';
import { createHarness } from './harness.ts';
import { putKey, storedAttribute } from './objects.ts';
import { attribute, find, findAll, item, request } from '../harness/text.ts';
import { encode } from '../harness/ttlv.ts';

const harness = createHarness();
const { Stop, Continue, Undo } = BatchErrorContinuationOption;
const { Success, OperationFailed, OperationUndone } = ResultStatus;
const of = (operation: unknown, payload: object) => ({ operation: operation as Operation, payload });
const newKey = (name: string) => of(create, {
  objectType: 2,
  attributes: [
    { name: 'CryptographicAlgorithm', value: 3 }, { name: 'CryptographicLength', value: 256 }, { name: 'CryptographicUsageMask', value: 12 },
    { name: 'Name', value: { nameValue: name, nameType: 1 } },
  ],
});
const named = (name: string) => [{ name: 'Name', value: { nameValue: name, nameType: 1 } }];
const located = async (name: string) => (await harness.perform(locate, { attributes: named(name) })).uniqueIdentifier ?? [];
const statuses = (items: readonly { readonly resultStatus: number }[]) => items.map((each) => each.resultStatus);

test('items see what earlier items of the message did, and all of it is committed', async () => {
  const items = await harness.batch([newKey('seen'), of(activate, {}), of(getAttributes, { attributeNames: ['State'] }), of(get, {})]);
  assert.deepEqual(statuses(items), [Success, Success, Success, Success]);
  const { uniqueIdentifier } = items[0]!.payload as { uniqueIdentifier: string };
  assert.equal(storedAttribute(harness, uniqueIdentifier, 'State'), State.Active);
  assert.deepEqual(await located('seen'), [uniqueIdentifier]);
});

test('a Locate finds what the same message made', async () => {
  const items = await harness.batch([newKey('found at once'), of(locate, { attributes: named('found at once') }), of(activate, {})]);
  const made = (items[0]!.payload as { uniqueIdentifier: string }).uniqueIdentifier;
  assert.deepEqual((items[1]!.payload as { uniqueIdentifier: string[] }).uniqueIdentifier, [made]);
  assert.equal(storedAttribute(harness, made, 'State'), State.Active);
});

test('a Locate that finds nothing empties the ID Placeholder', async () => {
  const items = await harness.batch([newKey('orphan'), of(locate, { attributes: named('nobody') }), of(activate, {})]);
  assert.deepEqual(statuses(items), [Success, Success, OperationFailed]);
  assert.equal(items[2]!.resultReason, ResultReason.ItemNotFound);
});

test('Stop ends at the first failure and keeps what was done', async () => {
  for (const option of [Stop, undefined]) {
    const items = await harness.batch([newKey(`stopped ${option}`), of(destroy, { uniqueIdentifier: 'none' }), newKey('never')], {
      header: option === undefined ? {} : { batchErrorContinuationOption: option },
    });
    assert.deepEqual(statuses(items), [Success, OperationFailed]);
    assert.equal((await located(`stopped ${option}`)).length, 1);
  }
  assert.deepEqual(await located('never'), []);
});

test('Continue goes on after a failure', async () => {
  const items = await harness.batch([newKey('one'), of(destroy, { uniqueIdentifier: 'none' }), newKey('three')], { header: { batchErrorContinuationOption: Continue } });
  assert.deepEqual(statuses(items), [Success, OperationFailed, Success]);
  assert.deepEqual([(await located('one')).length, (await located('three')).length], [1, 1]);
});

test('Undo takes back all that was done, and says so of each item', async () => {
  const key = await putKey(harness, { State: State.PreActive });
  const items = await harness.batch([newKey('undone'), of(activate, { uniqueIdentifier: key }), of(get, { uniqueIdentifier: key }), of(destroy, { uniqueIdentifier: 'none' }), newKey('never')], {
    header: { batchErrorContinuationOption: Undo },
  });
  assert.deepEqual(statuses(items), [OperationUndone, OperationUndone, OperationUndone, OperationFailed]);
  assert.ok(items.slice(0, 3).every((each) => each.payload !== undefined && each.resultReason === undefined));
  assert.equal(storedAttribute(harness, key, 'State'), State.PreActive);
  assert.deepEqual([...(await located('undone')), ...(await located('never'))], []);
});

test('Undo without a failure undoes nothing', async () => {
  assert.deepEqual(statuses(await harness.batch([newKey('kept'), of(activate, {})], { header: { batchErrorContinuationOption: Undo } })), [Success, Success]);
  assert.equal((await located('kept')).length, 1);
});

test('an undone Encrypt under Usage Limits gives nothing away', async () => {
  const key = await putKey(harness, { UsageLimits: { usageLimitsTotal: 100n, usageLimitsUnit: UsageLimitsUnit.Byte } });
  const encryption = of(encrypt, { uniqueIdentifier: key, cryptographicParameters: { blockCipherMode: BlockCipherMode.CTR }, data: Buffer.alloc(60) });
  const items = await harness.batch([encryption, of(destroy, { uniqueIdentifier: 'none' })], { header: { batchErrorContinuationOption: Undo } });
  assert.deepEqual(statuses(items), [OperationUndone, OperationFailed]);
  assert.equal(items[0]!.payload, undefined);
  const again = await harness.batch([encryption, encryption], { header: { batchErrorContinuationOption: Continue } });
  assert.deepEqual(statuses(again), [Success, OperationFailed], 'the second would pass the limit that the first has used within the message');
});

test('the ID Placeholder does not outlive its message', async () => {
  await harness.batch([newKey('gone')]);
  await assert.rejects(harness.perform(activate, {}), { reason: 'ItemNotFound', message: /ID Placeholder is empty/ });
});

test('2.x references name the placeholder, the last of an operation, or the n-th identifier', async () => {
  const items = await harness.batch([
    newKey('first'), newKey('second'),
    of(activate, { uniqueIdentifier: { placeholder: UniqueIdentifierValue.Create } }),
    of(activate, { uniqueIdentifier: { batchIndex: 0 } }),
    of(getAttributes, { uniqueIdentifier: { batchIndex: -2 }, attributeNames: ['State'] }),
    of(getAttributes, { uniqueIdentifier: { placeholder: UniqueIdentifierValue.IDPlaceholder }, attributeNames: ['State'] }),
    of(get, { uniqueIdentifier: { placeholder: UniqueIdentifierValue.Register } }),
  ], { version: 21, header: { batchErrorContinuationOption: Continue } });
  const ids = items.map((each) => (each.payload as { uniqueIdentifier?: string } | undefined)?.uniqueIdentifier);
  assert.deepEqual(ids.slice(2), [ids[1], ids[0], ids[1], ids[1], undefined]);
  assert.equal(items[6]!.resultReason, ResultReason.ObjectNotFound);
});

test('items of 1.x need ids that differ; 2.x does without', async () => {
  const discover = { operation: 'DiscoverVersions', payload: [] };
  const reasons = async (version: number, ids: readonly (number | undefined)[]) =>
    findAll(await harness.send(request(version, ids.map((id) => ({ ...discover, ...(id === undefined ? {} : { id: Uint8Array.of(id) }) })))), 'BatchItem').map((each) => find(each, 'ResultReason')?.value);
  assert.deepEqual(await reasons(14, [1, 2]), [undefined, undefined]);
  assert.deepEqual(await reasons(14, [undefined]), [undefined]);
  assert.deepEqual(await reasons(14, [1, undefined]), [ResultReason.InvalidMessage, ResultReason.InvalidMessage]);
  assert.deepEqual(await reasons(21, [undefined, undefined]), [undefined, undefined]);
  assert.deepEqual(await reasons(21, [1, 1]), [ResultReason.InvalidMessage, ResultReason.InvalidMessage]);
});

test('an answer that is larger than Maximum Response Size is replaced, and its item takes no effect', async () => {
  const all = { queryFunction: [1, 2, 3, 10] };
  const whole = await harness.batch([of(query, all)]);
  assert.equal(whole[0]!.resultStatus, Success);
  const [small] = await harness.batch([of(query, all)], { header: { maximumResponseSize: 256 } });
  assert.equal(small!.resultReason, ResultReason.ResponseTooLarge);
  assert.match(small!.resultMessage!, /256 are allowed/);
  for (const option of [Stop, Continue, Undo]) {
    const name = `too large ${option}`;
    const items = await harness.batch([newKey(name), newKey(`${name} again`)], { header: { maximumResponseSize: 300, batchErrorContinuationOption: option } });
    assert.deepEqual(statuses(items), option === Undo ? [OperationUndone, OperationFailed] : [Success, OperationFailed]);
    assert.equal((await located(name)).length, option === Undo ? 0 : 1);
    assert.equal((await located(`${name} again`)).length, 0, 'the client was told that it failed');
  }
});

test('no answer is longer than Maximum Response Size where the least answer fits', async () => {
  const list = Array.from({ length: 12 }, (_, index) => ({ operation: 'Get', id: Uint8Array.of(index), payload: [item('UniqueIdentifier', `no such object, and a long name to say so ${index}`)] }));
  for (let size = 88 + 12 * 80; size < 4000; size += 97) {
    const { response } = await harness.execute(encode(request(14, list, [item('MaximumResponseSize', size), item('BatchErrorContinuationOption', 'Continue')])));
    assert.ok(response.length <= size, `${response.length} > ${size}`);
  }
  const { response, items } = await harness.execute(encode(request(14, list, [item('MaximumResponseSize', 200), item('BatchErrorContinuationOption', 'Continue')])));
  assert.deepEqual([items.length, items[0]!.reason], [1, ResultReason.ResponseTooLarge]);
  assert.ok(response.length < 400);
});

test('Maximum Response Size of the clients in the field leaves their answers whole', async () => {
  const key = await putKey(harness);
  for (const maximumResponseSize of [8000, 8192, 65536, 280000, 1 << 20]) {
    const [answer] = await harness.batch([of(get, { uniqueIdentifier: key })], { version: 10, header: { maximumResponseSize } });
    assert.equal(answer!.resultStatus, Success);
  }
});

test('a batch of more items than the limit is refused before any of them', async () => {
  const small = createHarness({ limits: { batchItemsMax: 3 } });
  const list = (count: number) => Array.from({ length: count }, (_, index) => ({ operation: 'Create', id: Uint8Array.of(index), payload: [item('ObjectType', 'SymmetricKey'), item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 128), attribute('Cryptographic Usage Mask', 12)])] }));
  assert.match(await small.sendText(request(14, list(4))), /BatchCount 1[\s\S]*ResultReason InvalidMessage\n\s+ResultMessage "the request has 4 batch items; at most 3/);
  assert.equal(small.store.sequence, 0);
  assert.match(await small.sendText(request(14, list(3))), /BatchCount 3/);
});

test('Locates beside a change look at so many objects and no more; alone they look at all', async () => {
  const bounded = createHarness({ limits: { writerLooksMax: 25 } });
  for (let index = 0; index < 10; index += 1) await putKey(bounded);
  const look = of(locate, { maximumItems: 1, attributes: [{ name: 'CryptographicUsageMask', value: 0x4000 }] });
  const alone = await bounded.batch([look, look, look, look], { header: { batchErrorContinuationOption: Continue } });
  assert.deepEqual(statuses(alone), [Success, Success, Success, Success]);
  const mixed = await bounded.batch([look, look, look, newKey('after')], { version: 21, header: { batchErrorContinuationOption: Continue } });
  assert.deepEqual(statuses(mixed), [Success, Success, OperationFailed, Success]);
  assert.equal(mixed[2]!.resultReason, ResultReason.ServerLimitExceeded);
  assert.match(mixed[2]!.resultMessage!, /may look at 25 objects/);
});
