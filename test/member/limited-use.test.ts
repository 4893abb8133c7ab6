/**
 * Shares of Usage Limits: several nodes on one state spend exactly what the limit has, never more, and ask seldom.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readResponse, writeRequest } from '../../src/codec/message.ts';
import { BlockCipherMode, ResultStatus, RevocationReasonCode, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import { LimitedUse, planGrant } from '../../src/member/limited-use.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import { revoke } from '../../src/operations/revoke.ts';
import { createHarness } from '../engine/harness.ts';
import type { Harness } from '../engine/harness.ts';
import { putKey, storedAttribute } from '../engine/objects.ts';

interface Node {
  readonly use: LimitedUse;
  grants: number;
  isInTouch: boolean;
}

let planned: Promise<unknown> = Promise.resolve();

/** A primary plans one thing after the other. On a busy machine many messages wait too long for a share, and come here at once. */
function atPrimary<T>(plan: () => Promise<T>): Promise<T> {
  const done = planned.then(plan);
  planned = done.catch(() => undefined);
  return done;
}

/** A node whose store is the harness's own: what the cluster would have replicated. */
function nodeOf(harness: Harness, members: number): Node {
  const node: Node = {
    grants: 0,
    isInTouch: true,
    use: new LimitedUse({
      engine: async () => harness.primary,
      store: () => harness.store,
      callerOf: () => harness.callerOf('alpha'),
      spell: () => 1,
      isNewest: async () => node.isInTouch,
      members: () => members,
      grant(scope, uniqueIdentifier, units) {
        node.grants += 1;
        return atPrimary(async () => {
          const { granted, mutations } = planGrant(harness.store.pending().fetch(scope, uniqueIdentifier), units);
          await harness.store.commit(mutations);
          return granted;
        });
      },
      monotonic: () => performance.now(),
    }),
  };
  return node;
}

function encryptMessage(uniqueIdentifier: string, bytes = 16, items = 1): Uint8Array {
  const payload = { uniqueIdentifier, cryptographicParameters: { blockCipherMode: BlockCipherMode.GCM }, data: new Uint8Array(bytes) };
  return writeRequest(14, {}, Array.from({ length: items }, (_, index) => ({ operation: encrypt.code, ...(items > 1 ? { uniqueBatchItemID: Uint8Array.of(index) } : {}), payload: { type: encrypt.request, value: payload } })));
}

function limitedKey(harness: Harness, total: bigint, usageLimitsUnit: number = UsageLimitsUnit.Object): Promise<string> {
  return putKey(harness, { UsageLimits: { usageLimitsTotal: total, usageLimitsCount: total, usageLimitsUnit } });
}

const succeeded = (response: Uint8Array): boolean => readResponse(response).items.every(({ resultStatus }) => resultStatus === ResultStatus.Success);

/** At the node, else at the primary, as a member does it. */
async function used(harness: Harness, node: Node, message: Uint8Array): Promise<boolean> {
  const answer = (await node.use.answer(message, 'credential')) ?? (await atPrimary(() => harness.execute(message)));
  return succeeded(answer.response);
}

const left = (harness: Harness, id: string): bigint => storedAttribute(harness, id, 'UsageLimits')!.usageLimitsCount!;

test('three nodes together use a limit up, to the last unit but what they hold, and never more', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness, 1000n);
  const nodes = [nodeOf(harness, 3), nodeOf(harness, 3), nodeOf(harness, 3)];
  const results = await Promise.all(Array.from({ length: 1500 }, (_, index) => used(harness, nodes[index % 3]!, encryptMessage(id))));
  const uses = results.filter((each) => each).length;
  assert.ok(uses <= 1000, `${uses} uses of 1000`);
  assert.ok(uses >= 900, `${uses} uses of 1000`);
  assert.equal(left(harness, id), 0n);
  const grants = nodes.reduce((sum, node) => sum + node.grants, 0);
  assert.ok(grants < 300, `${grants} grants for ${uses} uses`);
});

test('what a node did not spend goes back when it leaves, and then it spends nothing any more', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness, 1000n);
  const node = nodeOf(harness, 3);
  for (let index = 0; index < 50; index += 1) assert.ok(await used(harness, node, encryptMessage(id)));
  assert.ok(left(harness, id) < 950n, 'more was granted than spent');
  await node.use.close();
  assert.equal(left(harness, id), 950n);
  assert.equal(await node.use.answer(encryptMessage(id), 'credential'), undefined);
});

test('a node out of touch with its cluster spends nothing', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness, 100n);
  const node = nodeOf(harness, 3);
  assert.ok(await used(harness, node, encryptMessage(id)));
  node.isInTouch = false;
  assert.equal(await node.use.answer(encryptMessage(id), 'credential'), undefined);
});

test('a revoked key has no share that counts, and what is refused is asked of the primary without further grants', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness, 100n);
  const node = nodeOf(harness, 1);
  for (let index = 0; index < 20; index += 1) assert.ok(await used(harness, node, encryptMessage(id)));
  await harness.perform(revoke, { uniqueIdentifier: id, revocationReason: { revocationReasonCode: RevocationReasonCode.CessationOfOperation } });
  const grants = node.grants;
  for (let index = 0; index < 5; index += 1) assert.equal(await used(harness, node, encryptMessage(id)), false);
  assert.ok(node.grants - grants <= 1);
});

test('a node whose store is made anew forgets its shares, one on its way included: they may have been granted in a history that was given up', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness, 1000n);
  const node = nodeOf(harness, 3);
  for (let index = 0; index < 50; index += 1) assert.ok(await used(harness, node, encryptMessage(id)));
  const grants = node.grants;
  node.use.forget();
  assert.ok(await used(harness, node, encryptMessage(id)));
  assert.equal(node.grants, grants + 1, 'nothing was left to spend');
  await node.use.close();
  const before = left(harness, id);
  const late = nodeOf(harness, 3);
  const answer = late.use.answer(encryptMessage(id), 'credential');
  while (late.grants === 0) await Promise.resolve();
  late.use.forget();
  assert.equal(await answer, undefined, 'the primary is asked');
  await late.use.close();
  assert.equal(left(harness, id), before - 1n, 'lost, not given back');
});

test('bytes are counted as bytes, and a batch needs all its items', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness, 64_000n, UsageLimitsUnit.Byte);
  const node = nodeOf(harness, 3);
  let bytes = 0;
  for (let index = 0; index < 60; index += 1) if (await used(harness, node, encryptMessage(id, 500, 4))) bytes += 2000;
  assert.ok(bytes <= 64_000 && bytes >= 40_000, `${bytes}`);
  await node.use.close();
  assert.equal(left(harness, id), BigInt(64_000 - bytes));
});

test('messages that do more than encrypt are the primary\'s', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness, 100n);
  const node = nodeOf(harness, 3);
  const message = writeRequest(14, {}, [{ operation: revoke.code, payload: { type: revoke.request, value: { uniqueIdentifier: id, revocationReason: { revocationReasonCode: RevocationReasonCode.Superseded } } } }]);
  assert.equal(await node.use.answer(message, 'credential'), undefined);
  assert.equal(await node.use.answer(Uint8Array.of(1, 2, 3), 'credential'), undefined);
});
