/**
 * The closing table of a run: for each version how many cases there are, ran, passed, failed, and wait for later work; and
 * what the waiting ones need.
 */
import type { Chain } from './catalogue.ts';
import type { CaseResult } from './play.ts';

function versionText(version: number): string {
  return `${Math.trunc(version / 10)}.${version % 10}`;
}

/** A table as text, columns of equal width. */
function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ').trimEnd()).join('\n');
}

/** Each case counts once, however many chains it stands in; it passed if it passed in all of them. */
export function summary(chains: readonly Chain[], results: readonly CaseResult[]): string {
  const versions = [...new Set(chains.flatMap(({ cases }) => cases.map(({ version }) => version)))].sort();
  const names = (wanted: (chain: Chain) => boolean, version?: number): string[] =>
    [...new Set(chains.filter(wanted).flatMap(({ cases }) => cases.filter((each) => version === undefined || each.version === version).map(({ name }) => name)))];
  const rows = [['version', 'cases', 'ran', 'passed', 'failed', 'later']];
  const line = (label: string, version?: number): string[] => {
    const ran = [...new Set(results.filter((result) => version === undefined || result.version === version).map(({ name }) => name))];
    const failed = ran.filter((name) => results.some((result) => result.name === name && result.failure !== undefined));
    const runnable = new Set(names(({ needs }) => needs.length === 0, version));
    const later = names(({ needs }) => needs.length > 0, version).filter((name) => !runnable.has(name));
    return [label, names(() => true, version).length, ran.length, ran.length - failed.length, failed.length, later.length].map(String);
  };
  rows.push(...versions.map((version) => line(versionText(version), version)), line('all'));

  const needs = new Map<string, Set<string>>();
  for (const chain of chains) {
    for (const need of chain.needs) {
      const waiting = needs.get(need) ?? new Set<string>();
      needs.set(need, waiting);
      for (const { name } of chain.cases) waiting.add(name);
    }
  }
  const needRows = [...needs].sort(([, left], [, right]) => right.size - left.size).map(([need, waiting]) => [need, String(waiting.size)]);
  return `${table(rows)}\n\n${table([['later: needs', 'cases'], ...needRows])}`;
}
