/**
 * All that an operation may know of the world outside its request: no clock, no randomness, no I/O but these.
 *
 * The engine makes one context for each batch item; operations never see the engine.
 */
import type { Managed } from '../kmip/managed.ts';
import type { ProtocolVersion } from '../kmip/version.ts';
import type { KeyValue } from '../kmip/objects.ts';
import type { IdentifierReference, TtlvNode } from '../kmip/schema.ts';

/** Who asks: the scope owns every object the caller can see. */
export interface Caller {
  readonly scope: string;
  readonly role: string;
  readonly permissions: readonly string[];
  /** SHA-256 fingerprint of the client certificate, hex. */
  readonly credential: string;
}

export interface LocateTerm {
  readonly name: string;
  readonly value: unknown;
}

/** Objects of the caller's scope, with the changes of earlier items of the same message. */
export interface View {
  fetch(uniqueIdentifier: string): Managed | undefined;
  /** A superset of the objects for which all terms hold, in creation order or the opposite one; `isHeld`: destroyed ones may be left out. */
  candidates(terms: readonly LocateTerm[], how?: { readonly isHeld?: boolean; readonly newestFirst?: boolean }): AsyncIterable<Managed>;
  /** The same at once, where nobody has to be waited for; undefined: `candidates` has to be walked. */
  candidatesAtOnce(terms: readonly LocateTerm[], how?: { readonly isHeld?: boolean }): readonly Managed[] | undefined;
}

export interface CipherParameters {
  /** Cryptographic Algorithm value; AES when absent. */
  readonly algorithm?: number;
  /** Block Cipher Mode value; 0 where the algorithm has no modes. */
  readonly mode: number;
  /** Padding Method value (None, PKCS5). */
  readonly padding: number;
  /** Bytes of the authentication tag; 0 for modes without one. */
  readonly tagLength: number;
}

/** The ciphers, wherever they run. Failures of a cipher are KmipErrors. */
export interface CipherPort {
  encrypt(key: Uint8Array, parameters: CipherParameters, iv: Uint8Array, aad: Uint8Array, data: Uint8Array): { readonly data: Uint8Array; readonly mac: Uint8Array };
  decrypt(key: Uint8Array, parameters: CipherParameters, iv: Uint8Array, aad: Uint8Array, data: Uint8Array, mac: Uint8Array): Uint8Array;
  begin(key: Uint8Array, direction: 'encrypt' | 'decrypt', parameters: CipherParameters, iv: Uint8Array, aad: Uint8Array): Uint8Array;
  update(key: Uint8Array, state: Uint8Array, data: Uint8Array): { readonly state: Uint8Array; readonly data: Uint8Array };
  finish(key: Uint8Array, state: Uint8Array, data: Uint8Array, mac: Uint8Array): { readonly data: Uint8Array; readonly mac: Uint8Array };
}

/** Seals a stream's state into a Correlation Value that any worker of any node opens (DESIGN §4, Streaming). */
export interface StreamPort {
  seal(state: Uint8Array, binding: Uint8Array): Uint8Array;
  /** Undefined for a value that is changed, foreign or expired. */
  open(correlationValue: Uint8Array, binding: Uint8Array): Uint8Array | undefined;
}

/** TTLV bytes of values that are hashed or wrapped as bytes (KMIP 1.4 §2.1.4, §3.17). */
export interface EncodingPort {
  encodeItem(item: TtlvNode): Uint8Array;
  /** A whole Key Value structure, its attributes in the form of the version. */
  encodeKeyValue(keyValue: KeyValue, version: ProtocolVersion): Uint8Array;
  /** Throws a KmipError for bytes that are no Key Value structure. */
  decodeKeyValue(bytes: Uint8Array, version: ProtocolVersion): KeyValue;
}

export interface ServerFacts {
  readonly vendorIdentification: string;
  readonly serverVersion: string;
  readonly serverName: string;
}

export interface Context {
  readonly version: ProtocolVersion;
  /** Seconds since the epoch, one value for the whole message. */
  readonly now: number;
  readonly caller: Caller;
  readonly view: View;
  /** ID Placeholder as earlier items of the batch left it. */
  readonly placeholder: string | undefined;
  readonly ciphers: CipherPort;
  readonly streams: StreamPort;
  readonly encodings: EncodingPort;
  readonly server: ServerFacts;
  /** Operation values that the version has and the caller's Query may list. */
  operations(): readonly number[];
  random(length: number): Uint8Array;
  /** A fresh Unique Identifier (time-ordered UUID). */
  newUniqueIdentifier(): string;
  /** 12 bytes that no thread of any node has used or will use again. */
  uniqueNonce(): Uint8Array;
  /** The identifier a request means: its own text, the placeholder when absent; throws Item Not Found / Invalid Field as the clause says. */
  resolveIdentifier(requested: string | IdentifierReference | undefined): string;
  /** Data that an earlier item of the message put out, by operation or place (KMIP 2.1 §7.9); throws Invalid Field where there is none. */
  earlierData(reference: { readonly kind?: number; readonly place?: number }): Uint8Array;
  /** Fetches an object of the caller's scope or throws Item Not Found (Object Not Found in 2.x). */
  fetchManaged(requested: string | IdentifierReference | undefined): Managed;
  /**
   * True where mutations may be planned. An operation of effect `reads` or `computes` that finds it has to change
   * something (Usage Limits, Fresh) calls `needsPrimary()` when this is false: the engine then hands the whole
   * message to the writing thread.
   */
  readonly mayMutate: boolean;
  needsPrimary(): never;
}
