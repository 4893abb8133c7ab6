/**
 * Objects made by the operations themselves, for tests whose subject they are.
 */
import type { AttributeName, AttributeTypes } from '../../src/kmip/attribute-table.ts';
import type { AttributeInstance } from '../../src/kmip/attributes.ts';
import { CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, NameType, ObjectType, SecretDataType } from '../../src/kmip/enums.ts';
import { ItemType } from '../../src/kmip/item-types.ts';
import type { TtlvNode } from '../../src/kmip/schema.ts';
import { Tag } from '../../src/kmip/tags.ts';
import type { Caller } from '../../src/operations/context.ts';
import { create } from '../../src/operations/create.ts';
import { register } from '../../src/operations/register.ts';
import type { Harness } from '../engine/harness.ts';

export type Given = { readonly [Name in AttributeName]?: AttributeTypes[Name] } & { readonly [custom: `x-${string}`]: TtlvNode };

export interface How {
  readonly version?: number;
  readonly caller?: Caller;
}

/** Attributes of a request, one value each. */
export function given(attributes: Given): AttributeInstance[] {
  return Object.entries(attributes).map(([name, value]) => ({ name, value }));
}

export function named(nameValue: string, nameType: number = NameType.UninterpretedTextString): { nameValue: string; nameType: number } {
  return { nameValue, nameType };
}

/** Value of a custom attribute. */
export function text(value: string): TtlvNode {
  return { tag: Tag.AttributeValue, type: ItemType.TextString, value };
}

export function number(value: number): TtlvNode {
  return { tag: Tag.AttributeValue, type: ItemType.Integer, value };
}

export const aes256: Given = {
  CryptographicAlgorithm: CryptographicAlgorithm.AES,
  CryptographicLength: 256,
  CryptographicUsageMask: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt,
};

/** Creates a key, AES-256 unless told otherwise, and gives its identifier. */
export async function created(harness: Harness, attributes: Given = {}, how: How = {}): Promise<string> {
  const answer = await harness.perform(create, { objectType: ObjectType.SymmetricKey, attributes: given({ ...aes256, ...attributes }) }, how);
  return answer.uniqueIdentifier;
}

export const bytes = (hex: string): Uint8Array => new Uint8Array(Buffer.from(hex, 'hex'));

export function material(value: Uint8Array): TtlvNode {
  return { tag: Tag.KeyMaterial, type: ItemType.ByteString, value };
}

/** Registers a Raw AES key. */
export async function registeredKey(harness: Harness, hex: string, attributes: Given = {}, how: How = {}): Promise<string> {
  const key = bytes(hex);
  const answer = await harness.perform(register, {
    objectType: ObjectType.SymmetricKey,
    attributes: given(attributes),
    symmetricKey: {
      keyBlock: {
        keyFormatType: KeyFormatType.Raw, keyValue: { keyMaterial: material(key) },
        cryptographicAlgorithm: CryptographicAlgorithm.AES, cryptographicLength: key.length * 8,
      },
    },
  }, how);
  return answer.uniqueIdentifier;
}

/** Registers a password as TrueNAS does: Opaque, usage mask 0. */
export async function registeredSecret(harness: Harness, password: string, attributes: Given = {}, how: How = {}): Promise<string> {
  const answer = await harness.perform(register, {
    objectType: ObjectType.SecretData,
    attributes: given({ CryptographicUsageMask: 0, ...attributes }),
    secretData: { secretDataType: SecretDataType.Password, keyBlock: { keyFormatType: KeyFormatType.Opaque, keyValue: { keyMaterial: material(new Uint8Array(Buffer.from(password))) } } },
  }, how);
  return answer.uniqueIdentifier;
}

export async function registeredOpaque(harness: Harness, hex: string, attributes: Given = {}, how: How = {}): Promise<string> {
  const answer = await harness.perform(register, {
    objectType: ObjectType.OpaqueObject, attributes: given(attributes), opaqueObject: { opaqueDataType: 0x80000001, opaqueDataValue: bytes(hex) },
  }, how);
  return answer.uniqueIdentifier;
}
