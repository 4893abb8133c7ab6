/**
 * A worker of a cluster's node as the stress test has it: the real store, cache, slots, marks and message service, around a core and an
 * engine that tell an object's value, and a judge of each answer.
 *
 * Object i is changed by entries i, i + objects, i + 2 * objects, ...; its value is the number of the entry. `truth` is what the
 * cluster's primary has declared stable, whether this node knows or not. An answer has to tell an entry that was not stable too late
 * (newer than the truth when the answer is given), nor replaced by one that was stable before the message came.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../../src/clock.ts';
import { Operation } from '../../src/kmip/enums.ts';
import type { Managed } from '../../src/kmip/managed.ts';
import { silentLog } from '../../src/log.ts';
import { heldCauses, layout, slabBytes } from '../../src/metrics/layout.ts';
import { Recorder } from '../../src/metrics/recorder.ts';
import type { Caller } from '../../src/operations/context.ts';
import { ClusterViewReader } from '../../src/server/cluster-view.ts';
import { CoherenceFollower } from '../../src/server/coherence.ts';
import type { EnginePort, Executed, ObjectReads } from '../../src/server/engine-port.ts';
import { KeySlots } from '../../src/server/key-slots.ts';
import { limitsWith } from '../../src/server/limits.ts';
import { MessageService } from '../../src/server/message-service.ts';
import { ObjectCache } from '../../src/server/object-cache.ts';
import { PrimaryLink } from '../../src/server/primary-link.ts';
import { openReader } from '../../src/storage/level-store.ts';
import type { FastPath, FastPathResult } from '../../src/wasm/fast-path.ts';

export interface StressStart {
  readonly folder: string;
  readonly rootKey: Uint8Array;
  readonly coherence: SharedArrayBuffer;
  readonly view: SharedArrayBuffer;
  /** Long 0: the truth. Long 1: not 0, stop. */
  readonly truth: SharedArrayBuffer;
  readonly objects: number;
  /** Last entry before the first change. */
  readonly base: number;
  /** A protection that is taken out. */
  readonly mutant: string;
  readonly seed: number;
}

export interface StressReport {
  readonly answers: Readonly<Record<string, number>>;
  readonly heldForPermit: number;
  readonly heldForStability: number;
  readonly hits: number;
  readonly slotLoads: number;
  readonly wrong: readonly string[];
}

const start = workerData as StressStart;
const { objects, base, mutant } = start;
const truth = new BigInt64Array(start.truth);
const truthNow = (): number => Number(Atomics.load(truth, 0));

let state = start.seed;
function random(below: number): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

function identifierOf(index: number): string {
  return `object-${index}`;
}

/** The newest entry up to `sequence` that changed the object; 0: none did. */
function lastChange(index: number, sequence: number): number {
  const last = sequence - ((((sequence - index) % objects) + objects) % objects);
  return last > base ? last : 0;
}

/** A core whose slots hold values: kind, object's index, answer. */
class ValueSlots {
  readonly #values = new Map<number, { readonly identifier: string; readonly value: Uint8Array }>();
  #next = 0;
  #waiting = '';

  handle(message: Uint8Array): FastPathResult {
    if (message[0] !== kinds.indexOf('fast')) return { kind: 'host' };
    this.#waiting = identifierOf(message[1]!);
    return this.resume();
  }

  resume(): FastPathResult {
    const found = [...this.#values.values()].find(({ identifier }) => identifier === this.#waiting);
    if (found === undefined) return { kind: 'slot-missing', uniqueIdentifier: this.#waiting };
    return { kind: 'answer', response: found.value.slice(0, 8), encrypted: 1, decrypted: 0, version: 14 };
  }

  forget(): void {}

  loadSlot(_scope: number, identifier: string, _facts: unknown, key: Uint8Array): number {
    this.#next += 1;
    this.#values.set(this.#next, { identifier, value: key.slice() });
    return this.#next;
  }

  dropSlot(slot: number): void {
    this.#values.delete(slot);
  }

  dropAll(): void {
    this.#values.clear();
  }
}

/** Messages under way at once on this thread. */
const lanes = 16;
const kinds = ['fast', 'get', 'slow', 'walk'] as const;
const scope = 's';
const caller: Caller = { scope, role: 'r', permissions: ['operation_encrypt'], credential: 'c' };

function valueOf(managed: Managed | undefined): Uint8Array {
  const { keyMaterial } = (managed!.material!.keyBlock as { keyValue: { keyMaterial: { value: Uint8Array } } }).keyValue;
  return keyMaterial.value.slice(0, 8);
}

const engine: EnginePort = {
  execute(message, _caller, _mayMutate, reads = cache) {
    const [kind, index] = [kinds[message[0]!]!, message[1]!];
    const done = (response: Uint8Array): Executed => ({ needsPrimary: false, response, mutations: [], items: [{ operation: Operation.Get, reason: 0 }], version: 14 });
    const fetched = (from: ObjectReads): Uint8Array => valueOf(from.fetch(scope, identifierOf(index)));
    if (kind === 'walk') return (async () => {
      let found: Uint8Array | undefined;
      for await (const each of reads.candidates(scope, { terms: [] })) if (each === identifierOf(index)) found = valueOf(reads.glance(scope, each));
      return done(found!);
    })();
    if (kind === 'slow') return (async () => {
      await sleep(random(10));
      const found = fetched(reads);
      await sleep(random(30));
      return done(found);
    })();
    return done(fetched(reads));
  },
  refuse: () => new Uint8Array(0),
};

const store = await openReader({ folder: start.folder, rootKey: start.rootKey });
const view = new ClusterViewReader(start.view);
const marks = { unstable: (high: number, low: number): number => (mutant === 'no-marks' ? 0 : view.unstable(high, low)) };
const slab = new SharedArrayBuffer(slabBytes);
const recorder = new Recorder(slab);
const cells = new Float64Array(slab);
const cache = new ObjectCache(store, 1000, recorder, marks);
const slots = new KeySlots({ fastPath: new ValueSlots() as unknown as FastPath, clock: systemClock, counts: recorder, marks: mutant === 'no-slot-marks' ? undefined : marks, fetch: (...of) => store.fetch(...of) });
const follower = new CoherenceFollower(start.coherence, {
  drop: (high, low) => {
    cache.drop(high, low);
    slots.drop(high, low);
  },
  dropAll: () => {
    cache.dropAll();
    slots.dropAll();
  },
  identityChanged() {},
});
const mutants: Readonly<Record<string, Partial<ClusterViewReader>>> = {
  'no-permit': { holds: () => true },
  'no-spell': { holds: (_, now) => view.holds(view.spell, now) },
  'no-wait': { isStable: () => true },
};
const service = new MessageService({
  engine, cache, slots, follower, recorder, clock: systemClock, log: silentLog, messageBytesMax: 100,
  primary: new PrimaryLink(() => undefined),
  cluster: {
    consistency: 'linearizable',
    limits: limitsWith({ permitWaitMs: 60_000, stableWaitMs: 60_000 }),
    view: {
      get spell() { return view.spell; },
      holds: (...of) => view.holds(...of),
      isStable: (sequence) => view.isStable(sequence),
      newestUnstable: () => view.newestUnstable(),
      untilStable: (...of) => view.untilStable(...of),
      untilPermit: (...of) => view.untilPermit(...of),
      ...mutants[mutant],
    },
  },
});

const answers: Record<string, number> = Object.fromEntries(kinds.map((kind) => [kind, 0]));
const wrong: string[] = [];
const client = { caller, isOpen: true, endAfterAnswers() {} };

async function ask(): Promise<void> {
  const kind = (['fast', 'get', 'slow', 'slow', 'walk'] as const)[random(5)]!;
  const index = random(objects);
  const before = truthNow();
  service.refresh();
  const executed = service.execute(Uint8Array.of(kinds.indexOf(kind), index), client, systemClock.monotonic());
  const answer = executed instanceof Promise ? await executed : executed;
  const after = truthNow();
  assert.equal(answer?.length, 8);
  const value = Number(Buffer.from(answer!).readBigUInt64BE());
  answers[kind]! += 1;
  if (value > after) wrong.push(`${kind}: object ${index} shows entry ${value}, the stable ones end at ${after}`);
  if (value < lastChange(index, before)) wrong.push(`${kind}: object ${index} shows entry ${value}, ${lastChange(index, before)} was stable before the message came`);
}

async function ceaselessly(): Promise<void> {
  for (let count = 0; Atomics.load(truth, 1) === 0n && wrong.length === 0; count += 1) {
    await ask();
    if (count % 20 === 0) await sleep(0);
  }
}

const alive = setInterval(() => undefined, 1000);
parentPort!.postMessage('ready');
await Promise.all(Array.from({ length: lanes }, ceaselessly));
clearInterval(alive);
const report: StressReport = {
  answers, wrong,
  heldForPermit: cells[layout.readsHeld + heldCauses.indexOf('permit')]!, heldForStability: cells[layout.readsHeld + heldCauses.indexOf('stability')]!,
  hits: cells[layout.cacheHits]!, slotLoads: cells[layout.keySlotLoads]!,
};
parentPort!.postMessage(report);
await store.close();
