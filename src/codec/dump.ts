/**
 * TTLV as text for people: `kmipd dump`, the documentation, and debugging.
 *
 *     RequestMessage
 *       RequestHeader
 *         ProtocolVersion
 *           ProtocolVersionMajor  Integer      1
 *       BatchItem
 *         Operation               Enumeration  Activate
 *
 * Secrets (key material, data, passwords) show only their length unless asked for; control characters of texts are
 * escaped, so that a dump in a terminal is safe whatever the message holds.
 */
import { attributeByTag, attributeByTitle, attributeRule } from '../kmip/attribute-table.ts';
import { enumerationTable, enumerationValueName, maskTable } from '../kmip/enums.ts';
import type { EnumerationName, MaskName } from '../kmip/enums.ts';
import { ItemType, itemTypeName } from '../kmip/item-types.ts';
import { Tag, tagName } from '../kmip/tags.ts';
import type { AnyType } from './compile.ts';
import { readScalar } from './node.ts';
import { readRows } from './rows-plain.ts';
import type { RowTable } from './rows-plain.ts';

export interface DumpOptions {
  /** Show secrets. */
  readonly secrets?: boolean;
}

/** Items whose content, all of it, is nobody else's business. */
const secretTags: ReadonlySet<number> = new Set([
  Tag.KeyMaterial, Tag.Data, Tag.OpaqueDataValue, Tag.Password, Tag.OneTimePassword, Tag.HashedPassword, Tag.ServerHashedPassword, Tag.TicketValue,
  Tag.DerivationData, Tag.PKCS_11InputParameters, Tag.PKCS_11OutputParameters,
]);

/** Enumerations of tags that are not called as their enumeration is. */
const enumerationByTag: Readonly<Partial<Record<number, EnumerationName>>> = {
  [Tag.MaskGeneratorHashingAlgorithm]: 'HashingAlgorithm',
  [Tag.ExtensionType]: 'ItemType',
  [Tag.LinkedObjectIdentifier]: 'UniqueIdentifier',
};

/** Text of one whole item and all that is in it. Throws a KmipError where the bytes are malformed. */
export function dump(bytes: Uint8Array, options: DumpOptions = {}): string {
  const rows = readRows(bytes);
  const lines: string[] = [];
  let secretUntil = 0;
  for (let row = 0; row < rows.count; row++) {
    if (options.secrets !== true && secretTags.has(rows.tag(row))) secretUntil = Math.max(secretUntil, rows.end(row));
    lines.push(line(rows, row, row < secretUntil));
  }
  return `${lines.join('\n')}\n`;
}

function line(rows: RowTable, row: number, secret: boolean): string {
  const tag = rows.tag(row);
  const indent = '  '.repeat(depthOf(rows, row));
  const name = tagName(tag) ?? `0x${tag.toString(16).padStart(6, '0')}`;
  const type = rows.type(row);
  if (type === ItemType.Structure) return `${indent}${name}`;
  return `${`${indent}${name}`.padEnd(40)} ${(itemTypeName(type) ?? '').padEnd(11)} ${secret ? `<${rows.length(row)} bytes hidden>` : valueText(rows, row)}`;
}

function depthOf(rows: RowTable, row: number): number {
  let depth = 0;
  for (let parent = rows.parent(row); parent >= 0; parent = rows.parent(parent)) depth++;
  return depth;
}

function valueText(rows: RowTable, row: number): string {
  const value = readScalar(rows, row);
  switch (rows.type(row)) {
    case ItemType.TextString: return JSON.stringify(value).replace(/[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
    case ItemType.ByteString:
    case ItemType.BigInteger: return Buffer.from(value as Uint8Array).toString('hex');
    case ItemType.DateTime: return dateText((value as number) * 1000);
    case ItemType.DateTimeExtended: return dateText(Number(value as bigint) / 1000);
    case ItemType.Enumeration: return enumerationText(rows, row, value as number);
    case ItemType.Integer: return integerText(rows, row, value as number);
    default: return String(value);
  }
}

/** ISO 8601 where the calendar reaches, else the milliseconds. */
function dateText(milliseconds: number): string {
  const date = new Date(milliseconds);
  return Number.isNaN(date.getTime()) ? `${milliseconds} ms` : date.toISOString();
}

function enumerationText(rows: RowTable, row: number, value: number): string {
  const hex = `0x${value.toString(16).padStart(8, '0')}`;
  if (rows.tag(row) === Tag.AttributeReference) return tagName(value) ?? hex;
  const own = tagName(rows.tag(row)) ?? '';
  const name = enumerationByTag[rows.tag(row)] ?? (valueType(rows, row)?.enumeration as EnumerationName | undefined) ?? (own in enumerationTable ? (own as EnumerationName) : undefined);
  return name === undefined ? hex : (enumerationValueName(name, value) ?? hex);
}

function integerText(rows: RowTable, row: number, value: number): string {
  const own = tagName(rows.tag(row)) ?? '';
  const named = valueType(rows, row);
  const name = own in maskTable ? (own as MaskName) : named?.kind === 'mask' ? ((named as { mask?: string }).mask as MaskName) : undefined;
  if (name === undefined) return String(value);
  const names: string[] = [];
  let rest = value;
  for (const [bit, [number]] of Object.entries(maskTable[name] as Record<string, readonly [number, ...unknown[]]>)) {
    if ((value & number) === 0) continue;
    names.push(bit);
    rest &= ~number;
  }
  if (rest !== 0 || names.length === 0) names.push(`0x${(rest >>> 0).toString(16).padStart(8, '0')}`);
  return names.join(' ');
}

/** Type of an Attribute Value by the Attribute Name beside it, or of an attribute's own tag. */
function valueType(rows: RowTable, row: number): AnyType | undefined {
  const name = rows.tag(row) === Tag.AttributeValue ? nameBeside(rows, row) : attributeByTag(rows.tag(row));
  return name === undefined ? undefined : (attributeRule(name)?.type as AnyType | undefined);
}

function nameBeside(rows: RowTable, row: number): string | undefined {
  const parent = rows.parent(row);
  for (let child = parent + 1; parent >= 0 && child < rows.end(parent); child = rows.end(child)) {
    if (rows.tag(child) === Tag.AttributeName && rows.type(child) === ItemType.TextString) return attributeByTitle(rows.text(child));
  }
  return undefined;
}
