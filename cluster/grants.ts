/**
 * Usage Limits without a hop: the primary takes a share of a key's uses out of the replicated count, once and durably, and the node
 * spends the share alone.
 *
 *   replicated count 1000 --grant 64 (a proposal)--> 936        node: ledger +64, spend 1, 1, 1 ...
 *
 * Invariant: what nodes spend never exceeds what was taken out, and each grant is taken out exactly once, since it is a proposal.
 * A share lives in the memory of one process: a crash loses what is unspent, and a limit is then reached early, never late.
 * Spending asks for a permit like any read, so no share outlives a Revoke.
 */

/** Smallest and largest share of one grant, in units of the limit. */
export const shareMin = 1;
export const shareMax = 1024;

/**
 * How many units to ask for. A node may hold a small part of what is left, so that the nodes together strand little; a node that
 * has just asked and spends fast asks for more.
 */
export function shareSize(left: number, nodes: number, lastShare: number, spentFast: boolean): number {
  const wanted = spentFast ? lastShare * 2 : Math.max(shareMin, lastShare);
  const fair = Math.floor(left / (4 * Math.max(1, nodes)));
  return Math.max(shareMin, Math.min(wanted, fair, shareMax));
}

export class GrantLedger {
  readonly #units = new Map<string, number>();

  available(key: string): number {
    return this.#units.get(key) ?? 0;
  }

  /** Call once for each grant that was answered. */
  add(key: string, units: number): void {
    this.#units.set(key, this.available(key) + units);
  }

  /** Takes the units if they are there; all or nothing. */
  spend(key: string, units: number): boolean {
    const available = this.available(key);
    if (units > available) return false;
    this.#units.set(key, available - units);
    return true;
  }

  /** The key is revoked or gone. */
  drop(key: string): void {
    this.#units.delete(key);
  }
}
