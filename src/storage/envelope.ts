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
import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import { Fault } from '../fault.ts';
import { withEncoded } from './cbor.ts';
import { HmacKey, macLength as hmacLength } from './hmac-sha-256.ts';

export const rootKeyLength = 32;
/** Index tokens are cut to this: 2^64 values before one false candidate is to be expected, and it only costs time. */
export const tokenLength = 16;

const envelopeFormat = 1;
const saltLength = 16;
const macLength = 16;
/** Bytes that sealing adds. */
export const sealOverhead = 1 + saltLength + macLength;
const zeroNonce = Buffer.alloc(12);
const sealLabel = 'kmipd seal 1';
const sealingInfo = Buffer.concat([Buffer.from(sealLabel), Buffer.alloc(saltLength), Buffer.from([1])]);
const recordKey = Buffer.alloc(hmacLength);
const tokenMac = Buffer.alloc(hmacLength);

/** Where a sealed record stands; it opens nowhere else. */
export interface Place {
  readonly kind: string;
  readonly scope: string;
  readonly identifier: string;
}

/** A root key's two uses, derived apart so that neither tells about the other. */
export interface DerivedKeys {
  readonly sealing: HmacKey;
  readonly index: HmacKey;
}

/** Derives the keys of a scope or of the server from its 32-byte root key (secret). */
export function deriveKeys(rootKey: Uint8Array): DerivedKeys {
  assert.equal(rootKey.length, rootKeyLength, 'a root key has 32 bytes');
  const root = new HmacKey(rootKey);
  const derived = { sealing: expanded(root, 'kmipd sealing'), index: expanded(root, 'kmipd index') };
  root.wipe();
  return derived;
}

/** Seals plaintext (secret) for one place. The caller wipes the plaintext. */
export function seal(sealingKey: HmacKey, place: Place, plaintext: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(plaintext.length + sealOverhead);
  sealTo(sealed, sealingKey, place, plaintext);
  return sealed;
}

/** As `seal`, to where the caller wants it: all of the target, which is longer than the plaintext by `sealOverhead`. */
export function sealTo(target: Uint8Array, sealingKey: HmacKey, place: Place, plaintext: Uint8Array): void {
  assert.equal(target.length, plaintext.length + sealOverhead, 'sealed bytes fill their target');
  target[0] = envelopeFormat;
  const salt = freshSalt();
  target.set(salt, 1);
  const cipher = createCipheriv('aes-256-gcm', recordKeyOf(sealingKey, salt), zeroNonce, { authTagLength: macLength });
  recordKey.fill(0);
  withEncoded(additionalData(place), (bytes) => cipher.setAAD(bytes));
  target.set(cipher.update(plaintext), 1 + saltLength);
  cipher.final();
  target.set(cipher.getAuthTag(), target.length - macLength);
}

/** Opens what `seal` made for the same place; the caller wipes the result. A Fault tells damage, a swap, or a wrong key. */
export function open(sealingKey: HmacKey, place: Place, sealed: Uint8Array): Uint8Array {
  if (sealed.length < sealOverhead || sealed[0] !== envelopeFormat) {
    throw new Fault('E_ENVELOPE_FORMAT', `The sealed ${place.kind} record has ${sealed.length} bytes and format ${sealed[0] ?? 'none'}; expected at least ${sealOverhead} bytes and format ${envelopeFormat}.`);
  }
  const salt = sealed.subarray(1, 1 + saltLength);
  const decipher = createDecipheriv('aes-256-gcm', recordKeyOf(sealingKey, salt), zeroNonce, { authTagLength: macLength });
  recordKey.fill(0);
  withEncoded(additionalData(place), (bytes) => decipher.setAAD(bytes));
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
export function token(indexKey: HmacKey, text: string): Uint8Array {
  indexKey.macOfText(text, tokenMac);
  return new Uint8Array(tokenMac.subarray(0, tokenLength));
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

/** The key of one record, in a place that the caller wipes once a cipher has it. */
function recordKeyOf(sealingKey: HmacKey, salt: Uint8Array): Buffer {
  sealingInfo.set(salt, sealLabel.length);
  sealingKey.mac(sealingInfo, recordKey);
  return recordKey;
}

function expanded(key: HmacKey, label: string): HmacKey {
  const bytes = Buffer.alloc(hmacLength);
  key.mac(Buffer.concat([Buffer.from(label), Buffer.from([1])]), bytes);
  const derived = new HmacKey(bytes);
  bytes.fill(0);
  return derived;
}

function additionalData(place: Place): readonly unknown[] {
  return [envelopeFormat, place.kind, place.scope, place.identifier];
}
