/**
 * Changes that a node decides by its own view: what makes something new never replaces what came there meanwhile.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compared } from '../../src/member/proposal.ts';
import type { Mutation } from '../../src/storage/mutation.ts';
import { openReplicaStore } from '../../src/storage/replica-store.ts';
import { scopePut, testRootKey } from '../storage/sample-state.ts';
import { temporaryFolder } from '../storage/temporary-folder.ts';

test('a scope or role that another node made between decision and proposal is compared with nothing there, a setting with what is there', async (context) => {
  const store = await openReplicaStore({ folder: await temporaryFolder(context), rootKey: testRootKey });
  context.after(() => store.close());
  const role: Mutation = { kind: 'role-put', record: { scope: 'default', role: 'user', permissions: [], createdAt: 1 } };
  const setting: Mutation = { kind: 'setting-put', name: 'a', value: Uint8Array.of(1) };
  store.plan('of another node', [scopePut('default'), role, setting]);
  const [scopeBefore, roleBefore, settingBefore] = compared(store, [scopePut('default'), role, setting]).map(({ before }) => before);
  assert.equal(scopeBefore, null);
  assert.equal(roleBefore, null);
  assert.equal(settingBefore, store.compare(setting));
  assert.deepEqual(compared(store, [{ ...setting, name: 'b' }]).map(({ before }) => before), [null]);
});
