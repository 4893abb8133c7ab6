/**
 * Tells the operator when the cluster's log has lost more than this node can put back (cluster/DESIGN.md, Log): nothing changes any more
 * until somebody has looked, so it is told at once and again and again.
 */
import type { Log } from '../log.ts';

const againMs = 60_000;

export class LogWatch {
  readonly #log: Log;
  readonly #monotonic: () => number;
  #toldAt: number | undefined;

  constructor(log: Log, monotonic: () => number) {
    this.#log = log;
    this.#monotonic = monotonic;
  }

  /** `lost`: entries that are lost as the protocol knows now; 0: none. */
  look(lost: number): void {
    const now = this.#monotonic();
    if (lost > 0 && (this.#toldAt === undefined || now >= this.#toldAt + againMs)) {
      this.#log.error({ entries: lost }, 'The log in NATS has lost entries that this node cannot put back: a node that has them has to start, or an operator decides which state to go on from.');
      this.#toldAt = now;
    } else if (lost === 0 && this.#toldAt !== undefined) {
      this.#log.info({}, 'The log in NATS is whole again.');
      this.#toldAt = undefined;
    }
  }
}
