// The time of the core's calls does not tell secrets apart, by Welch's t-test on interleaved samples (bench/core-timing.ts). The bound is
// wide and a target has several attempts, since a busy machine can fake a difference once but not each time; a leak is there
// each time. `npm run bench:core` takes more samples.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leakBound, leakingTarget, timingOf, timingTargets } from '../../bench/core-timing.ts';
import { cores } from './cores.ts';

const samples = 4000;
const attempts = 5;

for (const { build } of cores) {
  for (const target of timingTargets(build)) {
    test(`${build}: time tells nothing of the secret: ${target.name}`, () => {
      const seen: number[] = [];
      while (seen.length < attempts) {
        seen.push(timingOf(target, samples));
        if (Math.abs(seen.at(-1)!) < leakBound) return;
      }
      assert.fail(`|t| stayed over ${leakBound}: ${seen.map((t) => t.toFixed(1)).join(', ')}`);
    });
  }
}

test('the method finds a comparison that stops at the first difference', () => {
  const seen = Array.from({ length: attempts }, () => Math.abs(timingOf(leakingTarget(), samples)));
  assert.ok(Math.max(...seen) > leakBound, `|t| was ${seen.map((t) => t.toFixed(1)).join(', ')}`);
});
