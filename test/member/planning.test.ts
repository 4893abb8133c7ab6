/**
 * Planning over the end of a tenure: what was forgotten while it was being decided leaves nothing behind, least of all a nonce prefix
 * that no entry takes.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterEvent } from '../../cluster/ports.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { PlannerNonces } from '../../src/member/planner-nonces.ts';
import { Planner } from '../../src/member/planner.ts';
import { mutationsFrom, outcomeFrom, proposalBytes } from '../../src/member/proposal.ts';
import { Replica } from '../../src/member/replica.ts';
import type { EnginePort } from '../../src/server/engine-port.ts';
import type { Mutation } from '../../src/storage/mutation.ts';

const message = (number: number): Uint8Array => proposalBytes({ kind: 'message', message: Uint8Array.of(number), credential: 'c' });

/** A replica whose planner answers with one nonce, after a wait of its own where the message is in `slow`. */
async function opened(context: TestContext, slow: ReadonlyMap<number, Promise<void>>) {
  const folder = mkdtempSync(join(tmpdir(), 'kmipd-planning-'));
  const events: ClusterEvent[] = [];
  const faults: unknown[] = [];
  let planner: Planner | undefined;
  const { replica } = await Replica.open({
    options: { folder: join(folder, 'store'), rootKey: new Uint8Array(32).fill(3) },
    limits: { proposalKeptMs: 1_000, tailEntries: 20, tailBytes: 1 << 20, resultBytes: 1 << 20 },
    log: silentLog,
    emit: (event) => events.push(event),
    snapshots: () => assert.fail('no snapshots'),
    plan: (payload) => planner!.plan(payload),
    refuse: (payload) => planner!.refuse(payload),
    unplanned: () => planner!.forget(),
    applying: () => undefined, applied: () => undefined, suspend: async () => undefined, reopened: () => undefined, resume: async () => undefined,
    onFault: (error) => faults.push(error),
  });
  context.after(async () => {
    await replica.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const nonces = new PlannerNonces(() => replica.store.nextNoncePrefix);
  const engine: EnginePort = {
    async execute(bytes) {
      await slow.get(bytes[0]!);
      if (bytes[0] === 98) return { needsPrimary: false, response: Buffer.concat([nonces.source(), Buffer.alloc(1 << 20)]), mutations: [], items: [], version: 14 };
      if (bytes[0] === 99) return { needsPrimary: false, response: nonces.source(), mutations: [{ kind: 'material-destroyed', scope: 'nowhere', uniqueIdentifier: 'nothing' }], items: [], version: 14 };
      return { needsPrimary: false, response: nonces.source(), mutations: [], items: [], version: 14 };
    },
    refuse: () => new Uint8Array(0),
  };
  planner = new Planner({ engine, nonces, log: silentLog, clock: systemClock, store: () => replica.store, callerOf: () => ({ scope: 's', role: 'r', permissions: [], credential: 'c' }), workBytesMax: 1 << 20, planned: () => undefined });
  const planned = async (proposal: string): Promise<{ readonly taken: readonly number[]; readonly prefix: number }> => {
    for (;;) {
      const event = events.find((each) => each.kind === 'planned' && each.proposal === proposal);
      if (event?.kind === 'planned') {
        const outcome = outcomeFrom(event.result);
        const taken = mutationsFrom(event.mutations).flatMap((mutation) => (mutation.kind === 'nonce-prefix-taken' ? [mutation.prefix] : []));
        assert.equal(outcome.kind, 'answer');
        return { taken, prefix: outcome.kind === 'answer' ? Buffer.from(outcome.response).readUInt32BE() : -1 };
      }
      await sleep(1);
    }
  };
  return { replica, events, faults, planned };
}

test('a plan that ends in the next tenure of the same node takes no prefix away from the plans of that tenure', { timeout: 10_000 }, async (context) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { replica, events, faults, planned } = await opened(context, new Map([[1, promise]]));
  replica.plan('slow', message(1));
  await sleep(20);
  // The tenure is over; the next one opens here as well.
  replica.unplan();
  replica.unplan();
  resolve();
  await sleep(20);
  replica.plan('next', message(2));
  const { taken, prefix } = await planned('next');
  assert.deepEqual(taken, [prefix], 'the work that uses a prefix first takes it');
  assert.equal(events.some((event) => event.kind === 'planned' && event.proposal === 'slow'), false);
  assert.deepEqual(faults, []);
});

test('a plan of the next tenure begins when one that was forgotten has ended', { timeout: 10_000 }, async (context) => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const { replica, events, planned } = await opened(context, new Map([[1, promise]]));
  replica.plan('slow', message(1));
  await sleep(20);
  replica.unplan();
  replica.unplan();
  replica.plan('next', message(2));
  await sleep(20);
  assert.deepEqual(events, []);
  resolve();
  const { taken, prefix } = await planned('next');
  assert.deepEqual(taken, [prefix]);
});

test('a forgotten plan that fails, its store being another by now, is no fault of the node', { timeout: 10_000 }, async (context) => {
  const { replica, faults, planned } = await opened(context, new Map());
  // Not a proposal at all: decoding it throws, as a store does that was closed.
  replica.plan('broken', Uint8Array.of(0xff));
  replica.unplan();
  replica.plan('next', message(2));
  await planned('next');
  assert.deepEqual(faults, []);
});

test('a role for a scope that was planned and forgotten is a conflict, not the end of the primary', { timeout: 10_000 }, async (context) => {
  const { replica, events, faults } = await opened(context, new Map());
  const result = async (proposal: string, mutations: readonly Mutation[]): Promise<string> => {
    replica.plan(proposal, proposalBytes({ kind: 'change', changes: mutations.map((mutation) => ({ before: null, mutation })) }));
    for (;;) {
      const event = events.find((each) => each.kind === 'planned' && each.proposal === proposal);
      if (event?.kind === 'planned') return outcomeFrom(event.result).kind;
      if (faults.length > 0) throw faults[0];
      await sleep(1);
    }
  };
  const role: Mutation = { kind: 'role-put', record: { scope: 'new', role: 'user', permissions: [], createdAt: 1 } };
  const scope: Mutation = { kind: 'scope-put', record: { scope: 'new', sealedRootKey: new Uint8Array(1), createdAt: 1 } };
  assert.equal(await result('alone', [role]), 'conflict');
  assert.equal(await result('together', [scope, role]), 'changed');
  assert.deepEqual(faults, []);
});

test('a decision that does not fit the state is refused and ends no node, and leaves no prefix behind', { timeout: 10_000 }, async (context) => {
  const { replica, events, faults, planned } = await opened(context, new Map());
  replica.plan('misfit', message(99));
  await sleep(50);
  const event = events.find((each) => each.kind === 'planned' && each.proposal === 'misfit');
  assert.ok(event?.kind === 'planned');
  assert.deepEqual(mutationsFrom(event.mutations), []);
  replica.plan('next', message(1));
  const { taken, prefix } = await planned('next');
  assert.deepEqual(taken, [prefix]);
  assert.deepEqual(faults, []);
});

test('a prefix that was used for an answer too long to be given stays the planner\'s: the next work takes it, and a thread that asks gets another', { timeout: 10_000 }, async (context) => {
  const { replica, events, faults, planned } = await opened(context, new Map());
  replica.plan('long', message(98));
  replica.plan('thread', proposalBytes({ kind: 'nonce-prefix' }));
  replica.plan('next', message(1));
  const { taken, prefix } = await planned('next');
  const given = events.find((each) => each.kind === 'planned' && each.proposal === 'thread');
  assert.ok(given?.kind === 'planned');
  const outcome = outcomeFrom(given.result);
  assert.ok(outcome.kind === 'nonce-prefix' && outcome.prefix !== prefix, `a thread has the planner's prefix ${prefix}`);
  assert.deepEqual(mutationsFrom(given.mutations), [prefix, outcome.prefix].map((each) => ({ kind: 'nonce-prefix-taken', prefix: each })));
  assert.deepEqual(taken, []);
  assert.deepEqual(faults, []);
});
