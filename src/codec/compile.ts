/**
 * Structures of the schema language, made ready for the reader and the writer: each field with its tag, each tag with the
 * fields that may take it. Done once for a structure and kept with it.
 */
import type { AttributeSetType, Field, FieldType, Fields, StructureType } from '../kmip/schema.ts';
import { ItemType } from '../kmip/item-types.ts';
import { Tag } from '../kmip/tags.ts';
import type { TagName } from '../kmip/tags.ts';

export interface CompiledField {
  /** Name in the in-memory form. */
  readonly key: string;
  readonly tag: number;
  readonly type: AnyType;
  readonly field: Field;
}

export interface CompiledStructure {
  readonly tag: number;
  readonly fields: readonly CompiledField[];
  /** Fields that take items of a tag; more than one where item types or versions tell them apart. */
  readonly byTag: ReadonlyMap<number, readonly CompiledField[]>;
}

/** Field types told apart by `kind`, with what each kind carries; the schema's own union leaves it open. */
export type AnyType = { readonly kind: string; readonly enumeration?: string; readonly open?: boolean; readonly structure?: StructureType<Fields> } & Partial<Omit<AttributeSetType, 'kind' | 'infer'>>;

const compiled = new WeakMap<object, CompiledStructure>();

export function compile(type: StructureType<Fields>): CompiledStructure {
  const known = compiled.get(type);
  if (known !== undefined) return known;
  const made = compileNow(type);
  compiled.set(type, made);
  return made;
}

function compileNow(type: StructureType<Fields>): CompiledStructure {
  const fields: CompiledField[] = [];
  const byTag = new Map<number, CompiledField[]>();
  for (const [key, field] of Object.entries(type.fields)) {
    const made: CompiledField = { key, tag: Tag[tagOf(key, field)], type: field.type as AnyType, field };
    fields.push(made);
    for (const tag of tagsOf(made)) {
      const taken = byTag.get(tag);
      if (taken === undefined) byTag.set(tag, [made]);
      else taken.push(made);
    }
  }
  return { tag: Tag[type.tag], fields, byTag };
}

/** Tag of a field: its own, or its name with a capital first letter; for sets of attributes that of their 2.x form. */
function tagOf(key: string, field: Field): TagName {
  if (field.tag !== undefined) return field.tag;
  const type = field.type as AnyType;
  if (type.kind === 'attributeSet') return type.v2Tag as TagName;
  if (type.kind === 'attributeNames') return 'AttributeReference';
  if (type.kind === 'structure' && !(capitalised(key) in Tag)) return (field.type as StructureType<Fields>).tag;
  const name = capitalised(key);
  if (!(name in Tag)) throw new TypeError(`no tag is called ${name}: field ${key} has to name its tag`);
  return name as TagName;
}

function capitalised(key: string): string {
  return key.charAt(0).toUpperCase() + key.slice(1);
}

/** Every tag under which the field's items come, at whatever version. */
function tagsOf(made: CompiledField): number[] {
  const { type } = made;
  if (type.kind === 'attributeNames') return [Tag.AttributeReference, Tag.AttributeName];
  if (type.kind !== 'attributeSet') return [made.tag];
  const tags = [Tag[type.v2Tag as TagName], Tag[type.v1Tag as TagName]];
  // A filter may come bare or wrapped, whatever the version says; a structure with several templates names each.
  if (type.form !== 'template' || type.v1Tag === 'TemplateAttribute') tags.push(Tag.Attribute);
  if (type.form === 'repeated') tags.push(Tag.TemplateAttribute);
  return [...new Set(tags)];
}

const itemTypesByKind: Readonly<Record<string, readonly number[]>> = {
  integer: [ItemType.Integer],
  mask: [ItemType.Integer],
  longInteger: [ItemType.LongInteger],
  bigInteger: [ItemType.BigInteger],
  enumeration: [ItemType.Enumeration],
  boolean: [ItemType.Boolean],
  textString: [ItemType.TextString],
  byteString: [ItemType.ByteString],
  dateTime: [ItemType.DateTime],
  dateTimeExtended: [ItemType.DateTimeExtended],
  interval: [ItemType.Interval],
  structure: [ItemType.Structure],
  structureOrBytes: [ItemType.Structure, ItemType.ByteString],
  attributeSet: [ItemType.Structure],
  attributeNames: [ItemType.TextString, ItemType.Structure, ItemType.Enumeration],
  identifier: [ItemType.TextString, ItemType.Enumeration, ItemType.Integer],
};

/** Item types that a value of the type may have; undefined for any. */
export function itemTypesOf(type: FieldType | AnyType): readonly number[] | undefined {
  return itemTypesByKind[type.kind];
}
