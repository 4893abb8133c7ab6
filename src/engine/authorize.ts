/**
 * Whether a caller may perform an operation; the rules of permissions are those of `identity/policy.ts`. Discover Versions and
 * Query are free to every client that got in.
 */
import { mayPerform } from '../identity/policy.ts';
import { KmipError } from '../kmip/result.ts';
import type { Caller } from '../operations/context.ts';
import type { Operation } from '../operations/operation.ts';

export function requirePermission(caller: Caller, operation: Operation): void {
  const { permission, testPermission } = operation;
  if (mayPerform(caller, permission) || (testPermission !== undefined && mayPerform(caller, testPermission))) return;
  if (testPermission !== undefined) throw new KmipError('OperationNotSupported', `${operation.name} is for tests, and not available here`);
  throw new KmipError('PermissionDenied', `role ${caller.role} does not hold ${permission}`);
}
