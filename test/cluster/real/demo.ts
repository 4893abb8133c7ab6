/**
 * `npm run demo:cluster`: a cluster of real processes on this machine, load through a balancer, faults, and the verdict.
 *
 *     npm run demo:cluster -- --rounds 100 --fault any --seed 7
 *
 * The last line is `rounds R, acknowledged A, lost L, stale S, failed-encrypts F, write-failover-median-ms M`. Ends with 1 if L or
 * S is not 0, if a history is not linearizable, a nonce came twice, or the nodes differ in the end.
 */
import { parseArgs } from 'node:util';
import { faultKinds, victimKinds } from './faults.ts';
import type { FaultKind } from './faults.ts';
import { lies } from './judge.ts';
import type { Lie } from './judge.ts';
import { enterNetwork, networkChoices } from './own-namespace.ts';
import { RealCluster, clusterMissing } from './real-cluster.ts';
import { median, runRounds } from './rounds.ts';
import type { RoundsResult } from './rounds.ts';

const usage = `npm run demo:cluster -- [options]
  --rounds N               strikes (3)
  --fault KIND             kill, pause, cut, any of these, or empty: killed with its data folder emptied (kill)
  --victim WHOM            primary: always the primary; any: the primary in half of the rounds, else any node or
                           nats-server; everything: all nodes and nats-servers at once (primary;
                           any when --fault is given)
  --seed N                 of what is struck, when, and what clients do (1)
  --clients N              clients behind the balancer (8)
  --nodes N                kmipd nodes (3)
  --seconds-per-round N    least length of a round (8)
  --network WHERE          namespaces: each node and nats-server has a network namespace of its own, and cuts are silent;
                           loopback: relays; auto: namespaces where they can be made (auto)
  --keep                   keeps data and logs
  --lie KIND               plants a lie in what clients saw (${lies.join(', ')}): the verdict has to turn
  --alone                  one node without NATS: tries the harness itself`;

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' }, fault: { type: 'string' }, victim: { type: 'string' }, seed: { type: 'string', default: '1' }, clients: { type: 'string', default: '8' },
    nodes: { type: 'string', default: '3' }, 'seconds-per-round': { type: 'string', default: '8' }, keep: { type: 'boolean', default: false }, lie: { type: 'string' }, network: { type: 'string' },
    alone: { type: 'boolean', default: false }, help: { type: 'boolean', default: false },
  },
});

function number(name: 'rounds' | 'seed' | 'clients' | 'nodes' | 'seconds-per-round', least: number, most: number): number {
  const value = Number(values[name]);
  if (!(value >= least && value <= most)) fail(`--${name} ${values[name]}: from ${least} to ${most}`);
  return value;
}

function choice<T extends string>(name: string, value: string | undefined, choices: readonly T[], byDefault: T): T {
  if (value === undefined) return byDefault;
  if (!(choices as readonly string[]).includes(value)) fail(`--${name} ${value}: one of ${choices.join(', ')}`);
  return value as T;
}

function fail(message: string): never {
  process.stderr.write(`${message}\n\n${usage}\n`);
  process.exit(2);
}

function show({ rounds, acknowledged, lost, stale, failedEncrypts, writeFailoverMs, troubles, notes }: RoundsResult): void {
  for (const note of notes) console.log(note);
  for (const trouble of troubles.slice(0, 20)) console.log(`WRONG: ${trouble}`);
  if (troubles.length > 20) console.log(`WRONG: and ${troubles.length - 20} more`);
  console.log(`rounds ${rounds}, acknowledged ${acknowledged}, lost ${lost}, stale ${stale}, failed-encrypts ${failedEncrypts}, write-failover-median-ms ${Math.round(median(writeFailoverMs))}`);
}

if (values.help) {
  console.log(usage);
  process.exit(0);
}
const missing = clusterMissing();
if (missing !== false && !values.alone) fail(missing);
const fault = choice<FaultKind | 'any'>('fault', values.fault, [...faultKinds, 'empty', 'any'], 'kill');
const faults = fault === 'any' ? faultKinds : [fault];
const request = {
  rounds: number('rounds', 0, 10_000), clients: number('clients', 1, 200), seed: number('seed', 0, 0xffffffff), secondsPerRound: number('seconds-per-round', 0, 600),
  faults: values.alone ? faults.filter((each) => each !== 'cut') : faults,
  victims: choice('victim', values.victim, victimKinds, values.fault === undefined ? 'primary' : 'any'),
  lie: values.lie === undefined ? undefined : choice<Lie>('lie', values.lie, lies, 'lost'),
};
const nodes = values.alone ? 1 : number('nodes', 1, 7);
const network = await enterNetwork(choice('network', values.network, networkChoices, values.alone ? 'loopback' : 'auto'), console.log);
const startedAt = performance.now();
const cluster = await RealCluster.start({ nodes, links: faults.includes('cut') && !values.alone, clustered: !values.alone, network });
let wrong = true;
try {
  console.log(`${nodes} kmipd nodes and ${cluster.nats.length} nats-servers are ready after ${Math.round(performance.now() - startedAt)} ms; data and logs in ${cluster.folder}`);
  const result = await runRounds(cluster, request, console.log);
  wrong = result.troubles.length > 0;
  if (wrong) console.log(`data and logs are kept in ${cluster.folder}`);
  show(result);
} catch (error) {
  process.stderr.write(`${(error as Error).stack}\n`);
  process.stderr.write(`data and logs are kept in ${cluster.folder}\n`);
} finally {
  await cluster.stop(wrong || values.keep);
}
process.exit(wrong ? 1 : 0);
