/**
 * The writing thread's queue: serial planning on pending state, answers after commit and publication, in order; overload
 * is told at once; a failed store stops everything.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Caller } from '../../src/operations/context.ts';
import type { Mutation } from '../../src/storage/mutation.ts';
import type { CommitReport, Store } from '../../src/storage/store.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import type { EnginePort } from '../../src/server/engine-port.ts';
import { Writer } from '../../src/server/writer.ts';

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
const caller: Caller = { scope: 's', role: 'r', permissions: [], credential: 'c' };

interface Bench {
  readonly writer: Writer;
  readonly events: string[];
  readonly faults: unknown[];
  /** Lets the next commit be synced. */
  sync(): void;
  failing: Error | undefined;
}

/** Each message is a number; its commit is on disk when `sync` says so. */
function bench(limits = { writerMessages: 100, writerBytes: 10_000 }, callers = new Map([['c', caller]])): Bench {
  const events: string[] = [];
  const faults: unknown[] = [];
  const held: (() => void)[] = [];
  const memory = createMemoryStore();
  const store: Store = Object.assign(Object.create(memory) as Store, {
    pending: () => memory.pending(),
    commit: async (mutations: readonly Mutation[]): Promise<CommitReport> => {
      const [first] = mutations;
      const number = first?.kind === 'setting-put' ? first.name : 'nothing';
      events.push(`commit ${number}`);
      await new Promise<void>((resolve) => held.push(resolve));
      if (made.failing !== undefined) throw made.failing;
      return { sequence: 1, managed: [{ scope: 's', uniqueIdentifier: number }], identityChanged: false };
    },
  });
  const engine: EnginePort = {
    async execute(message) {
      const number = message[0]!;
      events.push(`plan ${number}`);
      if (number === 66) throw new Error('a bug');
      await pause(number === 1 ? 10 : 0);
      events.push(`planned ${number}`);
      const mutations: Mutation[] = number >= 100 ? [] : [{ kind: 'setting-put', name: String(number), value: message }];
      return { needsPrimary: false, response: message, mutations, items: [], version: 14 };
    },
    refuse: (reason) => new TextEncoder().encode(reason),
  };
  const made: Bench = {
    writer: new Writer({
      engine, store, clock: systemClock, log: silentLog, limits,
      metrics: { planned() {}, committed() {}, refused: () => events.push('refused') },
      callerOf: (credential) => callers.get(credential),
      publish: ({ managed }) => events.push(`publish ${managed[0]!.uniqueIdentifier}`),
      onFault: (error) => faults.push(error),
    }),
    events, faults,
    sync: () => { for (const resolve of held.splice(0)) resolve(); },
    failing: undefined,
  };
  return made;
}

/** Waits until so many commits have begun: on a busy machine that takes its time. */
async function commits({ events }: Bench, count: number): Promise<void> {
  for (let waited = 0; events.filter((event) => event.startsWith('commit')).length < count; waited += 5) {
    assert.ok(waited < 10_000, `waiting for ${count} commits, got ${events.join(', ')}`);
    await pause(5);
  }
}

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

test('messages are planned one at a time, commits do not wait for each other, answers follow the publication', async () => {
  const made = bench();
  const { writer, events, sync } = made;
  const answers = [1, 2, 3].map((number) => writer.submit(Uint8Array.of(number), 'c').then(({ response }) => events.push(`answer ${response[0]}`)));
  await commits(made, 3);
  assert.deepEqual(events, ['plan 1', 'planned 1', 'commit 1', 'plan 2', 'planned 2', 'commit 2', 'plan 3', 'planned 3', 'commit 3']);
  assert.equal(writer.queued, 3);
  sync();
  await Promise.all(answers);
  const after = events.slice(9);
  assert.deepEqual(after.filter((event) => event.startsWith('answer')), ['answer 1', 'answer 2', 'answer 3']);
  for (const number of [1, 2, 3]) {
    const published = after.indexOf(`publish ${number}`);
    assert.ok(published >= 0 && published < after.indexOf(`answer ${number}`), `answer ${number} left before its publication`);
  }
  assert.equal(writer.queued, 0);
  await writer.drained();
});

test('a read on the writing thread waits for the commit that it may have seen', async () => {
  const made = bench();
  const { writer, events, sync } = made;
  const read = writer.submit(Uint8Array.of(100), 'c').then(() => events.push('answer'));
  await commits(made, 1);
  assert.ok(!events.includes('answer'));
  sync();
  await read;
});

test('credentials take turns, each in its own order: one that sends many does not hold up another', async () => {
  const made = bench(undefined, new Map([['c', caller], ['d', { ...caller, credential: 'd' }]]));
  const { writer, events, sync } = made;
  const answers = [writer.submit(Uint8Array.of(1), 'c'), writer.submit(Uint8Array.of(2), 'c'), writer.submit(Uint8Array.of(3), 'c'), writer.submit(Uint8Array.of(4), 'd'), writer.submit(Uint8Array.of(5), 'd')];
  await commits(made, 5);
  assert.deepEqual(events.filter((event) => event.startsWith('plan ')), ['plan 1', 'plan 2', 'plan 4', 'plan 3', 'plan 5']);
  sync();
  await Promise.all(answers);
});

test('after a write set without mutations the next one is committed', async () => {
  const store = createMemoryStore();
  await store.commit([]);
  const report = await store.commit([{ kind: 'setting-put', name: 'a', value: Uint8Array.of(1) }]);
  assert.equal(report.sequence, 1);
});

test('more messages or bytes than the limit are refused at once, and the rest is answered', async () => {
  for (const limits of [{ writerMessages: 2, writerBytes: 10_000 }, { writerMessages: 100, writerBytes: 2 }]) {
    const made = bench(limits);
    const { writer, sync } = made;
    const first = [writer.submit(Uint8Array.of(2), 'c'), writer.submit(Uint8Array.of(3), 'c')];
    assert.equal(text((await writer.submit(Uint8Array.of(4), 'c')).response), 'ServerLimitExceeded');
    await commits(made, 2);
    sync();
    assert.deepEqual((await Promise.all(first)).map(({ response }) => response[0]), [2, 3]);
    const again = writer.submit(Uint8Array.of(5), 'c');
    await commits(made, 3);
    sync();
    assert.equal((await again).response[0], 5);
  }
});

test('a credential that is not good any more is refused, a bug fails its own message only', async () => {
  const made = bench();
  const { writer, sync } = made;
  const answers = [writer.submit(Uint8Array.of(2), 'gone'), writer.submit(Uint8Array.of(66), 'c'), writer.submit(Uint8Array.of(3), 'c')];
  await commits(made, 3);
  sync();
  const [gone, bug, good] = (await Promise.all(answers)).map(({ response }) => text(response));
  assert.equal(gone, 'AuthenticationNotSuccessful');
  assert.equal(bug, 'GeneralFailure');
  assert.equal(good, '\u0003');
});

test('a failed commit is told as a failure, stops the writer, and is reported once', async () => {
  const each = bench();
  const answers = [2, 3].map((number) => each.writer.submit(Uint8Array.of(number), 'c'));
  await commits(each, 2);
  each.failing = new Error('disk full');
  each.sync();
  assert.deepEqual((await Promise.all(answers)).map(({ response }) => text(response)), ['GeneralFailure', 'GeneralFailure']);
  assert.deepEqual(each.faults, [each.failing]);
  assert.equal(text((await each.writer.submit(Uint8Array.of(4), 'c')).response), 'GeneralFailure');
  await each.writer.drained();
});

test('what the control plane commits is published as well, and drained waits for it', async () => {
  const { writer, events, sync } = bench();
  const commit = writer.commit([{ kind: 'setting-put', name: 'x', value: Uint8Array.of(1) }]);
  assert.deepEqual(events, ['commit x']);
  let drained = false;
  const draining = writer.drained().then(() => { drained = true; });
  await pause(10);
  assert.equal(drained, false);
  sync();
  await Promise.all([commit, draining]);
  assert.deepEqual(events, ['commit x', 'publish x']);
});
