/**
 * Seeds of the whole-cluster simulator. `node test/cluster/run.ts --seeds 10000` runs more of them, `--seed N` replays one.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSeed } from './sim/run-seed.ts';

test('two hundred seeds of crashes, pauses, cuts, lost tails and wrong clocks end well', (context) => {
  const sums = { answered: 0, openings: 0, entries: 0 };
  for (let seed = 1; seed <= 200; seed += 1) {
    const { violations, transcript, answered, openings, entries } = runSeed(seed);
    if (violations.length > 0) assert.fail(`${transcript.join('\n')}\n\nseed ${seed}: ${violations.join('; ')}\nreplay: node test/cluster/run.ts --seed ${seed}`);
    sums.answered += answered;
    sums.openings += openings;
    sums.entries += entries;
  }
  context.diagnostic(JSON.stringify(sums));
  // A simulator in which nothing happens finds nothing.
  assert.ok(sums.answered > 20_000 && sums.openings > 300 && sums.entries > 8000, JSON.stringify(sums));
});

test('a seed replays the same run', () => {
  for (const seed of [7, 70]) assert.deepEqual(runSeed(seed), runSeed(seed));
});
