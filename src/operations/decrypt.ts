/**
 * A client wants data decrypted that a key of the server encrypted, whole or in parts. Nothing changes. It fails when the key may
 * not decrypt now (state, dates, mask), or the data is not what it should be: every such failure reads the same.
 *
 * KMIP 1.4 §4.30 and §11.31, KMIP 2.1 §6.1.11; Deactivated and Compromised keys still decrypt (`life-cycle.ts`).
 *
 *     request   Unique Identifier "6f1c…", Cryptographic Parameters { GCM }, Data 16 bytes, IV/Counter/Nonce 12 bytes,
 *               Authenticated Encryption Tag 16 bytes
 *     response  Unique Identifier "6f1c…", Data 16 bytes
 */
import { byteString, optional, required, structure, textString } from '../kmip/schema.ts';
import { cipherFields, runCipher } from './cipher-stream.ts';
import { operation } from './operation.ts';

export const decrypt = operation({
  name: 'Decrypt',
  code: 32,
  since: 12,
  effect: 'computes',
  permission: 'operation_decrypt',
  request: structure('RequestPayload', {
    ...cipherFields,
    authenticatedEncryptionTag: optional(byteString, { since: 14, doc: 'ChaCha20Poly1305; GCM with the first part or the last.' }),
  }),
  response: structure('ResponsePayload', {
    uniqueIdentifier: required(textString),
    data: optional(byteString, { doc: 'Absent where a part gives no whole block.' }),
    correlationValue: optional(byteString, { since: 13, doc: 'For the next part.' }),
  }),
  reasons: [
    'ObjectNotFound', 'InvalidObjectType', 'WrongKeyLifecycleState', 'IncompatibleCryptographicUsageMask', 'BadCryptographicParameters',
    'UnsupportedCryptographicParameters', 'CryptographicFailure', 'KeyValueNotPresent', 'InvalidCorrelationValue', 'FeatureNotSupported', 'GeneralFailure',
  ],
  plan(context, request) {
    return runCipher(context, 'decrypt', request);
  },
});
