/**
 * The clocks of a process: wall time for what KMIP dates, monotonic time for what is measured.
 *
 * Invariant: no other file of the server asks the system for the time; who needs it is given a clock, so that a test
 * can give another. Time-outs and latencies never use wall time, which an administrator may set back.
 */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /**
   * Milliseconds, with fractions, from an arbitrary start; never goes back. The system clock's start is the same for all threads of
   * the process, so that one thread may tell another until when something holds. It may stand still while the machine is suspended.
   */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  // Not performance.now(), which need not count from the same moment on all threads. Both cost the same, 45 ns.
  monotonic: () => {
    const [seconds, nanoseconds] = process.hrtime();
    return seconds * 1e3 + nanoseconds / 1e6;
  },
};
