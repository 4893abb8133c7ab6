/**
 * The simulator notices: each mutant of the protocol is found within a thousand seeds.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { harmless, loadMutant, mutants } from './sim/mutants.ts';
import { runSeed } from './sim/run-seed.ts';

const seedsMax = 1000;

/** Seeds that found those which take long: tried first. Where one finds nothing any more, all are played. */
const foundBy: Readonly<Record<string, number>> = {
  'readers of a log that compares sequences do not check the fence': 591,
  'a primary does not look at its clock': 218,
  'a new primary does not ask for what the log lost': 215,
};

for (const mutant of mutants) {
  test(`the simulator finds it within ${seedsMax} seeds when ${mutant.name}`, async (context) => {
    const protocol = await loadMutant(mutant);
    const known = foundBy[mutant.name];
    const seeds = [...(known === undefined ? [] : [known]), ...Array.from({ length: seedsMax }, (_, index) => index + 1)];
    for (const seed of seeds) {
      const { violations } = runSeed(seed, protocol);
      if (violations.length === 0) continue;
      context.diagnostic(`seed ${seed}: ${violations[0]}`);
      return;
    }
    assert.fail(`${seedsMax} seeds passed`);
  });
}

for (const mutant of harmless) {
  test(`nothing is wrong in a hundred seeds when ${mutant.name}`, async () => {
    const protocol = await loadMutant(mutant);
    for (let seed = 1; seed <= 100; seed += 1) {
      const { violations, answered } = runSeed(seed, protocol);
      assert.deepEqual(violations, [], `seed ${seed}`);
      assert.ok(answered > 0);
    }
  });
}
