/**
 * A client wants the server to keep an object that it made itself: a symmetric key, secret data or an opaque object.
 * The object is stored as it came (a wrapped key stays wrapped), with the attributes given, those that the object tells
 * (algorithm, length) and those that the server sets; its identifier goes into the ID Placeholder. It fails when Object
 * Type and object differ, when attributes and object contradict each other, and for a Name that is in use.
 *
 * KMIP 1.4 §4.3 and §11.4, KMIP 2.1 §6.1.43. Cryptographic Usage Mask may be missing or 0, though the specification asks
 * for one: databases and appliances leave it out. Without a Key Value (1.2 on) the server keeps attributes only.
 *
 *     request   Object Type SecretData, Template-Attribute { Name "tank/enc" },
 *               Secret Data { Secret Data Type Password, Key Block { Key Format Type Opaque, Key Value { Key Material 68656c6c6f } } }
 *     response  Unique Identifier "6f1c…"
 */
import type { AttributeInstance } from '../kmip/attributes.ts';
import { attributeRule } from '../kmip/attribute-table.ts';
import { CryptographicAlgorithm, KeyFormatType, ObjectType, enumerationValueName } from '../kmip/enums.ts';
import type { Material } from '../kmip/managed.ts';
import * as objects from '../kmip/objects.ts';
import type { KeyBlock } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import { attributeSet, enumeration, optional, required, structure, textString } from '../kmip/schema.ts';
import type { Infer } from '../kmip/schema.ts';
import type { Context } from './context.ts';
import { fitsLength, lengthOfBytes } from './key-generation.ts';
import { clearKeyValue, heldObjectTypes, materialBytes } from './key-material.ts';
import { Draft, birthReasons, born, settle } from './new-managed.ts';
import { operation } from './operation.ts';

const request = structure('RequestPayload', {
  objectType: required(enumeration('ObjectType')),
  attributes: optional(attributeSet('template'), { doc: 'Required by the specification; a request without any is taken too.' }),
  certificate: optional(objects.certificate),
  symmetricKey: optional(objects.symmetricKey),
  privateKey: optional(objects.privateKey),
  publicKey: optional(objects.publicKey),
  splitKey: optional(objects.splitKey),
  template: optional(objects.template, { until: 14 }),
  secretData: optional(objects.secretData),
  opaqueObject: optional(objects.opaqueObject),
  pgpKey: optional(objects.pgpKey, { tag: 'PGPKey', since: 12 }),
  protectionStorageMasks: optional(objects.protectionStorageMasks, { since: 20, doc: 'Ways of storing that the client allows; one of them is used.' }),
});

export const register = operation({
  name: 'Register',
  code: 3,
  since: 10,
  effect: 'mutates',
  permission: 'operation_register',
  request,
  response: structure('ResponsePayload', {
    uniqueIdentifier: required(textString),
    attributes: optional(attributeSet('template', { omitEmpty: true }), { until: 14, doc: 'Attributes that the server set; this one leaves them out.' }),
  }),
  reasons: [...birthReasons, 'InvalidObjectType', 'KeyFormatTypeNotSupported'],
  async plan(context, request) {
    const { objectType } = request;
    if (!heldObjectTypes.includes(objectType)) {
      throw new KmipError('InvalidObjectType', `this server keeps symmetric keys, secret data and opaque objects, no ${enumerationValueName('ObjectType', objectType) ?? 'such'} object`);
    }
    const draft = new Draft(objectType);
    draft.take(context, request.attributes ?? []);
    const material = materialIn(context, draft, request);
    const managed = await born(context, { draft, material, storageMasks: request.protectionStorageMasks });
    const { uniqueIdentifier } = managed;
    return { response: { uniqueIdentifier }, mutations: [{ kind: 'managed-created', managed }], placeholder: uniqueIdentifier };
  },
});

/** The object of the request; settles the attributes that it tells. */
function materialIn(context: Context, draft: Draft, { objectType, symmetricKey, secretData, opaqueObject, ...others }: Infer<typeof request>): Material {
  const { certificate, privateKey, publicKey, splitKey, template, pgpKey } = others;
  const count = [symmetricKey, secretData, opaqueObject, certificate, privateKey, publicKey, splitKey, template, pgpKey].filter((each) => each !== undefined).length;
  if (count > 1) throw new KmipError('InvalidField', 'the request holds more than one object');
  if (objectType === ObjectType.SymmetricKey && symmetricKey !== undefined) return { keyBlock: keyBlockOf(context, draft, symmetricKey.keyBlock) };
  if (objectType === ObjectType.SecretData && secretData !== undefined) {
    return { secretDataType: secretData.secretDataType, keyBlock: keyBlockOf(context, draft, secretData.keyBlock) };
  }
  if (objectType === ObjectType.OpaqueObject && opaqueObject !== undefined) {
    settle(draft, 'OpaqueDataType', opaqueObject.opaqueDataType);
    settle(draft, 'KeyFormatType', KeyFormatType.Opaque);
    return { ...opaqueObject };
  }
  throw new KmipError('InvalidField', `Object Type is ${enumerationValueName('ObjectType', objectType)}, ${count === 0 ? 'and the request holds no object' : 'and the object is of another type'}`);
}

function keyBlockOf(context: Context, draft: Draft, given: KeyBlock): KeyBlock {
  const { keyFormatType, keyWrappingData, cryptographicAlgorithm, cryptographicLength } = given;
  requireFormat(draft.objectType, given);
  const keyValue = given.keyValue === undefined || given.keyValue instanceof Uint8Array ? given.keyValue : { keyMaterial: given.keyValue.keyMaterial };
  takeCarried(context, draft, clearKeyValue(given)?.attributes ?? []);
  settle(draft, 'KeyFormatType', keyFormatType);
  settle(draft, 'CryptographicAlgorithm', cryptographicAlgorithm);
  settle(draft, 'CryptographicLength', cryptographicLength);
  if (!draft.has('CryptographicUsageMask')) draft.set('CryptographicUsageMask', 0);
  if (keyValue === undefined) draft.set('KeyValuePresent', false);
  // Key Compression Type is about points on curves; some clients say it of AES keys, and no key here needs it.
  const keyBlock = present({ keyFormatType, keyValue, cryptographicAlgorithm, cryptographicLength, keyWrappingData });
  if (draft.objectType === ObjectType.SymmetricKey) requireKey(draft, keyBlock);
  else if (draft.get('CryptographicAlgorithm') === CryptographicAlgorithm.OneTimePad) requirePad(draft, keyBlock);
  return keyBlock;
}

/** Formats that are nothing but bytes, and Transparent Symmetric Key. Nobody can look inside a wrapped key. */
function requireFormat(objectType: number, { keyFormatType, keyValue, keyWrappingData }: KeyBlock): void {
  const formats: readonly number[] = [KeyFormatType.Raw, KeyFormatType.Opaque, ...(objectType === ObjectType.SymmetricKey ? [KeyFormatType.TransparentSymmetricKey] : [])];
  if (!formats.includes(keyFormatType)) {
    throw new KmipError('KeyFormatTypeNotSupported', `Key Format Type ${enumerationValueName('KeyFormatType', keyFormatType) ?? keyFormatType}; allowed: ${formats.map((format) => enumerationValueName('KeyFormatType', format)).join(', ')}`);
  }
  if (keyValue === undefined || keyWrappingData !== undefined) return;
  if (keyValue instanceof Uint8Array) throw new KmipError('InvalidField', 'Key Value is a Byte String, which stands for a wrapped key, and Key Wrapping Data is missing');
  const isTransparent = keyFormatType === KeyFormatType.TransparentSymmetricKey;
  if (materialBytes(keyValue.keyMaterial) === undefined || isTransparent === keyValue.keyMaterial.value instanceof Uint8Array) {
    throw new KmipError('InvalidField', `Key Material of format ${enumerationValueName('KeyFormatType', keyFormatType)} is ${isTransparent ? 'a structure with a Key' : 'a Byte String'}`);
  }
}

/** Algorithm and length of a symmetric key, which the key has to bear out where the server can see it. */
function requireKey(draft: Draft, keyBlock: KeyBlock): void {
  const algorithm = draft.get('CryptographicAlgorithm');
  if (algorithm === undefined) throw new KmipError('InvalidAttributeValue', 'Cryptographic Algorithm is neither in the Key Block nor in the attributes', 'InvalidField');
  const keyValue = clearKeyValue(keyBlock);
  const bytes = keyValue === undefined ? undefined : materialBytes(keyValue.keyMaterial);
  if (bytes?.length === 0) throw new KmipError('InvalidField', 'Key Material is empty');
  const bits = draft.get('CryptographicLength') ?? (bytes === undefined ? undefined : lengthOfBytes(algorithm, bytes.length));
  if (bits === undefined) throw new KmipError('InvalidAttributeValue', 'Cryptographic Length is neither in the Key Block nor in the attributes', 'InvalidField');
  draft.set('CryptographicLength', bits);
  if (bytes !== undefined && keyBlock.keyFormatType !== KeyFormatType.Opaque && !fitsLength(algorithm, bits, bytes.length)) {
    throw new KmipError('InvalidAttributeValue', `Key Material has ${bytes.length} bytes, which is no ${enumerationValueName('CryptographicAlgorithm', algorithm)} key of ${bits} bits`, 'InvalidField');
  }
}

/** A one-time pad as Secret Data (OASIS TC-OTP): where a length is given, the pad has it. */
function requirePad(draft: Draft, keyBlock: KeyBlock): void {
  const keyValue = clearKeyValue(keyBlock);
  const bits = draft.get('CryptographicLength');
  const bytes = keyValue === undefined ? undefined : materialBytes(keyValue.keyMaterial);
  if (bytes !== undefined && bits !== undefined && bits !== bytes.length * 8) {
    throw new KmipError('InvalidAttributeValue', `Key Material has ${bytes.length} bytes, which is no one-time pad of ${bits} bits`, 'InvalidField');
  }
}

/** Attributes that came inside the Key Value: they count where the request says nothing else (KMIP 1.4 §2.1.4). */
function takeCarried(context: Context, draft: Draft, carried: readonly AttributeInstance[]): void {
  const given = new Set(draft.finished().keys());
  draft.take(context, carried.filter(({ name }) => !given.has(name) && attributeRule(name)?.givenAtCreation === true));
}

/** The fields that are there: what is stored has no undefined ones. */
function present(keyBlock: KeyBlock): KeyBlock {
  return Object.fromEntries(Object.entries(keyBlock).filter(([, value]) => value !== undefined)) as unknown as KeyBlock;
}
