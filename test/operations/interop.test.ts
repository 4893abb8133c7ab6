/**
 * Interop: there for roles that name it, for all others as if it were not.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InteropFunction, Operation, QueryFunction } from '../../src/kmip/enums.ts';
import { interop } from '../../src/operations/interop.ts';
import { query } from '../../src/operations/query.ts';
import { createHarness } from '../engine/harness.ts';

test('a role that names the permission begins and ends tests, and may not reset the server', async () => {
  const harness = createHarness({ permissions: ['operation_all', 'interop_tests'] });
  const version = 21;
  for (const interopFunction of [InteropFunction.Begin, InteropFunction.End]) {
    assert.deepEqual(await harness.perform(interop, { interopFunction, interopIdentifier: 'BL-M-2-21' }, { version }), {});
  }
  await assert.rejects(harness.perform(interop, { interopFunction: InteropFunction.Reset }, { version }), { reason: 'FeatureNotSupported' });
  const { operation } = await harness.perform(query, { queryFunction: [QueryFunction.QueryOperations] }, { version });
  assert.ok(operation?.includes(Operation.Interop));
});

test('for every other role it does not exist', async () => {
  const harness = createHarness({ permissions: ['operation_all'] });
  await assert.rejects(harness.perform(interop, { interopFunction: InteropFunction.Begin }, { version: 21 }), { reason: 'OperationNotSupported' });
  const { operation } = await harness.perform(query, { queryFunction: [QueryFunction.QueryOperations] }, { version: 21 });
  assert.ok(!operation?.includes(Operation.Interop));
});
