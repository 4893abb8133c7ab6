/**
 * The page of results says what the JSON files of the benches say, and the README and the guide quote no other.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { resultsPage } from '../../bench/results-page.ts';
import type { KeptReport } from '../../bench/results-page.ts';
import { keptReports, resultsFile } from '../../bench/write-results.ts';

test('bench/RESULTS.md is what the files in bench/results make (npm run bench:results)', () => {
  assert.equal(readFileSync(resultsFile, 'utf8'), resultsPage(keptReports()));
});

test('a missed floor is said plainly, one that could not be measured is neither held nor missed', () => {
  const machine = { node: 'v26', v8: '14', openssl: '3', cpu: 'a | b', cores: 2, system: 'linux x64' };
  const floor = (name: string, ratio: number | null): NonNullable<KeptReport['floors']>[number] => ({ name, least: 1.5, source: 'performance targets 7', ratio });
  const page = resultsPage([{ name: 'growth', question: 'how much', rows: [{ '|t|': 1 }], notes: [], floors: [floor('good', 2), floor('bad', 1.25), floor('absent', null)], at: '2026-01-02T03:04:05.000Z', machine }]);
  assert.match(page, /1 held, 1 missed, 1 not measured/);
  assert.match(page, /- target 7: bad: 1\.25, floor 1\.50/);
  assert.match(page, /\| bad \| 1\.50 \| 1\.25 \| \*\*missed\*\* \|/);
  assert.match(page, /\| \\\|t\\\| \|/);
  assert.match(page, /2026-01-02, commit not recorded; a \| b/);
});
