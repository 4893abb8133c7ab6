/**
 * What a bench run leaves: a table on the screen and one JSON file in bench/results/, with the machine it ran on.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { floorLines } from './floors.ts';
import type { JudgedFloor } from './floors.ts';
import { writeResults } from './write-results.ts';

export type Row = Readonly<Record<string, string | number>>;

export interface BenchReport {
  /** File name without ending: `core`, `server`. */
  readonly name: string;
  /** What decision rests on these figures. */
  readonly question: string;
  readonly rows: readonly Row[];
  /** Tables that go before it. */
  readonly sections?: readonly { readonly title: string; readonly rows: readonly Row[] }[];
  readonly floors?: readonly JudgedFloor[];
  readonly notes: readonly string[];
}

export function printReport(report: BenchReport): void {
  for (const { title, rows } of report.sections ?? []) printTable(`${report.name}: ${title}`, rows);
  printTable(`${report.name}: ${report.question}`, report.rows);
  for (const note of report.notes) console.log(`  ${note}`);
}

/** The last lines of a bench: which floors were missed, and how many held. */
export function printFloors(report: BenchReport): void {
  if (report.floors === undefined) return;
  for (const line of floorLines(report.floors)) console.log(line);
}

function printTable(title: string, rows: readonly Row[]): void {
  console.log(`\n${title}`);
  const head = Object.keys(rows[0] ?? {});
  const cells = [head, ...rows.map((row) => head.map((name) => String(row[name] ?? '-')))];
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  for (const row of cells) console.log(row.map((cell, column) => cell.padStart(widths[column]!)).join('  '));
}

/** Writes the run to bench/results/<name>.json, and the page of all results anew; smoke runs are not kept. */
export function keepReport(report: BenchReport): string {
  const folder = path.join(import.meta.dirname, 'results');
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, `${report.name}.json`);
  const cpu = os.cpus();
  const machine = { node: process.version, v8: process.versions.v8, openssl: process.versions.openssl, cpu: cpu[0]?.model ?? 'unknown', cores: cpu.length, system: `${os.platform()} ${os.arch()}` };
  writeFileSync(file, `${JSON.stringify({ ...report, at: new Date().toISOString(), commit: commitOf(path.dirname(import.meta.dirname)), machine }, undefined, 2)}\n`);
  writeResults();
  return path.relative(path.dirname(import.meta.dirname), file);
}

/** What was measured: the commit, and whether the server's own code had changes on top of it. */
function commitOf(root: string): string {
  const git = (...argumentList: string[]): string => execFileSync('git', argumentList, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const commit = git('rev-parse', '--short=10', 'HEAD');
    return git('status', '--porcelain', '--', 'src', 'core', 'package-lock.json') === '' ? commit : `${commit} and changes that were not committed`;
  } catch {
    return 'unknown';
  }
}

export function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

export function quantile(sorted: ArrayLike<number>, q: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
