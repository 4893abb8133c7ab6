/**
 * The page of a load run: figures and three plots as inline SVG, one file without a script and without anything from
 * elsewhere, so that it can be kept beside the numbers and opened in ten years.
 */
import type { LoadResult } from '../client/load/load.ts';

const width = 860;
const height = 260;
const margin = { left: 64, right: 16, top: 12, bottom: 36 };
const colours = ['#1f6feb', '#d1242f', '#1a7f37', '#9a6700'];
/** More points than this are thinned out: a screen has no more. */
const pointsMax = 1200;

const escape = (text: string): string => text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);

interface Line {
  readonly name: string;
  readonly points: readonly (readonly [number, number])[];
}

interface Axis {
  readonly title: string;
  readonly ticks: readonly (readonly [value: number, text: string])[];
  /** Position of a value, 0 to 1. */
  readonly place: (value: number) => number;
}

const shortNumber = (value: number): string => (value >= 1e6 ? `${+(value / 1e6).toPrecision(3)}M` : value >= 1e4 ? `${+(value / 1e3).toPrecision(3)}k` : String(+value.toPrecision(3)));

function linearAxis(title: string, least: number, most: number): Axis {
  const span = most - least || 1;
  const rough = span / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const ticks: [number, string][] = [];
  for (let value = Math.ceil(least / step) * step; value <= most + step / 1e6; value += step) ticks.push([value, shortNumber(value)]);
  return { title, ticks, place: (value) => (value - least) / span };
}

/** Whole decades around the values: latencies differ by orders of magnitude. */
function decadeAxis(title: string, values: readonly number[]): Axis {
  const positive = values.filter((value) => value > 0);
  const least = Math.floor(Math.log10(Math.min(...positive, 1)));
  const most = Math.max(least + 1, Math.ceil(Math.log10(Math.max(...positive, 0.001))));
  const ticks = Array.from({ length: most - least + 1 }, (_, index): [number, string] => [10 ** (least + index), shortNumber(10 ** (least + index))]);
  return { title, ticks, place: (value) => (Math.log10(Math.max(value, 10 ** least)) - least) / (most - least) };
}

function plot(title: string, x: Axis, y: Axis, lines: readonly Line[]): string {
  const across = (value: number): string => (margin.left + x.place(value) * (width - margin.left - margin.right)).toFixed(1);
  const down = (value: number): string => (height - margin.bottom - y.place(value) * (height - margin.top - margin.bottom)).toFixed(1);
  const grid = [
    ...y.ticks.map(([value, text]) => `<path class="g" d="M${margin.left} ${down(value)}H${width - margin.right}"/><text x="${margin.left - 6}" y="${down(value)}" dy=".35em" text-anchor="end">${text}</text>`),
    ...x.ticks.map(([value, text]) => `<path class="g" d="M${across(value)} ${margin.top}V${height - margin.bottom}"/><text x="${across(value)}" y="${height - margin.bottom + 16}" text-anchor="middle">${text}</text>`),
  ];
  const drawn = lines.map(({ points }, index) => {
    const step = Math.ceil(points.length / pointsMax);
    const kept = points.filter((_, position) => position % step === 0);
    return `<polyline fill="none" stroke="${colours[index]}" stroke-width="1.6" points="${kept.map(([first, second]) => `${across(first)},${down(second)}`).join(' ')}"/>`;
  });
  const legend = lines.map(({ name }, index) => `<span style="color:${colours[index]}">■ ${escape(name)}</span>`).join(' ');
  return `<figure><figcaption>${escape(title)} ${lines.length > 1 ? legend : ''}</figcaption><svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${escape(title)}">${grid.join('')}${drawn.join('')}<text x="${width / 2}" y="${height - 4}" text-anchor="middle">${escape(x.title)}</text><text transform="translate(12 ${height / 2}) rotate(-90)" text-anchor="middle">${escape(y.title)}</text></svg></figure>`;
}

function table(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = (kind: 'td' | 'th', row: readonly (string | number)[]): string => `<tr>${row.map((cell) => `<${kind}>${escape(String(cell))}</${kind}>`).join('')}</tr>`;
  return `<table>${cells('th', head)}${rows.map((row) => cells('td', row)).join('')}</table>`;
}

export function loadPage(result: LoadResult): string {
  const { plan, seconds, curve, serviceCurve, latency } = result;
  const nines = (percentile: number): number => -Math.log10(1 - percentile / 100);
  const most = Math.max(1, ...curve.map(([percentile]) => nines(percentile)));
  const percentiles = decadeAxis('ms', [...curve, ...serviceCurve].map(([, ms]) => ms));
  const percentileAxis: Axis = {
    title: 'percentile',
    ticks: [[0, '0'], [50, '50'], [90, '90'], [99, '99'], [99.9, '99.9'], [99.99, '99.99'], [99.999, '99.999']].filter(([value]) => nines(value as number) <= most) as [number, string][],
    place: (value) => nines(value) / most,
  };
  const time = linearAxis('seconds of the run (below 0: warm-up)', seconds[0]?.second ?? 0, (seconds.at(-1)?.second ?? 0) || 1);
  const series = (pick: (second: LoadResult['seconds'][number]) => number): [number, number][] => seconds.map((second) => [second.second, pick(second)]);
  const rates = [{ name: 'due', points: series((second) => second.due) }, { name: 'answered', points: series((second) => second.answered) }, { name: 'failed items', points: series((second) => second.failed) }];
  const times = [{ name: 'p50', points: series((second) => second.p50) }, { name: 'p99', points: series((second) => second.p99) }, { name: 'max', points: series((second) => second.max) }];
  const highest = (lines: readonly Line[]): number => Math.max(1, ...lines.flatMap(({ points }) => points.map(([, value]) => value)));
  const short = (value: number): number => +value.toPrecision(3);
  const row = (name: string, { count, mean, p50, p90, p99, p999, max }: LoadResult['latency']): (string | number)[] => [name, count, ...[mean, p50, p90, p99, p999, max].map(short)];
  const failures = Object.entries(result.failures);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Load on ${escape(result.server)}</title>
<style>
body{font:14px/1.5 system-ui,sans-serif;max-width:900px;margin:2em auto;padding:0 1em;color:#1f2328}
figure{margin:1.5em 0}figcaption{font-weight:600}svg{width:100%;height:auto}svg text{font-size:11px;fill:#59636e}.g{stroke:#d1d9e0;stroke-width:1}
table{border-collapse:collapse;margin:1em 0}td,th{padding:.2em .8em;text-align:right;border-bottom:1px solid #d1d9e0}td:first-child,th:first-child{text-align:left}
</style></head><body>
<h1>Load on ${escape(result.server)}</h1>
<p>${escape(result.startedAt)}, KMIP ${plan.version}: ${escape(plan.mix.map(({ operation, weight }) => `${operation}=${weight}`).join(','))}, mode ${plan.mode},
${plan.rate > 0 ? `${plan.rate} messages a second due (${plan.arrival})` : 'closed loop'}, ${plan.connections} connections, ${plan.pipeline} deep, ${plan.batch} items a message, ${plan.payloadBytes} bytes of data, ${plan.keys} keys, ${plan.threads} threads.</p>
<p><b>${result.messagesPerSecond}</b> messages a second (${result.itemsPerSecond} items) over ${result.measuredSeconds} s; ${result.answered} of ${result.due} answered; p50 <b>${short(latency.p50)}</b>, p99 <b>${short(latency.p99)}</b>, p99.9 <b>${short(latency.p999)}</b> ms; ${result.checks.checked} answers checked, ${result.checks.wrong} wrong; ${result.due - result.answered} without an answer${result.answered < result.due ? ' (the latencies leave them out)' : ''}, ${result.dropped} never sent, ${result.lostConnections} connections lost.</p>
${table(['latency in ms', 'messages', 'mean', 'p50', 'p90', 'p99', 'p99.9', 'max'], [row(plan.rate > 0 ? 'from the due time' : 'from sending', latency), ...result.operations.map((each) => row(each.operation, each.latency)), row('from sending', result.service), row('due to sending', result.wait)])}
${failures.length === 0 ? '<p>No failures.</p>' : table(['failures by Result Reason', 'items'], failures)}
${plot('Latency by percentile', percentileAxis, percentiles, plan.rate > 0 ? [{ name: 'from the due time', points: curve }, { name: 'from sending', points: serviceCurve }] : [{ name: 'from sending', points: curve }])}
${plot('Messages a second', time, linearAxis('a second', 0, highest(rates)), rates)}
${plot('Latency over the run', time, decadeAxis('ms', times.flatMap(({ points }) => points.map(([, value]) => value))), times)}
</body></html>
`;
}
