/**
 * What a member says of itself: for `kmipd status` and the metrics.
 */
import type { NatsAdapters } from '../../cluster/nats/adapters.ts';
import type { ClusterNode } from '../../cluster/node.ts';
import type { ClusterFacts } from '../metrics/cluster.ts';

/** What `kmipd status` shows: what the metrics show, and names. */
export interface MemberStatus extends ClusterFacts {
  readonly name: string;
  readonly node: string;
  readonly primary: string | undefined;
  readonly nats: ClusterFacts['nats'] & { readonly server: string; readonly version: string };
}

export interface StatusParts {
  readonly name: string;
  readonly node: string;
  readonly permitMs: number;
  readonly waiting: number;
  /** Undefined until the node has joined. */
  readonly protocol: ClusterNode | undefined;
  readonly nats: NatsAdapters | undefined;
  /** Last entry in the store. */
  readonly onDisk: number;
}

export function statusOf({ name, node, permitMs, waiting, protocol, nats, onDisk }: StatusParts): MemberStatus {
  const state = protocol?.state;
  const replicated = state?.replicated;
  const traffic = nats?.traffic ?? { sent: 0, received: 0 };
  return {
    name, node, permitMs, waiting,
    role: protocol?.role ?? 'joining',
    primary: replicated === undefined || replicated.fence.node === '' ? undefined : replicated.fence.node,
    fence: replicated?.fence.counter ?? 0,
    sequence: replicated?.sequence ?? onDisk,
    applied: state?.applied ?? onDisk,
    stable: state?.stable ?? 0,
    logLost: protocol?.logLost ?? 0,
    members: [...(replicated?.roster.keys() ?? [])],
    nats: { connected: nats?.connected ?? false, server: nats?.server.address ?? '', version: nats?.server.version ?? '', ...traffic },
  };
}
