/**
 * What a worker does with one whole message: answer it in the core, execute it here, or hand it to the writing thread; count it
 * in any case.
 *
 *     refresh ── execute ──┬── needs to change something ──> writing thread
 *        ^                 └── answer ── single node, or: same spell of the permit as before? all that was seen stable? ──> out
 *        └── permit comes ──── held ────────── no ─┘                     no ── stable ──> out
 *
 * Invariants: `refresh` comes before each execution, so that no message works on what an answered change has replaced. In a
 * cluster (cluster-view.ts) nothing read without a permit is answered, and no change is shown before every node that answers has it;
 * what is in order, and that is nearly all, leaves at once and at no more than the price of two looks at the clock.
 * A bug in the engine fails the one message: the client reads General Failure, the log has the cause.
 */
import { onlyComputes } from '../engine/effects.ts';
import { ResultReason } from '../kmip/enums.ts';
import type { Caller } from '../operations/context.ts';
import type { Frame } from '../codec/frame.ts';
import type { CloseCause } from '../metrics/layout.ts';
import type { Recorder } from '../metrics/recorder.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { ClusterViewReader } from './cluster-view.ts';
import type { CoherenceFollower } from './coherence.ts';
import type { Answer, EnginePort, Executed } from './engine-port.ts';
import type { KeySlots } from './key-slots.ts';
import { limitNames } from './limits.ts';
import type { LimitName, Limits } from './limits.ts';
import { MessageReads } from './message-reads.ts';
import type { NotingCache } from './message-reads.ts';
import type { PrimaryLink } from './primary-link.ts';

/** Bytes that cannot be executed. */
export type RefusedFrame = Exclude<Frame, { readonly kind: 'message' }>;

/** Whose messages are executed: a connection. */
export interface MessageClient {
  /** As it is now: identities may change while a message waits. */
  readonly caller: Caller;
  readonly isOpen: boolean;
  /** What was executed is answered, then the client has to come again. */
  endAfterAnswers(cause: CloseCause): void;
}

/**
 * What an answer needs in a cluster. `available`: a message that only computes with keys (Encrypt, Decrypt) is answered without a permit
 * too, from what the node last knew: with a key that is revoked by now, if others know that and this node does not.
 */
export type Consistency = 'linearizable' | 'available';

/** Of a member of a cluster. */
export interface ClusterReading {
  readonly view: Pick<ClusterViewReader, 'spell' | 'holds' | 'isStable' | 'newestUnstable' | 'untilStable' | 'untilPermit'>;
  readonly consistency: Consistency;
  readonly limits: Pick<Limits, 'permitWaitMs' | 'stableWaitMs'>;
}

export interface MessageServicePorts {
  readonly messageBytesMax: number;
  readonly engine: EnginePort;
  readonly primary: PrimaryLink;
  readonly follower: CoherenceFollower;
  readonly cache: NotingCache;
  /** The core's fast path; absent: the engine takes all. */
  readonly slots?: Pick<KeySlots, 'answer' | 'dropAll' | 'forget'> | undefined;
  /** Absent on a single node. */
  readonly cluster?: ClusterReading | undefined;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Log;
}

/** An answer that may not leave yet, and what it was made of. */
interface Held {
  readonly answer: Answer;
  readonly isFast: boolean;
  /** Newest entry it may show that was not stable; 0: none. */
  readonly seen: number;
  /** Of the permit, before anything was read. */
  readonly spell: number;
}

/**
 * Messages of one turn, answered in the core, that share a look at the clock: they take some microseconds together, the finest
 * class of latencies is 50 microseconds, and a look costs as much as all else that is counted.
 */
const answersPerLook = 8;

/** The answer to a client that is gone. */
const nothing = new Uint8Array(0);

export class MessageService {
  readonly #ports: MessageServicePorts;
  #spell = 0;
  #lookedAt = 0;
  #untilLook = 0;

  constructor(ports: MessageServicePorts) {
    this.#ports = ports;
  }

  /** Takes in what other threads changed. */
  refresh(): void {
    const { cluster, follower } = this.#ports;
    // Before the caches are looked after: what they have then is what a holder of the permit may show.
    if (cluster !== undefined) this.#spell = cluster.view.spell;
    follower.refresh();
  }

  /** The answers given so far are sent or copied: what is left of the last one in the core is wiped. */
  answersTaken(): void {
    this.#untilLook = 0;
    this.#ports.slots?.forget();
  }

  /** The answer; or undefined where the message belongs to the writing thread. One that comes at once is good until the next call. */
  execute(message: Uint8Array, client: MessageClient, arrivedAt: number): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const { cluster, clock } = this.#ports;
    const spell = this.#spell;
    const fast = this.#answerFast(message, client.caller);
    if (fast !== undefined) {
      if (cluster === undefined) return this.#answered(fast, true, arrivedAt, this.#sharedLook());
      const now = clock.monotonic();
      if (this.#mayLeave(cluster, fast, 0, spell, now)) return this.#answered(fast, true, arrivedAt, now);
      return this.#hold(cluster, message, client, arrivedAt, { answer: kept(fast), isFast: true, seen: 0, spell });
    }
    this.#untilLook = 0;
    const reads = cluster && new MessageReads(this.#ports.cache, cluster.view);
    const executed = this.#executeHere(message, client.caller, reads);
    if (executed instanceof Promise) return executed.then((each) => this.#judged(each, reads, spell, message, client, arrivedAt));
    return this.#judged(executed, reads, spell, message, client, arrivedAt);
  }

  #judged(executed: Executed, reads: MessageReads | undefined, spell: number, message: Uint8Array, client: MessageClient, arrivedAt: number): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    if (executed.needsPrimary) return undefined;
    const { cluster, clock } = this.#ports;
    const now = clock.monotonic();
    if (cluster === undefined) return this.#answered(executed, false, arrivedAt, now);
    const seen = reads?.seen() ?? 0;
    if (this.#mayLeave(cluster, executed, seen, spell, now)) return this.#answered(executed, false, arrivedAt, now);
    return this.#hold(cluster, message, client, arrivedAt, { answer: executed, isFast: false, seen, spell });
  }

  /** `now`: the clock after all was read. */
  #mayLeave({ view, consistency }: ClusterReading, { items }: Answer, seen: number, spell: number, now: number): boolean {
    if (view.holds(spell, now)) return seen === 0 || view.isStable(seen);
    return consistency === 'available' && onlyComputes(items);
  }

  /** What was read without a permit is read again when there is one; what was read with one needs only to become stable. */
  async #hold(cluster: ClusterReading, message: Uint8Array, client: MessageClient, arrivedAt: number, first: Held): Promise<Uint8Array | undefined> {
    const { view, limits, consistency } = cluster;
    const { clock, recorder } = this.#ports;
    const deadline = clock.monotonic() + limits.permitWaitMs;
    let held = first;
    while (!view.holds(held.spell, clock.monotonic())) {
      recorder.readHeld('permit');
      if (!(await view.untilPermit(deadline - clock.monotonic()))) return this.#refuse('permitWaitMs', held.answer, message, client, arrivedAt);
      if (!client.isOpen) return nothing;
      this.refresh();
      const again = await this.#executeAgain(cluster, message, client);
      if (again === undefined) return undefined;
      held = again;
      if (this.#mayLeave(cluster, held.answer, held.seen, held.spell, clock.monotonic())) return this.#answered(held.answer, held.isFast, arrivedAt, clock.monotonic());
    }
    recorder.readHeld('stability');
    const isStable = await view.untilStable(held.seen, limits.stableWaitMs);
    if (!isStable && (consistency !== 'available' || !onlyComputes(held.answer.items))) return this.#refuse('stableWaitMs', held.answer, message, client, arrivedAt);
    return this.#answered(held.answer, held.isFast, arrivedAt, clock.monotonic());
  }

  async #executeAgain(cluster: ClusterReading, message: Uint8Array, { caller }: MessageClient): Promise<Held | undefined> {
    const spell = this.#spell;
    const fast = this.#answerFast(message, caller);
    if (fast !== undefined) return { answer: kept(fast), isFast: true, seen: 0, spell };
    const reads = new MessageReads(this.#ports.cache, cluster.view);
    const executed = await this.#executeHere(message, caller, reads);
    return executed.needsPrimary ? undefined : { answer: executed, isFast: false, seen: reads.seen(), spell };
  }

  #refuse(limit: LimitName, { items, version }: Answer, message: Uint8Array, client: MessageClient, arrivedAt: number): Uint8Array {
    const { engine, recorder } = this.#ports;
    recorder.readRefused();
    recorder.limitReached(limitNames.indexOf(limit));
    recorder.request(items.map(({ operation }) => ({ operation, reason: ResultReason.GeneralFailure })), version, this.#secondsSince(arrivedAt));
    client.endAfterAnswers('no-permit');
    return engine.refuse('GeneralFailure', 'This node is not in touch with its cluster; try again.', version, message);
  }

  #answerFast(message: Uint8Array, caller: Caller): Answer | undefined {
    const { slots } = this.#ports;
    try {
      return slots?.answer(message, caller);
    } catch (error) {
      slots?.dropAll();
      return this.#failed(error, message);
    }
  }

  /** Executes with the engine; a bug of it is an answer as well. */
  #executeHere(message: Uint8Array, caller: Caller, reads: MessageReads | undefined): Executed | Promise<Executed> {
    const { engine, cache } = this.#ports;
    cache.enter();
    let executed: Executed | Promise<Executed>;
    try {
      executed = engine.execute(message, caller, false, reads);
    } catch (error) {
      cache.leave();
      return { ...this.#failed(error, message), needsPrimary: false, mutations: [] };
    }
    if (!(executed instanceof Promise)) {
      cache.leave();
      return executed;
    }
    return executed
      .catch((error: unknown): Executed => ({ ...this.#failed(error, message), needsPrimary: false, mutations: [] }))
      .finally(() => cache.leave());
  }

  /** Has the writing thread execute the message. */
  async forward(message: Uint8Array, caller: Caller, arrivedAt: number): Promise<Uint8Array> {
    const { primary, recorder } = this.#ports;
    recorder.forwarded();
    const { response, items, version } = await primary.plan(message, caller.credential);
    recorder.request(items, version, this.#secondsSince(arrivedAt));
    return response;
  }

  /** The answer to bytes that are no message: too long, or not framed as one. */
  refuse(frame: RefusedFrame, arrivedAt: number): Uint8Array {
    const { engine, recorder, messageBytesMax } = this.#ports;
    recorder.request([], 0, this.#secondsSince(arrivedAt));
    return frame.kind === 'too-long'
      ? engine.refuse('InvalidMessage', `The request says it has ${frame.length} bytes; this server takes ${messageBytesMax} at most.`, undefined, frame.head)
      : engine.refuse('InvalidMessage', 'The bytes do not begin a KMIP request message; the connection is closed, since the next message cannot be found.', undefined, frame.head);
  }

  #answered({ response, items, version }: Answer, isFast: boolean, arrivedAt: number, now: number): Uint8Array {
    const { recorder } = this.#ports;
    if (isFast) recorder.fastAnswered();
    recorder.request(items, version, (now - arrivedAt) / 1000);
    return response;
  }

  #failed(error: unknown, message: Uint8Array): Answer {
    const { engine, log } = this.#ports;
    log.error({ error }, 'A message could not be executed.');
    return { response: engine.refuse('GeneralFailure', 'The server failed to execute the request.', undefined, message), items: [], version: 0 };
  }

  #sharedLook(): number {
    if (this.#untilLook === 0) {
      this.#lookedAt = this.#ports.clock.monotonic();
      this.#untilLook = answersPerLook;
    }
    this.#untilLook -= 1;
    return this.#lookedAt;
  }

  #secondsSince(arrivedAt: number): number {
    return (this.#ports.clock.monotonic() - arrivedAt) / 1000;
  }
}

/** Copied: the core's next answer is in the same place, and other messages run before this one's connection has it. */
function kept(fast: Answer): Answer {
  return { ...fast, response: new Uint8Array(fast.response) };
}
