/**
 * `npm run bench:results`: makes bench/RESULTS.md from the JSON files of bench/results. A full run of a bench does so too.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { resultsPage } from './results-page.ts';
import type { KeptReport } from './results-page.ts';

export const resultsFile = path.join(import.meta.dirname, 'RESULTS.md');

export function keptReports(): KeptReport[] {
  const folder = path.join(import.meta.dirname, 'results');
  return readdirSync(folder).filter((file) => file.endsWith('.json')).map((file) => JSON.parse(readFileSync(path.join(folder, file), 'utf8')) as KeptReport);
}

export function writeResults(): void {
  writeFileSync(resultsFile, resultsPage(keptReports()));
}

if (process.argv[1] === import.meta.filename) writeResults();
