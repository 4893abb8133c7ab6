/**
 * The admin token: 32 random bytes as text, of which the store keeps a hash only, and how a lost one is replaced by who has the
 * root key, and so has everything.
 *
 *   proof = HMAC-SHA-256(HKDF(root key), hash of the token as it is || hash of the next)
 *
 * Invariants: neither a token nor the root key travels when a token is replaced; a proof is good once, since after it the
 * token is another.
 */
import { createHash, createHmac, hkdfSync } from 'node:crypto';

/** The setting that holds the hash. */
export const adminTokenSetting = 'admin-token';
const tokenLength = 32;
export const tokenHashLength = 32;

/** A new token. Secret. */
export function newToken(random: (length: number) => Uint8Array): string {
  return Buffer.from(random(tokenLength)).toString('base64url');
}

/** What the store keeps of an admin token. It has 256 random bits, so one hash is enough. */
export function hashOfToken(token: string): Uint8Array {
  return new Uint8Array(createHash('sha256').update(token, 'utf8').digest());
}

/** Proves that one has the root key, for nothing else than to replace a token. Secret. */
export function tokenProofKey(rootKey: Uint8Array): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', rootKey, new Uint8Array(0), 'kmipd/admin-token', 32));
}

/** What who has the root key says to have one token replaced by the next. */
export function tokenProof(proofKey: Uint8Array, current: Uint8Array, next: Uint8Array): Uint8Array {
  return new Uint8Array(createHmac('sha256', proofKey).update(current).update(next).digest());
}
