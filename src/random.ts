/**
 * Randomness and what is made of it: bytes, time-ordered identifiers, GCM nonces.
 *
 * Invariant: a nonce is four bytes of prefix that one thread owns for ever (the store hands each out once, durably,
 * before the thread serves) and eight bytes of a counter that only that thread has: no two calls on any thread of any
 * node give the same twelve bytes (SP 800-38D §8.2.1, deterministic construction). Identifiers are UUIDs of version 7
 * (RFC 9562 §5.7), so keys sort by the time of their making.
 */
import { randomFillSync } from 'node:crypto';
import type { Clock } from './clock.ts';

const identifierBytes = 16;
/** Identifiers whose random bytes are drawn together. */
const identifiersDrawn = 64;

export const noncePrefixMax = 0xffffffff;

/** Bytes of the system's generator. The caller owns the array alone. */
export function systemRandom(length: number): Uint8Array {
  // A Buffer of randomBytes may share a pool; a key must not lie in one.
  return randomFillSync(new Uint8Array(length));
}

/** Nonces of one thread. Whoever makes nonces on the thread takes their numbers here. */
export interface NonceSource {
  /** Twelve fresh bytes. */
  (): Uint8Array;
  readonly prefix: number;
  /** The first of `count` numbers that are the taker's alone, for nonces of prefix and number made elsewhere. */
  take(count: number): bigint;
}

export function nonceSource(prefix: number): NonceSource {
  if (!Number.isInteger(prefix) || prefix < 0 || prefix > noncePrefixMax) {
    throw new RangeError(`nonce prefix ${prefix} is not a whole number from 0 to ${noncePrefixMax}`);
  }
  let invocation = 0n;
  const take = (count: number): bigint => {
    const first = invocation;
    invocation += BigInt(count);
    return first;
  };
  const next = (): Uint8Array => {
    const nonce = new Uint8Array(12);
    const view = new DataView(nonce.buffer);
    view.setUint32(0, prefix);
    view.setBigUint64(4, take(1));
    return nonce;
  };
  return Object.assign(next, { prefix, take });
}

/** Makes the function that gives a new Unique Identifier a call; within one thread they grow strictly. */
export function identifierSource(clock: Clock, random: (length: number) => Uint8Array = systemRandom): () => string {
  let lastTime = 0;
  let sequence = 0;
  let pool = new Uint8Array(0);
  let drawn = 0;
  return () => {
    const time = clock.now();
    if (time > lastTime) {
      lastTime = time;
      sequence = 0;
    } else {
      // Same millisecond, or a clock set back: count on in the twelve bits after the version.
      sequence += 1;
      if (sequence > 0xfff) {
        lastTime += 1;
        sequence = 0;
      }
    }
    // Drawn for many at once: a call of the generator costs more than the rest, and an identifier is no secret.
    if (drawn === pool.length) {
      pool = new Uint8Array(random(identifiersDrawn * identifierBytes));
      drawn = 0;
    }
    const bytes = pool.subarray(drawn, drawn + identifierBytes);
    drawn += identifierBytes;
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setUint32(0, Math.trunc(lastTime / 0x10000));
    view.setUint16(4, lastTime % 0x10000);
    view.setUint16(6, 0x7000 | sequence);
    bytes[8] = 0x80 | (bytes[8]! & 0x3f);
    const hex = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  };
}
