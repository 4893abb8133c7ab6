/**
 * `npm run bench:cluster [-- SCENARIO… --keep]`: the figures that a cluster promises, measured on real processes. Each scenario starts a
 * cluster of its own. `--network loopback` has rounds cut by relays, `namespaces` by wires (own-namespace.ts; `auto`: where they can be made).
 * `--keep` writes bench/results/cluster.json; figures of scenarios that were not run stay as they were.
 *
 * | scenario | question                                                                          |
 * | rounds   | what do kills, pauses and cuts lose, and how long are writes away?                 |
 * | emptied  | how soon does a node whose data folder was emptied serve again?                    |
 * | rolling  | does a rolling restart under load fail a request of clients that retry once?       |
 * | encrypts | what do NATS and processor pay for an Encrypt in a cluster, and on a node alone?   |
 * | creates  | how many Creates a second are acknowledged?                                        |
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { keepReport, printReport, round } from '../../../bench/report.ts';
import { repositoryRoot } from '../../harness/shared-data.ts';
import { createsPerSecond, messagesPerEncrypt, processorPerEncrypt } from './cluster-costs.ts';
import { faultKinds } from './faults.ts';
import { KeyClient } from './key-client.ts';
import { KeyHistory } from './key-history.ts';
import { enterNetwork, networkChoices } from './own-namespace.ts';
import { preload } from './preload.ts';
import { RealCluster, clusterMissing } from './real-cluster.ts';
import type { ClusterRequest } from './real-cluster.ts';
import { rollingRestart } from './rolling-restart.ts';
import { grouped, median, runRounds } from './rounds.ts';

interface Figure {
  readonly scenario: string;
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  readonly target: string;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { objects: { type: 'string', default: '2000' }, rounds: { type: 'string', default: '10' }, seconds: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' }, runs: { type: 'string', default: '3' }, network: { type: 'string', default: 'auto' }, keep: { type: 'boolean', default: false } },
});
const say = (line: string): void => console.log(line);
const wrong: string[] = [];

async function withCluster<T>(request: ClusterRequest, work: (cluster: RealCluster) => Promise<T>): Promise<T> {
  const cluster = await RealCluster.start(request);
  let failed = true;
  try {
    const result = await work(cluster);
    failed = wrong.length > 0;
    return result;
  } finally {
    if (failed) say(`data and logs are kept in ${cluster.folder}`);
    await cluster.stop(failed);
  }
}

async function rounds(): Promise<readonly Figure[]> {
  return withCluster({ links: true, network }, async (cluster) => {
    const result = await runRounds(cluster, { rounds: Number(values.rounds), clients: 8, seed: Number(values.seed), secondsPerRound: 8, faults: faultKinds, victims: 'any', lie: undefined }, say);
    wrong.push(...result.troubles);
    for (const note of result.notes) say(note);
    const figure = (name: string, value: number, target: string, unit = ''): Figure => ({ scenario: 'rounds', figure: name, value, unit, target });
    return [
      figure(`rounds of kill, pause or cut (${network})`, result.rounds, '100'),
      figure('acknowledged writes', result.acknowledged, ''),
      figure('lost', result.lost, '0'),
      figure('stale', result.stale, '0'),
      figure('Encrypts that failed on nodes not struck', result.failedEncrypts, '0'),
      figure('writes away when the primary is struck, median', Math.round(median(result.writeFailoverMs)), '< 3000', 'ms'),
      figure('writes away when the primary is struck, longest', Math.round(Math.max(0, ...result.writeFailoverMs)), '< 5000', 'ms'),
      ...[...Map.groupBy(result.struck, ({ what }) => what)].sort(([left], [right]) => (left < right ? -1 : 1)).map(([what, all]) => figure(`longest gap between two writes in a round: ${what}, median of ${all.length}`, Math.round(median(all.map(({ gapMs }) => gapMs))), '', 'ms')),
    ];
  });
}

async function emptied(): Promise<readonly Figure[]> {
  const objects = Number(values.objects);
  return withCluster({}, async (cluster) => {
    const fillingAt = performance.now();
    const identifiers = await preload(cluster, objects, say);
    const fillingMs = performance.now() - fillingAt;
    const primary = await cluster.primary();
    const node = cluster.nodes.find((each) => each !== primary)!;
    await node.process.kill();
    node.emptyData();
    const emptiedAt = performance.now();
    node.process.start();
    const progress = setInterval(() => {
      void node.membership().then((membership) => say(`  after ${Math.round((performance.now() - emptiedAt) / 1000)} s: ${String(membership?.['role'])}, applied ${String(membership?.['applied'])} of ${String(membership?.['sequence'])}, ${node.process.processorSeconds()} s of processor time`));
    }, 5_000);
    await node.waitReady(300_000);
    clearInterval(progress);
    const readyMs = performance.now() - emptiedAt;
    const history = new KeyHistory();
    const client = new KeyClient('look', history, node.place, cluster.credential, 10_000);
    let missing = 0;
    const step = Math.max(1, Math.floor(identifiers.length / 1000));
    for (let index = 0; index < identifiers.length; index += step) {
      const key = history.make(identifiers[index]!);
      key.id = identifiers[index]!;
      if ((await client.state(key)).saw !== 'pre-active') missing += 1;
    }
    client.close();
    if (missing > 0) wrong.push(`${missing} keys are missing on ${node.name}`);
    say(`${objects} keys made in ${Math.round(fillingMs)} ms; ${node.name}, emptied, is ready after ${Math.round(readyMs)} ms; ${missing} of ${Math.ceil(identifiers.length / step)} keys looked up are missing`);
    return [
      { scenario: 'emptied', figure: 'objects', value: objects, unit: '', target: '100000' },
      { scenario: 'emptied', figure: 'from the start on an emptied folder to ready', value: Math.round(readyMs), unit: 'ms', target: '< 30000 with 100000' },
    ];
  });
}

async function rolling(): Promise<readonly Figure[]> {
  return withCluster({}, async (cluster) => {
    const result = await rollingRestart(cluster, 8, say);
    wrong.push(...result.failed, ...result.troubles, ...result.exits.filter((code) => code !== '0').map((code) => `a node ended with ${code}`));
    say(`${result.requests} requests, ${result.askedAgain} asked again, ${result.answeredTwice} of them found that the first had taken place, ${result.failed.length} failed`);
    for (const reason of grouped('asked again', result.reasons)) say(`  ${reason}`);
    return [
      { scenario: 'rolling', figure: 'requests', value: result.requests, unit: '', target: '' },
      { scenario: 'rolling', figure: 'asked again', value: result.askedAgain, unit: '', target: '' },
      { scenario: 'rolling', figure: 'writes whose answer was lost', value: result.answeredTwice, unit: '', target: '0' },
      { scenario: 'rolling', figure: 'failed', value: result.failed.length, unit: '', target: '0' },
      { scenario: 'rolling', figure: 'longest restart of a node', value: Math.round(Math.max(...result.turnMs)), unit: 'ms', target: '' },
    ];
  });
}

async function encrypts(): Promise<readonly Figure[]> {
  return withCluster({}, async (cluster) => {
    const messages = await messagesPerEncrypt(cluster, 10_000);
    say(`${messages.encrypts} Encrypts in ${round(messages.seconds)} s: ${messages.messages} NATS messages of all nodes, ${round(messages.idlePerSecond)} a second when idle; ${messages.perEncrypt.toFixed(4)} an Encrypt`);
    const processor = await withCluster({ nodes: 1, clustered: false }, (alone) => processorPerEncrypt(cluster, alone, Number(values.runs), 2000, Number(values.seconds)));
    const list = (numbers: readonly number[]): string => numbers.map((each) => each.toFixed(1)).join(', ');
    say(`processor time of an Encrypt in microseconds: in the cluster ${list(processor.clusterMicroseconds)}; alone ${list(processor.aloneMicroseconds)}; median ratio ${processor.ratio.toFixed(3)}; idle ${(processor.clusterIdle * 100).toFixed(1)} % and ${(processor.aloneIdle * 100).toFixed(1)} % of a processor`);
    return [
      { scenario: 'encrypts', figure: 'NATS messages above the idle rate, for each Encrypt', value: round(messages.perEncrypt, 4), unit: '', target: '0' },
      { scenario: 'encrypts', figure: 'NATS messages of all nodes when idle', value: round(messages.idlePerSecond, 1), unit: '/s', target: '' },
      { scenario: 'encrypts', figure: 'processor time of an Encrypt, cluster to alone, median', value: round(processor.ratio, 3), unit: '', target: '<= 1.05' },
      { scenario: 'encrypts', figure: 'processor share of an idle node of a cluster', value: round(processor.clusterIdle * 100, 1), unit: '%', target: '' },
    ];
  });
}

async function creates(): Promise<readonly Figure[]> {
  return withCluster({}, async (cluster) => {
    const result = await createsPerSecond(cluster, Number(values.seconds));
    say(`${result.messagesPerSecond} Creates a second; p50 ${round(result.latency.p50)} ms, p99 ${round(result.latency.p99)} ms; failures ${JSON.stringify(result.failures)}`);
    return [
      { scenario: 'creates', figure: 'acknowledged Creates, 64 connections', value: Math.round(result.messagesPerSecond), unit: '/s', target: '>= 500' },
      { scenario: 'creates', figure: 'p50', value: round(result.latency.p50), unit: 'ms', target: '' },
      { scenario: 'creates', figure: 'p99', value: round(result.latency.p99), unit: 'ms', target: '' },
    ];
  });
}

const scenarios = { rounds, emptied, rolling, encrypts, creates };
const missing = clusterMissing();
if (missing !== false) throw new Error(missing);
const unknown = positionals.filter((name) => !Object.hasOwn(scenarios, name));
if (unknown.length > 0) throw new Error(`no scenario ${unknown.join(', ')}; there are ${Object.keys(scenarios).join(', ')}`);
const chosen = Object.entries(scenarios).filter(([name]) => positionals.length === 0 || positionals.includes(name));

const choice = networkChoices.find((each) => each === values.network);
if (choice === undefined) throw new Error(`--network ${values.network}: one of ${networkChoices.join(', ')}`);
// The other scenarios cut nothing: loopback, as their figures have always been.
const network = chosen.some(([name]) => name === 'rounds') ? await enterNetwork(choice, say) : 'loopback';

const figures: Figure[] = [];
for (const [name, scenario] of chosen) {
  say(`== ${name}`);
  figures.push(...(await scenario()));
}
const file = path.join(repositoryRoot, 'bench/results/cluster.json');
const earlier = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as { readonly rows: readonly Figure[] }).rows : [];
const names = Object.keys(scenarios);
const rows = [...earlier.filter(({ scenario }) => !chosen.some(([name]) => name === scenario)), ...figures].sort((left, right) => names.indexOf(left.scenario) - names.indexOf(right.scenario));
const report = {
  name: 'cluster',
  question: 'does a cluster of real processes keep what it promises?',
  rows: (values.keep ? rows : figures).map((figure) => ({ ...figure })),
  notes: ['three nodes with one worker each and three nats-servers, on one machine together with the clients', 'rounds: a random node or nats-server, the primary in half of them, is killed, paused or cut off under load through the balancer'],
};
printReport(report);
if (values.keep && wrong.length === 0) say(`  kept in ${keepReport(report)}; now npm run bench:results`);
for (const each of wrong.slice(0, 20)) say(`WRONG: ${each}`);
process.exit(wrong.length > 0 ? 1 : 0);
