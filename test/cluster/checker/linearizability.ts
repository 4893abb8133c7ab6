/**
 * Is there an order of the calls on one object that respects real time and explains every answer? (Wing & Gong 1993, with the
 * memo of Lowe 2017: a set of calls done together with the state they lead to is looked at once.)
 *
 * Calls without an answer may be placed anywhere after they began, or nowhere. What the calls mean is a model's business: the
 * simulator's objects here, keys of real servers in `../real/key-model.ts`.
 */
import { decide } from '../sim/state-machine.ts';
import type { SimObject } from '../sim/state-machine.ts';
import type { Call } from './history.ts';

type ModelState = Pick<SimObject, 'state' | 'revision' | 'left'> | undefined;

/** Configurations looked at before giving up: a history that needs more is too large for its run, and the caller is told. */
const configurationsMax = 2_000_000;

export type Verdict<Placed = Call> = { readonly linearizable: true } | { readonly linearizable: false; readonly furthest: readonly Placed[]; readonly stuck: readonly Placed[] };

export interface Model<State, Placed> {
  readonly initial: State;
  /** Whether the answer is known; what has none may also be left out. */
  isAnswered(call: Placed): boolean;
  /** The state after the call, if it took place in this one and was answered as it was. */
  explain(state: State, call: Placed): { readonly state: State } | 'contradiction';
  /** Equal for equal states. */
  text(state: State): string;
}

const simulated: Model<ModelState, Call> = {
  initial: undefined,
  isAnswered: ({ result }) => result !== undefined,
  explain,
  text: (state) => (state === undefined ? '' : `${state.state},${state.revision},${state.left}`),
};

export function checkObject(calls: readonly Call[]): Verdict {
  return checkCalls(calls.filter((call) => call.kind === 'command' || call.result !== undefined), simulated);
}

/** The calls on one object, those without effect and answer left out. */
export function checkCalls<State, Placed extends Pick<Call, 'invokedAt' | 'answeredAt'>>(calls: readonly Placed[], model: Model<State, Placed>): Verdict<Placed> {
  const ordered = [...calls].sort((left, right) => left.invokedAt - right.invokedAt);
  const answered = ordered.filter((call) => model.isAnswered(call)).length;
  const seen = new Set<string>();
  const done = new Uint8Array(ordered.length);
  const order: number[] = [];
  let furthest: { readonly order: readonly number[]; readonly stuck: readonly number[] } = { order: [], stuck: [] };
  let configurations = 0;
  let firstOpen = 0;

  const search = (state: State, answeredDone: number): boolean => {
    if (answeredDone === answered) return true;
    configurations += 1;
    if (configurations > configurationsMax) throw new Error(`a history of ${ordered.length} calls is too large to check`);
    while (done[firstOpen] === 1) firstOpen += 1;
    const begin = firstOpen;
    const key = `${begin}:${openSet(begin)}:${model.text(state)}`;
    if (seen.has(key)) return false;
    seen.add(key);
    // A call may come next unless another open one was answered before it began.
    let earliestAnswer = Infinity;
    for (let index = begin; index < ordered.length && ordered[index]!.invokedAt <= earliestAnswer; index += 1) {
      if (done[index] === 0) earliestAnswer = Math.min(earliestAnswer, ordered[index]!.answeredAt);
    }
    const place = (index: number, next: State): boolean => {
      done[index] = 1;
      order.push(index);
      if (search(next, answeredDone + (model.isAnswered(ordered[index]!) ? 1 : 0))) return true;
      order.pop();
      done[index] = 0;
      firstOpen = Math.min(firstOpen, begin);
      return false;
    };
    const stuck: number[] = [];
    const changes: { readonly index: number; readonly next: State }[] = [];
    for (let index = begin; index < ordered.length && ordered[index]!.invokedAt <= earliestAnswer; index += 1) {
      if (done[index] === 1) continue;
      const call = ordered[index]!;
      const next = model.explain(state, call);
      if (next === 'contradiction') {
        stuck.push(index);
        continue;
      }
      // What may come next and changes nothing comes next: whatever follows it could follow without it as well.
      if (next.state === state && model.isAnswered(call)) return place(index, state);
      changes.push({ index, next: next.state });
    }
    for (const { index, next } of changes) if (place(index, next)) return true;
    if (order.length >= furthest.order.length) furthest = { order: [...order], stuck };
    return false;
  };

  const openSet = (begin: number): string => {
    let text = '';
    for (let index = begin; index < ordered.length; index += 1) if (done[index] === 1) text += `${index - begin},`;
    return text;
  };

  if (search(model.initial, 0)) return { linearizable: true };
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
