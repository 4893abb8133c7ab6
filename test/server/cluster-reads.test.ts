/**
 * A node of a cluster under stress: this thread plays the main thread (marks, a real store, the ring, permits, stable sequences), workers read
 * through caches and slots, and judge each answer (cluster-reads-worker.ts). Each protection is taken out once and seen to be missed.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../../src/clock.ts';
import { State } from '../../src/kmip/enums.ts';
import type { Mutation } from '../../src/storage/mutation.ts';
import { createLevelStore } from '../../src/storage/level-store.ts';
import { ClusterViewPublisher } from '../../src/server/cluster-view.ts';
import { CoherencePublisher } from '../../src/server/coherence.ts';
import { rawMaterial } from '../core/fast-path-twins.ts';
import { sampleManaged, scopePut, testRootKey } from '../storage/sample-state.ts';
import { temporaryFolder } from '../storage/temporary-folder.ts';
import type { StressReport, StressStart } from './cluster-reads-worker.ts';

const objects = 12;
const workers = 2;
const permitMs = 40;

const materialOf = (sequence: number) => {
  const key = Buffer.alloc(32);
  key.writeBigUInt64BE(BigInt(sequence));
  return rawMaterial(new Uint8Array(key));
};
const identifierOf = (index: number): string => `object-${index}`;

interface Played {
  readonly reports: readonly StressReport[];
  readonly entries: number;
  readonly outages: number;
}

/** Plays until the time is over, or a worker has found a wrong answer. */
async function play(folder: string, durationMs: number, mutant = ''): Promise<Played> {
  const store = await createLevelStore({ folder, rootKey: testRootKey, erasureDelayMs: 600_000 });
  const created = Array.from({ length: objects }, (_, index): Mutation => ({
    kind: 'managed-created',
    managed: { ...sampleManaged(identifierOf(index), { scope: 's', state: State.Active }), material: materialOf(0) },
  }));
  await store.commit([scopePut('s')]);
  await store.commit(created);
  const base = store.sequence;
  const truth = new BigInt64Array(new SharedArrayBuffer(16));
  const declare = (sequence: number): void => void Atomics.store(truth, 0, BigInt(sequence));
  declare(base);
  const coherence = new CoherencePublisher();
  const view = new ClusterViewPublisher();
  view.begin(base);
  view.stable(base);
  const start: Omit<StressStart, 'seed'> = { folder, rootKey: testRootKey, coherence: coherence.memory, view: view.memory, truth: truth.buffer as SharedArrayBuffer, objects, base, mutant };
  const reports: StressReport[] = [];
  const threads = Array.from({ length: workers }, (_, index) => new Worker(new URL('./cluster-reads-worker.ts', import.meta.url), { workerData: { ...start, seed: index + 1 } }));
  let over = false;
  const ends = threads.map(async (thread) => {
    await once(thread, 'message');
    const [report] = (await once(thread, 'message')) as [StressReport];
    reports.push(report);
    over = true;
    await once(thread, 'exit');
  });

  let next = base;
  const changedBy = (sequence: number): { scope: string; uniqueIdentifier: string }[] => [{ scope: 's', uniqueIdentifier: identifierOf(sequence % objects) }];
  const write = async (sequence: number): Promise<void> => {
    if (mutant !== 'late-marks') view.applying(changedBy(sequence), sequence);
    await store.commit([{ kind: 'material-replaced', scope: 's', uniqueIdentifier: identifierOf(sequence % objects), material: materialOf(sequence) }]);
    if (mutant === 'late-marks') {
      await sleep(3);
      view.applying(changedBy(sequence), sequence);
    }
    if (mutant !== 'late-ring') coherence.publish(changedBy(sequence), false);
  };
  const batch = (): number[] => Array.from({ length: 1 + Math.floor(Math.random() * 4) }, () => (next += 1));
  const random = (most: number): Promise<void> => sleep(Math.random() * most);
  const renew = (): void => void view.permit(systemClock.monotonic() + permitMs);
  let isHolder = true;
  const renewals = setInterval(() => { if (isHolder) renew(); }, 8);
  let outages = 0;
  renew();
  const end = systemClock.monotonic() + durationMs;
  const go = (): boolean => !over && systemClock.monotonic() < end;
  while (go()) {
    for (let rounds = 0; rounds < 8 && go(); rounds += 1) {
      const sequences = batch();
      await Promise.all(sequences.map(write));
      // Confirmed, and declared stable once all holders have; this node hears of it a little later.
      await random(4);
      declare(next);
      if (mutant === 'late-ring') coherence.publish(sequences.flatMap(changedBy), false);
      await random(3);
      view.stable(next);
      await random(6);
    }
    // Out of touch: told so, or not even that. The others go on as soon as this node's permit is over.
    outages += 1;
    isHolder = false;
    const until = systemClock.monotonic() + permitMs;
    if (outages % 2 === 0) view.permit(0);
    else while (systemClock.monotonic() <= until) await sleep(permitMs / 4);
    const missed = [...batch(), ...batch(), ...batch()];
    declare(next);
    await random(5);
    for (const sequence of missed) await write(sequence);
    view.stable(next);
    isHolder = true;
    renew();
    await random(8);
  }
  clearInterval(renewals);
  isHolder = true;
  view.permit(systemClock.monotonic() + 60_000);
  Atomics.store(truth, 1, 1n);
  await Promise.all(ends);
  await store.close();
  return { reports, entries: next - base, outages };
}

test('no answer is newer than what is stable, nor older than what was stable before its message, on any thread, whatever comes between', async (context) => {
  const { reports, entries, outages } = await play(await temporaryFolder(context), 4_000);
  const sum = (of: (report: StressReport) => number): number => reports.reduce((all, report) => all + of(report), 0);
  assert.deepEqual(reports.flatMap(({ wrong }) => wrong), []);
  for (const kind of ['fast', 'get', 'slow', 'walk']) assert.ok(sum(({ answers }) => answers[kind]!) > 50, `answers of kind ${kind}`);
  context.diagnostic(`${entries} entries, ${outages} outages, ${JSON.stringify(reports)}`);
  assert.ok(entries > 100 && outages > 10);
  assert.ok(sum(({ heldForPermit }) => heldForPermit) > 20 && sum(({ heldForStability }) => heldForStability) > 20);
  assert.ok(sum(({ hits }) => hits) > 100 && sum(({ slotLoads }) => slotLoads) > 100);
});

for (const [mutant, protection] of Object.entries({
  'no-permit': 'the permit',
  'no-spell': 'that the permit is the one from before the read',
  'no-wait': 'the wait until a change is stable',
  'no-marks': 'the marks',
  'no-slot-marks': 'the look at the marks before a slot is filled',
  'late-marks': 'marks before the write',
  'late-ring': 'the ring before a change is confirmed',
})) {
  test(`without ${protection} wrong answers are found`, async (context) => {
    const { reports } = await play(await temporaryFolder(context), 30_000, mutant);
    assert.ok(reports.some(({ wrong }) => wrong.length > 0), 'nothing wrong was found');
    context.diagnostic(reports.flatMap(({ wrong }) => wrong)[0]!);
  });
}
