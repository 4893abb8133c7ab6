/**
 * A write set worked out against a view, before anything of it is anywhere: which records change, from what to what.
 *
 * Invariant: staging changes nothing, so a write set whose mutations do not fit (a bug: apply asserts) leaves no trace.
 */
import assert from 'node:assert/strict';
import { apply, targetOf, writeSetMutationsMax } from './apply.ts';
import type { Mutation } from './mutation.ts';
import { addressText } from './record.ts';
import type { Address, StateRecord } from './record.ts';
import type { RecordSource } from './record-source.ts';

export interface RecordChange {
  readonly address: Address;
  readonly before: StateRecord | undefined;
  readonly after: StateRecord;
}

/** One change a record, in the order in which the records are first touched. `sequence` is the number of the write set. */
export function staged(view: RecordSource, mutations: readonly Mutation[], sequence: number): readonly RecordChange[] {
  assert(mutations.length <= writeSetMutationsMax, `a write set has at most ${writeSetMutationsMax} mutations`);
  const changes = new Map<string, RecordChange>();
  mutations.forEach((mutation, index) => {
    const address = targetOf(mutation);
    const text = addressText(address);
    const earlier = changes.get(text);
    const before = earlier === undefined ? view.record(address) : earlier.after;
    if (address.scope !== '' && before === undefined) {
      const owner: Address = { kind: 'scope', scope: '', identifier: address.scope };
      assert(changes.has(addressText(owner)) || view.has(owner), `scope ${address.scope} is not there`);
    }
    const after = apply(before, mutation, sequence * writeSetMutationsMax + index);
    changes.set(text, { address, before: earlier === undefined ? before : earlier.before, after });
  });
  return [...changes.values()];
}

/** The changes of write sets in their order, as one: from what each record was before all to what it is after all. */
export function joined(writeSets: readonly { readonly changes: readonly RecordChange[] }[]): readonly RecordChange[] {
  const [first] = writeSets;
  if (writeSets.length === 1 && first !== undefined) return first.changes;
  const changes = new Map<string, RecordChange>();
  for (const writeSet of writeSets) {
    for (const change of writeSet.changes) {
      const text = addressText(change.address);
      const earlier = changes.get(text);
      changes.set(text, earlier === undefined ? change : { ...change, before: earlier.before });
    }
  }
  return [...changes.values()];
}
