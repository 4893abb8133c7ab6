/**
 * The newest entries a node has taken, void ones as well, byte for byte as the log had them.
 *
 * Invariant: contiguous, ends at the last entry taken, at most `max` entries. It is what puts a lost tail of the log back
 * and what tells that an entry of the log is another than the one taken here.
 */
import type { Logged } from './entry.ts';

export class Tail {
  readonly #max: number;
  #entries: Logged[] = [];
  /** Sequence of the first entry kept. */
  #first = 1;

  constructor(max: number, last: number, entries: readonly Logged[] = []) {
    this.#max = max;
    this.#entries = [...entries];
    this.#first = last - entries.length + 1;
  }

  get first(): number {
    return this.#first;
  }

  get last(): number {
    return this.#first + this.#entries.length - 1;
  }

  at(sequence: number): Logged | undefined {
    return this.#entries[sequence - this.#first];
  }

  push(logged: Logged): void {
    this.#entries.push(logged);
    // Drops half at once: dropping one at a time would move the whole array for each entry.
    if (this.#entries.length > this.#max * 2) {
      this.#first += this.#entries.length - this.#max;
      this.#entries = this.#entries.slice(-this.#max);
    }
  }

  /** Entries from the sequence on, at most `count`; none where the first wanted is not kept any more. */
  from(sequence: number, count: number): readonly Logged[] {
    if (sequence < this.#first) return [];
    return this.#entries.slice(sequence - this.#first, sequence - this.#first + count);
  }
}
