/**
 * A node's own clients' changes on their way to the primary, whoever that is by now.
 *
 * Invariant: a proposal is asked for under one id until its result comes or the forwarder gives up, long before the id is
 * forgotten; so the change takes place at most once however often it is asked for. Giving up means "not known".
 */
import { compareFences } from './entry.ts';
import type { Fence } from './entry.ts';
import { takeProposal } from './replicate.ts';
import type { NodeState, Outbox } from './state.ts';

export interface Forward {
  /** Who is believed to be the primary: only a hint. */
  primary: string | undefined;
  /** Fence of the last primary known to have opened. */
  openedFence: Fence;
  readonly waiting: Map<string, { readonly payload: Uint8Array; sentAt: number; readonly giveUpAt: number }>;
}

export function submit(state: NodeState, proposal: string, payload: Uint8Array, now: number, out: Outbox): void {
  state.forward.waiting.set(proposal, { payload, sentAt: now, giveUpAt: now + state.timing.giveUpMs });
  propose(state, proposal, payload, out);
}

export function tickForward(state: NodeState, now: number, out: Outbox): void {
  for (const [proposal, waiting] of state.forward.waiting) {
    if (now >= waiting.giveUpAt) {
      state.forward.waiting.delete(proposal);
      out.push({ kind: 'settle', proposal, result: undefined });
    } else if (now >= waiting.sentAt + state.timing.resendMs) {
      waiting.sentAt = now;
      propose(state, proposal, waiting.payload, out);
    }
  }
}

/** The primary of the fence has opened: ask it at once, for what it was asked before it has not taken. */
export function resubmit({ forward, timing }: NodeState, fence: Fence, now: number): void {
  if (compareFences(fence, forward.openedFence) === 0) return;
  forward.openedFence = fence;
  for (const waiting of forward.waiting.values()) waiting.sentAt = Math.min(waiting.sentAt, now - timing.resendMs);
}

export function takeResult(state: NodeState, proposal: string, result: Uint8Array, out: Outbox): void {
  if (state.forward.waiting.delete(proposal)) out.push({ kind: 'settle', proposal, result });
}

function propose(state: NodeState, proposal: string, payload: Uint8Array, out: Outbox): void {
  // A node that starts under a tenure that it knew already takes no tenure entry that would tell: its own history does.
  const primary = state.forward.primary ?? (state.replicated.fence.node || undefined);
  if (state.replicate !== undefined) takeProposal(state, state.node, proposal, payload, out);
  else if (primary !== undefined && primary !== state.node) out.push({ kind: 'send', to: primary, message: { kind: 'propose', proposal, payload } });
}
