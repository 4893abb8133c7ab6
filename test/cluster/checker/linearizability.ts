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
  /**
   * The state after the call, if it took place in this one and was answered as it was; the same one where it changed nothing. An answered call that changes
   * nothing may in no state that explains its answer change anything: such calls are placed as soon as they can be.
   */
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

/** A set of calls that are done, and what may come next. */
interface Configuration<State> {
  /** All calls before it are done. */
  readonly begin: number;
  readonly answeredDone: number;
  readonly choices: readonly { readonly index: number; readonly next: State }[];
  /** The one choice is as good as any other there would be. */
  readonly isForced: boolean;
  /** Calls that may come next and contradict the state. */
  readonly stuck: readonly number[];
  tried: number;
}

/** The calls on one object, those without effect and answer left out. Depth first, on a stack of its own: an order is as deep as the history is long. */
export function checkCalls<State, Placed extends Pick<Call, 'invokedAt' | 'answeredAt'>>(calls: readonly Placed[], model: Model<State, Placed>): Verdict<Placed> {
  const ordered = [...calls].sort((left, right) => left.invokedAt - right.invokedAt);
  const answered = ordered.filter((call) => model.isAnswered(call)).length;
  const seen = new Set<string>();
  const done = new Uint8Array(ordered.length);
  const order: number[] = [];
  let furthest: { readonly order: readonly number[]; readonly stuck: readonly number[] } = { order: [], stuck: [] };
  let configurations = 0;
  let firstOpen = 0;

  /** Undefined where it was looked at before. */
  const enter = (state: State, answeredDone: number): Configuration<State> | undefined => {
    configurations += 1;
    if (configurations > configurationsMax) throw new Error(`a history of ${ordered.length} calls is too large to check`);
    while (done[firstOpen] === 1) firstOpen += 1;
    const begin = firstOpen;
    // A call may come next unless another open one was answered before it began.
    let earliestAnswer = Infinity;
    let end = begin;
    for (; end < ordered.length && ordered[end]!.invokedAt <= earliestAnswer; end += 1) {
      if (done[end] === 0) earliestAnswer = Math.min(earliestAnswer, ordered[end]!.answeredAt);
    }
    const key = `${begin}:${doneSet(begin, end)}:${model.text(state)}`;
    if (seen.has(key)) return undefined;
    seen.add(key);
    const stuck: number[] = [];
    const choices: { readonly index: number; readonly next: State }[] = [];
    for (let index = begin; index < end; index += 1) {
      if (done[index] === 1) continue;
      const call = ordered[index]!;
      const next = model.explain(state, call);
      if (next === 'contradiction') {
        stuck.push(index);
        continue;
      }
      // What may come next and changes nothing comes next: whatever follows it could follow without it as well.
      if (next.state === state && model.isAnswered(call)) return { begin, answeredDone, choices: [{ index, next: state }], isForced: true, stuck, tried: 0 };
      choices.push({ index, next: next.state });
    }
    return { begin, answeredDone, choices, isForced: false, stuck, tried: 0 };
  };

  /** What is done lies before `end`: it might have come next when more calls were open than now. */
  const doneSet = (begin: number, end: number): string => {
    let text = '';
    for (let index = begin; index < end; index += 1) if (done[index] === 1) text += `${index - begin},`;
    return text;
  };

  if (answered === 0) return { linearizable: true };
  const stack = [enter(model.initial, 0)!];
  while (stack.length > 0) {
    const current = stack.at(-1)!;
    const choice = current.choices[current.tried];
    if (choice !== undefined) {
      current.tried += 1;
      done[choice.index] = 1;
      order.push(choice.index);
      const answeredDone = current.answeredDone + (model.isAnswered(ordered[choice.index]!) ? 1 : 0);
      if (answeredDone === answered) return { linearizable: true };
      const next = enter(choice.next, answeredDone);
      if (next !== undefined) {
        stack.push(next);
        continue;
      }
    } else {
      if (!current.isForced && order.length >= furthest.order.length) furthest = { order: [...order], stuck: current.stuck };
      stack.pop();
    }
    // Back to the configuration that is now the last.
    const undone = order.pop();
    if (undone !== undefined) done[undone] = 0;
    firstOpen = Math.min(firstOpen, stack.at(-1)?.begin ?? 0);
  }
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
