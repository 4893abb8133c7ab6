/**
 * What a member says of itself: for `kmipd status` and the metrics.
 */
import type { NatsAdapters } from '../../cluster/nats/adapters.ts';
import type { ClusterNode } from '../../cluster/node.ts';

/** What `kmipd status` and the metrics show. */
export interface MemberStatus {
  readonly name: string;
  readonly node: string;
  readonly role: string;
  readonly primary: string | undefined;
  readonly fence: number;
  /** Last entry of the log known here, on disk here, and stable. */
  readonly sequence: number;
  readonly applied: number;
  readonly stable: number;
  /** Entries that the log lost and this node cannot put back; not 0: nothing changes any more until somebody has looked. */
  readonly logLost: number;
  /** Milliseconds for which this node may still answer reads if it hears nothing more. */
  readonly permitMs: number;
  readonly members: readonly string[];
  readonly waiting: number;
  readonly nats: { readonly connected: boolean; readonly server: string; readonly version: string; readonly sent: number; readonly received: number };
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
