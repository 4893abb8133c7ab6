/**
 * What goes wrong in a run, and when: drawn from the seed. A lost tail of the log comes with a calm: the protocol promises to
 * put it back as long as a node that applied it is within reach of the next primary (cluster/DESIGN.md, Assumptions).
 */
import { calm } from './network.ts';
import type { Weather } from './network.ts';
import type { SeededRandom } from './random.ts';
import type { SimNode } from './sim-node.ts';
import type { World } from './world.ts';

/** Where most of a run's faults go: a run in which everything fails a little finds less than one that worries one place. */
type Focus = 'all' | 'log' | 'tenure' | 'processes';

export interface FaultPlan {
  readonly focus: Focus;
  readonly weather: Weather;
  readonly comparesHash: boolean;
  readonly losesTail: boolean;
  readonly forgetsTenure: boolean;
  readonly everyMs: number;
  readonly sleepy: number;
  readonly nodes: number;
  /** `mixed`: some nodes are configured with the one, some with the other. */
  readonly timing: 'default' | 'stall' | 'patient' | 'mixed';
  /** Share of messages that come again long after: a network that slept, or somebody who recorded them. */
  readonly replayed: number;
}

export function drawPlan(random: SeededRandom): FaultPlan {
  const comparesHash = random.chance(0.7);
  const focus = random.pick<Focus>(['all', 'log', 'tenure', 'processes']);
  // A lost tail brings a calm with it: not in every run.
  const losesTail = random.chance(focus === 'tenure' ? 0.1 : 0.4);
  return {
    focus,
    weather: {
      loss: random.pick([0, 0, 0.01, 0.05, 0.15]),
      doubled: random.pick([0, 0.02, 0.1]),
      slow: random.pick([0, 0.02, 0.1]),
      slowMs: random.pick([20, 200, 1200]),
    },
    comparesHash,
    losesTail,
    // Without the hash, a lost tail and a forgotten tenure together could not be told from a healthy log: then one of them only.
    forgetsTenure: random.chance(focus === 'tenure' ? 0.7 : 0.2) && (comparesHash || !losesTail),
    everyMs: random.pick([400, 900, 2000]),
    sleepy: random.pick([0, 0, 0.01]),
    nodes: random.pick([3, 3, 3, 2, 5, 1]),
    timing: random.pick(['default', 'default', 'default', 'default', 'default', 'stall', 'patient', 'mixed']),
    replayed: random.pick([0, 0, 0.01, 0.03]),
  };
}

export class Faults {
  readonly #world: World;
  readonly #plan: FaultPlan;
  readonly #until: number;
  #calmUntil = 0;

  constructor(world: World, plan: FaultPlan, until: number) {
    this.#world = world;
    this.#plan = plan;
    this.#until = until;
    for (const node of world.nodes) node.setRate(1 + world.random.between(-0.009, 0.009));
    world.tenure.rate = 1 + world.random.between(-0.009, 0.009);
    this.#next();
  }

  #next(): void {
    const { scheduler, random } = this.#world;
    scheduler.after(random.between(0.2, 1.8) * this.#plan.everyMs, () => {
      if (scheduler.now >= this.#until) return;
      if (scheduler.now >= this.#calmUntil) this.#strike();
      this.#next();
    });
  }

  /** Prefers the primary: most of what can go wrong goes wrong around it. */
  #victim(): SimNode {
    const { random, nodes } = this.#world;
    const primary = this.#world.primary();
    return primary !== undefined && random.chance(0.5) ? primary : random.pick(nodes);
  }

  #strike(): void {
    const { random, network, scheduler } = this.#world;
    const node = this.#victim();
    const { focus } = this.#plan;
    const onProcesses = focus === 'processes' ? 3 : 1;
    const onLog = focus === 'log' ? 4 : 1;
    const onTenure = focus === 'tenure' ? 4 : 1;
    const what = random.weighted({
      crash: 16 * onProcesses, pause: 10 * onProcesses, stall: 8 * onProcesses, suspend: 6 * onProcesses, wipe: 3, slowDisk: 6, clock: 4,
      cut: 20, lag: 12, isolate: 12, lagLog: 4 * onLog, cutTenure: 4 * onTenure,
      yield: 4 * onTenure, drain: 8 * onProcesses, remove: 5, removeCutOff: 4, stallNats: this.#plan.timing === 'stall' ? 25 : 2, depose: 3 * onLog, tail: this.#plan.losesTail ? 12 : 0, tailBehind: this.#plan.losesTail ? 6 * onLog : 0, forget: this.#plan.forgetsTenure ? 5 * onTenure : 0,
    });
    const milliseconds = random.pick([random.between(20, 200), random.between(200, 1500), random.between(1000, 6000)]);
    switch (what) {
      case 'crash':
      case 'wipe':
        if (!node.up) return;
        this.#world.note(`${what} ${node.name} for ${milliseconds.toFixed(0)} ms`);
        node.crash(what === 'wipe');
        scheduler.after(milliseconds, () => node.start());
        return;
      case 'pause':
        this.#world.note(`pause ${node.name} for ${milliseconds.toFixed(0)} ms`);
        node.pause(milliseconds);
        return;
      case 'suspend': {
        const asleep = random.between(1000, 20_000);
        if (!node.up || node.paused) return;
        this.#world.note(`suspend ${node.name} for ${asleep.toFixed(0)} ms, and its clock with it`);
        node.suspend(asleep);
        return;
      }
      case 'stall':
        this.#world.note(`pause ${node.name} in mid-step for ${milliseconds.toFixed(0)} ms`);
        node.pauseAtClock = milliseconds;
        return;
      case 'cut': {
        const others = [...this.#world.names.filter((name) => name !== node.name), 'log', 'tenure'];
        const other = random.pick(others);
        const direction = random.pick(['both', 'to', 'from']);
        this.#world.note(`cut ${node.name} ${direction === 'both' ? '--' : direction === 'to' ? '->' : '<-'} ${other} for ${milliseconds.toFixed(0)} ms`);
        if (direction !== 'from') network.cut(node.name, other, milliseconds);
        if (direction !== 'to') network.cut(other, node.name, milliseconds);
        return;
      }
      case 'cutTenure':
        this.#world.note(`cut ${node.name} -- tenure store for ${milliseconds.toFixed(0)} ms`);
        network.cut(node.name, 'tenure', milliseconds);
        network.cut('tenure', node.name, milliseconds);
        return;
      case 'lagLog':
      case 'lag': {
        const other = what === 'lagLog' ? 'log' : random.pick([...this.#world.names.filter((name) => name !== node.name), 'log', 'tenure']);
        const delay = random.between(200, 3000);
        const outward = random.chance(0.6);
        this.#world.note(`${node.name} ${outward ? '->' : '<-'} ${other} is up to ${delay.toFixed(0)} ms late for ${milliseconds.toFixed(0)} ms`);
        if (outward) network.lag(node.name, other, delay, milliseconds);
        else network.lag(other, node.name, delay, milliseconds);
        return;
      }
      case 'isolate': {
        const peersOnly = random.chance(0.5);
        this.#world.note(`isolate ${node.name} from ${peersOnly ? 'its peers' : 'everything'} for ${milliseconds.toFixed(0)} ms`);
        this.#isolate(node, milliseconds, peersOnly);
        return;
      }
      case 'slowDisk': {
        const delay = random.between(20, 400);
        this.#world.note(`disk of ${node.name} takes ${delay.toFixed(0)} ms for ${milliseconds.toFixed(0)} ms`);
        node.diskDelay = () => delay;
        scheduler.after(milliseconds, () => {
          node.diskDelay = () => 2;
        });
        return;
      }
      case 'clock':
        node.setRate(1 + random.between(-0.009, 0.009));
        return;
      case 'yield':
        this.#world.note(`${node.name} yields`);
        node.handle({ kind: 'yield' });
        return;
      case 'forget': {
        const back = random.between(0, 2500);
        this.#world.note(`the tenure store forgets the last ${back.toFixed(0)} ms`);
        this.#world.tenure.forget(back);
        return;
      }
      case 'drain': {
        if (!node.up) return;
        const { incarnation } = node;
        const stopsAfter = random.between(0, 2500);
        this.#world.note(`${node.name} drains, stops after ${stopsAfter.toFixed(0)} ms, and starts again ${milliseconds.toFixed(0)} ms later`);
        node.handle({ kind: 'drain' });
        // Nobody waits for what it still applies.
        if (random.chance(0.5)) node.diskDelay = () => 400;
        scheduler.after(stopsAfter, () => {
          node.diskDelay = () => 2;
        });
        scheduler.after(stopsAfter, () => {
          // Not emptied in a calm: it may be the last that has what the log has just lost.
          const wipe = random.chance(0.1) && scheduler.now >= this.#calmUntil;
          if (node.incarnation === incarnation) node.crash(wipe);
        });
        scheduler.after(stopsAfter + milliseconds, () => node.start());
        return;
      }
      case 'remove': {
        const primary = this.#world.primary();
        if (primary === undefined) return;
        const gone = random.pick(this.#world.names);
        this.#world.note(`${gone} is to be removed, by ${primary.name}`);
        primary.handle({ kind: 'remove-member', node: gone });
        return;
      }
      case 'removeCutOff': {
        const primary = this.#world.primary();
        if (primary === undefined || primary === node) return;
        this.#world.note(`isolate ${node.name} for 4000 ms; ${primary.name} is to remove it, and yields soon after`);
        this.#isolate(node, 4000);
        primary.handle({ kind: 'remove-member', node: node.name });
        scheduler.after(random.between(50, 600), () => primary.handle({ kind: 'yield' }));
        return;
      }
      case 'stallNats':
        this.#world.note(`log and tenure store stall for ${milliseconds.toFixed(0)} ms`);
        stallNats(this.#world, milliseconds);
        return;
      case 'depose':
        // What it has appended arrives when the next primary has begun.
        this.#world.note(`${node.name} -> log is late for 2500 ms, and it cannot renew`);
        network.lag(node.name, 'log', 3500, 2500);
        network.cut(node.name, 'tenure', 2500);
        return;
      case 'tailBehind': {
        // One node misses what the log then loses.
        const behind = random.pick(this.#world.nodes);
        this.#world.note(`isolate ${behind.name} for 3500 ms, until the log loses its tail`);
        this.#isolate(behind, 3500);
        scheduler.after(3400, () => {
          if (scheduler.now < this.#until && scheduler.now >= this.#calmUntil) this.#loseTail(this.#world.primary() ?? node);
        });
        return;
      }
      case 'tail':
        this.#loseTail(node);
    }
  }

  #isolate({ name }: SimNode, milliseconds: number, peersOnly = false): void {
    const { network, names } = this.#world;
    for (const other of [...names, ...(peersOnly ? [] : ['log', 'tenure'])]) {
      if (other === name) continue;
      network.cut(name, other, milliseconds);
      network.cut(other, name, milliseconds);
    }
  }

  #loseTail(node: SimNode): void {
    const { random, log, nodes, network, scheduler, names } = this.#world;
    // A claimant that has asked everyone already would not hear of what is lost after that.
    if (nodes.some(({ cluster }) => cluster?.role === 'opening' && cluster.state.opening?.stage !== 'waiting')) return;
    // Nor does anyone promise what is on no disk any more: the one node that had it was emptied before.
    if (Math.max(...nodes.map(({ disk }) => disk.replicated.sequence)) < this.#world.stableMax) return;
    const lost = log.loseTail(random.whole(1, 4));
    if (lost.length === 0) return;
    this.#world.note(`the log loses ${lost.length} entries, ends at ${log.last}; calm`);
    network.heal();
    const { weather } = network;
    const { sleepy } = this.#world;
    network.weather = calm;
    this.#world.sleepy = 0;
    this.#calmUntil = scheduler.now + 7000;
    scheduler.after(7000, () => {
      if (scheduler.now >= this.#until) return;
      network.weather = weather;
      this.#world.sleepy = sleepy;
    });
    for (const each of nodes) {
      each.pausedUntil = 0;
      each.pauseAtClock = 0;
      each.resume();
      if (!each.up) each.start();
    }
    if (names.length > 1 && random.chance(0.6)) {
      this.#world.note(`crash ${node.name} with it`);
      node.crash(false);
      scheduler.after(random.between(20, 120), () => node.start());
    }
  }
}

/** Nobody reaches log or tenure store; what is under way is lost. */
export function stallNats({ network, names }: World, milliseconds: number): void {
  for (const name of names) {
    for (const service of ['log', 'tenure']) {
      network.cut(name, service, milliseconds);
      network.cut(service, name, milliseconds);
    }
  }
}

/** Everything works again. */
export function healAll(world: World): void {
  world.note('everything heals');
  world.network.heal();
  world.network.weather = calm;
  world.sleepy = 0;
  for (const node of world.nodes) {
    node.pausedUntil = 0;
    node.pauseAtClock = 0;
    node.diskDelay = () => 2;
    node.resume();
    if (node.cluster?.state.draining === true) node.crash(false);
    if (!node.up) node.start();
  }
}
