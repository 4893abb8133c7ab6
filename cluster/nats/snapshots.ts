/**
 * Snapshots of the replicated state in a JetStream object store, where every node finds them.
 *
 *   name     <sequence, 16 digits>-<node>-<random>                    so that two nodes never write the same one
 *   content  | length 4 | sealed chunk | length 4 | sealed chunk | ... | length 4 | sealed end (empty) |
 *
 * Each chunk is sealed for its snapshot and number, the end for their count: a chunk cannot be left out, doubled, moved
 * or cut off at the end. The store keeps a SHA-256 over all of it, compared when it is read to its end.
 * Invariant: a snapshot is listed once it is whole; `read` ends normally only if every byte was what `publish` was given.
 */
import { Buffer } from 'node:buffer';
import { createHash, randomBytes } from 'node:crypto';
import { ReadableStream } from 'node:stream/web';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../src/fault.ts';
import type { Link } from './link.ts';
import { reasonOf } from './link.ts';
import type { Sealer } from './sealing.ts';
import { sealedOverhead } from './sealing.ts';
import type { Streams } from './streams.ts';

export interface SnapshotInfo {
  readonly name: string;
  readonly sequence: number;
  readonly node: string;
  /** Sealed bytes. */
  readonly length: number;
}

const namePattern = /^(\d{16})-([A-Za-z0-9_-]{1,64})-[0-9a-f]{16}$/;
/** Sealed bytes in one message of the store. */
const storeChunkBytes = 128 << 10;

export class NatsSnapshots {
  readonly #link: Link;
  readonly #streams: Streams;
  readonly #sealer: Sealer;
  readonly #node: string;

  constructor(link: Link, streams: Streams, sealer: Sealer, node: string) {
    this.#link = link;
    this.#streams = streams;
    this.#sealer = sealer;
    this.#node = node;
  }

  /** Writes the content as the snapshot of the sequence, and drops all but the newest few. Throws a Fault if it cannot be written. */
  async publish(sequence: number, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<SnapshotInfo> {
    const name = `${String(sequence).padStart(16, '0')}-${this.#node}-${randomBytes(8).toString('hex')}`;
    let length: number;
    try {
      const source = ReadableStream.from(this.#sealed(name, content)) as globalThis.ReadableStream<Uint8Array>;
      const written = await this.#streams.snapshots.put({ name, options: { max_chunk_size: storeChunkBytes } }, source, { timeout: this.#link.limits.requestMs });
      length = written.size;
    } catch (cause) {
      throw new Fault('E_SNAPSHOT_WRITE', `The snapshot at ${sequence} cannot be written to NATS: ${reasonOf(cause)}.`, { cause, retryable: true });
    }
    await this.#prune();
    return { name, sequence, node: this.#node, length };
  }

  /** Newest first. */
  async list(): Promise<readonly SnapshotInfo[]> {
    const found: SnapshotInfo[] = [];
    for (const { name, size, deleted } of await this.#streams.snapshots.list()) {
      const match = namePattern.exec(name);
      if (match !== null && !deleted) found.push({ name, sequence: Number(match[1]), node: match[2]!, length: size });
    }
    return found.sort((left, right) => right.sequence - left.sequence || (left.name < right.name ? 1 : -1));
  }

  /** The newest snapshot of a sequence below the one given, if any. */
  async newest(below: number): Promise<SnapshotInfo | undefined> {
    return (await this.list()).find(({ sequence }) => sequence < below);
  }

  /** The content, chunk by chunk. Throws a Fault at the first byte that is not right; only a normal end is a whole snapshot. */
  async *read({ name }: SnapshotInfo): AsyncGenerator<Uint8Array> {
    const { chunkBytes } = this.#link.limits;
    let buffered: Buffer = Buffer.alloc(0);
    let number = 0;
    let ended = false;
    for await (const stored of this.#stored(name)) {
      buffered = buffered.length === 0 ? stored : Buffer.concat([buffered, stored]);
      while (buffered.length >= 4 && !ended) {
        const length = buffered.readUInt32BE(0);
        if (length > chunkBytes + sealedOverhead) throw damaged(name, `chunk ${number} says it has ${length} bytes`);
        if (buffered.length < 4 + length) break;
        const sealed = buffered.subarray(4, 4 + length);
        const chunk = this.#sealer.open(sealed, `${name}/${number}`);
        ended = chunk === undefined && this.#sealer.open(sealed, `${name}/end/${number}`)?.length === 0;
        if (chunk === undefined && !ended) throw damaged(name, `chunk ${number} was not sealed under this cluster's key for this place`);
        buffered = buffered.subarray(4 + length);
        number += 1;
        if (chunk !== undefined) yield chunk;
      }
      if (ended && buffered.length > 0) throw damaged(name, 'bytes after its end');
    }
    if (!ended) throw damaged(name, 'its end is missing');
  }

  /**
   * What the store holds under the name, compared with its checksum at the end. Asked for message by message: the store's own
   * `get` pushes through a consumer that a lost server takes with it, and which stood still at 64 MB with nats-server 2.9.
   */
  async *#stored(name: string): AsyncGenerator<Buffer> {
    const { manager, names, snapshots } = this.#streams;
    const info = await this.#again(name, () => snapshots.info(name));
    if (info === null || info.deleted) throw damaged(name, 'it is gone');
    const hash = createHash('sha256');
    const subject = `$O.${names.snapshotStore}.C.${info.nuid}`;
    let next = 1;
    for (let chunk = 0; chunk < info.chunks; chunk += 1) {
      // The client's type knows `next_by_subj` for direct reads only; the leader takes it as well (nats-server 2.9 on).
      const query = { seq: next, next_by_subj: subject } as { seq: number };
      const message = await this.#again(name, () => manager.streams.getMessage(`OBJ_${names.snapshotStore}`, query));
      if (message === null) throw damaged(name, `${chunk} of ${info.chunks} messages are there`);
      next = message.seq + 1;
      hash.update(message.data);
      yield Buffer.from(message.data);
    }
    if (info.digest !== `SHA-256=${digestText(hash.digest())}`) throw damaged(name, 'it does not have the checksum that it was written with');
  }

  /** Servers come and go while a snapshot is read: asks until `stallMs` have gone by without an answer. */
  async #again<T>(name: string, request: () => Promise<T>): Promise<T> {
    const { stallMs, reconnectMs } = this.#link.limits;
    const until = performance.now() + stallMs;
    for (;;) {
      try {
        return await request();
      } catch (cause) {
        if (performance.now() >= until) throw damaged(name, reasonOf(cause), cause);
        await sleep(reconnectMs);
      }
    }
  }

  async *#sealed(name: string, content: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { chunkBytes } = this.#link.limits;
    let number = 0;
    const framed = (sealed: Uint8Array): Uint8Array => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(sealed.length);
      number += 1;
      return Buffer.concat([head, sealed]);
    };
    for await (const piece of content) {
      for (let offset = 0; offset < piece.length; offset += chunkBytes) yield framed(this.#sealer.seal(piece.subarray(offset, offset + chunkBytes), `${name}/${number}`));
    }
    yield framed(this.#sealer.seal(new Uint8Array(0), `${name}/end/${number}`));
  }

  /** Old snapshots go; that a new one was written does not depend on it. */
  async #prune(): Promise<void> {
    try {
      for (const { name } of (await this.list()).slice(this.#link.limits.snapshotsKept)) await this.#streams.snapshots.delete(name);
    } catch (error) {
      this.#link.tellRequest('delete old snapshots', error);
    }
  }
}

/** As the object stores of NATS write digests: base64 for URLs, padded. */
function digestText(digest: Buffer): string {
  const text = digest.toString('base64url');
  return text.padEnd(Math.ceil(text.length / 4) * 4, '=');
}

function damaged(name: string, what: string, cause?: unknown): Fault {
  return new Fault('E_SNAPSHOT_READ', `Snapshot ${name} cannot be read: ${what}.`, { cause, retryable: true });
}
