/**
 * The bytes of a key in its Key Block, whatever format they stand in, and the Digest of them (KMIP 1.4 §2.1.3, §2.1.7.1, §3.17).
 *
 *     Raw, Opaque                 Key Material is a Byte String
 *     Transparent Symmetric Key   Key Material is a structure { Key }
 *     wrapped                     Key Value holds what the client wrapped: no key bytes in clear here
 *
 * Invariant: bytes are handed out as they stand in the object, never changed in place.
 */
import { hash } from 'node:crypto';
import { HashingAlgorithm, KeyFormatType, ObjectType } from '../kmip/enums.ts';
import { ItemType } from '../kmip/item-types.ts';
import type { Managed, Material } from '../kmip/managed.ts';
import type { Digest, KeyBlock, KeyValue } from '../kmip/objects.ts';
import type { TtlvNode } from '../kmip/schema.ts';
import { Tag } from '../kmip/tags.ts';
import type { EncodingPort } from './context.ts';

/** Object types that this server holds. */
export const heldObjectTypes: readonly number[] = [ObjectType.SymmetricKey, ObjectType.SecretData, ObjectType.OpaqueObject];

/** The Key Value in clear; undefined where the server has none, or has it wrapped. */
export function clearKeyValue(keyBlock: KeyBlock | undefined): KeyValue | undefined {
  if (keyBlock?.keyValue === undefined || keyBlock.keyWrappingData !== undefined || keyBlock.keyValue instanceof Uint8Array) return undefined;
  return keyBlock.keyValue;
}

/** The bytes of Key Material, of a transparent symmetric key those of its Key field. */
export function materialBytes(material: TtlvNode): Uint8Array | undefined {
  if (material.value instanceof Uint8Array) return material.value;
  if (!Array.isArray(material.value)) return undefined;
  const key = (material.value as readonly TtlvNode[]).find((item) => item.tag === Tag.Key);
  return key?.value instanceof Uint8Array ? key.value : undefined;
}

/** The bytes of the key or secret in clear. */
export function keyBytes(keyBlock: KeyBlock | undefined): Uint8Array | undefined {
  const keyValue = clearKeyValue(keyBlock);
  return keyValue === undefined ? undefined : materialBytes(keyValue.keyMaterial);
}

/** Key Material for key bytes, in Raw, Opaque or Transparent Symmetric Key format. */
export function materialOf(bytes: Uint8Array, keyFormatType: number): TtlvNode {
  if (keyFormatType !== KeyFormatType.TransparentSymmetricKey) return { tag: Tag.KeyMaterial, type: ItemType.ByteString, value: bytes };
  return { tag: Tag.KeyMaterial, type: ItemType.Structure, value: [{ tag: Tag.Key, type: ItemType.ByteString, value: bytes }] };
}

/**
 * Digest attribute of an object: SHA-256 over the Byte String, or over the TTLV bytes of a structure; undefined where
 * the server does not hold the value in clear.
 */
export function digestOf(material: Material, encodings: EncodingPort): Digest | undefined {
  if (material.opaqueDataValue !== undefined) return { hashingAlgorithm: HashingAlgorithm.SHA_256, digestValue: sha256(material.opaqueDataValue) };
  const keyValue = clearKeyValue(material.keyBlock);
  if (keyValue === undefined) return undefined;
  const { value } = keyValue.keyMaterial;
  const bytes = value instanceof Uint8Array ? value : encodings.encodeItem(keyValue.keyMaterial);
  return { hashingAlgorithm: HashingAlgorithm.SHA_256, digestValue: sha256(bytes), keyFormatType: material.keyBlock!.keyFormatType };
}

/** The format in which an object's value is held, as the Key Format Type attribute says it. */
export function keyFormatOf(managed: Pick<Managed, 'material'>): number {
  return managed.material?.keyBlock?.keyFormatType ?? KeyFormatType.Opaque;
}

export function sha256(bytes: Uint8Array | string): Uint8Array {
  return new Uint8Array(hash('sha256', bytes, 'buffer'));
}
