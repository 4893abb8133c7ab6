/**
 * Is there an order of the calls on one object that respects real time and explains every answer? (Wing & Gong 1993, with the
 * memo of Lowe 2017: a set of calls done together with the state they lead to is looked at once.)
 *
 * Calls without an answer may be placed anywhere after they began, or nowhere.
 */
import { decide } from '../sim/state-machine.ts';
import type { SimObject } from '../sim/state-machine.ts';
import type { Call } from './history.ts';

type ModelState = Pick<SimObject, 'state' | 'revision' | 'left'> | undefined;

/** Configurations looked at before giving up: a history that needs more is too large for its run, and the caller is told. */
const configurationsMax = 2_000_000;

export type Verdict = { readonly linearizable: true } | { readonly linearizable: false; readonly furthest: readonly Call[]; readonly stuck: readonly Call[] };

export function checkObject(calls: readonly Call[]): Verdict {
  const ordered = calls.filter((call) => call.kind === 'command' || call.result !== undefined).sort((left, right) => left.invokedAt - right.invokedAt);
  const answered = ordered.filter(({ result }) => result !== undefined).length;
  const seen = new Set<string>();
  const done = new Uint8Array(ordered.length);
  const order: number[] = [];
  let furthest: { readonly order: readonly number[]; readonly stuck: readonly number[] } = { order: [], stuck: [] };
  let configurations = 0;
  let firstOpen = 0;

  const search = (state: ModelState, answeredDone: number): boolean => {
    if (answeredDone === answered) return true;
    configurations += 1;
    if (configurations > configurationsMax) throw new Error(`a history of ${ordered.length} calls is too large to check`);
    while (done[firstOpen] === 1) firstOpen += 1;
    const begin = firstOpen;
    const key = `${begin}:${openSet(begin)}:${state === undefined ? '' : `${state.state},${state.revision},${state.left}`}`;
    if (seen.has(key)) return false;
    seen.add(key);
    // A call may come next unless another open one was answered before it began.
    let earliestAnswer = Infinity;
    for (let index = begin; index < ordered.length && ordered[index]!.invokedAt <= earliestAnswer; index += 1) {
      if (done[index] === 0) earliestAnswer = Math.min(earliestAnswer, ordered[index]!.answeredAt);
    }
    const stuck: number[] = [];
    for (let index = begin; index < ordered.length && ordered[index]!.invokedAt <= earliestAnswer; index += 1) {
      if (done[index] === 1) continue;
      const call = ordered[index]!;
      const next = explain(state, call);
      if (next === 'contradiction') {
        stuck.push(index);
        continue;
      }
      done[index] = 1;
      order.push(index);
      if (search(next.state, answeredDone + (call.result === undefined ? 0 : 1))) return true;
      order.pop();
      done[index] = 0;
      firstOpen = Math.min(firstOpen, begin);
    }
    if (order.length >= furthest.order.length) furthest = { order: [...order], stuck };
    return false;
  };

  const openSet = (begin: number): string => {
    let text = '';
    for (let index = begin; index < ordered.length; index += 1) if (done[index] === 1) text += `${index - begin},`;
    return text;
  };

  if (search(undefined, 0)) return { linearizable: true };
  return { linearizable: false, furthest: furthest.order.map((index) => ordered[index]!), stuck: furthest.stuck.map((index) => ordered[index]!) };
}

function explain(state: ModelState, { command, result }: Call): { readonly state: ModelState } | 'contradiction' {
  if (command === undefined) {
    return result!.state === (state?.state ?? 'absent') && result!.revision === (state?.revision ?? 0) ? { state } : 'contradiction';
  }
  const expected = decide(state, command);
  if (result !== undefined) {
    const same = result.done === expected.result.done && result.state === expected.result.state && result.revision === expected.result.revision && result.units === expected.result.units;
    if (!same) return 'contradiction';
  }
  // Without an answer and without effect here: leaving it out explains the same, and halves the search.
  if (result === undefined && expected.after === undefined) return 'contradiction';
  return { state: expected.after ?? state };
}
