/**
 * A worker's line to the writing thread: whole messages over, answers back, matched by number.
 *
 * Invariants: every `plan` is settled once: by the writing thread, which answers all it was sent, also at overload. What one
 * turn of the event loop brings goes over together: waking the other thread costs more than the message. Long bytes
 * are handed over, short ones are copied, which is cheaper; a view is copied out of the socket's chunk first, since all of
 * the chunk would go with it.
 */
import type { Answer } from './engine-port.ts';

/** From here on bytes are transferred. */
const transferBytesMin = 16 * 1024;

export interface Plan {
  readonly id: number;
  readonly message: Uint8Array;
  readonly credential: string;
}

export interface PlanMessage extends Plan {
  readonly kind: 'plan';
  /** Those of the same turn, in order. */
  readonly following?: readonly Plan[];
}

export interface Planned {
  readonly id: number;
  readonly answer: Answer;
}

export interface PlannedMessage extends Planned {
  readonly kind: 'planned';
  readonly following?: readonly Planned[];
}

export class PrimaryLink {
  readonly #waiting = new Map<number, (answer: Answer) => void>();
  readonly #plans: Gathering<Plan>;
  #nextId = 1;

  constructor(post: (message: PlanMessage, transfer: ArrayBuffer[]) => void) {
    // Data of other sockets that is there already is read before an immediate runs.
    this.#plans = new Gathering(setImmediate, ([first, ...following], transfer) => post({ kind: 'plan', ...first, ...(following.length > 0 && { following }) }, transfer));
  }

  plan(message: Uint8Array, credential: string): Promise<Answer> {
    return new Promise((resolve) => {
      const id = this.#nextId;
      this.#nextId += 1;
      this.#waiting.set(id, resolve);
      const copy = new Uint8Array(message);
      this.#plans.add({ id, message: copy, credential }, copy);
    });
  }

  receive(planned: PlannedMessage): void {
    this.#settle(planned);
    for (const each of planned.following ?? []) this.#settle(each);
  }

  #settle({ id, answer }: Planned): void {
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.(answer);
  }
}

/** The writing thread's end of a line: the answers of one commit go back together. */
export class AnswerLine {
  readonly #answers: Gathering<Planned>;

  constructor(post: (message: PlannedMessage, transfer: ArrayBuffer[]) => void) {
    // Answers of one commit settle in the same round of microtasks; planning the next message must not hold them up.
    this.#answers = new Gathering(queueMicrotask, ([first, ...following], transfer) => post({ kind: 'planned', ...first, ...(following.length > 0 && { following }) }, transfer));
  }

  answer(id: number, { response, items, version }: Answer): void {
    const bytes = ownBytes(response);
    this.#answers.add({ id, answer: { response: bytes, items, version } }, bytes);
  }
}

class Gathering<T> {
  readonly #later: (run: () => void) => unknown;
  readonly #post: (gathered: readonly [T, ...T[]], transfer: ArrayBuffer[]) => void;
  #gathered: T[] = [];
  #transfer: ArrayBuffer[] = [];

  constructor(later: (run: () => void) => unknown, post: (gathered: readonly [T, ...T[]], transfer: ArrayBuffer[]) => void) {
    this.#later = later;
    this.#post = post;
  }

  add(element: T, bytes: Uint8Array<ArrayBuffer>): void {
    if (bytes.length >= transferBytesMin) this.#transfer.push(bytes.buffer);
    this.#gathered.push(element);
    if (this.#gathered.length === 1) this.#later(() => this.#flush());
  }

  #flush(): void {
    const [gathered, transfer] = [this.#gathered, this.#transfer];
    this.#gathered = [];
    this.#transfer = [];
    this.#post(gathered as [T, ...T[]], transfer);
  }
}

/** Bytes in an array buffer of their own, fit to be transferred to another thread. */
export function ownBytes(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer;
  return whole ? (bytes as Uint8Array<ArrayBuffer>) : new Uint8Array(bytes);
}
