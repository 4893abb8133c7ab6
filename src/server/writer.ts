/**
 * The writing thread's queue: plans one message at a time, commits in groups, answers after the commit (DESIGN §3).
 *
 *     submit → [queues, in turn] → plan (serial) → commit (many under way, one sync) → publish → answer
 *
 * Invariants: a message is planned on what all messages before it decided, durable or not; an answer leaves only
 * after its write set, and every one before it, is on disk and published to the workers' caches; so no answer, of a
 * read either, tells what a crash could take back. A failed commit stops the process: `onFault` does not return to
 * serving.
 */
import assert from 'node:assert';
import type { Caller } from '../operations/context.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { CommitReport, ReadStore, Store } from '../storage/store.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Answer, EnginePort } from './engine-port.ts';
import type { Limits } from './limits.ts';

export interface WriterPorts {
  readonly engine: EnginePort;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly limits: Pick<Limits, 'writerMessages' | 'writerBytes'>;
  readonly metrics: {
    planned(seconds: number): void;
    committed(mutations: number, seconds: number): void;
    refused(): void;
  };
  /** The caller that a credential stands for now, or undefined once it is revoked. */
  callerOf(credential: string, store: ReadStore): Caller | undefined;
  publish(report: CommitReport): void;
  onFault(error: unknown): void;
}

interface Job {
  readonly credential: string;
  readonly bytes: number;
  plan(): Promise<{ readonly mutations: readonly Mutation[]; settle(): void }>;
  fail(error: unknown): void;
}

export class Writer {
  readonly #ports: WriterPorts;
  /** Jobs by credential, whose turn is next first: who sends many waits for his own, the others for one of his at a time. */
  readonly #queues = new Map<string, Job[]>();
  #messages = 0;
  #bytes = 0;
  #planning = false;
  #stopped = false;
  #idle: (() => void)[] = [];

  constructor(ports: WriterPorts) {
    this.#ports = ports;
  }

  /** Messages and changes submitted and not answered yet. */
  get queued(): number {
    return this.#messages;
  }

  /** Executes a message that changes something. Resolves with its answer, an error answer included. */
  submit(message: Uint8Array, credential: string): Promise<Answer> {
    const { engine, limits, metrics } = this.#ports;
    if (this.#messages >= limits.writerMessages || this.#bytes + message.length > limits.writerBytes) {
      metrics.refused();
      return Promise.resolve(refusal(engine.refuse('ServerLimitExceeded', 'The server has too many changes under way; try again later.', undefined, message)));
    }
    return new Promise((resolve) => {
      this.#enqueue({
        credential,
        bytes: message.length,
        plan: async () => {
          const answer = await this.#execute(message, credential);
          return { mutations: answer.mutations, settle: () => resolve(answer) };
        },
        fail: () => resolve(refusal(engine.refuse('GeneralFailure', 'The server failed while it stored the change, which may have taken effect or not.', undefined, message))),
      });
    });
  }

  /**
   * Commits what does not come from a KMIP message: credentials, settings, nonce prefixes. It is in the pending view
   * when this returns, and durable and published when it resolves.
   */
  async commit(mutations: readonly Mutation[]): Promise<CommitReport> {
    const { store, clock, metrics } = this.#ports;
    const began = clock.monotonic();
    this.#messages += 1;
    try {
      const report = await store.commit(mutations);
      metrics.committed(mutations.length, (clock.monotonic() - began) / 1000);
      this.#ports.publish(report);
      return report;
    } catch (error) {
      this.#stop(error);
      throw error;
    } finally {
      this.#leave(0);
    }
  }

  /** Resolves when everything submitted is answered. */
  async drained(): Promise<void> {
    if (this.#messages === 0) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  #enqueue(job: Job): void {
    this.#messages += 1;
    this.#bytes += job.bytes;
    const queue = this.#queues.get(job.credential);
    if (queue === undefined) this.#queues.set(job.credential, [job]);
    else queue.push(job);
    if (!this.#planning) void this.#run();
  }

  async #run(): Promise<void> {
    const { store, clock, metrics } = this.#ports;
    this.#planning = true;
    for (let job = this.#next(); job !== undefined; job = this.#next()) {
      const current = job;
      if (this.#stopped) {
        this.#finish(current, () => current.fail(new Error('the store has failed')));
        continue;
      }
      const began = clock.monotonic();
      try {
        const planned = await current.plan();
        const decided = clock.monotonic();
        metrics.planned((decided - began) / 1000);
        // Called in planning order, so the store applies in that order; nobody waits for the disk here.
        store.commit(planned.mutations).then((report) => {
          metrics.committed(planned.mutations.length, (clock.monotonic() - decided) / 1000);
          this.#ports.publish(report);
          this.#finish(current, () => planned.settle());
        }, (error: unknown) => {
          this.#finish(current, () => current.fail(error));
          this.#stop(error);
        });
      } catch (error) {
        this.#finish(current, () => current.fail(error));
      }
    }
    this.#planning = false;
  }

  /** The oldest job of the credential whose turn it is; then the next credential has its turn. */
  #next(): Job | undefined {
    for (const [credential, queue] of this.#queues) {
      const job = queue.shift();
      this.#queues.delete(credential);
      if (queue.length > 0) this.#queues.set(credential, queue);
      return job;
    }
    return undefined;
  }

  async #execute(message: Uint8Array, credential: string): Promise<Answer & { readonly mutations: readonly Mutation[] }> {
    const { engine, store, log } = this.#ports;
    const caller = this.#ports.callerOf(credential, store.pending());
    if (caller === undefined) return { ...refusal(engine.refuse('AuthenticationNotSuccessful', 'The client certificate is not accepted any more.', undefined, message)), mutations: [] };
    try {
      const executed = await engine.execute(message, caller, true);
      assert(!executed.needsPrimary, 'the writing thread is the primary');
      return executed;
    } catch (error) {
      log.error({ error }, 'A message could not be executed on the writing thread.');
      return { ...refusal(engine.refuse('GeneralFailure', 'The server failed to execute the request.', undefined, message)), mutations: [] };
    }
  }

  #finish(job: Job, settle: () => void): void {
    settle();
    this.#leave(job.bytes);
  }

  #leave(bytes: number): void {
    this.#messages -= 1;
    this.#bytes -= bytes;
    if (this.#messages === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  #stop(error: unknown): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#ports.onFault(error);
  }
}

function refusal(response: Uint8Array): Answer {
  return { response, items: [], version: 0 };
}
