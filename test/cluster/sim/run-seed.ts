/**
 * One seed, one run: a cluster, its faults, its clients, the end in good weather, and the verdict.
 */
import { defaultTiming, patientTiming, stallTiming } from '../../../cluster/timing.ts';
import { checkRun } from '../checker/check-run.ts';
import { Faults, drawPlan, healAll } from './faults.ts';
import type { FaultPlan } from './faults.ts';
import { trueProtocol } from './protocol.ts';
import type { Protocol } from './protocol.ts';
import { SeededRandom } from './random.ts';
import { Workload } from './workload.ts';
import { World } from './world.ts';

/** How long faults strike, and how long the end in good weather lasts: longer than any tenure and permit of an emptied node. */
const lengths = { default: { faultsMs: 9000, settleMs: 9000 }, stall: { faultsMs: 12_000, settleMs: 18_000 }, patient: { faultsMs: 16_000, settleMs: 22_000 }, mixed: { faultsMs: 12_000, settleMs: 22_000 } };

const timings = { default: defaultTiming, stall: stallTiming, patient: patientTiming, mixed: patientTiming };

/** Ids are kept a little longer than anybody asks for them, so that they expire within a run. */
const short = { giveUpMs: 3000, proposalKeptMs: 5000 };

export interface Outcome {
  readonly seed: number;
  readonly violations: readonly string[];
  /** What happened, readable; ends with the violations. */
  readonly transcript: readonly string[];
  readonly calls: number;
  readonly answered: number;
  readonly openings: number;
  readonly entries: number;
}

export function runSeed(seed: number, protocol: Protocol = trueProtocol, override: Partial<FaultPlan> = {}): Outcome {
  const plan: FaultPlan = { ...drawPlan(new SeededRandom(seed ^ 0x5eed)), ...override };
  const { faultsMs, settleMs } = lengths[plan.timing];
  const world = new World({
    seed, protocol, nodes: plan.nodes, weather: plan.weather, comparesHash: plan.comparesHash, sleepy: plan.sleepy, replayed: plan.replayed,
    timing: { ...timings[plan.timing], ...short },
    ...(plan.timing === 'mixed' && { timingOf: (index: number) => (index % 2 === 0 ? { ...defaultTiming, ...short } : {}) }),
    limits: { snapshotEntries: 60, tailEntries: 40, readEntries: 32, appendsMax: 8, entryBytesMax: 700, proposalsWaitingBytesMax: 4000, tailBytesMax: 24_000, tailMessageBytes: 1500, putBackBytes: 2500, resendBytes: 200, takenEntriesMax: 24, takenBytesMax: 8000 },
  });
  const { scheduler } = world;
  let workload: Workload | undefined;
  try {
    world.note(`seed ${seed}: ${JSON.stringify(plan)}`);
    for (const node of world.nodes) scheduler.after(world.random.between(0, 300), () => node.start());
    workload = new Workload(world, 10, faultsMs + 1500);
    const faults = new Faults(world, plan, faultsMs);
    scheduler.after(faultsMs, () => healAll(world));
    // Entries older than this are on the log's disk.
    const sync = (): void => {
      const { last } = world.log;
      scheduler.after(300, () => {
        world.log.synced = Math.min(last, world.log.last);
      });
      scheduler.after(100, sync);
    };
    sync();
    scheduler.runUntil(faultsMs + settleMs);
    const { ids } = workload;
    for (const node of world.nodes) for (const id of ids) workload.read(`last@${node.name}`, node, 'get', id, () => {});
    scheduler.runUntil(faultsMs + settleMs + 200);
    void faults;
    checkRun(world, workload);
  } catch (error) {
    world.fail(`it threw: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  }
  const history = workload?.history ?? [];
  return {
    seed,
    violations: world.violations,
    transcript: world.transcript,
    calls: history.length,
    answered: history.filter(({ result }) => result !== undefined).length,
    openings: world.openings,
    entries: world.log.accepted.length,
  };
}
