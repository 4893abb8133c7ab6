/**
 * The tenure record: the key `primary` of a KV bucket whose records expire.
 *
 *   look   STREAM.MSG.GET, last of the subject, by the leader         claim   expected last sequence of the stream, when empty
 *   renew  expected last sequence = revision                          yield   a delete marker, expected last sequence = revision
 *
 * Why not the bucket's own create and update: nats-server 2.9 compares their expected *subject* sequence before it proposes
 * (two updates in flight both pass), and that of a create on each replica by itself (replicas whose record expires a
 * moment apart then differ for good). The expected sequence of the whole *stream* is compared where all replicas apply the
 * message, and does not depend on time. The bucket holds this one key, so both mean the same.
 * Invariant: of all claims and renewals that name the same revision, one is written.
 */
import { JetStreamApiError } from '@nats-io/jetstream';
import type { StoredMsg } from '@nats-io/jetstream';
import { headers } from '@nats-io/transport-node';
import { decode, encode } from '../../src/storage/cbor.ts';
import type { ClusterEvent, TenurePort, TenureRecord } from '../ports.ts';
import type { Link } from './link.ts';
import type { Sealer } from './sealing.ts';
import { wrongLastSequence } from './streams.ts';
import type { Streams } from './streams.ts';

const place = 'primary';
/** Header by which KV buckets mark that a key was deleted. */
const operationHeader = 'KV-Operation';

export class NatsTenure implements TenurePort {
  readonly #link: Link;
  readonly #streams: Streams;
  readonly #sealer: Sealer;
  readonly #node: string;
  readonly #emit: (event: ClusterEvent) => void;

  constructor(link: Link, streams: Streams, sealer: Sealer, node: string, emit: (event: ClusterEvent) => void) {
    this.#link = link;
    this.#streams = streams;
    this.#sealer = sealer;
    this.#node = node;
    this.#emit = emit;
  }

  look(sentAt: number): void {
    if (!this.#link.connected) return;
    const { manager, names } = this.#streams;
    this.#ask('show the tenure', async () => {
      const stored = await manager.streams.getMessage(names.tenureStream, { last_by_subj: names.tenureSubject });
      return { kind: 'tenure-seen', sentAt, record: this.#recordOf(stored) };
    });
  }

  claim(claim: string): void {
    if (!this.#link.connected) return;
    const { manager, names } = this.#streams;
    this.#ask('take the claim', async () => {
      const { state } = await manager.streams.info(names.tenureStream);
      // The newest message of the stream at the sequence that the claim expects: nothing can come between unseen.
      const newest = state.messages === 0 ? null : await manager.streams.getMessage(names.tenureStream, { seq: state.last_seq });
      if (this.#recordOf(newest) !== undefined) return { kind: 'claim-failed', claim };
      const revision = await this.#write(this.#sealedRecord(claim), state.last_seq, false);
      return revision === undefined ? { kind: 'claim-failed', claim } : { kind: 'claimed', claim, revision };
    });
  }

  renew(claim: string, revision: number): void {
    if (!this.#link.connected) return;
    this.#ask('renew the tenure', async () => {
      const written = await this.#write(this.#sealedRecord(claim), revision, true);
      return written === undefined ? { kind: 'renew-failed', claim } : { kind: 'renewed', claim, expected: revision, revision: written };
    });
  }

  yield(revision: number): void {
    if (!this.#link.connected) return;
    this.#ask('take the tenure back', async () => {
      await this.#write(undefined, revision, true);
      return undefined;
    });
  }

  /** The new revision, or undefined if the expected one is not the last. `undefined` as record deletes it. */
  async #write(record: Uint8Array | undefined, expected: number, present: boolean): Promise<number | undefined> {
    const { client, names } = this.#streams;
    const marked = headers();
    if (record === undefined) marked.set(operationHeader, 'DEL');
    try {
      // The subject's sequence besides: a record that has expired meanwhile is not brought back.
      const expect = { streamName: names.tenureStream, lastSequence: expected, ...(present ? { lastSubjectSequence: expected } : {}) };
      const { seq } = await client.publish(names.tenureSubject, record, { headers: marked, expect, timeout: this.#link.limits.requestMs });
      return seq;
    } catch (error) {
      if (error instanceof JetStreamApiError && error.code === wrongLastSequence) return undefined;
      throw error;
    }
  }

  #sealedRecord(claim: string): Uint8Array {
    return this.#sealer.seal(encode({ node: this.#node, claim }), place);
  }

  #recordOf(stored: StoredMsg | null): TenureRecord | undefined {
    if (stored === null || stored.header.get(operationHeader) !== '') return undefined;
    const bytes = this.#sealer.open(stored.data, place);
    if (bytes === undefined) {
      this.#link.tell('E_TENURE_STRANGE', `The tenure record was not sealed under this cluster's key: somebody else writes to ${this.#streams.names.tenureSubject}, or the key is another.`);
      // Somebody's, and it will expire.
      return { node: '', claim: '', revision: stored.seq };
    }
    const { node, claim } = decode(bytes) as { node: string; claim: string };
    return { node, claim, revision: stored.seq };
  }

  #ask(what: string, request: () => Promise<ClusterEvent | undefined>): void {
    request().then(
      (event) => {
        this.#link.recovered();
        if (event !== undefined) this.#emit(event);
      },
      (error: unknown) => this.#link.tellRequest(what, error),
    );
  }
}
