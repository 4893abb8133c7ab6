/**
 * Signals of the process: the first SIGTERM or SIGINT stops the node in order, a later one ends it at once. One that comes
 * right behind the first is the same: a supervisor signals the whole group, and npm or timeout pass theirs on as well.
 *
 * Invariant: the process ends within `stopMarginMs` after the drain's own limit, whatever hangs: with code 0 when all
 * is on disk and closed, else with 1.
 */
import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';

/** Within this time of the first signal others are taken for its echo. */
const echoMs = 1_000;
const exitInterrupted = 130;
const exitFailed = 1;
/** For what comes after the drain: the last commits, the threads, the admin port, the store. */
const stopMarginMs = 4_000;

export function stopOnSignals(stop: () => Promise<void>, drainMs: number, log: Log, clock: Clock = systemClock): void {
  let firstAt: number | undefined;
  const take = (signal: NodeJS.Signals): void => {
    const now = clock.monotonic();
    if (firstAt !== undefined) {
      if (now - firstAt < echoMs) return;
      log.warn({ signal }, 'A second signal: ending at once.');
      process.exit(exitInterrupted);
    }
    firstAt = now;
    log.info({ signal }, 'Stopping: no new connections, answering what was read.');
    setTimeout(() => {
      log.fatal({}, 'Stopping in order took too long.');
      process.exit(exitFailed);
    }, drainMs + stopMarginMs).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.fatal({ error }, 'Stopping in order failed.');
        process.exit(exitFailed);
      },
    );
  };
  process.on('SIGTERM', take);
  process.on('SIGINT', take);
}
