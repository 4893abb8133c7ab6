/**
 * Modify Attribute: which value is changed, until when dates may be, and what never changes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RevocationReasonCode, State, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import { activate } from '../../src/operations/activate.ts';
import { modifyAttribute } from '../../src/operations/modify-attribute.ts';
import { revoke } from '../../src/operations/revoke.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { storedAttribute } from '../engine/objects.ts';
import { created, named, registeredSecret, text } from './making.ts';

const harness = createHarness();

const modify = (uniqueIdentifier: string, name: string, value: unknown, version = 14, index?: number) =>
  harness.perform(modifyAttribute, { uniqueIdentifier, newAttribute: [{ name, value, ...(index === undefined ? {} : { index }) }] }, { version });

const twoNames = async (): Promise<string> => {
  const id = await created(harness);
  const instances = [{ index: 0, value: named(`${id} a`) }, { index: 2, value: named(`${id} b`) }];
  await harness.store.commit([{ kind: 'attributes-changed', scope: 'alpha', uniqueIdentifier: id, changes: [{ name: 'Name', instances }] }]);
  return id;
};

test('Synology: the name of a registered password becomes the volume\'s, and the answer echoes it', async () => {
  const id = await registeredSecret(harness, 'x', { Name: named('128 hex characters') });
  assert.deepEqual(await modify(id, 'Name', named('volume uuid'), 12), { uniqueIdentifier: id, attribute: [{ name: 'Name', value: named('volume uuid') }] });
  assert.deepEqual(storedAttribute(harness, id, 'Name'), named('volume uuid'));
  await modify(id, 'Name', named('volume uuid'), 12);
});

test('1.x changes the value of the index, the first one when it names none', async () => {
  const id = await twoNames();
  assert.deepEqual((await modify(id, 'Name', named(`${id} c`), 14, 2)).attribute, [{ name: 'Name', index: 2, value: named(`${id} c`) }]);
  await modify(id, 'Name', named(`${id} d`));
  assert.deepEqual(harness.store.fetch('alpha', id)!.attributes.get('Name'), [{ index: 0, value: named(`${id} d`) }, { index: 2, value: named(`${id} c`) }]);
  await assert.rejects(modify(id, 'Name', named(`${id} e`), 14, 1), { reason: 'ItemNotFound' });
  await assert.rejects(modify(id, 'ContactInformation', 'nobody'), { reason: 'InvalidField' });
});

test('2.x changes the Current Attribute, or the only one', async () => {
  const id = await twoNames();
  await assert.rejects(modify(id, 'Name', named(`${id} c`), 21), { reason: 'AttributeInstanceNotFound' });
  const change = (current: string, next: string) => harness.perform(modifyAttribute, {
    uniqueIdentifier: id, currentAttribute: [{ name: 'Name', value: named(current) }], newAttribute: [{ name: 'Name', value: named(next) }],
  }, { version: 21 });
  assert.deepEqual(await change(`${id} b`, `${id} c`), { uniqueIdentifier: id });
  assert.deepEqual(harness.store.fetch('alpha', id)!.attributes.get('Name'), [{ index: 0, value: named(`${id} a`) }, { index: 2, value: named(`${id} c`) }]);
  await assert.rejects(change('nobody', 'x'), { reason: 'AttributeInstanceNotFound' });
  await assert.rejects(modify(id, 'ContactInformation', 'x', 21), { reason: 'AttributeNotFound' });
  await assert.rejects(harness.perform(modifyAttribute, {
    uniqueIdentifier: id, currentAttribute: [{ name: 'Comment', value: 'x' }], newAttribute: [{ name: 'Name', value: named('x') }],
  }, { version: 21 }), { reason: 'InvalidField' });
});

test('a custom attribute may change its type', async () => {
  const id = await created(harness, { 'x-VendorAttribute2': text('0') });
  await modify(id, 'x-VendorAttribute2', { tag: 0x42000b, type: 9, value: 1349476026 });
  await assert.rejects(modify(id, 'y-Serial', text('1')), { reason: 'PermissionDenied' });
});

test('what clients may not change is refused, whether it is there or not', async () => {
  const id = await created(harness);
  for (const [name, value] of [['State', State.Active], ['CryptographicUsageMask', 1], ['Fresh', true], ['OriginalCreationDate', 1], ['CompromiseDate', 1], ['LeaseTime', 1]] as const) {
    await assert.rejects(modify(id, name, value), { reason: 'PermissionDenied' });
    await assert.rejects(modify(id, name, value, 20), { reason: 'AttributeReadOnly' });
  }
});

test('Activation Date changes only while Pre-Active, and a date that has come activates (OASIS SKLC-M-3)', async () => {
  const id = await created(harness, { ActivationDate: startOfTime + 100 });
  await modify(id, 'ActivationDate', startOfTime + 50);
  assert.equal(storedAttribute(harness, id, 'State'), State.PreActive);
  await modify(id, 'ActivationDate', startOfTime - 1);
  assert.equal(storedAttribute(harness, id, 'State'), State.Active);
  for (const [version, reason] of [[10, 'PermissionDenied'], [14, 'PermissionDenied'], [20, 'PermissionDenied'], [21, 'WrongKeyLifecycleState']] as const) {
    await assert.rejects(modify(id, 'ActivationDate', startOfTime, version), { reason });
  }
});

test('the other dates change until they are reached, exactly at the second', async () => {
  const id = await created(harness, { ActivationDate: startOfTime, ProtectStopDate: startOfTime + 10, DeactivationDate: startOfTime + 20 });
  harness.clock.now = startOfTime + 9;
  await modify(id, 'ProtectStopDate', startOfTime + 11);
  harness.clock.now = startOfTime + 11;
  await assert.rejects(modify(id, 'ProtectStopDate', startOfTime + 12), { reason: 'PermissionDenied' });
  await assert.rejects(modify(id, 'DeactivationDate', startOfTime + 10), { reason: 'InvalidField' });
  await modify(id, 'DeactivationDate', startOfTime + 11);
  assert.equal(storedAttribute(harness, id, 'State'), State.Deactivated);
  await assert.rejects(modify(id, 'DeactivationDate', startOfTime + 30), { reason: 'PermissionDenied' });
  harness.clock.now = startOfTime;
});

test('dates of a compromised key stay', async () => {
  const id = await created(harness, { DeactivationDate: startOfTime + 20 });
  await harness.perform(activate, { uniqueIdentifier: id });
  await harness.perform(revoke, { uniqueIdentifier: id, revocationReason: { revocationReasonCode: RevocationReasonCode.KeyCompromise } });
  await assert.rejects(modify(id, 'DeactivationDate', startOfTime + 30, 21), { reason: 'WrongKeyLifecycleState' });
});

test('Sensitive is turned on and never off, Extractable off and never on', async () => {
  const id = await created(harness);
  await modify(id, 'Sensitive', true);
  await modify(id, 'Extractable', false);
  assert.equal(storedAttribute(harness, id, 'AlwaysSensitive'), false);
  assert.equal(storedAttribute(harness, id, 'NeverExtractable'), false);
  await assert.rejects(modify(id, 'Sensitive', false), { reason: 'PermissionDenied' });
  await assert.rejects(modify(id, 'Extractable', true), { reason: 'PermissionDenied' });
});

test('Usage Limits change until they are used', async () => {
  const id = await created(harness, { UsageLimits: { usageLimitsTotal: 10n, usageLimitsUnit: UsageLimitsUnit.Byte } });
  await modify(id, 'UsageLimits', { usageLimitsTotal: 20n, usageLimitsUnit: UsageLimitsUnit.Byte });
  const used = { usageLimitsTotal: 20n, usageLimitsCount: 19n, usageLimitsUnit: UsageLimitsUnit.Byte };
  await harness.store.commit([{ kind: 'attributes-changed', scope: 'alpha', uniqueIdentifier: id, changes: [{ name: 'UsageLimits', instances: [{ index: 0, value: used }] }] }]);
  await assert.rejects(modify(id, 'UsageLimits', { usageLimitsTotal: 30n, usageLimitsUnit: UsageLimitsUnit.Byte }), { reason: 'PermissionDenied' });
  assert.deepEqual(storedAttribute(harness, id, 'UsageLimits'), used);
});

test('a name cannot be changed to another object\'s', async () => {
  await created(harness, { Name: named('mine') });
  const id = await created(harness, { Name: named('yours') });
  await assert.rejects(modify(id, 'Name', named('mine')), { reason: 'IllegalOperation' });
  await assert.rejects(modify(id, 'Name', named('mine'), 21), { reason: 'NonUniqueNameAttribute' });
});
