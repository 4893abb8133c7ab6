/**
 * A replica whose store is made anew, and its snapshots: what was under way to the old store concerns nobody, the newest snapshot that
 * can be read is taken, and one that cannot be published is tried again.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { seal } from '../../cluster/entry.ts';
import type { Logged } from '../../cluster/entry.ts';
import type { ClusterEvent } from '../../cluster/ports.ts';
import { advance, emptyReplicated } from '../../cluster/replicated.ts';
import { silentLog } from '../../src/log.ts';
import { mutationsBytes } from '../../src/member/proposal.ts';
import { Replica } from '../../src/member/replica.ts';
import type { SnapshotStore } from '../../src/member/replica.ts';
import { setting, until } from './members.ts';

type Event<Kind extends ClusterEvent['kind']> = Extract<ClusterEvent, { readonly kind: Kind }>;

/** A tenure, and then entries that each set `entry <sequence>`. */
function entriesOf(count: number): Logged[] {
  const replicated = emptyReplicated();
  return Array.from({ length: count }, (_, index) => {
    const sequence = index + 1;
    const isTenure = sequence === 1;
    const logged = seal({
      sequence, previous: replicated.chain, fence: isTenure ? { counter: 1, node: 'a' } : replicated.fence, kind: isTenure ? 'tenure' : 'work', stable: 0, elapsedMs: 1,
      claim: isTenure ? 'claim' : '', joined: isTenure ? ['a'] : [],
      works: isTenure ? [] : [{ proposal: `p#${sequence}`, mutations: mutationsBytes([setting(`entry ${sequence}`)]), result: new Uint8Array(1) }],
    } as Parameters<typeof seal>[0]);
    assert.ok(advance(replicated, logged, 60_000));
    return logged;
  });
}

async function opened(context: TestContext, snapshots: Partial<SnapshotStore> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'kmipd-replica-'));
  const events: ClusterEvent[] = [];
  const faults: unknown[] = [];
  const happened: string[] = [];
  const { replica, restored } = await Replica.open({
    options: { folder: join(folder, 'store'), rootKey: new Uint8Array(32).fill(3) },
    limits: { proposalKeptMs: 60_000, tailEntries: 20, tailBytes: 1 << 20, resultBytes: 1 << 20 },
    log: silentLog,
    emit: (event) => events.push(event),
    snapshots: () => ({ list: async () => [], read: () => assert.fail('no snapshots'), publish: () => assert.fail('nothing to publish'), ...snapshots }),
    plan: () => assert.fail('nothing to plan'), refuse: () => assert.fail('nothing to refuse'), unplanned: () => undefined,
    applying: (_, sequence) => happened.push(`applying ${sequence}`),
    applied: () => happened.push('applied'),
    suspend: async () => { happened.push('suspend'); },
    reopened: (sequence) => happened.push(`reopened at ${sequence}`),
    resume: async () => { happened.push('resume'); },
    onFault: (error) => faults.push(error),
  });
  context.after(async () => {
    await replica.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const next = async <Kind extends ClusterEvent['kind']>(kind: Kind, isIt: (event: Event<Kind>) => boolean = () => true): Promise<Event<Kind>> => {
    const found = (): Event<Kind> | undefined => events.find((event): event is Event<Kind> => event.kind === kind && isIt(event as Event<Kind>));
    await until(() => found() !== undefined || faults.length > 0);
    assert.deepEqual(faults, []);
    return found()!;
  };
  return { replica, restored, events, faults, happened, folder, next };
}

/** The bytes of a snapshot after so many entries. */
async function snapshotAfter(context: TestContext, count: number): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  const { replica, next } = await opened(context, { publish: async (_, content) => {
    for await (const chunk of content) chunks.push(new Uint8Array(chunk));
    return { length: 1 };
  } });
  for (const logged of entriesOf(count)) replica.apply(logged, true);
  await next('applied', ({ sequence }) => sequence === count);
  replica.capture();
  await next('captured');
  replica.publish(count);
  await next('published');
  return chunks;
}

test('an entry that was on its way to a store that is given up is told to nobody: the new one does not have it', { timeout: 20_000 }, async (context) => {
  const { replica, restored, events, happened, next, folder } = await opened(context);
  const entries = entriesOf(4);
  for (const logged of entries.slice(0, 3)) replica.apply(logged, true);
  await next('applied', ({ sequence }) => sequence === 3);
  replica.apply(entries[3]!, true);
  replica.rebuild(Number.MAX_SAFE_INTEGER);
  const { restored: anew } = await next('restored');
  assert.notEqual(anew.incarnation, restored.incarnation, 'it is another one to all other nodes');
  assert.equal(anew.replicated.sequence, 0);
  assert.equal(replica.store.sequence, 0);
  await until(() => happened.at(-1) === 'resume');
  assert.deepEqual(events.flatMap((event) => (event.kind === 'applied' && event.sequence === 4 ? [event] : [])), []);
  assert.deepEqual(happened.slice(happened.indexOf('applying 4')), ['applying 4', 'suspend', 'reopened at 0', 'resume']);
  assert.equal(readdirSync(folder).filter((name) => name.startsWith('store.aside-')).length, 1, 'it may be the last copy');
  // And it goes on from nothing, with the same entries.
  for (const logged of entries) replica.apply(logged, true);
  const { incarnation } = await next('applied', ({ sequence }) => sequence === 4);
  assert.equal(incarnation, anew.incarnation);
});

test('a store is made from the newest snapshot before the fork that can be read, however often it has to ask', { timeout: 20_000 }, async (context) => {
  const [two, four, six] = await Promise.all([2, 4, 6].map((count) => snapshotAfter(context, count)));
  const content = new Map([[2, two!], [4, [...four!.slice(0, -1), four!.at(-1)!.map((byte, index) => (index === 40 ? byte ^ 1 : byte))]], [6, six!]]);
  const read: number[] = [];
  let lists = 0;
  const { replica, next } = await opened(context, {
    list: async () => {
      lists += 1;
      if (lists === 1) throw new Error('NATS is away');
      return [2, 6, 4].map((sequence) => ({ name: `snapshot ${sequence}`, sequence }));
    },
    async *read({ sequence }) {
      read.push(sequence);
      yield* content.get(sequence)!;
    },
  });
  replica.rebuild(6);
  const { restored } = await next('restored');
  assert.deepEqual(read, [4, 2], 'the one at the fork leads there again, and the damaged one is of no use');
  assert.equal(restored.replicated.sequence, 2);
  assert.deepEqual(replica.store.setting('entry 2'), Uint8Array.of(1));
  assert.equal(replica.store.setting('entry 4'), undefined);
});

test('a snapshot that NATS does not take is published when it does, and one that a newer one has replaced is not', { timeout: 20_000 }, async (context) => {
  const published: number[] = [];
  let isAway = true;
  const { replica, events, next } = await opened(context, { publish: async (sequence, content) => {
    if (isAway) throw new Error('NATS is away');
    for await (const _ of content) continue;
    published.push(sequence);
    return { length: 1 };
  } });
  for (const logged of entriesOf(3)) replica.apply(logged, true);
  await next('applied', ({ sequence }) => sequence === 3);
  replica.capture();
  await next('captured');
  replica.publish(2);
  replica.publish(3);
  await new Promise(setImmediate);
  isAway = false;
  await next('published', ({ sequence }) => sequence === 3);
  assert.deepEqual(published, [3]);
  replica.publish(3);
  await new Promise(setImmediate);
  assert.deepEqual([published, events.filter(({ kind }) => kind === 'published').length], [[3], 1], 'once');
});
