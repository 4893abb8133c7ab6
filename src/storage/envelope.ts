/**
 * The envelope: everything that LevelDB holds as a value is sealed with AES-256-GCM (SP 800-38D) under a key of its own.
 *
 *   format 1 | salt 16 | ciphertext | mac 16
 *
 *   record key = HKDF-Expand(sealing key, "kmipd seal 1" | salt)     (RFC 5869 §2.3, one block; nonce of zeros)
 *   AAD        = CBOR [format, kind, scope, identifier]
 *
 * A random salt gives each revision of each record a fresh key, so no count of invocations limits how many records a
 * root key may seal (the chance of a repeated 16-byte salt stays below 2^-32 up to 2^48 records). The AAD ties the
 * ciphertext to its place: a record moved to another path does not open. Sealing and index keys of a scope come from the
 * scope's root key, which is itself sealed under the server's. Every key argument and every plaintext is secret.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, createHmac, randomFillSync } from 'node:crypto';
import { Fault } from '../fault.ts';
import { encode } from './cbor.ts';

export const rootKeyLength = 32;
/** Index tokens are cut to this: 2^64 values before one false candidate is to be expected, and it only costs time. */
export const tokenLength = 16;

const envelopeFormat = 1;
const saltLength = 16;
const macLength = 16;
const overhead = 1 + saltLength + macLength;
const zeroNonce = Buffer.alloc(12);
const sealLabel = Buffer.from('kmipd seal 1');

/** Where a sealed record stands; it opens nowhere else. */
export interface Place {
  readonly kind: string;
  readonly scope: string;
  readonly identifier: string;
}

/** A root key's two uses, derived apart so that neither tells about the other. */
export interface DerivedKeys {
  readonly sealing: Uint8Array;
  readonly index: Uint8Array;
}

/** Derives the keys of a scope or of the server from its 32-byte root key (secret). */
export function deriveKeys(rootKey: Uint8Array): DerivedKeys {
  assert.equal(rootKey.length, rootKeyLength, 'a root key has 32 bytes');
  return { sealing: expand(rootKey, Buffer.from('kmipd sealing')), index: expand(rootKey, Buffer.from('kmipd index')) };
}

/** Seals plaintext (secret) for one place. The caller wipes the plaintext. */
export function seal(sealingKey: Uint8Array, place: Place, plaintext: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(plaintext.length + overhead);
  sealed[0] = envelopeFormat;
  const salt = sealed.subarray(1, 1 + saltLength);
  salt.set(freshSalt());
  const key = expand(sealingKey, sealLabel, salt);
  const cipher = createCipheriv('aes-256-gcm', key, zeroNonce, { authTagLength: macLength });
  key.fill(0);
  cipher.setAAD(additionalData(place));
  sealed.set(cipher.update(plaintext), 1 + saltLength);
  cipher.final();
  sealed.set(cipher.getAuthTag(), sealed.length - macLength);
  return sealed;
}

/** Opens what `seal` made for the same place; the caller wipes the result. A Fault tells damage, a swap, or a wrong key. */
export function open(sealingKey: Uint8Array, place: Place, sealed: Uint8Array): Uint8Array {
  if (sealed.length < overhead || sealed[0] !== envelopeFormat) {
    throw new Fault('E_ENVELOPE_FORMAT', `The sealed ${place.kind} record has ${sealed.length} bytes and format ${sealed[0] ?? 'none'}; expected at least ${overhead} bytes and format ${envelopeFormat}.`);
  }
  const salt = sealed.subarray(1, 1 + saltLength);
  const key = expand(sealingKey, sealLabel, salt);
  const decipher = createDecipheriv('aes-256-gcm', key, zeroNonce, { authTagLength: macLength });
  key.fill(0);
  decipher.setAAD(additionalData(place));
  decipher.setAuthTag(sealed.subarray(sealed.length - macLength));
  const plaintext = decipher.update(sealed.subarray(1 + saltLength, sealed.length - macLength));
  try {
    decipher.final();
  } catch (cause) {
    plaintext.fill(0);
    throw new Fault('E_ENVELOPE_BROKEN', `The sealed ${place.kind} record does not open: changed, moved from another place, or sealed under another root key.`, { cause });
  }
  return plaintext;
}

/** Blind token of a text under an index key (secret): equal texts of one scope have equal tokens, and nothing else shows. */
export function token(indexKey: Uint8Array, text: string): Uint8Array {
  return createHmac('sha256', indexKey).update(text, 'utf8').digest().subarray(0, tokenLength);
}

/** Salts are public, so many are drawn at once; each is given out once. */
const salts = new Uint8Array(saltLength * 256);
let saltsUsed = salts.length;

function freshSalt(): Uint8Array {
  if (saltsUsed === salts.length) {
    randomFillSync(salts);
    saltsUsed = 0;
  }
  saltsUsed += saltLength;
  return salts.subarray(saltsUsed - saltLength, saltsUsed);
}

function expand(key: Uint8Array, label: Uint8Array, salt?: Uint8Array): Buffer {
  const mac = createHmac('sha256', key).update(label);
  if (salt !== undefined) mac.update(salt);
  return mac.update(Buffer.from([1])).digest();
}

function additionalData(place: Place): Uint8Array {
  return encode([envelopeFormat, place.kind, place.scope, place.identifier]);
}
