/**
 * All of NATS that a node uses, opened and closed as one: the log, the tenure, the peers, the snapshots.
 *
 * Invariant: events reach the one listener one at a time and in the order in which they came about, never from within a
 * call of a port. After `close` there are none. The store and the host's ports are not NATS: the wiring brings them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { ClusterEvent, Ports } from '../ports.ts';
import { EventQueue } from './event-queue.ts';
import { Link } from './link.ts';
import type { LinkListener } from './link.ts';
import { NatsLog } from './log.ts';
import { checkOptions, defaultNatsLimits } from './options.ts';
import type { NatsOptions } from './options.ts';
import { NatsPeers } from './peers.ts';
import { Sealer } from './sealing.ts';
import { NatsSnapshots } from './snapshots.ts';
import { openStreams } from './streams.ts';
import { NatsTenure } from './tenure.ts';

const lastWordsMs = 500;

export interface NatsAdapters extends Pick<Ports, 'log' | 'tenure' | 'peers'> {
  readonly log: NatsLog;
  readonly peers: NatsPeers;
  readonly snapshots: NatsSnapshots;
  readonly connected: boolean;
  /** The server connected to, and its version. */
  readonly server: { readonly address: string; readonly version: string };
  /** NATS messages since the start, to show what an operation costs. */
  readonly traffic: { readonly sent: number; readonly received: number };
  close(): Promise<void>;
}

/** Opens them as soon as NATS and JetStream are there, however long that takes; the signal ends the waiting. */
export async function openNats(options: NatsOptions, emit: (event: ClusterEvent) => void, listener: LinkListener, signal: AbortSignal = new AbortController().signal): Promise<NatsAdapters> {
  checkOptions(options);
  const { key, cluster, node } = options;
  const sealers = { log: new Sealer(key, cluster, 'log'), tenure: new Sealer(key, cluster, 'tenure'), peer: new Sealer(key, cluster, 'peer'), snapshot: new Sealer(key, cluster, 'snapshot') };
  const link = await Link.open(options, { ...defaultNatsLimits, ...options.limits }, listener, signal);
  try {
    const streams = await openStreams(link, options, signal);
    const queue = new EventQueue(emit);
    const log = new NatsLog(link, streams, sealers.log, queue.put);
    const tenure = new NatsTenure(link, streams, sealers.tenure, node, queue.put);
    const peers = new NatsPeers(link, streams.names, sealers.peer, node, queue.put);
    // The server knows of the subscriptions before anybody is told that this node is there. A server lost just now learns of them anew.
    await link.nats.flush().catch(() => undefined);
    return {
      log, tenure, peers,
      snapshots: new NatsSnapshots(link, streams, sealers.snapshot, node),
      get connected() { return link.connected; },
      get server() { return { address: link.nats.getServer(), version: link.nats.info?.version ?? '' }; },
      get traffic() {
        const { outMsgs, inMsgs } = link.nats.stats();
        return { sent: outMsgs, received: inMsgs };
      },
      /** What was said last leaves, if NATS is there. */
      async close() {
        queue.close();
        if (link.connected) await Promise.race([link.nats.flush().catch(() => undefined), sleep(lastWordsMs, undefined, { ref: false })]);
        await link.close();
      },
    };
  } catch (error) {
    await link.close();
    throw error;
  }
}
