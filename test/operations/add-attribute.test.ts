/**
 * Add Attribute: first and further values, and what the server keeps to itself.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NameType, State, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import { addAttribute } from '../../src/operations/add-attribute.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { storedAttribute } from '../engine/objects.ts';
import { created, named, registeredKey, text } from './making.ts';

const harness = createHarness();

const add = (uniqueIdentifier: string, name: string, value: unknown, version = 14, index?: number) =>
  harness.perform(addAttribute, { uniqueIdentifier, newAttribute: [{ name, value, ...(index === undefined ? {} : { index }) }] }, { version });

test('vCenter: three text attributes in one message, each echoed', async () => {
  const id = await created(harness, {}, { version: 11 });
  const payload = (name: string, value: string) => ({ operation: addAttribute as never, payload: { uniqueIdentifier: id, newAttribute: [{ name, value: text(value) }] } });
  const items = await harness.batch([payload('x-Product_Version', '7.0.3 build-19480866'), payload('x-Vendor', 'VMware, Inc.'), payload('x-Product', 'VMware vSphere')], { version: 11 });
  assert.deepEqual(items.map((item) => item.payload), [
    { uniqueIdentifier: id, attribute: [{ name: 'x-Product_Version', value: text('7.0.3 build-19480866') }] },
    { uniqueIdentifier: id, attribute: [{ name: 'x-Vendor', value: text('VMware, Inc.') }] },
    { uniqueIdentifier: id, attribute: [{ name: 'x-Product', value: text('VMware vSphere') }] },
  ]);
});

test('a further value gets the next index, and 2.x answers the identifier alone', async () => {
  const id = await created(harness);
  assert.deepEqual((await add(id, 'Name', named('first'))).attribute, [{ name: 'Name', value: named('first') }]);
  assert.deepEqual((await add(id, 'Name', named('second'))).attribute, [{ name: 'Name', index: 1, value: named('second') }]);
  assert.deepEqual(await add(id, 'Name', named('third'), 21), { uniqueIdentifier: id });
  assert.deepEqual(harness.store.fetch('alpha', id)!.attributes.get('Name')!.map(({ index }) => index), [0, 1, 2]);
});

test('Last Change Date says when', async () => {
  const id = await created(harness);
  harness.clock.now = startOfTime + 7;
  await add(id, 'Comment', 'later');
  harness.clock.now = startOfTime;
  assert.equal(storedAttribute(harness, id, 'LastChangeDate'), startOfTime + 7);
});

test('an attribute of one value is not added twice', async () => {
  const id = await created(harness);
  await add(id, 'Description', 'one');
  await assert.rejects(add(id, 'Description', 'two'), { reason: 'IllegalOperation' });
  await assert.rejects(add(id, 'Description', 'two', 21), { reason: 'AttributeSingleValued' });
  await assert.rejects(add(id, 'Sensitive', true, 21), { reason: 'AttributeSingleValued' });
});

test('what the server sets is not the client\'s to add', async () => {
  const id = await created(harness);
  for (const [name, value] of [['State', State.Active], ['DestroyDate', 1], ['LastChangeDate', 1], ['KeyValuePresent', true], ['y-Mine', text('no')], ['CryptographicLength', 1]] as const) {
    await assert.rejects(add(id, name, value), { reason: 'PermissionDenied' });
    await assert.rejects(add(id, name, value, 21), { reason: 'ReadOnlyAttribute' });
  }
  await assert.rejects(add(id, 'Cryptographic Lengt', text('x')), { reason: 'PermissionDenied' });
  await assert.rejects(add(id, 'CryptographicDomainParameters', { qlength: 1 }), { reason: 'PermissionDenied' });
  await assert.rejects(add(id, 'CryptographicDomainParameters', { qlength: 1 }, 21), { reason: 'InvalidAttribute' });
});

test('what a client may say once, it may say later: Original Creation Date, Operation Policy Name', async () => {
  const id = await registeredKey(harness, '00112233445566778899aabbccddeeff');
  await add(id, 'OriginalCreationDate', 38520);
  await add(id, 'OperationPolicyName', 'default');
  assert.equal(storedAttribute(harness, id, 'OriginalCreationDate'), 38520);
  await assert.rejects(add(await created(harness), 'OriginalCreationDate', 38520), { reason: 'IllegalOperation' });
});

test('a name that is in use is refused: on the object itself and on any other', async () => {
  const id = await created(harness, { Name: named('taken') });
  await assert.rejects(add(id, 'Name', named('taken')), { reason: 'IllegalOperation' });
  await assert.rejects(add(id, 'Name', named('taken'), 21), { reason: 'NonUniqueNameAttribute' });
  await assert.rejects(add(await created(harness), 'Name', named('taken')), { reason: 'IllegalOperation' });
  await add(id, 'Name', named('taken', NameType.URI));
});

test('an Attribute Index of 0 is taken, another is not', async () => {
  const id = await created(harness);
  await add(id, 'ObjectGroup', 'a', 11, 0);
  await add(id, 'ObjectGroup', 'b', 11, 0);
  await assert.rejects(add(id, 'ObjectGroup', 'c', 11, 1), { reason: 'InvalidField' });
  assert.deepEqual(harness.store.fetch('alpha', id)!.attributes.get('ObjectGroup'), [{ index: 0, value: 'a' }, { index: 1, value: 'b' }]);
});

test('a date brings the state with it, and comes too late in others', async () => {
  const id = await created(harness);
  await add(id, 'ActivationDate', startOfTime);
  assert.equal(storedAttribute(harness, id, 'State'), State.Active);
  await add(id, 'DeactivationDate', startOfTime);
  assert.equal(storedAttribute(harness, id, 'State'), State.Deactivated);
  await assert.rejects(add(id, 'ProtectStopDate', startOfTime), { reason: 'PermissionDenied' });
  await assert.rejects(add(id, 'ProtectStopDate', startOfTime, 21), { reason: 'WrongKeyLifecycleState' });
  const other = await created(harness, { ActivationDate: startOfTime + 10 });
  await assert.rejects(add(other, 'DeactivationDate', startOfTime + 9), { reason: 'InvalidField' });
});

test('Usage Limits that are added start full', async () => {
  const id = await created(harness);
  await add(id, 'UsageLimits', { usageLimitsTotal: 5n, usageLimitsCount: 1n, usageLimitsUnit: UsageLimitsUnit.Object });
  assert.equal(storedAttribute(harness, id, 'UsageLimits')!.usageLimitsCount, 5n);
});

test('values stop at the limit', async () => {
  const id = await created(harness);
  const instances = Array.from({ length: 256 }, (_, index) => ({ index, value: `g${index}` }));
  await harness.store.commit([{ kind: 'attributes-changed', scope: 'alpha', uniqueIdentifier: id, changes: [{ name: 'ObjectGroup', instances }] }]);
  await assert.rejects(add(id, 'ObjectGroup', 'one more'), { reason: 'IndexOutOfBounds' });
  await harness.store.commit([{
    kind: 'attributes-changed', scope: 'alpha', uniqueIdentifier: id,
    changes: Array.from({ length: 512 }, (_, index) => ({ name: `x-${index}`, instances: [{ index: 0, value: text('') }] })),
  }]);
  await assert.rejects(add(id, 'x-one-more', text('x'), 21), { reason: 'ServerLimitExceeded' });
});

test('the request carries exactly one attribute', async () => {
  const id = await created(harness);
  const newAttribute = [{ name: 'Comment', value: 'a' }, { name: 'Description', value: 'b' }];
  await assert.rejects(harness.perform(addAttribute, { uniqueIdentifier: id, newAttribute }, { version: 21 }), { reason: 'InvalidField' });
  await assert.rejects(harness.perform(addAttribute, { uniqueIdentifier: id, newAttribute: [] }, { version: 21 }), { reason: 'InvalidField' });
});
