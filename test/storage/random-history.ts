/**
 * Histories for replicas, from a seed: entries of every kind of mutation that fit one another, void ones among them, with
 * bookkeeping as a node keeps it (a head, a tail that is cut).
 */
import { State } from '../../src/kmip/enums.ts';
import type { Mutation } from '../../src/storage/mutation.ts';
import type { ReplicaEntry } from '../../src/storage/replica-store.ts';
import { attributeSet, created, scopePut } from './sample-state.ts';

const scopes = ['default', 'other'];
const tailEntries = 20;

/** Numbers in [0, 1) from a seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export function randomHistory(seed: number, length: number): ReplicaEntry[] {
  const random = randomNumbers(seed);
  const below = (count: number): number => Math.floor(random() * count);
  const living: { scope: string; identifier: string }[] = [];
  let objects = 0;
  let noncePrefix = 0;
  const roles = (): Mutation => {
    const scope = scopes[below(2)]!;
    const role = `role ${below(5)}`;
    return { kind: 'role-put', record: { scope, role, permissions: random() < 0.5 ? ['operation_all'] : [], createdAt: below(100) } };
  };
  const credentials = (): Mutation => {
    const fingerprint = `f${below(20)}`;
    return { kind: 'credential-put', record: { fingerprint, scope: 'default', role: 'role 1', serialNumber: '1', subject: 's', notAfter: 9, createdAt: 1, ...(random() < 0.5 && { revokedAt: below(50) }) } };
  };
  const mutation = (): Mutation => {
    const kind = below(12);
    if (kind === 0) return roles();
    if (kind === 1) return credentials();
    if (kind === 2) return { kind: 'setting-put', name: `setting ${below(5)}`, value: new Uint8Array([below(256)]) };
    if (kind === 3) return { kind: 'nonce-prefix-taken', prefix: noncePrefix++ };
    const index = below(living.length);
    const target = living[index];
    if (kind < 8 || target === undefined) {
      const made = { scope: scopes[below(2)]!, identifier: `u${objects++}` };
      living.push(made);
      return created(made.identifier, { scope: made.scope, ...(random() < 0.7 && { name: `name ${below(12)}` }), ...(random() < 0.3 && { custom: `custom ${below(3)}` }) });
    }
    if (kind === 8) {
      living.splice(index, 1);
      return { kind: 'material-destroyed', scope: target.scope, uniqueIdentifier: target.identifier };
    }
    if (kind === 9) return { kind: 'material-replaced', scope: target.scope, uniqueIdentifier: target.identifier, material: { opaqueDataType: 1, opaqueDataValue: new Uint8Array([below(256)]) } };
    if (kind === 10) return attributeSet(target.identifier, 'State', [State.Active, State.Deactivated, State.Destroyed][below(3)], target.scope);
    return attributeSet(target.identifier, 'Name', random() < 0.3 ? undefined : { nameValue: `name ${below(12)}`, nameType: 1 }, target.scope);
  };
  return Array.from({ length }, (_, index): ReplicaEntry => {
    const sequence = index + 1;
    const mutations = sequence === 1 ? scopes.map((scope) => scopePut(scope)) : random() < 0.1 ? [] : Array.from({ length: 1 + below(5) }, mutation);
    return {
      sequence,
      mutations,
      proposals: [`proposal ${sequence}`],
      bookkeeping: [
        { path: 'head', value: new TextEncoder().encode(String(sequence)) },
        { path: tailPath(sequence), value: new Uint8Array(below(400)).fill(sequence & 0xff) },
        ...(sequence > tailEntries ? [{ path: tailPath(sequence - tailEntries), value: undefined }] : []),
      ],
    };
  });
}

function tailPath(sequence: number): string {
  return `tail/${String(sequence).padStart(8, '0')}`;
}
