/**
 * Shares of Usage Limits when things go wrong between grant and use: whatever fails, no unit is spent twice, none that could go back
 * is kept, and the node goes on spending when it can again.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readResponse, writeRequest } from '../../src/codec/message.ts';
import { BlockCipherMode, ResultStatus, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import { LimitedUse, planGrant } from '../../src/member/limited-use.ts';
import type { LimitedUsePorts } from '../../src/member/limited-use.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import { getAttributes } from '../../src/operations/get-attributes.ts';
import type { Operation } from '../../src/operations/operation.ts';
import type { EnginePort } from '../../src/server/engine-port.ts';
import { createHarness } from '../engine/harness.ts';
import type { Harness } from '../engine/harness.ts';
import { putKey, storedAttribute } from '../engine/objects.ts';

const total = 1000n;

/** A node of three whose ports may be replaced one by one. */
function nodeOf(harness: Harness, ports: (own: LimitedUsePorts) => Partial<LimitedUsePorts> = () => ({})): LimitedUse {
  const own: LimitedUsePorts = {
    engine: async () => harness.primary,
    store: () => harness.store,
    callerOf: () => harness.callerOf('alpha'),
    spell: () => 1,
    isNewest: async () => true,
    members: () => 3,
    async grant(scope, uniqueIdentifier, units) {
      const { granted, mutations } = planGrant(harness.store.pending().fetch(scope, uniqueIdentifier), units);
      await harness.store.commit(mutations);
      return granted;
    },
    monotonic: () => performance.now(),
  };
  return new LimitedUse({ ...own, ...ports(own) });
}

const limitedKey = (harness: Harness): Promise<string> => putKey(harness, { UsageLimits: { usageLimitsTotal: total, usageLimitsCount: total, usageLimitsUnit: UsageLimitsUnit.Object } });
const left = (harness: Harness, id: string): bigint => storedAttribute(harness, id, 'UsageLimits')!.usageLimitsCount!;
const encryption = (uniqueIdentifier: string) => ({ operation: encrypt.code, payload: { type: encrypt.request, value: { uniqueIdentifier, cryptographicParameters: { blockCipherMode: BlockCipherMode.GCM }, data: new Uint8Array(16) } } });
const messageFor = (uniqueIdentifier: string): Uint8Array => writeRequest(14, {}, [encryption(uniqueIdentifier)]);

/** Whether the node answered by itself, which has to be a success then. */
async function spent(use: LimitedUse, uniqueIdentifier: string): Promise<boolean> {
  const answer = await use.answer(messageFor(uniqueIdentifier), 'credential');
  if (answer === undefined) return false;
  assert.ok(readResponse(answer.response).items.every(({ resultStatus }) => resultStatus === ResultStatus.Success));
  return true;
}

async function spentTimes(use: LimitedUse, uniqueIdentifier: string, times: number): Promise<void> {
  for (let time = 0; time < times; time += 1) assert.ok(await spent(use, uniqueIdentifier));
}

test('a share that is forgotten between an encryption and its spending is not spent, and nothing comes of it', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness);
  let onNewest = (): void => undefined;
  const use = nodeOf(harness, () => ({ isNewest: async () => { onNewest(); return true; } }));
  await spentTimes(use, id, 20);
  onNewest = () => use.forget();
  assert.equal(await spent(use, id), false, 'the primary is asked');
  onNewest = () => undefined;
  const before = left(harness, id);
  await spentTimes(use, id, 1);
  await use.close();
  assert.equal(left(harness, id), before - 1n, 'what was forgotten is not there to spend or to give back');
});

test('what does more than spend, though it was asked to encrypt, is left to the primary', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness);
  const engine: EnginePort = {
    refuse: () => new Uint8Array(0),
    async execute(...parts) {
      const executed = await harness.primary.execute(...parts);
      return executed.needsPrimary ? executed : { ...executed, mutations: [...executed.mutations, { kind: 'material-destroyed', scope: 'alpha', uniqueIdentifier: id }] };
    },
  };
  assert.equal(await nodeOf(harness, () => ({ engine: async () => engine })).answer(messageFor(id), 'credential'), undefined);
});

test('a message that looks at attributes besides is the primary\'s: here they would show the share as all that is left', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness);
  const look = { operation: getAttributes.code, payload: { type: (getAttributes as unknown as Operation).request, value: { uniqueIdentifier: id } } };
  const message = writeRequest(14, {}, [encryption(id), look].map((item, index) => ({ ...item, uniqueBatchItemID: Uint8Array.of(index) })));
  assert.equal(await nodeOf(harness).answer(message, 'credential'), undefined);
});

test('after a grant whose outcome is not known the primary is asked, and the next grant is spent as ever', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness);
  let isLost = true;
  const use = nodeOf(harness, ({ grant }) => ({ grant: async (...parts) => (isLost ? undefined : grant(...parts)) }));
  assert.equal(await spent(use, id), false);
  isLost = false;
  await spentTimes(use, id, 10);
  await use.close();
  assert.equal(left(harness, id), total - 10n);
});

test('an encryption that fails, its store having been closed under it, keeps nobody after it from being answered', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness);
  let isClosed = true;
  const use = nodeOf(harness, () => ({ engine: async () => { if (isClosed) throw new Error('the store is closed'); return harness.primary; } }));
  const [first, second] = [spent(use, id), spent(use, id)];
  await assert.rejects(first, /closed/);
  await assert.rejects(second, /closed/);
  isClosed = false;
  await spentTimes(use, id, 3);
});

test('who waited behind a grant that the primary was slow to give asks the primary, and an engine that does not come is not waited for', async (context) => {
  const harness = createHarness();
  const id = await limitedKey(harness);
  const { promise: slow, resolve: answered } = Promise.withResolvers<void>();
  let now = 0;
  const use = nodeOf(harness, ({ grant }) => ({ monotonic: () => now, grant: async (...parts) => { await slow; return grant(...parts); } }));
  const [first, behind] = [spent(use, id), spent(use, id)];
  await new Promise(setImmediate);
  now = 2_500;
  answered();
  assert.equal(await first, true);
  assert.equal(await behind, false);
  assert.equal(await spent(use, id), true, 'who comes later does not wait for long');
  context.mock.timers.enable({ apis: ['setTimeout'] });
  const waiting = spent(nodeOf(harness, () => ({ engine: () => new Promise(() => undefined) })), id);
  let isAnswered = false;
  void waiting.then(() => (isAnswered = true));
  for (let tick = 0; tick < 30 && !isAnswered; tick += 1) {
    await new Promise(setImmediate);
    context.mock.timers.tick(100);
  }
  await new Promise(setImmediate);
  assert.ok(isAnswered, 'after two seconds');
  assert.equal(await waiting, false);
});

test('a key makes room for others by giving its share back, and spends none of that afterwards', async () => {
  const harness = createHarness();
  const ids = [await limitedKey(harness), await limitedKey(harness), await limitedKey(harness)] as const;
  let grants = 0;
  const use = nodeOf(harness, ({ grant }) => ({ sharesMax: 2, grant: (scope, id, units) => { grants += units > 0 ? 1 : 0; return grant(scope, id, units); } }));
  await spentTimes(use, ids[0], 20);
  assert.ok(left(harness, ids[0]) < total - 20n, 'it holds more than it spent');
  await spentTimes(use, ids[1], 1);
  await spentTimes(use, ids[2], 1);
  assert.equal(left(harness, ids[0]), total - 20n);
  const before = grants;
  await spentTimes(use, ids[0], 1);
  assert.equal(grants, before + 1, 'it has to ask again');
  await use.close();
  assert.deepEqual(ids.map((id) => left(harness, id)), [total - 21n, total - 1n, total - 1n]);
});

test('a node that ends while a grant is on its way gives that back as well', async () => {
  const harness = createHarness();
  const id = await limitedKey(harness);
  let slow = Promise.resolve();
  const use = nodeOf(harness, ({ grant }) => ({ grant: async (...parts) => { await slow; return grant(...parts); } }));
  await spentTimes(use, id, 3);
  const { promise, resolve } = Promise.withResolvers<void>();
  slow = promise;
  // Some of these are answered out of the share; the next needs another grant, which is on its way when the node ends.
  const uses = Array.from({ length: 10 }, () => spent(use, id));
  await new Promise(setImmediate);
  const closed = use.close();
  resolve();
  await closed;
  const spentMore = (await Promise.all(uses)).filter((isSpent) => isSpent).length;
  assert.equal(left(harness, id), total - 3n - BigInt(spentMore));
});
