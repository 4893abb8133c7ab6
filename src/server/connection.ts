/**
 * One KMIP connection on a worker: bytes in, whole messages executed, answers out in the order of the requests.
 *
 *     open ──(client ends, idle, drain, framing lost)──> ending ──> closed
 *       └──────────(time-out, revoked, error)──────────────────────^
 *
 * Invariants: a message is executed when all before it of this connection are answered, save that changes may follow each
 * other to the writing thread, which keeps their order. An answer is a TLS record of its own; only a client that has had
 * more requests waiting at once than any does that reads so, and states no Maximum Response Size, gets answers joined
 * (answer-writer.ts, docs/decisions/0013). Requests, unsent answers and times are bounded by `limits.ts`; a bound
 * that is reached pauses reading first. For a message that is answered at once nothing is made here.
 */
import type { TLSSocket } from 'node:tls';
import type { Caller } from '../operations/context.ts';
import { FrameReader, statesMaximumResponseSize } from '../codec/frame.ts';
import type { FrameSink, RefusedFrame } from '../codec/frame.ts';
import type { CloseCause } from '../metrics/layout.ts';
import type { Recorder } from '../metrics/recorder.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { AnswerWriter } from './answer-writer.ts';
import type { Gathering, WorkerLoad } from './answer-writer.ts';
import { RequestQueue, bytesOf } from './request-queue.ts';
import type { Request } from './request-queue.ts';
import type { MessageService } from './message-service.ts';
import { limitNames } from './limits.ts';
import type { LimitName, Limits } from './limits.ts';

export interface ConnectionPorts {
  readonly service: MessageService;
  readonly recorder: Recorder;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly load: WorkerLoad;
  readonly gathering: Gathering;
  onClosed(connection: Connection): void;
}

/** Time for the peer to take the last answer and end its side. */
const lingerMs = 1_000;

/**
 * Requests that Scality Arsenal has waiting at once, and each answer of which it takes for one record. A client with more reads
 * a stream.
 */
const recordReaderDepth = 8;

/** The place in the order of answers of a message that is not answered at once. */
interface Place {
  readonly requestBytes: number;
  readonly mayJoin: boolean;
  readonly arrivedAt: number;
  answer: Uint8Array | undefined;
}

export class Connection implements FrameSink {
  readonly socket: TLSSocket;
  caller: Caller;
  readonly #ports: ConnectionPorts;
  readonly #frames: FrameReader;
  readonly #writer: AnswerWriter;
  readonly #waiting = new RequestQueue();
  readonly #places: Place[] = [];
  #phase: 'open' | 'ending' | 'closed' = 'open';
  #cause: CloseCause = 'client';
  /** Requests being executed; `#following` of them went to the writing thread one after the other. */
  #executing = 0;
  #following = 0;
  #inFlightBytes = 0;
  #partialBytes = 0;
  /** The limit for which the socket is not read now. */
  #pausedFor: LimitName | undefined;
  #clientEnded = false;
  #draining = false;
  /** A drain began in the middle of a message, which may still be completed. */
  #completing = false;
  /** Nothing more is taken: the connection ends for this when what was executed is answered. */
  #lastCause: CloseCause | undefined;
  #pumping = false;
  #messageBeganAt = 0;
  #isExcused = false;
  /** It has had more requests waiting at once than clients have that read records. */
  #isDeep = false;
  #endedAt = 0;
  #activeAt: number;

  constructor(socket: TLSSocket, caller: Caller, ports: ConnectionPorts) {
    this.socket = socket;
    this.caller = caller;
    this.#ports = ports;
    this.#frames = new FrameReader({ maxMessageBytes: ports.limits.messageBytes });
    this.#activeAt = ports.clock.monotonic();
    this.#writer = new AnswerWriter(socket, {
      recorder: ports.recorder, load: ports.load, gathering: ports.gathering,
      onTaken: () => this.#taken(),
    });
    socket.on('data', (chunk: Uint8Array) => this.#receive(chunk));
    socket.on('end', () => {
      this.#clientEnded = true;
      this.#endIfDone();
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') this.#setCause('error');
      ports.log.debug({ code: error.code }, 'A connection failed.');
    });
    socket.on('close', () => this.#closed());
  }

  get isOpen(): boolean {
    return this.#phase === 'open';
  }

  /**
   * Answers what was read, then ends. A message that has begun may still be completed until the drain's end; what comes
   * after it is not taken any more, or a client that pipelines without a pause would never be done.
   */
  drain(): void {
    this.#draining = true;
    this.#completing = this.#frames.midMessage;
    this.#endIfDone();
  }

  /** Answers what was executed already, then ends: what was read after that is not taken any more. */
  endAfterAnswers(cause: CloseCause): void {
    this.#setCause(cause);
    this.#lastCause ??= cause;
    while (this.#waiting.length > 0) this.#count(-bytesOf(this.#waiting.take()));
  }

  /** Ends at once, whatever is under way. */
  destroy(cause: CloseCause): void {
    this.#setCause(cause);
    this.socket.destroy();
  }

  /** Called twice a second for every connection of the worker: cheaper than timers of their own. */
  sweep(now: number): void {
    const { limits } = this.#ports;
    if (this.#pausedFor !== undefined) this.#adjustReading();
    if (this.#phase === 'ending') {
      if (now - this.#endedAt > lingerMs && !this.#writer.isWriting) this.socket.destroy();
    } else if (this.#messageBeganAt !== 0 && !this.#waitsForOurs() && now - this.#messageBeganAt > limits.messageMs) {
      this.#limitReached('messageMs');
      this.destroy('message-timeout');
    } else if (this.#isQuiet() && now - this.#activeAt > limits.idleMs) {
      this.#limitReached('idleMs');
      this.#end('idle');
    }
    if (!this.#isQuiet()) this.#activeAt = now;
    if (this.#writer.isStuck(now, limits.writeMs)) {
      this.#limitReached('writeMs');
      this.destroy('write-timeout');
    }
  }

  /**
   * Whether a message stays incomplete since answers are due first. A connection that is not read since all of them
   * together hold too much is not excused: its unfinished message is part of that, and would hold it for ever.
   */
  #waitsForOurs(): boolean {
    return this.#pausedFor !== undefined && (this.#waiting.length > 0 || this.#places.length > 0 || !this.#writer.isIdle);
  }

  #isQuiet(): boolean {
    return this.#waiting.length === 0 && this.#places.length === 0 && this.#writer.isIdle && this.#partialBytes === 0;
  }

  #receive(chunk: Uint8Array): void {
    const { clock, recorder } = this.#ports;
    recorder.bytesIn(chunk.length);
    if (this.#phase !== 'open') return;
    const now = clock.monotonic();
    const before = this.#waiting.length;
    this.#waiting.now = now;
    this.#take(chunk);
    const whole = this.#waiting.length - before;
    this.#isDeep ||= this.#waiting.length + this.#places.length + this.#writer.queued > recordReaderDepth;
    const partial = this.#frames.bufferedBytes;
    this.#ports.load.bytes += partial - this.#partialBytes;
    this.#partialBytes = partial;
    if (!this.#frames.midMessage || this.#lastCause !== undefined) this.#messageBeganAt = 0;
    else if (whole > 0 || this.#messageBeganAt === 0) this.#messageBeganAt = now;
    if (whole > 0) this.#isExcused = false;
    this.#activeAt = now;
    this.#pump();
    this.#adjustReading();
  }

  /** Adds the messages that are whole with this piece to those that wait. */
  #take(chunk: Uint8Array): void {
    if (this.#lastCause !== undefined) return;
    if (!this.#draining) {
      this.#frames.take(chunk, this);
    } else if (this.#completing) {
      const [first] = this.#frames.push(chunk);
      if (first === undefined && this.#frames.midMessage) return;
      this.#completing = false;
      if (first !== undefined) this.push(first.kind === 'message' ? first.bytes : first);
    }
  }

  /** Called by the reader of frames. */
  push(request: Request): void {
    this.#count(bytesOf(request));
    this.#waiting.push(request);
  }

  /** Executes as many waiting messages as order and limits allow. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const { limits, service } = this.#ports;
    while (this.#waiting.length > 0 && this.#phase === 'open') {
      if (this.#writer.unsentBytes >= limits.connectionUnsentBytes) {
        this.#limitReached('connectionUnsentBytes');
        break;
      }
      if (this.#executing > 0 && (this.#following === 0 || this.#following >= limits.primaryBurst)) break;
      service.refresh();
      // Refreshing may have found that the credential was revoked.
      if (this.#phase !== 'open' || this.socket.destroyed) break;
      const request = this.#waiting.take();
      const { arrivedAt } = this.#waiting;
      if (request instanceof Uint8Array) this.#execute(request, arrivedAt);
      else this.#refuse(request, arrivedAt);
    }
    this.#pumping = false;
    this.#flush();
    this.#endIfDone();
  }

  #execute(message: Uint8Array, arrivedAt: number): void {
    const { service } = this.#ports;
    const mayJoin = this.#isDeep && !statesMaximumResponseSize(message);
    // Behind a change of this connection it goes where that went.
    const executed = this.#executing > 0 ? undefined : service.execute(message, this, arrivedAt);
    if (executed instanceof Uint8Array) {
      this.#count(-message.length);
      this.#answer(executed, mayJoin);
      return;
    }
    const place: Place = { requestBytes: message.length, mayJoin, arrivedAt, answer: undefined };
    this.#places.push(place);
    if (executed === undefined) {
      this.#forward(message, place);
      return;
    }
    this.#executing += 1;
    void executed.then((answer) => {
      this.#executing -= 1;
      if (answer !== undefined) this.#settle(place, answer);
      else this.#forward(message, place);
      this.#pump();
      this.#adjustReading();
    });
  }

  #forward(message: Uint8Array, place: Place): void {
    if (this.#phase !== 'open') return;
    this.#executing += 1;
    this.#following += 1;
    void this.#ports.service.forward(message, this.caller, place.arrivedAt).then((answer) => {
      this.#executing -= 1;
      if (this.#executing === 0) this.#following = 0;
      this.#settle(place, answer);
      this.#pump();
      this.#adjustReading();
    });
  }

  #refuse(frame: RefusedFrame, arrivedAt: number): void {
    if (frame.kind === 'too-long') this.#limitReached('messageBytes');
    const answer = this.#ports.service.refuse(frame, arrivedAt);
    if (this.#places.length > 0) this.#places.push({ requestBytes: 0, mayJoin: false, arrivedAt, answer });
    else this.#answer(answer, false);
    // The answer is the last word: bytes that follow cannot be understood.
    if (frame.kind === 'lost') this.endAfterAnswers('framing-lost');
  }

  /** The answer to a message that was not answered at once: it leaves when all before it have. */
  #settle(place: Place, answer: Uint8Array): void {
    this.#count(-place.requestBytes);
    place.answer = answer;
    while (this.#places.length > 0 && this.#places[0]!.answer !== undefined) {
      const { answer: next, mayJoin } = this.#places.shift()!;
      this.#answer(next!, mayJoin);
    }
  }

  #answer(answer: Uint8Array, mayJoin: boolean): void {
    if (this.#phase !== 'closed' && !this.socket.destroyed) this.#writer.add(answer, mayJoin);
  }

  /** Ends a turn: what was joined in it leaves, and the core forgets the last answer. */
  #flush(): void {
    this.#writer.flush();
    this.#ports.service.answersTaken();
  }

  /** The client has taken a write. */
  #taken(): void {
    if (this.#phase === 'closed') return;
    this.#pump();
    this.#adjustReading();
  }

  #adjustReading(): void {
    if (this.#phase !== 'open') return;
    const { limits, load, recorder } = this.#ports;
    recorder.inFlightBytes(load.bytes);
    const full: LimitName | undefined =
      this.#inFlightBytes >= limits.connectionInFlightBytes ? 'connectionInFlightBytes'
      : this.#waiting.length + this.#places.length >= limits.connectionInFlightMessages ? 'connectionInFlightMessages'
      : load.bytes >= limits.workerInFlightBytes && !this.#isQuiet() ? 'workerInFlightBytes'
      : undefined;
    if ((full !== undefined) === (this.#pausedFor !== undefined)) return;
    if (full !== undefined) {
      this.#pausedFor = full;
      this.#limitReached(full);
      this.socket.pause();
    } else {
      // Time for the rest anew; but once a message where all were full, or those who fill the worker would always get more.
      const isExcused = this.#pausedFor !== 'workerInFlightBytes' || !this.#isExcused;
      this.#isExcused ||= this.#pausedFor === 'workerInFlightBytes';
      if (this.#messageBeganAt !== 0 && isExcused) this.#messageBeganAt = this.#ports.clock.monotonic();
      this.#pausedFor = undefined;
      this.socket.resume();
    }
  }

  #endIfDone(): void {
    if (this.#phase !== 'open' || this.#waiting.length > 0 || this.#places.length > 0 || !this.#writer.isIdle) return;
    if (this.#lastCause !== undefined) this.#end(this.#lastCause);
    else if (this.#clientEnded) this.#end('client');
    else if (this.#draining && !this.#completing) this.#end('drain');
  }

  #end(cause: CloseCause): void {
    if (this.#phase !== 'open') return;
    this.#setCause(cause);
    this.#phase = 'ending';
    this.#endedAt = this.#ports.clock.monotonic();
    this.socket.end();
    this.socket.resume();
  }

  /** The first cause that is not the client's own is the one that is told. */
  #setCause(cause: CloseCause): void {
    if (this.#cause === 'client') this.#cause = cause;
  }

  #closed(): void {
    if (this.#phase === 'closed') return;
    this.#phase = 'closed';
    const { load, recorder } = this.#ports;
    load.bytes -= this.#inFlightBytes + this.#partialBytes;
    this.#inFlightBytes = 0;
    this.#partialBytes = 0;
    this.#writer.close();
    while (this.#waiting.length > 0) this.#waiting.take();
    this.#places.length = 0;
    recorder.inFlightBytes(load.bytes);
    recorder.connectionClosed(this.#cause);
    this.#ports.onClosed(this);
  }

  #count(bytes: number): void {
    if (this.#phase === 'closed') return;
    this.#inFlightBytes += bytes;
    this.#ports.load.bytes += bytes;
  }

  #limitReached(name: LimitName): void {
    this.#ports.recorder.limitReached(limitNames.indexOf(name));
  }
}
