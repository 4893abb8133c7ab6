/**
 * Making keys: which algorithms and lengths Create offers, and the generator of their bytes (KMIP 1.4 §4.1, §3.44).
 *
 * Invariant: every key comes from an ANSI X9.31 generator with AES-256 whose key and seed are fresh output of the
 * operating system's generator, used for this one key and wiped. So the Random Number Generator attribute, whose value
 * the OASIS profiles fix (SKFF-M-12-14), tells the truth, and the key is no weaker than its seed.
 *
 *     I = E(K, DT)      R = E(K, I xor V)      V' = E(K, R xor I)        DT counts on, R is the output
 */
import { BlockCipherMode, CryptographicAlgorithm, PaddingMethod, RNGAlgorithm, enumerationValueName } from '../kmip/enums.ts';
import type { RngParameters } from '../kmip/objects.ts';
import { KmipError } from '../kmip/result.ts';
import type { CipherParameters, Context } from './context.ts';

/** What the server tells of its generator, in attributes and in Query. */
export const keyGenerator: RngParameters = { rngAlgorithm: RNGAlgorithm.ANSIX9_31, cryptographicAlgorithm: CryptographicAlgorithm.AES, cryptographicLength: 256 };

/** Bits of the longest key that Create makes: HMAC keys gain nothing beyond the hash's block. */
export const keyLengthMax = 4096;

interface KeyLengths {
  /** Length when the request names none; without one it has to. */
  readonly usual?: number;
  readonly allowed: readonly number[] | { readonly from: number; readonly to: number; readonly step: number };
}

const threeSizes: KeyLengths = { usual: 256, allowed: [128, 192, 256] };
const one = (bits: number): KeyLengths => ({ usual: bits, allowed: [bits] });
const hmac = (bits: number): KeyLengths => ({ usual: bits, allowed: { from: 64, to: keyLengthMax, step: 8 } });

/** Algorithms whose keys are nothing but random bytes (Triple DES: with parity). Those that need more are not here. */
const lengthsOf: ReadonlyMap<number, KeyLengths> = new Map([
  [CryptographicAlgorithm.AES, threeSizes],
  [CryptographicAlgorithm.DES3, { usual: 168, allowed: [112, 168] }],
  [CryptographicAlgorithm.Camellia, threeSizes],
  [CryptographicAlgorithm.ARIA, threeSizes],
  [CryptographicAlgorithm.Twofish, threeSizes],
  [CryptographicAlgorithm.SEED, one(128)],
  [CryptographicAlgorithm.SM4, one(128)],
  [CryptographicAlgorithm.IDEA, one(128)],
  [CryptographicAlgorithm.SKIPJACK, one(80)],
  [CryptographicAlgorithm.Blowfish, { usual: 256, allowed: { from: 32, to: 448, step: 8 } }],
  [CryptographicAlgorithm.CAST5, { usual: 128, allowed: { from: 40, to: 128, step: 8 } }],
  [CryptographicAlgorithm.ChaCha20, one(256)],
  [CryptographicAlgorithm.Poly1305, one(256)],
  [CryptographicAlgorithm.ChaCha20Poly1305, one(256)],
  // A pad is as long as what it is for. From a generator it is as strong as the generator, not as the textbook's pad.
  [CryptographicAlgorithm.OneTimePad, { allowed: { from: 8, to: keyLengthMax, step: 8 } }],
  [CryptographicAlgorithm.HMAC_SHA1, hmac(160)],
  [CryptographicAlgorithm.HMAC_SHA224, hmac(224)],
  [CryptographicAlgorithm.HMAC_SHA256, hmac(256)],
  [CryptographicAlgorithm.HMAC_SHA384, hmac(384)],
  [CryptographicAlgorithm.HMAC_SHA512, hmac(512)],
  [CryptographicAlgorithm.HMAC_MD5, hmac(128)],
  [CryptographicAlgorithm.HMAC_SHA3_224, hmac(224)],
  [CryptographicAlgorithm.HMAC_SHA3_256, hmac(256)],
  [CryptographicAlgorithm.HMAC_SHA3_384, hmac(384)],
  [CryptographicAlgorithm.HMAC_SHA3_512, hmac(512)],
]);

/** Algorithms that may carry Quantum Safe, from 256 bits on (KMIP 2.1 §4.45): Grover's search halves the strength of a key. */
const quantumSafeAlgorithms: readonly number[] = [
  CryptographicAlgorithm.AES, CryptographicAlgorithm.Camellia, CryptographicAlgorithm.ARIA, CryptographicAlgorithm.ChaCha20, CryptographicAlgorithm.ChaCha20Poly1305,
  CryptographicAlgorithm.HMAC_SHA256, CryptographicAlgorithm.HMAC_SHA384, CryptographicAlgorithm.HMAC_SHA512,
  CryptographicAlgorithm.HMAC_SHA3_256, CryptographicAlgorithm.HMAC_SHA3_384, CryptographicAlgorithm.HMAC_SHA3_512,
];

export function isQuantumSafe(algorithm: number | undefined, bits: number | undefined): boolean {
  return algorithm !== undefined && bits !== undefined && bits >= 256 && quantumSafeAlgorithms.includes(algorithm);
}

/** The length of a new key in bits: the one asked for, when the algorithm has it, or the usual one. */
export function lengthOfNewKey(algorithm: number, wanted: number | undefined): number {
  const lengths = lengthsOf.get(algorithm);
  const title = enumerationValueName('CryptographicAlgorithm', algorithm) ?? `0x${algorithm.toString(16)}`;
  if (lengths === undefined) throw new KmipError('InvalidAttributeValue', `Cryptographic Algorithm ${title}: Create makes no keys of it`, 'InvalidField');
  if (wanted === undefined && lengths.usual !== undefined) return lengths.usual;
  if (wanted === undefined) throw new KmipError('InvalidAttributeValue', `Cryptographic Length is missing; a key of ${title} has no usual one`, 'InvalidField');
  if (!hasLength(lengths, wanted)) throw new KmipError('InvalidAttributeValue', `Cryptographic Length ${wanted} of a key of ${title}; allowed: ${lengthText(lengths)}`, 'InvalidField');
  return wanted;
}

/** True where bytes of this number can be a key of the algorithm with that length in bits; unknown algorithms are taken at their word. */
export function fitsLength(algorithm: number, bits: number, byteCount: number): boolean {
  const lengths = lengthsOf.get(algorithm);
  if (lengths === undefined) return true;
  if (algorithm === CryptographicAlgorithm.DES3) return (bits === 112 || bits === 128) ? byteCount === 16 : (bits === 168 || bits === 192) && byteCount === 24;
  return bits === byteCount * 8 && (Array.isArray(lengths.allowed) ? lengths.allowed.includes(bits) : true);
}

/** The length in bits that key bytes of an algorithm have, parity apart. */
export function lengthOfBytes(algorithm: number, byteCount: number): number {
  return algorithm === CryptographicAlgorithm.DES3 ? byteCount * 7 : byteCount * 8;
}

/** A new key. Secret. `random` gives bytes of the operating system's generator. */
export function generateKey(algorithm: number, bits: number, context: Generator): Uint8Array {
  const isTripleDes = algorithm === CryptographicAlgorithm.DES3;
  const key = generateBytes(isTripleDes ? (bits / 7) : bits / 8, context);
  if (isTripleDes) for (let index = 0; index < key.length; index++) key[index] = withOddParity(key[index]!);
  return key;
}

/** What a generator is made of. */
type Generator = Pick<Context, 'random' | 'ciphers'>;

const keyLength = 32;
const blockLength = 16;
const ecb: CipherParameters = { mode: BlockCipherMode.ECB, padding: PaddingMethod.None, tagLength: 0 };
const cbc: CipherParameters = { ...ecb, mode: BlockCipherMode.CBC };
const empty = new Uint8Array(0);

/**
 * With I = E(date and time): output R = E(I + V), next seed V = E(R + I). That is CBC of I, I, I', I', I'' … from the first V on, of
 * which every other block is put out: two calls of a cipher for a key, in place of three a block.
 */
function generateBytes(length: number, { random, ciphers }: Generator): Uint8Array {
  const blocks = Math.ceil(length / blockLength);
  const drawn = random(keyLength + 2 * blockLength);
  const key = drawn.subarray(0, keyLength);
  const seed = drawn.subarray(keyLength, keyLength + blockLength);
  const dateTime = drawn.subarray(keyLength + blockLength);
  const dateTimes = new Uint8Array(blocks * blockLength);
  for (let block = 0; block < blocks; block++) {
    countOn(dateTime);
    dateTimes.set(dateTime, block * blockLength);
  }
  const { data: intermediates } = ciphers.encrypt(key, ecb, empty, empty, dateTimes);
  const input = new Uint8Array(2 * dateTimes.length);
  for (let index = 0; index < intermediates.length; index++) {
    const place = index + index - (index % blockLength);
    input[place] = intermediates[index]!;
    input[place + blockLength] = intermediates[index]!;
  }
  const { data: output } = ciphers.encrypt(key, cbc, seed, empty, input);
  const result = new Uint8Array(length);
  for (let index = 0; index < length; index++) result[index] = output[index + index - (index % blockLength)]!;
  for (const used of [drawn, dateTimes, intermediates, input, output]) used.fill(0);
  return result;
}

function countOn(block: Uint8Array): void {
  for (let index = block.length - 1, carry = 1; index >= 0 && carry === 1; index--) {
    block[index] = (block[index]! + 1) & 0xff;
    carry = block[index] === 0 ? 1 : 0;
  }
}

/** Sets the lowest bit so that the byte has an odd number of ones (FIPS 46-3), by folding, without a look at the bits. */
function withOddParity(byte: number): number {
  let folded = byte & 0xfe;
  folded ^= folded >> 4;
  folded ^= folded >> 2;
  folded ^= folded >> 1;
  return (byte & 0xfe) | (~folded & 1);
}

function hasLength(lengths: KeyLengths, bits: number): boolean {
  if ('from' in lengths.allowed) return bits >= lengths.allowed.from && bits <= lengths.allowed.to && (bits - lengths.allowed.from) % lengths.allowed.step === 0;
  return lengths.allowed.includes(bits);
}

function lengthText(lengths: KeyLengths): string {
  return 'from' in lengths.allowed ? `${lengths.allowed.from} to ${lengths.allowed.to} in steps of ${lengths.allowed.step}` : lengths.allowed.join(', ');
}
