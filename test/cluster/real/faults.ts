/**
 * What strikes a cluster: one fault at a time, to a node or a nats-server, for a few seconds.
 *
 * | fault | what happens                                                            | how it ends       |
 * | kill  | kill -9                                                                 | started again     |
 * | pause | SIGSTOP: it neither answers nor notices time passing                    | SIGCONT           |
 * | empty | kill -9, and a node's data folder is emptied                              | started again     |
 * | cut   | no connection to NATS, or to anybody (hosts.ts)                         | links work again  |
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../sim/random.ts';
import type { OwnProcess } from './own-process.ts';
import type { RealCluster } from './real-cluster.ts';
import type { RealNode } from './real-node.ts';

export const faultKinds = ['kill', 'pause', 'cut'] as const;
export type FaultKind = (typeof faultKinds)[number] | 'empty';

export interface Strike {
  readonly fault: FaultKind;
  /** Who is struck, as a kind: what figures are grouped by. */
  readonly whom: 'the primary' | 'another node' | 'a nats-server' | 'everything';
  /** The nodes that are struck. */
  readonly nodes: readonly RealNode[];
  readonly forMs: number;
  readonly text: string;
  begin(): Promise<void>;
  end(): Promise<void>;
}

const durationsMs: Readonly<Record<FaultKind, readonly [number, number]>> = { kill: [1000, 4000], pause: [1000, 6000], cut: [2000, 6000], empty: [1000, 4000] };

/** `primary`: always the primary. `any`: the primary in half of the strikes, else any node or nats-server. `everything`: all at once. */
export const victimKinds = ['primary', 'any', 'everything'] as const;

export interface StrikeRequest {
  readonly faults: readonly FaultKind[];
  readonly victims: (typeof victimKinds)[number];
}

/** Decides whom to strike, and with what. */
export async function chooseStrike(cluster: RealCluster, random: SeededRandom, { faults, victims }: StrikeRequest): Promise<Strike> {
  const primary = await knownPrimary(cluster);
  const fault = random.pick(faults);
  const everyone: readonly (RealNode | OwnProcess)[] = [...cluster.nodes, ...cluster.nats];
  const chosen = victims === 'everything' && fault !== 'empty' ? everyone : [victims === 'primary' || random.chance(0.5) ? primary : random.pick(everyone)];
  const nodes = chosen.filter((each) => 'process' in each);
  const processes = chosen.map((each) => ('process' in each ? each.process : each));
  const [least, most] = durationsMs[fault];
  const forMs = Math.round(random.between(least, most));
  const how = random.chance(0.5) ? 'drop' : 'hole';
  const whom = chosen.length > 1 ? 'everything' : nodes[0] === primary ? 'the primary' : nodes.length === 1 ? 'another node' : 'a nats-server';
  const doing = { kill: 'kill -9', pause: 'SIGSTOP', cut: cluster.cutText(how), empty: nodes.length > 0 ? 'kill -9, data folder emptied' : 'kill -9' }[fault];
  const onAll = async (work: (process: OwnProcess) => unknown): Promise<void> => void (await Promise.all(processes.map(work)));
  return {
    fault, whom, nodes, forMs,
    text: `${chosen.length > 1 ? 'everything' : `${chosen[0]!.name}${whom === 'the primary' ? ' (primary)' : ''}`}: ${doing}, ${(forMs / 1000).toFixed(1)} s`,
    async begin() {
      await onAll((process) => (fault === 'pause' ? process.pause() : fault === 'cut' ? cluster.cut(process.name, how) : process.kill()));
      if (fault === 'empty') for (const node of nodes) node.emptyData();
    },
    end: () => onAll((process) => (fault === 'pause' ? process.resume() : fault === 'cut' ? cluster.heal(process.name) : process.start())),
  };
}

/** The primary; between two tenures it is waited for. */
export async function knownPrimary(cluster: RealCluster, limitMs = 10_000): Promise<RealNode> {
  if (cluster.nodes.length === 1) return cluster.nodes[0]!;
  const until = performance.now() + limitMs;
  for (;;) {
    const primary = await cluster.primary();
    if (primary !== undefined) return primary;
    if (performance.now() > until) throw new Error(`no node said within ${limitMs} ms that it is primary`);
    await sleep(100);
  }
}
