/**
 * What strikes a cluster: one fault at a time, to a node or a nats-server, for a few seconds.
 *
 * | fault | what happens                                                            | how it ends       |
 * | kill  | kill -9                                                                 | started again     |
 * | pause | SIGSTOP: it neither answers nor notices time passing                    | SIGCONT           |
 * | cut   | its links to all others drop their connections, or turn into black holes | links work again  |
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../sim/random.ts';
import type { OwnProcess } from './own-process.ts';
import type { RealCluster } from './real-cluster.ts';
import type { RealNode } from './real-node.ts';

export const faultKinds = ['kill', 'pause', 'cut'] as const;
export type FaultKind = (typeof faultKinds)[number];

export interface Strike {
  readonly fault: FaultKind;
  /** A node or a nats-server. */
  readonly victim: string;
  /** The node that is struck, if it is one. */
  readonly node: RealNode | undefined;
  readonly isPrimary: boolean;
  readonly forMs: number;
  readonly text: string;
  begin(): Promise<void>;
  end(): Promise<void>;
}

const durationsMs: Readonly<Record<FaultKind, readonly [number, number]>> = { kill: [1000, 4000], pause: [1000, 6000], cut: [2000, 6000] };

export interface StrikeRequest {
  readonly faults: readonly FaultKind[];
  /** `primary`: always the primary. `any`: the primary in half of the strikes, else any node or nats-server. */
  readonly victims: 'primary' | 'any';
}

/** Decides whom to strike, and with what. */
export async function chooseStrike(cluster: RealCluster, random: SeededRandom, { faults, victims }: StrikeRequest): Promise<Strike> {
  const primary = await knownPrimary(cluster);
  const wantsPrimary = victims === 'primary' || random.chance(0.5);
  const everyone: readonly (RealNode | OwnProcess)[] = [...cluster.nodes, ...cluster.nats];
  const chosen = wantsPrimary ? primary : random.pick(everyone);
  const node = 'process' in chosen ? chosen : undefined;
  const process = 'process' in chosen ? chosen.process : chosen;
  const fault = random.pick(faults);
  const [least, most] = durationsMs[fault];
  const forMs = Math.round(random.between(least, most));
  const how = random.chance(0.5) ? 'drop' : 'hole';
  const isPrimary = node === primary;
  const doing = { kill: 'kill -9', pause: 'SIGSTOP', cut: how === 'drop' ? 'links dropped' : 'links swallow all' }[fault];
  return {
    fault, victim: chosen.name, node, isPrimary, forMs,
    text: `${chosen.name}${isPrimary ? ' (primary)' : ''}: ${doing}, ${(forMs / 1000).toFixed(1)} s`,
    async begin() {
      if (fault === 'kill') await process.kill();
      else if (fault === 'pause') process.pause();
      else await cluster.cut(chosen.name, how);
    },
    async end() {
      if (fault === 'kill') process.start();
      else if (fault === 'pause') process.resume();
      else await cluster.heal(chosen.name);
    },
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
