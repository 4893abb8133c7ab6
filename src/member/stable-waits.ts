/**
 * Reads on the main thread that wait until what they may have seen is stable.
 *
 * Invariant: a number counts in the history that it was seen in only. When that is given up all who wait are sent away: the next
 * history has another entry at the same number, and is stable up to it before long.
 */

/** A read that is not stable after this long goes to the primary. */
const waitMs = 1_000;

interface Wait {
  readonly sequence: number;
  settle(isStable: boolean): void;
}

export class StableWaits {
  readonly #waits = new Set<Wait>();

  /** True when all up to the sequence is stable, false when the time is over. */
  until(sequence: number): Promise<boolean> {
    return new Promise((resolve) => {
      const wait: Wait = {
        sequence,
        settle: (isStable) => {
          clearTimeout(timer);
          this.#waits.delete(wait);
          resolve(isStable);
        },
      };
      const timer = setTimeout(() => wait.settle(false), waitMs);
      this.#waits.add(wait);
    });
  }

  stable(sequence: number): void {
    for (const wait of this.#waits) if (wait.sequence <= sequence) wait.settle(true);
  }

  /** The history is given up, or the node ends. */
  discard(): void {
    for (const wait of this.#waits) wait.settle(false);
  }
}
