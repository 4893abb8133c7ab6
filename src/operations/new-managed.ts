/**
 * A new managed object: the attributes that a client gives, those that the server sets, and the rules between them
 * (KMIP 1.4 §4.1, §4.3 and §3, KMIP 2.1 §6.1.8, §6.1.43 and §4).
 *
 * Invariant: every attribute of every protocol version is set at birth, whatever the version of the request, since the
 * object will be read at others. Time and identifiers come from the context: the mutation holds all that was decided.
 */
import type { AttributeInstance, StoredInstance } from '../kmip/attributes.ts';
import type { AttributeName, AttributeTypes } from '../kmip/attribute-table.ts';
import { ProtectionStorageMask, State } from '../kmip/enums.ts';
import { datesInOrder, requireDateOrder, stateByDates } from '../kmip/life-cycle.ts';
import type { LifeCycleDate } from '../kmip/life-cycle.ts';
import type { Managed, Material } from '../kmip/managed.ts';
import type { Digest, NameStructure } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import type { ResultReasonName } from '../kmip/result.ts';
import { attributeTitle, attributesMax, checkedValue, requireRoom, requireRule, requireUniqueNames, valueReasons, wrongValue } from './attribute-rules.ts';
import type { Context } from './context.ts';
import { isQuantumSafe } from './key-generation.ts';
import { digestOf, sha256 } from './key-material.ts';

/** Seconds for which a client may use an object without asking again (KMIP 1.4 §3.20). */
export const leaseTime = 3600;

/** How the server stores objects (KMIP 2.1 §11.42): by software, sealed. */
export const protectionStorage: number = ProtectionStorageMask.Software;

/** Reasons that the birth of an object may fail for, besides those of its operation. */
export const birthReasons = [...valueReasons, 'AttributeReadOnly', 'AttributeSingleValued', 'ProtectionStorageUnavailable', 'InvalidField', 'GeneralFailure', 'ItemNotFound'] as const satisfies readonly ResultReasonName[];

/** Attributes of an object that is not stored yet. */
export class Draft {
  readonly objectType: number;
  readonly #attributes = new Map<string, StoredInstance[]>();

  constructor(objectType: number) {
    this.objectType = objectType;
  }

  has(name: AttributeName): boolean {
    return this.#attributes.has(name);
  }

  get<Name extends AttributeName>(name: Name): AttributeTypes[Name] | undefined {
    return this.#attributes.get(name)?.[0]?.value as AttributeTypes[Name] | undefined;
  }

  all<Name extends AttributeName>(name: Name): readonly AttributeTypes[Name][] {
    return (this.#attributes.get(name) ?? []).map((instance) => instance.value as AttributeTypes[Name]);
  }

  set<Name extends AttributeName>(name: Name, ...values: readonly AttributeTypes[Name][]): void {
    this.#attributes.set(name, values.map((value, index) => ({ index, value })));
  }

  /** Takes the attributes of a request. An Attribute Index in them means nothing yet and is left out. */
  take(context: Context, given: readonly AttributeInstance[]): void {
    for (const { name, value } of given) {
      const rule = requireRule(name, this.objectType, 'InvalidField');
      if (!rule.givenAtCreation) throw new KmipError('AttributeReadOnly', `${attributeTitle(name)} is set by the server`, 'InvalidField');
      const instances = this.#attributes.get(name) ?? [];
      if (instances.length > 0 && !rule.multiple) throw new KmipError('AttributeSingleValued', `${attributeTitle(name)} is given more than once; an object has one`, 'InvalidField');
      requireRoom(name, instances.length + 1);
      this.#attributes.set(name, [...instances, { index: instances.length, value: checkedValue(context, name, value) }]);
    }
    if (this.#attributes.size > attributesMax) throw new KmipError('ServerLimitExceeded', `${this.#attributes.size} attributes; an object may have ${attributesMax}`, 'IndexOutOfBounds');
  }

  /** The draft's own: who keeps it changes the draft no more. */
  finished(): ReadonlyMap<string, readonly StoredInstance[]> {
    return this.#attributes;
  }
}

/** Protection Storage Masks of a 2.x request. */
export type StorageMasks = { readonly protectionStorageMask?: readonly number[] } | undefined;

export interface Birth {
  readonly draft: Draft;
  readonly material: Material;
  readonly digests?: readonly Digest[];
  readonly storageMasks?: StorageMasks;
}

/** The object to store, with all that the server sets. */
export async function born(context: Context, birth: Birth): Promise<Managed> {
  const { draft, material } = birth;
  const uniqueIdentifier = context.newUniqueIdentifier();
  const { now } = context;
  requireDateOrder(Object.fromEntries(datesInOrder.map((name) => [name, draft.get(name)])) as { [Name in LifeCycleDate]?: number });
  const names: readonly NameStructure[] = draft.all('Name');
  await requireUniqueNames(context, names, undefined, 'InvalidField');
  if (draft.get('QuantumSafe') === true && !isQuantumSafe(draft.get('CryptographicAlgorithm'), draft.get('CryptographicLength'))) {
    // The OASIS cases (QS-M-2) want this reason, not one of the attribute's.
    throw new KmipError('GeneralFailure', 'Quantum Safe is wanted, and algorithm and length do not give it');
  }
  draft.set('ProtectionStorageMask', storageFor(draft, birth.storageMasks));
  draft.set('ShortUniqueIdentifier', sha256(uniqueIdentifier));
  draft.set('State', stateByDates(State.PreActive, draft.get('ActivationDate'), draft.get('DeactivationDate'), now));
  draft.set('InitialDate', now);
  draft.set('LastChangeDate', now);
  draft.set('LeaseTime', leaseTime);
  if (!draft.has('Fresh')) draft.set('Fresh', true);
  if (!draft.has('Sensitive')) draft.set('Sensitive', false);
  if (!draft.has('Extractable')) draft.set('Extractable', true);
  draft.set('AlwaysSensitive', draft.get('Sensitive') === true);
  draft.set('NeverExtractable', draft.get('Extractable') === false);
  const digests = birth.digests ?? [digestOf(material, context.encodings)].filter((digest) => digest !== undefined);
  if (digests.length > 0) draft.set('Digest', ...digests);
  return { scope: context.caller.scope, uniqueIdentifier, objectType: draft.objectType, attributes: draft.finished(), material, revision: 1 };
}

/** The mask to record: the first one asked for that the server's storage satisfies. */
function storageFor(draft: Draft, masks: StorageMasks): number {
  const asked = masks?.protectionStorageMask ?? draft.all('ProtectionStorageMask');
  if (asked.length === 0) return protectionStorage;
  const possible = asked.find((mask) => (mask & ~protectionStorage) === 0);
  if (possible === undefined) throw new KmipError('ProtectionStorageUnavailable', `Protection Storage Mask 0x${(asked[0]! >>> 0).toString(16)}; the server stores by software (0x${protectionStorage.toString(16)})`, 'InvalidField');
  return possible;
}

/** Sets an attribute that the object tells and the request may repeat, never change. */
export function settle<Name extends AttributeName>(draft: Draft, name: Name, told: AttributeTypes[Name] | undefined): void {
  if (told === undefined) return;
  const given = draft.get(name);
  if (given !== undefined && given !== told) throw wrongValue(name, `is ${String(given)} in the attributes and ${String(told)} in the object`);
  draft.set(name, told);
}
