/**
 * What a member says of itself, before and after it has joined, and when its log has lost what nobody can put back.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ClusterNode } from '../../cluster/node.ts';
import { emptyReplicated } from '../../cluster/replicated.ts';
import { statusOf } from '../../src/member/status.ts';

const own = { name: 'c', node: 'n1', permitMs: 0, waiting: 0, nats: undefined, onDisk: 12 };

test('before it has joined it tells what is on its disk', () => {
  const { role, sequence, applied, logLost, primary } = statusOf({ ...own, protocol: undefined });
  assert.deepEqual({ role, sequence, applied, logLost, primary }, { role: 'joining', sequence: 12, applied: 12, logLost: 0, primary: undefined });
});

test('entries that the log lost for good are told: an operator has to look', () => {
  const protocol = { role: 'opening', logLost: 5, state: { replicated: { ...emptyReplicated(), sequence: 12, fence: { counter: 3, node: 'n2' } }, applied: 12, stable: 11 } } as unknown as ClusterNode;
  const { role, logLost, primary, fence } = statusOf({ ...own, protocol });
  assert.deepEqual({ role, logLost, primary, fence }, { role: 'opening', logLost: 5, primary: 'n2', fence: 3 });
});
