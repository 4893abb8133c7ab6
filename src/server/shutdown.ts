/**
 * Signals of the process: the first SIGTERM or SIGINT stops the node in order, the second ends it at once.
 */
import type { Log } from '../log.ts';

const exitInterrupted = 130;
const exitFailed = 1;

/** Resolves never: the process ends with code 0 when `stop` has finished, with 1 when it failed. */
export function stopOnSignals(stop: () => Promise<void>, log: Log): void {
  let stopping = false;
  const take = (signal: NodeJS.Signals): void => {
    if (stopping) {
      log.warn({ signal }, 'A second signal: ending at once.');
      process.exit(exitInterrupted);
    }
    stopping = true;
    log.info({ signal }, 'Stopping: no new connections, answering what was read.');
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
