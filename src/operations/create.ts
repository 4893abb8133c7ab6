/**
 * A client wants a new symmetric key that the server makes. A key of random bytes is stored with the attributes given and
 * those that the server sets, Active at once when an Activation Date has been reached; its identifier goes into the ID
 * Placeholder. It fails for an algorithm or length that the server makes no keys of, for attributes that are wrong or
 * missing, and for a Name that is in use.
 *
 * KMIP 1.4 §4.1 and §11.2, KMIP 2.1 §6.1.8. Cryptographic Length may be left out: the algorithm's usual one is taken.
 *
 *     request   Object Type SymmetricKey, Template-Attribute { Cryptographic Algorithm AES, Cryptographic Length 256,
 *               Cryptographic Usage Mask Encrypt | Decrypt, Name "backup" }
 *     response  Object Type SymmetricKey, Unique Identifier "6f1c…"
 */
import { KeyFormatType, ObjectType, enumerationValueName } from '../kmip/enums.ts';
import { protectionStorageMasks } from '../kmip/objects.ts';
import type { Digest, KeyBlock } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import { attributeSet, enumeration, optional, required, structure, textString } from '../kmip/schema.ts';
import { includesValue } from './value-equality.ts';
import type { Context } from './context.ts';
import { generateKey, keyGenerator, lengthOfNewKey } from './key-generation.ts';
import { digestOf, materialOf } from './key-material.ts';
import { Draft, birthReasons, born } from './new-managed.ts';
import { operation } from './operation.ts';

export const create = operation({
  name: 'Create',
  code: 1,
  since: 10,
  effect: 'mutates',
  permission: 'operation_create',
  request: structure('RequestPayload', {
    objectType: required(enumeration('ObjectType')),
    attributes: required(attributeSet('template')),
    protectionStorageMasks: optional(protectionStorageMasks, { since: 20, doc: 'Ways of storing that the client allows; one of them is used.' }),
  }),
  response: structure('ResponsePayload', {
    objectType: required(enumeration('ObjectType')),
    uniqueIdentifier: required(textString),
    attributes: optional(attributeSet('template', { omitEmpty: true }), { until: 14, doc: 'Attributes that the server set; this one leaves them out.' }),
  }),
  reasons: [...birthReasons, 'InvalidObjectType', 'KeyFormatTypeNotSupported'],
  async plan(context, request) {
    const { objectType } = request;
    if (objectType !== ObjectType.SymmetricKey) {
      throw new KmipError('InvalidObjectType', `Create makes symmetric keys, no ${enumerationValueName('ObjectType', objectType) ?? 'such'} object`);
    }
    const draft = new Draft(objectType);
    draft.take(context, request.attributes);
    const algorithm = draft.get('CryptographicAlgorithm');
    if (algorithm === undefined) throw new KmipError('InvalidAttributeValue', 'Cryptographic Algorithm is missing', 'InvalidField');
    if (!draft.has('CryptographicUsageMask')) throw new KmipError('InvalidAttributeValue', 'Cryptographic Usage Mask is missing', 'InvalidField');
    requireOwnGenerator(draft);
    const bits = lengthOfNewKey(algorithm, draft.get('CryptographicLength'));
    const keyFormatType = formatOfNewKey(draft.get('KeyFormatType'));
    draft.set('CryptographicLength', bits);
    draft.set('KeyFormatType', keyFormatType);
    draft.set('OriginalCreationDate', context.now);
    draft.set('RandomNumberGenerator', keyGenerator);
    const bytes = generateKey(algorithm, bits, context);
    const keyBlock: KeyBlock = { keyFormatType, keyValue: { keyMaterial: materialOf(bytes, keyFormatType) }, cryptographicAlgorithm: algorithm, cryptographicLength: bits };
    const managed = await born(context, { draft, material: { keyBlock }, digests: digestsOfNewKey(context, keyBlock, bytes), storageMasks: request.protectionStorageMasks });
    const { uniqueIdentifier } = managed;
    return { response: { objectType, uniqueIdentifier }, mutations: [{ kind: 'managed-created', managed }], placeholder: uniqueIdentifier };
  },
});

/** The server tells how and when it made the key; a client may only name a generator that is the server's (KMIP 1.4 §3.44). */
function requireOwnGenerator(draft: Draft): void {
  if (draft.has('OriginalCreationDate')) throw new KmipError('AttributeReadOnly', 'Original Creation Date of a key that the server makes is set by the server', 'InvalidField');
  const wanted = draft.get('RandomNumberGenerator');
  if (wanted !== undefined && !includesValue(keyGenerator, wanted)) {
    throw new KmipError('InvalidAttributeValue', 'Random Number Generator: the server has another one (Query RNGs tells which)', 'InvalidField');
  }
}

function formatOfNewKey(wanted: number | undefined): number {
  if (wanted === undefined) return KeyFormatType.Raw;
  if (wanted === KeyFormatType.Raw || wanted === KeyFormatType.TransparentSymmetricKey) return wanted;
  throw new KmipError('KeyFormatTypeNotSupported', `Key Format Type ${enumerationValueName('KeyFormatType', wanted) ?? wanted}; a symmetric key is made as Raw or TransparentSymmetricKey`);
}

/** One digest in the key's own format, and one in Raw where that is another (KMIP 2.1 §4.26). */
function digestsOfNewKey(context: Context, keyBlock: KeyBlock, bytes: Uint8Array): readonly Digest[] {
  const formats = keyBlock.keyFormatType === KeyFormatType.Raw ? [KeyFormatType.Raw] : [keyBlock.keyFormatType, KeyFormatType.Raw];
  return formats.map((format) => digestOf({ keyBlock: { ...keyBlock, keyFormatType: format, keyValue: { keyMaterial: materialOf(bytes, format) } } }, context.encodings)!);
}
