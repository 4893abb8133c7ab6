/**
 * FrameReader: from the pieces in which a connection's bytes come to whole messages.
 *
 *     42 0078 | 01 | 00000090 | …            the first 8 bytes tell where a message ends
 *
 * Invariants: a message is judged by its header before anything of it is kept; memory grows with the bytes that came,
 * never with the length they declare; a message that is too long is skipped, not stored, and reported once with its first
 * bytes, so that it can be answered and the connection lives on. Only bytes that begin no message lose the framing.
 * A message that is whole in its chunk is not copied: what `take` gives lives as long as the chunk, what `push` gives is its own.
 */
import { ItemType } from '../kmip/item-types.ts';
import { Tag } from '../kmip/tags.ts';

const headerLength = 8;

/** First byte of either message tag: another one, an HTTP request's say, needs no more bytes to be told. */
const messageTagStart = 0x42;

/** Bytes of a message that is too long which are kept: its version, and with luck its first item. */
const headKept = 256;

export interface FrameOptions {
  /** Longest message taken, header included, in bytes. */
  readonly maxMessageBytes: number;
}

/** Bytes that are no message to execute. */
export type RefusedFrame =
  /** The message says `length` bytes in all; its rest is being skipped. */
  | { readonly kind: 'too-long'; readonly length: number; readonly head: Uint8Array<ArrayBuffer> }
  /** What came begins no KMIP message, so nobody knows where the next one begins: close the connection. */
  | { readonly kind: 'lost'; readonly head: Uint8Array<ArrayBuffer> };

/** Where frames go: an array, a queue. */
export interface FrameSink {
  push(frame: Uint8Array | RefusedFrame): unknown;
}

export type Frame = { readonly kind: 'message'; readonly bytes: Uint8Array<ArrayBuffer> } | RefusedFrame;

/**
 * Whether a request states a Maximum Response Size: the field that follows Protocol Version, which is 40 bytes long (KMIP 1.4 §7.1,
 *
 *     8 Request Header, 16 Protocol Version { 24 Major, 40 Minor }, 56 Maximum Response Size
 *
 * and 2.1 §8.2 alike). Of what is no proper request it says false.
 */
export function statesMaximumResponseSize(message: Uint8Array): boolean {
  return message.length > maximumResponseSizeAt + headerLength && tagAt(message, maximumResponseSizeAt) === Tag.MaximumResponseSize;
}

const maximumResponseSizeAt = 56;

function tagAt(bytes: Uint8Array, position: number): number {
  return (bytes[position]! << 16) | (bytes[position + 1]! << 8) | bytes[position + 2]!;
}

export class FrameReader {
  readonly #limit: number;
  #pending = new Uint8Array(0);
  #filled = 0;
  /** Length of the message under way, header included; 0 while its header has not come. */
  #expected = 0;
  #skipping = 0;
  #lost = false;

  constructor(options: FrameOptions) {
    this.#limit = options.maxMessageBytes;
  }

  /** True between the first and the last byte of a message: what a time-out for slow clients watches. */
  get midMessage(): boolean {
    return this.#filled > 0 || this.#skipping > 0;
  }

  /** Bytes held of a message that is not whole yet. */
  get bufferedBytes(): number {
    return this.#filled;
  }

  /** Takes the next piece; gives the messages that are whole with it, in memory of their own. After `lost` nothing more comes. */
  push(chunk: Uint8Array): Frame[] {
    const frames: (Uint8Array | RefusedFrame)[] = [];
    this.take(chunk, frames);
    return frames.map((frame) => (frame instanceof Uint8Array ? { kind: 'message', bytes: new Uint8Array(frame) } : frame));
  }

  /** As `push`, but gives each to `frames`, and a message that lies whole in the chunk is a view of it. */
  take(chunk: Uint8Array, frames: FrameSink): void {
    let position = 0;
    while (position < chunk.length && !this.#lost) {
      if (this.#skipping > 0) {
        const step = Math.min(this.#skipping, chunk.length - position);
        this.#skipping -= step;
        position += step;
        continue;
      }
      const length = this.#filled === 0 ? this.#lengthOfWhole(chunk, position) : 0;
      if (length > 0) {
        frames.push(length === chunk.length ? chunk : chunk.subarray(position, position + length));
        position += length;
      } else {
        position = this.#gather(chunk, position, frames);
      }
    }
  }

  /** Length of the message that lies whole at this position; 0: none does. */
  #lengthOfWhole(chunk: Uint8Array, position: number): number {
    if (chunk.length - position < headerLength || chunk[position + 3] !== ItemType.Structure) return 0;
    const tag = tagAt(chunk, position);
    if (tag !== Tag.RequestMessage && tag !== Tag.ResponseMessage) return 0;
    const length = headerLength + (((chunk[position + 4]! << 24) | tagAt(chunk, position + 5)) >>> 0);
    return length <= this.#limit && length <= chunk.length - position ? length : 0;
  }

  /** Keeps bytes of one message, up to its end or the chunk's; gives the position after them. */
  #gather(chunk: Uint8Array, start: number, frames: FrameSink): number {
    let position = start;
    if (this.#expected === 0) {
      position = this.#append(chunk, position, headerLength);
      if (this.#filled < headerLength && this.#pending[0] === messageTagStart) return position;
      this.#expected = this.#judge(frames);
      if (this.#lost) return position;
    }
    const tooLong = this.#expected > this.#limit;
    position = this.#append(chunk, position, tooLong ? Math.min(this.#expected, headKept) : this.#expected);
    if (tooLong && this.#filled === Math.min(this.#expected, headKept)) {
      frames.push({ kind: 'too-long', length: this.#expected, head: this.#pending.slice(0, this.#filled) });
      this.#skipping = this.#expected - this.#filled;
      this.#reset();
    } else if (!tooLong && this.#filled === this.#expected) {
      frames.push(this.#pending.length === this.#filled ? this.#pending : this.#pending.slice(0, this.#filled));
      this.#reset();
    }
    return position;
  }

  /** Length of the message whose header is in `#pending`. */
  #judge(frames: FrameSink): number {
    const view = new DataView(this.#pending.buffer);
    const begins = this.#filled === headerLength && this.#pending[3] === ItemType.Structure ? view.getUint32(0) >>> 8 : 0;
    if (begins !== Tag.RequestMessage && begins !== Tag.ResponseMessage) {
      this.#lost = true;
      frames.push({ kind: 'lost', head: this.#pending.slice(0, this.#filled) });
      this.#reset();
      return 0;
    }
    return headerLength + view.getUint32(4);
  }

  /** Copies into `#pending` until it holds `wanted` bytes or the chunk ends. */
  #append(chunk: Uint8Array, position: number, wanted: number): number {
    const step = Math.min(wanted - this.#filled, chunk.length - position);
    if (this.#filled + step > this.#pending.length) {
      // Twice what came, so that a message in many pieces is not copied for each; never above what the message needs.
      const room = Math.min((this.#filled + step) * 2, wanted);
      // Not zeroed: nothing beyond `#filled` is ever looked at.
      const larger = new Uint8Array(Buffer.allocUnsafeSlow(room).buffer as ArrayBuffer);
      larger.set(this.#pending.subarray(0, this.#filled));
      this.#pending = larger;
    }
    this.#pending.set(chunk.subarray(position, position + step), this.#filled);
    this.#filled += step;
    return position + step;
  }

  #reset(): void {
    this.#pending = new Uint8Array(0);
    this.#filled = 0;
    this.#expected = 0;
  }
}
