/**
 * What a worker of a cluster answers at once, what it holds, executes again or refuses: permits, spells, changes that are not stable.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Registry } from 'prom-client';
import { systemClock } from '../../src/clock.ts';
import { Operation } from '../../src/kmip/enums.ts';
import type { Managed } from '../../src/kmip/managed.ts';
import { silentLog } from '../../src/log.ts';
import { heldCauses, layout, slabBytes } from '../../src/metrics/layout.ts';
import { registerClusterReads } from '../../src/metrics/cluster-reads.ts';
import { createMetrics } from '../../src/metrics/registry.ts';
import { Recorder } from '../../src/metrics/recorder.ts';
import type { Caller } from '../../src/operations/context.ts';
import { ClusterViewPublisher, ClusterViewReader } from '../../src/server/cluster-view.ts';
import { CoherenceFollower, CoherencePublisher } from '../../src/server/coherence.ts';
import type { Answer, EnginePort, Executed, ObjectReads } from '../../src/server/engine-port.ts';
import { limitNames, limitsWith } from '../../src/server/limits.ts';
import { MessageService } from '../../src/server/message-service.ts';
import type { Consistency, MessageClient } from '../../src/server/message-service.ts';
import { ObjectCache } from '../../src/server/object-cache.ts';
import { PrimaryLink } from '../../src/server/primary-link.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ReadStore } from '../../src/storage/store.ts';

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A message of the tests is a text: what to do, and of which object. Its answer tells the object's value, and who asked. */
const messageOf = (what: 'get' | 'locate' | 'slow-get' | 'encrypt' | 'change' | 'both', identifier = 'a'): Uint8Array => Buffer.from(`${what} ${identifier}`);
const told = (answer: Uint8Array | undefined): string | undefined => (answer === undefined ? undefined : Buffer.from(answer).toString('latin1'));

interface Site {
  readonly service: MessageService;
  readonly publisher: ClusterViewPublisher;
  readonly cache: ObjectCache;
  /** Values of objects, as the store has them. */
  readonly values: Map<string, string>;
  readonly executed: string[];
  readonly refusals: { readonly reason: string; readonly text: string }[];
  readonly client: { caller: Caller; isOpen: boolean; readonly ended: string[] } & MessageClient;
  cell(name: keyof typeof layout, index?: number): number;
  permit(milliseconds?: number): void;
  /** An entry that is written and published, and not stable. */
  write(identifier: string, value: string, sequence: number): void;
  run(message: Uint8Array): Uint8Array | undefined | Promise<Uint8Array | undefined>;
}

function siteOf(options: { limits?: Record<string, number>; consistency?: Consistency; fast?: (message: Uint8Array) => Answer | undefined; afterRefresh?: () => void } = {}): Site {
  const values = new Map([['a', 'a0'], ['b', 'b0']]);
  const executed: string[] = [];
  const refusals: { reason: string; text: string }[] = [];
  const managedOf = (uniqueIdentifier: string): Managed | undefined => {
    const value = values.get(uniqueIdentifier);
    return value === undefined ? undefined : { scope: 's', uniqueIdentifier, objectType: 2, attributes: new Map([['x', [{ index: 0, value }]]]), material: { opaqueDataValue: Buffer.from(value) }, revision: 1 };
  };
  const store: ReadStore = Object.assign(Object.create(createMemoryStore()) as ReadStore, {
    fetch: (_: string, uniqueIdentifier: string) => managedOf(uniqueIdentifier),
    glance: (_: string, uniqueIdentifier: string) => managedOf(uniqueIdentifier),
    async *candidates() {
      for (const each of [...values.keys()]) {
        await pause(5);
        yield each;
      }
    },
  });
  const coherence = new CoherencePublisher();
  const publisher = new ClusterViewPublisher();
  publisher.begin(0);
  const view = new ClusterViewReader(publisher.memory);
  const slab = new SharedArrayBuffer(slabBytes);
  const recorder = new Recorder(slab);
  const cells = new Float64Array(slab);
  const cache = new ObjectCache(store, 100, recorder, view);
  const engine: EnginePort = {
    execute(message, caller, mayMutate, reads) {
      const [what, identifier] = Buffer.from(message).toString().split(/ +/) as [string, string];
      executed.push(`${what} ${identifier}`);
      const done = (text: string, ...operations: number[]): Executed => ({ needsPrimary: false, response: Buffer.from(`${text} for ${caller.role}`), mutations: [], items: operations.map((operation) => ({ operation, reason: 0 })), version: 14 });
      const value = (from: ObjectReads): string => String(from.fetch('s', identifier)?.attributes.get('x')?.[0]?.value);
      switch (what) {
        case 'change': return mayMutate ? done('changed', Operation.Create) : { needsPrimary: true };
        case 'encrypt': return done(value(reads!), Operation.Encrypt);
        case 'both': return done(value(reads!), Operation.Encrypt, Operation.Get);
        case 'slow-get': {
          const text = value(reads!);
          return pause(40).then(() => done(text, Operation.Get));
        }
        case 'locate': return (async () => {
          const found: string[] = [];
          for await (const each of reads!.candidates('s', { terms: [] })) if (reads!.glance('s', each)?.attributes.get('x')?.[0]?.value === identifier) found.push(each);
          return done(`found ${found.join()}`, Operation.Locate);
        })();
        default: return done(value(reads!), Operation.Get);
      }
    },
    refuse(reason, text) {
      refusals.push({ reason, text });
      return Buffer.from(`refused: ${reason}`);
    },
  };
  const ended: string[] = [];
  const client = { caller: { scope: 's', role: 'r', permissions: [], credential: 'c' }, isOpen: true, ended, endAfterAnswers: (cause: string) => void ended.push(cause) };
  const service = new MessageService({
    engine, cache, recorder, clock: systemClock, log: silentLog, messageBytesMax: 1000,
    primary: new PrimaryLink(() => undefined),
    follower: new (class extends CoherenceFollower {
      override refresh(): void {
        super.refresh();
        options.afterRefresh?.();
      }
    })(coherence.memory, { drop: (high, low) => cache.drop(high, low), dropAll: () => cache.dropAll(), identityChanged() {} }),
    slots: options.fast && { answer: options.fast, dropAll() {}, forget() {} },
    cluster: { view, consistency: options.consistency ?? 'linearizable', limits: limitsWith({ permitWaitMs: 300, stableWaitMs: 300, ...options.limits }) },
  });
  return {
    service, publisher, cache, values, executed, refusals, client,
    cell: (name, index = 0) => cells[layout[name] + index]!,
    permit: (milliseconds = 10_000) => void publisher.permit(systemClock.monotonic() + milliseconds),
    write(identifier, value, sequence) {
      const changed = [{ scope: 's', uniqueIdentifier: identifier }];
      publisher.applying(changed, sequence);
      values.set(identifier, value);
      coherence.publish(changed, false);
    },
    run(message) {
      service.refresh();
      return service.execute(message, client, systemClock.monotonic());
    },
  };
}

const held = (site: Site, cause: (typeof heldCauses)[number]): number => site.cell('readsHeld', heldCauses.indexOf(cause));

/** A wait on shared memory keeps no process alive. */
function heldTest(name: string, body: () => Promise<void>): void {
  test(name, async () => {
    const alive = setInterval(() => undefined, 1000);
    try {
      await body();
    } finally {
      clearInterval(alive);
    }
  });
}

heldTest('with a permit and nothing under change an answer is given at once', async () => {
  const site = siteOf();
  site.permit();
  const answer = site.run(messageOf('get'));
  assert.ok(answer instanceof Uint8Array);
  assert.equal(told(answer), 'a0 for r');
  assert.deepEqual([held(site, 'permit'), held(site, 'stability'), site.cell('readsRefused')], [0, 0, 0]);
});

heldTest('what was read without a permit is never answered: it is read again when there is one', async () => {
  const site = siteOf();
  const answer = site.run(messageOf('get'));
  assert.ok(answer instanceof Promise);
  await pause(30);
  site.write('a', 'a1', 1);
  site.publisher.stable(1);
  site.permit();
  assert.equal(told(await answer), 'a1 for r');
  assert.deepEqual(site.executed, ['get a', 'get a']);
  assert.deepEqual([held(site, 'permit'), held(site, 'stability'), site.cell('readsRefused')], [1, 0, 0]);
  assert.deepEqual(site.client.ended, []);
});

heldTest('a permit that was lost and given again while a message ran does not cover what it read', async () => {
  const site = siteOf();
  site.permit();
  const answer = site.run(messageOf('slow-get'));
  await pause(10);
  site.publisher.permit(0);
  site.write('a', 'a1', 1);
  site.publisher.stable(1);
  site.permit();
  assert.equal(told(await answer), 'a1 for r');
  assert.deepEqual(site.executed, ['slow-get a', 'slow-get a']);
});

heldTest('a permit lost and given again right after the caches were looked after does not cover what they have', async () => {
  let isLate = false;
  const site: Site = siteOf({
    afterRefresh() {
      if (!isLate) return;
      isLate = false;
      site.publisher.permit(0);
      site.write('a', 'a1', 1);
      site.publisher.stable(1);
      site.permit();
    },
  });
  site.permit();
  assert.equal(told(await site.run(messageOf('get'))), 'a0 for r');
  isLate = true;
  assert.equal(told(await site.run(messageOf('get'))), 'a1 for r');
});

heldTest('a permit that is renewed while a message runs covers it', async () => {
  const site = siteOf();
  site.permit(30);
  const answer = site.run(messageOf('slow-get'));
  await pause(10);
  site.permit();
  assert.equal(told(await answer), 'a0 for r');
  assert.deepEqual(site.executed, ['slow-get a']);
});

heldTest('without a permit for too long the client is told so and sent away', async () => {
  const site = siteOf({ limits: { permitWaitMs: 80 } });
  const began = performance.now();
  assert.equal(told(await site.run(messageOf('get'))), 'refused: GeneralFailure');
  assert.ok(performance.now() - began >= 80);
  assert.deepEqual(site.refusals, [{ reason: 'GeneralFailure', text: 'This node is not in touch with its cluster; try again.' }]);
  assert.deepEqual(site.client.ended, ['no-permit']);
  assert.equal(site.cell('readsRefused'), 1);
  assert.equal(site.cell('limits', limitNames.indexOf('permitWaitMs')), 1);
});

heldTest('an answer that shows a change waits until it is stable, is not executed again, and leaves nothing in the cache', async () => {
  const site = siteOf();
  site.permit();
  site.write('a', 'a1', 1);
  site.write('b', 'b2', 2);
  const [first, second] = [site.run(messageOf('get')), site.run(messageOf('get', 'b'))];
  let answered = 0;
  for (const each of [first, second]) void (each as Promise<unknown>).then(() => { answered += 1; });
  await pause(30);
  assert.equal(answered, 0);
  site.publisher.stable(1);
  assert.equal(told(await first), 'a1 for r');
  await pause(10);
  assert.equal(answered, 1);
  assert.equal(site.cache.size, 0);
  site.publisher.stable(2);
  assert.equal(told(await second), 'b2 for r');
  assert.equal(told(await site.run(messageOf('get'))), 'a1 for r');
  assert.equal(site.cache.size, 1);
  assert.deepEqual(site.executed, ['get a', 'get b', 'get a']);
  assert.deepEqual([held(site, 'permit'), held(site, 'stability')], [0, 2]);
});

heldTest('what was cached before a change is answered until the change is published here', async () => {
  const site = siteOf();
  site.permit();
  await site.run(messageOf('get'));
  site.publisher.applying([{ scope: 's', uniqueIdentifier: 'a' }], 1);
  assert.equal(told(site.run(messageOf('get')) as Uint8Array), 'a0 for r');
  site.write('a', 'a1', 1);
  assert.ok(site.run(messageOf('get')) instanceof Promise);
});

heldTest('a change that does not become stable in time is not shown', async () => {
  const site = siteOf({ limits: { stableWaitMs: 60 } });
  site.permit();
  site.write('a', 'a1', 1);
  assert.equal(told(await site.run(messageOf('get'))), 'refused: GeneralFailure');
  assert.deepEqual(site.client.ended, ['no-permit']);
  assert.equal(site.cell('limits', limitNames.indexOf('stableWaitMs')), 1);
});

heldTest('an object that is gone by a change waits as one that is there', async () => {
  const site = siteOf();
  site.permit();
  site.write('a', 'a1', 1);
  site.values.delete('a');
  const answer = site.run(messageOf('get'));
  assert.ok(answer instanceof Promise);
  site.publisher.stable(1);
  assert.equal(told(await answer), 'undefined for r');
});

heldTest('a walk waits for all that had begun, a message beside it for what it saw only', async () => {
  const site = siteOf();
  site.permit();
  const walk = site.run(messageOf('locate', 'c0'));
  await pause(2);
  // An object that the walk would have found, had it not been changed.
  site.write('zz', 'c1', 7);
  assert.equal(told(site.run(messageOf('get')) as Uint8Array), 'a0 for r');
  let answered = false;
  void (walk as Promise<unknown>).then(() => { answered = true; });
  await pause(60);
  assert.equal(answered, false);
  assert.equal(told(site.run(messageOf('get', 'b')) as Uint8Array), 'b0 for r');
  site.publisher.stable(7);
  assert.equal(told(await walk), 'found  for r');
  assert.deepEqual(site.executed, ['locate c0', 'get a', 'get b']);
});

heldTest('answers of the fast path that were held are whole, though its buffer serves the next message', async () => {
  const buffer = Buffer.alloc(8);
  const fast = (message: Uint8Array): Answer => {
    buffer.fill(message.at(-1)!);
    return { response: buffer, items: [{ operation: Operation.Encrypt, reason: 0 }], version: 14 };
  };
  const site = siteOf({ fast });
  const answers = ['p', 'q', 'r'].map((each) => site.run(messageOf('encrypt', each)));
  await pause(20);
  assert.equal(site.cell('fastAnswers'), 0, 'not answered yet');
  site.permit();
  assert.deepEqual((await Promise.all(answers)).map(told), ['pppppppp', 'qqqqqqqq', 'rrrrrrrr']);
  assert.equal(site.cell('fastAnswers'), 3);
  assert.equal(site.run(messageOf('encrypt', 'x')), buffer, 'with a permit there is no copy');
});

heldTest('changes go to the writing thread without a permit, also when only the second execution finds that they are changes', async () => {
  const site = siteOf();
  assert.equal(site.run(messageOf('change')), undefined);
  const message = Buffer.from('get    a');
  const answer = site.run(message);
  message.write('change a');
  site.permit();
  assert.equal(await answer, undefined);
});

heldTest('what is executed again is for the caller as he is then, and for nobody who is gone', async () => {
  const site = siteOf();
  const answer = site.run(messageOf('get'));
  await pause(10);
  site.client.caller = { ...site.client.caller, role: 'lesser' };
  site.permit();
  assert.equal(told(await answer), 'a0 for lesser');
  site.publisher.permit(0);
  const gone = site.run(messageOf('get'));
  site.client.isOpen = false;
  const executions = site.executed.length;
  site.permit();
  assert.equal((await gone)?.length, 0);
  assert.equal(site.executed.length, executions);
});

heldTest('available: only what computes with keys is answered without a permit', async () => {
  const site = siteOf({ consistency: 'available', limits: { permitWaitMs: 50, stableWaitMs: 50 } });
  assert.equal(told(site.run(messageOf('encrypt')) as Uint8Array), 'a0 for r');
  for (const what of ['get', 'locate', 'both'] as const) assert.equal(told(await site.run(messageOf(what))), 'refused: GeneralFailure', what);
  site.permit();
  site.write('a', 'a1', 1);
  const answer = site.run(messageOf('encrypt'));
  assert.ok(answer instanceof Promise, 'with a permit it is as strict as ever');
  assert.equal(told(await answer), 'a1 for r', 'until the time is over');
  const fast = siteOf({ consistency: 'available', fast: () => ({ response: Buffer.from('fast'), items: [{ operation: Operation.Decrypt, reason: 0 }], version: 14 }) });
  assert.equal(told(fast.run(messageOf('encrypt')) as Uint8Array), 'fast');
});

heldTest('held and refused reads are metrics, summed over the workers', async () => {
  const slabs = [0, 1].map(() => new SharedArrayBuffer(slabBytes));
  const [first, second] = slabs.map((slab) => new Recorder(slab));
  first!.readHeld('permit');
  for (const recorder of [first!, second!]) recorder.readHeld('stability');
  second!.readRefused();
  const registry = new Registry();
  registerClusterReads(registry, slabs.map((slab) => new Float64Array(slab)));
  const lines = (await registry.metrics()).split('\n').filter((line) => line.startsWith('kmipd'));
  assert.deepEqual(lines, ['kmipd_cluster_reads_held_total{for="permit"} 1', 'kmipd_cluster_reads_held_total{for="stability"} 2', 'kmipd_cluster_reads_refused_total 1']);
  const parts = { workers: 1, limitNames, serverVersion: '1', coreBuild: 'x', writing: { queued: () => 0, sequence: () => 0 }, utilization: () => [] };
  assert.doesNotMatch(await createMetrics(parts).text(), /kmipd_cluster_reads/, 'not on a single node');
});
