/**
 * Asks one node directly, all the time: Encrypts with keys that never change, which no fault elsewhere may make fail or wait;
 * Encrypts with keys whose end was answered, which have to be refused; Encrypts with and states of keys in use.
 *
 * While its node is struck it goes on asking without waiting for answers: a node that was paused finds requests in its sockets
 * that began long after its knowledge ended, and that is when it must not answer from it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../sim/random.ts';
import { KeyClient } from './key-client.ts';
import type { Key, KeyCall, KeyHistory } from './key-history.ts';
import type { ClientCredential, RealNode } from './real-node.ts';

export interface KeyPools {
  readonly anchors: readonly Key[];
  readonly ended: readonly Key[];
  readonly live: readonly Key[];
}

const timeoutMs = 15_000;
const gapMs = 20;
/** Requests without an answer at a node that is struck, and the gap between two. */
const pileMax = 100;
const pileGapMs = 50;
const plain = Buffer.alloc(64, 0x61);
const justEndedCount = 4;
/** Probes of a key that ended, and of one in use, so that its history stays small. */
const endedCallsMax = 350;
const liveCallsMax = 200;

export class Probe {
  readonly node: RealNode;
  /** Encrypts with keys that never change. */
  encrypts = 0;
  /** Those that failed though the node was not struck. */
  readonly failed: string[] = [];
  /** The slowest of those on a node that was not struck, since it was last reset. */
  slowestMs = 0;
  readonly #client: KeyClient;
  readonly #pools: KeyPools;
  readonly #random: SeededRandom;
  #strikes = 0;
  #struck = false;
  #stopped = false;
  #running: Promise<void> | undefined;
  #piling: Promise<void> | undefined;

  constructor(node: RealNode, credential: ClientCredential, history: KeyHistory, pools: KeyPools, random: SeededRandom) {
    this.node = node;
    this.#pools = pools;
    this.#random = random;
    this.#client = new KeyClient(`probe of ${node.name}`, history, node.place, credential, timeoutMs, pileMax + 1);
  }

  /** While the node is struck, and until it is well again, nothing that fails on it counts. */
  set struck(struck: boolean) {
    this.#struck = struck;
    if (!struck) return;
    this.#strikes += 1;
    this.#piling = this.#pile();
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([this.#running, this.#piling]);
    this.#client.close();
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const strikes = this.#strikes;
      const wasStruck = this.#struck;
      const call = await this.#ask();
      if (!wasStruck && strikes === this.#strikes && call !== undefined) this.#judge(call);
      await sleep(call?.outcome === 'unknown' ? gapMs * 5 : gapMs);
    }
  }

  async #pile(): Promise<void> {
    const waiting = new Set<Promise<unknown>>();
    while (this.#struck && !this.#stopped) {
      if (waiting.size < pileMax) {
        const asking: Promise<unknown> = this.#ask('justEnded').finally(() => waiting.delete(asking));
        waiting.add(asking);
      }
      await sleep(pileGapMs);
    }
    await Promise.all(waiting);
  }

  async #ask(what: 'anchor' | 'ended' | 'justEnded' | 'live' = this.#random.weighted({ anchor: 50, ended: 25, live: 25 })): Promise<KeyCall | undefined> {
    const { anchors, ended, live } = this.#pools;
    if (what === 'anchor' || (what !== 'live' && ended.length === 0)) {
      this.encrypts += 1;
      return this.#client.encrypt(this.#random.pick(anchors), plain);
    }
    const key = this.#random.pick(what === 'live' ? live : what === 'ended' ? ended : ended.slice(-justEndedCount));
    if (key?.id === undefined || key.calls.length > (what === 'live' ? liveCallsMax : endedCallsMax)) return undefined;
    return what !== 'live' || this.#random.chance(0.5) ? this.#client.encrypt(key, plain) : this.#client.state(key);
  }

  #judge(call: KeyCall): void {
    if (call.verb !== 'encrypt') return;
    if (call.outcome === 'unknown') this.failed.push(`${this.node.name}: ${call.trouble}`);
    else if (call.outcome === 'done') this.slowestMs = Math.max(this.slowestMs, call.answeredAt - call.invokedAt);
  }
}
