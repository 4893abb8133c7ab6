/**
 * A node's own clients' changes on their way to the primary, whoever that is by now.
 *
 * Invariant: a proposal is asked for under one id until its result comes or the forwarder gives up, long before the id is
 * forgotten; so the change takes place at most once however often it is asked for. Giving up means "not known".
 *
 * What waits may be a lot, and a primary that does not answer may be dead, or NATS in trouble: so a tick asks again for a bounded number of
 * bytes, those first that were asked for longest ago, and the pause between two times doubles as long as nothing at all is answered.
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
  /** How long it waits before it asks again, and when that may grow next. */
  pauseMs: number;
  growsAt: number;
  /** In the order in which they were asked for last. */
  readonly waiting: Map<string, Waiting>;
}

interface Waiting {
  readonly payload: Uint8Array;
  askAt: number;
  readonly giveUpAt: number;
}

/** A primary that does not answer is asked after 1, 2, 4 and then always 8 times `resendMs`. */
const pauseGrowthMax = 8;

export function submit(state: NodeState, proposal: string, payload: Uint8Array, now: number, out: Outbox): void {
  const { forward, timing } = state;
  forward.waiting.set(proposal, { payload, askAt: now + forward.pauseMs, giveUpAt: now + timing.giveUpMs });
  propose(state, proposal, payload, out);
}

export function tickForward(state: NodeState, now: number, out: Outbox): void {
  const { forward, timing, limits } = state;
  const { waiting } = forward;
  const again: [string, Waiting][] = [];
  let bytes = 0;
  for (const [proposal, each] of waiting) {
    if (now >= each.giveUpAt) {
      waiting.delete(proposal);
      out.push({ kind: 'settle', proposal, result: undefined });
    } else if (now >= each.askAt && (again.length === 0 || bytes + each.payload.length <= limits.resendBytes)) {
      bytes += each.payload.length;
      again.push([proposal, each]);
    }
  }
  if (again.length > 0 && now >= forward.growsAt && state.replicate === undefined) {
    forward.pauseMs = Math.min(forward.pauseMs * 2, timing.resendMs * pauseGrowthMax);
    forward.growsAt = now + forward.pauseMs;
  }
  for (const [proposal, each] of again) {
    each.askAt = now + forward.pauseMs;
    waiting.delete(proposal);
    waiting.set(proposal, each);
    propose(state, proposal, each.payload, out);
  }
}

/** The primary of the fence has opened: ask it at once, for what it was asked before it has not taken. */
export function resubmit(state: NodeState, fence: Fence, now: number): void {
  if (compareFences(fence, state.forward.openedFence) === 0) return;
  state.forward.openedFence = fence;
  askBy(state, now);
}

export function takeResult(state: NodeState, proposal: string, result: Uint8Array, now: number, out: Outbox): void {
  if (!state.forward.waiting.delete(proposal)) return;
  if (state.forward.pauseMs > state.timing.resendMs) askBy(state, now + state.timing.resendMs);
  out.push({ kind: 'settle', proposal, result });
}

/** There is somebody who answers. */
function askBy({ forward, timing }: NodeState, time: number): void {
  forward.pauseMs = timing.resendMs;
  forward.growsAt = time + timing.resendMs;
  for (const waiting of forward.waiting.values()) waiting.askAt = Math.min(waiting.askAt, time);
}

function propose(state: NodeState, proposal: string, payload: Uint8Array, out: Outbox): void {
  // A node that starts under a tenure that it knew already takes no tenure entry that would tell: its own history does.
  const primary = state.forward.primary ?? (state.replicated.fence.node || undefined);
  if (state.replicate !== undefined) takeProposal(state, state.node, proposal, payload, out);
  else if (primary !== undefined && primary !== state.node) out.push({ kind: 'send', to: primary, message: { kind: 'propose', proposal, payload } });
}
