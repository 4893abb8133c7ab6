/**
 * Encrypt and Decrypt as one course of events, in one part or many (KMIP 1.4 §4, "multi-part cryptographic operations").
 *
 *     Init Indicator ── begin ──> Correlation Value ── update ──> … ── Final Indicator: finish ──> (tag)
 *
 * Invariant: the key's state, dates, mask and limits are checked at each part: a key revoked in mid-stream ends the
 * stream. GCM decryption in parts hands out plaintext that no tag has vouched for yet, so a role has to allow it by name.
 */
import { createHash } from 'node:crypto';
import { BlockCipherMode, CryptographicAlgorithm } from '../kmip/enums.ts';
import type { Managed } from '../kmip/managed.ts';
import { cryptographicParameters } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import type { Infer } from '../kmip/schema.ts';
import { boolean, byteString, enumeration, identifier, integer, optional } from '../kmip/schema.ts';
import type { Mutation } from '../storage/mutation.ts';
import { algorithmOf, chosenParameters, cipherParameters, initialVector, usableKey } from './cipher-request.ts';
import type { Direction } from './cipher-request.ts';
import type { CipherParameters, Context } from './context.ts';
import { otherParameters, otherVector } from './other-ciphers.ts';
import { openStream, sealStream, unknownStream } from './stream-state.ts';
import type { StreamState } from './stream-state.ts';
import { countUsage } from './usage-limits.ts';

/** Permission of a role whose clients may decrypt GCM in parts; `operation_all` does not hold it. */
export const unverifiedStreamPermission = 'decrypt_unverified_stream';
/** First version with Correlation Value, Init and Final Indicator. */
const firstStreamVersion = 13;
const empty = new Uint8Array(0);

/** Request fields that both operations have, in the specification's order. */
export const cipherFields = {
  uniqueIdentifier: optional(identifier),
  cryptographicParameters: optional(cryptographicParameters, { doc: 'When absent, the first ones among the key\'s attributes.' }),
  data: optional(byteString, { doc: 'Required unless in parts.' }),
  dataOfOperation: optional(enumeration('Data'), { tag: 'Data', since: 20, doc: 'In place of Data: what the last such operation of the batch put out.' }),
  dataOfPlace: optional(integer, { tag: 'Data', since: 20, doc: 'In place of Data: the n-th that the batch put out, or backwards from here.' }),
  ivCounterNonce: optional(byteString, { tag: 'IVCounterNonce' }),
  correlationValue: optional(byteString, { since: 13, doc: 'Of the part before, for every part but the first.' }),
  initIndicator: optional(boolean, { since: 13, doc: 'True on the first of many parts.' }),
  finalIndicator: optional(boolean, { since: 13, doc: 'True on the last of many parts.' }),
  authenticatedEncryptionAdditionalData: optional(byteString, { since: 14, doc: 'ChaCha20Poly1305; GCM with the first part.' }),
};

interface CipherRequest {
  readonly uniqueIdentifier?: Infer<typeof identifier>;
  readonly cryptographicParameters?: Infer<typeof cryptographicParameters>;
  readonly data?: Uint8Array;
  readonly dataOfOperation?: number;
  readonly dataOfPlace?: number;
  readonly ivCounterNonce?: Uint8Array;
  readonly correlationValue?: Uint8Array;
  readonly initIndicator?: boolean;
  readonly finalIndicator?: boolean;
  readonly authenticatedEncryptionAdditionalData?: Uint8Array;
  readonly authenticatedEncryptionTag?: Uint8Array;
}

export interface CipherOutcome {
  readonly response: {
    readonly uniqueIdentifier: string;
    readonly data?: Uint8Array;
    readonly ivCounterNonce?: Uint8Array;
    readonly correlationValue?: Uint8Array;
    readonly authenticatedEncryptionTag?: Uint8Array;
  };
  readonly mutations: readonly Mutation[];
}

export function runCipher(context: Context, direction: Direction, request: CipherRequest): CipherOutcome {
  if (request.correlationValue !== undefined) return continueStream(context, direction, request, request.correlationValue);
  const managed = context.fetchManaged(request.uniqueIdentifier);
  const key = usableKey(context, managed, direction);
  const chosen = chosenParameters(managed, request.cryptographicParameters);
  const algorithm = algorithmOf(managed)!;
  const other = algorithm === CryptographicAlgorithm.AES ? undefined : otherParameters(context, algorithm, chosen);
  const parameters = other ?? cipherParameters(context, chosen);
  const mac = isAuthenticated(parameters) ? request.authenticatedEncryptionTag : undefined;
  if (mac !== undefined) requireTag(mac, parameters.tagLength);
  const aad = request.authenticatedEncryptionAdditionalData ?? empty;
  if (!isAuthenticated(parameters) && aad.length > 0) throw new KmipError('BadCryptographicParameters', 'Authenticated Encryption Additional Data goes with GCM and ChaCha20Poly1305 only', 'InvalidField');
  const iv = request.ivCounterNonce;
  const vector = other === undefined ? initialVector(context, direction, chosen, iv) : otherVector(context, direction, other, chosen, iv, key.length);
  const inParts = request.initIndicator === true && request.finalIndicator !== true;
  const given = dataOf(context, request);
  if (!inParts && given === undefined) throw new KmipError('InvalidMessage', 'Data is missing; it is required unless the operation is in parts');
  const data = given ?? empty;
  const bytesLeft = take(parameters, vector.bytesMax, data.length);
  const made = vector.made ? { ivCounterNonce: vector.nonce ?? vector.iv } : {};
  const { uniqueIdentifier } = managed;
  if (inParts) {
    requireStreaming(context, direction, parameters);
    const mutations = countUses(context, direction, managed, data.length, 1);
    const begun = context.ciphers.begin(key, direction, parameters, vector.iv, aad);
    const { state: cipher, data: output } = context.ciphers.update(key, begun, data);
    const begunWith = ivDigest(request.ivCounterNonce ?? vector.nonce ?? vector.iv);
    const state: StreamState = { direction, parameters, uniqueIdentifier, part: 1, ivDigest: begunWith, bytesLeft, mac: mac ?? empty, cipher };
    return { response: { uniqueIdentifier, ...someData(output), ...made, correlationValue: sealStream(context, state) }, mutations };
  }
  if (direction === 'decrypt') {
    if (isAuthenticated(parameters)) requireTag(mac, parameters.tagLength);
    return { response: { uniqueIdentifier, data: context.ciphers.decrypt(key, parameters, vector.iv, aad, data, mac ?? empty) }, mutations: [] };
  }
  const mutations = countUses(context, direction, managed, data.length, 1);
  const output = context.ciphers.encrypt(key, parameters, vector.iv, aad, data);
  return { response: { uniqueIdentifier, data: output.data, ...made, ...tagOf(isAuthenticated(parameters), output.mac) }, mutations };
}

function continueStream(context: Context, direction: Direction, request: CipherRequest, correlationValue: Uint8Array): CipherOutcome {
  if (request.initIndicator === true) throw new KmipError('InvalidField', 'a part has a Correlation Value or the Init Indicator, not both');
  const state = openStream(context, direction, correlationValue);
  const { uniqueIdentifier, parameters } = state;
  if (request.uniqueIdentifier !== undefined && context.resolveIdentifier(request.uniqueIdentifier) !== uniqueIdentifier) throw unknownStream();
  requireStreaming(context, direction, parameters);
  requireUnchanged(request, state);
  const managed = context.fetchManaged(uniqueIdentifier);
  const key = usableKey(context, managed, direction);
  const data = dataOf(context, request) ?? empty;
  const bytesLeft = take(parameters, state.bytesLeft, data.length);
  const mutations = countUses(context, direction, managed, data.length, 0);
  if (request.finalIndicator !== true) {
    const { state: cipher, data: output } = context.ciphers.update(key, state.cipher, data);
    const next = sealStream(context, { ...state, part: state.part + 1, bytesLeft, cipher });
    return { response: { uniqueIdentifier, ...someData(output), correlationValue: next }, mutations };
  }
  const mac = request.authenticatedEncryptionTag ?? state.mac;
  if (direction === 'decrypt' && isAuthenticated(parameters)) requireTag(mac, parameters.tagLength);
  const output = context.ciphers.finish(key, state.cipher, data, mac);
  return { response: { uniqueIdentifier, data: output.data, ...tagOf(isAuthenticated(parameters) && direction === 'encrypt', output.mac) }, mutations };
}

/** What a later part may repeat it may not change. */
function requireUnchanged(request: CipherRequest, { parameters, ivDigest: begunWith }: StreamState): void {
  const again = request.cryptographicParameters;
  const changed =
    (again?.blockCipherMode !== undefined && again.blockCipherMode !== parameters.mode) ||
    (again?.paddingMethod !== undefined && again.paddingMethod !== parameters.padding) ||
    (again?.tagLength !== undefined && isAuthenticated(parameters) && again.tagLength !== parameters.tagLength);
  if (changed) throw new KmipError('InvalidField', 'Cryptographic Parameters differ from those that the stream began with');
  const iv = request.ivCounterNonce;
  if (iv !== undefined && Buffer.compare(ivDigest(iv), begunWith) !== 0) throw new KmipError('InvalidField', 'IV/Counter/Nonce differs from the one that the stream began with');
  if (request.authenticatedEncryptionAdditionalData !== undefined) throw new KmipError('InvalidField', 'Authenticated Encryption Additional Data goes with the first part');
}

function requireStreaming(context: Context, direction: Direction, { mode }: CipherParameters): void {
  if (context.version < firstStreamVersion) throw new KmipError('FeatureNotSupported', 'operations in parts need KMIP 1.3 or later');
  if (mode === BlockCipherMode.AEAD) throw new KmipError('FeatureNotSupported', 'ChaCha20Poly1305 takes whole messages only, no parts');
  if (mode === BlockCipherMode.GCM && direction === 'decrypt' && !context.caller.permissions.includes(unverifiedStreamPermission)) {
    throw new KmipError('PermissionDenied', `decrypting GCM in parts gives out plaintext before its tag is checked; the role needs the permission ${unverifiedStreamPermission}`);
  }
}

function dataOf(context: Context, request: CipherRequest): Uint8Array | undefined {
  if (request.data !== undefined) return request.data;
  if (request.dataOfOperation !== undefined) return context.earlierData({ kind: request.dataOfOperation });
  return request.dataOfPlace === undefined ? undefined : context.earlierData({ place: request.dataOfPlace });
}

function requireTag(mac: Uint8Array | undefined, tagLength: number): void {
  if (mac === undefined || mac.length === 0) throw new KmipError('InvalidMessage', 'Authenticated Encryption Tag is missing; this mode needs it to decrypt');
  if (mac.length !== tagLength) throw new KmipError('InvalidField', `Authenticated Encryption Tag has ${mac.length} bytes; Tag Length says ${tagLength}`);
}

/** Modes with a tag, and additional data under it. */
function isAuthenticated({ tagLength }: CipherParameters): boolean {
  return tagLength > 0;
}

function take({ algorithm }: CipherParameters, bytesLeft: bigint, length: number): bigint {
  if (BigInt(length) > bytesLeft) throw new KmipError('CryptographicFailure', `the data is longer than ${algorithm === CryptographicAlgorithm.OneTimePad ? 'the pad' : 'the counter of this mode and IV allows'}`);
  return bytesLeft - BigInt(length);
}

/** Usage Limits count protection only (KMIP 1.4 §3.21). */
function countUses(context: Context, direction: Direction, managed: Managed, bytes: number, objects: number): readonly Mutation[] {
  return direction === 'encrypt' ? countUsage(context, managed, bytes, objects) : [];
}

function someData(data: Uint8Array): { readonly data?: Uint8Array } {
  return data.length > 0 ? { data } : {};
}

function tagOf(present: boolean, mac: Uint8Array): { readonly authenticatedEncryptionTag?: Uint8Array } {
  return present ? { authenticatedEncryptionTag: mac } : {};
}

function ivDigest(iv: Uint8Array): Uint8Array {
  return createHash('sha256').update(iv).digest().subarray(0, 8);
}
