/**
 * Query: what is there is told, what is not there or not of the version is not.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ObjectType, Operation, QueryFunction } from '../../src/kmip/enums.ts';
import { operations } from '../../src/operations/index.ts';
import { query } from '../../src/operations/query.ts';
import { createHarness } from '../engine/harness.ts';
import { item, request } from '../harness/text.ts';

const harness = createHarness();
const everything = Object.values(QueryFunction);

test('operations are those of the version, all of them and no other', async () => {
  for (const version of [10, 11, 12, 14, 20, 21]) {
    const { operation } = await harness.perform(query, { queryFunction: [QueryFunction.QueryOperations] }, { version });
    const expected = operations.filter((each) => each.since <= version && each.name !== 'Interop').map((each) => each.code);
    assert.deepEqual([...(operation ?? [])].sort((a, b) => a - b), expected.sort((a, b) => a - b));
  }
  const { operation } = await harness.perform(query, { queryFunction: [QueryFunction.QueryOperations] }, { version: 10 });
  assert.ok(!operation?.includes(Operation.Encrypt) && !operation?.includes(Operation.DiscoverVersions));
});

test('object types are the three that can be stored', async () => {
  const { objectType } = await harness.perform(query, { queryFunction: [QueryFunction.QueryObjects] });
  assert.deepEqual(objectType, [ObjectType.SymmetricKey, ObjectType.SecretData, ObjectType.OpaqueObject]);
});

test('server information is an empty structure in 1.x and has names in 2.x', async () => {
  const older = await harness.sendText(request(12, [{ operation: 'Query', payload: [item('QueryFunction', 'QueryServerInformation')] }]));
  assert.match(older, /VendorIdentification "kmipd"\n\s+ServerInformation$/);
  const newer = await harness.perform(query, { queryFunction: [QueryFunction.QueryServerInformation] }, { version: 21 });
  assert.equal(newer.serverInformation?.serverName, 'harness');
});

test('functions that a version lacks answer nothing at that version', async () => {
  const answer = await harness.perform(query, { queryFunction: everything }, { version: 10 });
  assert.deepEqual(Object.keys(answer).sort(), ['objectType', 'operation', 'serverInformation', 'vendorIdentification']);
  const newest = await harness.perform(query, { queryFunction: everything }, { version: 21 });
  assert.ok(newest.protectionStorageMasks !== undefined && newest.defaultsInformation !== undefined);
});

test('capabilities say what the server does', async () => {
  const [capabilities] = (await harness.perform(query, { queryFunction: [QueryFunction.QueryCapabilities] })).capabilityInformation ?? [];
  assert.equal(capabilities?.streamingCapability, true);
  assert.equal(capabilities?.batchUndoCapability, true);
  assert.equal(capabilities?.asynchronousCapability, false);
  assert.equal(capabilities?.quantumSafeCapability, undefined, 'a field of 2.0');
});

test('profiles are told once for each version in 1.x and once in 2.x', async () => {
  const names = async (version: number) => ((await harness.perform(query, { queryFunction: [QueryFunction.QueryProfiles] }, { version })).profileInformation ?? []).map((each) => each.profileName);
  assert.ok((await names(13)).every((name) => name <= 120));
  assert.ok((await names(14)).some((name) => name > 120 && name <= 156));
  assert.deepEqual((await names(21)).sort(), [265, 269, 279, 285]);
});

test('a Query without a function is refused', async () => {
  await assert.rejects(harness.perform(query, {}), { reason: 'InvalidMessage' });
});
