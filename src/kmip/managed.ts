/**
 * Managed: one object with its attributes, as every room sees it (KMIP 1.4 §2.2 and §3).
 *
 * Invariant: a value, never changed in place; a change is a mutation that makes the next revision. `State` in
 * `attributes` is the state as of the last mutation: dates may have moved it on since, so ask `life-cycle.ts`.
 */
import type { StoredInstance } from './attributes.ts';
import type { AttributeName, AttributeTypes } from './attribute-table.ts';
import type { KeyBlock } from './objects.ts';

/** What is in the object besides attributes; gone once the object is destroyed. */
export interface Material {
  /** Symmetric Key, Secret Data. */
  readonly keyBlock?: KeyBlock;
  readonly secretDataType?: number;
  readonly opaqueDataType?: number;
  readonly opaqueDataValue?: Uint8Array;
}

export type AttributeMap = ReadonlyMap<string, readonly StoredInstance[]>;

export interface Managed {
  readonly scope: string;
  readonly uniqueIdentifier: string;
  readonly objectType: number;
  readonly attributes: AttributeMap;
  readonly material?: Material;
  /** Grows by one with each mutation of the object. */
  readonly revision: number;
}

/** First (or only) value of an attribute, typed by the table. */
export function attributeOf<Name extends AttributeName>(managed: Managed, name: Name): AttributeTypes[Name] | undefined {
  return managed.attributes.get(name)?.[0]?.value as AttributeTypes[Name] | undefined;
}

/** All values of an attribute in the order of their indexes. */
export function attributesOf<Name extends AttributeName>(managed: Managed, name: Name): readonly StoredInstance<AttributeTypes[Name]>[] {
  return (managed.attributes.get(name) ?? []) as readonly StoredInstance<AttributeTypes[Name]>[];
}
