/**
 * A look at a request before it is read: whether it begins with a change, which a worker hands on as it is.
 *
 *   Request Message 8 | Request Header 8, its fields | Batch Item 8 | Operation 8, value 4 | …      (KMIP 1.4 §7.1, §9.1)
 *
 * Invariant: true only where reading and checking the message on a worker could end in nothing else than handing it on, or in an
 * error that the writing thread finds as well. Every offset is checked against the bytes that are there; in doubt it is false.
 */
import { mayPerform } from '../identity/policy.ts';
import { ItemType } from '../kmip/item-types.ts';
import { Tag } from '../kmip/tags.ts';
import type { Caller } from '../operations/context.ts';
import { operationByCode } from '../operations/index.ts';

/** A longer one is read on the worker first, so that the writing thread does not read through long nonsense. */
const glanceBytesMax = 4096;
const headLength = 8;

export function beginsWithChange(message: Uint8Array, caller: Caller): boolean {
  if (message.length > glanceBytesMax || message.length < 3 * headLength || !isItem(message, headLength, Tag.RequestHeader, ItemType.Structure)) return false;
  const item = 2 * headLength + wordAt(message, headLength + 4);
  const operation = item + headLength;
  if (operation + headLength + 4 > message.length || !isItem(message, item, Tag.BatchItem, ItemType.Structure) || !isItem(message, operation, Tag.Operation, ItemType.Enumeration)) return false;
  const known = operationByCode(wordAt(message, operation + headLength));
  return known?.effect === 'mutates' && known.testPermission === undefined && mayPerform(caller, known.permission);
}

function isItem(bytes: Uint8Array, offset: number, tag: number, type: number): boolean {
  return wordAt(bytes, offset) === tag * 0x100 + type;
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!) >>> 0;
}
