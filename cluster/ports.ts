/**
 * The world as the protocol sees it: log, tenure store, peer link, snapshots, own store, clock. Requests go out through
 * these ports and never return anything; what comes of them arrives as an event, late, doubled or never. So the simulator
 * and NATS are the same thing to it, and every failure is a missing event.
 *
 * The contract of each port is what the adapters (cluster/nats/) have to keep and what test/cluster/sim/ does keep.
 */
import type { Logged } from './entry.ts';
import type { PeerMessage } from './messages.ts';
import type { Replicated } from './replicated.ts';

/** A place in the log with the hash of the entry there. */
export interface Head {
  readonly sequence: number;
  readonly hash: string;
}

export interface LogPort {
  /**
   * Appends at `expected.sequence + 1` if the log's last entry is the expected one, atomically. The sequence MUST be checked by
   * the log; the hash is checked where it can (a NATS message id), and closes the gap that a lost tail opens (DESIGN.md).
   * An append MUST NOT be kept over a lost connection and sent later: it could take the place of an entry that the log lost meanwhile.
   * Leads to `appended`, `append-refused` or nothing.
   */
  append(expected: Head, logged: Logged): void;
  /** Leads to `log-read`. Entries in order from `from` on, as far as kept; new ones are also pushed: `log-pushed`. */
  read(from: number, count: number): void;
  /** Forgets entries up to the sequence; they are in a snapshot. */
  purge(through: number): void;
}

export interface TenureRecord {
  readonly node: string;
  readonly claim: string;
  readonly revision: number;
}

/** One record with a time to live, in a store that compares and sets. */
export interface TenurePort {
  /** Leads to `tenure-seen`. */
  look(sentAt: number): void;
  /** Creates the record if there is none: `claimed` or `claim-failed`. */
  claim(claim: string): void;
  /** Writes it anew if it still has the revision: `renewed` or `renew-failed`. */
  renew(claim: string, revision: number): void;
  /** Deletes it if it still has the revision. */
  yield(revision: number): void;
}

export interface PeerPort {
  send(to: string, message: PeerMessage): void;
  broadcast(message: PeerMessage): void;
}

export interface StorePort {
  /**
   * Queues the entry: mutations (if it counts), proposals, head and the entry's bytes in one synced write, in the order of the calls.
   * Leads to `applied` once it is durable and reads on this node see it.
   */
  apply(logged: Logged, entryCounts: boolean): void;
  /**
   * Plans on the state with all that was planned before and not undone: `planned`. Mutations and result together MUST fit one entry
   * of the log: what would not is planned as a refusal.
   */
  plan(proposal: string, payload: Uint8Array): void;
  /** Forgets what was planned and is not in the log, a plan under way included: that one MUST NOT be planned on any more. */
  unplan(): void;
  /**
   * Empties the store (setting what was in it aside, since it may be the last copy of something) and loads the newest snapshot before `below`, or
   * nothing: `restored`, as a new incarnation.
   */
  rebuild(below: number): void;
  /** Takes a snapshot of what is applied, to be published when `publish` is called: `captured`. */
  capture(): void;
  /** Writes the captured snapshot where every node finds it: `published`. */
  publish(sequence: number): void;
}

/** What the rest of the node is told. */
export interface HostPort {
  /** The proposal's result; undefined when it is not known whether it took place (gave up). */
  settle(proposal: string, result: Uint8Array | undefined): void;
  /** Reads that saw nothing younger than this may be answered. */
  stable(sequence: number): void;
  /** The node starts anew from a snapshot: what reads have seen so far is void. */
  discard(): void;
}

export interface Ports {
  readonly log: LogPort;
  readonly tenure: TenurePort;
  readonly peers: PeerPort;
  readonly store: StorePort;
  readonly host: HostPort;
}

/** Requests as data: what `role.ts` returns and `node.ts` carries out. */
export type Effect =
  | { readonly kind: 'append'; readonly expected: Head; readonly logged: Logged }
  | { readonly kind: 'read-log'; readonly from: number; readonly count: number }
  | { readonly kind: 'purge'; readonly through: number }
  | { readonly kind: 'look'; readonly sentAt: number }
  | { readonly kind: 'claim'; readonly claim: string }
  | { readonly kind: 'renew'; readonly claim: string; readonly revision: number }
  | { readonly kind: 'yield'; readonly revision: number }
  | { readonly kind: 'send'; readonly to: string; readonly message: PeerMessage }
  | { readonly kind: 'broadcast'; readonly message: PeerMessage }
  | { readonly kind: 'apply'; readonly logged: Logged; readonly counts: boolean }
  | { readonly kind: 'plan'; readonly proposal: string; readonly payload: Uint8Array }
  | { readonly kind: 'unplan' }
  | { readonly kind: 'rebuild'; readonly below: number }
  | { readonly kind: 'capture' }
  | { readonly kind: 'publish'; readonly sequence: number }
  | { readonly kind: 'settle'; readonly proposal: string; readonly result: Uint8Array | undefined }
  | { readonly kind: 'stable'; readonly sequence: number }
  | { readonly kind: 'discard' };

export type ClusterEvent =
  /** Time went by; comes every few tens of milliseconds. */
  | { readonly kind: 'tick' }
  | { readonly kind: 'message'; readonly from: string; readonly message: PeerMessage }
  | { readonly kind: 'tenure-seen'; readonly sentAt: number; readonly record: TenureRecord | undefined }
  | { readonly kind: 'claimed'; readonly claim: string; readonly revision: number }
  | { readonly kind: 'claim-failed'; readonly claim: string }
  /** `expected` is the revision that the renewal named. */
  | { readonly kind: 'renewed'; readonly claim: string; readonly expected: number; readonly revision: number }
  | { readonly kind: 'renew-failed'; readonly claim: string }
  | { readonly kind: 'log-pushed'; readonly sequence: number; readonly bytes: Uint8Array }
  /** `first` to `last` is what the log holds (first = last + 1 when it is empty); `entries` begin at `from`, or are none. */
  | { readonly kind: 'log-read'; readonly from: number; readonly entries: readonly Uint8Array[]; readonly first: number; readonly last: number }
  | { readonly kind: 'appended'; readonly sequence: number; readonly hash: string }
  | { readonly kind: 'append-refused'; readonly sequence: number; readonly hash: string }
  | { readonly kind: 'applied'; readonly sequence: number; readonly incarnation: string }
  | { readonly kind: 'planned'; readonly proposal: string; readonly mutations: Uint8Array; readonly result: Uint8Array }
  | { readonly kind: 'restored'; readonly restored: Restored }
  | { readonly kind: 'captured'; readonly sequence: number }
  | { readonly kind: 'published'; readonly sequence: number; readonly bytes: number }
  /** A client of this node wants a change. */
  | { readonly kind: 'submitted'; readonly proposal: string; readonly payload: Uint8Array }
  /** Give the tenure up, for now. */
  | { readonly kind: 'yield' }
  /**
   * The node is about to stop: it gives its tenure and its permit up, takes neither again, and tells the others, who then do not wait
   * for it. It goes on applying and forwarding. Comes when clients are gone, and again a heartbeat before the end.
   */
  | { readonly kind: 'drain' }
  /** At the primary: the node is no member any more once it has no permit. If it comes back it joins anew. Others ignore this. */
  | { readonly kind: 'remove-member'; readonly node: string }
  /** The process or machine was suspended and its monotonic clock stood still meanwhile. Comes before any other event after that. */
  | { readonly kind: 'slept' };

/** What a node starts from: its own store, or a snapshot. */
export interface Restored {
  readonly incarnation: string;
  readonly replicated: Replicated;
  readonly tail: readonly Logged[];
}
