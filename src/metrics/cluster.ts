/**
 * Metrics of a member of a cluster: role, how far its history goes, its permit, and what it says to NATS.
 */
import { Counter, Gauge } from 'prom-client';
import type { Registry } from 'prom-client';

/** What a member knows of its cluster; read at each scrape. */
export interface ClusterFacts {
  readonly role: string;
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
  readonly nats: { readonly connected: boolean; readonly sent: number; readonly received: number };
}

const roles = ['joining', 'follower', 'opening', 'primary', 'rebuilding'] as const;
const millisecondsPerSecond = 1000;

export function registerCluster(registry: Registry, facts: () => ClusterFacts): void {
  const registers = [registry];
  const gauge = (name: string, help: string, read: (facts: ClusterFacts) => number): void => {
    new Gauge({ name, help, registers, collect() { this.set(read(facts())); } });
  };
  new Gauge({
    name: 'kmipd_cluster_role', help: 'The role of this node: 1 for the one it has.', labelNames: ['role'], registers,
    collect() {
      const { role } = facts();
      for (const each of roles) this.set({ role: each }, each === role ? 1 : 0);
    },
  });
  gauge('kmipd_cluster_fence', 'Counter of the newest tenure in this node\'s history.', ({ fence }) => fence);
  gauge('kmipd_cluster_log_sequence', 'Last entry of the log that this node has taken.', ({ sequence }) => sequence);
  gauge('kmipd_cluster_applied_sequence', 'Last entry that is on this node\'s disk.', ({ applied }) => applied);
  gauge('kmipd_cluster_stable_sequence', 'Last entry that every node with a permit has applied, as far as this node knows.', ({ stable }) => stable);
  gauge('kmipd_cluster_log_lost_entries', 'Entries that the log lost and this node cannot put back; not 0: nothing changes until somebody has looked.', ({ logLost }) => logLost);
  gauge('kmipd_cluster_permit_seconds', 'How long this node may still answer reads if it hears nothing more; 0 without a permit.', ({ permitMs }) => permitMs / millisecondsPerSecond);
  gauge('kmipd_cluster_members', 'Members of the cluster.', ({ members }) => members.length);
  gauge('kmipd_cluster_proposals_waiting', 'Changes of this node\'s clients that the primary has not answered yet.', ({ waiting }) => waiting);
  gauge('kmipd_cluster_nats_connected', '1 while this node is connected to NATS.', ({ nats }) => (nats.connected ? 1 : 0));
  new Counter({
    name: 'kmipd_cluster_nats_messages_total', help: 'NATS messages of this node since it joined.', labelNames: ['direction'], registers,
    collect() {
      const { nats } = facts();
      this.reset();
      this.inc({ direction: 'sent' }, nats.sent);
      this.inc({ direction: 'received' }, nats.received);
    },
  });
}
