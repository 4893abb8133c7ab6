/**
 * From the in-memory form of a structure to TTLV, driven by its schema: fields in the order of the specification, without
 * those that the message's version lacks.
 */
import type { AttributeInstance } from '../kmip/attributes.ts';
import type { AttributeSetType, FieldType, Fields, IdentifierReference, Infer, StructureType, TtlvNode } from '../kmip/schema.ts';
import { writeAttributeNames, writeAttributes } from './attribute-set.ts';
import { compile } from './compile.ts';
import type { AnyType } from './compile.ts';
import type { TtlvWriter } from './writer.ts';

/** Writes the structure under its own tag, or under `tag`. */
export function writeStructure<T extends StructureType<Fields>>(writer: TtlvWriter, type: T, value: Infer<T>, version: number, tag: number = compile(type).tag): void {
  const begun = writer.begin(tag);
  writeFields(writer, type, value, version);
  writer.end(begun);
}

/** The fields alone, into a structure that the caller has open. */
export function writeFields<T extends StructureType<Fields>>(writer: TtlvWriter, type: T, value: Infer<T>, version: number): void {
  for (const { key, tag, field, type: fieldType } of compile(type).fields) {
    const part = (value as Record<string, unknown>)[key];
    if (version < field.since || version > field.until) continue;
    if (part === undefined) {
      if (field.required) throw new TypeError(`${type.tag} lacks its field ${key}`);
      continue;
    }
    if (fieldType.kind === 'attributeSet') writeAttributes(writer, field.type as AttributeSetType, part as readonly AttributeInstance[], version);
    else if (fieldType.kind === 'attributeNames') writeAttributeNames(writer, tag, part as readonly string[], version);
    else if (field.many) for (const each of part as readonly unknown[]) writeItem(writer, field.type, tag, each, version);
    else writeItem(writer, field.type, tag, part, version);
  }
}

/** One item of a known type. */
export function writeItem(writer: TtlvWriter, type: FieldType, tag: number, value: unknown, version: number): void {
  switch (type.kind) {
    case 'structure': return writeStructure(writer, type as StructureType<Fields>, value as never, version, tag);
    case 'integer':
    case 'mask': return writer.integer(tag, value as number);
    case 'longInteger': return writer.longInteger(tag, value as bigint);
    case 'bigInteger': return writer.bigInteger(tag, value as Uint8Array);
    case 'enumeration': return writer.enumeration(tag, value as number);
    case 'boolean': return writer.boolean(tag, value as boolean);
    case 'textString': return writer.textString(tag, value as string);
    case 'byteString': return writer.byteString(tag, value as Uint8Array);
    case 'dateTime': return writer.dateTime(tag, value as number);
    case 'dateTimeExtended': return writer.dateTimeExtended(tag, value as bigint);
    case 'interval': return writer.interval(tag, value as number);
    case 'any': return writer.node(value as TtlvNode, tag);
    case 'identifier': return writeIdentifier(writer, tag, value as string | IdentifierReference);
    case 'structureOrBytes':
      if (value instanceof Uint8Array) return writer.byteString(tag, value);
      return writeStructure(writer, (type as AnyType).structure as StructureType<Fields>, value as never, version, tag);
    default: throw new TypeError(`the writer knows no kind ${type.kind}`);
  }
}

function writeIdentifier(writer: TtlvWriter, tag: number, value: string | IdentifierReference): void {
  if (typeof value === 'string') writer.textString(tag, value);
  else if (value.placeholder !== undefined) writer.enumeration(tag, value.placeholder);
  else writer.integer(tag, value.batchIndex ?? 0);
}
