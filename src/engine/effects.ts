/**
 * What a message did, told by the operations of its items.
 */
import { operationByCode } from '../operations/index.ts';
import type { ItemOutcome } from './environment.ts';

/** Whether each item computes with a key and nothing else (Encrypt, Decrypt): it neither changes nor shows an object. */
export function onlyComputes(items: readonly ItemOutcome[]): boolean {
  return items.length > 0 && items.every(({ operation }) => operationByCode(operation)?.effect === 'computes');
}
