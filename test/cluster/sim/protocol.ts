/**
 * What a simulated node runs: the protocol's own modules, or a copy of them with one line changed (mutants.ts).
 */
import * as entry from '../../../cluster/entry.ts';
import { ClusterNode } from '../../../cluster/node.ts';
import * as replicated from '../../../cluster/replicated.ts';

export interface Protocol {
  readonly ClusterNode: typeof ClusterNode;
  readonly entry: Pick<typeof entry, 'open'>;
  readonly replicated: Pick<typeof replicated, 'advance' | 'counts' | 'copyReplicated' | 'emptyReplicated'>;
  /** Absent but in a mutant: the log does not compare anything before it appends. */
  readonly unfencedLog?: boolean;
}

export const trueProtocol: Protocol = { ClusterNode, entry, replicated };
