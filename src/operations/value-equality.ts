/**
 * Equality of attribute values in memory (schema.ts: numbers, texts, bytes, structures, TTLV items).
 *
 * Invariant: two values are the same when a client could not tell them apart in a message. The tag of a custom
 * attribute's item is no part of its value: it says where the item stood.
 */
import type { TtlvNode } from '../kmip/schema.ts';

export function sameValue(left: unknown, right: unknown): boolean {
  return compare(left, right, false);
}

/** True where every field that `wanted` has is the same in `stored`; what is no structure has to be the same whole (KMIP 1.4 §4.9). */
export function includesValue(stored: unknown, wanted: unknown): boolean {
  return compare(wanted, stored, true);
}

/** A custom attribute's value: the item less its tag. */
export function sameItem(left: TtlvNode, right: TtlvNode): boolean {
  return left.type === right.type && compare(left.value, right.value, false);
}

/** `partial`: fields that the left does not have count as equal. */
function compare(left: unknown, right: unknown, partial: boolean): boolean {
  if (left === right) return true;
  if (left instanceof Uint8Array || right instanceof Uint8Array) return left instanceof Uint8Array && right instanceof Uint8Array && sameBytes(left, right);
  if (typeof left !== 'object' || typeof right !== 'object' || left === null || right === null) return false;
  if (Array.isArray(left) || Array.isArray(right)) {
    return Array.isArray(left) && Array.isArray(right) && left.length === right.length && left.every((value, index) => compare(value, right[index], partial));
  }
  const leftFields = left as Readonly<Record<string, unknown>>;
  const rightFields = right as Readonly<Record<string, unknown>>;
  const names = new Set([...Object.keys(leftFields), ...(partial ? [] : Object.keys(rightFields))]);
  for (const name of names) {
    if (!compare(leftFields[name], rightFields[name], partial)) return false;
  }
  return true;
}

function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((value, index) => value === right[index]);
}
