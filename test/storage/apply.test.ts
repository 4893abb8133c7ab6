/**
 * apply is a pure function: frozen input, the same answer twice, one record a mutation.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Managed } from '../../src/kmip/managed.ts';
import { apply, targetOf } from '../../src/storage/apply.ts';
import type { Mutation } from '../../src/storage/mutation.ts';
import { addressOf, encodeRecord } from '../../src/storage/record.ts';
import type { StateRecord } from '../../src/storage/record.ts';
import { attributeSet, created, sampleManaged, scopePut } from './sample-state.ts';

function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !(value instanceof Uint8Array)) {
    if (value instanceof Map) value.set = value.delete = () => assert.fail('a map was changed');
    else Object.values(value).forEach(frozen);
    Object.freeze(value);
  }
  return value;
}

const before = (): StateRecord => frozen<StateRecord>({ kind: 'managed', managed: { ...sampleManaged('u1', { name: 'n' }), revision: 4 }, ordinal: 77 });
const material: Managed['material'] = { opaqueDataType: 1, opaqueDataValue: new Uint8Array(2) };

const onManaged: readonly Mutation[] = [
  attributeSet('u1', 'State', 2), attributeSet('u1', 'Name', undefined),
  { kind: 'material-destroyed', scope: 'default', uniqueIdentifier: 'u1' },
  { kind: 'material-replaced', scope: 'default', uniqueIdentifier: 'u1', material },
];
const onNothing: readonly Mutation[] = [
  created('u1'), scopePut('s'), { kind: 'role-put', record: { scope: 's', role: 'r', permissions: [], createdAt: 1 } },
  { kind: 'credential-put', record: { fingerprint: 'f', scope: 's', role: 'r', serialNumber: '1', subject: 'x', notAfter: 1, createdAt: 1 } },
  { kind: 'setting-put', name: 's', value: new Uint8Array(1) }, { kind: 'nonce-prefix-taken', prefix: 0 }, { kind: 'nonce-prefixes-skipped', next: 7 },
];

it('gives the same next record each time and leaves the one before as it was', () => {
  for (const mutation of onManaged) {
    const input = before();
    const first = apply(input, frozen(mutation), 5);
    assert.deepEqual(encodeRecord(first), encodeRecord(apply(before(), mutation, 9)), mutation.kind);
    assert.deepEqual(encodeRecord(input), encodeRecord(before()));
    assert.equal(first.kind === 'managed' && first.managed.revision, 5);
    assert.equal(first.kind === 'managed' && first.ordinal, 77);
  }
});

it('writes the record that it names as its target', () => {
  for (const mutation of onNothing) assert.deepEqual(addressOf(apply(undefined, frozen(mutation), 1)), targetOf(mutation));
  for (const mutation of onManaged) assert.deepEqual(addressOf(apply(before(), mutation, 1)), targetOf(mutation));
});

it('asserts on a mutation that does not fit', () => {
  for (const mutation of onManaged) assert.throws(() => apply(undefined, mutation, 1), /not there/);
  assert.throws(() => apply(before(), created('u1'), 1), /exists already/);
  assert.throws(() => apply({ kind: 'nonces', next: 5 }, { kind: 'nonce-prefix-taken', prefix: 4 }, 1), /each once/);
  assert.throws(() => apply({ kind: 'nonces', next: 2 ** 32 }, { kind: 'nonce-prefix-taken', prefix: 2 ** 32 }, 1), /used up/);
  assert.throws(() => apply({ kind: 'nonces', next: 5 }, { kind: 'nonce-prefixes-skipped', next: 4 }, 1), /forward only/);
  assert.throws(() => apply({ kind: 'nonces', next: 5 }, { kind: 'nonce-prefixes-skipped', next: 2 ** 32 }, 1), /used up/);
});
