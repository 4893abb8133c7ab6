/**
 * A rehearsal: clients of the node's own, over TLS on the loopback, whose requests go through connection, message service, fast path
 * and engine of the same code as later ones, with parts that are thrown away.
 *
 * Invariants: nothing of the worker's own is touched: the rehearsal has its store (in memory, one key of zeros), its instance of the
 * core, slots, caches, counters and nonces. Who comes to its port without the word that only this process knows is cut; who has
 * it is a caller of a scope that exists in the rehearsal alone. It ends after a set time whatever it reached, and its failure
 * costs only what it would have won. The clients are on the main thread (rehearsal-client.ts): code that has seen sockets of many
 * shapes, theirs too, stays slower for good.
 */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import type { Clock } from '../clock.ts';
import { CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType, Operation, ResultReason, State } from '../kmip/enums.ts';
import { ItemType } from '../kmip/item-types.ts';
import { Tag } from '../kmip/tags.ts';
import type { Managed } from '../kmip/managed.ts';
import { silentLog } from '../log.ts';
import { slabBytes } from '../metrics/layout.ts';
import { Recorder } from '../metrics/recorder.ts';
import { nonceSource, systemRandom } from '../random.ts';
import type { Caller } from '../operations/context.ts';
import { createMemoryStore } from '../storage/memory-store.ts';
import { Gathering } from './answer-writer.ts';
import { ClusterViewPublisher, ClusterViewReader } from './cluster-view.ts';
import { CoherenceFollower, CoherencePublisher } from './coherence.ts';
import { Connection } from './connection.ts';
import { createEngine, createFastPath } from './engine-parts.ts';
import { KeySlots } from './key-slots.ts';
import { MessageService } from './message-service.ts';
import { ObjectCache } from './object-cache.ts';
import { PrimaryLink } from './primary-link.ts';
import { encrypt, rehearsedIdentifier } from './rehearsal-messages.ts';
import { serverTlsOptions } from './tls-options.ts';
import type { WorkerStart } from './worker-protocol.ts';

export type RehearsalParts = Pick<WorkerStart, 'core' | 'crossovers' | 'limits' | 'server' | 'tls' | 'consistency'> & { readonly inCluster: boolean; readonly clock: Clock };

/** After this the worker goes on without; longer than clients play. */
const patienceMs = 2_000;
/** Of each of two ways to fetch a key. */
const loadingMs = 15;
const scope = 'rehearsal';
const caller: Caller = { scope, role: '', permissions: ['operation_all'], credential: '' };

const one = (value: unknown): [{ index: number; value: unknown }] => [{ index: 0, value }];

/**
 * The one object of a rehearsal. Its members stand in the order in which `born` (new-managed.ts) makes them, and so do those of its key
 * block: code that has been compiled for another order is thrown away when the first client's object comes.
 */
export const managed: Managed = {
  scope, uniqueIdentifier: rehearsedIdentifier, objectType: ObjectType.SymmetricKey,
  attributes: new Map(Object.entries({
    UniqueIdentifier: one(rehearsedIdentifier), ObjectType: one(ObjectType.SymmetricKey), State: one(State.Active), CryptographicAlgorithm: one(CryptographicAlgorithm.AES),
    CryptographicLength: one(256), CryptographicUsageMask: one(CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt),
  })) as Managed['attributes'],
  material: {
    keyBlock: {
      keyFormatType: KeyFormatType.Raw, keyValue: { keyMaterial: { tag: Tag.KeyMaterial, type: ItemType.ByteString, value: new Uint8Array(32) } },
      cryptographicAlgorithm: CryptographicAlgorithm.AES, cryptographicLength: 256,
    },
  },
  revision: 1,
};

interface RehearsalService {
  readonly service: MessageService;
  /** Forgets the key: the next message fetches it again. */
  forget(): void;
}

async function rehearsalService({ core, crossovers, limits, server, consistency, inCluster, clock }: RehearsalParts, recorder: Recorder): Promise<RehearsalService> {
  const store = createMemoryStore({ scopes: [scope] });
  await store.commit([{ kind: 'managed-created', managed }]);
  const publisher = inCluster ? new ClusterViewPublisher(clock) : undefined;
  publisher?.begin(0);
  publisher?.permit(clock.monotonic() + 2 * patienceMs);
  const view = publisher && new ClusterViewReader(publisher.memory, clock);
  const cache = new ObjectCache(store, 1, recorder, view);
  const { engine, instance, nonces } = createEngine({ store: cache, core, crossovers, server, clock, log: silentLog, streamKey: new Uint8Array(32), nonces: nonceSource(0) });
  const slotPorts = { fastPath: createFastPath(instance, nonces, 1, crossovers), clock, counts: recorder, marks: view, fetch: (_: string, identifier: string) => store.fetch(scope, identifier) };
  const slots = new KeySlots(slotPorts);
  const forget = (): void => {
    cache.dropAll();
    slots.dropAll();
  };
  const changes = new CoherencePublisher();
  const refusal = engine.refuse('GeneralFailure', 'A rehearsal changes nothing.');
  const primary: PrimaryLink = new PrimaryLink(({ id, following = [] }) => {
    for (const plan of [{ id }, ...following]) setImmediate(() => {
      changes.publish([managed], false);
      // Cloned, as what comes from another thread is: it has another shape than what is made here.
      primary.receive({ kind: 'planned', id: plan.id, answer: structuredClone({ response: refusal, items: [{ operation: Operation.Create, reason: ResultReason.GeneralFailure }], version: 0 }) });
    });
  });
  const follower = new CoherenceFollower(changes.memory, {
    drop: (high, low) => {
      cache.drop(high, low);
      slots.drop(high, low);
    },
    dropAll: () => forget(),
    identityChanged() {},
  });
  const cluster = view && { view, consistency: consistency ?? 'linearizable', limits };
  const service = new MessageService({ engine, slots, primary, follower, cache, cluster, recorder, clock, log: silentLog, messageBytesMax: limits.messageBytes });
  rehearseLoading(slots, clock);
  // The worker's is another one still: code that has met one only is compiled for it alone.
  slotPorts.fetch = (_, identifier) => store.glance(scope, identifier);
  rehearseLoading(slots, clock);
  return { service, forget };
}

/** The loading of a key into a slot: clients come to it once with each key, which the optimising compiler would take for seldom. */
function rehearseLoading(slots: KeySlots, clock: Clock): void {
  const message = encrypt(14, rehearsedIdentifier, 256);
  const end = clock.monotonic() + loadingMs;
  while (clock.monotonic() < end) {
    slots.dropAll();
    // Of a caller whom it has not met, as each one's first is.
    slots.answer(message, { ...caller });
  }
  slots.forget();
}

/** Where the rehearsal is, and the word that lets in: the server name that the client asks for. */
export interface RehearsalPlace {
  readonly port: number;
  readonly token: string;
}

const tokenBytes = 16;

/** Opens the place, has it played at, and closes it. */
export async function rehearse(parts: RehearsalParts, play: (place: RehearsalPlace) => Promise<void>): Promise<void> {
  const { tls, limits, clock } = parts;
  const recorder = new Recorder(new SharedArrayBuffer(slabBytes));
  const { service, forget } = await rehearsalService(parts, recorder);
  const token = Buffer.from(systemRandom(tokenBytes)).toString('hex');
  // As the worker's own, for the sake of the sockets' shapes; whose certificate it is does not matter.
  const server = createServer({ ...serverTlsOptions(tls, { handshakeMs: patienceMs }, clock), rejectUnauthorized: false });
  const [load, gathering] = [{ bytes: 0 }, new Gathering()];
  const connections = new Set<Connection>();
  server.on('secureConnection', (socket) => {
    if ((socket as { readonly servername?: unknown }).servername !== token) {
      socket.destroy();
      return;
    }
    forget();
    socket.getPeerX509Certificate();
    socket.allowHalfOpen = true;
    recorder.handshake(socket.getProtocol(), socket.isSessionReused());
    connections.add(new Connection(socket, caller, { service, recorder, limits, clock, log: silentLog, load, gathering, onClosed: (closed) => connections.delete(closed) }));
  });
  server.on('tlsClientError', () => undefined);
  try {
    await once(server.listen(0, '127.0.0.1'), 'listening');
    await within(patienceMs, play({ port: (server.address() as AddressInfo).port, token }));
  } finally {
    server.close();
    for (const connection of connections) connection.destroy('drain');
  }
}

async function within(milliseconds: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => { timer = setTimeout(() => reject(new Error(`It was not over within ${milliseconds} ms.`)), milliseconds); });
  await Promise.race([work, late]).finally(() => clearTimeout(timer));
}
