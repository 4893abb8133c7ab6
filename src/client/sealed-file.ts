/**
 * Files of any size, sealed segment by segment with AES-GCM by the server: what `kmipd encrypt` writes.
 *
 *     magic "KMIPDF01" | header length, 4 bytes big-endian | header, JSON | segment 0 | segment 1 | … | last segment
 *     segment: nonce (12) | ciphertext (segmentBytes, the last one 0 … segmentBytes) | tag (16)
 *
 * Each segment is one Encrypt whose additional data is SHA-256 of magic, length and header, then the segment's index (8 bytes,
 * big-endian) and 1 for the last segment, else 0. So no plaintext leaves before it is verified, and segments cannot be
 * changed, swapped, dropped or cut off unnoticed (the STREAM construction, Hoang and others 2015), in memory of a few segments.
 * Segments are independent, so several are on their way at once.
 */
import { createHash } from 'node:crypto';
import { Transform } from 'node:stream';
import type { TransformCallback } from 'node:stream';
import { BlockCipherMode } from '../kmip/enums.ts';
import type { KmipClient } from './client.ts';

const magic = Buffer.from('KMIPDF01');
const nonceLength = 12;
const tagLength = 16;
const maxHeaderBytes = 4096;
const maxSegmentBytes = 1 << 20;
const defaultSegmentBytes = 256 << 10;
/** Segments on their way at once. */
const concurrency = 4;

const parameters = { blockCipherMode: BlockCipherMode.GCM, tagLength } as const;

export interface SealedFileHeader {
  readonly key: string;
  readonly segmentBytes: number;
}

/** The file does not have the form above, or does not end with its last segment. */
export class SealedFileError extends Error {}

function additionalData(headerHash: Uint8Array, index: number, last: boolean): Uint8Array {
  const tail = Buffer.alloc(9);
  tail.writeBigUInt64BE(BigInt(index));
  tail[8] = last ? 1 : 0;
  return Buffer.concat([headerHash, tail]);
}

/** Cuts what is written into segments and pushes each one's result in order, several under way at once. */
abstract class SegmentStream extends Transform {
  #held: Uint8Array = new Uint8Array();
  #index = 0;
  #tail: Promise<void> = Promise.resolve();
  readonly #underWay = new Set<Promise<void>>();

  /** Bytes of a full segment on the writable side; 0 until it is known. */
  protected abstract segmentLength(): number;
  protected abstract handle(segment: Uint8Array, index: number, last: boolean): Promise<Uint8Array>;
  /** Takes what stands before the segments; gives what is left. */
  protected takeHeader(held: Uint8Array): Uint8Array {
    return held;
  }

  override _transform(chunk: Uint8Array, _encoding: BufferEncoding, done: TransformCallback): void {
    (async () => {
      this.#held = this.takeHeader(this.#held.length === 0 ? chunk : Buffer.concat([this.#held, chunk]));
      await this.#startFullSegments();
    })().then(() => done(), done);
  }

  override _flush(done: TransformCallback): void {
    (async () => {
      await this.#start(this.#held, true);
      await this.#tail;
    })().then(() => done(), done);
  }

  async #startFullSegments(): Promise<void> {
    const length = this.segmentLength();
    while (length > 0 && this.#held.length > length) {
      const segment = this.#held.subarray(0, length);
      this.#held = this.#held.subarray(length);
      await this.#start(segment, false);
    }
  }

  async #start(segment: Uint8Array, last: boolean): Promise<void> {
    while (this.#underWay.size >= concurrency) await Promise.race(this.#underWay);
    const result = this.handle(segment, this.#index++, last);
    const before = this.#tail;
    const pushed = (async () => {
      const [output] = await Promise.all([result, before]);
      this.push(output);
    })();
    this.#tail = pushed;
    this.#underWay.add(pushed);
    // The failure is told by whoever awaits the tail; here it only must not go unheard.
    pushed.catch(() => undefined).finally(() => this.#underWay.delete(pushed));
  }
}

export class SealStream extends SegmentStream {
  readonly #client: KmipClient;
  readonly #header: SealedFileHeader;
  readonly #headerHash: Uint8Array;

  constructor(client: KmipClient, key: string, segmentBytes = defaultSegmentBytes) {
    super();
    this.#client = client;
    this.#header = { key, segmentBytes };
    const text = Buffer.from(JSON.stringify(this.#header));
    const length = Buffer.alloc(4);
    length.writeUInt32BE(text.length);
    const preamble = Buffer.concat([magic, length, text]);
    this.#headerHash = createHash('sha256').update(preamble).digest();
    this.push(preamble);
  }

  protected override segmentLength(): number {
    return this.#header.segmentBytes;
  }

  protected override async handle(segment: Uint8Array, index: number, last: boolean): Promise<Uint8Array> {
    const answer = await this.#client.encrypt({
      uniqueIdentifier: this.#header.key,
      cryptographicParameters: { ...parameters, randomIV: true },
      data: segment,
      authenticatedEncryptionAdditionalData: additionalData(this.#headerHash, index, last),
    });
    if (answer.ivCounterNonce?.length !== nonceLength || answer.authenticatedEncryptionTag?.length !== tagLength) {
      throw new SealedFileError('the server gave no 12-byte nonce or no 16-byte tag');
    }
    return Buffer.concat([answer.ivCounterNonce, answer.data ?? new Uint8Array(), answer.authenticatedEncryptionTag]);
  }
}

export class OpenStream extends SegmentStream {
  readonly #client: KmipClient;
  #header: SealedFileHeader | undefined;
  #headerHash: Uint8Array = new Uint8Array();

  constructor(client: KmipClient) {
    super();
    this.#client = client;
  }

  protected override segmentLength(): number {
    return this.#header === undefined ? 0 : nonceLength + this.#header.segmentBytes + tagLength;
  }

  protected override takeHeader(held: Uint8Array): Uint8Array {
    const start = magic.length + 4;
    if (this.#header !== undefined || held.length < start) return held;
    const view = Buffer.from(held.buffer, held.byteOffset, held.length);
    if (!view.subarray(0, magic.length).equals(magic)) throw new SealedFileError('not a file that kmipd encrypt wrote');
    const length = view.readUInt32BE(magic.length);
    if (length > maxHeaderBytes) throw new SealedFileError(`header of ${length} bytes, at most ${maxHeaderBytes} allowed`);
    if (held.length < start + length) return held;
    this.#header = parseHeader(view.subarray(start, start + length).toString());
    this.#headerHash = createHash('sha256').update(view.subarray(0, start + length)).digest();
    return held.subarray(start + length);
  }

  protected override async handle(segment: Uint8Array, index: number, last: boolean): Promise<Uint8Array> {
    if (this.#header === undefined || segment.length < nonceLength + tagLength) throw new SealedFileError('the file is cut off');
    const answer = await this.#client.decrypt({
      uniqueIdentifier: this.#header.key,
      cryptographicParameters: parameters,
      data: segment.subarray(nonceLength, segment.length - tagLength),
      ivCounterNonce: segment.subarray(0, nonceLength),
      authenticatedEncryptionAdditionalData: additionalData(this.#headerHash, index, last),
      authenticatedEncryptionTag: segment.subarray(segment.length - tagLength),
    });
    return answer.data ?? new Uint8Array();
  }
}

function parseHeader(text: string): SealedFileHeader {
  let header: Partial<SealedFileHeader>;
  try {
    header = JSON.parse(text) as Partial<SealedFileHeader>;
  } catch (error) {
    throw new SealedFileError('the header is not JSON', { cause: error });
  }
  const { key, segmentBytes } = header;
  if (typeof key !== 'string' || typeof segmentBytes !== 'number' || !Number.isInteger(segmentBytes) || segmentBytes < 1 || segmentBytes > maxSegmentBytes) {
    throw new SealedFileError('the header names no key or no allowed segment length');
  }
  return { key, segmentBytes };
}
