/**
 * Runs seeds of the cluster simulator: `node test/cluster/run.ts [--seeds 10000] [--from 1] [--seed 42] [--all] [--timing patient]`.
 * Which timing a seed runs with is drawn from it, if not given: default, stall, patient or mixed.
 *
 * A failing seed prints its transcript and the command that replays it; the exit code is then 1.
 */
import { parseArgs } from 'node:util';
import type { FaultPlan } from './sim/faults.ts';
import { trueProtocol } from './sim/protocol.ts';
import { runSeed } from './sim/run-seed.ts';

const { values } = parseArgs({ options: { seeds: { type: 'string', default: '200' }, from: { type: 'string', default: '1' }, seed: { type: 'string' }, all: { type: 'boolean', default: false }, timing: { type: 'string' } } });
const override = values.timing === undefined ? {} : { timing: values.timing as FaultPlan['timing'] };
const from = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const began = performance.now();
const sums = { calls: 0, answered: 0, openings: 0, entries: 0 };
let failed = 0;
for (let seed = from; seed < from + count; seed += 1) {
  const outcome = runSeed(seed, trueProtocol, override);
  for (const key of Object.keys(sums) as (keyof typeof sums)[]) sums[key] += outcome[key];
  if (outcome.violations.length > 0 || values.seed !== undefined) {
    console.log(outcome.transcript.join('\n'));
    if (outcome.violations.length > 0) {
      failed += 1;
      console.log(`\nseed ${seed} failed: ${outcome.violations.join('; ')}\nreplay: node test/cluster/run.ts --seed ${seed}${values.timing === undefined ? '' : ` --timing ${values.timing}`}\n`);
      if (!values.all) break;
    }
  }
  if ((seed - from + 1) % 1000 === 0) console.log(`${seed - from + 1} seeds, ${((performance.now() - began) / 1000).toFixed(0)} s`);
}
const seconds = ((performance.now() - began) / 1000).toFixed(1);
console.log(`${count} seeds from ${from}, ${failed} failed, ${seconds} s: ${sums.calls} calls (${sums.answered} answered), ${sums.openings} openings, ${sums.entries} entries`);
process.exitCode = failed > 0 ? 1 : 0;
