/**
 * One KMIP connection on a worker: bytes in, whole messages executed, answers out in the order of the requests.
 *
 *     open ──(client ends, idle, drain, framing lost)──> ending ──> closed
 *       └──────────(time-out, revoked, error)──────────────────────^
 *
 * Invariants: an answer is one write of its own, begun when the one before is taken, so it is one TLS record (up to 16
 * KiB) and never joined with another: clients read no other way. A message is executed when all before it of this
 * connection are answered, save that changes may follow each other to the writing thread, which keeps their order.
 * Requests, unsent answers and times are bounded by `limits.ts`; a bound that is reached pauses reading first.
 */
import type { TLSSocket } from 'node:tls';
import type { Caller } from '../operations/context.ts';
import { FrameReader } from '../codec/frame.ts';
import type { Frame } from '../codec/frame.ts';
import type { CloseCause } from '../metrics/layout.ts';
import type { Recorder } from '../metrics/recorder.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { MessageService } from './message-service.ts';
import { limitNames } from './limits.ts';
import type { LimitName, Limits } from './limits.ts';

/** Bytes in flight on all connections of one worker. */
export interface WorkerLoad {
  bytes: number;
}

export interface ConnectionPorts {
  readonly service: MessageService;
  readonly recorder: Recorder;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly load: WorkerLoad;
  onClosed(connection: Connection): void;
}

/** Time for the peer to take the last answer and end its side. */
const lingerMs = 1_000;

interface Request {
  readonly frame: Frame;
  readonly bytes: number;
  readonly arrivedAt: number;
}

/** A place in the order of answers. */
interface Place {
  answer: Uint8Array | undefined;
}

export class Connection {
  readonly socket: TLSSocket;
  caller: Caller;
  readonly #ports: ConnectionPorts;
  readonly #frames: FrameReader;
  readonly #waiting: Request[] = [];
  readonly #places: Place[] = [];
  #phase: 'open' | 'ending' | 'closed' = 'open';
  #cause: CloseCause = 'client';
  /** Requests being executed; `#following` of them went to the writing thread one after the other. */
  #executing = 0;
  #following = 0;
  #inFlightBytes = 0;
  #partialBytes = 0;
  #unsentBytes = 0;
  #sending = false;
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
  #writeBeganAt = 0;
  #endedAt = 0;
  #activeAt: number;

  constructor(socket: TLSSocket, caller: Caller, ports: ConnectionPorts) {
    this.socket = socket;
    this.caller = caller;
    this.#ports = ports;
    this.#frames = new FrameReader({ maxMessageBytes: ports.limits.messageBytes });
    this.#activeAt = ports.clock.monotonic();
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
    for (const { bytes } of this.#waiting.splice(0)) this.#count(-bytes);
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
      if (now - this.#endedAt > lingerMs && !this.#sending) this.socket.destroy();
    } else if (this.#messageBeganAt !== 0 && !this.#waitsForOurs() && now - this.#messageBeganAt > limits.messageMs) {
      this.#limitReached('messageMs');
      this.destroy('message-timeout');
    } else if (this.#isQuiet() && now - this.#activeAt > limits.idleMs) {
      this.#limitReached('idleMs');
      this.#end('idle');
    }
    if (this.#sending && now - this.#writeBeganAt > limits.writeMs) {
      this.#limitReached('writeMs');
      this.destroy('write-timeout');
    }
  }

  /**
   * Whether a message stays incomplete since answers are due first. A connection that is not read since all of them
   * together hold too much is not excused: its unfinished message is part of that, and would hold it for ever.
   */
  #waitsForOurs(): boolean {
    return this.#pausedFor !== undefined && (this.#waiting.length > 0 || this.#places.length > 0 || this.#sending);
  }

  #isQuiet(): boolean {
    return this.#waiting.length === 0 && this.#places.length === 0 && !this.#sending && this.#partialBytes === 0;
  }

  #receive(chunk: Uint8Array): void {
    const { clock, recorder } = this.#ports;
    recorder.bytesIn(chunk.length);
    if (this.#phase !== 'open') return;
    const now = clock.monotonic();
    let whole = 0;
    for (const frame of this.#taken(chunk)) {
      whole += 1;
      const bytes = frame.kind === 'message' ? frame.bytes.length : 0;
      this.#count(bytes);
      this.#waiting.push({ frame, bytes, arrivedAt: now });
    }
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

  /** The messages that are whole with this piece. */
  #taken(chunk: Uint8Array): readonly Frame[] {
    if (this.#lastCause !== undefined) return [];
    if (!this.#draining) return this.#frames.push(chunk);
    if (!this.#completing) return [];
    const frames = this.#frames.push(chunk);
    if (frames.length === 0 && this.#frames.midMessage) return [];
    this.#completing = false;
    return frames.slice(0, 1);
  }

  /** Executes as many waiting messages as order and limits allow. */
  #pump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    const { limits, service } = this.#ports;
    while (this.#waiting.length > 0 && this.#phase === 'open') {
      if (this.#unsentBytes >= limits.connectionUnsentBytes) {
        this.#limitReached('connectionUnsentBytes');
        break;
      }
      const follows = this.#executing > 0;
      if (follows && (this.#following === 0 || this.#following >= limits.primaryBurst)) break;
      service.refresh();
      // Refreshing may have found that the credential was revoked.
      if (this.#phase !== 'open' || this.socket.destroyed) break;
      const request = this.#waiting.shift()!;
      const place: Place = { answer: undefined };
      this.#places.push(place);
      if (request.frame.kind === 'message') this.#execute(request.frame.bytes, request, place, follows);
      else this.#refuse(request, place);
    }
    this.#pumping = false;
    this.#send();
    this.#endIfDone();
  }

  #execute(message: Uint8Array, request: Request, place: Place, follows: boolean): void {
    const { service } = this.#ports;
    if (!follows) {
      const executed = service.execute(message, this, request.arrivedAt);
      if (executed instanceof Uint8Array) {
        this.#settle(request, place, executed);
        return;
      }
      if (executed !== undefined) {
        this.#executing += 1;
        void executed.then((answer) => {
          this.#executing -= 1;
          if (answer !== undefined) this.#settle(request, place, answer);
          else this.#forward(message, request, place);
          this.#pump();
          this.#adjustReading();
        });
        return;
      }
    }
    this.#forward(message, request, place);
  }

  #forward(message: Uint8Array, request: Request, place: Place): void {
    if (this.#phase !== 'open') return;
    this.#executing += 1;
    this.#following += 1;
    void this.#ports.service.forward(message, this.caller, request.arrivedAt).then((answer) => {
      this.#executing -= 1;
      if (this.#executing === 0) this.#following = 0;
      this.#settle(request, place, answer);
      this.#pump();
      this.#adjustReading();
    });
  }

  #refuse(request: Request, place: Place): void {
    const { frame } = request;
    if (frame.kind === 'message') return;
    if (frame.kind === 'too-long') this.#limitReached('messageBytes');
    this.#settle(request, place, this.#ports.service.refuse(frame, request.arrivedAt));
    // The answer is the last word: bytes that follow cannot be understood.
    if (frame.kind === 'lost') this.endAfterAnswers('framing-lost');
  }

  #settle(request: Request, place: Place, answer: Uint8Array): void {
    this.#count(-request.bytes);
    if (this.#phase === 'closed') return;
    place.answer = answer;
    this.#unsentBytes += answer.length;
    this.#ports.load.bytes += answer.length;
    if (!this.#pumping) this.#send();
  }

  /** One answer a write, the next when this one is taken (see the header: joined writes become one record). */
  #send(): void {
    const answer = this.#places[0]?.answer;
    if (this.#sending || answer === undefined || this.#phase === 'closed' || this.socket.destroyed) return;
    this.#places.shift();
    this.#sending = true;
    const { clock, recorder } = this.#ports;
    this.#writeBeganAt = clock.monotonic();
    recorder.bytesOut(answer.length);
    this.socket.write(answer, () => {
      this.#sending = false;
      this.#activeAt = clock.monotonic();
      if (this.#phase === 'closed') return;
      this.#unsentBytes -= answer.length;
      this.#ports.load.bytes -= answer.length;
      this.#send();
      this.#pump();
      this.#adjustReading();
    });
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
    if (this.#phase !== 'open' || this.#waiting.length > 0 || this.#places.length > 0 || this.#sending) return;
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
    load.bytes -= this.#inFlightBytes + this.#partialBytes + this.#unsentBytes;
    this.#inFlightBytes = 0;
    this.#partialBytes = 0;
    this.#unsentBytes = 0;
    this.#waiting.length = 0;
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
