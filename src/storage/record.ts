/**
 * Records: the units of state. One mutation changes exactly one record; one record is one LevelDB value.
 *
 *   managed      scope + unique identifier     the object with its attributes, and its place in the order of creation
 *   scope, role  their names                   credential   fingerprint
 *   setting      name                          nonces       the next nonce prefix
 *
 * An address names a record without its content. Format: CBOR of the record less what the address says (decision 0003).
 */
import type { Managed } from '../kmip/managed.ts';
import { decode, encode, withEncoded } from './cbor.ts';
import type { CredentialRecord, RoleRecord, ScopeRecord } from './mutation.ts';

/** Number of the format of records and paths. A change of either adds one, and a step to `migrations` (level-format.ts). */
export const storageFormat = 2;

export type StateRecord =
  | { readonly kind: 'managed'; readonly managed: Managed; /** Order of creation: write set × 2^16 + place in it. */ readonly ordinal: number }
  | { readonly kind: 'scope'; readonly record: ScopeRecord }
  | { readonly kind: 'role'; readonly record: RoleRecord }
  | { readonly kind: 'credential'; readonly record: CredentialRecord }
  | { readonly kind: 'setting'; readonly name: string; readonly value: Uint8Array }
  | { readonly kind: 'nonces'; readonly next: number };

export type RecordKind = StateRecord['kind'];

export interface Address {
  readonly kind: RecordKind;
  /** Empty for what belongs to the server. */
  readonly scope: string;
  readonly identifier: string;
}

export function addressOf(record: StateRecord): Address {
  switch (record.kind) {
    case 'managed':
      return { kind: 'managed', scope: record.managed.scope, identifier: record.managed.uniqueIdentifier };
    case 'scope':
      return { kind: 'scope', scope: '', identifier: record.record.scope };
    case 'role':
      return { kind: 'role', scope: record.record.scope, identifier: record.record.role };
    case 'credential':
      return { kind: 'credential', scope: '', identifier: record.record.fingerprint };
    case 'setting':
      return { kind: 'setting', scope: '', identifier: record.name };
    case 'nonces':
      return noncesAddress;
  }
}

export const noncesAddress: Address = { kind: 'nonces', scope: '', identifier: '' };

/** The address as one text, for maps: parts are told apart by their lengths. */
export function addressText(address: Address): string {
  return `${address.kind} ${address.scope.length} ${address.scope} ${address.identifier}`;
}

/** The list that a record is counted in, if any, and the scope whose list it is. */
export function listingOf(record: StateRecord): Address | undefined {
  switch (record.kind) {
    case 'scope':
      return { kind: 'scope', scope: '', identifier: '' };
    case 'role':
      return { kind: 'role', scope: record.record.scope, identifier: '' };
    case 'credential':
      return { kind: 'credential', scope: record.record.scope, identifier: '' };
    default:
      return undefined;
  }
}

/** Bytes of a record (secret: they hold key material). The caller wipes them. */
export function encodeRecord(record: StateRecord): Uint8Array {
  return encode(record);
}

/** As `encodeRecord`, without a copy: the bytes are there until `use` returns. */
export function withRecordBytes<Result>(record: StateRecord, use: (bytes: Uint8Array) => Result): Result {
  return withEncoded(record, use);
}

/** A record from bytes that the envelope has authenticated, which is why their shape is taken as it is. */
export function decodeRecord(bytes: Uint8Array): StateRecord {
  return decode(bytes) as StateRecord;
}
