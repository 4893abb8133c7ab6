/**
 * A client wants to know, mostly in a batch before Get, whether it may use an object as it means to. Nothing changes. It
 * fails, and empties the ID Placeholder, when the Cryptographic Usage Mask lacks a bit that is asked for, when fewer Usage
 * Limits Units are left than asked for, or when the Lease Time asked for is longer than the object's.
 *
 * KMIP 1.4 §4.10 and §11.11, KMIP 2.1 §6.1.7. A failed answer carries no payload (OASIS BL-M-2-21): the Result Message
 * tells what was denied.
 *
 *     request   Unique Identifier "6f1c…", Cryptographic Usage Mask Encrypt
 *     response  Unique Identifier "6f1c…"
 */
import { CryptographicUsageMask } from '../kmip/enums.ts';
import { attributeOf } from '../kmip/managed.ts';
import { KmipError } from '../kmip/result.ts';
import { identifier, interval, longInteger, mask, optional, required, structure, textString } from '../kmip/schema.ts';
import { operation } from './operation.ts';
import { usageLeft } from './usage-limits.ts';

export const check = operation({
  name: 'Check',
  code: 9,
  since: 10,
  effect: 'reads',
  permission: 'operation_check',
  emptiesPlaceholderOnFailure: true,
  request: structure('RequestPayload', {
    uniqueIdentifier: optional(identifier),
    usageLimitsCount: optional(longInteger, { doc: 'Usage Limits Units that the client is going to need.' }),
    cryptographicUsageMask: optional(mask('CryptographicUsageMask'), { doc: 'Uses that the client means to make.' }),
    leaseTime: optional(interval, { doc: 'Lease Time that the client is going to ask for.' }),
  }),
  response: structure('ResponsePayload', {
    uniqueIdentifier: required(textString),
    usageLimitsCount: optional(longInteger),
    cryptographicUsageMask: optional(mask('CryptographicUsageMask')),
    leaseTime: optional(interval),
  }),
  reasons: ['ObjectNotFound', 'IncompatibleCryptographicUsageMask', 'UsageLimitExceeded', 'PermissionDenied'],
  plan(context, request) {
    const managed = context.fetchManaged(request.uniqueIdentifier);
    const allowed = attributeOf(managed, 'CryptographicUsageMask') ?? 0;
    const wanted = request.cryptographicUsageMask ?? 0;
    const missing = wanted & ~allowed;
    if (missing !== 0 && (allowed & CryptographicUsageMask.Unrestricted) === 0) {
      throw new KmipError('IncompatibleCryptographicUsageMask', `Cryptographic Usage Mask 0x${allowed.toString(16)} of object ${managed.uniqueIdentifier} lacks 0x${(missing >>> 0).toString(16)}`);
    }
    const left = usageLeft(managed);
    if (request.usageLimitsCount !== undefined && left !== undefined && request.usageLimitsCount > left) {
      throw new KmipError('UsageLimitExceeded', `${request.usageLimitsCount} Usage Limits Units are wanted, ${left} are left`);
    }
    const leaseTime = attributeOf(managed, 'LeaseTime');
    if (request.leaseTime !== undefined && leaseTime !== undefined && request.leaseTime > leaseTime) {
      throw new KmipError('PermissionDenied', `Lease Time ${request.leaseTime} s is wanted, at most ${leaseTime} s is given`);
    }
    return { response: { uniqueIdentifier: managed.uniqueIdentifier } };
  },
});
