/**
 * What has to hold of every run, whatever went wrong in it.
 */
import type { World } from '../sim/world.ts';
import { usesOfAnObject } from '../sim/workload.ts';
import type { Workload } from '../sim/workload.ts';
import type { CommandResult } from '../sim/state-machine.ts';
import type { Call } from './history.ts';
import { checkObject } from './linearizability.ts';

export function checkRun(world: World, workload: Workload): void {
  checkEnd(world);
  const results = checkProposals(world, workload);
  checkLateReads(world, workload.history);
  checkUsage(world, workload);
  const byObject = Map.groupBy(workload.history.flatMap((call) => asItCame(call, results)), ({ id }) => id);
  for (const [id, calls] of byObject) {
    const verdict = checkObject(calls);
    if (verdict.linearizable) continue;
    world.fail(`the history of ${id} is not linearizable`);
    const inOrder = [...calls].sort((left, right) => left.invokedAt - right.invokedAt);
    for (const call of inOrder) world.note(`  ${verdict.stuck.includes(call) ? '!' : verdict.furthest.includes(call) ? '.' : ' '} ${callText(call)}`);
  }
}

/** After everything healed there is one history, everyone has it, and it is the log's. */
function checkEnd(world: World): void {
  const { log, nodes } = world;
  if (world.primary() === undefined) world.fail('no primary opened after everything healed');
  for (const node of nodes) {
    const { replicated } = node.disk;
    if (replicated.sequence !== log.last || replicated.hash !== log.entries.at(-1)?.hash) world.fail(`${node.name} ended at ${replicated.sequence}, the log at ${log.last}`);
    if (!node.up || !node.cluster!.mayAnswer()) world.fail(`${node.name} ended without a permit`);
  }
}

/**
 * A change that was never answered did take place if the final history has it, with the result there, at some time after it began;
 * else it never did, and nobody may have seen it. Knowing which makes the search short, and the check stricter.
 */
function asItCame(call: Call, results: ReadonlyMap<string, string>): readonly Call[] {
  if (call.kind === 'read' || call.result !== undefined) return [call];
  const result = results.get(call.proposal);
  return result === undefined ? [] : [{ ...call, result: JSON.parse(result) as CommandResult }];
}

/** Each id counts once in the history that stayed; what was answered is there, with that answer. Returns all results by id. */
function checkProposals(world: World, workload: Workload): ReadonlyMap<string, string> {
  const { protocol, log, timing } = world;
  const replay = protocol.replicated.emptyReplicated();
  const results = new Map<string, string>();
  let fence = 0;
  for (const logged of log.entries) {
    if (!protocol.replicated.advance(replay, logged, timing.proposalKeptMs)) continue;
    if (logged.entry.fence.counter < fence) world.fail(`entry ${replay.sequence} counts under fence ${logged.entry.fence.counter} after ${fence}`);
    fence = logged.entry.fence.counter;
    for (const { proposal, result } of logged.entry.works) {
      if (results.has(proposal)) world.fail(`proposal ${proposal} took place twice`);
      results.set(proposal, new TextDecoder().decode(result));
    }
  }
  for (const { proposal, result, label, id, answeredAt } of workload.history) {
    if (proposal === '' || result === undefined || answeredAt === Infinity) continue;
    const kept = results.get(proposal);
    if (kept === undefined) world.fail(`acknowledged ${label} ${id} (${proposal}) is lost`);
    else if (kept !== JSON.stringify(result)) world.fail(`${label} ${id} (${proposal}) was answered ${JSON.stringify(result)}, the history has ${kept}`);
  }
  return results;
}

/** A read that began after a Revoke or Destroy was answered never finds the key active. */
function checkLateReads(world: World, history: readonly Call[]): void {
  const ended = new Map<string, number>();
  for (const { label, id, result, answeredAt } of history) {
    if ((label === 'revoke' || label === 'destroy') && result?.done === true) ended.set(id, Math.min(ended.get(id) ?? Infinity, answeredAt));
  }
  for (const call of history) {
    if (call.kind !== 'read' || call.result?.state !== 'active') continue;
    if (call.invokedAt > (ended.get(call.id) ?? Infinity)) world.fail(`late ${call.label} of ${call.id} on ${call.node} at ${call.invokedAt.toFixed(1)}: it was revoked at ${ended.get(call.id)!.toFixed(1)}`);
  }
}

function checkUsage(world: World, workload: Workload): void {
  for (const [id, units] of workload.spent) if (units > usesOfAnObject) world.fail(`${id} was used ${units} times, its limit is ${usesOfAnObject}`);
}

export function callText({ client, node, label, id, invokedAt, answeredAt, result, proposal }: Call): string {
  const answer = result === undefined ? 'no answer' : `${result.done ? 'done' : 'not done'} ${result.state}@${result.revision}`;
  return `${invokedAt.toFixed(1).padStart(8)}..${answeredAt === Infinity ? '       ?' : answeredAt.toFixed(1).padStart(8)} ${client} on ${node}: ${label} ${id} -> ${answer}${proposal === '' ? '' : ` (${proposal})`}`;
}
