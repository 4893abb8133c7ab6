/**
 * Nonces that the planner makes: under a prefix taken by the first work of a tenure that needs one.
 *
 * Invariant: `toTake` stays until a work that carries it has been planned; after `forget` (what was planned and is not in the
 * log is forgotten) the prefix in use is never used again.
 */
import { nonceSource } from '../random.ts';
import type { NonceSource } from '../random.ts';

export class PlannerNonces {
  readonly #nextPrefix: () => number;
  #current: NonceSource | undefined;
  #taken = false;
  readonly source: NonceSource;

  constructor(nextPrefix: () => number) {
    this.#nextPrefix = nextPrefix;
    const current = (): NonceSource => (this.#current ??= nonceSource(this.#nextPrefix()));
    this.source = Object.defineProperty(Object.assign(() => current()(), { prefix: 0, take: (count: number) => current().take(count) }), 'prefix', { get: () => current().prefix });
  }

  /** The prefix that the next work has to take: it has been used and no work has taken it yet. */
  get toTake(): number | undefined {
    return this.#taken ? undefined : this.#current?.prefix;
  }

  taken(): void {
    this.#taken = true;
  }

  forget(): void {
    this.#current = undefined;
    this.#taken = false;
  }
}
