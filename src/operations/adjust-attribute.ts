/**
 * A client wants a number counted up or down, a date moved or a truth value turned over, without saying the new value. The
 * attribute is changed; one that was absent starts at 0, or at false. It fails for attributes that clients may not change,
 * for values that are no numbers, for several values, and where the result leaves the type's range.
 *
 * KMIP 2.1 §6.1.3 and §11.1. Adjustment Value is 1 when absent: for dates one second. An object that is not there is Item Not
 * Found: Table 172 has no Object Not Found.
 *
 *     request   Unique Identifier "6f1c…", Attribute Reference { "x", "Counter" }, Adjustment Type Increment
 *     response  Unique Identifier "6f1c…"
 */
import { attributeRule, isCustomAttribute } from '../kmip/attribute-table.ts';
import type { AttributeRule, StoredInstance } from '../kmip/attributes.ts';
import { AdjustmentType } from '../kmip/enums.ts';
import { ItemType } from '../kmip/item-types.ts';
import { KmipError } from '../kmip/result.ts';
import { anyItem, attributeNames, enumeration, identifier, optional, required, structure, textString } from '../kmip/schema.ts';
import type { FieldType, Infer, TtlvNode } from '../kmip/schema.ts';
import type { Managed } from '../kmip/managed.ts';
import { attributeTitle } from './attribute-rules.ts';
import { appended, editReasons, edited, replaced, requireAddable, requireModifiable, storedInstances } from './attribute-edit.ts';
import type { Context } from './context.ts';
import { operation } from './operation.ts';

export const adjustAttribute = operation({
  name: 'AdjustAttribute',
  code: 48,
  since: 20,
  effect: 'mutates',
  permission: 'operation_adjust_attribute',
  request: structure('RequestPayload', {
    uniqueIdentifier: optional(identifier),
    attributeNames: required(attributeNames, { doc: 'The attribute, one.' }),
    adjustmentType: required(enumeration('AdjustmentType')),
    adjustmentValue: optional(anyItem, { doc: 'By how much; a number.' }),
  }),
  response: structure('ResponsePayload', { uniqueIdentifier: required(textString) }),
  reasons: [...editReasons, 'ItemNotFound', 'InvalidDataType', 'MultiValuedAttribute', 'NumericRange', 'UnsupportedAttribute'],
  async plan(context, request) {
    const managed = adjustedObject(context, request.uniqueIdentifier);
    const { uniqueIdentifier, objectType } = managed;
    const [name] = request.attributeNames;
    if (name === undefined || request.attributeNames.length > 1) throw new KmipError('InvalidField', `the request names ${request.attributeNames.length} attributes; the operation takes exactly one`);
    const rule = attributeRule(name);
    if (rule === undefined) throw new KmipError('UnsupportedAttribute', `attribute ${JSON.stringify(name)} is not known`);
    const instances = storedInstances(managed, name);
    if (instances.length > 1) throw new KmipError('MultiValuedAttribute', `${attributeTitle(name)} has ${instances.length} values; the operation adjusts one that stands alone`);
    const [only] = instances;
    if (only === undefined) requireAddable(name, objectType, 'ReadOnlyAttribute');
    requireModifiable(name, objectType, 'ReadOnlyAttribute');
    const value = adjusted(name, rule, only, request.adjustmentType, request.adjustmentValue);
    const [after] = only === undefined ? appended(context, name, instances, value) : replaced(context, name, instances, only, value);
    return { response: { uniqueIdentifier }, mutations: await edited(context, managed, name, after) };
  },
});

function adjustedObject(context: Context, requested: Infer<typeof identifier> | undefined): Managed {
  try {
    return context.fetchManaged(requested);
  } catch (error) {
    throw error instanceof KmipError && error.reason === 'ObjectNotFound' ? new KmipError('ItemNotFound', error.message) : error;
  }
}

/** Bits of a Big Integer that counting may lead to: more than any key has. */
const bigIntegerBitsMax = 32_768n;

/** Least and greatest value of each type that can be counted. */
const ranges: Readonly<Record<string, readonly [bigint, bigint]>> = {
  integer: [-(2n ** 31n), 2n ** 31n - 1n],
  longInteger: [-(2n ** 63n), 2n ** 63n - 1n],
  bigInteger: [-(2n ** (bigIntegerBitsMax - 1n)), 2n ** (bigIntegerBitsMax - 1n) - 1n],
  interval: [0n, 2n ** 32n - 1n],
  // Seconds that a number holds exactly: what the reader takes.
  dateTime: [BigInt(Number.MIN_SAFE_INTEGER), BigInt(Number.MAX_SAFE_INTEGER)],
  dateTimeExtended: [-(2n ** 63n), 2n ** 63n - 1n],
};

const kinds: Readonly<Record<number, string>> = {
  [ItemType.Integer]: 'integer',
  [ItemType.LongInteger]: 'longInteger',
  [ItemType.BigInteger]: 'bigInteger',
  [ItemType.Interval]: 'interval',
  [ItemType.DateTime]: 'dateTime',
  [ItemType.DateTimeExtended]: 'dateTimeExtended',
  [ItemType.Boolean]: 'boolean',
};

/** The new value, in the form of the attribute's type. */
function adjusted(name: string, rule: AttributeRule, before: StoredInstance | undefined, adjustment: number, amount: TtlvNode | undefined): unknown {
  if (!isCustomAttribute(name)) return moved(name, (rule.type as FieldType).kind, before?.value, adjustment, amount);
  const item = before?.value as TtlvNode | undefined;
  if (item === undefined) throw new KmipError('InvalidDataType', `${name} has no value, and so no type to start from; Set Attribute gives it one`);
  return { ...item, value: moved(name, kinds[item.type] ?? 'other', item.value, adjustment, amount) };
}

function moved(name: string, kind: string, before: unknown, adjustment: number, amount: TtlvNode | undefined): number | bigint | boolean | Uint8Array {
  if (kind === 'boolean') {
    if (adjustment !== AdjustmentType.Negate) throw new KmipError('InvalidDataType', `${attributeTitle(name)} is true or false: Negate turns it over, nothing counts it`);
    return before !== true;
  }
  const range = ranges[kind];
  const canNegate = kind === 'integer' || kind === 'longInteger' || kind === 'bigInteger';
  if (range === undefined || (adjustment === AdjustmentType.Negate && !canNegate)) throw new KmipError('InvalidDataType', `${attributeTitle(name)} is of a type that cannot be adjusted so`);
  const start = before instanceof Uint8Array ? numberOf(before) : BigInt((before as number | bigint | undefined) ?? 0);
  const step = stepOf(amount);
  const result = adjustment === AdjustmentType.Negate ? -start : adjustment === AdjustmentType.Increment ? start + step : start - step;
  if (result < range[0] || result > range[1]) throw new KmipError('NumericRange', `${attributeTitle(name)} would become ${result}; allowed: ${range[0]} to ${range[1]}`);
  if (kind === 'bigInteger') return bytesOf(result);
  return kind === 'longInteger' || kind === 'dateTimeExtended' ? result : Number(result);
}

function stepOf(amount: TtlvNode | undefined): bigint {
  if (amount === undefined) return 1n;
  if (typeof amount.value === 'bigint') return amount.value;
  if (amount.type === ItemType.BigInteger && amount.value instanceof Uint8Array) return numberOf(amount.value);
  if (typeof amount.value === 'number' && kinds[amount.type] !== undefined) return BigInt(amount.value);
  throw new KmipError('InvalidDataType', 'Adjustment Value is no number');
}

/** Two's complement, big-endian (KMIP 2.1 §10.2: Big Integer). */
function numberOf(bytes: Uint8Array): bigint {
  return bytes.length === 0 ? 0n : BigInt.asIntN(bytes.length * 8, BigInt(`0x${Buffer.from(bytes).toString('hex')}`));
}

/** In as many times eight bytes as the value and its sign take. */
function bytesOf(value: bigint): Uint8Array {
  let bits = 64;
  while (BigInt.asIntN(bits, value) !== value) bits += 64;
  return new Uint8Array(Buffer.from(BigInt.asUintN(bits, value).toString(16).padStart(bits / 4, '0'), 'hex'));
}
