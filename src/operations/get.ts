/**
 * A client wants an object itself: the key, the secret, the opaque bytes, in a format it names or wrapped with another key.
 * The first Get of an object ends its freshness; nothing else changes. It fails for an object that is destroyed, that is
 * not Extractable, that is Sensitive and not asked for wrapped, and for formats and ways of wrapping that the server lacks.
 *
 * KMIP 1.4 §4.11 and §11.12, KMIP 2.1 §6.1.19. State plays no part: appliances fetch keys that they never activate.
 * A one-time pad is used on the server and never leaves it (OASIS TC-OTP-4).
 *
 *     request   Unique Identifier "6f1c…"        (absent: the ID Placeholder)
 *     response  Object Type SymmetricKey, Unique Identifier "6f1c…", Symmetric Key { Key Block { Key Format Type Raw,
 *               Key Value { Key Material … }, Cryptographic Algorithm AES, Cryptographic Length 256 } }
 */
import { CryptographicAlgorithm, KeyFormatType, KeyWrapType, ObjectType, enumerationValueName } from '../kmip/enums.ts';
import { effectiveState, isDestroyed, only } from '../kmip/life-cycle.ts';
import { attributeOf } from '../kmip/managed.ts';
import type { Managed, Material } from '../kmip/managed.ts';
import { keyWrappingSpecification, opaqueObject, secretData, symmetricKey } from '../kmip/objects.ts';
import type { KeyBlock } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import { enumeration, identifier, optional, required, structure, textString } from '../kmip/schema.ts';
import type { Infer } from '../kmip/schema.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { Context } from './context.ts';
import { clearKeyValue, materialBytes, materialOf } from './key-material.ts';
import { unwrapped, wrapped, wrappingReasons } from './key-wrapping.ts';
import { operation } from './operation.ts';

const request = structure('RequestPayload', {
  uniqueIdentifier: optional(identifier),
  keyFormatType: optional(enumeration('KeyFormatType'), { doc: 'Format of the answer; absent: the one the object has.' }),
  keyWrapType: optional(enumeration('KeyWrapType'), { since: 14, doc: 'Whether a key that was registered wrapped is unwrapped.' }),
  keyCompressionType: optional(enumeration('KeyCompressionType'), { doc: 'For public keys on curves.' }),
  keyWrappingSpecification: optional(keyWrappingSpecification),
});
type GetRequest = Infer<typeof request>;

const response = structure('ResponsePayload', {
  objectType: required(enumeration('ObjectType')),
  uniqueIdentifier: required(textString),
  symmetricKey: optional(symmetricKey),
  secretData: optional(secretData),
  opaqueObject: optional(opaqueObject),
});

export const get = operation({
  name: 'Get',
  code: 10,
  since: 10,
  effect: 'reads',
  permission: 'operation_get',
  request,
  response,
  reasons: [
    ...wrappingReasons, 'ObjectNotFound', 'ObjectDestroyed', 'NotExtractable', 'Sensitive', 'PermissionDenied', 'KeyFormatTypeNotSupported',
    'KeyCompressionTypeNotSupported', 'KeyWrapTypeNotSupported',
  ],
  plan(context, request) {
    const managed = context.fetchManaged(request.uniqueIdentifier);
    const { objectType, uniqueIdentifier, material } = managed;
    if (material === undefined || isDestroyed(effectiveState(managed, context.now))) throw new KmipError('ObjectDestroyed', `object ${uniqueIdentifier} has been destroyed`);
    if (request.keyCompressionType !== undefined) throw new KmipError('KeyCompressionTypeNotSupported', 'Key Compression Type is for public keys on curves');
    requireRelease(managed, request);
    const object = objectIn(context, managed, material, request);
    return { response: { objectType, uniqueIdentifier, ...object }, mutations: served(context, managed) };
  },
});

/** Throws unless the object may leave the server in the way that is asked for (KMIP 1.4 §3.48 and §3.50). */
function requireRelease(managed: Managed, request: GetRequest): void {
  const { uniqueIdentifier, material } = managed;
  if (attributeOf(managed, 'Extractable') === false) throw new KmipError('NotExtractable', `object ${uniqueIdentifier} is not Extractable`);
  const staysWrapped = material?.keyBlock?.keyWrappingData !== undefined && request.keyWrapType !== KeyWrapType.NotWrapped;
  if (attributeOf(managed, 'Sensitive') === true && request.keyWrappingSpecification === undefined && !staysWrapped) {
    throw new KmipError('Sensitive', `object ${uniqueIdentifier} is Sensitive: it leaves the server wrapped only (Key Wrapping Specification)`);
  }
  if (attributeOf(managed, 'CryptographicAlgorithm') === CryptographicAlgorithm.OneTimePad && material?.keyBlock?.keyValue !== undefined) {
    throw new KmipError('PermissionDenied', `object ${uniqueIdentifier} is a one-time pad, which never leaves the server`);
  }
}

type ReleasedObject = Pick<Infer<typeof response>, 'symmetricKey' | 'secretData' | 'opaqueObject'>;

function objectIn(context: Context, managed: Managed, material: Material, request: GetRequest): ReleasedObject {
  const { keyBlock, secretDataType, opaqueDataType, opaqueDataValue } = material;
  if (managed.objectType === ObjectType.OpaqueObject && opaqueDataType !== undefined && opaqueDataValue !== undefined) {
    if (request.keyWrappingSpecification !== undefined) throw new KmipError('InvalidObjectType', 'an opaque object has no key to wrap', 'IllegalOperation');
    if (request.keyFormatType !== undefined && request.keyFormatType !== KeyFormatType.Opaque) throw formatError(request.keyFormatType, KeyFormatType.Opaque);
    return { opaqueObject: { opaqueDataType, opaqueDataValue } };
  }
  const block = releasedBlock(context, managed, keyBlock!, request);
  return managed.objectType === ObjectType.SecretData ? { secretData: { secretDataType: secretDataType!, keyBlock: block } } : { symmetricKey: { keyBlock: block } };
}

/** The Key Block in the format and wrapping of the request. */
function releasedBlock(context: Context, managed: Managed, stored: KeyBlock, { keyFormatType, keyWrapType, keyWrappingSpecification }: GetRequest): KeyBlock {
  const isWrapped = stored.keyWrappingData !== undefined;
  if (isWrapped && keyWrappingSpecification !== undefined && keyWrapType !== KeyWrapType.NotWrapped) {
    throw new KmipError('KeyWrapTypeNotSupported', `object ${managed.uniqueIdentifier} is stored wrapped: ask for Key Wrap Type Not Wrapped to have it wrapped another way`);
  }
  const block = isWrapped && keyWrapType === KeyWrapType.NotWrapped ? unwrapped(context, stored) : stored;
  const formatted = withLength(managed, inFormat(managed.objectType, block, keyFormatType));
  if (keyWrappingSpecification === undefined) return formatted;
  const keyValue = clearKeyValue(formatted);
  if (keyValue === undefined) throw new KmipError('KeyValueNotPresent', `the server holds no Key Value of object ${managed.uniqueIdentifier} to wrap`);
  return wrapped(context, managed, formatted, keyValue, keyWrappingSpecification);
}

/** Clients check algorithm and length of a symmetric key in its Key Block; the attributes have them when the block came without. */
function withLength(managed: Managed, keyBlock: KeyBlock): KeyBlock {
  if (managed.objectType !== ObjectType.SymmetricKey) return keyBlock;
  return {
    ...keyBlock,
    cryptographicAlgorithm: keyBlock.cryptographicAlgorithm ?? attributeOf(managed, 'CryptographicAlgorithm'),
    cryptographicLength: keyBlock.cryptographicLength ?? attributeOf(managed, 'CryptographicLength'),
  };
}

/**
 * Raw and Transparent Symmetric Key turn into each other. Bytes may be had as Opaque, and those of secret data that
 * came as Opaque as Raw: for a key nobody knows what its Opaque bytes mean.
 */
function inFormat(objectType: number, keyBlock: KeyBlock, wanted: number | undefined): KeyBlock {
  const { keyFormatType } = keyBlock;
  if (wanted === undefined || wanted === keyFormatType) return keyBlock;
  const keyValue = clearKeyValue(keyBlock);
  const bytes = keyValue === undefined ? undefined : materialBytes(keyValue.keyMaterial);
  const targets: readonly number[] = objectType === ObjectType.SymmetricKey
    ? (keyFormatType === KeyFormatType.Opaque ? [] : [KeyFormatType.Raw, KeyFormatType.TransparentSymmetricKey, KeyFormatType.Opaque])
    : [KeyFormatType.Raw, KeyFormatType.Opaque];
  if (bytes === undefined || !targets.includes(wanted)) throw formatError(wanted, keyFormatType);
  return { ...keyBlock, keyFormatType: wanted, keyValue: { keyMaterial: materialOf(bytes, wanted) } };
}

function formatError(wanted: number, held: number): KmipError {
  const title = (format: number): string => enumerationValueName('KeyFormatType', format) ?? `0x${format.toString(16)}`;
  return new KmipError('KeyFormatTypeNotSupported', `Key Format Type ${title(wanted)}: the object is held as ${title(held)} and cannot be turned into that`);
}

/** The object has now been served to a client (KMIP 1.4 §3.34). */
function served(context: Context, managed: Managed): readonly Mutation[] {
  if (attributeOf(managed, 'Fresh') !== true) return [];
  if (!context.mayMutate) context.needsPrimary();
  const { scope, uniqueIdentifier } = managed;
  return [{ kind: 'attributes-changed', scope, uniqueIdentifier, changes: [only('Fresh', false)] }];
}
