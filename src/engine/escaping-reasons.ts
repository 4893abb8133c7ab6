/**
 * Which Result Reasons an operation may end with: those it lists, and those of its room (KMIP 1.4 §11.1: reading, permission,
 * sizes, objects that are not there).
 *
 * A reason that is neither is a gap in the operation's list, from which documentation derives. The client gets its answer
 * all the same; the gap goes to the report, and fails the tests.
 */
import type { KmipError, ResultReasonName } from '../kmip/result.ts';
import type { Operation } from '../operations/operation.ts';

const general: ReadonlySet<ResultReasonName> = new Set<ResultReasonName>([
  'InvalidMessage', 'InvalidField', 'UnknownEnumeration', 'UnknownTag', 'PermissionDenied', 'OperationNotSupported', 'ObjectNotFound', 'ResponseTooLarge',
  'ServerLimitExceeded', 'InternalServerError',
]);

/** The gap as an error for the report; undefined where there is none. */
export function unlistedReason(operation: Operation, { reason, message }: KmipError): Error | undefined {
  if (general.has(reason) || operation.reasons.includes(reason)) return undefined;
  return new Error(`${operation.name} ended with ${reason}, which its list of reasons lacks: ${message}`);
}
