/**
 * Seals what a node hands to NATS: log entries, tenure records, peer messages, snapshots. Nothing leaves the node in clear.
 *
 *   | format 1 | salt 16 | count 8 | ciphertext | mac 16 |        AES-256-GCM (SP 800-38D), nonce = 4 zero bytes | count
 *
 * The key is HKDF-SHA-256 of the cluster's key under the salt, which is random for each Sealer, so that the count alone
 * makes nonces unique: random nonces under one key for all nodes would use their 2^32 up within weeks.
 * The associated data names cluster, purpose and place, so that nothing sealed for one place opens at another.
 * Invariant: `open` returns undefined for whatever is not exactly what a holder of the cluster's key sealed for this place.
 */
import { Buffer } from 'node:buffer';
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { Fault } from '../../src/fault.ts';

export type Purpose = 'log' | 'tenure' | 'peer' | 'snapshot';

const format = 1;
const saltLength = 16;
const headLength = 1 + saltLength + 8;
const macLength = 16;
/** What sealing adds to a plaintext. */
export const sealedOverhead = headLength + macLength;
/** Keys of other senders kept: nodes times restarts within a snapshot's length, far fewer than this; bounds what a stranger's salts cost. */
const keysMax = 256;

export class Sealer {
  readonly #clusterKey: KeyObject;
  readonly #context: string;
  readonly #salt = randomBytes(saltLength);
  readonly #key: Buffer;
  readonly #keys = new Map<string, Buffer>();
  #count = 0n;

  constructor(clusterKey: KeyObject, cluster: string, purpose: Purpose) {
    if (clusterKey.type !== 'secret' || clusterKey.symmetricKeySize !== 32) throw new Fault('E_CLUSTER_KEY', `The key of cluster ${cluster} has to be a secret of 32 bytes.`);
    this.#clusterKey = clusterKey;
    this.#context = `kmipd/${cluster}/${purpose}`;
    this.#key = this.#derive(this.#salt);
  }

  seal(plaintext: Uint8Array, place: string): Uint8Array {
    const sealed = Buffer.allocUnsafe(headLength + plaintext.length + macLength);
    sealed[0] = format;
    this.#salt.copy(sealed, 1);
    sealed.writeBigUInt64BE(this.#count, 1 + saltLength);
    this.#count += 1n;
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonceOf(sealed));
    cipher.setAAD(Buffer.from(`${this.#context}/${place}`));
    cipher.update(plaintext).copy(sealed, headLength);
    cipher.final();
    cipher.getAuthTag().copy(sealed, headLength + plaintext.length);
    return sealed;
  }

  open(sealed: Uint8Array, place: string): Uint8Array | undefined {
    const bytes = Buffer.from(sealed.buffer, sealed.byteOffset, sealed.byteLength);
    if (bytes.length < sealedOverhead || bytes[0] !== format) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.#keyOf(bytes.subarray(1, 1 + saltLength)), nonceOf(bytes), { authTagLength: macLength });
    decipher.setAAD(Buffer.from(`${this.#context}/${place}`));
    decipher.setAuthTag(bytes.subarray(bytes.length - macLength));
    try {
      const plaintext = decipher.update(bytes.subarray(headLength, bytes.length - macLength));
      decipher.final();
      return plaintext;
    } catch {
      return undefined;
    }
  }

  #keyOf(salt: Buffer): Buffer {
    const name = salt.toString('latin1');
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = this.#derive(salt);
    const [oldest] = this.#keys.keys();
    if (oldest !== undefined && this.#keys.size >= keysMax) this.#keys.delete(oldest);
    this.#keys.set(name, key);
    return key;
  }

  #derive(salt: Uint8Array): Buffer {
    return Buffer.from(hkdfSync('sha256', this.#clusterKey, salt, this.#context, 32));
  }
}

function nonceOf(sealed: Buffer): Buffer {
  const nonce = Buffer.alloc(12);
  sealed.copy(nonce, 4, 1 + saltLength, headLength);
  return nonce;
}
