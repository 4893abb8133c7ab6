/**
 * What a worker does with one whole message: answer it in the core, execute it here, or hand it to the writing thread; count it
 * in any case.
 *
 * Invariant: `refresh` comes before each execution, so that no message works on what an answered change has replaced.
 * A bug in the engine fails the one message: the client reads General Failure, the log has the cause.
 */
import type { Caller } from '../operations/context.ts';
import type { Frame } from '../codec/frame.ts';
import type { CloseCause } from '../metrics/layout.ts';
import type { Recorder } from '../metrics/recorder.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { CoherenceFollower } from './coherence.ts';
import type { EnginePort, Executed } from './engine-port.ts';
import type { KeySlots } from './key-slots.ts';
import type { ObjectCache } from './object-cache.ts';
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

export interface MessageServicePorts {
  readonly messageBytesMax: number;
  readonly engine: EnginePort;
  readonly primary: PrimaryLink;
  readonly follower: CoherenceFollower;
  readonly cache: Pick<ObjectCache, 'enter' | 'leave'>;
  /** The core's fast path; absent: the engine takes all. */
  readonly slots?: Pick<KeySlots, 'answer' | 'dropAll'> | undefined;
  readonly recorder: Recorder;
  readonly clock: Clock;
  readonly log: Log;
}

export class MessageService {
  readonly #ports: MessageServicePorts;

  constructor(ports: MessageServicePorts) {
    this.#ports = ports;
  }

  /** Takes in what other threads changed. */
  refresh(): void {
    this.#ports.follower.refresh();
  }

  /** The answer; or undefined where the message belongs to the writing thread. */
  execute(message: Uint8Array, { caller }: MessageClient, arrivedAt: number): Uint8Array | undefined | Promise<Uint8Array | undefined> {
    const { engine, cache } = this.#ports;
    const quick = this.#answerFast(message, caller, arrivedAt);
    if (quick !== undefined) return quick;
    cache.enter();
    let executed: Executed | Promise<Executed>;
    try {
      executed = engine.execute(message, caller, false);
    } catch (error) {
      cache.leave();
      return this.#failed(error, message, arrivedAt);
    }
    if (!(executed instanceof Promise)) {
      cache.leave();
      return this.#executed(executed, arrivedAt);
    }
    return executed.then(
      (each) => this.#executed(each, arrivedAt),
      (error: unknown) => this.#failed(error, message, arrivedAt),
    ).finally(() => cache.leave());
  }

  #answerFast(message: Uint8Array, caller: Caller, arrivedAt: number): Uint8Array | undefined {
    const { slots, recorder } = this.#ports;
    if (slots === undefined) return undefined;
    try {
      const answer = slots.answer(message, caller);
      if (answer === undefined) return undefined;
      recorder.fastAnswered();
      recorder.request(answer.items, answer.version, this.#secondsSince(arrivedAt));
      return answer.response;
    } catch (error) {
      slots.dropAll();
      return this.#failed(error, message, arrivedAt);
    }
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

  #executed(executed: Executed, arrivedAt: number): Uint8Array | undefined {
    if (executed.needsPrimary) return undefined;
    this.#ports.recorder.request(executed.items, executed.version, this.#secondsSince(arrivedAt));
    return executed.response;
  }

  #failed(error: unknown, message: Uint8Array, arrivedAt: number): Uint8Array {
    const { engine, log, recorder } = this.#ports;
    log.error({ error }, 'A message could not be executed.');
    recorder.request([], 0, this.#secondsSince(arrivedAt));
    return engine.refuse('GeneralFailure', 'The server failed to execute the request.', undefined, message);
  }

  #secondsSince(arrivedAt: number): number {
    return (this.#ports.clock.monotonic() - arrivedAt) / 1000;
  }
}
