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

/** Gives the tenure up, and says who may still read under it. */
export function handOver(state: NodeState, now: number, out: Outbox): void {
  const { tenure, replicate, replicated, holders, election, timing } = state;
  if (tenure === undefined) return;
  election.restUntil = now + timing.tenureRecordMs;
  // Only an open primary knows that there is no older permit either.
  if (replicate !== undefined) {
    const holding = [...holders].filter(([, { until }]) => now < until).map(([node]) => node);
    out.push({ kind: 'broadcast', message: { kind: 'handover', fence: replicated.fence, claim: tenure.claim, holders: holding } });
  }
  out.push({ kind: 'yield', revision: tenure.revision });
  stepDown(state, out);
}

/** The node is about to stop. Its permit is gone with this step, before anybody hears the farewell. */
export function drain(state: NodeState, now: number, out: Outbox): void {
  handOver(state, now, out);
  state.draining = true;
  state.election.claim = undefined;
  dropPermits(state, now);
}

function dropPermits({ permits }: NodeState, now: number): void {
  permits.grants = [];
  permits.sent.clear();
  permits.nextHeartbeat = now;
}

/**
 * Unknown time went by while the own clock stood still: nothing that was counted from before counts. Waits for others only became longer
 * than they had to be. What clients wait for is not asked for again, since its id may have been forgotten in the meantime.
 */
export function wakeUp(state: NodeState, now: number, out: Outbox): void {
  if (state.tenure !== undefined) out.push({ kind: 'yield', revision: state.tenure.revision });
  stepDown(state, out);
  state.election.claim = undefined;
  dropPermits(state, now);
  state.nextRead = now;
  state.readSentAt = undefined;
  for (const proposal of state.forward.waiting.keys()) out.push({ kind: 'settle', proposal, result: undefined });
  state.forward.waiting.clear();
}
