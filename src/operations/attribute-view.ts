/**
 * An object's attributes as a client sees them at a given second (KMIP 1.4 §3.22, §4.12).
 *
 * Invariant: Unique Identifier and Object Type, which the object itself carries, and the State that dates have brought
 * about are shown like any stored attribute; nobody else reads `managed.attributes` to show it.
 */
import { attributeNameList, isAttributeName, versionHasAttribute } from '../kmip/attribute-table.ts';
import type { AttributeInstance, StoredInstance } from '../kmip/attributes.ts';
import { effectiveState } from '../kmip/life-cycle.ts';
import type { Managed } from '../kmip/managed.ts';
import type { ProtocolVersion } from '../kmip/version.ts';

const none: readonly StoredInstance[] = [];

/** Instances of one attribute in the order of their indexes; none where the object lacks it. */
export function shownInstances(managed: Managed, name: string, now: number): readonly StoredInstance[] {
  switch (name) {
    case 'UniqueIdentifier':
      return [{ index: 0, value: managed.uniqueIdentifier }];
    case 'ObjectType':
      return [{ index: 0, value: managed.objectType }];
    case 'State':
      return managed.attributes.has('State') ? [{ index: 0, value: effectiveState(managed, now) }] : none;
    default:
      return managed.attributes.get(name) ?? none;
  }
}

/** Names of the attributes that the object has and the version knows: in the order of the table, then custom ones as they came. */
export function shownNames(managed: Managed, version: ProtocolVersion, now: number): readonly string[] {
  const custom = [...managed.attributes.keys()].filter((name) => !isAttributeName(name));
  return [...attributeNameList, ...custom].filter((name) => versionHasAttribute(name, version) && shownInstances(managed, name, now).length > 0);
}

/** Instances as messages carry them. */
export function asInstances(name: string, stored: readonly StoredInstance[]): readonly AttributeInstance[] {
  return stored.map(({ index, value }) => ({ name, index, value }));
}
