/**
 * Interop: Begin and End do nothing, for every role that may; Reset is refused; Query shows it to roles for tests only.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InteropFunction, Operation, QueryFunction } from '../../src/kmip/enums.ts';
import { interop } from '../../src/operations/interop.ts';
import { query } from '../../src/operations/query.ts';
import { createHarness } from '../engine/harness.ts';

const version = 21;
const roles = [
  { permissions: ['operation_all'], listed: false },
  { permissions: ['operation_get', 'operation_interop'], listed: false },
  { permissions: ['operation_all', 'interop_tests'], listed: true },
  { permissions: ['operation_get', 'interop_tests'], listed: true },
];

for (const { permissions, listed } of roles) {
  test(`a client with ${permissions.join(' and ')} begins and ends tests, may not reset, and Query ${listed ? 'lists' : 'hides'} it`, async () => {
    const harness = createHarness({ permissions });
    for (const interopFunction of [InteropFunction.Begin, InteropFunction.End]) {
      const [item] = await harness.batch([{ operation: interop, payload: { interopFunction, interopIdentifier: 'BL-M-2-21' } }], { version });
      assert.deepEqual(item?.payload, {});
    }
    await assert.rejects(harness.perform(interop, { interopFunction: InteropFunction.Reset }, { version }), { reason: 'FeatureNotSupported' });
    const { operation } = await harness.perform(query, { queryFunction: [QueryFunction.QueryOperations] }, { version });
    assert.equal(operation?.includes(Operation.Interop) ?? false, listed);
  });
}

test('to a client whose role allows neither it does not exist, whatever the function', async () => {
  const harness = createHarness({ permissions: ['operation_get'] });
  for (const interopFunction of [InteropFunction.Begin, InteropFunction.End, InteropFunction.Reset]) {
    await assert.rejects(harness.perform(interop, { interopFunction }, { version }), { reason: 'OperationNotSupported' });
  }
  const { operation } = await harness.perform(query, { queryFunction: [QueryFunction.QueryOperations] }, { version });
  assert.ok(!operation?.includes(Operation.Interop));
});
