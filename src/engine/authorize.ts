/**
 * Whether a caller's role lets it perform an operation (DESIGN §8: `operation_encrypt` …, `operation_all`; `operation_none`
 * excludes all others). Discover Versions and Query are free to every client that got in.
 */
import { KmipError } from '../kmip/result.ts';
import type { Caller } from '../operations/context.ts';
import type { Operation } from '../operations/operation.ts';

export function requirePermission(caller: Caller, operation: Operation): void {
  if (operation.permission === undefined) return;
  const { permissions } = caller;
  const allowed = !permissions.includes('operation_none') && (permissions.includes('operation_all') || permissions.includes(operation.permission));
  if (!allowed) throw new KmipError('PermissionDenied', `role ${caller.role} does not hold ${operation.permission}`);
}
