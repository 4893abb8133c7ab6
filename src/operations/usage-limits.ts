/**
 * Counting the uses of a key that has Usage Limits (KMIP 1.4 §3.21, KMIP 2.1 §4.59).
 *
 * Invariant: only protection counts (encrypting, never decrypting), and it is counted durably before the output leaves:
 * a use that would go past the limit fails, and one that fails has used nothing.
 */
import { UsageLimitsUnit } from '../kmip/enums.ts';
import { only } from '../kmip/life-cycle.ts';
import { attributeOf } from '../kmip/managed.ts';
import type { Managed } from '../kmip/managed.ts';
import { KmipError } from '../kmip/result.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { Context } from './context.ts';

/** Units left, or undefined where the object has no limit. */
export function usageLeft(managed: Managed): bigint | undefined {
  const limits = attributeOf(managed, 'UsageLimits');
  return limits === undefined ? undefined : (limits.usageLimitsCount ?? limits.usageLimitsTotal);
}

/**
 * Mutations that count one use: `bytes` for a limit in bytes, `objects` for a limit in objects. Goes to the writing
 * thread where the limit applies.
 */
export function countUsage(context: Context, managed: Managed, bytes: number, objects: number): readonly Mutation[] {
  const limits = attributeOf(managed, 'UsageLimits');
  if (limits === undefined) return [];
  if (!context.mayMutate) context.needsPrimary();
  const left = limits.usageLimitsCount ?? limits.usageLimitsTotal;
  const isBytes = limits.usageLimitsUnit === UsageLimitsUnit.Byte;
  const wanted = BigInt(isBytes ? bytes : objects);
  if (wanted > left) throw new KmipError('UsageLimitExceeded', `Usage Limits of object ${managed.uniqueIdentifier}: ${wanted} ${isBytes ? 'bytes' : 'objects'} are wanted, ${left} are left`);
  if (wanted === 0n) return [];
  const { scope, uniqueIdentifier } = managed;
  return [{ kind: 'attributes-changed', scope, uniqueIdentifier, changes: [only('UsageLimits', { ...limits, usageLimitsCount: left - wanted })] }];
}
