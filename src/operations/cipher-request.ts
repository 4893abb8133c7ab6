/**
 * What Encrypt and Decrypt have to settle before a cipher runs: the key, the parameters and the IV
 * (KMIP 1.4 §3.6, §4.29 and §4.30, KMIP 2.1 §6.1.11 and §6.1.17).
 *
 * Parameters are the request's, else the key's first Cryptographic Parameters attribute. There is no default Block
 * Cipher Mode: the clause has the operation fail without one. Defaults that are there: Padding Method None and Tag Length 16,
 * for Decrypt too: a shorter tag counts only where the client says so, or anyone could cut it to four bytes.
 * An IV that Encrypt needs and was not given is made here and returned, with Random IV or without: PyKMIP's clients
 * rely on it. GCM and CTR get a nonce that is used once in the whole cluster, the others random bytes (SP 800-38A app. C).
 *
 * `core/cipher-request.ts` and `core/fast-path.ts` say the same for the requests that succeed: a new check goes into both, or
 * into the flags of `engine/slot-contents.ts`.
 */
import type { CryptographicParameters } from '../kmip/objects.ts';
import {
  BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType, PaddingMethod, enumerationValueText,
} from '../kmip/enums.ts';
import { requireProcessing, requireProtecting } from '../kmip/life-cycle.ts';
import { attributeOf } from '../kmip/managed.ts';
import type { Managed } from '../kmip/managed.ts';
import { KmipError } from '../kmip/result.ts';
import { Tag } from '../kmip/tags.ts';
import type { CipherParameters, Context } from './context.ts';

export type Direction = 'encrypt' | 'decrypt';

export const blockBytes = 16;
/** First version whose messages have the Authenticated Encryption Tag. */
export const firstTagVersion = 14;
/** Tag lengths of SP 800-38D §5.2.1.2, in bytes. */
const tagLengths: readonly number[] = [4, 8, 12, 13, 14, 15, 16];
export const defaultTagLength = 16;
/** A server-made GCM nonce is 32 bits that name a thread and 64 that count (SP 800-38D §8.2.1). */
const nonceFixedBits = 32;
const nonceInvocationBits = 64;
const nonceBits = nonceFixedBits + nonceInvocationBits;
/** Longest IV that is made on request, in bits: more serves nobody. */
const madeIvBitsMax = 1024;
/** 2^39 − 256 bits (SP 800-38D §5.2.1.1). */
const gcmBytesMax = 2n ** 36n - 32n;
export const unlimitedBytes = 2n ** 62n;
const empty = new Uint8Array(0);

/** The key as bytes, if the object may be used for this now; throws what is in the way. */
export function usableKey(context: Context, managed: Managed, direction: Direction): Uint8Array {
  const algorithm = algorithmOf(managed);
  // The OASIS cases TC-OTP register one-time pads as Secret Data.
  const isPad = managed.objectType === ObjectType.SecretData && algorithm === CryptographicAlgorithm.OneTimePad;
  if (managed.objectType !== ObjectType.SymmetricKey && !isPad) {
    throw new KmipError('InvalidObjectType', `object ${managed.uniqueIdentifier} is no Symmetric Key and no one-time pad; only those ${direction}`, 'PermissionDenied');
  }
  if (direction === 'encrypt') requireProtecting(managed, context.now);
  else requireProcessing(managed, context.now);
  const use = direction === 'encrypt' ? CryptographicUsageMask.Encrypt : CryptographicUsageMask.Decrypt;
  const allowed = attributeOf(managed, 'CryptographicUsageMask') ?? 0;
  if ((allowed & (use | CryptographicUsageMask.Unrestricted)) === 0) {
    throw new KmipError('IncompatibleCryptographicUsageMask', `Cryptographic Usage Mask of object ${managed.uniqueIdentifier} does not allow to ${direction}`);
  }
  if (algorithm === undefined || !cipherAlgorithms.includes(algorithm)) {
    const name = algorithm === undefined ? 'no algorithm' : enumerationValueText('CryptographicAlgorithm', algorithm);
    throw new KmipError('UnsupportedCryptographicParameters', `object ${managed.uniqueIdentifier} has ${name}; keys of AES, DES3, ChaCha20, ChaCha20Poly1305 and OneTimePad ${direction} here`);
  }
  return keyBytes(managed);
}

/** Algorithms of keys that encrypt and decrypt; all but AES are the business of `other-ciphers.ts`. */
const cipherAlgorithms: readonly number[] = [
  CryptographicAlgorithm.AES, CryptographicAlgorithm.DES3, CryptographicAlgorithm.ChaCha20, CryptographicAlgorithm.ChaCha20Poly1305, CryptographicAlgorithm.OneTimePad,
];
const modelessAlgorithms: readonly number[] = [CryptographicAlgorithm.ChaCha20, CryptographicAlgorithm.ChaCha20Poly1305, CryptographicAlgorithm.OneTimePad];

export function algorithmOf(managed: Managed): number | undefined {
  return attributeOf(managed, 'CryptographicAlgorithm') ?? managed.material?.keyBlock?.cryptographicAlgorithm;
}

/** The key as it is stored, whatever its object may be used for. */
export function keyBytes(managed: Managed): Uint8Array {
  const block = managed.material?.keyBlock;
  if (block?.keyValue === undefined) throw new KmipError('KeyValueNotPresent', `the key value of object ${managed.uniqueIdentifier} is not on this server`);
  if (block.keyWrappingData !== undefined || block.keyValue instanceof Uint8Array) {
    throw new KmipError('FeatureNotSupported', `object ${managed.uniqueIdentifier} was registered wrapped, and is stored so; it has to be registered unwrapped to be used here`);
  }
  const { value } = block.keyValue.keyMaterial;
  if (block.keyFormatType === KeyFormatType.TransparentSymmetricKey && Array.isArray(value)) {
    const key = value.find((item) => item.tag === Tag.Key)?.value;
    if (key instanceof Uint8Array) return key;
  }
  const isBytes = block.keyFormatType === KeyFormatType.Raw || (block.keyFormatType === KeyFormatType.Opaque && algorithmOf(managed) === CryptographicAlgorithm.OneTimePad);
  if (value instanceof Uint8Array && isBytes) return value;
  throw new KmipError('FeatureNotSupported', `the key format of object ${managed.uniqueIdentifier} cannot be used to encrypt or decrypt; Raw and Transparent Symmetric Key can`);
}

/** The request's parameters, completed from the key's where the request names no mode. */
export function chosenParameters(managed: Managed, requested: CryptographicParameters | undefined): CryptographicParameters {
  const own = attributeOf(managed, 'CryptographicParameters') ?? {};
  const chosen = requested === undefined ? own : requested.blockCipherMode === undefined ? { ...own, ...definedOf(requested) } : requested;
  const algorithm = algorithmOf(managed)!;
  if (chosen.blockCipherMode === undefined && !modelessAlgorithms.includes(algorithm)) {
    throw new KmipError('BadCryptographicParameters', `neither the request nor object ${managed.uniqueIdentifier} names a Block Cipher Mode`, 'InvalidField');
  }
  if (chosen.cryptographicAlgorithm !== undefined && chosen.cryptographicAlgorithm !== algorithm) {
    throw new KmipError('BadCryptographicParameters', `Cryptographic Parameters name ${enumerationValueText('CryptographicAlgorithm', chosen.cryptographicAlgorithm)}, the key is ${enumerationValueText('CryptographicAlgorithm', algorithm)}`, 'InvalidField');
  }
  return chosen;
}

function definedOf(parameters: CryptographicParameters): CryptographicParameters {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== undefined));
}

const supportedModes: readonly number[] = [BlockCipherMode.ECB, BlockCipherMode.CBC, BlockCipherMode.CFB, BlockCipherMode.OFB, BlockCipherMode.CTR, BlockCipherMode.GCM];

/** Parameters as the ciphers take them, for AES. */
export function cipherParameters(context: Context, chosen: CryptographicParameters): CipherParameters {
  const mode = chosen.blockCipherMode!;
  if (!supportedModes.includes(mode)) {
    throw new KmipError('UnsupportedCryptographicParameters', `Block Cipher Mode ${enumerationValueText('BlockCipherMode', mode)} is not supported; ECB, CBC, CFB, OFB, CTR and GCM are`);
  }
  const padding = chosen.paddingMethod ?? PaddingMethod.None;
  const padded = mode === BlockCipherMode.ECB || mode === BlockCipherMode.CBC;
  if (padding !== PaddingMethod.None && !(padding === PaddingMethod.PKCS5 && padded)) {
    throw new KmipError('UnsupportedCryptographicParameters', `Padding Method ${enumerationValueText('PaddingMethod', padding)} does not go with ${enumerationValueText('BlockCipherMode', mode)}; None does, and PKCS5 with ECB and CBC`);
  }
  if (mode !== BlockCipherMode.GCM) return { mode, padding, tagLength: 0 };
  if (context.version < firstTagVersion) throw new KmipError('FeatureNotSupported', 'GCM needs KMIP 1.4 or later: earlier messages have no Authenticated Encryption Tag');
  const tagLength = chosen.tagLength ?? defaultTagLength;
  // OASIS CS-BC-M-GCM-1 wants General Failure here.
  if (!tagLengths.includes(tagLength)) throw new KmipError('GeneralFailure', `Tag Length is ${tagLength} bytes; 4, 8 and 12 to 16 are allowed`);
  return { mode, padding, tagLength };
}

export interface InitialVector {
  readonly iv: Uint8Array;
  /** The client has to be told: it was made here. */
  readonly made: boolean;
  /** What the client is told, where `iv` holds more than that: a nonce without its counter. */
  readonly nonce?: Uint8Array;
  /** How much may go through the cipher before its counter would run over. */
  readonly bytesMax: bigint;
}

/** The IV, counter block or nonce that AES starts with. */
export function initialVector(context: Context, direction: Direction, chosen: CryptographicParameters, given: Uint8Array | undefined): InitialVector {
  const mode = chosen.blockCipherMode!;
  if (mode === BlockCipherMode.ECB) return { iv: empty, made: false, bytesMax: unlimitedBytes };
  if (given === undefined) {
    if (direction === 'decrypt') throw new KmipError('InvalidMessage', `IV/Counter/Nonce is missing; ${enumerationValueText('BlockCipherMode', mode)} needs the one that Encrypt used`);
    return madeVector(context, chosen);
  }
  requireLength(chosen.ivLength, given.length * 8, 'IV Length');
  if (mode === BlockCipherMode.CTR) return counterVector(chosen, given, false);
  if (mode === BlockCipherMode.GCM) {
    if (given.length === 0) throw badParameters('IV/Counter/Nonce is empty; GCM takes one byte and more');
    if (chosen.fixedFieldLength !== undefined && chosen.invocationFieldLength !== undefined) {
      requireLength(chosen.fixedFieldLength + chosen.invocationFieldLength, given.length * 8, 'Fixed Field Length and Invocation Field Length together');
    }
    return { iv: given, made: false, bytesMax: gcmBytesMax };
  }
  if (given.length !== blockBytes) throw badParameters(`IV/Counter/Nonce has ${given.length} bytes; ${enumerationValueText('BlockCipherMode', mode)} takes ${blockBytes}`);
  return { iv: given, made: false, bytesMax: unlimitedBytes };
}

function madeVector(context: Context, chosen: CryptographicParameters): InitialVector {
  const mode = chosen.blockCipherMode!;
  if (mode === BlockCipherMode.CTR) {
    requireLength(chosen.ivLength, blockBytes * 8, 'IV Length');
    requireLength(chosen.counterLength, blockBytes * 8 - nonceBits, 'Counter Length');
    return counterVector(chosen, context.uniqueNonce(), true);
  }
  if (mode !== BlockCipherMode.GCM) {
    requireLength(chosen.ivLength, blockBytes * 8, 'IV Length');
    return { iv: context.random(blockBytes), made: true, bytesMax: unlimitedBytes };
  }
  requireLength(chosen.fixedFieldLength, nonceFixedBits, 'Fixed Field Length');
  requireLength(chosen.invocationFieldLength, nonceInvocationBits, 'Invocation Field Length');
  const bits = chosen.ivLength ?? nonceBits;
  if (bits < nonceBits || bits > madeIvBitsMax || bits % 8 !== 0) throw badParameters(`IV Length is ${bits} bits; for an IV made here ${nonceBits} to ${madeIvBitsMax} in whole bytes are allowed`);
  const iv = new Uint8Array(bits / 8);
  iv.set(context.uniqueNonce());
  // The nonce alone makes it unique; what is asked for beyond it is filled at random.
  iv.set(context.random(iv.length - nonceBits / 8), nonceBits / 8);
  return { iv, made: true, bytesMax: gcmBytesMax };
}

/**
 * A counter block: sixteen bytes as they are, or a shorter nonce with the counter behind it, which starts at Initial
 * Counter Value (1 when absent, as in RFC 3686).
 */
function counterVector(chosen: CryptographicParameters, given: Uint8Array, made: boolean): InitialVector {
  if (given.length > blockBytes) throw badParameters(`IV/Counter/Nonce has ${given.length} bytes; CTR takes up to ${blockBytes}`);
  const counterBits = given.length === blockBytes ? (chosen.counterLength ?? blockBytes * 8) : (blockBytes - given.length) * 8;
  if (counterBits < 1 || counterBits > blockBytes * 8) throw badParameters(`Counter Length is ${counterBits} bits; 1 to ${blockBytes * 8} are allowed`);
  requireLength(chosen.counterLength, counterBits, 'Counter Length');
  const iv = new Uint8Array(blockBytes);
  iv.set(given);
  const room = 2n ** BigInt(counterBits);
  let start = bigEndian(iv) % room;
  if (given.length < blockBytes) {
    start = BigInt(chosen.initialCounterValue ?? 1);
    if (start < 0n || start >= room) throw badParameters(`Initial Counter Value ${start} does not fit into a counter of ${counterBits} bits`);
    for (let index = blockBytes - 1, rest = start; index >= given.length; index -= 1, rest >>= 8n) iv[index] = Number(rest & 0xffn);
  } else if (chosen.initialCounterValue !== undefined && BigInt(chosen.initialCounterValue) !== start) {
    throw badParameters(`Initial Counter Value is ${chosen.initialCounterValue}, but the IV/Counter/Nonce of ${blockBytes} bytes holds a counter of its own`);
  }
  const bytesMax = (room - start) * BigInt(blockBytes);
  return { iv, made, bytesMax: bytesMax < unlimitedBytes ? bytesMax : unlimitedBytes };
}

function bigEndian(bytes: Uint8Array): bigint {
  return bytes.reduce((value, byte) => (value << 8n) | BigInt(byte), 0n);
}

export function requireLength(given: number | undefined, actual: number, title: string): void {
  if (given !== undefined && given !== actual) throw badParameters(`${title} is ${given} bits; ${actual} fit here`);
}

export function badParameters(message: string): KmipError {
  return new KmipError('BadCryptographicParameters', message, 'InvalidField');
}
