/**
 * What every attribute value has to hold before it may stand in an object, whichever operation brings it (KMIP 1.4 §3,
 * KMIP 2.1 §4): its name is known, the object may carry it, its value makes sense.
 *
 * Invariant: a value is stored only in the form that `checkedValue` gives back. The rules of a row are data
 * (attribute-table.ts); what depends on the value or on other attributes stands here and in attribute-edit.ts.
 */
import { attributeRule, isCustomAttribute } from '../kmip/attribute-table.ts';
import type { AttributeRule } from '../kmip/attributes.ts';
import { enumerationValueName } from '../kmip/enums.ts';
import type { Managed } from '../kmip/managed.ts';
import type { ApplicationSpecificInformation, Link, NameStructure, UsageLimits } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import type { ResultReasonName } from '../kmip/result.ts';
import type { TtlvNode } from '../kmip/schema.ts';
import type { Context } from './context.ts';
import { isDestroyed, effectiveState } from '../kmip/life-cycle.ts';
import { sameValue } from './value-equality.ts';

/** Values of one attribute that an object may have: Locate and every answer walk them all. */
export const instancesMax = 256;

/** Attributes of different names that an object may have. */
export const attributesMax = 512;

/** Reasons that the checks of this file may give. */
export const valueReasons = ['InvalidAttribute', 'InvalidAttributeValue', 'ApplicationNamespaceNotSupported', 'NonUniqueNameAttribute', 'ServerLimitExceeded'] as const satisfies readonly ResultReasonName[];

/** Name of an attribute as a message to a person says it. */
export function attributeTitle(name: string): string {
  return isCustomAttribute(name) ? name : (attributeRule(name)?.title ?? name);
}

/** The rule of an attribute that an object of this type may carry; `older` is the reason that 1.x's table has for it. */
export function requireRule(name: string, objectType: number, older: ResultReasonName): AttributeRule {
  const rule = attributeRule(name);
  if (rule === undefined) throw new KmipError('InvalidAttribute', `attribute ${JSON.stringify(name)} is not known; custom attributes are named x-…`, older);
  if (rule.objectTypes !== 'all' && !rule.objectTypes.includes(objectType)) {
    throw new KmipError('InvalidAttribute', `${rule.title} does not apply to a ${enumerationValueName('ObjectType', objectType)}`, older);
  }
  return rule;
}

/** The value as it is stored. Throws for one that no object may have. */
export function checkedValue(context: Context, name: string, value: unknown): unknown {
  if (isCustomAttribute(name)) return checkedCustom(name, value as TtlvNode);
  switch (name) {
    case 'ApplicationSpecificInformation': {
      const information = value as ApplicationSpecificInformation;
      if (information.applicationData !== undefined) return information;
      throw new KmipError('ApplicationNamespaceNotSupported', `Application Namespace ${JSON.stringify(information.applicationNamespace)}: the server makes no Application Data for it; give some`);
    }
    case 'Link': {
      const link = value as Link;
      const { linkedObjectIdentifier } = link;
      return typeof linkedObjectIdentifier === 'string' ? link : { ...link, linkedObjectIdentifier: context.resolveIdentifier(linkedObjectIdentifier) };
    }
    case 'UsageLimits': {
      const { usageLimitsTotal, usageLimitsUnit } = value as UsageLimits;
      if (usageLimitsTotal < 0n) throw wrongValue(name, `Total ${usageLimitsTotal}; it cannot be negative`);
      // The Count of a client is ignored (KMIP 1.4 §3.21): nothing has been used yet.
      return { usageLimitsTotal, usageLimitsCount: usageLimitsTotal, usageLimitsUnit };
    }
    case 'CryptographicLength':
      if ((value as number) <= 0) throw wrongValue(name, `${value as number}; it is a number of bits`);
      return value;
    default:
      return value;
  }
}

/** A structure in a custom attribute holds no structures (KMIP 1.4 §3.39). */
function checkedCustom(name: string, item: TtlvNode): TtlvNode {
  if (Array.isArray(item.value) && (item.value as readonly TtlvNode[]).some((child) => Array.isArray(child.value))) {
    throw wrongValue(name, 'a structure in a custom attribute holds no other structures');
  }
  return item;
}

/** Throws when another object of the scope, or the list itself, has one of the names already (KMIP 1.4 §3.2). */
export async function requireUniqueNames(context: Context, names: readonly NameStructure[], holder: string | undefined, older: ResultReasonName): Promise<void> {
  for (const [index, name] of names.entries()) {
    if (names.slice(0, index).some((earlier) => sameValue(earlier, name))) throw nameTaken(name, older);
    const terms = [{ name: 'Name', value: name }];
    const isTakenBy = (candidate: Managed): boolean => candidate.uniqueIdentifier !== holder && !isDestroyed(effectiveState(candidate, context.now))
      && (candidate.attributes.get('Name') ?? []).some((instance) => sameValue(instance.value, name));
    const candidates = context.view.candidatesAtOnce(terms, { isHeld: true });
    if (candidates !== undefined) {
      if (candidates.some(isTakenBy)) throw nameTaken(name, older);
      continue;
    }
    for await (const candidate of context.view.candidates(terms, { isHeld: true })) if (isTakenBy(candidate)) throw nameTaken(name, older);
  }
}

function nameTaken(name: NameStructure, older: ResultReasonName): KmipError {
  return new KmipError('NonUniqueNameAttribute', `Name ${JSON.stringify(name.nameValue)} is in use already`, older);
}

export function wrongValue(name: string, why: string): KmipError {
  return new KmipError('InvalidAttributeValue', `${attributeTitle(name)} ${why}`);
}

export function requireRoom(name: string, count: number): void {
  if (count > instancesMax) throw new KmipError('ServerLimitExceeded', `${attributeTitle(name)}: ${count} values; an object may have ${instancesMax}`, 'IndexOutOfBounds');
}
