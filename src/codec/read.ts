/**
 * From rows to the in-memory form of a structure, driven by its schema.
 *
 * The reader takes fields in any order and at any version, and refuses what it does not know: an unexpected field, a
 * single field that comes twice, a wrong item type, an enumeration value that no version has, a required field that is
 * missing. Reasons follow KMIP 1.4 §11.1 and KMIP 2.1 §11.46. Byte Strings are views of the message.
 */
import { isKnownValue } from '../kmip/enums.ts';
import type { EnumerationName } from '../kmip/enums.ts';
import { ItemType, itemTypeName } from '../kmip/item-types.ts';
import { KmipError } from '../kmip/result.ts';
import type { FieldType, Fields, IdentifierReference, Infer, StructureType } from '../kmip/schema.ts';
import { tagRow } from '../kmip/tags.ts';
import { readAttributeName, readAttributes } from './attribute-set.ts';
import { compile, itemTypesOf } from './compile.ts';
import type { AnyType, CompiledField } from './compile.ts';
import { readNode } from './node.ts';
import { tagTitle } from './rows-plain.ts';
import type { RowTable } from './rows-plain.ts';

/** Where an item stands, for texts: `Cryptographic Length at byte 120`. */
export function place(rows: RowTable, row: number): string {
  return `${tagTitle(rows.tag(row))} at byte ${rows.offset(row) - 8}`;
}

/** In-memory form of the structure in `row`, whatever the tag of the row. */
export function readStructure<T extends StructureType<Fields>>(rows: RowTable, row: number, type: T, version: number): Infer<T> {
  expectType(rows, row, [ItemType.Structure]);
  const { byTag, fields } = compile(type);
  const value: Record<string, unknown> = {};
  for (let child = row + 1; child < rows.end(row); child = rows.end(child)) {
    const candidates = byTag.get(rows.tag(child));
    if (candidates === undefined) unexpected(rows, child);
    readField(rows, child, candidates.length === 1 ? (candidates[0] as CompiledField) : choose(rows, child, candidates, version), value, version);
  }
  for (const { key, field, tag, type: { kind, form } } of fields) {
    if (!field.required || value[key] !== undefined) continue;
    // An empty set of attributes is nothing at all in 1.x.
    if (kind !== 'attributeNames' && (kind !== 'attributeSet' || form === 'single')) throw new KmipError('InvalidMessage', `${place(rows, row)} lacks ${tagTitle(tag)}`);
    value[key] = [];
  }
  return value as Infer<T>;
}

/** Of several fields of one tag: the one of the item's type and the message's version, else of the type alone. */
function choose(rows: RowTable, row: number, candidates: readonly CompiledField[], version: number): CompiledField {
  const ofType = candidates.filter(({ type }) => itemTypesOf(type)?.includes(rows.type(row)) ?? true);
  return ofType.find(({ field }) => version >= field.since && version <= field.until) ?? ofType[0] ?? (candidates[0] as CompiledField);
}

function readField(rows: RowTable, row: number, { key, field, type }: CompiledField, value: Record<string, unknown>, version: number): void {
  const present = value[key];
  if (type.kind === 'attributeSet') {
    const instances = (present as unknown[] | undefined) ?? [];
    readAttributes(rows, row, version, instances, type.partial);
    value[key] = instances;
  } else if (type.kind === 'attributeNames') {
    const names = (present as string[] | undefined) ?? [];
    names.push(readAttributeName(rows, row));
    value[key] = names;
  } else if (field.many) {
    const item = readItem(rows, row, type as FieldType, version);
    if (present === undefined) value[key] = [item];
    else (present as unknown[]).push(item);
  } else {
    if (present !== undefined) throw new KmipError('InvalidMessage', `${place(rows, row)} comes twice`);
    value[key] = readItem(rows, row, type as FieldType, version);
  }
}

/** In-memory form of one item of a known type. */
export function readItem(rows: RowTable, row: number, type: FieldType, version: number): unknown {
  const { kind } = type;
  const offset = rows.offset(row);
  const { view } = rows;
  if (kind === 'any') return readNode(rows, row);
  if (kind === 'unread') return row;
  if (kind === 'structure') return readStructure(rows, row, type as StructureType<Fields>, version);
  expectType(rows, row, itemTypesOf(type) as readonly number[]);
  switch (kind) {
    case 'enumeration': return readEnumeration(rows, row, type as AnyType);
    case 'integer':
    case 'mask': return view.getInt32(offset);
    case 'interval': return view.getUint32(offset);
    case 'textString': return rows.text(row);
    case 'byteString':
    case 'bigInteger': return rows.value(row);
    case 'boolean': return view.getUint32(offset + 4) === 1;
    case 'dateTime': return view.getInt32(offset) * 0x1_0000_0000 + view.getUint32(offset + 4);
    case 'longInteger':
    case 'dateTimeExtended': return view.getBigInt64(offset);
    case 'identifier': return readIdentifier(rows, row, version);
    case 'structureOrBytes':
      return rows.type(row) === ItemType.ByteString ? rows.value(row) : readStructure(rows, row, (type as AnyType).structure as StructureType<Fields>, version);
    default: throw new TypeError(`the reader knows no kind ${kind}`);
  }
}

function readEnumeration(rows: RowTable, row: number, type: AnyType): number {
  const value = rows.view.getUint32(rows.offset(row));
  if (type.open !== true && !isKnownValue(type.enumeration as EnumerationName, value)) {
    throw new KmipError('UnknownEnumeration', `${place(rows, row)}: 0x${value.toString(16).padStart(8, '0')} is no value of ${type.enumeration}`, 'InvalidField');
  }
  return value;
}

/** KMIP 2.1 §4.58: text, or the result of an earlier batch item by kind (Enumeration) or position (Integer). */
function readIdentifier(rows: RowTable, row: number, version: number): string | IdentifierReference {
  const type = rows.type(row);
  if (type === ItemType.TextString) return rows.text(row);
  if (version < 20) expectType(rows, row, [ItemType.TextString]);
  if (type === ItemType.Integer) return { batchIndex: rows.view.getInt32(rows.offset(row)) };
  const value = readEnumeration(rows, row, { kind: 'enumeration', enumeration: 'UniqueIdentifier' });
  return { placeholder: value };
}

export function expectType(rows: RowTable, row: number, types: readonly number[]): void {
  if (types.includes(rows.type(row))) return;
  const wanted = types.map((type) => itemTypeName(type)).join(' or ');
  throw new KmipError('InvalidMessage', `${place(rows, row)}: expected ${wanted}, got ${itemTypeName(rows.type(row))}`);
}

/** A field that the structure does not have: Invalid Field in 1.x (KMIP 1.4 §11.1); 2.x tells an unknown tag from a misplaced one. */
export function unexpected(rows: RowTable, row: number): never {
  const parent = rows.parent(row);
  const known = tagRow(rows.tag(row)) !== undefined;
  throw new KmipError(known ? 'InvalidMessage' : 'UnknownTag', `${place(rows, row)} does not belong in ${parent < 0 ? 'a message' : tagTitle(rows.tag(parent))}`, 'InvalidField');
}
