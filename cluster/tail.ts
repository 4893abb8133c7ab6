/**
 * The newest entries a node has taken, void ones as well, byte for byte as the log had them.
 *
 *   #entries  [ dropped ... | first ............ last ]      dropped places are cut off now and then, not one by one
 *
 * Invariant: contiguous, ends at the last entry taken, at most `entriesMax` entries and `bytesMax` bytes, but the last entry in any
 * case. It is what puts a lost tail of the log back and what tells that an entry of the log is another than the one taken here.
 */
import type { Logged } from './entry.ts';

export class Tail {
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  #entries: (Logged | undefined)[] = [];
  #dropped = 0;
  /** Sequence of the place `#entries[0]`. */
  #base: number;
  #bytes = 0;

  constructor(limits: { readonly tailEntries: number; readonly tailBytesMax: number }, last: number, entries: readonly Logged[] = []) {
    this.#entriesMax = limits.tailEntries;
    this.#bytesMax = limits.tailBytesMax;
    this.#base = last - entries.length + 1;
    for (const logged of entries) this.push(logged);
  }

  get first(): number {
    return this.#base + this.#dropped;
  }

  get last(): number {
    return this.#base + this.#entries.length - 1;
  }

  at(sequence: number): Logged | undefined {
    return this.#entries[sequence - this.#base];
  }

  push(logged: Logged): void {
    this.#entries.push(logged);
    this.#bytes += logged.bytes.length;
    for (let kept = this.#entries.length - this.#dropped; kept > 1 && (kept > this.#entriesMax || this.#bytes > this.#bytesMax); kept -= 1) {
      this.#bytes -= this.#entries[this.#dropped]!.bytes.length;
      this.#entries[this.#dropped] = undefined;
      this.#dropped += 1;
    }
    if (this.#dropped <= this.#entriesMax) return;
    this.#entries = this.#entries.slice(this.#dropped);
    this.#base += this.#dropped;
    this.#dropped = 0;
  }

  /** Entries from the sequence on, at most `count` and, but for the first, `bytes`; none where the first wanted is not kept any more. */
  from(sequence: number, count: number, bytes: number): readonly Logged[] {
    if (sequence < this.first) return [];
    const found: Logged[] = [];
    let length = 0;
    for (let logged = this.at(sequence); logged !== undefined && found.length < count; logged = this.at(sequence + found.length)) {
      length += logged.bytes.length;
      if (found.length > 0 && length > bytes) break;
      found.push(logged);
    }
    return found;
  }
}
