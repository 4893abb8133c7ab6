/**
 * A worker's line to the writing thread: whole messages over, answers back, matched by number.
 *
 * Invariant: every `plan` is settled once: by the writing thread, which answers all it was sent, also at overload.
 * Message bytes are copied out of the socket's chunk first: cloning a view would clone the whole chunk.
 */
import type { Answer } from './engine-port.ts';

export interface PlanMessage {
  readonly kind: 'plan';
  readonly id: number;
  readonly message: Uint8Array;
  readonly credential: string;
}

export interface PlannedMessage {
  readonly kind: 'planned';
  readonly id: number;
  readonly answer: Answer;
}

export class PrimaryLink {
  readonly #post: (message: PlanMessage, transfer: ArrayBuffer[]) => void;
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  #nextId = 1;

  constructor(post: (message: PlanMessage, transfer: ArrayBuffer[]) => void) {
    this.#post = post;
  }

  plan(message: Uint8Array, credential: string): Promise<Answer> {
    return new Promise((resolve) => {
      const id = this.#nextId;
      this.#nextId += 1;
      this.#waiting.set(id, resolve);
      const copy = new Uint8Array(message);
      this.#post({ kind: 'plan', id, message: copy, credential }, [copy.buffer]);
    });
  }

  receive({ id, answer }: PlannedMessage): void {
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.(answer);
  }
}

/** Bytes in an array buffer of their own, fit to be transferred to another thread. */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
  return whole ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}
