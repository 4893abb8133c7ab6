/**
 * Node streams over multi-part Encrypt and Decrypt (KMIP 1.4 §4.29, §4.30, §2.1.15 to §2.1.17).
 *
 * The stream's state travels in the Correlation Value, so each part may go over another connection and be answered by
 * another node. Parts are strictly one after another: each needs the value that the last one gave. A part whose answer
 * was lost is safe to send again: the same value and data give the same result.
 */
import { Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';
import type { KmipClient } from './client.ts';

export interface CryptographicParameters {
  readonly blockCipherMode?: number;
  readonly paddingMethod?: number;
  readonly tagLength?: number;
  readonly randomIV?: boolean;
}

export interface CipherStreamOptions {
  readonly uniqueIdentifier: string;
  readonly cryptographicParameters: CryptographicParameters;
  readonly ivCounterNonce?: Uint8Array;
  readonly authenticatedEncryptionAdditionalData?: Uint8Array;
  /** Decrypt with GCM: the tag that Encrypt gave. */
  readonly authenticatedEncryptionTag?: Uint8Array;
  /** Bytes of data in a part; default 256 KiB. */
  readonly partBytes?: number;
}

const defaultPartBytes = 256 << 10;

/** A Transform whose readable side is the ciphertext (or plaintext) of what is written to it. */
export class CipherStream extends Transform {
  /** IV that the server made, once the first part is answered. */
  ivCounterNonce: Uint8Array | undefined;
  /** Tag of a GCM encryption, once the stream has ended. */
  authenticatedEncryptionTag: Uint8Array | undefined;

  readonly #client: KmipClient;
  readonly #operation: 'encrypt' | 'decrypt';
  readonly #options: CipherStreamOptions;
  readonly #partBytes: number;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #correlationValue: Uint8Array | undefined;

  constructor(client: KmipClient, operation: 'encrypt' | 'decrypt', options: CipherStreamOptions) {
    super();
    this.#client = client;
    this.#operation = operation;
    this.#options = options;
    this.#partBytes = options.partBytes ?? defaultPartBytes;
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    this.#sendFullParts().then(() => done(), done);
  }

  override _flush(done: TransformCallback): void {
    this.#send(this.#take(this.#heldBytes), true).then(() => done(), done);
  }

  async #sendFullParts(): Promise<void> {
    // One byte more than a part has to be there, so that the last part, which carries the Final Indicator, is never empty by chance.
    while (this.#heldBytes > this.#partBytes) await this.#send(this.#take(this.#partBytes), false);
  }

  #take(length: number): Uint8Array {
    const all = this.#held.length === 1 ? this.#held[0]! : Buffer.concat(this.#held);
    this.#held = all.length > length ? [all.subarray(length)] : [];
    this.#heldBytes = all.length - length;
    return all.subarray(0, length);
  }

  async #send(data: Uint8Array, last: boolean): Promise<void> {
    const first = this.#correlationValue === undefined;
    const options = this.#options;
    const request = {
      uniqueIdentifier: options.uniqueIdentifier,
      ...(first && {
        cryptographicParameters: options.cryptographicParameters,
        ...(options.ivCounterNonce && { ivCounterNonce: options.ivCounterNonce }),
        ...(options.authenticatedEncryptionAdditionalData && { authenticatedEncryptionAdditionalData: options.authenticatedEncryptionAdditionalData }),
      }),
      data,
      ...(this.#correlationValue && { correlationValue: this.#correlationValue }),
      ...(first && !last && { initIndicator: true }),
      ...(last && !first && { finalIndicator: true }),
    };
    if (this.#operation === 'encrypt') {
      const answer = await this.#client.encrypt(request);
      this.#correlationValue = answer.correlationValue;
      this.ivCounterNonce ??= answer.ivCounterNonce;
      if (last) this.authenticatedEncryptionTag = answer.authenticatedEncryptionTag;
      this.push(answer.data);
    } else {
      const mac = last ? options.authenticatedEncryptionTag : undefined;
      const answer = await this.#client.decrypt({ ...request, ...(mac && { authenticatedEncryptionTag: mac }) });
      this.#correlationValue = answer.correlationValue;
      this.push(answer.data);
    }
  }
}
