/**
 * One connection of a load run: keeps at most `pipeline` messages on their way and hands over answers in order.
 *
 * Unlike `connection.ts` it has no queue, no promise and no timer of its own for a message: the generator has those, once
 * for all lanes. Messages sent in one turn of the event loop leave in one write.
 */
import type tls from 'node:tls';
import { FrameReader } from '../../codec/frame.ts';
import { connectTls, socketFaultText } from '../connection.ts';
import type { ConnectionOptions } from '../connection.ts';

/** A message of the run, on its way or waiting to be. Times are performance.now() of the generator's thread. */
export interface LoadMessage {
  readonly due: number;
  readonly operation: number;
  readonly variant: number;
  sentAt: number;
}

export interface LaneEvents {
  answered(lane: Lane, message: LoadMessage, answer: Uint8Array): void;
  /** After the answers of one piece of what came. */
  settled(lane: Lane): void;
  /** The connection is gone, and with it the answers to these. */
  lost(lane: Lane, reason: string, unanswered: readonly LoadMessage[]): void;
}

const maxAnswerBytes = 64 << 20;

export class Lane {
  readonly #options: ConnectionOptions;
  readonly #pipeline: number;
  readonly #events: LaneEvents;
  readonly #underWay: LoadMessage[] = [];
  #socket: tls.TLSSocket | undefined;
  #corked = false;

  constructor(options: ConnectionOptions, pipeline: number, events: LaneEvents) {
    this.#options = options;
    this.#pipeline = pipeline;
    this.#events = events;
  }

  get hasRoom(): boolean {
    return this.#socket !== undefined && this.#underWay.length < this.#pipeline;
  }

  /** When the oldest message without an answer was sent; Infinity when there is none. */
  get waitingSince(): number {
    return this.#underWay[0]?.sentAt ?? Infinity;
  }

  connect(timeoutMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connectTls(this.#options);
      const { host, port } = this.#options;
      const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
      const frames = new FrameReader({ maxMessageBytes: maxAnswerBytes });
      let reason = `${host}:${port} closed the connection`;
      socket.once('secureConnect', () => {
        clearTimeout(timer);
        this.#socket = socket;
        resolve();
      });
      socket.on('data', (chunk: Buffer) => this.#receive(socket, frames, chunk));
      socket.on('error', (error) => { reason = `${host}:${port}: ${socketFaultText(error)}`; });
      socket.once('close', () => {
        clearTimeout(timer);
        if (this.#socket === socket) this.lose(reason);
        else reject(new Error(reason));
      });
    });
  }

  /** Only while there is room. */
  send(message: LoadMessage, bytes: Uint8Array): void {
    const socket = this.#socket!;
    this.#underWay.push(message);
    if (!this.#corked) {
      this.#corked = true;
      socket.cork();
      queueMicrotask(() => {
        this.#corked = false;
        socket.uncork();
      });
    }
    socket.write(bytes);
  }

  /** Cuts the connection; what was on its way has no answer. */
  lose(reason: string): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    this.#socket = undefined;
    socket.destroy();
    this.#events.lost(this, reason, this.#underWay.splice(0));
  }

  close(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
  }

  #receive(socket: tls.TLSSocket, frames: FrameReader, chunk: Buffer): void {
    for (const frame of frames.push(chunk)) {
      if (this.#socket !== socket) return;
      const message = this.#underWay.shift();
      if (frame.kind !== 'message') return this.lose('the answer is not a KMIP message of allowed length');
      if (message === undefined) return this.lose('an answer came that nobody asked for');
      this.#events.answered(this, message, frame.bytes);
    }
    this.#events.settled(this);
  }
}
