/**
 * What nodes say to each other. Every message may be lost, doubled, delayed or overtaken by a later one.
 *
 * Invariant: no message is an order that is right only once or only now: a grant names the heartbeat that it answers, a
 * confirmation and an announcement name the fence they hold under, a proposal has an id. Payloads and results are sealed.
 */
import type { Fence } from './entry.ts';

export type PeerMessage =
  /** Node → all: I am here, my history includes the tenure entry of `fence`, and I have synced up to `applied`. */
  | { readonly kind: 'heartbeat'; readonly incarnation: string; readonly number: number; readonly fence: Fence; readonly applied: number }
  /** Primary → node: a permit for heartbeat `number`, for `permitMs` from when you sent that, good once you have applied `through`. */
  | { readonly kind: 'grant'; readonly fence: Fence; readonly incarnation: string; readonly number: number; readonly through: number; readonly stable: number; readonly permitMs: number }
  /** Node that drains → all, in place of heartbeats: this incarnation, which stands on `fence`, answers no reads any more, ever. */
  | { readonly kind: 'farewell'; readonly incarnation: string; readonly fence: Fence }
  /** Primary that yields → all: the tenure of `claim` is over, and nobody but `holders` may still have a permit of it or of an older one. */
  | { readonly kind: 'handover'; readonly fence: Fence; readonly claim: string; readonly holders: readonly string[] }
  /** Node → all: applied and synced. */
  | { readonly kind: 'confirm'; readonly fence: Fence; readonly incarnation: string; readonly applied: number }
  /** Primary → all: entries up to `stable` are on every node that may answer reads; the log goes to `last`. */
  | { readonly kind: 'stable'; readonly fence: Fence; readonly stable: number; readonly last: number }
  /** Claimant → all: how far does your history go? */
  | { readonly kind: 'ask'; readonly claim: string }
  | { readonly kind: 'head'; readonly claim: string; readonly sequence: number; readonly fence: Fence }
  /** Claimant → node: send me what you have from `from` on, for the log has lost it. */
  | { readonly kind: 'fetch'; readonly claim: string; readonly from: number }
  | { readonly kind: 'tail'; readonly claim: string; readonly from: number; readonly entries: readonly Uint8Array[] }
  /** Forwarder → primary. */
  | { readonly kind: 'propose'; readonly proposal: string; readonly payload: Uint8Array }
  /** Primary → forwarder: the result, which from now on is true on every node. */
  | { readonly kind: 'result'; readonly proposal: string; readonly result: Uint8Array };
