/**
 * The clocks of a process: wall time for what KMIP dates, monotonic time for what is measured.
 *
 * Invariant: no other file of the server asks the system for the time; who needs it is given a clock, so that a test
 * can give another. Time-outs and latencies never use wall time, which an administrator may set back.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds, with fractions, from an arbitrary start; never goes back. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};
