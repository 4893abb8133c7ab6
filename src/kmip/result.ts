/**
 * KmipError: a failure that a client is meant to read (KMIP 1.4 §6.9 to §6.11 and §11, KMIP 2.1 §9.1 to §9.3 and §12).
 *
 * Invariant: the message is text for the client: it names the thing, what was given and what is allowed, and
 * never holds key material, plaintext or anything of another scope. Faults (storage, network) and bugs are other
 * kinds and never travel as a KmipError.
 *
 * KMIP 2.0 gave many failures a reason of their own that 1.x tells with an older, broader one. An error is thrown
 * once, with the newer reason; `reasonFor` gives the value that the message's version knows.
 */
import { ResultReason, enumerationHas } from './enums.ts';
import type { ProtocolVersion } from './version.ts';

export type ResultReasonName = keyof typeof ResultReason;

/** The reason that 1.x uses where 2.x has a newer one (KMIP 1.4 §11). */
const olderReason: Partial<Record<ResultReasonName, ResultReasonName>> = {
  Sensitive: 'PermissionDenied',
  NotExtractable: 'PermissionDenied',
  ObjectAlreadyExists: 'IllegalOperation',
  UsageLimitExceeded: 'PermissionDenied',
  NumericRange: 'InvalidField',
  InvalidDataType: 'InvalidField',
  ReadOnlyAttribute: 'PermissionDenied',
  MultiValuedAttribute: 'InvalidField',
  UnsupportedAttribute: 'InvalidField',
  AttributeInstanceNotFound: 'ItemNotFound',
  AttributeNotFound: 'ItemNotFound',
  AttributeReadOnly: 'PermissionDenied',
  AttributeSingleValued: 'IndexOutOfBounds',
  BadCryptographicParameters: 'CryptographicFailure',
  BadPassword: 'AuthenticationNotSuccessful',
  CodecError: 'InvalidMessage',
  IllegalObjectType: 'InvalidField',
  IncompatibleCryptographicUsageMask: 'PermissionDenied',
  InternalServerError: 'GeneralFailure',
  InvalidAsynchronousCorrelationValue: 'InvalidField',
  InvalidAttribute: 'InvalidField',
  InvalidAttributeValue: 'InvalidField',
  InvalidCorrelationValue: 'InvalidField',
  InvalidObjectType: 'InvalidField',
  KeyWrapTypeNotSupported: 'FeatureNotSupported',
  MissingInitializationVector: 'MissingData',
  NonUniqueNameAttribute: 'InvalidField',
  ObjectDestroyed: 'ItemNotFound',
  ObjectNotFound: 'ItemNotFound',
  NotAuthorised: 'PermissionDenied',
  ServerLimitExceeded: 'GeneralFailure',
  UnknownEnumeration: 'InvalidField',
  UnknownMessageExtension: 'FeatureNotSupported',
  UnknownTag: 'InvalidMessage',
  UnsupportedCryptographicParameters: 'InvalidField',
  UnsupportedProtocolVersion: 'InvalidMessage',
  WrappingObjectArchived: 'ObjectArchived',
  WrappingObjectDestroyed: 'ItemNotFound',
  WrappingObjectNotFound: 'ItemNotFound',
  WrongKeyLifecycleState: 'PermissionDenied',
  ConstraintViolation: 'PermissionDenied',
  UnknownObjectGroup: 'ItemNotFound',
};

/**
 * Reasons that 2.0 has in its enumeration while its OASIS cases still answer the older one (AKLC-M-2-20 against
 * AKLC-M-2-21): the version from which on they are used.
 */
const usedSince: Partial<Record<ResultReasonName, ProtocolVersion>> = {
  WrongKeyLifecycleState: 21,
  IncompatibleCryptographicUsageMask: 21,
  UsageLimitExceeded: 21,
};

export class KmipError extends Error {
  readonly reason: ResultReasonName;
  /** Reason for 1.x messages where the clause's error table differs from the general mapping. */
  readonly olderReason: ResultReasonName | undefined;

  constructor(reason: ResultReasonName, message: string, older?: ResultReasonName) {
    super(message);
    this.name = 'KmipError';
    this.reason = reason;
    this.olderReason = older;
  }
}

/** Result Reason value that a message of this version may carry for the error. */
export function reasonFor(error: KmipError, version: ProtocolVersion): number {
  const wanted = version < 20 && error.olderReason !== undefined ? error.olderReason : error.reason;
  if (version >= (usedSince[wanted] ?? 0) && enumerationHas('ResultReason', ResultReason[wanted], version)) return ResultReason[wanted];
  const older = olderReason[wanted];
  if (older !== undefined && enumerationHas('ResultReason', ResultReason[older], version)) return ResultReason[older];
  return ResultReason.GeneralFailure;
}
