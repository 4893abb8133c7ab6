// node:crypto as the independent oracle: the same call shape as CoreCrypto's one-shots, for every mode of the core.

import { createCipheriv } from 'node:crypto';
import type { CipherGCM } from 'node:crypto';
import { MODE_ECB, MODE_GCM, PADDING_PKCS5 } from '../../core/abi.ts';
import type { CipherParameters } from '../../src/wasm/crypto.ts';
import { empty, modes } from './cores.ts';

export function referenceEncrypt(key: Uint8Array, parameters: CipherParameters, iv: Uint8Array, aad: Uint8Array, data: Uint8Array):
  { data: Uint8Array; mac: Uint8Array } {
  const name = modes.find(({ mode }) => mode === parameters.mode)!.name;
  const isGcm = parameters.mode === MODE_GCM;
  const cipher = createCipheriv(`aes-${key.length * 8}-${name}`, key, parameters.mode === MODE_ECB ? null : iv,
    isGcm ? { authTagLength: parameters.tagLength } as object : undefined);
  cipher.setAutoPadding(parameters.padding === PADDING_PKCS5);
  if (isGcm && aad.length > 0) (cipher as CipherGCM).setAAD(aad);
  const output = Buffer.concat([cipher.update(data), cipher.final()]);
  return { data: output, mac: isGcm ? (cipher as CipherGCM).getAuthTag() : empty };
}
