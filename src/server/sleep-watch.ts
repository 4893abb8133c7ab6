/**
 * Notices that the machine was suspended while its monotonic clock stood still (CLOCK_MONOTONIC does, on Linux): what was counted by
 * that clock has then lasted longer than it says, and a permit (cluster/DESIGN.md) could be over without the node knowing.
 *
 * The sign is a wall clock that has run ahead of the monotonic one. An administrator who sets the clock forward looks the
 * same, and costs a permit that is asked for again. A machine that wakes with its wall clock standing still is not noticed.
 */
import type { Clock } from '../clock.ts';

/** The wall clock has run ahead by more than this: no daemon slews that much between two looks. */
export const sleptMs = 500;
/** How much faster than the monotonic clock the wall clock may go: daemons slew it by half of this. */
const slewRate = 0.001;
/** Between the two clocks of one look the thread may have been set aside: looked at again, as often as this. */
const looksMax = 3;

export class SleepWatch {
  readonly #clock: Clock;
  #reference: number;
  #lookedAt: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#lookedAt = clock.monotonic();
    this.#reference = clock.now() - this.#lookedAt;
  }

  /** Wall minus monotonic time, in milliseconds, that is known to hold no sleep since the watch began or last told of one. */
  get reference(): number {
    return this.#reference;
  }

  /** Whether the machine seems to have slept since the last call, or to have slept again and again for shorter times. */
  slept(): boolean {
    for (let looks = 1; ; looks += 1) {
      const now = this.#clock.monotonic();
      const offset = this.#clock.now() - now;
      if (offset - this.#reference > sleptMs) {
        if (looks < looksMax) continue;
        this.#reference = offset;
        this.#lookedAt = now;
        return true;
      }
      this.#reference = Math.min(offset, this.#reference + (now - this.#lookedAt) * slewRate);
      this.#lookedAt = now;
      return false;
    }
  }
}
