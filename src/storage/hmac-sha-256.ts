/**
 * HMAC-SHA-256 (RFC 2104, FIPS 180-4) under a key that is used over and over: what both of its hashes have taken in of the key is
 * kept, so that a short text costs two blocks and no call out of JavaScript.
 *
 *   key xor 36… | text          two hashes, each begun with one block of the key:
 *   key xor 5c… | hash of that  `#states` holds eight words of either after that block
 *
 * node:crypto makes an object for each one, which costs several times what it then does: most of it in malloc and in the collector.
 * Key, states and text are secret: no branch and no index depends on them, and what was worked on is wiped. The states lie
 * outside the collector's heap, so no copy of them stays behind.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';

export const macLength = 32;

const blockLength = 64;
const stateWords = 8;
const rounds = 64;
const innerPad = 0x36;
const outerPad = 0x5c;
/** A longer text is copied out of its string in pieces of its own. */
const scratchLength = 4096;

/** Fractions of the cube roots of the first 64 primes, and of the square roots of the first eight (FIPS 180-4 §4.2.2, §5.3.3). */
const primes = firstPrimes(rounds);
const roundConstants = Int32Array.from(primes, (prime) => fraction(prime, 3));
const initialState = Int32Array.from(primes.slice(0, stateWords), (prime) => fraction(prime, 2));

const schedule = new Int32Array(rounds);
const state = new Int32Array(new ArrayBuffer(stateWords * 4));
const block = new Uint8Array(new ArrayBuffer(blockLength));
const inner = new Uint8Array(new ArrayBuffer(macLength));
const scratch = Buffer.alloc(scratchLength);

export class HmacKey {
  readonly #states = new Int32Array(new ArrayBuffer(2 * stateWords * 4));

  /** Takes 64 bytes at most; keeps no reference. */
  constructor(key: Uint8Array) {
    assert(key.length <= blockLength, `an HMAC key has ${blockLength} bytes at most`);
    for (const [place, pad] of [[0, innerPad], [stateWords, outerPad]] as const) {
      block.fill(pad);
      for (let index = 0; index < key.length; index++) block[index] = block[index]! ^ key[index]!;
      state.set(initialState);
      compress(block, 0);
      this.#states.set(state, place);
    }
    wipeWork();
  }

  /** All zeros: it was wiped. */
  get isWiped(): boolean {
    return this.#states.every((word) => word === 0);
  }

  /** Writes the mac of the bytes, 32 bytes, to the target, which may be where they stand. */
  mac(bytes: Uint8Array, target: Uint8Array): void {
    const states = this.#states;
    for (let word = 0; word < stateWords; word++) state[word] = states[word]!;
    finish(bytes, blockLength);
    putState(inner, 0);
    for (let word = 0; word < stateWords; word++) state[word] = states[stateWords + word]!;
    finish(inner, blockLength);
    putState(target, 0);
    inner.fill(0);
    wipeWork();
  }

  /** Writes the mac of the text's UTF-8 bytes. */
  macOfText(text: string, target: Uint8Array): void {
    const isShort = text.length * 3 <= scratchLength;
    const bytes = isShort ? scratch.subarray(0, scratch.write(text)) : Buffer.from(text, 'utf8');
    this.mac(bytes, target);
    bytes.fill(0);
  }

  wipe(): void {
    this.#states.fill(0);
  }
}

/** Hashes the rest of a message of which `before` bytes were taken in. */
function finish(bytes: Uint8Array, before: number): void {
  let offset = 0;
  for (; offset + blockLength <= bytes.length; offset += blockLength) compress(bytes, offset);
  const left = bytes.length - offset;
  block.fill(0);
  for (let index = 0; index < left; index++) block[index] = bytes[offset + index]!;
  block[left] = 0x80;
  if (left >= blockLength - 8) {
    compress(block, 0);
    block.fill(0);
  }
  const bits = (before + bytes.length) * 8;
  putWord(block, blockLength - 8, Math.floor(bits / 2 ** 32));
  putWord(block, blockLength - 4, bits | 0);
  compress(block, 0);
}

/** One block into the state (FIPS 180-4 §6.2.2). */
function compress(bytes: Uint8Array, start: number): void {
  const words = schedule;
  for (let index = 0, offset = start; index < 16; index++, offset += 4) {
    words[index] = (bytes[offset]! << 24) | (bytes[offset + 1]! << 16) | (bytes[offset + 2]! << 8) | bytes[offset + 3]!;
  }
  for (let index = 16; index < rounds; index++) {
    const early = words[index - 15]!;
    const late = words[index - 2]!;
    const first = ((early >>> 7) | (early << 25)) ^ ((early >>> 18) | (early << 14)) ^ (early >>> 3);
    const second = ((late >>> 17) | (late << 15)) ^ ((late >>> 19) | (late << 13)) ^ (late >>> 10);
    words[index] = (words[index - 16]! + first + words[index - 7]! + second) | 0;
  }
  let a = state[0]!;
  let b = state[1]!;
  let c = state[2]!;
  let d = state[3]!;
  let e = state[4]!;
  let f = state[5]!;
  let g = state[6]!;
  let h = state[7]!;
  for (let index = 0; index < rounds; index++) {
    const sumE = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
    const sumA = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
    const first = (h + sumE + ((e & f) ^ (~e & g)) + roundConstants[index]! + words[index]!) | 0;
    const second = (sumA + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + first) | 0;
    d = c;
    c = b;
    b = a;
    a = (first + second) | 0;
  }
  state[0] = (state[0]! + a) | 0;
  state[1] = (state[1]! + b) | 0;
  state[2] = (state[2]! + c) | 0;
  state[3] = (state[3]! + d) | 0;
  state[4] = (state[4]! + e) | 0;
  state[5] = (state[5]! + f) | 0;
  state[6] = (state[6]! + g) | 0;
  state[7] = (state[7]! + h) | 0;
}

function putState(target: Uint8Array, start: number): void {
  for (let index = 0; index < stateWords; index++) putWord(target, start + 4 * index, state[index]!);
}

function putWord(target: Uint8Array, offset: number, word: number): void {
  target[offset] = word >>> 24;
  target[offset + 1] = word >>> 16;
  target[offset + 2] = word >>> 8;
  target[offset + 3] = word;
}

function wipeWork(): void {
  schedule.fill(0);
  state.fill(0);
  block.fill(0);
}

function firstPrimes(count: number): readonly number[] {
  const found: number[] = [];
  for (let candidate = 2; found.length < count; candidate++) if (found.every((prime) => candidate % prime !== 0)) found.push(candidate);
  return found;
}

/** The first 32 bits after the point of a root, exact: by whole numbers. */
function fraction(prime: number, degree: 2 | 3): number {
  const shifted = BigInt(prime) << BigInt(32 * degree);
  let root = BigInt(Math.floor(prime ** (1 / degree) * 2 ** 32));
  while (root ** BigInt(degree) > shifted) root -= 1n;
  while ((root + 1n) ** BigInt(degree) <= shifted) root += 1n;
  return Number(root & 0xffffffffn) | 0;
}
