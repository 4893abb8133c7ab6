/**
 * The ciphers that the core does not have, by node:crypto: Triple DES (SP 800-67, modes of SP 800-38A), ChaCha20 and
 * ChaCha20Poly1305 (RFC 8439), and the One Time Pad. CipherPort sends them here by the algorithm of the parameters; a stream by
 * the first byte of its state.
 *
 *     marker u8 | algorithm u8 | direction u8 | mode u8 | padding u8 | held length u8 | 0 u16 | position u64 | chain 16 | held 8
 *
 * Invariants: parameters, IV and length of the data are settled (`operations/other-ciphers.ts`); every failed decryption
 * reads the same; no plaintext leaves ChaCha20Poly1305 before its tag is checked, which is why it has no streams. The block of a
 * ChaCha20 IV is the state's last row: counter and nonce, 16 bytes. Triple DES gives no speed and little strength (64-bit blocks): it
 * is here to read and to go on with what others began.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { Cipheriv } from 'node:crypto';
import { BlockCipherMode, CryptographicAlgorithm, PaddingMethod } from '../kmip/enums.ts';
import { KmipError } from '../kmip/result.ts';
import type { CipherParameters, CipherPort } from '../operations/context.ts';

type Direction = 'encrypt' | 'decrypt';
type Sealed = { readonly data: Uint8Array; readonly mac: Uint8Array };

const { DES3, ChaCha20, ChaCha20Poly1305, OneTimePad } = CryptographicAlgorithm;
const { ECB, CBC, CFB, OFB } = BlockCipherMode;
const empty = new Uint8Array(0);
const poly1305MacBytes = 16;
const chachaBlockBytes = 64;
const desBlockBytes = 8;
const desModeNames: ReadonlyMap<number, string> = new Map([[ECB, 'ecb'], [CBC, 'cbc'], [CFB, 'cfb'], [OFB, 'ofb']]);

/** First byte of a stream's state; the core's states begin with their revision, which counts from 1. */
const stateMarker = 0xff;
const stateBytes = 40;
const chainOffset = 16;
const heldOffset = 32;

/** A port that has the core's AES and the ciphers of this file. */
export function withOtherCiphers(aes: CipherPort): CipherPort {
  const others = otherCiphers();
  const byAlgorithm = ({ algorithm }: CipherParameters): CipherPort => (algorithm === undefined || algorithm === CryptographicAlgorithm.AES ? aes : others);
  const byState = (state: Uint8Array): CipherPort => (state[0] === stateMarker ? others : aes);
  return {
    encrypt: (key, parameters, iv, aad, data) => byAlgorithm(parameters).encrypt(key, parameters, iv, aad, data),
    decrypt: (key, parameters, iv, aad, data, mac) => byAlgorithm(parameters).decrypt(key, parameters, iv, aad, data, mac),
    begin: (key, direction, parameters, iv, aad) => byAlgorithm(parameters).begin(key, direction, parameters, iv, aad),
    update: (key, state, data) => byState(state).update(key, state, data),
    finish: (key, state, data, mac) => byState(state).finish(key, state, data, mac),
  };
}

function otherCiphers(): CipherPort {
  return {
    encrypt(key, parameters, iv, aad, data) {
      requireKeyLength(key, parameters.algorithm);
      if (parameters.algorithm === ChaCha20Poly1305) return sealPoly1305(key, parameters.tagLength, iv, aad, data);
      return { data: transformed(key, 'encrypt', parameters, iv, 0n, data), mac: empty };
    },
    decrypt(key, parameters, iv, aad, data, mac) {
      requireKeyLength(key, parameters.algorithm);
      if (parameters.algorithm === ChaCha20Poly1305) return openPoly1305(key, parameters.tagLength, iv, aad, data, mac);
      return transformed(key, 'decrypt', parameters, iv, 0n, data);
    },
    begin(key, direction, parameters, iv) {
      requireKeyLength(key, parameters.algorithm);
      if (parameters.algorithm === ChaCha20Poly1305) throw new KmipError('FeatureNotSupported', 'ChaCha20Poly1305 takes whole messages only, no parts');
      return storeState({ direction, parameters, position: 0n, chain: iv, held: empty });
    },
    update(key, bytes, data) {
      const state = loadState(bytes);
      if (state.parameters.algorithm === DES3) return updateTripleDes(key, state, data);
      const { direction, parameters, position, chain } = state;
      const output = transformed(key, direction, parameters, chain, position, data);
      return { state: storeState({ ...state, position: position + BigInt(data.length) }), data: output };
    },
    finish(key, bytes, data) {
      const { direction, parameters, position, chain, held } = loadState(bytes);
      const output = transformed(key, direction, parameters, chain, position, Buffer.concat([held, data]));
      return { data: isBlockMode(parameters) ? output : output.subarray(held.length), mac: empty };
    },
  };
}

function requireKeyLength(key: Uint8Array, algorithm: number | undefined): void {
  const allowed = algorithm === DES3 ? [16, 24] : algorithm === OneTimePad ? [key.length] : [32];
  if (!allowed.includes(key.length)) throw new KmipError('CryptographicFailure', `the key has ${key.length} bytes; the algorithm takes ${allowed.join(' or ')}`);
}

/** All of the data, from a position of the key stream on, or with a block cipher's padding put on or taken off. */
function transformed(key: Uint8Array, direction: Direction, parameters: CipherParameters, iv: Uint8Array, position: bigint, data: Uint8Array): Uint8Array {
  switch (parameters.algorithm) {
    case DES3:
      return tripleDes(key, direction, parameters, iv, data);
    case ChaCha20:
      return chacha20(key, iv, position, data);
    case OneTimePad:
      return oneTimePad(key, Number(position), data);
    default:
      throw new Error(`no cipher for algorithm ${parameters.algorithm}`);
  }
}

function oneTimePad(pad: Uint8Array, position: number, data: Uint8Array): Uint8Array {
  if (position + data.length > pad.length) throw new Error('data beyond the end of the pad');
  return data.map((byte, index) => byte ^ pad[position + index]!);
}

function chacha20(key: Uint8Array, block: Uint8Array, position: bigint, data: Uint8Array): Uint8Array {
  const at = Buffer.from(block);
  at.writeUInt32LE((at.readUInt32LE() + Number(position / BigInt(chachaBlockBytes))) % 2 ** 32);
  const cipher = createCipheriv('chacha20', key, at);
  cipher.update(new Uint8Array(Number(position % BigInt(chachaBlockBytes))));
  return cipher.update(data);
}

function sealPoly1305(key: Uint8Array, tagLength: number, nonce: Uint8Array, aad: Uint8Array, data: Uint8Array): Sealed {
  const cipher = createCipheriv('chacha20-poly1305', key, nonce, { authTagLength: poly1305MacBytes });
  cipher.setAAD(aad, { plaintextLength: data.length });
  const output = Buffer.concat([cipher.update(data), cipher.final()]);
  return { data: output, mac: cipher.getAuthTag().subarray(0, tagLength) };
}

function openPoly1305(key: Uint8Array, tagLength: number, nonce: Uint8Array, aad: Uint8Array, data: Uint8Array, mac: Uint8Array): Uint8Array {
  const cipher = createDecipheriv('chacha20-poly1305', key, nonce, { authTagLength: tagLength });
  cipher.setAuthTag(mac);
  cipher.setAAD(aad, { plaintextLength: data.length });
  const output = cipher.update(data);
  try {
    return Buffer.concat([output, cipher.final()]);
  } catch {
    throw decryptionFailed();
  } finally {
    output.fill(0);
  }
}

function isBlockMode({ algorithm, mode }: CipherParameters): boolean {
  return algorithm === DES3 && (mode === ECB || mode === CBC);
}

function tripleDes(key: Uint8Array, direction: Direction, parameters: CipherParameters, iv: Uint8Array, data: Uint8Array): Uint8Array {
  const isPadded = parameters.padding === PaddingMethod.PKCS5;
  if (isBlockMode(parameters) && data.length % desBlockBytes !== 0 && !(isPadded && direction === 'encrypt')) {
    if (direction === 'decrypt') throw decryptionFailed();
    throw new KmipError('CryptographicFailure', `the data is not a multiple of ${desBlockBytes} bytes, and this mode without padding takes whole blocks only`);
  }
  const cipher = tripleDesCipher(key, direction, parameters.mode, iv).setAutoPadding(isPadded);
  try {
    return Buffer.concat([cipher.update(data), cipher.final()]);
  } catch (error) {
    throw direction === 'decrypt' ? decryptionFailed() : error;
  }
}

/** Two keys stand for three, of which the last is the first (SP 800-67 §3.2, keying option 2). */
function tripleDesCipher(key: Uint8Array, direction: Direction, mode: number, iv: Uint8Array): Cipheriv {
  const three = Buffer.alloc(24);
  three.set(key);
  if (key.length === 16) three.set(key.subarray(0, 8), 16);
  const name = `des-ede3-${desModeNames.get(mode)}`;
  try {
    return direction === 'encrypt' ? createCipheriv(name, three, mode === ECB ? null : iv) : createDecipheriv(name, three, mode === ECB ? null : iv);
  } finally {
    three.fill(0);
  }
}

/**
 * One part. A state is that of the last block boundary, with the input since then held: block modes give out no part of a block,
 * the others have given it out already and go over it again. A padded decryption holds a whole block, which may be the last.
 */
function updateTripleDes(key: Uint8Array, state: OtherState, data: Uint8Array): { readonly state: Uint8Array; readonly data: Uint8Array } {
  const { direction, parameters, chain, held } = state;
  const input = Buffer.concat([held, data]);
  const waits = direction === 'decrypt' && parameters.padding === PaddingMethod.PKCS5 && input.length > 0 ? 1 : 0;
  const boundary = Math.floor((input.length - waits) / desBlockBytes) * desBlockBytes;
  const isBlock = isBlockMode(parameters);
  const output = tripleDes(key, direction, { ...parameters, padding: PaddingMethod.None }, chain, isBlock ? input.subarray(0, boundary) : input);
  const next = storeState({ ...state, chain: boundary === 0 ? chain : nextChain(state, input, output, boundary), held: input.subarray(boundary) });
  return { state: next, data: isBlock ? output : output.subarray(held.length) };
}

/** What the block after the boundary is chained to: the ciphertext before it, or OFB's key stream. */
function nextChain({ direction, parameters }: OtherState, input: Uint8Array, output: Uint8Array, boundary: number): Uint8Array {
  const before = input.subarray(boundary - desBlockBytes, boundary);
  const after = output.subarray(boundary - desBlockBytes, boundary);
  if (parameters.mode === OFB) return before.map((byte, index) => byte ^ after[index]!);
  return direction === 'encrypt' ? after : before;
}

interface OtherState {
  readonly direction: Direction;
  readonly parameters: CipherParameters;
  readonly position: bigint;
  readonly chain: Uint8Array;
  readonly held: Uint8Array;
}

function storeState({ direction, parameters, position, chain, held }: OtherState): Uint8Array {
  const bytes = new Uint8Array(stateBytes);
  bytes.set([stateMarker, parameters.algorithm!, direction === 'encrypt' ? 1 : 2, parameters.mode, parameters.padding, held.length]);
  new DataView(bytes.buffer).setBigUint64(8, position);
  bytes.set(chain, chainOffset);
  bytes.set(held, heldOffset);
  return bytes;
}

function loadState(bytes: Uint8Array): OtherState {
  if (bytes.length !== stateBytes) throw new Error(`a stream's state of ${bytes.length} bytes`);
  const [, algorithm, direction, mode, padding, heldLength] = bytes;
  return {
    direction: direction === 1 ? 'encrypt' : 'decrypt',
    parameters: { algorithm: algorithm!, mode: mode!, padding: padding!, tagLength: 0 },
    position: new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(8),
    chain: bytes.slice(chainOffset, chainOffset + (algorithm === DES3 ? desBlockBytes : 16)),
    held: bytes.slice(heldOffset, heldOffset + heldLength!),
  };
}

function decryptionFailed(): KmipError {
  return new KmipError('CryptographicFailure', 'decryption failed');
}
