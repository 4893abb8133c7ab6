/**
 * The load on a real cluster: clients behind the balancer that take keys through their lives and use them, and a probe of each
 * node that asks it directly all the time whether it still encrypts, and whether it still does with keys that it must not use.
 *
 * Invariant: every call is in the history. Keys have few calls each (`callsMax`), so that their histories can be checked.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { BlockCipherMode } from '../../../src/kmip/enums.ts';
import { SeededRandom } from '../sim/random.ts';
import { KeyClient } from './key-client.ts';
import type { Key, KeyCall } from './key-history.ts';
import { KeyHistory } from './key-history.ts';
import { Probe } from './probe.ts';
import type { RealCluster } from './real-cluster.ts';

export interface WorkloadRequest {
  readonly clients: number;
  readonly seed: number;
  /** Longest pause of a client between two calls. */
  readonly thinkMs: number;
}

/** Calls of a key after which its clients only end it. */
const callsMax = 250;
const liveMax = 40;
/** Keys that never change, for Encrypts that nothing may interrupt. */
const anchorCount = 4;
/** Ended keys that are tried on all nodes. */
const endedKept = 30;
/** Longer than a node holds what it may not answer yet. */
const readTimeoutMs = 15_000;
/** Longer than a node goes on asking for an outcome (giveUpMs in cluster/timing.ts). */
export const writeTimeoutMs = 25_000;
/** Pause of a client whose read failed twice. */
const backOffMs = 200;
const plainBytes = 64;

export class Workload {
  readonly history = new KeyHistory();
  readonly probes: readonly Probe[];
  /** Reads that failed, were asked again over another connection, and failed again. */
  readonly failedReads: string[] = [];
  retriedReads = 0;
  readonly #cluster: RealCluster;
  readonly #random: SeededRandom;
  readonly #request: WorkloadRequest;
  readonly #live: Key[] = [];
  readonly #ended: Key[] = [];
  readonly #anchors: Key[] = [];
  readonly #running: Promise<void>[] = [];
  #made = 0;
  #stopped = false;

  constructor(cluster: RealCluster, request: WorkloadRequest) {
    this.#cluster = cluster;
    this.#request = request;
    this.#random = new SeededRandom(request.seed);
    const pools = { anchors: this.#anchors, ended: this.#ended, live: this.#live };
    this.probes = cluster.nodes.map((node, index) => new Probe(node, cluster.credential, this.history, pools, new SeededRandom(request.seed * 31 + index)));
  }

  async start(): Promise<void> {
    const client = this.client('start', writeTimeoutMs);
    for (let index = 0; index < anchorCount; index += 1) {
      const key = this.newKey();
      const calls = [await client.create(key), await client.activate(key)];
      const failed = calls.find(({ outcome }) => outcome !== 'done');
      if (failed !== undefined) throw new Error(`the first ${failed.verb} fails: ${failed.trouble}`);
      key.constant = true;
      this.#anchors.push(key);
    }
    client.close();
    for (let index = 0; index < this.#request.clients; index += 1) this.#running.push(this.#run(`client ${index + 1}`));
    for (const probe of this.probes) probe.start();
  }

  /** Ends clients and probes after the calls that are under way. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...this.#running, ...this.probes.map((probe) => probe.stop())]);
  }

  newKey(): Key {
    this.#made += 1;
    return this.history.make(`demo-${this.#request.seed}-${this.#made}`);
  }

  /** A client of the balancer. */
  client(by: string, timeoutMs: number): KeyClient {
    return new KeyClient(by, this.history, this.#cluster, this.#cluster.credential, timeoutMs);
  }

  async #run(by: string): Promise<void> {
    const reader = this.client(by, readTimeoutMs);
    const writer = this.client(by, writeTimeoutMs);
    while (!this.#stopped) {
      await this.#step(reader, writer);
      await sleep(this.#random.between(0, this.#request.thinkMs));
    }
    reader.close();
    writer.close();
  }

  async #step(reader: KeyClient, writer: KeyClient): Promise<void> {
    const random = this.#random;
    if (this.#live.length < liveMax / 2 || (this.#live.length < liveMax && random.chance(0.1))) {
      const key = this.newKey();
      this.#live.push(key);
      const { outcome } = await writer.create(key);
      if (outcome === 'done' && random.chance(0.8)) await writer.activate(key);
      return;
    }
    const key = random.pick(this.#live);
    // The Create is under way, or had no answer.
    if (key.id === undefined) return void (await this.#read(reader, (client) => client.locate(key)));
    if (key.destroyedAt < performance.now() - 2_000 || key.calls.length > callsMax * 1.5) {
      const index = this.#live.indexOf(key);
      if (index >= 0) this.#live.splice(index, 1);
      return;
    }
    const change = changeFor(key, random);
    if (change !== undefined && !key.changing) {
      key.changing = true;
      const { outcome } = await writer[change](key);
      key.changing = false;
      if (outcome === 'done' && change === 'revoke') this.#rememberEnded(key);
      return;
    }
    const use = random.weighted({ encrypt: 45, decrypt: 15, state: 20, locate: 10, stream: 4 });
    if (use === 'stream') return this.#stream(key, reader, writer);
    if (use === 'decrypt') {
      if (key.sealed.length === 0) return;
      const index = random.whole(0, key.sealed.length - 1);
      return void (await this.#read(reader, (client) => client.decrypt(key, index)));
    }
    const plain = Buffer.alloc(plainBytes, random.whole(0, 255));
    await this.#read(reader, (client) => (use === 'encrypt' ? client.encrypt(key, plain) : client[use](key)));
  }

  #rememberEnded(key: Key): void {
    this.#ended.push(key);
    if (this.#ended.length > endedKept) this.#ended.shift();
  }

  /** A read, once more over a new connection when it has no answer; the second chance is not held against the servers. */
  async #read(client: KeyClient, ask: (client: KeyClient) => Promise<KeyCall>): Promise<KeyCall> {
    const call = await ask(client);
    if (call.outcome !== 'unknown') return call;
    this.retriedReads += 1;
    const other = this.client(`${call.by}, again`, readTimeoutMs);
    const second = await ask(other);
    other.close();
    if (second.outcome === 'unknown') {
      this.failedReads.push(`first ${call.trouble}; then ${second.trouble}`);
      await sleep(backOffMs);
    }
    return second;
  }

  /** An Encrypt in parts over two connections in turn, so on different nodes; what comes out is decrypted like all else. */
  async #stream(key: Key, reader: KeyClient, writer: KeyClient): Promise<void> {
    const parts = this.#random.whole(2, 5);
    const plain = Buffer.alloc(parts * plainBytes, this.#random.whole(0, 255));
    const sealed: Uint8Array[] = [];
    let correlationValue: Uint8Array | undefined;
    let nonce: Uint8Array | undefined;
    let mac: Uint8Array | undefined;
    for (let part = 0; part < parts; part += 1) {
      const [first, last] = [part === 0, part === parts - 1];
      const request = {
        data: plain.subarray(part * plainBytes, (part + 1) * plainBytes),
        ...(first ? { cryptographicParameters: { blockCipherMode: BlockCipherMode.GCM, tagLength: 16, randomIV: true }, initIndicator: true } : { correlationValue: correlationValue! }),
        ...(last && { finalIndicator: true }),
      };
      const send = (client: KeyClient): Promise<KeyCall> => client.encryptPart(key, request, (answer) => {
        correlationValue = answer.correlationValue;
        if (answer.data !== undefined) sealed.push(answer.data);
        if (answer.ivCounterNonce !== undefined) this.history.nonce(key, (nonce = answer.ivCounterNonce));
        mac = answer.authenticatedEncryptionTag;
      });
      const { outcome } = await this.#read(part % 2 === 0 ? reader : writer, send);
      if (outcome !== 'done') return;
    }
    if (nonce !== undefined && mac !== undefined) key.sealed[this.#random.whole(0, Math.min(3, key.sealed.length))] = { plain, data: Buffer.concat(sealed), nonce, mac };
  }
}

/** The next change in a key's life, now and then; or none. */
function changeFor(key: Key, random: SeededRandom): 'activate' | 'revoke' | 'destroy' | undefined {
  const worn = key.calls.length > callsMax;
  if (key.destroyedAt < Infinity) return undefined;
  if (key.endedAt < Infinity) return worn || random.chance(0.12) ? 'destroy' : undefined;
  if (key.activeAt < Infinity) return worn || random.chance(0.06) ? 'revoke' : undefined;
  return random.chance(0.5) ? random.weighted({ activate: 8, revoke: 1, destroy: 1 }) : undefined;
}
