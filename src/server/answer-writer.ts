/**
 * The writing half of a connection: answers in the order in which they are given, one write under way at a time.
 *
 *     add ──> alone ─────────────────────────────> write (a TLS record of its own, up to 16 KiB)
 *      │  └─> joined: gathered until `flush`, at most one record ──> write
 *      └─ a write is under way: queued (copied, if it is a view) ──> the same, when that is taken
 *
 * Invariants: an answer that may not be joined is one write, so it is one record: clients read no other way (docs/decisions/
 * 0013). Node has encrypted what it was given to write when `write` returns, since no write is under way then: the bytes
 * may be a view of memory that is used again, and are never kept here. A test holds that. What is gathered lies in memory that
 * all connections of a worker share, is written before the turn is another's, and is overwritten then.
 */
import type { TLSSocket } from 'node:tls';
import type { Recorder } from '../metrics/recorder.ts';

/** The most plaintext that one TLS record holds (RFC 8446 §5.1); what is longer gains nothing from joining. */
export const joinedBytesMax = 16_384;

/** Bytes in flight on all connections of one worker. */
export interface WorkerLoad {
  bytes: number;
}

/** Where answers of one connection at a time are joined. */
export class Gathering {
  readonly bytes = Buffer.alloc(joinedBytesMax);
  length = 0;
}

export interface AnswerWriterPorts {
  readonly recorder: Pick<Recorder, 'bytesOut'>;
  readonly load: WorkerLoad;
  readonly gathering: Gathering;
  /** A write was taken, and the next one has begun if anything waits. */
  onTaken(): void;
}

interface Queued {
  readonly bytes: Uint8Array;
  readonly mayJoin: boolean;
}

export class AnswerWriter {
  readonly #socket: TLSSocket;
  readonly #ports: AnswerWriterPorts;
  readonly #queue: Queued[] = [];
  /** Of this connection in the shared memory. */
  #gatheredBytes = 0;
  #writingBytes = 0;
  #unsentBytes = 0;
  /** When the write under way was first seen by `isStuck`; 0: not yet. */
  #writeSeenAt = 0;
  #isWriting = false;
  #isClosed = false;

  constructor(socket: TLSSocket, ports: AnswerWriterPorts) {
    this.#socket = socket;
    this.#ports = ports;
  }

  /** Answers that wait for a write that is under way. */
  get queued(): number {
    return this.#queue.length;
  }

  get isWriting(): boolean {
    return this.#isWriting;
  }

  get isIdle(): boolean {
    return !this.#isWriting && this.#queue.length === 0 && this.#gatheredBytes === 0;
  }

  /** Bytes of the answers that the client has not taken. */
  get unsentBytes(): number {
    return this.#unsentBytes;
  }

  /** Takes the next answer; its bytes may change when this returns. Joined ones leave with `flush`. */
  add(answer: Uint8Array, mayJoin: boolean): void {
    if (this.#isClosed) return;
    this.#unsentBytes += answer.length;
    this.#ports.load.bytes += answer.length;
    const joins = mayJoin && answer.length <= joinedBytesMax;
    if (!joins || !this.#hasRoom(answer.length)) this.flush();
    if (this.#isWriting || this.#queue.length > 0) this.#queue.push({ bytes: ownBytes(answer), mayJoin: joins });
    else if (joins) this.#gather(answer);
    else this.#write(answer);
  }

  /** Writes what is gathered. Nothing else of this worker may add answers before. */
  flush(): void {
    if (this.#gatheredBytes === 0) return;
    const { gathering } = this.#ports;
    const { length } = gathering;
    gathering.length = 0;
    this.#gatheredBytes = 0;
    if (!this.#socket.destroyed) this.#write(gathering.bytes.subarray(0, length));
    gathering.bytes.fill(0, 0, length);
  }

  /**
   * Whether the client has not taken the write under way in so long a time, counted from the first time that this was asked
   * during it: a look at the clock costs more than the rest of a write's accounts.
   */
  isStuck(now: number, allowedMs: number): boolean {
    if (!this.#isWriting) return false;
    if (this.#writeSeenAt === 0) this.#writeSeenAt = now;
    return now - this.#writeSeenAt > allowedMs;
  }

  /** Gives up what is not sent. */
  close(): void {
    this.#isClosed = true;
    this.#ports.load.bytes -= this.#unsentBytes;
    this.#unsentBytes = 0;
    this.#queue.length = 0;
  }

  #hasRoom(bytes: number): boolean {
    return this.#ports.gathering.length + bytes <= joinedBytesMax;
  }

  #gather(answer: Uint8Array): void {
    const { gathering } = this.#ports;
    gathering.bytes.set(answer, gathering.length);
    gathering.length += answer.length;
    this.#gatheredBytes += answer.length;
  }

  #write(bytes: Uint8Array): void {
    this.#isWriting = true;
    this.#writingBytes = bytes.length;
    this.#writeSeenAt = 0;
    this.#ports.recorder.bytesOut(bytes.length);
    this.#socket.write(bytes, this.#taken);
  }

  readonly #taken = (): void => {
    this.#isWriting = false;
    if (this.#isClosed) return;
    this.#unsentBytes -= this.#writingBytes;
    this.#ports.load.bytes -= this.#writingBytes;
    if (this.#queue.length > 0 && !this.#socket.destroyed) this.#writeQueued();
    this.#ports.onTaken();
  };

  /** The oldest that waits, with those behind it that may leave with it. */
  #writeQueued(): void {
    let taken = 0;
    for (const { bytes, mayJoin } of this.#queue) {
      if (!mayJoin || !this.#hasRoom(bytes.length)) break;
      this.#gather(bytes);
      taken += 1;
    }
    if (taken > 0) {
      this.#queue.splice(0, taken);
      this.flush();
    } else {
      this.#write(this.#queue.shift()!.bytes);
    }
  }
}

/** What shares its memory with something else is copied. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
