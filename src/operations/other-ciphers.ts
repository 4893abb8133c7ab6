/**
 * What Encrypt and Decrypt settle for the algorithms besides AES: mode, padding, tag and IV of Triple DES, ChaCha20,
 * ChaCha20Poly1305 and the One Time Pad. The specification names the algorithms and no more (KMIP 1.4 §9.1.3.2.13); what is
 * decided here follows the OASIS cases CS-BC-M-4-12-3DES, CS-BC-M-CHACHA20, CS-BC-M-CHACHA20POLY1305 and TC-OTP.
 *
 *     Triple DES         ECB, CBC, CFB, OFB; blocks and IVs of 8 bytes; PKCS5 with ECB and CBC
 *     ChaCha20           no mode; nonce of 12 bytes, or 8 as first published; Initial Counter Value, 0 when absent
 *     ChaCha20Poly1305   mode AEAD or none; nonce of 12 bytes; tags of 12 to 16 bytes
 *     One Time Pad       no parameters, no IV: data XOR key, from the key's first byte on, and never beyond its last
 *
 * A pad's second use is not refused (TC-OTP-5 uses one twice): a client that wants the guarantee sets Usage Limits.
 */
import { BlockCipherMode, CryptographicAlgorithm, PaddingMethod, enumerationValueText } from '../kmip/enums.ts';
import type { CryptographicParameters } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import { badParameters, defaultTagLength, firstTagVersion, requireLength, unlimitedBytes } from './cipher-request.ts';
import type { Direction, InitialVector } from './cipher-request.ts';
import type { CipherParameters, Context } from './context.ts';

const { DES3, ChaCha20, ChaCha20Poly1305, OneTimePad } = CryptographicAlgorithm;
const desModes: readonly number[] = [BlockCipherMode.ECB, BlockCipherMode.CBC, BlockCipherMode.CFB, BlockCipherMode.OFB];
const desIvBytes = 8;
/** Nonce as in RFC 8439, and as in Bernstein's paper, whose counter takes four bytes more. */
const nonceBytes = 12;
const shortNonceBytes = 8;
/** Blocks that a counter of 32 bits counts; the longer one of a short nonce is not used further (256 GiB). */
const counterRoom = 2n ** 32n;
const chachaBlockBytes = 64n;
/** (2^32 − 1) blocks of 64 bytes: one goes to the one-time key (RFC 8439 §2.8). */
const poly1305BytesMax = (counterRoom - 1n) * chachaBlockBytes;
/** RFC 8439 has 16 bytes only; the OASIS case takes 12 too. Nothing shorter is asked for. */
const tagLengths: readonly number[] = [12, 13, 14, 15, 16];
const empty = new Uint8Array(0);
const noMode = 0;

/** Parameters that name their algorithm. */
export interface OtherParameters extends CipherParameters {
  readonly algorithm: number;
}

export function otherParameters(context: Context, algorithm: number, chosen: CryptographicParameters): OtherParameters {
  const title = enumerationValueText('CryptographicAlgorithm', algorithm);
  const { blockCipherMode } = chosen;
  const padding = chosen.paddingMethod ?? PaddingMethod.None;
  const none = { algorithm, mode: noMode, padding: PaddingMethod.None, tagLength: 0 };
  if (algorithm === DES3) return { ...none, mode: tripleDesMode(blockCipherMode!, padding), padding };
  if (padding !== PaddingMethod.None) throw new KmipError('UnsupportedCryptographicParameters', `Padding Method ${enumerationValueText('PaddingMethod', padding)} does not go with ${title}, which needs none`);
  const allowed = algorithm === ChaCha20Poly1305 ? BlockCipherMode.AEAD : undefined;
  if (blockCipherMode !== undefined && blockCipherMode !== allowed) {
    throw new KmipError('UnsupportedCryptographicParameters', `Block Cipher Mode ${enumerationValueText('BlockCipherMode', blockCipherMode)} does not go with ${title}; ${allowed === undefined ? 'it has no modes' : 'AEAD does'}`);
  }
  if (algorithm !== ChaCha20Poly1305) return none;
  if (context.version < firstTagVersion) throw new KmipError('FeatureNotSupported', 'ChaCha20Poly1305 needs KMIP 1.4 or later: earlier messages have no Authenticated Encryption Tag');
  const tagLength = chosen.tagLength ?? defaultTagLength;
  // OASIS CS-BC-M-CHACHA20POLY1305-1 wants General Failure here.
  if (!tagLengths.includes(tagLength)) throw new KmipError('GeneralFailure', `Tag Length is ${tagLength} bytes; 12 to 16 are allowed`);
  return { ...none, mode: BlockCipherMode.AEAD, tagLength };
}

function tripleDesMode(mode: number, padding: number): number {
  const modeName = enumerationValueText('BlockCipherMode', mode);
  if (!desModes.includes(mode)) throw new KmipError('UnsupportedCryptographicParameters', `Block Cipher Mode ${modeName} is not supported for DES3; ECB, CBC, CFB and OFB are`);
  const padded = mode === BlockCipherMode.ECB || mode === BlockCipherMode.CBC;
  if (padding !== PaddingMethod.None && !(padding === PaddingMethod.PKCS5 && padded)) {
    throw new KmipError('UnsupportedCryptographicParameters', `Padding Method ${enumerationValueText('PaddingMethod', padding)} does not go with ${modeName}; None does, and PKCS5 with ECB and CBC`);
  }
  return mode;
}

/** The IV or the block of counter and nonce that the cipher starts with. `keyLength` is a pad's length in bytes. */
export function otherVector(
  context: Context, direction: Direction, { algorithm, mode }: OtherParameters, chosen: CryptographicParameters, given: Uint8Array | undefined, keyLength: number,
): InitialVector {
  if (algorithm === OneTimePad) return { iv: empty, made: false, bytesMax: BigInt(keyLength) };
  if (mode === BlockCipherMode.ECB) return { iv: empty, made: false, bytesMax: unlimitedBytes };
  const iv = given ?? madeIv(context, direction, algorithm);
  requireLength(chosen.ivLength, iv.length * 8, 'IV Length');
  const lengths = algorithm === DES3 ? [desIvBytes] : algorithm === ChaCha20 ? [nonceBytes, shortNonceBytes] : [nonceBytes];
  if (!lengths.includes(iv.length)) {
    throw badParameters(`IV/Counter/Nonce has ${iv.length} bytes; ${enumerationValueText('CryptographicAlgorithm', algorithm)} takes ${lengths.join(' or ')}`);
  }
  const made = given === undefined;
  if (algorithm === ChaCha20) return { ...counterBlock(chosen.initialCounterValue ?? 0, iv), made, nonce: iv };
  return { iv, made, bytesMax: algorithm === DES3 ? unlimitedBytes : poly1305BytesMax };
}

function madeIv(context: Context, direction: Direction, algorithm: number): Uint8Array {
  if (direction === 'decrypt') throw new KmipError('InvalidMessage', `IV/Counter/Nonce is missing; ${enumerationValueText('CryptographicAlgorithm', algorithm)} needs the one that Encrypt used`);
  return algorithm === DES3 ? context.random(desIvBytes) : context.uniqueNonce();
}

/** The last row of ChaCha20's state: the counter, least byte first, and the nonce (RFC 8439 §2.3). */
function counterBlock(start: number, nonce: Uint8Array): { readonly iv: Uint8Array; readonly bytesMax: bigint } {
  if (start < 0) throw badParameters(`Initial Counter Value is ${start}; it counts from 0`);
  const iv = new Uint8Array(16);
  new DataView(iv.buffer).setUint32(0, start, true);
  iv.set(nonce, iv.length - nonce.length);
  return { iv, bytesMax: (counterRoom - BigInt(start)) * chachaBlockBytes };
}
