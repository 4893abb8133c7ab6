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
