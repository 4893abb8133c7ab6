/**
 * Seals the state of streams into Correlation Values under a key that the whole cluster shares (DESIGN §4, Streaming).
 *
 *     format u8 | salt 16 | nonce 12 | ciphertext | tag 16          AES-256-GCM under HMAC-SHA-256(stream key, salt)
 *
 * Invariant: a key of its own for each value, so that no count of values makes a nonce repeat under one key; the
 * binding (who, which operation) is additional data, so that a value opens only where it belongs. node:crypto, so that sealing
 * does not rest on the core whose states it holds.
 */
import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import type { StreamPort } from '../operations/context.ts';

export const streamKeyBytes = 32;
const format = 1;
const saltBytes = 16;
const nonceBytes = 12;
const tagBytes = 16;
const headBytes = 1 + saltBytes + nonceBytes;
/** A cipher state with its head is some 200 bytes; a longer value is no Correlation Value of ours. */
export const correlationValueBytesMax = 4096;

export function createStreamPort(streamKey: Uint8Array): StreamPort {
  if (streamKey.length !== streamKeyBytes) throw new RangeError(`the stream key has ${streamKeyBytes} bytes, got ${streamKey.length}`);
  const keyFor = (salt: Uint8Array): Buffer => createHmac('sha256', streamKey).update('kmipd stream').update(salt).digest();
  return {
    seal(state, binding) {
      const head = Buffer.concat([Uint8Array.of(format), randomBytes(saltBytes + nonceBytes)]);
      const key = keyFor(head.subarray(1, 1 + saltBytes));
      const cipher = createCipheriv('aes-256-gcm', key, head.subarray(1 + saltBytes));
      cipher.setAAD(binding);
      const sealed = Buffer.concat([head, cipher.update(state), cipher.final(), cipher.getAuthTag()]);
      key.fill(0);
      return sealed;
    },
    open(correlationValue, binding) {
      const { length } = correlationValue;
      if (length < headBytes + tagBytes || length > correlationValueBytesMax || correlationValue[0] !== format) return undefined;
      const key = keyFor(correlationValue.subarray(1, 1 + saltBytes));
      const cipher = createDecipheriv('aes-256-gcm', key, correlationValue.subarray(1 + saltBytes, headBytes), { authTagLength: tagBytes });
      key.fill(0);
      cipher.setAAD(binding);
      cipher.setAuthTag(correlationValue.subarray(length - tagBytes));
      const opened = cipher.update(correlationValue.subarray(headBytes, length - tagBytes));
      try {
        cipher.final();
        return opened;
      } catch {
        opened.fill(0);
        return undefined;
      }
    },
  };
}
