/**
 * What was taken from the log and is not on the own disk yet: how much of it there may be.
 *
 *   log --- take ---> [ backlog: entries, bytes ] --- store syncs ---> applied
 *            ^                |
 *            +--- waits ------+   from the limit on, until half of it is applied
 *
 * Invariant: at most `takenEntriesMax` entries, and `takenBytesMax` bytes and the entry that crosses that. A slow disk, or a log that is read
 * faster than it can be written, costs time and a permit, not memory. What was pushed meanwhile is read from the log afterwards.
 */

export class Backlog {
  readonly #entriesMax: number;
  readonly #bytesMax: number;
  #lengths: number[] = [];
  #bytes = 0;
  #waits = false;

  constructor(limits: { readonly takenEntriesMax: number; readonly takenBytesMax: number }) {
    this.#entriesMax = limits.takenEntriesMax;
    this.#bytesMax = limits.takenBytesMax;
  }

  get entries(): number {
    return this.#lengths.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Nothing further is to be taken for now. */
  get waits(): boolean {
    return this.#waits;
  }

  take(length: number): void {
    this.#lengths.push(length);
    this.#bytes += length;
    this.#waits ||= this.entries >= this.#entriesMax || this.#bytes >= this.#bytesMax;
  }

  /** The oldest entries are on the disk. Returns whether taking begins again with that. */
  apply(count: number): boolean {
    for (const length of this.#lengths.splice(0, count)) this.#bytes -= length;
    if (!this.#waits || this.entries * 2 > this.#entriesMax || this.#bytes * 2 > this.#bytesMax) return false;
    this.#waits = false;
    return true;
  }
}
