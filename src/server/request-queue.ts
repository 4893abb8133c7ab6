/**
 * The requests of a connection that are read and not begun, each with the time when its last byte came.
 *
 * Invariant: a ring that grows, so that a request costs no object and no move of others, and nothing holds a request that was taken.
 * It is bounded by whoever fills it: a connection stops reading at its limits.
 */
import type { RefusedFrame } from '../codec/frame.ts';

export type Request = Uint8Array | RefusedFrame;

/** A power of two: most connections have one request at a time. */
const capacityFirst = 4;

export class RequestQueue {
  /** The time of those that are pushed next. */
  now = 0;
  /** When the request that was taken last had come. */
  arrivedAt = 0;
  #requests = new Array<Request | undefined>(capacityFirst).fill(undefined);
  #arrivals = new Array<number>(capacityFirst).fill(Number.NaN);
  #head = 0;
  #count = 0;

  get length(): number {
    return this.#count;
  }

  push(request: Request): void {
    if (this.#count === this.#requests.length) this.#grow();
    const at = (this.#head + this.#count) & (this.#requests.length - 1);
    this.#requests[at] = request;
    this.#arrivals[at] = this.now;
    this.#count += 1;
  }

  /** The oldest. Only while there is one. */
  take(): Request {
    const at = this.#head;
    const request = this.#requests[at]!;
    this.arrivedAt = this.#arrivals[at]!;
    this.#requests[at] = undefined;
    this.#head = (at + 1) & (this.#requests.length - 1);
    this.#count -= 1;
    return request;
  }

  #grow(): void {
    const { length } = this.#requests;
    const requests = new Array<Request | undefined>(length * 2).fill(undefined);
    const arrivals = new Array<number>(length * 2).fill(Number.NaN);
    for (let index = 0; index < length; index += 1) {
      const at = (this.#head + index) & (length - 1);
      requests[index] = this.#requests[at];
      arrivals[index] = this.#arrivals[at]!;
    }
    this.#requests = requests;
    this.#arrivals = arrivals;
    this.#head = 0;
  }
}

/** Of a request in memory; what is refused was not kept. */
export function bytesOf(request: Request): number {
  return request instanceof Uint8Array ? request.length : 0;
}
