/**
 * From a client's certificate to a caller: the fingerprint finds the credential, the credential names scope and role.
 *
 * Invariant: a certificate says nothing by itself, whoever signed it: unknown, revoked and expired credentials are refused,
 * and so is one whose role is not there. Asked again whenever identities change, so that live connections end too.
 */
import type { Caller } from '../operations/context.ts';
import type { ReadStore } from '../storage/store.ts';
import { fingerprintOf } from './certificate-facts.ts';

export type Refusal = 'unknown' | 'revoked' | 'expired' | 'no-role';

/** `notAfter`: of the certificate, in seconds since the epoch. */
export type Identified = { readonly caller: Caller; readonly notAfter: number; readonly refusal?: undefined } | { readonly caller?: undefined; readonly refusal: Refusal };

/** What identities are read from. */
type IdentityRecords = Pick<ReadStore, 'credential' | 'role'>;

/** `certificate`: DER of the peer's certificate, undefined if it showed none; `now` in seconds since the epoch. */
export function identify(store: IdentityRecords, certificate: Uint8Array | undefined, now: number): Identified {
  return certificate === undefined ? { refusal: 'unknown' } : identifyFingerprint(store, fingerprintOf(certificate), now);
}

/** For a connection whose certificate is known already. */
export function identifyFingerprint(store: IdentityRecords, fingerprint: string, now: number): Identified {
  const credential = store.credential(fingerprint);
  if (credential === undefined) return { refusal: 'unknown' };
  if (credential.revokedAt !== undefined) return { refusal: 'revoked' };
  if (now > credential.notAfter) return { refusal: 'expired' };
  const role = store.role(credential.scope, credential.role);
  if (role === undefined) return { refusal: 'no-role' };
  return { caller: { scope: credential.scope, role: credential.role, permissions: role.permissions, credential: fingerprint }, notAfter: credential.notAfter };
}
