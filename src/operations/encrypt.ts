/**
 * A client wants data encrypted with a key that never leaves the server, whole or in parts. Nothing changes but a key's Usage
 * Limits. It fails when the key may not encrypt now (state, dates, mask, limits), or the parameters do not fit the key.
 *
 * KMIP 1.4 §4.29 and §11.30, KMIP 2.1 §6.1.17; defaults and IVs: `cipher-request.ts`; parts: `cipher-stream.ts`.
 *
 *     request   Unique Identifier "6f1c…", Cryptographic Parameters { CBC, PKCS5, Random IV true }, Data 16 bytes
 *     response  Unique Identifier "6f1c…", Data 32 bytes, IV/Counter/Nonce 16 bytes
 */
import { byteString, optional, required, structure, textString } from '../kmip/schema.ts';
import { cipherFields, runCipher } from './cipher-stream.ts';
import { operation } from './operation.ts';

export const encrypt = operation({
  name: 'Encrypt',
  code: 31,
  since: 12,
  effect: 'computes',
  permission: 'operation_encrypt',
  request: structure('RequestPayload', cipherFields),
  response: structure('ResponsePayload', {
    uniqueIdentifier: required(textString),
    data: optional(byteString, { doc: 'Absent where a part gives no whole block.' }),
    ivCounterNonce: optional(byteString, { tag: 'IVCounterNonce', doc: 'When the server made it.' }),
    correlationValue: optional(byteString, { since: 13, doc: 'For the next part.' }),
    authenticatedEncryptionTag: optional(byteString, { since: 14, doc: 'GCM with the last part, ChaCha20Poly1305.' }),
  }),
  reasons: [
    'ObjectNotFound', 'InvalidObjectType', 'WrongKeyLifecycleState', 'IncompatibleCryptographicUsageMask', 'UsageLimitExceeded', 'BadCryptographicParameters',
    'UnsupportedCryptographicParameters', 'CryptographicFailure', 'KeyValueNotPresent', 'InvalidCorrelationValue', 'FeatureNotSupported', 'GeneralFailure',
  ],
  plan(context, request) {
    return runCipher(context, 'encrypt', request);
  },
});
