/**
 * Faults that come again and again while NATS elects or is away, told to the log once in a while.
 *
 * Invariant: the first of each code is told at once, later ones at most every `quietMs`, with how many there were.
 */
import type { Fault } from '../fault.ts';
import type { Log } from '../log.ts';

const quietMs = 10_000;

export class RepeatedFaults {
  readonly #log: Log;
  readonly #monotonic: () => number;
  readonly #codes = new Map<string, { toldAt: number; kept: number }>();

  constructor(log: Log, monotonic: () => number) {
    this.#log = log;
    this.#monotonic = monotonic;
  }

  tell(fault: Fault): void {
    const now = this.#monotonic();
    const known = this.#codes.get(fault.code);
    if (known !== undefined && now < known.toldAt + quietMs) {
      known.kept += 1;
      return;
    }
    this.#log.warn({ code: fault.code, reason: fault.message, ...(known !== undefined && known.kept > 0 && { alsoSince: known.kept }) }, 'NATS: something failed; it is tried again.');
    this.#codes.set(fault.code, { toldAt: now, kept: 0 });
  }
}
