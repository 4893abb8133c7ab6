/**
 * A replica store dressed as a store that numbers its write sets itself, so that the suite of the storage contract runs on it.
 *
 * `elsewhere`: each write set comes as an entry that another node planned. `here`: it is planned first, and its entry comes a
 * turn later, as from the log.
 */
import type { Mutation } from '../../src/storage/mutation.ts';
import type { ReplicaStore } from '../../src/storage/replica-store.ts';
import type { CommitReport, ReadStore } from '../../src/storage/store.ts';
import type { TestedStore } from './store-contract.ts';

export type Planned = 'here' | 'elsewhere';

export function asStore(replica: ReplicaStore, planned: Planned): TestedStore {
  let sequence = replica.sequence;
  let closed = false;
  const entry = (mutations: readonly Mutation[], proposals: readonly string[]): Promise<CommitReport> => {
    const next = sequence + 1;
    const done = replica.apply({ sequence: next, mutations, proposals, bookkeeping: [{ path: 'head', value: new Uint8Array([next & 0xff]) }] });
    // An entry that does not fit takes no number: the suite hands such ones in on purpose.
    sequence = next;
    return done.catch((error: unknown) => {
      if (sequence === next) sequence -= 1;
      throw error;
    });
  };
  const commit = async (mutations: readonly Mutation[]): Promise<CommitReport> => {
    if (planned === 'elsewhere' || closed) return entry(mutations, []);
    const proposal = crypto.randomUUID();
    replica.plan(proposal, mutations);
    await undefined;
    return entry(mutations, [proposal]);
  };
  const reads: ReadStore = replica;
  return {
    fetch: (scope, identifier) => reads.fetch(scope, identifier),
    glance: (scope, identifier) => reads.glance(scope, identifier),
    candidates: (scope, query) => reads.candidates(scope, query),
    scope: (scope) => reads.scope(scope),
    scopes: () => reads.scopes(),
    role: (scope, role) => reads.role(scope, role),
    roles: (scope) => reads.roles(scope),
    credential: (fingerprint) => reads.credential(fingerprint),
    credentials: (scope) => reads.credentials(scope),
    setting: (name) => reads.setting(name),
    get sequence() { return replica.sequence; },
    get nextNoncePrefix() { return replica.nextNoncePrefix; },
    commit,
    pending: () => replica.planned(),
    digest: () => replica.digest(),
    close: async () => {
      // What was handed in becomes entries first.
      await new Promise((resolve) => setImmediate(resolve));
      closed = true;
      await replica.close();
    },
  };
}
