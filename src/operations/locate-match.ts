/**
 * Whether an object is one that a Locate looks for (KMIP 1.4 §4.9, KMIP 2.1 §6.1.28).
 *
 *     dates, given once    the same date          given twice   inside the range, limits included; the largest date
 *                                                               that there is stands for "not set"
 *     usage mask           has all bits           Usage Limits  as many units or more
 *     structures           the fields given are the same        all else   is the same
 *
 * Invariant: a filter that nothing can satisfy matches nothing; no filter is ever passed over. Several values of one
 * attribute have each to be found.
 */
import { attributeRule, isCustomAttribute } from '../kmip/attribute-table.ts';
import type { AttributeInstance } from '../kmip/attributes.ts';
import { StorageStatusMask } from '../kmip/enums.ts';
import { effectiveState, isDestroyed } from '../kmip/life-cycle.ts';
import type { Managed } from '../kmip/managed.ts';
import type { Link, UsageLimits } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import type { FieldType, TtlvNode } from '../kmip/schema.ts';
import { attributeTitle } from './attribute-rules.ts';
import { shownInstances } from './attribute-view.ts';
import type { Context, LocateTerm } from './context.ts';
import { includesValue, sameItem } from './value-equality.ts';

/** Dates from here on stand for the largest one that the type has, and so for a date that is not set. */
const noDate = Number.MAX_SAFE_INTEGER;

/** All values that a request gives for one attribute. */
export interface Filter {
  readonly name: string;
  readonly values: readonly unknown[];
}

/** The filters of a request, by attribute. A name that is no attribute is an error: the client would take any answer for a match. */
export function filtersOf(context: Context, given: readonly AttributeInstance[]): readonly Filter[] {
  const byName = new Map<string, unknown[]>();
  for (const { name, value } of given) {
    if (attributeRule(name) === undefined) throw new KmipError('InvalidAttribute', `attribute ${JSON.stringify(name)} is not known`, 'InvalidField');
    const values = byName.get(name) ?? [];
    values.push(name === 'Link' ? resolvedLink(context, value as Partial<Link>) : value);
    byName.set(name, values);
  }
  const filters = [...byName].map(([name, values]) => ({ name, values }));
  const crowded = filters.find((filter) => isDate(filter.name) && filter.values.length > 2);
  if (crowded !== undefined) throw new KmipError('InvalidField', `${attributeTitle(crowded.name)} is given ${crowded.values.length} times; twice makes a range`);
  return filters;
}

function resolvedLink(context: Context, link: Partial<Link>): Partial<Link> {
  const { linkedObjectIdentifier } = link;
  if (linkedObjectIdentifier === undefined || typeof linkedObjectIdentifier === 'string') return link;
  return { ...link, linkedObjectIdentifier: context.resolveIdentifier(linkedObjectIdentifier) };
}

/** Equalities that an index may answer; ranges and masks are none. */
export function termsOf(filters: readonly Filter[]): readonly LocateTerm[] {
  return filters.filter((filter) => !isDate(filter.name)).flatMap(({ name, values }) => values.map((value) => ({ name, value })));
}

export function matches(managed: Managed, filters: readonly Filter[], now: number): boolean {
  return filters.every((filter) => satisfies(managed, filter, now));
}

function satisfies(managed: Managed, { name, values }: Filter, now: number): boolean {
  const stored = shownInstances(managed, name, now).map((instance) => instance.value);
  if (isDate(name)) return dateInside((stored[0] as number | undefined) ?? noDate, values as readonly number[]);
  return values.every((wanted) => stored.some((value) => fits(name, value, wanted)));
}

function dateInside(date: number, wanted: readonly number[]): boolean {
  const limits = wanted.map((each) => Math.min(each, noDate));
  return date >= Math.min(...limits) && date <= Math.max(...limits);
}

function fits(name: string, stored: unknown, wanted: unknown): boolean {
  if (isCustomAttribute(name)) return sameItem(stored as TtlvNode, wanted as TtlvNode);
  if (isMask(name)) return ((stored as number) & (wanted as number)) === wanted;
  if (name === 'UsageLimits') return suffices(stored as UsageLimits, wanted as Partial<UsageLimits>);
  return includesValue(stored, wanted);
}

function suffices(stored: UsageLimits, wanted: Partial<UsageLimits>): boolean {
  const { usageLimitsTotal = 0n, usageLimitsCount = 0n, usageLimitsUnit } = wanted;
  return (usageLimitsUnit === undefined || usageLimitsUnit === stored.usageLimitsUnit) && stored.usageLimitsTotal >= usageLimitsTotal && (stored.usageLimitsCount ?? stored.usageLimitsTotal) >= usageLimitsCount;
}

function kindOf(name: string): string | undefined {
  return isCustomAttribute(name) ? undefined : (attributeRule(name)?.type as FieldType | undefined)?.kind;
}

function isDate(name: string): boolean {
  return kindOf(name) === 'dateTime';
}

function isMask(name: string): boolean {
  return kindOf(name) === 'mask';
}

/**
 * Whether an object is where the Storage Status Mask looks. Nothing is archived here. In 1.x, whose mask knows no destroyed
 * objects, a filter on their State finds them.
 */
export function isStored(managed: Managed, mask: number | undefined, filters: readonly Filter[], context: Context): boolean {
  if (!isDestroyed(effectiveState(managed, context.now))) return ((mask ?? StorageStatusMask.OnLineStorage) & StorageStatusMask.OnLineStorage) !== 0;
  return mayBeDestroyed(mask, filters, context);
}

/** Whether a Locate finds destroyed objects at all. */
export function mayBeDestroyed(mask: number | undefined, filters: readonly Filter[], context: Context): boolean {
  if (((mask ?? 0) & StorageStatusMask.DestroyedStorage) !== 0) return true;
  return context.version < 20 && filters.some((filter) => filter.name === 'State');
}
