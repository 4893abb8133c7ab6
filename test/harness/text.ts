/**
 * Messages as people write and read them: one builder, and one text form with one item a line.
 *
 *     RequestMessage
 *       RequestHeader
 *         BatchCount 1
 *       BatchItem
 *         Operation Locate
 *         RequestPayload
 *           Attribute
 *             AttributeName "State"
 *             AttributeValue:Enumeration Active
 *
 * Two blanks go one level deeper. A type stands only where it is not the tag's own. Text is quoted as in JSON, bytes
 * are hex, a date is ISO 8601. An item without a value is a Structure.
 */
import { ItemType, itemTypeName } from '../../src/kmip/item-types.ts';
import type { ItemTypeName } from '../../src/kmip/item-types.ts';
import { Tag, tagTable } from '../../src/kmip/tags.ts';
import type { TagName } from '../../src/kmip/tags.ts';
import { isMask, maskOfNames, nameOfTag, nameOfValue, namesOfMask, tagOfAttributeName, valueOfName } from './names.ts';
import type { Item, Value } from './ttlv.ts';

/** A tag by name, or by number for tags that no specification has. */
export type TagReference = TagName | number;

function isText(type: number): boolean {
  return type === ItemType.TextString;
}

function guessType(value: Value): ItemTypeName {
  if (typeof value === 'boolean') return 'Boolean';
  if (typeof value === 'bigint') return 'LongInteger';
  if (typeof value === 'number') return 'Integer';
  return typeof value === 'string' ? 'TextString' : 'ByteString';
}

/**
 * One item. An array makes a Structure, `undefined` among its members is skipped. A string is looked up as a name where
 * the type is Enumeration, or Integer of a mask; for `AttributeValue` give the type, and `of` to name the enumeration.
 */
export function item(tag: TagReference, value: Value | readonly (Item | undefined)[] = [], type?: ItemTypeName, of?: string): Item {
  const number = typeof tag === 'number' ? tag : Tag[tag];
  if (Array.isArray(value)) return { tag: number, type: ItemType.Structure, children: value.filter((child) => child !== undefined) as Item[] };
  const own = typeof tag === 'number' ? 'Any' : tagTable[tag].type;
  const typeName = type ?? (own === 'Any' || own === 'Structure' ? guessType(value as Value) : own);
  const table = of ?? String(tag);
  let plain = value as Value;
  if (typeof plain === 'string' && typeName === 'Enumeration') plain = valueOfName(table, plain) ?? unknownName(table, plain);
  if (typeof plain === 'string' && typeName === 'Integer') plain = maskOfNames(table, plain) ?? unknownName(table, plain);
  if (typeof plain === 'number' && /^(LongInteger|DateTime|DateTimeExtended)$/.test(typeName)) plain = BigInt(plain);
  return { tag: number, type: ItemType[typeName], value: plain };
}

function unknownName(table: string, name: string): never {
  throw new Error(`${table} has no value named ${name}`);
}

/** A 1.x Attribute: `attribute('Cryptographic Length', 256)`; type and enumeration come from the attribute's name. */
export function attribute(name: string, value: Value | readonly Item[], index?: number): Item {
  const own = tagOfAttributeName(name);
  const type = own === undefined || tagTable[own].type === 'Structure' || tagTable[own].type === 'Any' ? undefined : (tagTable[own].type as ItemTypeName);
  return item('Attribute', [
    item('AttributeName', name),
    index === undefined ? undefined : item('AttributeIndex', index),
    item('AttributeValue', value, type, own),
  ]);
}

export interface RequestItem {
  readonly operation: string;
  readonly payload: readonly (Item | undefined)[];
  readonly id?: Uint8Array;
}

/** A whole request message: `request(14, [{ operation: 'Get', payload: [item('UniqueIdentifier', id)] }])`. */
export function request(version: number, items: readonly RequestItem[], header: readonly Item[] = []): Item {
  return item('RequestMessage', [
    item('RequestHeader', [
      item('ProtocolVersion', [item('ProtocolVersionMajor', Math.trunc(version / 10)), item('ProtocolVersionMinor', version % 10)]),
      ...header,
      item('BatchCount', items.length),
    ]),
    ...items.map(({ operation, payload, id }) =>
      item('BatchItem', [
        item('Operation', operation),
        id === undefined ? undefined : item('UniqueBatchItemID', id),
        item('RequestPayload', payload),
      ])),
  ]);
}

/** The first child with the tag, following a path of tags: `find(message, 'BatchItem', 'ResponsePayload', 'Data')`. */
export function find(start: Item | undefined, ...path: TagName[]): Item | undefined {
  return path.reduce<Item | undefined>((at, name) => at?.children?.find((child) => child.tag === Tag[name]), start);
}

/** Every child with the tag. */
export function findAll(start: Item | undefined, name: TagName): Item[] {
  return (start?.children ?? []).filter((child) => child.tag === Tag[name]);
}

/** The value as the text form prints it; `of` is the name of the tag whose enumeration applies. */
export function valueText(source: Item, of: string): string {
  const value = source.value!;
  if (source.type === ItemType.Enumeration) return nameOfValue(of, value as number);
  if (source.type === ItemType.Integer && isMask(of)) return namesOfMask(of, value as number);
  if (source.type === ItemType.DateTime) {
    const milliseconds = Number(value) * 1000;
    return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString().replace('.000Z', 'Z') : String(value);
  }
  if (isText(source.type)) return JSON.stringify(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('hex') || '-' : String(value);
}

/** The item and all below it, one a line. */
export function print(source: Item, indent = '', of?: string): string {
  const name = nameOfTag(source.tag);
  const own = tagTable[name as TagName]?.type;
  const typeName = itemTypeName(source.type) ?? 'Structure';
  const label = `${indent}${name}${own === typeName ? '' : `:${typeName}`}`;
  if (source.type !== ItemType.Structure) return `${label} ${valueText(source, of ?? name)}`;
  const children = source.children ?? [];
  const attributeName = find(source, 'AttributeName')?.value;
  const valueOf = typeof attributeName === 'string' ? tagOfAttributeName(attributeName) : undefined;
  return [label, ...children.map((child) => print(child, `${indent}  `, child.tag === Tag.AttributeValue ? valueOf : undefined))].join('\n');
}

function parseValue(type: ItemTypeName, text: string): Value {
  if (type === 'TextString') return JSON.parse(text) as string;
  if (type === 'ByteString' || type === 'BigInteger') return Buffer.from(text === '-' ? '' : text, 'hex');
  if (type === 'Boolean') return text === 'true';
  if (type === 'DateTime' && !/^-?\d+$/.test(text)) return BigInt(Math.floor(Date.parse(text) / 1000));
  if (type === 'LongInteger' || type === 'DateTime' || type === 'DateTimeExtended') return BigInt(text);
  return /^-?\d+$/.test(text) ? Number(text) : text;
}

/** The item that a text in the form of `print` describes. Empty lines and lines that start with `//` are skipped. */
export function parse(text: string): Item {
  const lines = text.split('\n').filter((line) => line.trim() !== '' && !line.trim().startsWith('//'));
  const margin = /^ */.exec(lines[0] ?? '')![0].length;
  let position = 0;
  const readItem = (depth: number, of?: string): Item => {
    const line = lines[position]!.trim();
    position += 1;
    const [, name, typed, rest] = /^([^\s:]+)(?::(\S+))?(?: (.*))?$/.exec(line) ?? [];
    if (name === undefined) throw new Error(`not an item: ${line}`);
    const tag = name.startsWith('0x') ? Number(name) : name in tagTable ? (name as TagName) : unknownName('Tag', name);
    const own = typeof tag === 'number' ? 'Any' : tagTable[tag].type;
    const type = (typed ?? (own === 'Any' ? 'Structure' : own)) as ItemTypeName;
    if (type !== 'Structure') return item(tag, parseValue(type, rest ?? '""'), type, of ?? name);
    const children: Item[] = [];
    while (position < lines.length && /^ */.exec(lines[position]!)![0].length - margin > depth * 2) {
      const attributeName = children.find((child) => child.tag === Tag.AttributeName)?.value;
      const isValue = lines[position]!.trim().startsWith('AttributeValue');
      children.push(readItem(depth + 1, isValue && typeof attributeName === 'string' ? tagOfAttributeName(attributeName) : undefined));
    }
    return item(tag, children);
  };
  return readItem(0);
}
