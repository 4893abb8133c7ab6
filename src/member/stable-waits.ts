/**
 * Reads on the main thread that wait until what they may have seen is stable.
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
}
