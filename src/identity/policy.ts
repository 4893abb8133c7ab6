/**
 * Who may do what: the names of permissions, and the two rules about all and none (DESIGN §8).
 *
 * Invariant: a permission's name derives from the Operation enumeration (`operation_get_attributes`), so an operation and its
 * permission cannot differ; `operation_all` and `operation_none` stand alone among them. What `operation_all` does not bring has a
 * name of its own and is given by it. Names are those that Vault's KMIP engine made known (`operation_rekey_key_pair`).
 */
import { Operation } from '../kmip/enums.ts';
import { unverifiedStreamPermission } from '../operations/cipher-stream.ts';
import { interopPermission } from '../operations/interop.ts';
import type { Caller } from '../operations/context.ts';
import { Fault } from '../fault.ts';

export const allOperations = 'operation_all';
export const noOperations = 'operation_none';

/** `GetAttributes` → `operation_get_attributes`. */
export function permissionOf(operationName: string): string {
  const words = operationName
    .replace('ReKey', 'Rekey').replace('RNG', 'Rng').replace('MAC', 'Mac').replace(/^PKCS_?11/, 'Pkcs11')
    .replace(/(?<=[a-z0-9])(?=[A-Z])/g, '_');
  return `operation_${words.toLowerCase()}`;
}

const known: ReadonlySet<string> = new Set([...Object.keys(Operation).map(permissionOf), allOperations, noOperations, unverifiedStreamPermission, interopPermission]);

/** Whether the caller's role allows what the permission names; an operation without one is open to every caller. */
export function mayPerform(caller: Pick<Caller, 'permissions'>, permission: string | undefined): boolean {
  if (permission === undefined) return true;
  if (caller.permissions.includes(permission)) return true;
  return permission.startsWith('operation_') && permission !== noOperations && caller.permissions.includes(allOperations);
}

/** Throws a Fault for a list that no role may have. */
export function checkPermissions(permissions: readonly string[]): void {
  if (permissions.length === 0) throw new Fault('E_PERMISSIONS', `A role needs at least one permission; ${noOperations} allows nothing.`);
  for (const permission of permissions) {
    if (!known.has(permission)) throw new Fault('E_PERMISSIONS', `Permission ${JSON.stringify(permission.slice(0, 64))} is not known; operations are named like ${permissionOf('GetAttributes')}.`);
  }
  const operations = permissions.filter((permission) => permission.startsWith('operation_'));
  for (const alone of [allOperations, noOperations]) {
    if (operations.includes(alone) && operations.length > 1) throw new Fault('E_PERMISSIONS', `${alone} goes with no other operation.`);
  }
}
