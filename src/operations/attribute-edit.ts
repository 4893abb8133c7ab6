/**
 * Changing one attribute of a stored object, whatever the operation (KMIP 1.4 §3 and §4.14 to §4.16, KMIP 2.1 §4 and §6.1).
 *
 *     Add, Modify, Delete, Set, Adjust Attribute  ──decide the new instances──>  edited()  ──>  one mutation
 *
 * Invariant: what depends on state, dates, use and other attributes is checked here, once for all five operations. The
 * mutation holds the attribute, whatever follows from it (State, Always Sensitive, Never Extractable) and Last Change Date.
 */
import { isCustomAttribute } from '../kmip/attribute-table.ts';
import type { AttributeInstance, AttributeRule, StoredInstance } from '../kmip/attributes.ts';
import { State } from '../kmip/enums.ts';
import { datesInOrder, effectiveState, only, requireDateOrder, wrongState } from '../kmip/life-cycle.ts';
import type { LifeCycleDate } from '../kmip/life-cycle.ts';
import { attributeOf } from '../kmip/managed.ts';
import type { Managed } from '../kmip/managed.ts';
import type { NameStructure, UsageLimits } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import type { ResultReasonName } from '../kmip/result.ts';
import type { TtlvNode } from '../kmip/schema.ts';
import type { AttributeChange, Mutation } from '../storage/mutation.ts';
import { attributeTitle, attributesMax, checkedValue, requireRoom, requireRule, requireUniqueNames, valueReasons, wrongValue } from './attribute-rules.ts';
import type { Context } from './context.ts';
import { isQuantumSafe } from './key-generation.ts';
import { sameItem, sameValue } from './value-equality.ts';

/** Reasons that an edit may fail for, besides those of its operation. */
export const editReasons = [
  ...valueReasons, 'ObjectNotFound', 'InvalidField', 'ReadOnlyAttribute', 'AttributeReadOnly', 'WrongKeyLifecycleState', 'PermissionDenied',
] as const satisfies readonly ResultReasonName[];

/** The one attribute that a request carries. */
export function theAttribute(instances: readonly AttributeInstance[]): AttributeInstance {
  const [instance] = instances;
  if (instance === undefined || instances.length > 1) throw new KmipError('InvalidField', `the request carries ${instances.length} attributes; the operation takes exactly one`);
  return instance;
}

export function storedInstances(managed: Managed, name: string): readonly StoredInstance[] {
  return managed.attributes.get(name) ?? [];
}

/** Where a value stands among the instances. */
export function instanceOf(name: string, instances: readonly StoredInstance[], value: unknown): StoredInstance | undefined {
  return instances.find((each) => (isCustomAttribute(name) ? sameItem(each.value as TtlvNode, value as TtlvNode) : sameValue(each.value, value)));
}

/** A new instance after the others: indexes of deleted ones at the end are used again, others never. */
export function appended(context: Context, name: string, instances: readonly StoredInstance[], value: unknown): readonly [readonly StoredInstance[], StoredInstance] {
  requireRoom(name, instances.length + 1);
  const added: StoredInstance = { index: (instances.at(-1)?.index ?? -1) + 1, value: checkedValue(context, name, value) };
  return [[...instances, added], added];
}

/** The same instances with another value in place of one. */
export function replaced(context: Context, name: string, instances: readonly StoredInstance[], target: StoredInstance, value: unknown): readonly [readonly StoredInstance[], StoredInstance] {
  const changed: StoredInstance = { index: target.index, value: checkedValue(context, name, value) };
  return [instances.map((each) => (each.index === target.index ? changed : each)), changed];
}

/** Rule of an attribute that a client may give a first value. `reason` is what 2.x calls the failure. */
export function requireAddable(name: string, objectType: number, reason: 'ReadOnlyAttribute' | 'AttributeReadOnly'): AttributeRule {
  const rule = requireRule(name, objectType, 'PermissionDenied');
  if (rule.setBy === 'server') throw readOnly(name, reason, 'is set by the server');
  return rule;
}

/** Rule of an attribute whose value a client may change. */
export function requireModifiable(name: string, objectType: number, reason: 'ReadOnlyAttribute' | 'AttributeReadOnly'): AttributeRule {
  const rule = requireRule(name, objectType, 'PermissionDenied');
  if (!rule.modifiableByClient) throw readOnly(name, reason, 'cannot be changed by a client');
  return rule;
}

export function readOnly(name: string, reason: 'ReadOnlyAttribute' | 'AttributeReadOnly', why: string): KmipError {
  return new KmipError(reason, `${attributeTitle(name)} ${why}`, 'PermissionDenied');
}

/** Mutations that give the attribute these instances, once they are found to be allowed. */
export async function edited(context: Context, managed: Managed, name: string, instances: readonly StoredInstance[]): Promise<readonly Mutation[]> {
  const { scope, uniqueIdentifier } = managed;
  const isNew = instances.length > 0 && !managed.attributes.has(name);
  if (isNew && managed.attributes.size >= attributesMax) throw new KmipError('ServerLimitExceeded', `the object has ${attributesMax} attributes, which is the most it may have`, 'IndexOutOfBounds');
  const after: Managed = { ...managed, attributes: new Map([...managed.attributes, [name, instances]]) };
  const follows = await followUps(context, managed, after, name);
  const changes: readonly AttributeChange[] = [{ name, instances }, ...follows, only('LastChangeDate', context.now)];
  return [{ kind: 'attributes-changed', scope, uniqueIdentifier, changes }];
}

/** Checks one attribute's change against the rest of the object, and tells what else changes with it. */
async function followUps(context: Context, before: Managed, after: Managed, name: string): Promise<readonly AttributeChange[]> {
  switch (name) {
    case 'Name':
      await requireUniqueNames(context, storedInstances(after, name).map((instance) => instance.value as NameStructure), before.uniqueIdentifier, 'IllegalOperation');
      return [];
    case 'ActivationDate':
    case 'ProcessStartDate':
    case 'ProtectStopDate':
    case 'DeactivationDate':
      return dateFollowUps(context, before, after, name);
    case 'UsageLimits':
      requireUnused(before);
      return [];
    case 'Sensitive':
      // Once True it stays: a client that may change attributes could fetch a key it was never to see.
      if (attributeOf(before, name) === true && attributeOf(after, name) !== true) throw new KmipError('PermissionDenied', 'Sensitive cannot be turned off');
      return attributeOf(after, name) === true ? [] : [only('AlwaysSensitive', false)];
    case 'Extractable':
      if (attributeOf(before, name) === false && attributeOf(after, name) !== false) throw new KmipError('PermissionDenied', 'Extractable cannot be turned on');
      return attributeOf(after, name) === false ? [] : [only('NeverExtractable', false)];
    case 'QuantumSafe':
      if (attributeOf(after, name) === true && !isQuantumSafe(attributeOf(after, 'CryptographicAlgorithm'), attributeOf(after, 'CryptographicLength'))) {
        throw wrongValue(name, 'cannot be True for a key of this algorithm and length');
      }
      return [];
    default:
      return [];
  }
}

/** KMIP 1.4 §3.24 to §3.27: until when each date may be changed, the order of the four, and the state they lead to. */
function dateFollowUps(context: Context, before: Managed, after: Managed, name: LifeCycleDate): readonly AttributeChange[] {
  const { now } = context;
  const state = effectiveState(before, now);
  const isOpen = state === State.PreActive || (state === State.Active && name !== 'ActivationDate');
  if (!isOpen) throw wrongState(before, state, `${attributeTitle(name)} can be changed only while it is ${name === 'ActivationDate' ? 'Pre-Active' : 'Pre-Active or Active'}`);
  const reached = attributeOf(before, name);
  if ((name === 'ProcessStartDate' || name === 'ProtectStopDate') && state === State.Active && reached !== undefined && reached <= now) {
    throw new KmipError('WrongKeyLifecycleState', `${attributeTitle(name)} has been reached and cannot be changed any more`);
  }
  requireDateOrder(Object.fromEntries(datesInOrder.map((each) => [each, attributeOf(after, each)])) as { [Name in LifeCycleDate]?: number });
  const reachedState = effectiveState(after, now);
  return reachedState === attributeOf(before, 'State') ? [] : [only('State', reachedState)];
}

/** Limits of a key that has been used stay as they are (KMIP 1.4 §3.21). */
function requireUnused(managed: Managed): void {
  const limits: UsageLimits | undefined = attributeOf(managed, 'UsageLimits');
  if (limits === undefined || (limits.usageLimitsCount ?? limits.usageLimitsTotal) === limits.usageLimitsTotal) return;
  throw new KmipError('PermissionDenied', `Usage Limits cannot be changed: ${limits.usageLimitsTotal - limits.usageLimitsCount!} units have been used`);
}
