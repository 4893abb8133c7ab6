/**
 * The messages of a load run, encoded before it begins, so that making them is no part of what is measured.
 *
 * Each operation has a ring of variants; item `j` of variant `v` has the slot `v * batch + j`, which settles its key
 * (slot modulo keys) and its data (from the seed), so a check needs nothing but the slot. The rings lie in memory that
 * all threads of the run share.
 */
import { writeRequest } from '../../codec/message.ts';
import type { OutgoingRequestItem } from '../../codec/message.ts';
import { BlockCipherMode, CryptographicAlgorithm, KeyFormatType, ObjectType, PaddingMethod, QueryFunction } from '../../kmip/enums.ts';
import { ItemType } from '../../kmip/item-types.ts';
import { Tag } from '../../kmip/tags.ts';
import { operations } from '../../operations/index.ts';
import type { KmipClient, OperationName, RequestOf } from '../client.ts';
import { forEachIndex, keyAttributes, keyBits, nameAttribute } from './own-keys.ts';
import { LoadError } from './plan.ts';
import type { LoadMode, LoadOperation, LoadPlan } from './plan.ts';
import { seededBytes } from './seeded.ts';

/** Least variants of a ring, where the memory allows: data that repeats at once flatters caches. */
const leastVariants = 256;
/** Memory of one ring. */
const ringBytes = 256 << 20;

/** Messages of one operation: variant `v` lies at `offsets[v] … offsets[v + 1]`. */
export interface RequestRing {
  readonly operation: LoadOperation;
  readonly bytes: SharedArrayBuffer;
  readonly offsets: Uint32Array;
}

/** Parameters by mode. The algorithm is named since some servers (PyKMIP) do not take it from the key. */
const modeParameters: Readonly<Record<LoadMode, { blockCipherMode: number; paddingMethod?: number; tagLength?: number; randomIV?: boolean }>> = {
  ecb: { blockCipherMode: BlockCipherMode.ECB, paddingMethod: PaddingMethod.PKCS5 },
  cbc: { blockCipherMode: BlockCipherMode.CBC, paddingMethod: PaddingMethod.PKCS5 },
  cfb: { blockCipherMode: BlockCipherMode.CFB },
  ofb: { blockCipherMode: BlockCipherMode.OFB },
  ctr: { blockCipherMode: BlockCipherMode.CTR },
  gcm: { blockCipherMode: BlockCipherMode.GCM, tagLength: 16, randomIV: true },
};

/** The client's IV of a slot; GCM nonces are the server's, and ECB has none. */
export function slotVector(plan: LoadPlan, slot: number): Uint8Array | undefined {
  return plan.mode === 'ecb' || plan.mode === 'gcm' ? undefined : seededBytes(plan.seed ^ 0x1f, slot, 16);
}

export function slotData(plan: LoadPlan, slot: number): Uint8Array {
  return seededBytes(plan.seed, slot, plan.payloadBytes);
}

/** An Encrypt of the slot's data with its key. */
export function encryptRequest(plan: LoadPlan, identifiers: readonly string[], slot: number): RequestOf<'Encrypt'> {
  const ivCounterNonce = slotVector(plan, slot);
  return {
    uniqueIdentifier: identifiers[slot % identifiers.length]!,
    cryptographicParameters: { ...modeParameters[plan.mode], cryptographicAlgorithm: CryptographicAlgorithm.AES },
    data: slotData(plan, slot),
    ...(ivCounterNonce !== undefined && { ivCounterNonce }),
  };
}

/** The Decrypt that undoes an Encrypt of the slot. */
export function decryptRequest(plan: LoadPlan, identifiers: readonly string[], slot: number, sealed: { readonly data?: Uint8Array; readonly ivCounterNonce?: Uint8Array; readonly authenticatedEncryptionTag?: Uint8Array }): RequestOf<'Decrypt'> {
  const { randomIV: _, ...parameters } = modeParameters[plan.mode];
  const ivCounterNonce = slotVector(plan, slot) ?? sealed.ivCounterNonce;
  return {
    uniqueIdentifier: identifiers[slot % identifiers.length]!,
    cryptographicParameters: { ...parameters, cryptographicAlgorithm: CryptographicAlgorithm.AES },
    data: sealed.data ?? new Uint8Array(),
    ...(ivCounterNonce !== undefined && { ivCounterNonce }),
    ...(sealed.authenticatedEncryptionTag !== undefined && { authenticatedEncryptionTag: sealed.authenticatedEncryptionTag }),
  };
}

function item<Name extends OperationName>(name: Name, value: RequestOf<Name>): OutgoingRequestItem {
  const definition = operations.find((each) => each.name === name)!;
  return { operation: definition.code, payload: { type: definition.request, value } };
}

type ItemMaker = (slot: number) => OutgoingRequestItem;

/** What one item of the operation asks, by its slot. Decrypt needs what Encrypt gives, so it asks the server first. */
async function itemMaker(operation: LoadOperation, plan: LoadPlan, client: KmipClient, identifiers: readonly string[], mark: string): Promise<ItemMaker> {
  const identifierOf = (slot: number): string => identifiers[slot % identifiers.length]!;
  switch (operation) {
    case 'encrypt': return (slot) => item('Encrypt', encryptRequest(plan, identifiers, slot));
    case 'decrypt': {
      const sealed: RequestOf<'Decrypt'>[] = [];
      await forEachIndex(identifiers.length, async (slot) => {
        sealed[slot] = decryptRequest(plan, identifiers, slot, await client.encrypt(encryptRequest(plan, identifiers, slot)));
      });
      return (slot) => item('Decrypt', sealed[slot % sealed.length]!);
    }
    case 'get': return (slot) => item('Get', { uniqueIdentifier: identifierOf(slot) });
    case 'get-attributes': return (slot) => item('GetAttributes', { uniqueIdentifier: identifierOf(slot), attributeNames: ['State', 'CryptographicAlgorithm', 'CryptographicLength'] });
    case 'locate': return (slot) => item('Locate', { maximumItems: 1, attributes: [nameAttribute(mark, slot % identifiers.length)] });
    case 'create': return () => item('Create', { objectType: ObjectType.SymmetricKey, attributes: keyAttributes });
    case 'register': return (slot) => item('Register', {
      objectType: ObjectType.SymmetricKey,
      attributes: keyAttributes,
      symmetricKey: {
        keyBlock: {
          keyFormatType: KeyFormatType.Raw,
          keyValue: { keyMaterial: { tag: Tag.KeyMaterial, type: ItemType.ByteString, value: seededBytes(plan.seed ^ 0x2e, slot, keyBits / 8) } },
          cryptographicAlgorithm: CryptographicAlgorithm.AES,
          cryptographicLength: keyBits,
        },
      },
    });
    case 'query': return () => item('Query', { queryFunction: [QueryFunction.QueryOperations, QueryFunction.QueryObjects] });
    case 'discover-versions': return () => item('DiscoverVersions', { protocolVersion: [] });
  }
}

function encodeVariant(plan: LoadPlan, make: ItemMaker, variant: number): Uint8Array {
  const items = Array.from({ length: plan.batch }, (_, index) => ({
    ...make(variant * plan.batch + index),
    ...(plan.batch > 1 && { uniqueBatchItemID: Uint8Array.of(index >> 8, index & 255) }),
  }));
  return writeRequest(plan.version, plan.batch > 1 ? { batchOrderOption: true } : {}, items);
}

/** Messages of the operation that use every key, in shared memory. */
export async function makeRing(operation: LoadOperation, plan: LoadPlan, client: KmipClient, identifiers: readonly string[], mark: string): Promise<RequestRing> {
  const make = await itemMaker(operation, plan, client, identifiers, mark);
  const first = encodeVariant(plan, make, 0);
  // Identifiers differ in length from server to server, hardly within one; the half more is room for that.
  const affordable = Math.floor(ringBytes / (first.length * 1.5));
  const needed = Math.ceil(identifiers.length / plan.batch);
  if (needed > affordable) throw new LoadError(`${operation} with ${identifiers.length} keys needs ${needed} messages of ${first.length} bytes; ${affordable} fit in the ${ringBytes >> 20} MiB a run takes`);
  const variants = [first];
  for (let variant = 1; variant < Math.min(Math.max(needed, leastVariants), affordable); variant++) variants.push(encodeVariant(plan, make, variant));
  const offsets = new Uint32Array(variants.length + 1);
  variants.forEach((message, index) => { offsets[index + 1] = offsets[index]! + message.length; });
  const bytes = new SharedArrayBuffer(offsets[variants.length]!);
  const target = new Uint8Array(bytes);
  variants.forEach((message, index) => target.set(message, offsets[index]));
  return { operation, bytes, offsets };
}
