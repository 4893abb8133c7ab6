/**
 * The frame of every message: headers and batch items, in the field order of the specification (KMIP 1.4 §6 and §7,
 * KMIP 2.1 §8 and §9).
 *
 * Clients of the libkmip family decode answers strictly in this order and fail on a field that their version lacks,
 * so `since` matters here more than anywhere. Payloads are left unread: their type depends on the operation.
 */
import { anyItem, boolean, byteString, dateTime, enumeration, integer, openEnumeration, optional, repeated, required, structure, textString, unread } from './schema.ts';
import type { Infer } from './schema.ts';
import { credential, nonce } from './objects.ts';

/** KMIP 1.4 §6.1. */
export const protocolVersion = structure('ProtocolVersion', {
  protocolVersionMajor: required(integer),
  protocolVersionMinor: required(integer),
});

/** KMIP 1.4 §6.6; several credentials since 1.2. */
export const authentication = structure('Authentication', { credential: repeated(credential) });

/** KMIP 1.4 §6.16. What stands in Vendor Extension is the vendor's, extension tags included. */
export const messageExtension = structure('MessageExtension', {
  vendorIdentification: required(textString),
  criticalityIndicator: required(boolean),
  vendorExtension: required(anyItem),
});
export type MessageExtension = Infer<typeof messageExtension>;

/** KMIP 1.4 §7.2 Table 282, KMIP 2.1 §8.2. */
export const requestHeader = structure('RequestHeader', {
  protocolVersion: required(protocolVersion),
  maximumResponseSize: optional(integer, { doc: 'Bytes.' }),
  clientCorrelationValue: optional(textString, { since: 14 }),
  serverCorrelationValue: optional(textString, { since: 14 }),
  asynchronous: optional(boolean, { tag: 'AsynchronousIndicator', until: 14 }),
  asynchronousIndicator: optional(enumeration('AsynchronousIndicator'), { since: 20 }),
  attestationCapableIndicator: optional(boolean, { since: 12 }),
  attestationType: repeated(openEnumeration('AttestationType'), { since: 12 }),
  authentication: optional(authentication),
  batchErrorContinuationOption: optional(enumeration('BatchErrorContinuationOption'), { doc: 'Stop when absent.' }),
  batchOrderOption: optional(boolean, { doc: 'When absent: false in 1.x, true in 2.x.' }),
  timeStamp: optional(dateTime),
  batchCount: optional(integer, { doc: 'Required in every version here; 3.0 dropped it, and a Discover Versions of 3.0 still gets its answer.' }),
});
export type RequestHeader = Infer<typeof requestHeader>;

/** KMIP 1.4 §7.2 Table 283, KMIP 2.1 §8.3. */
export const requestBatchItem = structure('BatchItem', {
  operation: required(openEnumeration('Operation')),
  ephemeral: optional(boolean, { since: 20 }),
  uniqueBatchItemID: optional(byteString, { doc: 'Required when Batch Count is above 1.' }),
  requestPayload: required(unread),
  messageExtension: repeated(messageExtension),
});
export type RequestBatchItem = Infer<typeof requestBatchItem>;

/** KMIP 1.4 §7.2 Table 284, KMIP 2.1 §8.5. */
export const responseHeader = structure('ResponseHeader', {
  protocolVersion: required(protocolVersion),
  timeStamp: required(dateTime),
  nonce: optional(nonce, { since: 12 }),
  serverHashedPassword: optional(byteString, { since: 20 }),
  attestationType: repeated(openEnumeration('AttestationType'), { since: 12 }),
  clientCorrelationValue: optional(textString, { since: 14 }),
  serverCorrelationValue: optional(textString, { since: 14 }),
  batchCount: required(integer),
});
export type ResponseHeader = Infer<typeof responseHeader>;

/** KMIP 1.4 §7.2 Table 285, KMIP 2.1 §8.6. */
export const responseBatchItem = structure('BatchItem', {
  operation: optional(openEnumeration('Operation'), { doc: 'Present when the request named one.' }),
  uniqueBatchItemID: optional(byteString),
  resultStatus: required(openEnumeration('ResultStatus')),
  resultReason: optional(openEnumeration('ResultReason')),
  resultMessage: optional(textString),
  asynchronousCorrelationValue: optional(byteString),
  responsePayload: optional(unread),
  messageExtension: repeated(messageExtension),
});
export type ResponseBatchItem = Infer<typeof responseBatchItem>;
