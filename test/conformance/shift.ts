/**
 * Turns a case of one protocol version into the same case of another: header, form of the attributes, and what the other
 * version has no word for.
 *
 *     1.x   TemplateAttribute { Attribute* }, Attribute*, AttributeName*       answers of Add, Modify, Delete carry the Attribute
 *     2.x   Attributes { … },  NewAttribute { … },  AttributeReference*        answers carry the Unique Identifier alone
 *
 * A case that another version cannot say (an operation, field, attribute or value that it lacks) is refused with the
 * reason. Expected answers lose attributes and fields that the version lacks; all else in them stays as it is, so that
 * the answers are held to the same words at every version.
 */
import { attributeByTitle, attributeRule, versionHasAttribute } from '../../src/kmip/attribute-table.ts';
import { enumerationHas, enumerationTable } from '../../src/kmip/enums.ts';
import type { EnumerationName } from '../../src/kmip/enums.ts';
import { tagTable } from '../../src/kmip/tags.ts';
import type { TagName } from '../../src/kmip/tags.ts';
import { valueOfName } from '../harness/names.ts';
import { childrenOf, descend } from './case-file.ts';
import type { ConformanceCase, Exchange, Template } from './case-file.ts';
import { meaningOf } from './template.ts';

/** First version that carries Attributes structures. */
const firstAttributesVersion = 20;

/** Thrown through a shift that cannot be: what the version lacks. */
class Unshiftable extends Error {}

/** The case at another version, or why there is none. `reasons`: whether expected Result Reasons are those of `original`'s version, or of the wanted one already. */
export function shiftCase(original: ConformanceCase, version: number, reasons: 'translated' | 'as written' = 'translated'): ConformanceCase | { readonly lacks: string } {
  const later = version >= firstAttributesVersion;
  const wasLater = original.version >= firstAttributesVersion;
  try {
    const exchanges = original.exchanges.filter(({ request }) => later || !isInterop(request)).map((exchange): Exchange => {
      const operations = childrenOf(exchange.request, 'BatchItem').map((item) => descend(item, 'Operation')?.value ?? '');
      const request = translated(exchange.request, { later, wasLater, operations, isRequest: true, request: exchange.request });
      requireKnown(request, undefined, version);
      const response = translated(exchange.response, { later, wasLater, operations, isRequest: false, request: exchange.request });
      const expected = without(withDigestFormat(response, original.version, version), version);
      return { ...exchange, request: withVersion(request, version), response: withVersion(reasons === 'translated' ? withReasons(expected, version) : expected, version) };
    });
    if (exchanges.length === 0) throw new Unshiftable('anything but Interop');
    return { ...original, name: original.name.replace(/-\d\d$/, `-${version}`), version, exchanges };
  } catch (error) {
    if (error instanceof Unshiftable) return { lacks: error.message };
    throw error;
  }
}

interface Direction {
  readonly later: boolean;
  readonly wasLater: boolean;
  readonly operations: readonly string[];
  readonly isRequest: boolean;
  readonly request: Template;
}

function isInterop(request: Template): boolean {
  const items = childrenOf(request, 'BatchItem');
  return items.length === 1 && descend(items[0], 'Operation')?.value === 'Interop';
}

function withVersion(message: Template, version: number): Template {
  const parts: Readonly<Record<string, string>> = { ProtocolVersionMajor: String(Math.trunc(version / 10)), ProtocolVersionMinor: String(version % 10) };
  return mapped(message, (element) => (parts[element.name] !== undefined && element.type === 'Integer' ? { ...element, value: parts[element.name]! } : element), 3);
}

/** Every element changed from the leaves up, to a depth. */
function mapped(element: Template, change: (element: Template) => Template, depth: number): Template {
  return change(depth === 0 ? element : { ...element, children: element.children.map((child) => mapped(child, change, depth - 1)) });
}

function translated(message: Template, direction: Direction): Template {
  if (direction.later === direction.wasLater) return message;
  let index = -1;
  const children = message.children.map((child) => {
    if (child.name !== 'BatchItem') return headerOf(child, direction);
    index += 1;
    const operation = direction.operations[index] ?? '';
    const asked = childrenOf(direction.request, 'BatchItem')[index];
    const payload = direction.isRequest ? 'RequestPayload' : 'ResponsePayload';
    return { ...child, children: child.children.map((part) => (part.name === payload ? payloadOf(part, operation, direction, descend(asked, 'RequestPayload')) : part)) };
  });
  return { ...message, children };
}

function headerOf(header: Template, { later }: Direction): Template {
  if (childrenOf(header, 'AsynchronousIndicator').length > 0) throw new Unshiftable('the same Asynchronous Indicator');
  const lost = later ? [] : ['ClientCorrelationValue', 'ServerCorrelationValue'];
  return { ...header, children: header.children.filter(({ name }) => !lost.includes(name)) };
}

function payloadOf(payload: Template, operation: string, direction: Direction, asked: Template | undefined): Template {
  const children = direction.later ? laterPayload(payload, operation, direction) : earlierPayload(payload, operation, direction, asked);
  return { ...payload, children };
}

function structure(name: string, children: readonly Template[]): Template {
  return { name, type: 'Structure', children };
}

/** 1.x to 2.x. */
function laterPayload(payload: Template, operation: string, { isRequest }: Direction): Template[] {
  const edits = operation === 'AddAttribute' || operation === 'ModifyAttribute' || operation === 'DeleteAttribute';
  const repeated = childrenOf(payload, 'Attribute');
  const out: Template[] = [];
  for (const child of payload.children) {
    if (child.name === 'Attribute' && edits) {
      if (isRequest) out.push(structure('NewAttribute', [directOf(child)]));
    } else if (child.name === 'Attribute') {
      if (child === repeated[0]) out.push(structure('Attributes', repeated.map(directOf)));
    } else if (child.name === 'TemplateAttribute') {
      if (childrenOf(child, 'Name').length > 0) throw new Unshiftable('Templates');
      if (isRequest) out.push(structure('Attributes', childrenOf(child, 'Attribute').map(directOf)));
    } else if (child.name === 'AttributeName') out.push(referenceOf(child));
    else if (child.name === 'AttributeIndex') throw new Unshiftable('Attribute Index');
    else out.push(laterKeyBlock(child));
  }
  return out;
}

/** Attributes inside a Key Value. */
function laterKeyBlock(element: Template): Template {
  if (element.name !== 'KeyValue') return { ...element, children: element.children.map(laterKeyBlock) };
  const attributes = childrenOf(element, 'Attribute');
  const rest = element.children.filter(({ name }) => name !== 'Attribute');
  return { ...element, children: attributes.length === 0 ? rest : [...rest, structure('Attributes', attributes.map(directOf))] };
}

function directOf(attribute: Template): Template {
  const title = childrenOf(attribute, 'AttributeName')[0]!.value!;
  const value = childrenOf(attribute, 'AttributeValue')[0]!;
  const index = childrenOf(attribute, 'AttributeIndex')[0]?.value ?? '0';
  if (index !== '0') throw new Unshiftable('Attribute Index');
  const name = attributeByTitle(title);
  if (name !== undefined) return { ...value, name };
  const [vendor, own] = vendorOf(title);
  return structure('Attribute', [text('VendorIdentification', vendor), text('AttributeName', own), value]);
}

function vendorOf(title: string): [string, string] {
  if (!/^[xy]-/.test(title)) throw new Unshiftable(`an attribute ${title}`);
  return [title.charAt(0), title.slice(2)];
}

function text(name: string, value: string): Template {
  return { name, type: 'TextString', value, children: [] };
}

function referenceOf({ value = '' }: Template): Template {
  const name = attributeByTitle(value);
  if (name !== undefined) return { name: 'AttributeReference', type: 'Enumeration', value: name, children: [] };
  const [vendor, own] = vendorOf(value);
  return structure('AttributeReference', [text('VendorIdentification', vendor), text('AttributeName', own)]);
}

/** 2.x to 1.x. */
function earlierPayload(payload: Template, operation: string, { isRequest }: Direction, asked: Template | undefined): Template[] {
  const bare = operation === 'Locate' || operation === 'GetAttributes';
  const out = payload.children.flatMap((child): Template[] => {
    if (child.name === 'Attributes') {
      const attributes = child.children.map(attributeOf);
      return bare ? attributes : [structure('TemplateAttribute', attributes)];
    }
    if (child.name === 'NewAttribute') return child.children.map(attributeOf);
    if (child.name === 'AttributeReference') return [nameOf(child)];
    if (child.name === 'CurrentAttribute' || child.name === 'ProtectionStorageMasks') throw new Unshiftable(child.name);
    return [child];
  });
  if (isRequest || (operation !== 'AddAttribute' && operation !== 'ModifyAttribute' && operation !== 'DeleteAttribute')) return out;
  if (operation === 'DeleteAttribute') throw new Unshiftable('an answer of Delete Attribute without the value');
  return [...out, ...childrenOf(asked, 'NewAttribute').flatMap(({ children }) => children.map(attributeOf))];
}

function attributeOf(direct: Template): Template {
  if (direct.name === 'Attribute') {
    const vendor = childrenOf(direct, 'VendorIdentification')[0]?.value ?? '';
    if (vendor !== 'x' && vendor !== 'y') throw new Unshiftable(`vendor ${vendor}`);
    return structure('Attribute', [text('AttributeName', `${vendor}-${childrenOf(direct, 'AttributeName')[0]!.value!}`), childrenOf(direct, 'AttributeValue')[0]!]);
  }
  return structure('Attribute', [text('AttributeName', tagTable[direct.name as TagName].title), { ...direct, name: 'AttributeValue' }]);
}

function nameOf(reference: Template): Template {
  if (reference.type === 'Enumeration') return text('AttributeName', tagTable[reference.value as TagName].title);
  return text('AttributeName', `${childrenOf(reference, 'VendorIdentification')[0]!.value!}-${childrenOf(reference, 'AttributeName')[0]!.value!}`);
}

/** Throws what a request says that the version has no word for. */
function requireKnown(element: Template, parent: Template | undefined, version: number): void {
  const row = tagTable[element.name as TagName];
  if (row !== undefined && (version < row.since || version > row.until)) throw new Unshiftable(row.title);
  const meaning = meaningOf(element, parent);
  const isAttribute = parent?.name === 'Attribute' || parent?.name === 'Attributes' || parent?.name === 'NewAttribute';
  if (isAttribute && attributeRule(meaning) !== undefined && !versionHasAttribute(meaning, version)) throw new Unshiftable(`attribute ${meaning}`);
  if (element.type === 'Enumeration') {
    const value = valueOfName(meaning, element.value ?? '');
    // A number is a vendor's value, or unknown on purpose.
    const isListed = Object.hasOwn(enumerationTable, meaning) && value !== undefined && !/^0x/.test(element.value ?? '');
    if (isListed && !enumerationHas(meaning as EnumerationName, value, version)) throw new Unshiftable(`${meaning} ${element.value}`);
  }
  // GCM needs a field of 1.4 to carry its tag.
  if (element.name === 'BlockCipherMode' && element.value === 'GCM' && version < 14) throw new Unshiftable('Authenticated Encryption Tag');
  for (const child of element.children) requireKnown(child, element, version);
}

/** The expected answer less the attributes and fields that the version lacks. */
function without(element: Template, version: number): Template {
  const children = element.children.filter((child) => isKnown(child, element, version)).map((child) => without(child, version));
  return { ...element, children };
}

function isKnown(child: Template, parent: Template, version: number): boolean {
  const row = tagTable[child.name as TagName];
  if (row !== undefined && (version < row.since || version > row.until)) return false;
  const title = child.name === 'Attribute' ? childrenOf(child, 'AttributeName')[0]?.value : child.name === 'AttributeName' ? child.value : undefined;
  const name = title === undefined ? undefined : attributeByTitle(title);
  const attribute = child.name === 'AttributeReference' ? child.value : parent.name === 'Attributes' ? child.name : name;
  if (attribute !== undefined && attributeRule(attribute) !== undefined && !versionHasAttribute(attribute, version)) return false;
  if (child.name === 'Operation' && parent.name === 'ResponsePayload' && !enumerationHas('Operation', valueOfName('Operation', child.value ?? '') ?? 0, version)) return false;
  // Key Format Type is in a Digest since 1.1.
  return !(child.name === 'KeyFormatType' && version < 11 && childrenOf(parent, 'DigestValue').length > 0);
}

/** A Digest of a 1.0 answer as 1.1 and later have it. */
function withDigestFormat(element: Template, from: number, version: number): Template {
  if (from >= 11 || version < 11) return element;
  const children = element.children.map((child) => withDigestFormat(child, from, version));
  const isDigest = childrenOf(element, 'DigestValue').length > 0;
  return { ...element, children: isDigest ? [...children, { name: 'KeyFormatType', type: 'Enumeration', value: 'Raw', children: [] }] : children };
}

/**
 * One failure with its reason in 1.x, in 2.0 and in 2.1. 2.x has reasons of its own (KMIP 1.4 §11, KMIP 2.1 §6.1); its 2.0 cases
 * still answer the older ones where state and mask forbid something (AKLC-M-2-20 against AKLC-M-2-21).
 */
const reasonRows: readonly { readonly operations: readonly string[]; readonly reasons: readonly [string, string, string] }[] = [
  { operations: ['Destroy', 'ModifyAttribute'], reasons: ['PermissionDenied', 'PermissionDenied', 'WrongKeyLifecycleState'] },
  { operations: ['Check'], reasons: ['PermissionDenied', 'PermissionDenied', 'IncompatibleCryptographicUsageMask'] },
  { operations: ['AddAttribute'], reasons: ['IllegalOperation', 'AttributeSingleValued', 'AttributeSingleValued'] },
  { operations: ['Get', 'GetAttributes'], reasons: ['ItemNotFound', 'ObjectNotFound', 'ObjectNotFound'] },
];

/** Expected Result Reasons as the version has them. */
function withReasons(response: Template, version: number): Template {
  const column = version < firstAttributesVersion ? 0 : version - firstAttributesVersion + 1;
  const children = response.children.map((item) => {
    const operation = descend(item, 'Operation')?.value ?? '';
    const row = reasonRows.find(({ operations, reasons }) => operations.includes(operation) && reasons.includes(descend(item, 'ResultReason')?.value ?? ''));
    if (row === undefined) return item;
    return { ...item, children: item.children.map((child) => (child.name === 'ResultReason' ? { ...child, value: row.reasons[column]! } : child)) };
  });
  return { ...response, children };
}
