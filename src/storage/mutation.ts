/**
 * The closed list of state changes. A log entry, a LevelDB commit and a replica's replay hold these and nothing else.
 *
 * Invariant: a mutation holds every value that was decided when it was planned (time, identifiers, randomness, key
 * material), so applying it is pure: the same view and mutation give the same next state on every node.
 * Adding a kind breaks the build in `apply.ts` until it is handled.
 */
import type { Managed, Material } from '../kmip/managed.ts';
import type { StoredInstance } from '../kmip/attributes.ts';

/** A tenant: owner of objects, with a root key of its own. */
export interface ScopeRecord {
  readonly scope: string;
  /** 32-byte root key of the scope, sealed under the server's root key (envelope.ts). */
  readonly sealedRootKey: Uint8Array;
  readonly createdAt: number;
}

/** What a caller may do in a scope. Times of all identity records are seconds since the epoch. */
export interface RoleRecord {
  readonly scope: string;
  readonly role: string;
  /** Permission names (`operation_encrypt` …), or `operation_all`, or `operation_none`. */
  readonly permissions: readonly string[];
  readonly createdAt: number;
}

/** A client certificate bound to a role of a scope, found by the SHA-256 fingerprint (hex, lower case) of its DER form. */
export interface CredentialRecord {
  readonly fingerprint: string;
  readonly scope: string;
  readonly role: string;
  readonly serialNumber: string;
  readonly subject: string;
  readonly notAfter: number;
  readonly createdAt: number;
  readonly revokedAt?: number;
}

export type Mutation =
  /** A new object. Fails to apply (a bug) when the identifier exists. */
  | { readonly kind: 'managed-created'; readonly managed: Managed }
  /** The named attributes have these instances from now on; an empty list removes the attribute. */
  | { readonly kind: 'attributes-changed'; readonly scope: string; readonly uniqueIdentifier: string; readonly changes: readonly AttributeChange[] }
  /** The object's material is gone for ever; its attributes stay. */
  | { readonly kind: 'material-destroyed'; readonly scope: string; readonly uniqueIdentifier: string }
  /** The object gets (other) material: Import with replace, Re-key and kin. */
  | { readonly kind: 'material-replaced'; readonly scope: string; readonly uniqueIdentifier: string; readonly material: Material }
  | { readonly kind: 'scope-put'; readonly record: ScopeRecord }
  | { readonly kind: 'role-put'; readonly record: RoleRecord }
  | { readonly kind: 'credential-put'; readonly record: CredentialRecord }
  /** A named server-wide setting, sealed where secret: the stream key, the ticket key, the certificate authority. */
  | { readonly kind: 'setting-put'; readonly name: string; readonly value: Uint8Array }
  /** A thread of a node took the next nonce prefix: no other will ever get it (SP 800-38D §8.2.1 fixed field). */
  | { readonly kind: 'nonce-prefix-taken'; readonly prefix: number }
  /** Prefixes below `next` that were not taken never will be: a restored state cannot know which of them its server took meanwhile. */
  | { readonly kind: 'nonce-prefixes-skipped'; readonly next: number };

export interface AttributeChange {
  readonly name: string;
  readonly instances: readonly StoredInstance[];
}
