/**
 * The main thread's side of its workers: starts them, carries their messages to the writer, replaces one that dies.
 *
 * Invariant: a worker that ends unasked costs its own connections only: it is logged and replaced, with a nonce
 * prefix of its own; too many deaths in a minute end the process, since a server that only restarts serves nobody.
 */
import { Worker } from 'node:worker_threads';
import { Fault } from '../fault.ts';
import { gaugeCells } from '../metrics/layout.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Census } from './census.ts';
import type { Answer } from './engine-port.ts';
import type { Limits } from './limits.ts';
import { AnswerLine } from './primary-link.ts';
import type { Plan } from './primary-link.ts';
import { playRehearsal } from './rehearsal-client.ts';
import { workerMemory } from './worker-memory.ts';
import type { FromWorker, ToWorker, WorkerStart } from './worker-protocol.ts';

export type WorkerParts = Omit<WorkerStart, 'worker' | 'port' | 'slab' | 'noncePrefix' | 'census'>;

export interface PoolPorts {
  readonly parts: WorkerParts;
  readonly slabs: readonly SharedArrayBuffer[];
  readonly census: Census;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Limits;
  /** Takes a fresh nonce prefix, durably. */
  takeNoncePrefix(): Promise<number>;
  submit(message: Uint8Array, credential: string): Promise<Answer>;
  /** Restarting has no point any more. */
  onFault(error: unknown): void;
  /** The thread's module, where it is not the one beside this file. */
  readonly entry?: URL;
}

interface Member {
  readonly worker: Worker;
  isListening: boolean;
  utilization: ReturnType<Worker['performance']['eventLoopUtilization']>;
}

const minuteMs = 60_000;
const restartPauseMs = 200;
/** A worker that has not drained this long after its own limit is not waited for. */
const drainMarginMs = 1_000;
/** A worker that has not ended this long after it was told to is stopped. */
const closeTimeoutMs = 2_000;

/** The entry of a worker thread, beside this file: source or built. */
const entry = new URL(`./worker${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url);

export class WorkerPool {
  readonly #ports: PoolPorts;
  readonly #members: (Member | undefined)[];
  readonly #deaths: number[] = [];
  #port = 0;
  #stopping = false;
  #ticketSecret: Uint8Array | undefined;

  constructor(ports: PoolPorts) {
    this.#ports = ports;
    this.#members = ports.slabs.map(() => undefined);
  }

  /** Starts all workers; resolves when each listens. */
  async start(port: number): Promise<void> {
    this.#port = port;
    await Promise.all(this.#members.map((_, index) => this.#launch(index)));
  }

  get allListen(): boolean {
    return this.#members.every((member) => member?.isListening === true);
  }

  /** Share of the time since the last call that each worker was busy. */
  utilization(): readonly number[] {
    return this.#members.map((member) => {
      if (member === undefined) return 0;
      const now = member.worker.performance.eventLoopUtilization();
      const since = member.worker.performance.eventLoopUtilization(now, member.utilization);
      member.utilization = now;
      return since.utilization;
    });
  }

  /** Identities changed: connections of revoked credentials end now, not with their next message. */
  identityChanged(): void {
    for (const member of this.#members) member?.worker.postMessage({ kind: 'identity' } satisfies ToWorker);
  }

  /** TLS session tickets are made with this secret from now on, by threads to come as well. */
  ticketSecret(secret: Uint8Array): void {
    this.#ticketSecret = secret;
    for (const member of this.#members) member?.worker.postMessage({ kind: 'ticket-secret', secret } satisfies ToWorker);
  }

  /** Every worker stops accepting, answers what it has read and closes its connections. */
  async drain(): Promise<void> {
    this.#stopping = true;
    await this.#each((member, done) => {
      const timer = setTimeout(done, this.#ports.limits.drainMs + drainMarginMs);
      member.worker.on('message', (message: FromWorker) => {
        if (message.kind !== 'drained') return;
        clearTimeout(timer);
        done();
      });
      member.worker.postMessage({ kind: 'drain' } satisfies ToWorker);
    });
  }

  /** Ends the threads. */
  async close(): Promise<void> {
    this.#stopping = true;
    await this.#each((member, done) => {
      const timer = setTimeout(() => void member.worker.terminate(), closeTimeoutMs);
      member.worker.once('exit', () => {
        clearTimeout(timer);
        done();
      });
      member.worker.postMessage({ kind: 'close' } satisfies ToWorker);
    });
  }

  async #each(act: (member: Member, done: () => void) => void): Promise<void> {
    await Promise.all(this.#members.map((member) => (member === undefined ? undefined : new Promise<void>((resolve) => {
      member.worker.once('exit', () => resolve());
      act(member, resolve);
    }))));
  }

  async #launch(index: number): Promise<void> {
    const { parts, slabs, census, clock, log } = this.#ports;
    const noncePrefix = await this.#ports.takeNoncePrefix();
    // A cluster may take its time for the prefix: by now the store may have been taken away, or belong to another pool.
    if (this.#stopping) throw new Fault('E_CLOSED', `Worker ${index} was not started: its pool was closed meanwhile.`);
    const tls = { ...parts.tls, ticketSecret: this.#ticketSecret ?? parts.tls.ticketSecret };
    const start: WorkerStart = { ...parts, tls, worker: index, port: this.#port, slab: slabs[index]!, census: census.memory, noncePrefix };
    const worker = new Worker(this.#ports.entry ?? entry, { workerData: start, name: `kmipd-worker-${index}`, resourceLimits: workerMemory() });
    const member: Member = { worker, isListening: false, utilization: worker.performance.eventLoopUtilization() };
    this.#members[index] = member;
    const line = new AnswerLine((message, transfer) => worker.postMessage(message satisfies ToWorker, transfer));
    await new Promise<void>((resolve, reject) => {
      let failure: unknown;
      worker.on('error', (error) => { failure = error; });
      worker.on('exit', (code) => {
        this.#members[index] = undefined;
        this.#clear(index);
        const wasListening = member.isListening;
        member.isListening = false;
        if (this.#stopping) {
          resolve();
        } else if (!wasListening) {
          reject(new Fault('E_WORKER', `Worker ${index} ended with code ${code} before it listened.`, { cause: failure }));
        } else {
          log.error({ worker: index, code, error: failure }, 'A worker thread died; its connections are lost, another takes its place.');
          this.#replace(index, failure);
        }
      });
      worker.on('message', (message: FromWorker) => {
        if (message.kind === 'rehearsing') {
          void playRehearsal(message.place, parts.tls, clock)
            .catch((error: unknown) => log.debug({ worker: index, error }, 'The clients of a rehearsal failed.'))
            .finally(() => worker.postMessage({ kind: 'rehearsed' } satisfies ToWorker));
        } else if (message.kind === 'listening') {
          member.isListening = true;
          resolve();
        } else if (message.kind === 'plan') {
          this.#plan(line, message);
          for (const each of message.following ?? []) this.#plan(line, each);
        }
      });
    });
  }

  #plan(line: AnswerLine, { id, message, credential }: Plan): void {
    void this.#ports.submit(message, credential).then((answer) => line.answer(id, answer));
  }

  #replace(index: number, failure: unknown): void {
    const { clock, limits, log, onFault } = this.#ports;
    const now = clock.monotonic();
    this.#deaths.push(now);
    while (this.#deaths[0]! < now - minuteMs) this.#deaths.shift();
    if (this.#deaths.length > limits.workerRestartsPerMinute) {
      onFault(new Fault('E_WORKER', `${this.#deaths.length} worker threads died within a minute; ${limits.workerRestartsPerMinute} are allowed.`, { cause: failure }));
      return;
    }
    setTimeout(() => {
      if (this.#stopping) return;
      this.#launch(index).catch((error: unknown) => {
        if (this.#stopping) return;
        log.error({ worker: index, error }, 'A worker thread could not be restarted.');
        this.#replace(index, error);
      });
    }, restartPauseMs);
  }

  /** What a dead worker left in shared memory as being so now. */
  #clear(index: number): void {
    this.#ports.census.set(index, 0);
    const cells = new Float64Array(this.#ports.slabs[index]!);
    for (const cell of gaugeCells) cells[cell] = 0;
  }
}
