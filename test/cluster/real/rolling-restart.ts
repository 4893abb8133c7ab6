/**
 * A rolling restart under load: each node is told to stop (SIGTERM), ends, is started again and is waited for, the next one follows.
 * Clients that ask once more over another connection when a request has no answer must not see a single failure.
 *
 * A write whose answer was lost and whose second asking is refused because the first took place is told apart: `answeredTwice`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Judge } from './judge.ts';
import { KeyClient } from './key-client.ts';
import { KeyHistory } from './key-history.ts';
import type { Key, KeyCall } from './key-history.ts';
import type { RealCluster } from './real-cluster.ts';

export interface RollingResult {
  readonly requests: number;
  readonly askedAgain: number;
  readonly answeredTwice: number;
  /** Why requests were asked again. */
  readonly reasons: readonly string[];
  readonly failed: readonly string[];
  readonly troubles: readonly string[];
  readonly exits: readonly string[];
  /** From SIGTERM to the next node's turn, for each node. */
  readonly turnMs: readonly number[];
}

const timeoutMs = 25_000;
const readyLimitMs = 60_000;
const betweenMs = 1_500;
const plain = Buffer.alloc(64, 0x62);

class RetryingClients {
  requests = 0;
  askedAgain = 0;
  answeredTwice = 0;
  readonly reasons: string[] = [];
  readonly failed: string[] = [];
  readonly history = new KeyHistory();
  readonly #cluster: RealCluster;
  #made = 0;
  #stopped = false;
  #running: Promise<void>[] = [];

  constructor(cluster: RealCluster) {
    this.#cluster = cluster;
  }

  start(clients: number): void {
    this.#running = Array.from({ length: clients }, (_, index) => this.#run(`client ${index + 1}`));
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#running);
  }

  async #run(by: string): Promise<void> {
    const clients = [0, 1].map(() => new KeyClient(by, this.history, this.#cluster, this.#cluster.credential, timeoutMs)) as [KeyClient, KeyClient];
    while (!this.#stopped) {
      const key = this.history.make(`rolling-${(this.#made += 1)}`);
      for (const verb of ['create', 'activate', 'encrypt', 'encrypt', 'state', 'encrypt', 'revoke', 'destroy'] as const) {
        await this.#request(key, clients, (client) => (verb === 'encrypt' ? client.encrypt(key, plain) : client[verb](key)));
        if (key.id === undefined) break;
        await sleep(10);
      }
    }
    for (const client of clients) client.close();
  }

  /** A request, and once more over the other connection. */
  async #request(key: Key, clients: [KeyClient, KeyClient], ask: (client: KeyClient) => Promise<KeyCall>): Promise<void> {
    this.requests += 1;
    const first = await ask(clients[0]);
    if (first.outcome === 'done') return;
    if (first.outcome === 'unknown') {
      this.askedAgain += 1;
      this.reasons.push(`${first.verb}: ${first.trouble}`);
      clients.reverse();
      const second = await ask(clients[0]);
      if (second.outcome === 'done') return;
      if (second.outcome === 'refused') {
        if (key.id === undefined) await clients[0].locate(key);
        return void (this.answeredTwice += 1);
      }
      return void this.failed.push(`${second.verb} for ${second.by}: ${first.trouble}; then ${second.trouble}`);
    }
    this.failed.push(`${first.verb} for ${first.by} was refused: ${first.trouble}`);
  }
}

export async function rollingRestart(cluster: RealCluster, clients: number, say: (line: string) => void): Promise<RollingResult> {
  const load = new RetryingClients(cluster);
  load.start(clients);
  await sleep(2_000);
  const exits: string[] = [];
  const turnMs: number[] = [];
  for (const node of cluster.nodes) {
    const startedAt = performance.now();
    const membership = await node.membership();
    const code = await node.process.stop();
    const stoppedMs = performance.now() - startedAt;
    exits.push(code);
    node.process.start();
    await node.waitReady(readyLimitMs);
    turnMs.push(performance.now() - startedAt);
    say(`  ${node.name} (${String(membership?.['role'] ?? 'role unknown')}) stopped with ${code} after ${Math.round(stoppedMs)} ms, ready again after ${Math.round(turnMs.at(-1)!)} ms; ${load.requests} requests so far, ${load.askedAgain} asked again, ${load.failed.length} failed`);
    await sleep(betweenMs);
  }
  await load.stop();
  const judge = new Judge(cluster, load.history);
  await judge.look(true);
  const { requests, askedAgain, answeredTwice, reasons, failed, history } = load;
  return { requests, askedAgain, answeredTwice, reasons, failed, exits, turnMs, troubles: [...judge.lost, ...history.stale, ...history.wrongAnswers, ...judge.disagreements, ...judge.contradictions()] };
}
