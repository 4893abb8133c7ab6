/**
 * A whole cluster in one process: nodes, links, log, tenure store, snapshots, virtual time, and what is noted about them.
 */
import { compareFences } from '../../../cluster/entry.ts';
import type { PeerMessage } from '../../../cluster/messages.ts';
import type { ClusterEvent } from '../../../cluster/ports.ts';
import { defaultLimits, defaultTiming } from '../../../cluster/timing.ts';
import type { ClusterLimits, Timing } from '../../../cluster/timing.ts';
import type { DiskContent } from './disk.ts';
import { Network } from './network.ts';
import type { Weather } from './network.ts';
import type { Protocol } from './protocol.ts';
import { SeededRandom } from './random.ts';
import { Scheduler } from './scheduler.ts';
import { SimulatedLog, SimulatedSnapshots, SimulatedTenureStore } from './services.ts';
import { SimNode } from './sim-node.ts';

export interface WorldOptions {
  readonly seed: number;
  readonly protocol: Protocol;
  readonly nodes: number;
  readonly weather: Weather;
  readonly comparesHash: boolean;
  readonly timing?: Partial<Timing>;
  /** Nodes that are configured otherwise than the rest. */
  readonly timingOf?: (index: number) => Partial<Timing>;
  readonly limits?: Partial<ClusterLimits>;
  /** Probability that a process falls asleep between a read and the question whether it may be answered. */
  readonly sleepy: number;
  /** Share of messages between nodes that are delivered again later than anything is remembered. */
  readonly replayed?: number;
}

export class World {
  readonly random: SeededRandom;
  readonly scheduler = new Scheduler();
  readonly network: Network;
  readonly log: SimulatedLog;
  readonly tenure: SimulatedTenureStore;
  readonly snapshots = new SimulatedSnapshots<DiskContent>();
  readonly nodes: readonly SimNode[];
  readonly names: readonly string[];
  readonly protocol: Protocol;
  readonly timing: Timing;
  sleepy: number;
  readonly #replayed: number;
  readonly violations: string[] = [];
  readonly transcript: string[] = [];
  readonly #digests = new Map<string, { readonly digest: number; readonly node: string }>();
  #lastRoles = new Map<string, string>();
  openings = 0;
  /** The last entry that anyone ever declared stable. */
  stableMax = 0;

  constructor(options: WorldOptions) {
    this.random = new SeededRandom(options.seed);
    this.protocol = options.protocol;
    this.sleepy = options.sleepy;
    this.#replayed = options.replayed ?? 0;
    this.timing = { ...defaultTiming, giveUpMs: 3000, ...options.timing };
    const limits = { ...defaultLimits, ...options.limits };
    this.names = Array.from({ length: options.nodes }, (_, index) => `n${index + 1}`);
    this.network = new Network(this.scheduler, this.random, options.weather);
    this.log = new SimulatedLog(this.network, this.scheduler, this.names, this.deliver, options.comparesHash, options.protocol.unfencedLog !== true);
    this.tenure = new SimulatedTenureStore(this.network, this.scheduler, this.deliver, this.timing.tenureRecordMs);
    this.nodes = this.names.map((name) => new SimNode(this, name, { ...this.timing, ...options.timingOf?.(this.names.indexOf(name)) }, limits));
  }

  readonly deliver = (node: string, event: ClusterEvent): void => {
    this.node(node).handle(event);
  };

  /**
   * Perhaps delivers the message once more when its sender has long given up and its id is forgotten, whoever runs by then. Proposals come to
   * everyone, since nobody knows who will be the primary.
   */
  mayReplay(from: string, to: string, message: PeerMessage): void {
    if (!this.random.chance(this.#replayed)) return;
    const later = this.timing.proposalKeptMs + this.random.between(300, 5000);
    this.scheduler.after(later, () => {
      for (const name of message.kind === 'propose' ? this.names : [to]) this.deliver(name, { kind: 'message', from, message });
    });
  }

  node(name: string): SimNode {
    return this.nodes[this.names.indexOf(name)]!;
  }

  /** The node that is, or believes it is, the primary; the newest tenure if there are several. */
  primary(): SimNode | undefined {
    const primaries = this.nodes.filter(({ cluster }) => cluster?.role === 'primary');
    return primaries.sort((left, right) => compareFences(right.cluster!.state.replicated.fence, left.cluster!.state.replicated.fence))[0];
  }

  note(line: string): void {
    this.transcript.push(`${this.scheduler.now.toFixed(1).padStart(9)} ${line}`);
  }

  fail(violation: string): void {
    this.violations.push(violation);
    this.note(`VIOLATION ${violation}`);
  }

  /** One fence at a time: no two nodes may both be open primaries within their tenures. */
  afterStep(node: SimNode): void {
    const role = node.cluster?.role ?? 'down';
    this.stableMax = Math.max(this.stableMax, node.cluster?.stable ?? 0);
    const { stage } = node.cluster?.state.opening ?? {};
    const text = stage === undefined ? role : `${role} (${stage})`;
    if (this.#lastRoles.get(node.name) !== text) {
      this.#lastRoles.set(node.name, text);
      if (role === 'primary') this.openings += 1;
      const { fence, sequence } = node.cluster!.state.replicated;
      this.note(`${node.name} is ${text}, fence ${fence.counter}/${fence.node}, at ${sequence}, stable ${node.cluster!.stable}`);
    }
    const { backlog, replicated, applied, rebuilding } = node.cluster?.state ?? {};
    if (rebuilding === false && backlog!.entries !== replicated!.sequence - applied!) this.fail(`${node.name} counts ${backlog!.entries} entries from ${applied} to ${replicated!.sequence}`);
    if (role !== 'primary') return;
    const reigning = this.nodes.filter(({ cluster, clock }) => cluster?.role === 'primary' && cluster.state.tenure !== undefined && clock !== undefined);
    // One that is suspended believes nothing: it is told before it goes on.
    const within = reigning.filter((each) => !each.suspended && each.clock() < each.cluster!.state.tenure!.until);
    if (within.length > 1 && this.violations.length === 0) this.fail(`two open primaries at once: ${within.map(({ name }) => name).join(', ')}`);
  }

  /** Digests are equal at equal places of the history. */
  applied({ name, disk }: SimNode): void {
    // An entry that counted in one history may stand in another as void.
    const place = `${disk.replicated.sequence}:${disk.replicated.hash}:${disk.replicated.chain}`;
    const known = this.#digests.get(place);
    if (known === undefined) this.#digests.set(place, { digest: disk.digest, node: name });
    else if (known.digest !== disk.digest) this.fail(`${name} and ${known.node} differ at sequence ${disk.replicated.sequence}`);
  }
}
