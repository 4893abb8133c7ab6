/**
 * The few commands on scopes, roles and credentials that every control plane is made of (DESIGN §8).
 *
 * Each looks at the state, decides and returns the mutations that make it so; the caller commits them before it does anything
 * else (no await between), so that two callers cannot both find a name free. What a caller did wrong is a Fault with
 * one of the codes below, which the control plane turns into an HTTP status. Times are seconds since the epoch.
 */
import { Fault } from '../fault.ts';
import type { CredentialRecord, Mutation, RoleRecord, ScopeRecord } from '../storage/mutation.ts';
import type { ReadStore } from '../storage/store.ts';
import { clientLifetime } from './certificate-authority.ts';
import type { CertificateAuthority, CertifiedKey, KeyType } from './certificate-authority.ts';
import { factsOf } from './certificate-facts.ts';
import { allOperations, checkPermissions } from './policy.ts';

/** Names are parts of certificates, paths of URLs and metric labels: short, and of characters that mean nothing there. */
const nameForm = /^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/;
/** Days a client certificate may be asked for: the root's own life. */
const credentialDaysMax = 7300;

export interface IdentityPorts {
  /** Committed and pending state: `store.pending()` of the writing thread. */
  readonly store: ReadStore;
  readonly authority: Pick<CertificateAuthority, 'issueClient' | 'certificate'>;
  /** Seals a new scope's root key for its record (storage/key-ring.ts under the server's root key). */
  sealScopeRootKey(scope: string, scopeRootKey: Uint8Array): Uint8Array;
  random(length: number): Uint8Array;
  /** Seconds since the epoch. */
  now(): number;
}

export interface Made<T> {
  readonly record: T;
  readonly mutations: readonly Mutation[];
}

export interface MadeCredential extends Made<CredentialRecord> {
  /** PEM; the private key is secret, leaves the server once and is kept nowhere. */
  readonly pair: CertifiedKey;
}

export function createScope(ports: IdentityPorts, scope: string): Made<ScopeRecord> {
  checkName('Scope', scope);
  if (ports.store.scope(scope) !== undefined) throw new Fault('E_SCOPE_EXISTS', `Scope ${scope} exists already.`);
  const rootKey = ports.random(32);
  const record: ScopeRecord = { scope, sealedRootKey: ports.sealScopeRootKey(scope, rootKey), createdAt: ports.now() };
  rootKey.fill(0);
  return { record, mutations: [{ kind: 'scope-put', record }] };
}

export function createRole(ports: IdentityPorts, scope: string, role: string, permissions: readonly string[] = [allOperations]): Made<RoleRecord> {
  checkName('Role', role);
  presentScope(ports, scope);
  if (ports.store.role(scope, role) !== undefined) throw new Fault('E_ROLE_EXISTS', `Role ${role} of scope ${scope} exists already.`);
  return newRole(ports, scope, role, permissions);
}

export interface CredentialWish {
  readonly scope: string;
  readonly role: string;
  /** Make scope and role (with all operations) where they are missing. */
  readonly create?: boolean;
  readonly keyType?: KeyType;
  /** Days until the certificate ends. */
  readonly days?: number;
}

/** A new key and certificate, generated here. Asynchronous only while the key is made: state is looked at after it. */
export async function generateCredential(ports: IdentityPorts, wish: CredentialWish): Promise<MadeCredential> {
  const { scope, role, create = false, keyType = 'ec', days } = wish;
  checkName('Scope', scope);
  checkName('Role', role);
  if (days !== undefined && !(Number.isInteger(days) && days >= 1 && days <= credentialDaysMax)) {
    throw new Fault('E_CREDENTIAL', `A certificate can be valid for 1 to ${credentialDaysMax} days, not ${days}.`);
  }
  if (!create) presentRole(ports, scope, role);
  const now = ports.now();
  const pair = await ports.authority.issueClient(scope, role, keyType, now, now + (days === undefined ? clientLifetime : days * 24 * 60 * 60));
  const mutations: Mutation[] = [];
  if (create && ports.store.scope(scope) === undefined) mutations.push(...createScope(ports, scope).mutations);
  if (create && ports.store.role(scope, role) === undefined) mutations.push(...newRole(ports, scope, role, [allOperations]).mutations);
  const { names: _, ...facts } = factsOf(pair.certificate);
  const record: CredentialRecord = { ...facts, scope, role, createdAt: now };
  return { record, pair, mutations: [...mutations, { kind: 'credential-put', record }] };
}

/** Takes effect on live connections as well (server/). Revoking twice keeps the first date. */
export function revokeCredential(ports: Pick<IdentityPorts, 'store' | 'now'>, fingerprint: string): Made<CredentialRecord> {
  const known = ports.store.credential(fingerprint.toLowerCase());
  if (known === undefined) throw new Fault('E_CREDENTIAL_UNKNOWN', `No credential has the fingerprint ${JSON.stringify(fingerprint.slice(0, 64))}.`);
  if (known.revokedAt !== undefined) return { record: known, mutations: [] };
  const record = { ...known, revokedAt: ports.now() };
  return { record, mutations: [{ kind: 'credential-put', record }] };
}

/** Credentials of one scope, or of all. */
export function listCredentials(ports: Pick<IdentityPorts, 'store'>, scope?: string): readonly CredentialRecord[] {
  if (scope !== undefined) return ports.store.credentials(presentScope(ports, scope).scope);
  return ports.store.scopes().flatMap((record) => ports.store.credentials(record.scope));
}

export function presentScope(ports: Pick<IdentityPorts, 'store'>, scope: string): ScopeRecord {
  const record = ports.store.scope(scope);
  if (record === undefined) throw new Fault('E_SCOPE_UNKNOWN', `Scope ${JSON.stringify(scope.slice(0, 64))} does not exist.`);
  return record;
}

function presentRole(ports: Pick<IdentityPorts, 'store'>, scope: string, role: string): RoleRecord {
  presentScope(ports, scope);
  const record = ports.store.role(scope, role);
  if (record === undefined) throw new Fault('E_ROLE_UNKNOWN', `Role ${JSON.stringify(role.slice(0, 64))} does not exist in scope ${scope}.`);
  return record;
}

function newRole(ports: IdentityPorts, scope: string, role: string, permissions: readonly string[]): Made<RoleRecord> {
  checkPermissions(permissions);
  const record: RoleRecord = { scope, role, permissions: [...new Set(permissions)], createdAt: ports.now() };
  return { record, mutations: [{ kind: 'role-put', record }] };
}

function checkName(what: string, name: string): void {
  if (!nameForm.test(name)) {
    throw new Fault('E_NAME', `${what} ${JSON.stringify(name.slice(0, 64))} is no name: 1 to 63 letters, digits, dots, dashes and underscores, the first a letter or digit.`);
  }
}
