/**
 * The entry of a worker thread: puts together what one worker owns and serves until it is told to drain.
 *
 * A worker owns its listener, its connections, a WebAssembly instance, a read handle of the store and a nonce prefix.
 * Invariant: it listens only when all that is ready and warm; an error nobody caught ends the thread, and the pool
 * starts another: state that may be wrong is never served from.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { systemClock } from '../clock.ts';
import { createLog } from '../log.ts';
import { Recorder } from '../metrics/recorder.ts';
import { openReader } from '../storage/level-store.ts';
import { Census } from './census.ts';
import { ClusterViewReader } from './cluster-view.ts';
import { CoherenceFollower } from './coherence.ts';
import { createEngine, createFastPath } from './engine-parts.ts';
import { KeySlots } from './key-slots.ts';
import { KnownCallers } from './known-callers.ts';
import { Listener } from './listener.ts';
import { MessageService } from './message-service.ts';
import { ObjectCache } from './object-cache.ts';
import { PrimaryLink } from './primary-link.ts';
import { rehearse } from './rehearsal.ts';
import type { RehearsalPlace } from './rehearsal.ts';
import { warmUp, warmUpReading } from './warm-up.ts';
import type { FromWorker, ToWorker, WorkerStart } from './worker-protocol.ts';

/** KMIPD_FAST_PATH=off has the engine answer everything, for comparisons. */
const fastPathIsOn = process.env['KMIPD_FAST_PATH'] !== 'off';

async function serve(start: WorkerStart, post: (message: FromWorker, transfer?: ArrayBuffer[]) => void, receive: (take: (message: ToWorker) => void) => void): Promise<void> {
  const clock = systemClock;
  const log = createLog(start.logLevel, { worker: start.worker });
  const recorder = new Recorder(start.slab);
  const reader = await openReader(start.store);
  const view = start.clusterView && new ClusterViewReader(start.clusterView, clock);
  const cache = new ObjectCache(reader, start.limits.cachedObjects, recorder, view);
  const { engine, ciphers, instance, nonces } = createEngine({ ...start, store: cache, clock, log });
  const fastPath = fastPathIsOn ? createFastPath(instance, nonces, start.limits.keySlots, start.crossovers) : undefined;
  const slots = fastPath && new KeySlots({ fastPath, clock, counts: recorder, marks: view, fetch: (scope, identifier) => reader.fetch(scope, identifier) });
  const callers = new KnownCallers(reader, () => Math.floor(clock.now() / 1000));
  const primary = new PrimaryLink(post);
  const follower = new CoherenceFollower(start.coherence, {
    drop: (high, low) => {
      cache.drop(high, low);
      slots?.drop(high, low);
    },
    dropAll: () => {
      cache.dropAll();
      slots?.dropAll();
    },
    identityChanged: () => {
      callers.forget();
      listener.recheck();
    },
  });
  const cluster = view && { view, consistency: start.consistency ?? 'linearizable', limits: start.limits };
  const service = new MessageService({ engine, slots, primary, follower, cache, cluster, recorder, clock, log, messageBytesMax: start.limits.messageBytes });
  const listener: Listener = new Listener({
    tls: start.tls,
    identifier: callers,
    service, recorder, clock, log,
    limits: start.limits,
    census: new Census(start.census),
    worker: start.worker,
  });

  let rehearsed = (): void => undefined;
  receive((message) => {
    switch (message.kind) {
      case 'rehearsed':
        rehearsed();
        break;
      case 'planned':
        primary.receive(message);
        break;
      case 'identity':
        service.refresh();
        break;
      case 'ticket-secret':
        listener.ticketSecret(message.secret);
        break;
      case 'drain':
        void listener.drain().then(() => post({ kind: 'drained' }));
        break;
      case 'close':
        cache.dropAll();
        slots?.dropAll();
        void reader.close().finally(() => process.exit(0));
        break;
    }
  });
  await warmUp(engine, ciphers, clock, fastPath);
  const played = (place: RehearsalPlace): Promise<void> => new Promise((resolve) => {
    rehearsed = resolve;
    post({ kind: 'rehearsing', place });
  });
  await rehearse({ ...start, inCluster: view !== undefined, clock }, played).catch((error: unknown) => log.warn({ error }, 'The rehearsal failed: the first clients will find the server slower.'));
  await warmUpReading(reader, clock, (certificate) => callers.identify(certificate));
  const port = await listener.listen(start.host, start.port, start.reusePort);
  post({ kind: 'listening', port });
}

const main = parentPort!;
await serve(
  workerData as WorkerStart,
  (message, transfer = []) => main.postMessage(message, transfer),
  (take) => main.on('message', take),
);
