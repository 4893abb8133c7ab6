/**
 * What a mutation does: (the record before, mutation) → the record after. Pure: no clock, no randomness, no I/O.
 *
 * Invariant: the same record and mutation give the same next record on every node (DESIGN §6). A mutation that does not fit
 * the record before it (creating what exists, changing what is not there) was planned wrongly: a bug, so it asserts.
 * The switches are exhaustive: a new kind of mutation does not compile until it is handled here.
 */
import assert from 'node:assert/strict';
import type { AttributeMap, Managed } from '../kmip/managed.ts';
import type { AttributeChange, Mutation } from './mutation.ts';
import { noncesAddress } from './record.ts';
import type { Address, StateRecord } from './record.ts';

/** Mutations of one write set at most: the creation ordinal has 16 bits for the place in it. */
export const writeSetMutationsMax = 0x10000;
/** The last 32-bit prefix (decision 0002). */
export const noncePrefixMax = 0xffffffff;

/** The one record that a mutation reads and writes. */
export function targetOf(mutation: Mutation): Address {
  switch (mutation.kind) {
    case 'managed-created':
      return { kind: 'managed', scope: mutation.managed.scope, identifier: mutation.managed.uniqueIdentifier };
    case 'attributes-changed':
    case 'material-destroyed':
    case 'material-replaced':
      return { kind: 'managed', scope: mutation.scope, identifier: mutation.uniqueIdentifier };
    case 'scope-put':
      return { kind: 'scope', scope: '', identifier: mutation.record.scope };
    case 'role-put':
      return { kind: 'role', scope: mutation.record.scope, identifier: mutation.record.role };
    case 'credential-put':
      return { kind: 'credential', scope: '', identifier: mutation.record.fingerprint };
    case 'setting-put':
      return { kind: 'setting', scope: '', identifier: mutation.name };
    case 'nonce-prefix-taken':
    case 'nonce-prefixes-skipped':
      return noncesAddress;
  }
}

/** The record after the mutation. `ordinal` is the mutation's place in the history: write set × 2^16 + index in it. */
export function apply(before: StateRecord | undefined, mutation: Mutation, ordinal: number): StateRecord {
  switch (mutation.kind) {
    case 'managed-created':
      assert(before === undefined, `managed ${mutation.managed.uniqueIdentifier} exists already`);
      return { kind: 'managed', managed: mutation.managed, ordinal };
    case 'attributes-changed':
      return nextRevision(before, mutation.uniqueIdentifier, (managed) => ({ ...managed, attributes: changeAttributes(managed.attributes, mutation.changes) }));
    case 'material-destroyed':
      return nextRevision(before, mutation.uniqueIdentifier, ({ material: _, ...rest }) => rest);
    case 'material-replaced':
      return nextRevision(before, mutation.uniqueIdentifier, (managed) => ({ ...managed, material: mutation.material }));
    case 'scope-put':
      return { kind: 'scope', record: mutation.record };
    case 'role-put':
      return { kind: 'role', record: mutation.record };
    case 'credential-put':
      return { kind: 'credential', record: mutation.record };
    case 'setting-put':
      return { kind: 'setting', name: mutation.name, value: mutation.value };
    case 'nonce-prefix-taken': {
      const expected = before?.kind === 'nonces' ? before.next : 0;
      assert.equal(mutation.prefix, expected, 'nonce prefixes are taken in order, each once');
      assert(mutation.prefix <= noncePrefixMax, 'nonce prefixes are used up');
      return { kind: 'nonces', next: mutation.prefix + 1 };
    }
    case 'nonce-prefixes-skipped': {
      const { next } = mutation;
      assert(next >= (before?.kind === 'nonces' ? before.next : 0), 'nonce prefixes are skipped forward only');
      assert(next <= noncePrefixMax, 'nonce prefixes are used up');
      return { kind: 'nonces', next };
    }
  }
}

function nextRevision(before: StateRecord | undefined, uniqueIdentifier: string, change: (managed: Managed) => Managed): StateRecord {
  assert(before?.kind === 'managed', `managed ${uniqueIdentifier} is not there to be changed`);
  const { managed, ordinal } = before;
  return { kind: 'managed', managed: { ...change(managed), revision: managed.revision + 1 }, ordinal };
}

function changeAttributes(attributes: AttributeMap, changes: readonly AttributeChange[]): AttributeMap {
  const changed = new Map(attributes);
  for (const { name, instances } of changes) {
    if (instances.length === 0) changed.delete(name);
    else changed.set(name, instances);
  }
  return changed;
}
