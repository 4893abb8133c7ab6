/**
 * Signals of the process: the first SIGTERM or SIGINT stops the node in order, the second ends it at once.
 *
 * Invariant: the process ends within `stopMarginMs` after the drain's own limit, whatever hangs: with code 0 when all
 * is on disk and closed, else with 1.
 */
import type { Log } from '../log.ts';

const exitInterrupted = 130;
const exitFailed = 1;
/** For what comes after the drain: the last commits, the threads, the admin port, the store. */
export const stopMarginMs = 4_000;

export function stopOnSignals(stop: () => Promise<void>, drainMs: number, log: Log): void {
  let stopping = false;
  const take = (signal: NodeJS.Signals): void => {
    if (stopping) {
      log.warn({ signal }, 'A second signal: ending at once.');
      process.exit(exitInterrupted);
    }
    stopping = true;
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
