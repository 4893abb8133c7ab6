/**
 * Attributes in messages: the three forms of 1.x and the one of 2.x, to and from AttributeInstance.
 *
 *     1.x   Template-Attribute { Attribute { Attribute Name "State", Attribute Index 0, Attribute Value … } … }
 *     2.x   Attributes { State …, Attribute { Vendor Identification "x", Attribute Name "Barcode", Attribute Value … } }
 *
 * Each form is taken at every version. A name that is no attribute stays, with a TtlvNode as its value: the operation
 * decides what that means. Attribute Index is written when it is not 0, as the OASIS cases have it.
 * KMIP 1.4 §2.1.1, §2.1.8 and §3.39; KMIP 2.1 §4.60 and §7 (Attributes, Attribute Reference).
 */
import { attributeByTag, attributeByTitle, attributeRule, isAttributeName, versionHasAttribute } from '../kmip/attribute-table.ts';
import type { AttributeInstance } from '../kmip/attributes.ts';
import { enumerationHas } from '../kmip/enums.ts';
import type { EnumerationName } from '../kmip/enums.ts';
import { ItemType } from '../kmip/item-types.ts';
import { KmipError } from '../kmip/result.ts';
import type { AttributeSetType, FieldType, Fields, StructureType, TtlvNode } from '../kmip/schema.ts';
import { Tag, tagName, tagTable } from '../kmip/tags.ts';
import { compile } from './compile.ts';
import type { AnyType } from './compile.ts';
import { readNode } from './node.ts';
import { expectType, place, readItem, unexpected } from './read.ts';
import { tagTitle } from './rows-plain.ts';
import type { RowTable } from './rows-plain.ts';
import { writeItem } from './write.ts';
import type { TtlvWriter } from './writer.ts';

/** Appends what one item of a set holds: an Attribute, a Template-Attribute, or an Attributes structure. */
export function readAttributes(rows: RowTable, row: number, version: number, instances: unknown[], partial = false): void {
  expectType(rows, row, [ItemType.Structure]);
  const tag = rows.tag(row);
  if (tag === Tag.Attribute) {
    instances.push(readAttribute(rows, row, version, partial));
    return;
  }
  for (let child = row + 1; child < rows.end(row); child = rows.end(child)) {
    const childTag = rows.tag(child);
    if (childTag === Tag.Attribute) instances.push(readAttribute(rows, child, version, partial));
    else if (isTemplateTag(tag)) refuseInTemplate(rows, child);
    else instances.push(readDirect(rows, child, version, partial));
  }
}

function isTemplateTag(tag: number): boolean {
  return tag === Tag.TemplateAttribute || tag === Tag.CommonTemplateAttribute || tag === Tag.PrivateKeyTemplateAttribute || tag === Tag.PublicKeyTemplateAttribute;
}

/** A Name in a Template-Attribute names a Template object, which this server never holds (withdrawn in 2.0). */
function refuseInTemplate(rows: RowTable, row: number): never {
  if (rows.tag(row) === Tag.Name) throw new KmipError('ItemNotFound', `${place(rows, row)}: there is no Template of that name; give the attributes themselves`);
  return unexpected(rows, row);
}

/** 2.x: the attribute's own tag. */
function readDirect(rows: RowTable, row: number, version: number, partial: boolean): AttributeInstance {
  const tag = rows.tag(row);
  const name = attributeByTag(tag);
  if (name !== undefined) return { name, value: readItem(rows, row, valueType(name, partial), version) };
  const known = tagName(tag);
  if (known === undefined) return unexpected(rows, row);
  return { name: known, value: readNode(rows, row) };
}

/** Attribute { name, index, value } of 1.x, or { vendor, name, value } of 2.x. */
function readAttribute(rows: RowTable, row: number, version: number, partial: boolean): AttributeInstance {
  expectType(rows, row, [ItemType.Structure]);
  let vendorRow = -1;
  let nameRow = -1;
  let indexRow = -1;
  let valueRow = -1;
  for (let child = row + 1; child < rows.end(row); child = rows.end(child)) {
    switch (rows.tag(child)) {
      case Tag.VendorIdentification: vendorRow = once(rows, child, vendorRow, ItemType.TextString); break;
      case Tag.AttributeName: nameRow = once(rows, child, nameRow, ItemType.TextString); break;
      case Tag.AttributeIndex: indexRow = once(rows, child, indexRow, ItemType.Integer); break;
      case Tag.AttributeValue: valueRow = once(rows, child, valueRow, rows.type(child)); break;
      default: unexpected(rows, child);
    }
  }
  if (nameRow < 0) lacks(rows, row, Tag.AttributeName);
  if (valueRow < 0) lacks(rows, row, Tag.AttributeValue);
  const text = rows.text(nameRow);
  const name = vendorRow < 0 ? canonicalName(text) : vendorName(rows.text(vendorRow), text);
  const value = isAttributeName(name) ? readItem(rows, valueRow, valueType(name, partial), version) : readNode(rows, valueRow);
  return indexRow < 0 ? { name, value } : { name, index: rows.view.getInt32(rows.offset(indexRow)), value };
}

/** Type of an attribute's value; `partial`: with every field of a structure optional. */
function valueType(name: string, partial: boolean): FieldType {
  const { type } = attributeRule(name) as { type: FieldType };
  return partial && type.kind === 'structure' ? partialStructure(type as StructureType<Fields>) : type;
}

const partialStructures = new WeakMap<object, StructureType<Fields>>();

function partialStructure(type: StructureType<Fields>): StructureType<Fields> {
  const known = partialStructures.get(type);
  if (known !== undefined) return known;
  const fields = Object.fromEntries(Object.entries(type.fields).map(([key, field]) => [key, { ...field, required: false }]));
  const made: StructureType<Fields> = { ...type, fields };
  partialStructures.set(type, made);
  return made;
}

function once(rows: RowTable, row: number, earlier: number, type: number): number {
  expectType(rows, row, [type]);
  if (earlier >= 0) throw new KmipError('InvalidMessage', `${place(rows, row)} comes twice`);
  return row;
}

function lacks(rows: RowTable, row: number, tag: number): never {
  throw new KmipError('InvalidMessage', `${place(rows, row)} lacks ${tagTitle(tag)}`);
}

/** Canonical name for an Attribute Name text: the attribute of that title, else the text itself. */
function canonicalName(text: string): string {
  return attributeByTitle(text) ?? text;
}

function vendorName(vendor: string, name: string): string {
  return vendor === 'x' || vendor === 'y' ? `${vendor}-${name}` : `${vendor}:${name}`;
}

/** One item of a list of names: Attribute Name text, or an Attribute Reference of either form. */
export function readAttributeName(rows: RowTable, row: number): string {
  expectType(rows, row, rows.tag(row) === Tag.AttributeName ? [ItemType.TextString] : [ItemType.Enumeration, ItemType.Structure]);
  if (rows.type(row) === ItemType.TextString) return canonicalName(rows.text(row));
  if (rows.type(row) === ItemType.Enumeration) {
    const tag = rows.view.getUint32(rows.offset(row));
    return attributeByTag(tag) ?? tagName(tag) ?? `0x${tag.toString(16).padStart(8, '0')}`;
  }
  let vendorRow = -1;
  let nameRow = -1;
  for (let child = row + 1; child < rows.end(row); child = rows.end(child)) {
    if (rows.tag(child) === Tag.VendorIdentification) vendorRow = once(rows, child, vendorRow, ItemType.TextString);
    else if (rows.tag(child) === Tag.AttributeName) nameRow = once(rows, child, nameRow, ItemType.TextString);
    else unexpected(rows, child);
  }
  if (vendorRow < 0) lacks(rows, row, Tag.VendorIdentification);
  if (nameRow < 0) lacks(rows, row, Tag.AttributeName);
  return vendorName(rows.text(vendorRow), rows.text(nameRow));
}

/** Writes a set in the form of the version; `required` sets are written when empty too, where the form allows. */
export function writeAttributes(writer: TtlvWriter, type: AttributeSetType, all: readonly AttributeInstance[], version: number): void {
  const instances = writer.filterAttributes ? all.filter((instance) => mayCarry(instance, version)) : all;
  if (version >= 20) {
    if (instances.length === 0 && type.omitEmpty) return;
    const begun = writer.begin(Tag[type.v2Tag]);
    for (const instance of instances) writeDirect(writer, instance, version);
    writer.end(begun);
    return;
  }
  if (instances.length === 0) return;
  const begun = type.form === 'template' ? writer.begin(Tag[type.v1Tag]) : undefined;
  for (const instance of instances) writeAttribute(writer, instance, version);
  if (begun !== undefined) writer.end(begun);
}

/** Whether a message of the version may carry the attribute with this value. */
export function mayCarry(instance: AttributeInstance, version: number): boolean {
  return versionHasAttribute(instance.name, version) && fits((attributeRule(instance.name) as { type: FieldType }).type, instance.value, version);
}

/** False where the value holds an enumeration value that the version lacks: clients fail on those. */
function fits(type: FieldType, value: unknown, version: number): boolean {
  if (value === undefined) return true;
  if (type.kind === 'enumeration') return enumerationHas((type as AnyType).enumeration as EnumerationName, value as number, version);
  if (type.kind !== 'structure') return true;
  return compile(type as StructureType<Fields>).fields.every(({ key, field }) => {
    const part = (value as Record<string, unknown>)[key];
    if (part === undefined || version < field.since || version > field.until) return true;
    return field.many ? (part as unknown[]).every((each) => fits(field.type, each, version)) : fits(field.type, part, version);
  });
}

function writeAttribute(writer: TtlvWriter, instance: AttributeInstance, version: number): void {
  const begun = writer.begin(Tag.Attribute);
  writer.textString(Tag.AttributeName, attributeTitle(instance.name));
  if (instance.index !== undefined && instance.index !== 0) writer.integer(Tag.AttributeIndex, instance.index);
  writeValue(writer, instance, Tag.AttributeValue, version);
  writer.end(begun);
}

function writeDirect(writer: TtlvWriter, instance: AttributeInstance, version: number): void {
  if (isAttributeName(instance.name)) {
    writeValue(writer, instance, Tag[instance.name], version);
    return;
  }
  const vendor = splitVendor(instance.name);
  if (vendor === undefined) {
    writer.node(instance.value as TtlvNode);
    return;
  }
  const begun = writer.begin(Tag.Attribute);
  writer.textString(Tag.VendorIdentification, vendor.vendor);
  writer.textString(Tag.AttributeName, vendor.name);
  writeValue(writer, instance, Tag.AttributeValue, version);
  writer.end(begun);
}

function writeValue(writer: TtlvWriter, instance: AttributeInstance, tag: number, version: number): void {
  if (isAttributeName(instance.name)) writeItem(writer, (attributeRule(instance.name) as { type: FieldType }).type, tag, instance.value, version);
  else writer.node(instance.value as TtlvNode, tag);
}

/** Attribute Name of 1.x messages for a canonical name. */
export function attributeTitle(name: string): string {
  return isAttributeName(name) ? tagTable[name].title : name;
}

/** Vendor and name of a custom attribute's canonical name; undefined for any other. */
function splitVendor(name: string): { readonly vendor: string; readonly name: string } | undefined {
  if (name.startsWith('x-') || name.startsWith('y-')) return { vendor: name.charAt(0), name: name.slice(2) };
  const colon = name.indexOf(':');
  return colon < 0 ? undefined : { vendor: name.slice(0, colon), name: name.slice(colon + 1) };
}

/** Writes a list of names; names that the version lacks are left out of answers. */
export function writeAttributeNames(writer: TtlvWriter, tag: number, names: readonly string[], version: number): void {
  for (const name of names) {
    if (writer.filterAttributes && attributeRule(name) !== undefined && !versionHasAttribute(name, version)) continue;
    if (version < 20 || tag === Tag.AttributeName) writer.textString(Tag.AttributeName, attributeTitle(name));
    else if (isAttributeName(name)) writer.enumeration(tag, Tag[name]);
    else writeReference(writer, tag, name);
  }
}

function writeReference(writer: TtlvWriter, tag: number, name: string): void {
  const vendor = splitVendor(name) ?? { vendor: '', name };
  const begun = writer.begin(tag);
  writer.textString(Tag.VendorIdentification, vendor.vendor);
  writer.textString(Tag.AttributeName, vendor.name);
  writer.end(begun);
}
