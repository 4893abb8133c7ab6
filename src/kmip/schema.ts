/**
 * The schema language: what a KMIP structure is made of, said once; reader, writer, types and documentation derive from it.
 *
 *     const activateRequest = structure('RequestPayload', {
 *       uniqueIdentifier: optional(textString),          // field UniqueIdentifier, found by its capitalised name
 *     });
 *     type ActivateRequest = Infer<typeof activateRequest>;
 *
 * Fields stand in the order of the specification; the writer keeps that order, the reader takes any order.
 * `since` and `until` bound what is *written* to a message of another version; the reader takes a known field at
 * any version, because clients send some of them too early (Offset Items at 1.0).
 * An unknown tag in a structure is an error of the message, an extension tag (0x54....) included.
 * Two fields may share a tag when their item types differ (Asynchronous Indicator: Boolean in 1.x, Enumeration in 2.x);
 * the reader takes the one whose item type came.
 *
 * In-memory forms: Integer, Enumeration, mask, Interval and Date-Time are numbers (Date-Time: whole seconds since
 * the epoch; the reader refuses what a double cannot hold exactly), Long Integer is a bigint, Big Integer and
 * Byte String are Uint8Array (Big Integer: two's complement, big-endian, as on the wire), Text String is a string.
 */
import type { EnumerationName, MaskName } from './enums.ts';
import type { TagName } from './tags.ts';
import type { AttributeInstance } from './attributes.ts';

export interface ScalarType<T, Kind extends string = string> {
  readonly kind: Kind;
  /** Never present; carries the in-memory type. */
  readonly infer?: T;
}

export interface EnumerationType extends ScalarType<number, 'enumeration'> {
  readonly enumeration: EnumerationName;
  /** Values that no version knows are read too, for the caller to judge. */
  readonly open: boolean;
}
export interface MaskType extends ScalarType<number, 'mask'> {
  readonly mask: MaskName;
}

export const integer: ScalarType<number, 'integer'> = { kind: 'integer' };
export const longInteger: ScalarType<bigint, 'longInteger'> = { kind: 'longInteger' };
export const bigInteger: ScalarType<Uint8Array, 'bigInteger'> = { kind: 'bigInteger' };
export const boolean: ScalarType<boolean, 'boolean'> = { kind: 'boolean' };
export const textString: ScalarType<string, 'textString'> = { kind: 'textString' };
export const byteString: ScalarType<Uint8Array, 'byteString'> = { kind: 'byteString' };
export const dateTime: ScalarType<number, 'dateTime'> = { kind: 'dateTime' };
/** Microseconds since the epoch, KMIP 2.0 on. */
export const dateTimeExtended: ScalarType<bigint, 'dateTimeExtended'> = { kind: 'dateTimeExtended' };
export const interval: ScalarType<number, 'interval'> = { kind: 'interval' };

export function enumeration(name: EnumerationName): EnumerationType {
  return { kind: 'enumeration', enumeration: name, open: false };
}

/** An enumeration whose unknown values are no error of the message: an Operation of a newer version, say. */
export function openEnumeration(name: EnumerationName): EnumerationType {
  return { kind: 'enumeration', enumeration: name, open: true };
}

export function mask(name: MaskName): MaskType {
  return { kind: 'mask', mask: name };
}

/** Any item, kept as a tree: for values whose type depends on where they stand (Key Material, custom attributes). */
export interface TtlvNode {
  readonly tag: number;
  readonly type: number;
  /** Children of a Structure; else the in-memory form named in this file's header. */
  readonly value: TtlvValue;
}
export type TtlvValue = number | bigint | boolean | string | Uint8Array | readonly TtlvNode[];
export const anyItem: ScalarType<TtlvNode, 'any'> = { kind: 'any' };

/** An item that the reader leaves alone: its row, for a later reader that knows its type (the payload of a batch item). */
export const unread: ScalarType<number, 'unread'> = { kind: 'unread' };

/** A structure, or a Byte String in its place: the Key Value, which is a Byte String while wrapped (KMIP 1.4 §2.1.3). */
export interface StructureOrBytesType<F extends Fields> extends ScalarType<InferFields<F> | Uint8Array, 'structureOrBytes'> {
  readonly structure: StructureType<F>;
}
export function structureOrBytes<F extends Fields>(type: StructureType<F>): StructureOrBytesType<F> {
  return { kind: 'structureOrBytes', structure: type };
}

/**
 * A set of attributes in whatever form the message's version has.
 *
 * | form       | 1.x                                       | 2.x                                   |
 * | template   | `v1Tag` (Template-Attribute) { Name*, Attribute* } | `v2Tag` (Attributes) { … } |
 * | repeated   | Attribute*                                | `v2Tag` (Attributes) { … }            |
 * | single     | Attribute                                 | `v2Tag` (Current/New Attribute) { one } |
 *
 * The reader takes every form at every version (FortiGate wraps Locate filters in a Template-Attribute); an empty
 * set is written as nothing for `template` and `repeated` in 1.x and as an empty Attributes structure in 2.x unless `omitEmpty`.
 */
export interface AttributeSetType extends ScalarType<readonly AttributeInstance[], 'attributeSet'> {
  readonly form: 'template' | 'repeated' | 'single';
  readonly v1Tag: TagName;
  readonly v2Tag: TagName;
  readonly omitEmpty: boolean;
  /** Structures among the values may lack fields that they otherwise have to have: filters of Locate (KMIP 1.4 §4.9). */
  readonly partial: boolean;
}

export function attributeSet(form: AttributeSetType['form'], tags: { v1?: TagName; v2?: TagName; omitEmpty?: boolean; partial?: boolean } = {}): AttributeSetType {
  return {
    kind: 'attributeSet',
    form,
    v1Tag: tags.v1 ?? (form === 'template' ? 'TemplateAttribute' : 'Attribute'),
    v2Tag: tags.v2 ?? 'Attributes',
    omitEmpty: tags.omitEmpty ?? false,
    partial: tags.partial ?? false,
  };
}

/**
 * Names of attributes: repeated Attribute Name text in 1.x, repeated Attribute Reference in 2.x (a structure with
 * Vendor Identification and Attribute Name, or an Enumeration that holds the tag). In memory: canonical attribute
 * names (`attributes.ts`). An unknown name is kept as it came.
 */
export const attributeNames: ScalarType<readonly string[], 'attributeNames'> = { kind: 'attributeNames' };

/**
 * Unique Identifier of a request: Text String, or in 2.x an Enumeration (ID Placeholder and kin, KMIP 2.1 §11.56)
 * or an Integer (n-th item's identifier). In memory a string, or `{ placeholder }` / `{ batchIndex }`.
 */
export interface IdentifierReference {
  readonly placeholder?: number;
  readonly batchIndex?: number;
}
export const identifier: ScalarType<string | IdentifierReference, 'identifier'> = { kind: 'identifier' };

export type FieldType = ScalarType<unknown> | StructureType<Fields>;

export interface Field<T = unknown, Required extends boolean = boolean, Many extends boolean = boolean> {
  readonly type: FieldType;
  readonly required: Required;
  readonly many: Many;
  readonly tag?: TagName;
  readonly since: number;
  readonly until: number;
  readonly doc: string;
  readonly infer?: T;
}

export type Fields = Readonly<Record<string, Field>>;

export interface StructureType<F extends Fields> {
  readonly kind: 'structure';
  /** Default tag of the structure, where a field does not name another. */
  readonly tag: TagName;
  readonly fields: F;
  /** Present only for types: see Infer. */
  readonly infer?: InferFields<F>;
}

export interface FieldOptions {
  /** Tag, where it is not the field's name with a capital first letter. */
  tag?: TagName;
  since?: number;
  until?: number;
  doc?: string;
}

type TypeOf<Type> = Type extends StructureType<infer F> ? InferFields<F> : Type extends ScalarType<infer T> ? T : never;

type InferFields<F extends Fields> = {
  readonly [Name in keyof F as F[Name] extends Field<unknown, true, boolean> ? Name : never]: FieldValue<F[Name]>;
} & {
  readonly [Name in keyof F as F[Name] extends Field<unknown, true, boolean> ? never : Name]?: FieldValue<F[Name]>;
};
type FieldValue<F> = F extends Field<infer T, boolean, infer Many> ? (Many extends true ? readonly T[] : T) : never;

/** TypeScript type of a structure's in-memory form. */
export type Infer<Type> = TypeOf<Type>;

export function structure<const F extends Fields>(tag: TagName, fields: F): StructureType<F> {
  return { kind: 'structure', tag, fields };
}

function field<T, Required extends boolean, Many extends boolean>(type: FieldType, required: Required, many: Many, options: FieldOptions): Field<T, Required, Many> {
  return { type, required, many, since: options.since ?? 10, until: options.until ?? 99, doc: options.doc ?? '', ...(options.tag === undefined ? {} : { tag: options.tag }) };
}

/** A field that has to be there. */
export function required<Type extends FieldType>(type: Type, options: FieldOptions = {}): Field<TypeOf<Type>, true, false> {
  return field(type, true, false, options);
}

/** A field that may be there once. */
export function optional<Type extends FieldType>(type: Type, options: FieldOptions = {}): Field<TypeOf<Type>, false, false> {
  return field(type, false, false, options);
}

/** A field that may be there any number of times; an array, absent when there is none. */
export function repeated<Type extends FieldType>(type: Type, options: FieldOptions = {}): Field<TypeOf<Type>, false, true> {
  return field(type, false, true, options);
}
