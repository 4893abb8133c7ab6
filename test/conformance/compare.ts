/**
 * Holds a response against the one that the case has, and says where it differs: path, expected, got.
 *
 * Only what `variations.ts` permits may differ; any other missing field, extra field, order or value is a difference.
 * Placeholders and samples are bound in the Session on the way, so a response is compared once, in order. Rules: the
 * reference data README, "Comparing a response".
 */
import { ResultStatus } from '../../src/kmip/enums.ts';
import { ItemType, itemTypeName } from '../../src/kmip/item-types.ts';
import { Tag, tagRow } from '../../src/kmip/tags.ts';
import { nameOfTag } from '../harness/names.ts';
import { find, findAll, print, valueText } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import { childrenOf, descend } from './case-file.ts';
import type { Template } from './case-file.ts';
import { compareValue } from './compare-value.ts';
import type { Session } from './session.ts';
import { objectTypes, operations } from './slice.ts';
import { meaningOf } from './template.ts';
import { isOptional, queryFreeStructures, queryLists, queryOptional } from './variations.ts';

export interface Difference {
  readonly path: string;
  readonly expected: string;
  readonly got: string;
}

/** Where in a response the comparison stands. */
export interface Place {
  readonly path: string;
  readonly version: number;
  readonly session: Session;
  readonly differences: Difference[];
  /** Operation of the batch item, its request, and the object that the answer is about. */
  readonly operation?: string;
  readonly request?: Template;
  readonly identifier?: string;
  /** Inside a Key Block whose material is wrapped. */
  readonly wrapped?: boolean;
}

/** One line for an element of a case, the whole of a small structure. */
export function templateText(template: Template): string {
  if (template.value !== undefined) return `${template.name} ${template.type === 'TextString' ? JSON.stringify(template.value) : template.value}`;
  return `${template.name} { ${template.children.map(templateText).join(', ')} }`;
}

export function itemText(item: Item): string {
  return print(item).replace(/\n\s*/g, ', ');
}

function differ(place: Place, path: string, expected: string, got: string): void {
  place.differences.push({ path, expected, got });
}

/** What tells the members of a set apart: an attribute's name, else the whole tag. */
function keyOfTemplate(template: Template): string {
  const vendor = childrenOf(template, 'VendorIdentification')[0]?.value ?? '';
  return template.name === 'Attribute' || template.name === 'AttributeReference'
    ? `${template.name} ${vendor} ${childrenOf(template, 'AttributeName')[0]?.value ?? template.value ?? ''}`
    : template.name;
}

function keyOfItem(item: Item): string {
  const name = nameOfTag(item.tag);
  const vendor = find(item, 'VendorIdentification')?.value ?? '';
  if (name !== 'Attribute' && name !== 'AttributeReference') return name;
  const own = item.type === ItemType.Enumeration ? valueText(item, 'AttributeReference') : (find(item, 'AttributeName')?.value ?? '');
  return `${name} ${vendor} ${own}`;
}

/** Differences of one element and one item, without keeping what the comparison bound if there are any. */
function attempt(expected: Template, got: Item, parent: Template | undefined, place: Place): Difference[] {
  const saved = place.session.save();
  const differences: Difference[] = [];
  compareItem(expected, got, parent, { ...place, differences });
  if (differences.length > 0) place.session.restore(saved);
  return differences;
}

/** A group that no request named is the server's own choice, and so is a `y-` attribute. */
function mayBeMissing(template: Template, place: Place): boolean {
  const title = childrenOf(template, 'AttributeName')[0]?.value ?? (template.name === 'AttributeName' || template.name === 'AttributeReference' ? template.value : undefined);
  if (title?.startsWith('y-') === true || childrenOf(template, 'VendorIdentification')[0]?.value === 'y') return true;
  if (title !== 'Object Group' && title !== 'ObjectGroup' && template.name !== 'ObjectGroup') return false;
  const group = template.name === 'ObjectGroup' ? template.value : childrenOf(template, 'AttributeValue')[0]?.value;
  return !place.session.groupWasSent(group);
}

/** Members in any order. Those that have no unbound placeholder find their partner first. */
function compareSet(expected: readonly Template[], got: readonly Item[], parent: Template, place: Place, extraAllowed: (item: Item) => boolean): void {
  const left = [...got];
  const isBound = (template: Template): boolean => template.value?.startsWith('$') !== true || place.session.bound(template.value) !== undefined;
  for (const template of [...expected].sort((one, two) => Number(isBound(two)) - Number(isBound(one)))) {
    const candidates = left.filter((item) => keyOfItem(item) === keyOfTemplate(template));
    let nearest: Difference[] | undefined;
    const partner = candidates.find((item) => {
      const differences = attempt(template, item, parent, { ...place, path: `${place.path}/${template.name}` });
      if (nearest === undefined || differences.length < nearest.length) nearest = differences;
      return differences.length === 0;
    });
    if (partner !== undefined) left.splice(left.indexOf(partner), 1);
    else if (nearest !== undefined && candidates.length === 1 && expected.filter((each) => keyOfTemplate(each) === keyOfTemplate(template)).length === 1) {
      place.differences.push(...nearest);
      left.splice(left.indexOf(candidates[0]!), 1);
    } else if (!mayBeMissing(template, place)) differ(place, place.path, templateText(template), 'nothing like it');
  }
  for (const item of left) {
    const twice = (item.children === undefined || item.tag === Tag.AttributeReference) && got.filter((each) => itemText(each) === itemText(item)).length > 1;
    if (twice || !extraAllowed(item)) differ(place, place.path, twice ? 'each member once' : 'no such member', itemText(item));
  }
}

/** Tags in the order in which they first stand, runs of one tag as one. */
function order(names: readonly string[]): string[] {
  return names.filter((name, index) => name !== names[index - 1]);
}

function optionalTemplate(parent: string, child: Template, version: number): boolean {
  return isOptional(parent, child.name, version, { index: child.value ?? '', critical: childrenOf(child, 'CriticalityIndicator')[0]?.value === 'true' });
}

function optionalItem(parent: string, child: Item, version: number): boolean {
  return isOptional(parent, nameOfTag(child.tag), version, { index: String(child.value ?? ''), critical: find(child, 'CriticalityIndicator')?.value === true });
}

/** How the children with one tag are compared in a payload, where it is not one by one in order. */
function listRule(parent: Template, name: string, place: Place): 'attributes' | 'set' | 'query-list' | 'free' | 'optional' | 'versions' | undefined {
  const { operation } = place;
  if (parent.name === 'ResponsePayload') {
    if (operation === 'GetAttributes' && name === 'Attribute') return 'attributes';
    if (operation === 'GetAttributeList' && (name === 'AttributeName' || name === 'AttributeReference')) return 'attributes';
    if (operation === 'Locate' && name === 'UniqueIdentifier') return 'set';
    if (operation === 'DiscoverVersions') return 'versions';
    if (operation === 'Query' && queryLists.has(name)) return 'query-list';
    if (operation === 'Query' && queryFreeStructures.has(name)) return 'free';
    if (operation === 'Query' && queryOptional.has(name)) return 'optional';
  }
  if (parent.name === 'Attributes' && operation === 'GetAttributes') return 'attributes';
  return undefined;
}

/** A further attribute is allowed if the request names none, or names this one (and then only once). */
function furtherAttribute(expected: readonly Template[], place: Place): (item: Item) => boolean {
  const payload = descend(place.request, 'RequestPayload');
  const asked = [...childrenOf(payload, 'AttributeName'), ...childrenOf(payload, 'AttributeReference')];
  const present = new Set(expected.map(keyOfTemplate).map((key) => key.split(' ').slice(1).join(' ') || key));
  return (item) => {
    const attributeName = String(find(item, 'AttributeName')?.value ?? (item.type === ItemType.TextString ? item.value : ''));
    const key = keyOfItem(item);
    const name = key.split(' ').slice(1).join(' ') || key;
    if (attributeName === 'Object Group' || key === 'ObjectGroup') return true;
    if (place.operation === 'GetAttributes' && present.has(name)) return false;
    if (asked.length === 0) return true;
    return asked.some((template) => template.value === attributeName || template.value === key || (childrenOf(template, 'AttributeName')[0]?.value ?? ' ') === attributeName);
  };
}

/** Items below one whose contents are free that are unknown, or have another type than the specification gives their tag. */
function wronglyTyped(item: Item): Item[] {
  const type = tagRow(item.tag)?.type;
  const wrong = type === undefined || (type !== 'Any' && type !== itemTypeName(item.type));
  return [...(wrong ? [item] : []), ...(item.children ?? []).flatMap(wronglyTyped)];
}

function compareVersions(expected: readonly Template[], got: readonly Item[], parent: Template, place: Place): void {
  const listed = childrenOf(descend(place.request, 'RequestPayload'), 'ProtocolVersion').length > 0;
  const text = (major: unknown, minor: unknown): string => `${String(major)}.${String(minor)}`;
  const wanted = expected.map((each) => text(childrenOf(each, 'ProtocolVersionMajor')[0]?.value, childrenOf(each, 'ProtocolVersionMinor')[0]?.value));
  const offered = got.map((each) => text(find(each, 'ProtocolVersionMajor')?.value, find(each, 'ProtocolVersionMinor')?.value));
  const kept = listed ? offered : offered.filter((version) => wanted.includes(version));
  if (kept.join() !== wanted.join()) differ(place, `${place.path}/${parent.name}`, wanted.join(', '), offered.join(', '));
}

function compareChildren(expected: Template, got: Item, place: Place): void {
  const children = got.children ?? [];
  const wantedNames = expected.children.map(({ name }) => name);
  const gotNames = children.map((child) => nameOfTag(child.tag));
  const wholeSet = listRule(expected, '', place) === 'attributes';
  if (wholeSet) {
    compareSet(expected.children, children, expected, place, furtherAttribute(expected.children, place));
    return;
  }
  const common = (names: readonly string[], others: readonly string[]): string => order(names.filter((name) => others.includes(name))).join(', ');
  if (common(wantedNames, gotNames) !== common(gotNames, wantedNames)) {
    differ(place, place.path, `fields in the order ${common(wantedNames, gotNames)}`, common(gotNames, wantedNames));
  }
  for (const name of new Set([...wantedNames, ...gotNames])) {
    const wanted = expected.children.filter((child) => child.name === name);
    const present = children.filter((child) => nameOfTag(child.tag) === name);
    const rule = listRule(expected, name, place);
    if (rule === 'attributes') compareSet(wanted, present, expected, place, furtherAttribute(wanted, place));
    else if (rule === 'set') compareSet(wanted, present, expected, place, () => false);
    else if (rule === 'versions') compareVersions(wanted, present, expected, place);
    else if (rule === 'query-list') {
      const supported = wanted.filter(({ value }) => (name === 'Operation' ? operations : objectTypes).has(value ?? ''));
      compareSet(supported, present, expected, place, () => wanted.length > 0);
    } else if (rule === 'free') {
      if (wanted.length > 0 && present.length === 0) differ(place, place.path, `${name}, with any contents`, 'none');
      if (wanted.length === 0 && present.length > 0) differ(place, place.path, `no ${name}, which was not asked for`, itemText(present[0]!));
      if (name === 'ServerInformation' && present.length > 1) differ(place, place.path, 'one ServerInformation', String(present.length));
      for (const item of present.flatMap(wronglyTyped)) differ(place, place.path, 'the item type that its tag has', itemText(item));
    } else if (rule !== 'optional') comparePairs(wanted, present, expected, place);
  }
}

function comparePairs(wanted: readonly Template[], present: readonly Item[], parent: Template, place: Place): void {
  for (let index = 0; index < Math.max(wanted.length, present.length); index += 1) {
    const template = wanted[index];
    const item = present[index];
    const suffix = Math.max(wanted.length, present.length) > 1 ? `[${index}]` : '';
    if (template === undefined) {
      const isFirst = wanted.length === 0 && index === 0;
      if (!isFirst || !optionalItem(parent.name, item!, place.version)) differ(place, `${place.path}/${nameOfTag(item!.tag)}${suffix}`, 'no such field', itemText(item!));
    } else if (item === undefined) {
      if (!optionalTemplate(parent.name, template, place.version)) differ(place, `${place.path}/${template.name}${suffix}`, templateText(template), 'the field is missing');
    } else compareItem(template, item, parent, { ...place, path: `${place.path}/${template.name}${suffix}` });
  }
}

function compareItem(expected: Template, got: Item, parent: Template | undefined, place: Place): void {
  const title = expected.name === 'Attribute' ? childrenOf(expected, 'AttributeName')[0]?.value : undefined;
  const named = title === undefined ? place : { ...place, path: `${place.path} "${title}"` };
  const here = expected.name === 'KeyBlock' ? { ...named, wrapped: childrenOf(expected, 'KeyWrappingData').length > 0 } : named;
  if (got.type !== ItemType[expected.type]) {
    differ(here, here.path, `type ${expected.type}: ${templateText(expected)}`, `type ${itemTypeName(got.type) ?? got.type}: ${itemText(got)}`);
  } else if (expected.type === 'Structure') compareChildren(expected, got, here);
  else {
    const wrong = compareValue(expected, got, meaningOf(expected, parent), parent, here);
    if (wrong !== undefined) differ(here, here.path, wrong, valueText(got, meaningOf(expected, parent)));
  }
}

/** The raw material that a Register sends, so that digests and later answers are held to it. */
function noteRegistered(request: Template | undefined, identifier: string, session: Session): void {
  const payload = descend(request, 'RequestPayload');
  const keyBlock = (payload?.children ?? []).map((child) => childrenOf(child, 'KeyBlock')[0]).find((child) => child !== undefined);
  const format = childrenOf(keyBlock, 'KeyFormatType')[0]?.value;
  const material = descend(keyBlock, 'KeyValue', 'KeyMaterial');
  if (material?.type !== 'ByteString' || (format !== 'Raw' && format !== 'Opaque') || childrenOf(keyBlock, 'KeyWrappingData').length > 0) return;
  session.noteMaterial(identifier, Buffer.from(material.value ?? '', 'hex'));
}

function compareBatchItem(expected: Template, got: Item, request: Template | undefined, place: Place): void {
  const identifier = find(got, 'ResponsePayload', 'UniqueIdentifier')?.value;
  const operation = childrenOf(expected, 'Operation')[0]?.value;
  if (operation === 'Register' && typeof identifier === 'string') noteRegistered(request, identifier, place.session);
  // KMIP 1.4 §7.2: a Result Message stands only where the status is neither Success nor Pending.
  const message = find(got, 'ResultMessage');
  if (find(got, 'ResultStatus')?.value === ResultStatus.Success && message !== undefined) differ(place, `${place.path}/ResultMessage`, 'none with Success', itemText(message));
  compareItem(expected, got, undefined, {
    ...place,
    ...(operation === undefined ? {} : { operation }),
    ...(request === undefined ? {} : { request }),
    ...(typeof identifier === 'string' ? { identifier } : {}),
  });
}

/** The header with the version that the request has: some files print another one in a response (OMOS-O-1-14). */
function withVersionOf(request: Template, header: Template): Template {
  const asked = descend(request, 'RequestHeader', 'ProtocolVersion');
  return { ...header, children: header.children.map((child) => (child.name === 'ProtocolVersion' ? (asked ?? child) : child)) };
}

/** The differences between a response and the one that the case expects to `request`; empty when it holds. */
export function compareResponse(expected: Template, got: Item, request: Template, session: Session, version: number): Difference[] {
  const differences: Difference[] = [];
  const place: Place = { path: '', version, session, differences };
  if (got.tag !== Tag.ResponseMessage) return [{ path: '', expected: 'ResponseMessage', got: itemText(got) }];
  const asked = childrenOf(request, 'BatchItem');
  const wanted = childrenOf(expected, 'BatchItem');
  const present = findAll(got, 'BatchItem');
  const rest = (got.children ?? []).filter((child) => child.tag !== Tag.BatchItem);
  const header = expected.children.filter(({ name }) => name !== 'BatchItem').map((child) => withVersionOf(request, child));
  compareChildren({ ...expected, children: header }, { ...got, children: rest }, place);
  for (let index = 0; index < Math.max(wanted.length, present.length); index += 1) {
    const path = wanted.length > 1 ? `BatchItem[${index}]` : 'BatchItem';
    if (wanted[index] === undefined) differ(place, path, 'no further batch item', itemText(present[index]!));
    else if (present[index] === undefined) differ(place, path, templateText(wanted[index]!), 'no such batch item');
    else compareBatchItem(wanted[index]!, present[index]!, asked[index], { ...place, path });
  }
  return differences;
}
