/**
 * Judges a run: looks every acknowledged write up on every node, directly, and has the checker read the history.
 *
 * The judge itself is proved by lies planted in what clients saw: each has to turn the verdict.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { KeyClient } from './key-client.ts';
import type { Key, KeyHistory, KeyState } from './key-history.ts';
import { contradictionOf, lostWrites } from './key-model.ts';
import type { RealCluster } from './real-cluster.ts';
import type { RealNode } from './real-node.ts';

/**
 * `lost`: one acknowledged write is missing in what a node shows in the end. `stale`: an Encrypt succeeded after its key was revoked.
 * `order`: a client saw a state that its key left before.
 */
export const lies = ['lost', 'stale', 'order'] as const;
export type Lie = (typeof lies)[number];

const timeoutMs = 10_000;
/** A fault of a nats-server may leave its traces some seconds later, when all nodes said that they are ready. */
const attempts = 60;
const againMs = 500;
/** Looks under way at once on one node. */
const atOnce = 4;
const contradictionsShown = 10;

export class Judge {
  readonly lost = new Set<string>();
  /** Nodes that could not be asked, or that differ from each other in the end. */
  readonly disagreements: string[] = [];
  readonly #cluster: RealCluster;
  readonly #history: KeyHistory;
  /** Calls that a key had when it was looked at last. */
  readonly #lookedAt = new Map<Key, number>();
  #forgotten: Key | undefined;

  constructor(cluster: RealCluster, history: KeyHistory) {
    this.#cluster = cluster;
    this.#history = history;
  }

  /** Looks at every key that was called since the last look, or at all, on every node. */
  async look(all = false): Promise<void> {
    const keys = [...this.#history.keys.values()].filter((key) => all || this.#lookedAt.get(key) !== key.calls.length);
    const states = await Promise.all(this.#cluster.nodes.map((node) => this.#lookOn(node, keys)));
    for (const key of keys) {
      this.#lookedAt.set(key, key.calls.length);
      const seen = states.map((each) => each.get(key));
      // While clients go on, two nodes may be asked at different times; when all is quiet they have to agree.
      if (all && new Set(seen).size > 1) this.disagreements.push(`${key.name} is ${this.#cluster.nodes.map(({ name }, index) => `${seen[index]} on ${name}`).join(', ')}`);
    }
  }

  async #lookOn(node: RealNode, keys: readonly Key[]): Promise<ReadonlyMap<Key, KeyState | undefined>> {
    const states = new Map<Key, KeyState | undefined>();
    const queue = keys.values();
    const worker = async (): Promise<void> => {
      const client = new KeyClient(`last look at ${node.name}`, this.#history, node.place, this.#cluster.credential, timeoutMs);
      for (const key of queue) {
        const from = performance.now();
        const state = await this.#stateOf(client, key);
        states.set(key, state);
        if (state === undefined) this.disagreements.push(`${key.name} could not be looked up on ${node.name}`);
        else for (const text of lostWrites(key, state, from)) this.lost.add(text);
      }
      client.close();
    };
    await Promise.all(Array.from({ length: atOnce }, worker));
    return states;
  }

  async #stateOf(client: KeyClient, key: Key): Promise<KeyState | undefined> {
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      if (attempt > 0) await sleep(againMs);
      if (key.id === undefined) {
        const { outcome } = await client.locate(key);
        if (outcome === 'unknown') continue;
        if (key.id === undefined) return 'absent';
      }
      const { outcome, saw } = await client.state(key);
      if (outcome === 'unknown') continue;
      return this.#forgotten === key ? 'absent' : saw;
    }
    return undefined;
  }

  /** The first histories that no order of their calls explains. */
  contradictions(): readonly string[] {
    const found: string[] = [];
    for (const key of this.#history.keys.values()) {
      const text = contradictionOf(key);
      if (text !== undefined) found.push(text);
      if (found.length === contradictionsShown) break;
    }
    return found;
  }

  plant(lie: Lie): void {
    const keys = [...this.#history.keys.values()];
    const revoked = keys.find(({ endedAt }) => endedAt < Infinity)!;
    switch (lie) {
      case 'lost':
        this.#forgotten = keys.find((key) => key.activeAt < Infinity && !key.constant);
        break;
      case 'stale':
        this.#history.answer(revoked, this.#history.begin(revoked, 'encrypt', 'a liar'), 'done');
        break;
      case 'order': {
        const call = this.#history.begin(revoked, 'state', 'a liar');
        call.saw = 'pre-active';
        this.#history.answer(revoked, call, 'done');
        break;
      }
      default:
        lie satisfies never;
    }
  }
}
