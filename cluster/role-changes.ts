/**
 * Entering and leaving a tenure: the few lines that more than one part of the role needs.
 *
 * Invariant: a node that steps down drops all it had under way. What it appended may still come back through the log; what
 * it did not answer is asked again by the forwarders, by id.
 */
import type { NodeState, Outbox } from './state.ts';

/** The own tenure entry is in the log: older tenures can append nothing more that counts. */
export function tenureEntered(state: NodeState, now: number): void {
  const { opening } = state;
  if (opening === undefined) return;
  opening.stage = 'waiting';
  opening.nextAsk = now;
}

export function stepDown(state: NodeState, out: Outbox): void {
  if (state.tenure === undefined) return;
  if (state.replicate !== undefined) out.push({ kind: 'unplan' });
  if (state.forward.primary === state.node) state.forward.primary = undefined;
  state.tenure = undefined;
  state.opening = undefined;
  state.replicate = undefined;
  state.holders.clear();
}

/**
 * Unknown time went by while the own clock stood still: nothing that was counted from before counts. Waits for others only became longer
 * than they had to be. What clients wait for is not asked for again, since its id may have been forgotten in the meantime.
 */
export function wakeUp(state: NodeState, now: number, out: Outbox): void {
  if (state.tenure !== undefined) out.push({ kind: 'yield', revision: state.tenure.revision });
  stepDown(state, out);
  state.election.claim = undefined;
  state.permits.grants = [];
  state.permits.sent.clear();
  state.permits.nextHeartbeat = now;
  state.nextRead = now;
  state.readSentAt = undefined;
  for (const proposal of state.forward.waiting.keys()) out.push({ kind: 'settle', proposal, result: undefined });
  state.forward.waiting.clear();
}
