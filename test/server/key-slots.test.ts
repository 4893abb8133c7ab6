/**
 * The worker's slots: answers without the engine, an object loaded once and from memory of its own, dropped by the coherence ring, as many
 * as there is room for; and the message service around it, which asks here first.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PERMISSION_ENCRYPT } from '../../core/abi.ts';
import { readResponse, writeRequest } from '../../src/codec/message.ts';
import { BlockCipherMode, ObjectType, ResultStatus, State } from '../../src/kmip/enums.ts';
import type { Managed } from '../../src/kmip/managed.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import type { Caller } from '../../src/operations/context.ts';
import { nonceSource } from '../../src/random.ts';
import { CoherenceFollower, CoherencePublisher, objectHash } from '../../src/server/coherence.ts';
import { createFastPath } from '../../src/server/engine-parts.ts';
import { KeySlots } from '../../src/server/key-slots.ts';
import { warmUp } from '../../src/server/warm-up.ts';
import { compileCore, instantiateCore } from '../../src/wasm/load.ts';
import { uniformCrossovers } from '../../src/wasm/accelerator.ts';
import type { Crossovers } from '../../src/wasm/accelerator.ts';
import { rawMaterial } from '../core/fast-path-twins.ts';

const core = compileCore();
const clock = { now: () => 1_800_000_000_500, monotonic: () => performance.now() };
const callerOf = (scope: string, ...permissions: string[]): Caller => ({ scope, role: 'r', permissions, credential: 'c' });
const caller = callerOf('s', 'operation_encrypt');

function slotsOf(slotCount = 8, crossovers?: Crossovers) {
  const fetches: string[] = [];
  const handedOut: Uint8Array[] = [];
  const counts = { slots: 0, loads: 0 };
  const state = { now: State.Active as number, fails: false, unstable: 0 };
  const instance = instantiateCore(core);
  const nonces = nonceSource(5);
  const fastPath = createFastPath(instance, nonces, slotCount, crossovers);
  const slots = new KeySlots({
    fastPath, clock,
    marks: { unstable: () => state.unstable },
    counts: { keySlots: (count) => { counts.slots = count; }, keySlotLoaded: () => { counts.loads += 1; } },
    fetch(scope, uniqueIdentifier): Managed | undefined {
      if (state.fails) throw new Error('the store is gone');
      fetches.push(`${scope}/${uniqueIdentifier}`);
      if (uniqueIdentifier.startsWith('missing')) return undefined;
      const key = new Uint8Array(32).fill(uniqueIdentifier.length);
      handedOut.push(key);
      const attributes = new Map([['State', state.now], ['CryptographicAlgorithm', 3], ['CryptographicUsageMask', 4]].map(([name, value]) => [name as string, [{ index: 0, value }]]));
      return { scope, uniqueIdentifier, objectType: ObjectType.SymmetricKey, attributes, material: rawMaterial(key), revision: 1 };
    },
  });
  return { slots, fastPath, instance, nonces, fetches, handedOut, counts, state };
}

const message = (...identifiers: string[]): Uint8Array =>
  writeRequest(21, {}, identifiers.map((uniqueIdentifier) => ({
    operation: encrypt.code,
    payload: { type: encrypt.request, value: { uniqueIdentifier, cryptographicParameters: { blockCipherMode: BlockCipherMode.GCM }, data: new Uint8Array(20) } },
  })));

test('an object is loaded once, from bytes that are wiped at once', () => {
  const { slots, fetches, handedOut, counts } = slotsOf();
  for (let turn = 0; turn < 3; turn += 1) {
    const answer = slots.answer(message('a'), caller);
    assert.deepEqual(answer?.items, [{ operation: encrypt.code, reason: 0 }]);
    assert.equal(answer.version, 21);
    assert.equal(readResponse(answer.response).items[0]?.resultStatus, ResultStatus.Success);
  }
  assert.deepEqual(fetches, ['s/a']);
  assert.ok(handedOut.every((key) => key.every((byte) => byte === 0)));
  assert.deepEqual(counts, { slots: 1, loads: 1 });
});

test('what the ring names is loaded anew with the next message, and all of it when the ring overran', () => {
  const { slots, fetches, counts, state } = slotsOf();
  const publisher = new CoherencePublisher();
  const follower = new CoherenceFollower(publisher.memory, { drop: (high, low) => slots.drop(high, low), dropAll: () => slots.dropAll(), identityChanged() {} });
  assert.ok(slots.answer(message('a', 'b'), caller));
  publisher.publish([{ scope: 's', uniqueIdentifier: 'b' }, { scope: 'other', uniqueIdentifier: 'a' }], false);
  state.now = State.Deactivated;
  assert.ok(slots.answer(message('b'), caller), 'until the worker looks');
  follower.refresh();
  assert.equal(counts.slots, 1);
  assert.equal(slots.answer(message('b'), caller), undefined, 'a revoked key is the engine\'s to refuse');
  assert.ok(slots.answer(message('a'), caller), 'the other key was not touched');
  for (let count = 0; count < 5; count += 1) publisher.publish(Array.from({ length: 5000 }, () => ({ scope: 's', uniqueIdentifier: 'c' })), false);
  follower.refresh();
  assert.equal(counts.slots, 0);
  assert.equal(slots.answer(message('a'), caller), undefined);
  assert.deepEqual(fetches, ['s/a', 's/b', 's/b', 's/a']);
});

test('evicted slots are forgotten, so that a late drop hits nobody else', () => {
  const { slots, counts, fetches } = slotsOf(3);
  for (let count = 0; count < 40; count += 1) assert.ok(slots.answer(message(`key ${count}`), caller));
  assert.equal(counts.slots, 3);
  assert.equal(counts.loads, 40);
  for (let count = 0; count < 37; count += 1) slots.drop(...objectHash('s', `key ${count}`));
  assert.equal(counts.slots, 3);
  const loaded = fetches.length;
  assert.ok(slots.answer(message('key 37', 'key 38', 'key 39'), caller));
  assert.equal(fetches.length, loaded);
});

test('scopes, permissions, missing objects and a store that fails are the engine\'s', () => {
  const { slots, fetches, state } = slotsOf();
  assert.ok(slots.answer(message('a'), caller));
  assert.ok(slots.answer(message('a'), callerOf('t', 'operation_all')), 'the same name in another scope is another object');
  assert.deepEqual(fetches, ['s/a', 't/a']);
  assert.equal(slots.answer(message('a'), callerOf('s', 'operation_get')), undefined);
  assert.equal(slots.answer(message('a'), callerOf('s', 'operation_none')), undefined);
  assert.equal(slots.answer(message('a', 'missing'), caller), undefined);
  state.fails = true;
  assert.equal(slots.answer(message('b'), caller), undefined);
  assert.ok(slots.answer(message('a'), caller));
});

test('nonces of engine and fast path are of one source', () => {
  const { slots, nonces } = slotsOf();
  const seen = new Set<string>();
  for (let turn = 0; turn < 3000; turn += 1) {
    seen.add(Buffer.from(nonces()).toString('hex'));
    const response = Buffer.from(slots.answer(message('a'), caller)!.response).toString('hex');
    seen.add(/42003d080000000c(.{24})/.exec(response)![1]!);
  }
  assert.equal(seen.size, 6000);
  assert.ok([...seen].every((nonce) => nonce.startsWith('00000005')));
});

test('data from the crossover on is left to the engine, where node:crypto is faster', () => {
  const { slots } = slotsOf(8, uniformCrossovers(0.4));
  assert.ok(slots.answer(message('a'), caller) === undefined, '20 bytes are more than 16, forty times the crossover');
  assert.ok(slotsOf(8, uniformCrossovers(0.6)).slots.answer(message('a'), caller), 'and less than 24');
});

test('warming up answers messages by the fast path, and leaves no slot', async () => {
  const { fastPath, nonces, slots, fetches, counts } = slotsOf(1);
  const before = nonces.take(0);
  const ticks = [0, 1, 1000];
  const ciphers = { encrypt: () => ({ data: new Uint8Array(0), mac: new Uint8Array(0) }), decrypt: () => new Uint8Array(0) };
  const engine = { execute: () => ({ needsPrimary: true }) };
  await warmUp(engine as never, ciphers as never, { now: () => 0, monotonic: () => ticks.shift() ?? 1000 }, fastPath);
  assert.ok(nonces.take(0) > before, 'nonces were used');
  assert.deepEqual([fetches, counts], [[], { slots: 0, loads: 0 }]);
  assert.equal(fastPath.handle(message('warm-up'), 0, PERMISSION_ENCRYPT, 0).kind, 'slot-missing');
  fastPath.forget();
  assert.ok(slots.answer(message('a'), caller));
});

test('an object under a change that is not stable gets no slot, and its bytes are wiped', () => {
  const { slots, handedOut, counts, state } = slotsOf();
  state.unstable = 7;
  assert.equal(slots.answer(message('a'), caller), undefined);
  assert.equal(slots.answer(message('a', 'b'), caller), undefined);
  assert.equal(handedOut.length, 2);
  assert.ok(handedOut.every((key) => key.every((byte) => byte === 0)));
  assert.deepEqual(counts, { slots: 0, loads: 0 });
  state.unstable = 0;
  assert.ok(slots.answer(message('a'), caller));
});
