/**
 * Objects put straight into a harness's store, so that a test of one operation rests on no other operation.
 */
import { randomUUID } from 'node:crypto';
import { CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType, SecretDataType, State } from '../../src/kmip/enums.ts';
import { ItemType } from '../../src/kmip/item-types.ts';
import type { Managed, Material } from '../../src/kmip/managed.ts';
import { Tag } from '../../src/kmip/tags.ts';
import type { AttributeName, AttributeTypes } from '../../src/kmip/attribute-table.ts';
import { startOfTime } from './harness.ts';
import type { Harness } from './harness.ts';

type Attributes = { readonly [Name in AttributeName]?: AttributeTypes[Name] };

export const keyBytes = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex');

function rawBlock(bytes: Uint8Array): Material {
  return {
    keyBlock: {
      keyFormatType: KeyFormatType.Raw,
      keyValue: { keyMaterial: { tag: Tag.KeyMaterial, type: ItemType.ByteString, value: bytes } },
      cryptographicAlgorithm: CryptographicAlgorithm.AES,
      cryptographicLength: bytes.length * 8,
    },
  };
}

/** Stores an object of scope `alpha` and gives its Unique Identifier. */
export async function put(harness: Harness, objectType: number, attributes: Attributes, material: Material | undefined, scope = 'alpha'): Promise<string> {
  const uniqueIdentifier = randomUUID();
  const all: Attributes = { UniqueIdentifier: uniqueIdentifier, ObjectType: objectType, InitialDate: startOfTime, LastChangeDate: startOfTime, ...attributes };
  const managed: Managed = {
    scope, uniqueIdentifier, objectType, revision: 1,
    attributes: new Map(Object.entries(all).filter(([, value]) => value !== undefined).map(([name, value]) => [name, [{ index: 0, value }]])),
    ...(material === undefined ? {} : { material }),
  };
  await harness.store.commit([{ kind: 'managed-created', managed }]);
  return uniqueIdentifier;
}

/** An Active AES-256 key for Encrypt and Decrypt, unless told otherwise. */
export async function putKey(harness: Harness, attributes: Attributes = {}, material: Material = rawBlock(keyBytes)): Promise<string> {
  return put(harness, ObjectType.SymmetricKey, {
    State: State.Active,
    CryptographicAlgorithm: CryptographicAlgorithm.AES,
    CryptographicLength: 256,
    CryptographicUsageMask: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt,
    ...attributes,
  }, material);
}

export async function putSecret(harness: Harness, attributes: Attributes = {}): Promise<string> {
  return put(harness, ObjectType.SecretData, { State: State.Active, ...attributes }, { ...rawBlock(Buffer.from('hush')), secretDataType: SecretDataType.Password });
}

/** A stored object's attribute, now. */
export function storedAttribute<Name extends AttributeName>(harness: Harness, uniqueIdentifier: string, name: Name): AttributeTypes[Name] | undefined {
  return harness.store.fetch('alpha', uniqueIdentifier)?.attributes.get(name)?.[0]?.value as AttributeTypes[Name] | undefined;
}
