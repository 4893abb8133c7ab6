/**
 * The link between nodes: core NATS subjects, one for each node and one for all. Not kept, not acknowledged, sealed.
 *
 *   sealed part:  { format, from, session, to, number, part, parts, bytes }     parts of one bundle share its number
 *   bundle:       [message, message, ...]                                       what one turn of the event loop has for a subject
 *
 * Sealing and sending cost more than most messages: results of a whole entry go to a forwarder as one.
 * Invariants: a message is taken only if a holder of the cluster's key sealed it for this node (or for all); its sender is the
 * name inside the seal, never what the subject or the connection says. A bundle in parts waits for them within limits, and is
 * dropped whole when they do not come: the protocol asks again.
 */
import { randomBytes } from 'node:crypto';
import { Buffer } from 'node:buffer';
import type { Msg } from '@nats-io/transport-node';
import { decode, encode } from '../../src/storage/cbor.ts';
import type { PeerMessage } from '../messages.ts';
import type { ClusterEvent, PeerPort } from '../ports.ts';
import type { Link } from './link.ts';
import type { Sealer } from './sealing.ts';
import type { Names } from './streams.ts';

/** Grows when the form of parts or messages changes; others are refused. */
export const peerFormat = 2;

const everyone = '*';
/** What an earlier start of this node said may come late, in a burst; a node that runs is heard five times a second. */
const doublePauseMs = 1_000;
/** What being the only message of a bundle adds to it. */
const bundleOverhead = 16;

interface Part {
  readonly format: number;
  readonly from: string;
  /** Random for each start of a node: numbers begin anew with it. */
  readonly session: string;
  readonly to: string;
  readonly number: number;
  readonly part: number;
  readonly parts: number;
  readonly bytes: Uint8Array;
}

interface Partial {
  readonly parts: (Uint8Array | undefined)[];
  missing: number;
  length: number;
}

/** A record, so that a kind that is missing here does not compile. */
const kinds: Readonly<Record<PeerMessage['kind'], true>> = { heartbeat: true, grant: true, farewell: true, handover: true, confirm: true, stable: true, ask: true, head: true, fetch: true, tail: true, propose: true, result: true };

export class NatsPeers implements PeerPort {
  readonly #link: Link;
  readonly #names: Names;
  readonly #sealer: Sealer;
  readonly #node: string;
  readonly #emit: (event: ClusterEvent) => void;
  readonly #session = randomBytes(12).toString('base64url');
  readonly #partials = new Map<string, Partial>();
  #number = 0;
  #double = { first: Number.NEGATIVE_INFINITY, last: Number.NEGATIVE_INFINITY };
  /** What leaves when the present microtasks are done, by subject. */
  readonly #bundles = new Map<string, { readonly to: string; messages: Uint8Array[]; length: number }>();

  constructor(link: Link, names: Names, sealer: Sealer, node: string, emit: (event: ClusterEvent) => void) {
    this.#link = link;
    this.#names = names;
    this.#sealer = sealer;
    this.#node = node;
    this.#emit = emit;
    link.onLost(() => this.#partials.clear());
    for (const [subject, to] of [[names.peerSubject(node), node], [names.allSubject, everyone]] as const) {
      link.nats.subscribe(subject, { callback: (error, message) => { if (error === null) this.#take(message, to); } });
    }
  }

  /** For how long another node of this name has been heard, without a pause of more than a second. */
  get doubleHeardMs(): number {
    const { first, last } = this.#double;
    return performance.now() - last > doublePauseMs ? 0 : last - first;
  }

  #hearDouble(): void {
    const now = performance.now();
    if (now - this.#double.last > doublePauseMs) this.#double = { first: now, last: now };
    this.#double.last = now;
  }

  send(to: string, message: PeerMessage): void {
    if (to === this.#node) this.#emit({ kind: 'message', from: to, message });
    else this.#publish(this.#names.peerSubject(to), to, message);
  }

  broadcast(message: PeerMessage): void {
    this.#publish(this.#names.allSubject, everyone, message);
  }

  #publish(subject: string, to: string, message: PeerMessage): void {
    const { limits, connected } = this.#link;
    if (!connected) return;
    const bytes = encode(message);
    if (bytes.length > limits.messageBytes) {
      this.#link.tell('E_PEER_LENGTH', `A message (${message.kind}) of ${bytes.length} bytes is longer than nodes take: ${limits.messageBytes} bytes.`);
      return;
    }
    const bundle = this.#bundles.get(subject) ?? { to, messages: [], length: 0 };
    if (bundle.length > 0 && bundle.length + bytes.length > limits.partBytes) this.#flush(subject, bundle);
    if (this.#bundles.size === 0) queueMicrotask(() => this.#flushAll());
    this.#bundles.set(subject, bundle);
    bundle.messages.push(bytes);
    bundle.length += bytes.length;
  }

  #flushAll(): void {
    for (const [subject, bundle] of this.#bundles) this.#flush(subject, bundle);
    this.#bundles.clear();
  }

  /** What was meant for a connection that is lost by now is dropped: what it says may be wrong when there is another. */
  #flush(subject: string, bundle: { readonly to: string; messages: Uint8Array[]; length: number }): void {
    const { nats, limits, connected } = this.#link;
    const bytes = encode(bundle.messages);
    bundle.messages = [];
    bundle.length = 0;
    if (!connected) return;
    this.#number += 1;
    const parts = Math.max(1, Math.ceil(bytes.length / limits.partBytes));
    for (let part = 0; part < parts; part += 1) {
      const envelope: Part = { format: peerFormat, from: this.#node, session: this.#session, to: bundle.to, number: this.#number, part, parts, bytes: bytes.subarray(part * limits.partBytes, (part + 1) * limits.partBytes) };
      nats.publish(subject, this.#sealer.seal(encode(envelope), bundle.to));
    }
  }

  #take(received: Msg, to: string): void {
    const opened = this.#sealer.open(received.data, to);
    if (opened === undefined) {
      this.#link.tell('E_PEER_STRANGE', `A message on ${received.subject} was not sealed under this cluster's key for this node; it was dropped.`);
      return;
    }
    const part = decode(opened) as Part;
    if (part.format !== peerFormat) {
      this.#link.tell('E_PEER_FORMAT', `Node ${part.from} speaks message format ${part.format}; this program knows ${peerFormat}. Upgrade the older one.`);
      return;
    }
    if (part.from === this.#node) {
      if (part.session === this.#session) return;
      this.#hearDouble();
      this.#link.tell('E_NODE_NAME_TAKEN', `Another node of this cluster is called ${this.#node}, too. Give each node its own name.`);
      return;
    }
    const bytes = part.parts === 1 ? part.bytes : this.#join(part);
    if (bytes === undefined) return;
    for (const each of decode(bytes) as Uint8Array[]) {
      const message = decode(each) as PeerMessage;
      if (Object.hasOwn(kinds, message.kind)) this.#emit({ kind: 'message', from: part.from, message });
    }
  }

  #join({ from, session, number, part, parts, bytes }: Part): Uint8Array | undefined {
    const { limits } = this.#link;
    if (parts < 1 || part < 0 || part >= parts || parts > Math.ceil((limits.messageBytes + bundleOverhead) / limits.partBytes)) return undefined;
    const name = `${from}/${session}/${number}`;
    let partial = this.#partials.get(name);
    if (partial === undefined) {
      const [oldest] = this.#partials.keys();
      if (oldest !== undefined && this.#partials.size >= limits.partialsMax) this.#partials.delete(oldest);
      partial = { parts: Array.from({ length: parts }, () => undefined), missing: parts, length: 0 };
      this.#partials.set(name, partial);
    }
    if (partial.parts.length !== parts || partial.parts[part] !== undefined) return undefined;
    partial.parts[part] = bytes;
    partial.missing -= 1;
    partial.length += bytes.length;
    if (partial.length > limits.messageBytes + bundleOverhead) this.#partials.delete(name);
    if (partial.missing > 0) return undefined;
    this.#partials.delete(name);
    return Buffer.concat(partial.parts as Uint8Array[]);
  }
}
