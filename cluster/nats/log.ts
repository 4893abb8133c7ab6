/**
 * The log over a JetStream stream: an entry's sequence is its sequence in the stream, its message id is its hash.
 *
 *   append  --- Nats-Expected-Last-Sequence ---> checked where every replica applies it: one writer wins, whatever the clocks do
 *   stored  --- republished by the leader -----> `log-pushed` on every node, without a consumer that could be lost
 *   read    --- STREAM.INFO, then STREAM.MSG.GET, both answered by the leader
 *
 * The hash of the entry before is checked too. With one copy JetStream does it (Nats-Expected-Last-Msg-Id). With several it MUST
 * NOT be asked to: a replica that restarted has forgotten the last message id once its duplicate window is over, refuses
 * what the others store, and the copies differ from there on (nats-server 2.9 to 2.12, pull request 8564). Instead, after each
 * break in what is pushed (reconnect, new stream leader, gap, step back) this adapter reads the entry before and lets its node
 * compare: a lost and refilled tail shows before anything that follows it.
 *
 * Invariant: events leave in the order of the log as this node was told it; an answer that is missing leads to no event.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { JetStreamApiError } from '@nats-io/jetstream';
import type { StoredMsg } from '@nats-io/jetstream';
import type { Msg } from '@nats-io/transport-node';
import type { Logged } from '../entry.ts';
import { hashOf } from '../entry.ts';
import type { ClusterEvent, Head, LogPort } from '../ports.ts';
import type { Link } from './link.ts';
import type { Sealer } from './sealing.ts';
import { sealedOverhead } from './sealing.ts';
import { wrongLastMessageId, wrongLastSequence } from './streams.ts';
import type { Streams } from './streams.ts';

/** Headers of an append: subject, message id, expectations. */
const headersLength = 512;

export class NatsLog implements LogPort {
  readonly #link: Link;
  readonly #streams: Streams;
  readonly #sealer: Sealer;
  readonly #emit: (event: ClusterEvent) => void;
  /** What waits for an entry before to be looked at; run one after the other. */
  readonly #waiting: (() => Promise<void>)[] = [];
  #working = false;
  /** Last entry pushed, and the connection epoch in which nothing broke off since. */
  #pushed = 0;
  #unbroken = 0;

  constructor(link: Link, streams: Streams, sealer: Sealer, emit: (event: ClusterEvent) => void) {
    this.#link = link;
    this.#streams = streams;
    this.#sealer = sealer;
    this.#emit = emit;
    const { names } = streams;
    link.nats.subscribe(names.pushedSubject, { callback: (error, message) => { if (error === null) this.#takePushed(message); } });
    link.nats.subscribe(`$JS.EVENT.ADVISORY.STREAM.LEADER_ELECTED.${names.logStream}`, { callback: () => { this.#unbroken = 0; } });
  }

  /** Longest entry that the servers take. */
  get entryBytesMax(): number {
    return (this.#link.nats.info?.max_payload ?? 1 << 20) - headersLength - sealedOverhead;
  }

  /** Whether the last entry, if there is one, was sealed under this cluster's key. Asks until NATS has answered, or the signal is aborted. */
  async isOurs(signal: AbortSignal): Promise<boolean> {
    const { manager, names } = this.#streams;
    for (;;) {
      signal.throwIfAborted();
      try {
        const { state } = await manager.streams.info(names.logStream);
        const last = state.messages === 0 ? null : await this.#fetch(state.last_seq);
        // Purged in between: whoever purges has the key, and the next look tells.
        if (last === null) return true;
        return this.#sealer.open(last.data, String(last.seq)) !== undefined;
      } catch (error) {
        this.#link.tellRequest('show the end of the log', error);
        await sleep(this.#link.limits.reconnectMs, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  append(expected: Head, logged: Logged): void {
    if (!this.#link.connected) return;
    if (logged.bytes.length > this.entryBytesMax) {
      this.#link.tell('E_LOG_ENTRY_LENGTH', `An entry of ${logged.bytes.length} bytes is longer than NATS takes: ${this.entryBytesMax} bytes. Raise max_payload of the NATS servers.`);
      return;
    }
    const comparesHash = this.#streams.replicas === 1 && expected.sequence > 0;
    void this.#publish(expected, logged, comparesHash);
  }

  async #publish(expected: Head, logged: Logged, comparesHash: boolean): Promise<void> {
    const { names, client } = this.#streams;
    const sequence = expected.sequence + 1;
    const { hash } = logged;
    let accepted: boolean;
    try {
      const acknowledged = await client.publish(names.logSubject, this.#sealer.seal(logged.bytes, String(sequence)), {
        msgID: hash,
        expect: { streamName: names.logStream, lastSequence: expected.sequence, ...(comparesHash ? { lastMsgID: expected.hash } : {}) },
        timeout: this.#link.limits.requestMs,
      });
      accepted = acknowledged.seq === sequence;
      this.#link.recovered();
    } catch (error) {
      const code = error instanceof JetStreamApiError ? error.code : 0;
      if (comparesHash && code === wrongLastMessageId && (await this.#isForgotten(expected))) return this.#publish(expected, logged, false);
      if (code !== wrongLastMessageId && code !== wrongLastSequence) {
        this.#link.tellRequest('append to the log', error);
        return;
      }
      accepted = false;
    }
    if (!accepted) this.#inOrder(() => this.#emit({ kind: 'append-refused', sequence, hash }));
    else this.#inOrder(() => this.#emit({ kind: 'appended', sequence, hash }), () => this.#comparePredecessor(expected, logged));
  }

  /** A server that restarted does not know the last message id any more although the entry is there. */
  async #isForgotten({ sequence, hash }: Head): Promise<boolean> {
    try {
      return this.#openStored(await this.#fetch(sequence))?.hash === hash;
    } catch {
      return false;
    }
  }

  /** Before an append is reported after a break: does it really follow what it was made to follow? */
  async #comparePredecessor(expected: Head, logged: Logged): Promise<boolean> {
    if (expected.sequence === 0) return true;
    const stored = this.#openStored(await this.#fetch(expected.sequence));
    if (stored === undefined || stored.hash === expected.hash) return true;
    this.#emit({ kind: 'append-refused', sequence: logged.entry.sequence, hash: logged.hash });
    return false;
  }

  read(from: number, count: number): void {
    if (!this.#link.connected) return;
    void this.#read(from, count);
  }

  async #read(from: number, count: number): Promise<void> {
    const { limits } = this.#link;
    const { manager, names } = this.#streams;
    const entries: Uint8Array[] = [];
    let first: number;
    let last: number;
    try {
      const { state } = await manager.streams.info(names.logStream);
      last = state.last_seq;
      first = state.messages === 0 ? last + 1 : state.first_seq;
      const end = from < first ? from : Math.min(last + 1, from + count);
      let length = 0;
      for (let next = from; next < end && length < limits.readBytes; ) {
        const wanted = Array.from({ length: Math.min(limits.readAtOnce, end - next) }, (_, index) => next + index);
        const opened = (await Promise.all(wanted.map((sequence) => this.#fetch(sequence)))).map((stored) => this.#openStored(stored));
        const gap = opened.indexOf(undefined);
        for (const entry of gap === -1 ? opened : opened.slice(0, gap)) {
          entries.push(entry!.bytes);
          length += entry!.bytes.length;
        }
        if (gap !== -1) break;
        next += wanted.length;
      }
      this.#link.recovered();
    } catch (error) {
      this.#link.tellRequest('read the log', error);
      return;
    }
    this.#inOrder(() => this.#emit({ kind: 'log-read', from, entries, first, last }));
  }

  purge(through: number): void {
    if (!this.#link.connected) return;
    this.#streams.manager.streams.purge(this.#streams.names.logStream, { seq: through + 1 }).catch((error: unknown) => this.#link.tellRequest('purge the log', error));
  }

  #takePushed(message: Msg): void {
    const sequence = Number(message.headers?.get('Nats-Sequence'));
    if (!Number.isSafeInteger(sequence) || sequence < 1) return;
    const bytes = this.#sealer.open(message.data, String(sequence));
    if (bytes === undefined) {
      this.#tellStrange(sequence);
      return;
    }
    const follows = sequence === this.#pushed + 1;
    if (!follows) this.#unbroken = 0;
    this.#pushed = sequence;
    this.#inOrder(
      () => this.#emit({ kind: 'log-pushed', sequence, bytes }),
      async () => {
        const before = sequence === 1 ? undefined : this.#openStored(await this.#fetch(sequence - 1));
        if (before !== undefined) this.#emit({ kind: 'log-pushed', sequence: sequence - 1, bytes: before.bytes });
        return true;
      },
    );
  }

  /** Runs the action after all before it; after a break the check first, and not the action if that fails or finds something. */
  #inOrder(action: () => void, check?: () => Promise<boolean>): void {
    if (!this.#working && (check === undefined || this.#unbroken === this.#link.epoch)) {
      action();
      return;
    }
    this.#waiting.push(async () => {
      const { epoch } = this.#link;
      if (check !== undefined && this.#unbroken !== epoch) {
        try {
          // Set before the check: what breaks off while it runs counts.
          this.#unbroken = epoch;
          if (!(await check())) {
            this.#unbroken = 0;
            return;
          }
        } catch (error) {
          this.#unbroken = 0;
          this.#link.tellRequest('show the entry before', error);
          return;
        }
      }
      action();
    });
    if (!this.#working) void this.#work();
  }

  async #work(): Promise<void> {
    this.#working = true;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) await next();
    this.#working = false;
  }

  #fetch(sequence: number): Promise<StoredMsg | null> {
    return this.#streams.manager.streams.getMessage(this.#streams.names.logStream, { seq: sequence });
  }

  #openStored(stored: StoredMsg | null): { readonly bytes: Uint8Array; readonly hash: string } | undefined {
    if (stored === null) return undefined;
    const bytes = this.#sealer.open(stored.data, String(stored.seq));
    if (bytes !== undefined) return { bytes, hash: hashOf(bytes) };
    this.#tellStrange(stored.seq);
    return undefined;
  }

  #tellStrange(sequence: number): void {
    this.#link.tell('E_LOG_STRANGE', `Entry ${sequence} of the log was not sealed under this cluster's key: the node cannot go on past it. Somebody else writes to ${this.#streams.names.logSubject}, or the key is another.`);
  }
}
