/**
 * Wrapping and unwrapping a Key Value with a key of the scope (KMIP 1.4 §2.1.5, §2.1.6 and §11.12; SP 800-38F, RFC 3394, RFC 5649).
 *
 *     No Encoding    the bytes of Key Material are wrapped
 *     TTLV Encoding  the TTLV bytes of the whole Key Value structure are wrapped, attributes included (the default)
 *
 * Invariant: a key wraps only while it may protect (Active, inside its dates) and its Cryptographic Usage Mask has Wrap Key, and
 * only by Cryptographic Parameters that it carries itself; wrapped bytes that do not check out all fail alike.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, EncodingOption, ObjectType, WrappingMethod, enumerationValueName } from '../kmip/enums.ts';
import { effectiveState, isDestroyed, requireProcessing, requireProtecting } from '../kmip/life-cycle.ts';
import { attributeOf, attributesOf } from '../kmip/managed.ts';
import type { Managed } from '../kmip/managed.ts';
import type { CryptographicParameters, KeyBlock, KeyValue, KeyWrappingData, KeyWrappingSpecification } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import type { ResultReasonName } from '../kmip/result.ts';
import { asInstances, shownInstances } from './attribute-view.ts';
import type { Context } from './context.ts';
import { keyBytes, materialBytes, materialOf } from './key-material.ts';
import { includesValue } from './value-equality.ts';

/** Reasons that wrapping and unwrapping may fail for. */
export const wrappingReasons = [
  'WrappingObjectNotFound', 'WrappingObjectDestroyed', 'InvalidObjectType', 'IncompatibleCryptographicUsageMask', 'WrongKeyLifecycleState', 'BadCryptographicParameters',
  'EncodingOptionError', 'FeatureNotSupported', 'InvalidField', 'CryptographicFailure', 'KeyValueNotPresent', 'IllegalOperation',
] as const satisfies readonly ResultReasonName[];

interface WrappingMode {
  /** OpenSSL's name, by bits of the wrapping key. */
  cipher(bits: number): string;
  readonly iv: Uint8Array;
  fits(length: number): boolean;
}

/** Initial values of RFC 3394 §2.2.3.1 and RFC 5649 §3. */
const modes: ReadonlyMap<number, WrappingMode> = new Map([
  [BlockCipherMode.NISTKeyWrap, { cipher: (bits: number) => `id-aes${bits}-wrap`, iv: new Uint8Array(8).fill(0xa6), fits: (length: number) => length >= 16 && length % 8 === 0 }],
  [BlockCipherMode.AESKeyWrapPadding, { cipher: (bits: number) => `id-aes${bits}-wrap-pad`, iv: Uint8Array.of(0xa6, 0x59, 0x59, 0xa6), fits: (length: number) => length >= 1 }],
]);

/** The Key Block as Get answers it, wrapped as the specification wants. */
export function wrapped(context: Context, managed: Managed, keyBlock: KeyBlock, keyValue: KeyValue, specification: KeyWrappingSpecification): KeyBlock {
  const { wrappingMethod, encryptionKeyInformation, encodingOption } = specification;
  if (wrappingMethod !== WrappingMethod.Encrypt || specification.macSignatureKeyInformation !== undefined) {
    throw new KmipError('FeatureNotSupported', `Wrapping Method ${enumerationValueName('WrappingMethod', wrappingMethod) ?? wrappingMethod} with a MAC or signature; this server wraps by Encrypt alone`);
  }
  if (encryptionKeyInformation === undefined) throw new KmipError('InvalidField', 'Encryption Key Information is missing: it names the wrapping key');
  const { uniqueIdentifier, cryptographicParameters } = encryptionKeyInformation;
  const wrapper = wrappingKey(context, uniqueIdentifier, CryptographicUsageMask.WrapKey);
  requireProtecting(wrapper, context.now);
  const { mode, key } = wrappingMode(wrapper, cryptographicParameters);
  const plain = plainBytes(context, managed, keyValue, specification);
  if (!mode.fits(plain.length)) {
    throw new KmipError('EncodingOptionError', `${plain.length} bytes: NIST Key Wrap takes 16 and more in steps of 8; use TTLV Encoding, or AES Key Wrap Padding`);
  }
  const cipher = createCipheriv(mode.cipher(key.length * 8), key, mode.iv);
  const bytes = new Uint8Array(Buffer.concat([cipher.update(plain), cipher.final()]));
  const keyWrappingData: KeyWrappingData = { wrappingMethod, encryptionKeyInformation, ...(encodingOption === undefined ? {} : { encodingOption }) };
  return { ...keyBlock, keyValue: bytes, keyWrappingData };
}

/** The Key Value in clear of a key that a client registered wrapped (Key Wrap Type Not Wrapped, KMIP 1.4 §9.1.3.2.48). */
export function unwrapped(context: Context, keyBlock: KeyBlock): KeyBlock {
  const { keyWrappingData, keyValue, ...rest } = keyBlock;
  if (keyWrappingData === undefined || keyValue === undefined) throw new KmipError('KeyValueNotPresent', 'the server holds no Key Value of this object');
  const { wrappingMethod, encryptionKeyInformation, encodingOption } = keyWrappingData;
  if (wrappingMethod !== WrappingMethod.Encrypt || encryptionKeyInformation === undefined) throw new KmipError('FeatureNotSupported', 'the key is wrapped by a method that this server does not unwrap');
  // OASIS TC-WRAP-2-14 has a key unwrapped whose wrapping key may Wrap Key only.
  const wrapper = wrappingKey(context, encryptionKeyInformation.uniqueIdentifier, CryptographicUsageMask.UnwrapKey | CryptographicUsageMask.WrapKey);
  requireProcessing(wrapper, context.now);
  const { mode, key } = wrappingMode(wrapper, encryptionKeyInformation.cryptographicParameters);
  const sealed = keyValue instanceof Uint8Array ? keyValue : materialBytes(keyValue.keyMaterial);
  const plain = sealed === undefined ? undefined : opened(mode, key, sealed);
  if (plain === undefined) throw new KmipError('CryptographicFailure', 'the key cannot be unwrapped with its wrapping key');
  if (encodingOption === EncodingOption.NoEncoding) return { ...rest, keyValue: { keyMaterial: materialOf(plain, keyBlock.keyFormatType) } };
  const { keyMaterial } = context.encodings.decodeKeyValue(plain, context.version);
  return { ...rest, keyValue: { keyMaterial } };
}

function opened(mode: WrappingMode, key: Uint8Array, sealed: Uint8Array): Uint8Array | undefined {
  try {
    const decipher = createDecipheriv(mode.cipher(key.length * 8), key, mode.iv);
    return new Uint8Array(Buffer.concat([decipher.update(sealed), decipher.final()]));
  } catch {
    return undefined;
  }
}

/** The wrapping key, which has to be a symmetric key whose mask has one of the bits. */
function wrappingKey(context: Context, uniqueIdentifier: string, bits: number): Managed {
  const wrapper = context.view.fetch(uniqueIdentifier);
  if (wrapper === undefined) throw new KmipError('WrappingObjectNotFound', `wrapping key ${JSON.stringify(uniqueIdentifier)} does not exist`);
  if (isDestroyed(effectiveState(wrapper, context.now))) throw new KmipError('WrappingObjectDestroyed', `wrapping key ${uniqueIdentifier} has been destroyed`);
  if (wrapper.objectType !== ObjectType.SymmetricKey) {
    throw new KmipError('InvalidObjectType', `wrapping key ${uniqueIdentifier} is a ${enumerationValueName('ObjectType', wrapper.objectType)}; wrapping takes a symmetric key`, 'IllegalOperation');
  }
  if (((attributeOf(wrapper, 'CryptographicUsageMask') ?? 0) & bits) === 0) {
    throw new KmipError('IncompatibleCryptographicUsageMask', `Cryptographic Usage Mask of key ${uniqueIdentifier} does not let it wrap keys`);
  }
  return wrapper;
}

/** Mode and key bytes: the parameters given have to be among those that the key carries, else its first ones are taken. */
function wrappingMode(wrapper: Managed, given: CryptographicParameters | undefined): { readonly mode: WrappingMode; readonly key: Uint8Array } {
  const carried = attributesOf(wrapper, 'CryptographicParameters').map((instance) => instance.value);
  const parameters = given === undefined ? carried[0] : carried.find((each) => includesValue(each, given));
  if (parameters === undefined) {
    throw new KmipError('BadCryptographicParameters', `Cryptographic Parameters of key ${wrapper.uniqueIdentifier} ${carried.length === 0 ? 'are not set' : 'do not match those asked for'}`, 'ItemNotFound');
  }
  const { blockCipherMode } = parameters;
  const mode = blockCipherMode === undefined ? undefined : modes.get(blockCipherMode);
  const key = keyBytes(wrapper.material?.keyBlock);
  if (mode === undefined || attributeOf(wrapper, 'CryptographicAlgorithm') !== CryptographicAlgorithm.AES) {
    throw new KmipError('BadCryptographicParameters', `keys are wrapped with an AES key in mode NISTKeyWrap or AESKeyWrapPadding; key ${wrapper.uniqueIdentifier} is for something else`, 'PermissionDenied');
  }
  if (key === undefined) throw new KmipError('KeyValueNotPresent', `the server does not hold the wrapping key ${wrapper.uniqueIdentifier} in clear`);
  return { mode, key };
}

/** What is wrapped: bare Key Material, or the TTLV bytes of a Key Value with the attributes asked for. */
function plainBytes(context: Context, managed: Managed, keyValue: KeyValue, { encodingOption, attributeNames = [] }: KeyWrappingSpecification): Uint8Array {
  if (encodingOption === EncodingOption.NoEncoding) {
    if (attributeNames.length > 0) throw new KmipError('EncodingOptionError', 'attributes can be wrapped with the key by TTLV Encoding, not by No Encoding');
    const { value } = keyValue.keyMaterial;
    if (value instanceof Uint8Array) return value;
    throw new KmipError('EncodingOptionError', 'Key Material of a transparent key is a structure: it can be wrapped by TTLV Encoding, not by No Encoding');
  }
  // OASIS TC-142 of 1.1 and 1.2 names an attribute and no Encoding Option, and answers the bare key, wrapped.
  if (encodingOption === undefined && attributeNames.length > 0 && context.version < 13 && keyValue.keyMaterial.value instanceof Uint8Array) return keyValue.keyMaterial.value;
  const attributes = attributeNames.flatMap((name) => asInstances(name, shownInstances(managed, name, context.now)));
  return context.encodings.encodeKeyValue({ ...keyValue, attributes }, context.version);
}
