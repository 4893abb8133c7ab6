/**
 * Locate: every kind of filter, pages, order, groups, and that no filter is ever passed over.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AttributeInstance } from '../../src/kmip/attributes.ts';
import { CryptographicAlgorithm, CryptographicUsageMask, LinkType, NameType, ObjectGroupMember, ObjectType, State, StorageStatusMask, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import type { Infer } from '../../src/kmip/schema.ts';
import { destroy } from '../../src/operations/destroy.ts';
import { get } from '../../src/operations/get.ts';
import { locate } from '../../src/operations/locate.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import type { Harness } from '../engine/harness.ts';
import { created, given, named, number, registeredKey, registeredOpaque, registeredSecret, text } from './making.ts';
import type { Given } from './making.ts';

type LocateRequest = Omit<Infer<typeof locate.request>, 'attributes'>;

async function located(harness: Harness, filters: Given | readonly AttributeInstance[], request: LocateRequest = {}, version = 14): Promise<readonly string[]> {
  const attributes = Array.isArray(filters) ? (filters as readonly AttributeInstance[]) : given(filters as Given);
  return (await harness.perform(locate, { ...request, attributes }, { version })).uniqueIdentifier ?? [];
}

const inHex = (index: number): string => index.toString(16).padStart(32, '0');

test('each attribute finds the objects that have it, and only those', async () => {
  const harness = createHarness();
  const attributes: Given = {
    Name: named('wanted'), ObjectGroup: 'group', ContactInformation: 'Joe', ApplicationSpecificInformation: { applicationNamespace: 'LIBRARY-LTO', applicationData: 'abc' },
    AlternativeName: { alternativeNameValue: 'other', alternativeNameType: 1 }, Link: { linkType: LinkType.NextLink, linkedObjectIdentifier: 'next' },
    Description: 'd', Sensitive: true, 'x-Text': text('t'), 'x-Number': number(3),
  };
  const wanted = await registeredKey(harness, inHex(1), attributes);
  await registeredKey(harness, inHex(2), {
    Name: named('Wanted'), ObjectGroup: 'Group', ContactInformation: 'Jo', ApplicationSpecificInformation: { applicationNamespace: 'LIBRARY-LTO', applicationData: 'abd' },
    AlternativeName: { alternativeNameValue: 'other', alternativeNameType: 2 }, Link: { linkType: LinkType.PreviousLink, linkedObjectIdentifier: 'next' },
    Description: 'D', 'x-Text': number(1), 'x-Number': text('3'),
  });
  for (const [name, value] of Object.entries(attributes)) assert.deepEqual(await located(harness, [{ name, value }]), [wanted], name);
  assert.deepEqual(await located(harness, attributes), [wanted]);
  assert.deepEqual(await located(harness, { UniqueIdentifier: wanted }), [wanted]);
  assert.deepEqual(await located(harness, { ...attributes, ContactInformation: 'Jo' }), []);
  assert.deepEqual(await located(harness, { Name: named('wanted', NameType.URI) }), []);
  assert.deepEqual(await located(harness, { 'x-Absent': text('t') }), []);
});

test('two values of one attribute have both to be there', async () => {
  const harness = createHarness();
  const both = await created(harness, { ObjectGroup: 'a' });
  const instances = [{ index: 0, value: 'a' }, { index: 1, value: 'b' }];
  await harness.store.commit([{ kind: 'attributes-changed', scope: 'alpha', uniqueIdentifier: both, changes: [{ name: 'ObjectGroup', instances }] }]);
  await created(harness, { ObjectGroup: 'a' });
  assert.deepEqual(await located(harness, [{ name: 'ObjectGroup', value: 'a' }, { name: 'ObjectGroup', value: 'b' }]), [both]);
});

test('kinds of objects, algorithms and lengths', async () => {
  const harness = createHarness();
  const key = await registeredKey(harness, inHex(1));
  const secret = await registeredSecret(harness, 'x');
  const opaque = await registeredOpaque(harness, '00');
  assert.deepEqual(await located(harness, {}, {}, 10), [key, secret, opaque]);
  assert.deepEqual(await located(harness, { ObjectType: ObjectType.SecretData }), [secret]);
  assert.deepEqual(await located(harness, { ObjectType: ObjectType.SplitKey }), []);
  assert.deepEqual(await located(harness, { CryptographicAlgorithm: CryptographicAlgorithm.AES }), [key]);
  assert.deepEqual(await located(harness, { CryptographicLength: 256 }), []);
});

test('a name among many alike is found whole, never by its beginning (FortiGate)', async () => {
  const harness = createHarness();
  const ids: string[] = [];
  for (const name of ['fw-a-fw-b-ENC-AES-32', 'fw-a-fw-b-ENC-AES-3', 'fw-a-fw-b-ENC-AES-321']) ids.push(await registeredSecret(harness, 'x', { Name: named(name) }));
  assert.deepEqual(await located(harness, { Name: named('fw-a-fw-b-ENC-AES-32') }, { maximumItems: 1 }, 10), [ids[0]]);
  assert.deepEqual(await located(harness, { Name: named('fw-a-fw-b-ENC-AES') }, { maximumItems: 1 }, 10), []);
});

test('filters inside a Template-Attribute count, and a structure may lack fields', async () => {
  const harness = createHarness();
  const wanted = await registeredSecret(harness, 'x', { Name: named('inside') });
  await registeredSecret(harness, 'x', { Name: named('outside') });
  const answer = await harness.sendText(`RequestMessage
  RequestHeader
    ProtocolVersion
      ProtocolVersionMajor 1
      ProtocolVersionMinor 0
    BatchCount 1
  BatchItem
    Operation Locate
    RequestPayload
      MaximumItems 1
      TemplateAttribute
        Attribute
          AttributeName "Name"
          AttributeValue
            NameValue "inside"
`);
  assert.match(answer, new RegExp(`ResponsePayload\\n      UniqueIdentifier "${wanted}"\\s*$`));
});

test('an unknown attribute and an ill-typed one are errors, not everything (ScyllaDB, Seagate)', async () => {
  const harness = createHarness();
  await registeredSecret(harness, 'x');
  await assert.rejects(located(harness, [{ name: 'Object Typ', value: text('x') }]), { reason: 'InvalidField' });
  const answer = await harness.sendText(`RequestMessage
  RequestHeader
    ProtocolVersion
      ProtocolVersionMajor 1
      ProtocolVersionMinor 4
    BatchCount 1
  BatchItem
    Operation Locate
    RequestPayload
      Attribute
        AttributeName "Object Type"
        AttributeValue:TextString "SecretData"
`);
  assert.match(answer, /ResultStatus OperationFailed/);
});

test('a date given once is that date, given twice a range with its limits', async () => {
  const harness = createHarness();
  const ids: string[] = [];
  for (const seconds of [10, 20, 30]) ids.push(await created(harness, { ActivationDate: startOfTime + seconds }));
  const unset = await created(harness);
  const date = (...seconds: number[]): AttributeInstance[] => seconds.map((each) => ({ name: 'ActivationDate', value: startOfTime + each }));
  assert.deepEqual(await located(harness, date(20), {}, 13), [ids[1]]);
  assert.deepEqual(await located(harness, date(10, 20), {}, 13), [ids[0], ids[1]]);
  assert.deepEqual(await located(harness, date(30, 11), {}, 13), [ids[1], ids[2]]);
  assert.deepEqual(await located(harness, date(21, 29), {}, 13), []);
  const largest = { name: 'ActivationDate', value: Number.MAX_SAFE_INTEGER };
  assert.deepEqual(await located(harness, [largest], {}, 13), [unset]);
  assert.deepEqual(await located(harness, [...date(30), largest], {}, 13), [ids[2], unset]);
  await assert.rejects(located(harness, date(1, 2, 3)), { reason: 'InvalidField' });
});

test('a mask finds what has all its bits, Usage Limits what has as many left', async () => {
  const harness = createHarness();
  const { Encrypt, Decrypt, WrapKey } = CryptographicUsageMask;
  const both = await created(harness, { CryptographicUsageMask: Encrypt | Decrypt, UsageLimits: { usageLimitsTotal: 10n, usageLimitsUnit: UsageLimitsUnit.Byte } });
  const one = await created(harness, { CryptographicUsageMask: Encrypt, UsageLimits: { usageLimitsTotal: 20n, usageLimitsUnit: UsageLimitsUnit.Byte } });
  assert.deepEqual(await located(harness, { CryptographicUsageMask: Encrypt }, {}, 13), [both, one]);
  assert.deepEqual(await located(harness, { CryptographicUsageMask: Encrypt | Decrypt }), [both]);
  assert.deepEqual(await located(harness, { CryptographicUsageMask: WrapKey }), []);
  assert.deepEqual(await located(harness, { UsageLimits: { usageLimitsTotal: 11n, usageLimitsUnit: UsageLimitsUnit.Byte } }), [one]);
  assert.deepEqual(await located(harness, { UsageLimits: { usageLimitsTotal: 1n, usageLimitsUnit: UsageLimitsUnit.Object } }), []);
});

test('State is the one that dates have brought about', async () => {
  const harness = createHarness();
  const id = await created(harness, { ActivationDate: startOfTime + 10, DeactivationDate: startOfTime + 20 });
  for (const [seconds, state] of [[0, State.PreActive], [10, State.Active], [20, State.Deactivated]] as const) {
    harness.clock.now = startOfTime + seconds;
    for (const asked of [State.PreActive, State.Active, State.Deactivated]) assert.deepEqual(await located(harness, { State: asked }), asked === state ? [id] : []);
  }
});

test('destroyed objects are found only by who asks for them', async () => {
  const harness = createHarness();
  const gone = await created(harness, { Name: named('gone') });
  const there = await created(harness);
  await harness.perform(destroy, { uniqueIdentifier: gone });
  for (const version of [10, 14, 21]) {
    assert.deepEqual(await located(harness, {}, {}, version), [there]);
    assert.deepEqual(await located(harness, { UniqueIdentifier: gone }, {}, version), []);
  }
  assert.deepEqual(await located(harness, { State: State.Destroyed }, {}, 12), [gone]);
  assert.deepEqual(await located(harness, { State: State.Destroyed }, {}, 21), []);
  const { OnLineStorage, ArchivalStorage, DestroyedStorage } = StorageStatusMask;
  assert.deepEqual(await located(harness, {}, { storageStatusMask: DestroyedStorage }, 21), [gone]);
  assert.deepEqual(await located(harness, {}, { storageStatusMask: DestroyedStorage | OnLineStorage }, 21), [there, gone]);
  assert.deepEqual(await located(harness, {}, { storageStatusMask: ArchivalStorage }, 21), []);
});

test('pages: oldest first before 1.4, newest first from then on; Located Items counts them all', async () => {
  const harness = createHarness();
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) ids.push(await created(harness, { 'x-Group': text('TC-OFFSET') }));
  await created(harness);
  const newest = [...ids].reverse();
  const page = (request: LocateRequest, version: number) => harness.perform(locate, { ...request, attributes: given({ 'x-Group': text('TC-OFFSET') }) }, { version });
  for (const [version, order] of [[13, ids], [14, newest], [20, newest]] as const) {
    assert.deepEqual(await page({}, version), { uniqueIdentifier: order });
    assert.deepEqual(await page({ maximumItems: 1 }, version), { uniqueIdentifier: [order[0]] });
    assert.deepEqual(await page({ maximumItems: 2, offsetItems: 3 }, version), { locatedItems: 5, uniqueIdentifier: order.slice(3) });
    assert.deepEqual(await page({ offsetItems: 9 }, version), { locatedItems: 5 });
  }
  assert.deepEqual(await page({ maximumItems: 0 }, 14), {});
  await assert.rejects(page({ maximumItems: -1 }, 14), { reason: 'InvalidField' });
  await assert.rejects(page({ offsetItems: -1 }, 14), { reason: 'InvalidField' });
});

test('kmippp pages at 1.0, where Offset Items does not exist, and Ceph fails on Located Items there', async () => {
  const harness = createHarness();
  const ids: string[] = [];
  for (let index = 0; index < 5; index++) ids.push(await registeredSecret(harness, 'x'));
  const answer = await harness.sendText(`RequestMessage
  RequestHeader
    ProtocolVersion
      ProtocolVersionMajor 1
      ProtocolVersionMinor 0
    BatchCount 1
  BatchItem
    Operation Locate
    RequestPayload
      MaximumItems 2
      OffsetItems 2
      Attribute
        AttributeName "Object Type"
        AttributeValue:Enumeration SecretData
`);
  assert.match(answer, new RegExp(`ResponsePayload\\n      UniqueIdentifier "${ids[2]}"\\n      UniqueIdentifier "${ids[3]}"\\s*$`));
});

test('one identifier fills the ID Placeholder, several or none empty it', async () => {
  const harness = createHarness();
  const first = await created(harness, { ObjectGroup: 'two' });
  await created(harness, { ObjectGroup: 'two' });
  const attempt = async (request: Infer<typeof locate.request>): Promise<string | undefined> => {
    const items = await harness.batch([
      { operation: locate as never, payload: { attributes: given({ UniqueIdentifier: first }) } },
      { operation: locate as never, payload: request },
      { operation: get as never, payload: {} },
    ], { version: 13, header: { batchOrderOption: true } });
    return (items[2]?.payload as { uniqueIdentifier: string } | undefined)?.uniqueIdentifier;
  };
  const two = given({ ObjectGroup: 'two' });
  assert.equal(await attempt({ attributes: given({ UniqueIdentifier: first }) }), first);
  assert.equal(await attempt({ attributes: two, maximumItems: 1 }), first);
  assert.equal(await attempt({ attributes: two }), undefined);
  assert.equal(await attempt({ attributes: two, maximumItems: 2, offsetItems: 1 }), undefined);
  assert.equal(await attempt({ attributes: given({ ObjectGroup: 'none' }) }), undefined);
});

test('fresh members of a group are served in order, each once (OASIS TC-152)', async () => {
  const harness = createHarness();
  const ids = [await registeredKey(harness, inHex(1), { ObjectGroup: 'fresh' }), await registeredKey(harness, inHex(2), { ObjectGroup: 'fresh' })];
  const next = async (): Promise<unknown> => {
    const items = await harness.batch([
      { operation: locate as never, payload: { maximumItems: 1, objectGroupMember: ObjectGroupMember.GroupMemberFresh, attributes: given({ ObjectGroup: 'fresh' }) } },
      { operation: get as never, payload: {} },
    ], { version: 14, header: { batchOrderOption: true } });
    return (items[1]?.payload as { uniqueIdentifier: string } | undefined)?.uniqueIdentifier;
  };
  assert.deepEqual([await next(), await next(), await next()], [...ids, undefined]);
});

test('the default member of a group is the one whose turn it is (OASIS TC-153)', async () => {
  const harness = createHarness();
  const ids: string[] = [];
  for (let index = 0; index < 3; index++) ids.push(await created(harness, { ObjectGroup: 'turns' }));
  const next = () => located(harness, { ObjectGroup: 'turns' }, { objectGroupMember: ObjectGroupMember.GroupMemberDefault });
  const served: string[] = [];
  for (let index = 0; index < 5; index++) served.push(...(await next()));
  assert.deepEqual(served, [...ids, ids[0], ids[1]]);
  assert.deepEqual(await located(harness, { ObjectGroup: 'none' }, { objectGroupMember: ObjectGroupMember.GroupMemberDefault }), []);
});

test('nobody finds what is in another scope', async () => {
  const harness = createHarness();
  const theirs = await created(harness, { Name: named('theirs') }, { caller: harness.callerOf('beta') });
  for (const filters of [{}, { UniqueIdentifier: theirs }, { Name: named('theirs') }, { ObjectType: ObjectType.SymmetricKey }]) assert.deepEqual(await located(harness, filters), []);
});

test('an object that the same message has made is found', async () => {
  const harness = createHarness();
  const items = await harness.batch([
    { operation: (await import('../../src/operations/create.ts')).create as never, payload: { objectType: ObjectType.SymmetricKey, attributes: given({ CryptographicAlgorithm: CryptographicAlgorithm.AES, CryptographicUsageMask: 12, Name: named('just now') }) } },
    { operation: locate as never, payload: { attributes: given({ Name: named('just now') }) } },
  ], { header: { batchOrderOption: true } });
  assert.deepEqual((items[1]!.payload as { uniqueIdentifier: string[] }).uniqueIdentifier, [(items[0]!.payload as { uniqueIdentifier: string }).uniqueIdentifier]);
});

test('a page looks at no more objects than it shows, unless all have to be counted', async (context) => {
  const harness = createHarness();
  const made: string[] = [];
  for (let index = 0; index < 60; index += 1) made.push(await created(harness, { ContactInformation: index % 2 === 0 ? 'even' : 'odd' }));
  const looks = context.mock.method(harness.store, 'glance');
  const lookedAt = async (request: LocateRequest, version: number, filters: Given = {}): Promise<{ found: readonly string[]; count: number }> => {
    looks.mock.resetCalls();
    return { found: await located(harness, filters, request, version), count: looks.mock.callCount() };
  };
  assert.deepEqual(await lookedAt({ maximumItems: 2 }, 14), { found: made.slice(-2).reverse(), count: 2 });
  assert.deepEqual(await lookedAt({ maximumItems: 2 }, 12), { found: made.slice(0, 2), count: 2 });
  assert.deepEqual(await lookedAt({ maximumItems: 0 }, 14), { found: [], count: 0 });
  assert.deepEqual(await lookedAt({ maximumItems: 1 }, 14, { ContactInformation: 'even' }), { found: [made[58]!], count: 1 });
  assert.deepEqual(await lookedAt({ maximumItems: 2, offsetItems: 1 }, 14), { found: [made[58]!, made[57]!], count: 60 });
  assert.equal((await lookedAt({}, 14)).count, 60);
});

test('newest first holds for what the same message made and changed', async () => {
  const harness = createHarness();
  const older = [await created(harness, { ContactInformation: 'me' }), await created(harness, { ContactInformation: 'me' })];
  const attributes = { objectType: ObjectType.SymmetricKey, attributes: given({ CryptographicAlgorithm: CryptographicAlgorithm.AES, CryptographicUsageMask: 12, ContactInformation: 'me' }) };
  const create = (await import('../../src/operations/create.ts')).create as never;
  const items = await harness.batch([
    { operation: create, payload: attributes }, { operation: create, payload: attributes },
    { operation: locate as never, payload: { attributes: given({ ContactInformation: 'me' }) } },
    { operation: locate as never, payload: { maximumItems: 3, attributes: given({ ContactInformation: 'me' }) } },
  ], { header: { batchOrderOption: true } });
  const made = items.slice(0, 2).map((item) => (item.payload as { uniqueIdentifier: string }).uniqueIdentifier);
  const found = items.slice(2).map((item) => (item.payload as { uniqueIdentifier: string[] }).uniqueIdentifier);
  const newestFirst = [...older, ...made].reverse();
  assert.deepEqual(found, [newestFirst, newestFirst.slice(0, 3)]);
});
