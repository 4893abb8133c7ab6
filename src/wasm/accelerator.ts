// `--crypto auto`: one-shot payloads above a crossover go to node:crypto, whose AES instructions win there; all else is the
// core's (docs/decisions/0011). Invariants: both give the same bytes and the same errors, since what node:crypto takes is
// only what the core would accept, and anything else is left to the core to refuse; a failed decryption hands out no byte, and
// wrong mac and wrong padding are one error. Streams stay in the core: their state has to travel.
//
// node:crypto keeps the key in OpenSSL's context, which final() frees and OpenSSL zeroes; so every path here ends in final().

import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { CipherGCM, CipherGCMTypes, DecipherGCM } from 'node:crypto';
import {
  BLOCK_BYTES, MODE_CBC, MODE_CFB, MODE_CTR, MODE_ECB, MODE_GCM, MODE_OFB, PADDING_NONE, PADDING_PKCS5, STATUS_DECRYPTION_FAILED,
} from '../../core/abi.ts';
import type { CipherMode, CipherParameters, CoreCrypto } from './crypto.ts';
import { CoreError } from './status.ts';

/** CoreCrypto, or something that does the same. */
export type Ciphers = Pick<CoreCrypto, 'encrypt' | 'decrypt' | 'begin' | 'update' | 'finish'>;

/** From how many bytes on node:crypto is faster; Infinity: never. */
export interface Crossover {
  readonly encrypt: number;
  readonly decrypt: number;
}
export type Crossovers = Readonly<Record<CipherMode, Crossover>>;

/** OpenSSL's name of each mode. */
const modeNames: Readonly<Record<CipherMode, string>> = {
  [MODE_ECB]: 'ecb', [MODE_CBC]: 'cbc', [MODE_CFB]: 'cfb', [MODE_OFB]: 'ofb', [MODE_CTR]: 'ctr', [MODE_GCM]: 'gcm',
};
export const cipherModes: readonly CipherMode[] = [MODE_ECB, MODE_CBC, MODE_CFB, MODE_OFB, MODE_CTR, MODE_GCM];

/** Longest GCM IV that OpenSSL takes (GCM_IV_MAX_SIZE); the core takes longer ones. */
const nativeGcmIvBytesMax = 128;
/** One call of OpenSSL takes an int; a message is far shorter. */
const nativeBytesMax = 1 << 30;
/** Additional data costs GHASH alone, about a quarter of GCM. */
const aadShift = 2;

const empty = new Uint8Array(0);

export function uniformCrossovers(bytes: number): Crossovers {
  return Object.fromEntries(cipherModes.map((mode) => [mode, { encrypt: bytes, decrypt: bytes }])) as unknown as Crossovers;
}

export function scaledCrossovers(crossovers: Crossovers, factor: number): Crossovers {
  const scaled = cipherModes.map((mode) => [mode, { encrypt: crossovers[mode].encrypt * factor, decrypt: crossovers[mode].decrypt * factor }]);
  return Object.fromEntries(scaled) as unknown as Crossovers;
}

export class AcceleratedCrypto implements Ciphers {
  readonly #core: CoreCrypto;
  /** By mode number. */
  readonly #encryptFrom: readonly number[];
  readonly #decryptFrom: readonly number[];

  constructor(core: CoreCrypto, crossovers: Crossovers) {
    this.#core = core;
    const numbers = Array.from({ length: Math.max(...cipherModes) + 1 }, (_, mode) => mode as CipherMode);
    this.#encryptFrom = numbers.map((mode) => crossovers[mode]?.encrypt ?? Infinity);
    this.#decryptFrom = numbers.map((mode) => crossovers[mode]?.decrypt ?? Infinity);
  }

  encrypt(key: Uint8Array, parameters: CipherParameters, iv: Uint8Array, aad: Uint8Array, data: Uint8Array): { data: Uint8Array; mac: Uint8Array } {
    // An unknown mode has no crossover, and nothing is greater than that.
    if (!(work(aad, data) >= this.#encryptFrom[parameters.mode]!) || !isNative(key, parameters, iv, aad, data)) return this.#core.encrypt(key, parameters, iv, aad, data);
    return nativeEncrypt(key, parameters, iv, aad, data);
  }

  decrypt(key: Uint8Array, parameters: CipherParameters, iv: Uint8Array, aad: Uint8Array, data: Uint8Array, mac: Uint8Array): Uint8Array {
    if (!(work(aad, data) >= this.#decryptFrom[parameters.mode]!) || !isNative(key, parameters, iv, aad, data) || !isDecryptable(parameters, data, mac)) {
      return this.#core.decrypt(key, parameters, iv, aad, data, mac);
    }
    return nativeDecrypt(key, parameters, iv, aad, data, mac);
  }

  begin(...given: Parameters<CoreCrypto['begin']>): Uint8Array {
    return this.#core.begin(...given);
  }

  update(...given: Parameters<CoreCrypto['update']>): ReturnType<CoreCrypto['update']> {
    return this.#core.update(...given);
  }

  finish(...given: Parameters<CoreCrypto['finish']>): ReturnType<CoreCrypto['finish']> {
    return this.#core.finish(...given);
  }
}

/** What decides, in bytes of text. */
function work(aad: Uint8Array, data: Uint8Array): number {
  return data.length + (aad.length >> aadShift);
}

/** Whether the core would take this, and node:crypto as well. */
function isNative(key: Uint8Array, { mode, padding, tagLength }: CipherParameters, iv: Uint8Array, aad: Uint8Array, data: Uint8Array): boolean {
  if (key.length !== 16 && key.length !== 24 && key.length !== 32) return false;
  if (data.length > nativeBytesMax || aad.length > nativeBytesMax) return false;
  const hasBlocks = mode === MODE_ECB || mode === MODE_CBC;
  if (padding === PADDING_NONE ? hasBlocks && data.length % BLOCK_BYTES !== 0 : !(padding === PADDING_PKCS5 && hasBlocks)) return false;
  if (mode === MODE_ECB) return aad.length === 0;
  if (mode !== MODE_GCM) return aad.length === 0 && iv.length === BLOCK_BYTES;
  return iv.length >= 1 && iv.length <= nativeGcmIvBytesMax && (tagLength === 4 || tagLength === 8 || (tagLength >= 12 && tagLength <= 16 && Number.isInteger(tagLength)));
}

/** What a decryption needs besides: whole blocks, at least one where padding was added, and a mac of the stated length. */
function isDecryptable({ mode, padding, tagLength }: CipherParameters, data: Uint8Array, mac: Uint8Array): boolean {
  if (padding === PADDING_PKCS5 && (data.length === 0 || data.length % BLOCK_BYTES !== 0)) return false;
  return mode !== MODE_GCM || mac.length === tagLength;
}

function nativeEncrypt(key: Uint8Array, parameters: CipherParameters, iv: Uint8Array, aad: Uint8Array, data: Uint8Array): { data: Uint8Array; mac: Uint8Array } {
  const { mode, padding, tagLength } = parameters;
  const name = `aes-${key.length * 8}-${modeNames[mode]}`;
  if (mode === MODE_GCM) {
    const cipher = createCipheriv(name as CipherGCMTypes, key, iv, { authTagLength: tagLength }) as CipherGCM;
    if (aad.length > 0) cipher.setAAD(aad);
    const text = cipher.update(data);
    cipher.final();
    return { data: text, mac: cipher.getAuthTag() };
  }
  const cipher = createCipheriv(name, key, mode === MODE_ECB ? null : iv);
  if (padding !== PADDING_PKCS5) cipher.setAutoPadding(false);
  const text = cipher.update(data);
  const rest = cipher.final();
  return { data: rest.length === 0 ? text : Buffer.concat([text, rest]), mac: empty };
}

function nativeDecrypt(key: Uint8Array, parameters: CipherParameters, iv: Uint8Array, aad: Uint8Array, data: Uint8Array, mac: Uint8Array): Uint8Array {
  const { mode, padding, tagLength } = parameters;
  const name = `aes-${key.length * 8}-${modeNames[mode]}`;
  if (mode === MODE_GCM) {
    const decipher = createDecipheriv(name as CipherGCMTypes, key, iv, { authTagLength: tagLength }) as DecipherGCM;
    if (aad.length > 0) decipher.setAAD(aad);
    decipher.setAuthTag(mac);
    const text = decipher.update(data);
    try {
      decipher.final();
    } catch {
      text.fill(0);
      throw new CoreError(STATUS_DECRYPTION_FAILED);
    }
    return text;
  }
  const decipher = createDecipheriv(name, key, mode === MODE_ECB ? null : iv);
  // OpenSSL's own check of the padding stops at the first wrong byte; the one below looks at all sixteen.
  decipher.setAutoPadding(false);
  const text = decipher.update(data);
  decipher.final();
  if (padding !== PADDING_PKCS5) return text;
  const length = unpaddedLength(text);
  if (length < 0) {
    text.fill(0);
    throw new CoreError(STATUS_DECRYPTION_FAILED);
  }
  text.fill(0, length);
  return text.subarray(0, length);
}

/** Bytes before the PKCS #5 padding, or -1 where there is none that is valid: one decision, from all bytes of the last block. */
function unpaddedLength(text: Uint8Array): number {
  const count = text[text.length - 1]!;
  // Negative where count is 0 or over 16; the sign bits of differences of small numbers are the masks.
  let wrong = (count - 1) >> 31 | (BLOCK_BYTES - count) >> 31;
  for (let position = 1; position <= BLOCK_BYTES; position += 1) {
    const isPadding = (position - 1 - count) >> 31;
    wrong |= isPadding & (text[text.length - position]! ^ count);
  }
  return wrong === 0 ? text.length - count : -1;
}
