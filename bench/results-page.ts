/**
 * The page of all results, made from nothing but the JSON files of bench/results: targets beside what was measured, then each bench's
 * machine, tables and floors.
 *
 * Invariant: a pure function of the files' contents, so that a test can tell whether the page beside them is theirs.
 */
import { held } from './floors.ts';
import type { JudgedFloor } from './floors.ts';
import type { BenchReport, Row } from './report.ts';
import { targetOf, targets } from './targets.ts';

/** A report as it lies in its file; in JSON a ratio that could not be measured is null. */
export type KeptReport = Omit<BenchReport, 'floors'> & {
  readonly floors?: readonly (Omit<JudgedFloor, 'ratio'> & { readonly ratio: number | null })[];
  readonly at: string;
  readonly commit?: string;
  readonly machine: { readonly node: string; readonly v8: string; readonly openssl: string; readonly cpu: string; readonly cores: number; readonly system: string };
};

const cell = (value: string | number | undefined): string => String(value ?? '-').replaceAll('|', '\\|');

function table(head: readonly string[], rows: readonly (readonly (string | number | undefined)[])[]): string[] {
  const line = (cells: readonly (string | number | undefined)[]): string => `| ${cells.map(cell).join(' | ')} |`;
  return [line(head), `|${head.map(() => ' --- |').join('')}`, ...rows.map(line)];
}

function rowTable(rows: readonly Row[]): string[] {
  const head = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return table(head, rows.map((row) => head.map((name) => row[name])));
}

function judged(report: KeptReport): JudgedFloor[] {
  return (report.floors ?? []).map((floor) => ({ ...floor, ratio: floor.ratio ?? Number.NaN }));
}

/** Two digits say enough, save where a floor was missed by less. */
function shown(ratio: number, least = Number.NaN): string {
  if (Number.isNaN(ratio)) return 'not measured';
  return Math.abs(ratio - least) < 0.01 ? ratio.toFixed(3) : ratio < 10 ? ratio.toFixed(2) : ratio.toFixed(0);
}

function targetSection(reports: readonly KeptReport[]): string[] {
  const misses: string[] = [];
  const rows = targets.map(({ number, text, bench }) => {
    const floors = reports.flatMap((report) => judged(report).filter(({ source }) => targetOf(report.name, source) === number));
    const missed = floors.filter((floor) => !Number.isNaN(floor.ratio) && !held(floor));
    const unmeasured = floors.filter(({ ratio }) => Number.isNaN(ratio)).length;
    for (const { name, ratio, least } of missed) misses.push(`- target ${number}: ${name}: ${shown(ratio, least)}, floor ${shown(least)}`);
    const verdict = floors.length === 0 ? 'no figures here' : `${floors.length - missed.length - unmeasured} held, ${missed.length} missed${unmeasured > 0 ? `, ${unmeasured} not measured` : ''}`;
    return [number, text, `\`bench:${bench}\``, verdict];
  });
  return ['## Targets', '', ...table(['', 'target', 'judged by', 'floors'], rows), '', ...(misses.length === 0 ? ['No floor was missed.'] : ['Missed:', '', ...misses]), ''];
}

function benchSection(report: KeptReport): string[] {
  const { machine } = report;
  const floors = judged(report);
  return [
    `## ${report.name}: ${report.question}`,
    '',
    `${report.at.slice(0, 10)}, commit ${report.commit ?? 'not recorded'}; ${machine.cpu}, ${machine.cores} processors, ${machine.system}; Node ${machine.node}, OpenSSL ${machine.openssl}. File \`results/${report.name}.json\`, command \`npm run bench:${report.name}\`.`,
    '',
    ...(report.sections ?? []).flatMap(({ title, rows }) => [`### ${title}`, '', ...rowTable(rows), '']),
    ...((report.sections ?? []).length > 0 ? [`### ${report.question}`, ''] : []),
    ...rowTable(report.rows),
    '',
    ...report.notes.map((note) => `- ${note}`),
    '',
    ...(floors.length === 0 ? [] : ['### Floors', '', ...table(['what', 'floor', 'measured', ''], floors.map((floor) => [floor.name, shown(floor.least), shown(floor.ratio, floor.least), Number.isNaN(floor.ratio) ? '' : held(floor) ? 'held' : '**missed**'])), '']),
  ];
}

export function resultsPage(reports: readonly KeptReport[]): string {
  const inOrder = [...reports].sort((left, right) => (left.name < right.name ? -1 : 1));
  return [
    '# Results',
    '',
    'Made by `npm run bench:results` from the files in [`results/`](results); one file a bench, of one whole run. Ratios travel between',
    'machines, absolute figures do not. A floor is a least ratio to a rival (or of a target to what was measured): more is better.',
    '',
    ...targetSection(inOrder),
    ...inOrder.flatMap(benchSection),
  ].join('\n').replace(/\n+$/, '\n');
}
