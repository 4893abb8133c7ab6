/**
 * The streams and buckets of a cluster in JetStream: their names, their settings, and making them if they are not there.
 *
 *   KMIPD-<cluster>-LOG            stream, subject kmipd.<cluster>.log      pushed again on kmipd.<cluster>.pushed once stored
 *   KV_kmipd-<cluster>-tenure      bucket, the one key `primary`            history 1, records expire
 *   OBJ_kmipd-<cluster>-snapshots  object store
 *   kmipd.<cluster>.to.<node>, kmipd.<cluster>.all                          peer messages, core NATS, not kept
 *
 * Invariant: the log never drops an entry by itself (no age, no size, no interest); it is purged behind snapshots only. All
 * reads go to a stream's leader (no direct reads): a replica that lags would show a log that is shorter than it is.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { JetStreamApiError, jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { JetStreamClient, JetStreamManager, StreamConfig } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { Objm, StorageType } from '@nats-io/obj';
import type { ObjectStore } from '@nats-io/obj';
import { nanos } from '@nats-io/transport-node';
import { Fault } from '../../src/fault.ts';
import type { Link } from './link.ts';
import { reasonOf } from './link.ts';
import type { NatsOptions } from './options.ts';

export function namesOf(cluster: string) {
  const bucket = `kmipd-${cluster}-tenure`;
  return {
    logStream: `KMIPD-${cluster}-LOG`,
    logSubject: `kmipd.${cluster}.log`,
    pushedSubject: `kmipd.${cluster}.pushed`,
    tenureBucket: bucket,
    tenureStream: `KV_${bucket}`,
    tenureSubject: `$KV.${bucket}.primary`,
    snapshotStore: `kmipd-${cluster}-snapshots`,
    peerSubject: (node: string) => `kmipd.${cluster}.to.${node}`,
    allSubject: `kmipd.${cluster}.all`,
  } as const;
}
export type Names = ReturnType<typeof namesOf>;

/** Message ids are remembered for this long; what makes an append happen once is the expected sequence, not this. */
const duplicateWindowMs = 10_000;
/** Error codes of JetStream (server/errors.json). */
export const wrongLastSequence = 10071;
export const wrongLastMessageId = 10070;
const streamNameInUse = 10058;

export interface Streams {
  readonly names: Names;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly snapshots: ObjectStore;
  readonly replicas: number;
}

/** Opens or makes all of them. Tries again while JetStream has no leader yet, until the signal is aborted. */
export async function openStreams(link: Link, options: NatsOptions, signal: AbortSignal): Promise<Streams> {
  const names = namesOf(options.cluster);
  for (;;) {
    signal.throwIfAborted();
    try {
      const settings = { timeout: link.limits.requestMs, checkAPI: false };
      const client = jetstream(link.nats, settings);
      const manager = await jetstreamManager(link.nats, settings);
      await ensureStream(manager, logConfig(names, options.replicas));
      // The client's own buckets, so that `nats kv` and `nats object` show them; the tenure is written by stricter means than theirs.
      await new Kvm(client).create(names.tenureBucket, { history: 1, ttl: options.tenureRecordMs, replicas: options.replicas, storage: StorageType.File, allow_direct: false });
      await ensureStream(manager, { ...(await manager.streams.info(names.tenureStream)).config, max_age: nanos(options.tenureRecordMs), num_replicas: options.replicas, duplicate_window: nanos(Math.min(options.tenureRecordMs, duplicateWindowMs)) });
      const snapshots = await new Objm(client).create(names.snapshotStore, { replicas: options.replicas, storage: StorageType.File });
      link.recovered();
      return { names, client, manager, snapshots, replicas: options.replicas };
    } catch (cause) {
      signal.throwIfAborted();
      if (cause instanceof Fault && !cause.retryable) throw cause;
      link.tell('E_NATS_STREAMS', `The streams of cluster ${options.cluster} cannot be opened: ${reasonOf(cause)}.`, cause);
      await sleep(link.limits.reconnectMs * 2, undefined, { signal }).catch(() => undefined);
    }
  }
}

function logConfig(names: Names, replicas: number): Partial<StreamConfig> & { name: string } {
  return {
    name: names.logStream,
    subjects: [names.logSubject],
    retention: 'limits',
    storage: StorageType.File,
    discard: 'new',
    max_age: 0,
    max_msgs: -1,
    max_bytes: -1,
    num_replicas: replicas,
    duplicate_window: nanos(duplicateWindowMs),
    allow_direct: false,
    deny_delete: true,
    allow_rollup_hdrs: false,
    republish: { src: names.logSubject, dest: names.pushedSubject },
  };
}

/** Makes the stream, or brings copies and ages of the one that is there to what is wanted. Copies are added, never taken away. */
async function ensureStream(manager: JetStreamManager, config: Partial<StreamConfig> & { name: string }): Promise<void> {
  const { name } = config;
  let present: StreamConfig;
  try {
    present = (await manager.streams.info(name)).config;
  } catch (error) {
    if (!(error instanceof JetStreamApiError) || error.status !== 404) throw error;
    try {
      await manager.streams.add(config);
    } catch (refused) {
      // Another node was faster, with other settings: what is there is looked at in the next attempt.
      if (!(refused instanceof JetStreamApiError) || refused.code !== streamNameInUse) throw refused;
      throw new Fault('E_NATS_STREAMS', `Stream ${name} has just been made by another node.`, { retryable: true });
    }
    return;
  }
  const limited = (present.max_msgs ?? -1) > 0 || (present.max_bytes ?? -1) > 0 || ((present.max_age ?? 0) > 0 && config.max_age === 0);
  if (limited || (config.subjects !== undefined && present.subjects.join() !== config.subjects.join())) {
    throw new Fault('E_NATS_STREAM_FOREIGN', `Stream ${name} is not set up as a log of kmipd: it has a limit or other subjects. Remove it or name the cluster otherwise.`);
  }
  const replicas = Math.max(present.num_replicas, config.num_replicas ?? 1);
  const republishes = JSON.stringify(present.republish?.dest) === JSON.stringify(config.republish?.dest);
  if (replicas !== present.num_replicas || present.max_age !== config.max_age || !republishes) {
    await manager.streams.update(name, { ...config, num_replicas: replicas });
  }
}
