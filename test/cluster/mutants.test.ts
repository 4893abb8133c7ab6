/**
 * The simulator notices: each mutant of the protocol is found within a thousand seeds.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { harmless, loadMutant, mutants } from './sim/mutants.ts';
import { runSeed } from './sim/run-seed.ts';

const seedsMax = 1000;

for (const mutant of mutants) {
  test(`the simulator finds it within ${seedsMax} seeds when ${mutant.name}`, async (context) => {
    const protocol = await loadMutant(mutant);
    for (let seed = 1; seed <= seedsMax; seed += 1) {
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
