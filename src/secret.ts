/**
 * Handling of secrets in JavaScript memory: wiping and comparing.
 *
 * Invariant: comparing takes the same time whatever the contents; lengths are not secret. Wiping is best effort:
 * the collector may have moved a copy, so secrets live in Uint8Arrays and never in strings where that can be helped.
 */
import { createHash, timingSafeEqual } from 'node:crypto';

/** Overwrites the bytes with zeros. */
export function wipe(...arrays: readonly (Uint8Array | undefined)[]): void {
  for (const bytes of arrays) bytes?.fill(0);
}

/** Whether two secrets are the same; for any lengths in the time of a hash of each. */
export function secretsEqual(left: Uint8Array | string, right: Uint8Array | string): boolean {
  return timingSafeEqual(createHash('sha256').update(left).digest(), createHash('sha256').update(right).digest());
}
