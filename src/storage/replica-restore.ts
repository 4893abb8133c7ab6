/**
 * A replica's store from another replica's snapshot.
 *
 * Invariant: what it holds, bookkeeping included, is what the other held at the snapshot's sequence, so the node goes on from there.
 */
import { Fault } from '../fault.ts';
import type { LevelStoreOptions } from './level-source.ts';
import { buildStore } from './store-building.ts';

/** Makes the store in a folder that is not there yet (or empty). On a Fault there is none. */
export async function restoreReplica(options: LevelStoreOptions, content: AsyncIterable<Uint8Array>): Promise<void> {
  await buildStore(options, content, {
    kind: 'replica',
    check: ({ kind }) => {
      if (kind !== 'replica') throw new Fault('E_STORE_KIND', 'The store content is of a server on its own, not of a node of a cluster.');
    },
  });
}
