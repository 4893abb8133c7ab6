/**
 * What a key's calls mean, for the linearizability checker, and what the last looks at it have to show.
 *
 *     absent ─create─> pre-active ─activate─> active ─revoke─> deactivated ─destroy─> destroyed       (KMIP 1.4 §3.22)
 *                          └──────────────revoke─────────────────^    └─ also from pre-active
 *
 * States only ever go forward, so an acknowledged write is lost exactly if a later look shows a state before the one it led to.
 */
import { checkCalls } from '../checker/linearizability.ts';
import type { Model } from '../checker/linearizability.ts';
import type { Key, KeyCall, KeyState, Write } from './key-history.ts';

interface Rule {
  readonly from: readonly KeyState[];
  readonly to: KeyState;
}

const writes: Readonly<Record<Write, Rule>> = {
  create: { from: ['absent'], to: 'pre-active' },
  activate: { from: ['pre-active'], to: 'active' },
  // Revoking again succeeds: a client that lost the first answer asks twice.
  revoke: { from: ['pre-active', 'active', 'deactivated'], to: 'deactivated' },
  destroy: { from: ['pre-active', 'deactivated'], to: 'destroyed' },
};

const uses: Readonly<Record<'encrypt' | 'decrypt', readonly KeyState[]>> = {
  encrypt: ['active'],
  decrypt: ['active', 'deactivated'],
};

/** Locate finds what is in on-line storage: not what is destroyed. */
const located: readonly KeyState[] = ['pre-active', 'active', 'deactivated'];

const order: readonly KeyState[] = ['absent', 'pre-active', 'active', 'deactivated', 'destroyed'];

function explain(state: KeyState, call: KeyCall): { readonly state: KeyState } | 'contradiction' {
  const { verb, outcome } = call;
  switch (verb) {
    case 'state':
      return call.saw === state ? { state } : 'contradiction';
    case 'locate':
      return call.found === located.includes(state) ? { state } : 'contradiction';
    case 'encrypt':
    case 'decrypt':
      return (outcome === 'done') === uses[verb].includes(state) ? { state } : 'contradiction';
    default: {
      const { from, to } = writes[verb];
      const takesPlace = from.includes(state);
      if (outcome === 'refused') return takesPlace ? 'contradiction' : { state };
      if (!takesPlace) return 'contradiction';
      // Without an answer and without effect, leaving it out explains the same.
      if (outcome === 'unknown' && to === state) return 'contradiction';
      return { state: to };
    }
  }
}

const model: Model<KeyState, KeyCall> = { initial: 'absent', isAnswered: ({ outcome }) => outcome !== 'unknown', explain, text: (state) => state };

const isWrite = ({ verb }: KeyCall): boolean => Object.hasOwn(writes, verb);

/** Undefined when the history is linearizable, else the history with the calls marked that cannot be placed. */
export function contradictionOf(key: Key): string | undefined {
  const calls = key.calls.filter((call) => isWrite(call) || call.outcome !== 'unknown');
  const verdict = checkCalls(calls, model);
  if (verdict.linearizable) return undefined;
  const from = Math.min(...calls.map(({ invokedAt }) => invokedAt));
  const lines = [...calls].sort((left, right) => left.invokedAt - right.invokedAt).map((call) => {
    const mark = verdict.stuck.includes(call) ? '!' : verdict.furthest.includes(call) ? '.' : ' ';
    const answered = call.answeredAt === Infinity ? '?' : (call.answeredAt - from).toFixed(1);
    const seen = call.saw ?? (call.found === undefined ? '' : call.found ? 'found' : 'not found');
    return `  ${mark} ${(call.invokedAt - from).toFixed(1).padStart(9)}..${answered.padStart(9)} ${call.by}: ${call.verb} ${call.outcome} ${seen}${call.trouble === undefined ? '' : ` (${call.trouble})`}`;
  });
  return `the history of ${key.name} is not linearizable:\n${lines.join('\n')}`;
}

/** The acknowledged writes of a key that a look at `state`, begun after them, does not show. */
export function lostWrites(key: Key, state: KeyState, lookedAt: number): readonly string[] {
  return key.calls
    .filter((call) => isWrite(call) && call.outcome === 'done' && call.answeredAt < lookedAt && order.indexOf(state) < order.indexOf(writes[call.verb as Write].to))
    .map((call) => `${call.verb} of ${key.name}, acknowledged to ${call.by}, is lost: the key is ${state}`);
}
