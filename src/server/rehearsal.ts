/**
 * A rehearsal: clients of a worker's own, over TLS on the loopback, whose requests go through connection, message service, fast path
 * and engine of the same code as later ones, with parts that are thrown away.
 *
 * Invariants: nothing of the worker's own is touched: the rehearsal has its store (in memory, one key of zeros), its instance of the
 * core, slots, caches, counters and nonces. Its port takes the one connection that comes from here and no other; that connection's
 * caller is a scope that exists in the rehearsal alone. It ends after a set time whatever it reached, and its failure costs
 * only what it would have won.
 */
import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { connect, createServer } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../clock.ts';
import { CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType, State } from '../kmip/enums.ts';
import { ItemType } from '../kmip/item-types.ts';
import { Tag } from '../kmip/tags.ts';
import type { Managed } from '../kmip/managed.ts';
import { silentLog } from '../log.ts';
import { slabBytes } from '../metrics/layout.ts';
import { Recorder } from '../metrics/recorder.ts';
import { nonceSource } from '../random.ts';
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
import { create, decrypt, discoverVersions, encrypt, get, getAttributes } from './rehearsal-messages.ts';
import { serverTlsOptions } from './tls-options.ts';
import type { TlsMaterial } from './tls-options.ts';
import type { WorkerStart } from './worker-protocol.ts';

export type RehearsalParts = Pick<WorkerStart, 'core' | 'crossovers' | 'limits' | 'server' | 'tls' | 'consistency'> & { readonly inCluster: boolean; readonly clock: Clock };

/** Long enough for the optimising compiler to have seen the way of a message; short beside the start of a process. */
const rehearsalMs = 250;
/** After this nobody waits for an answer that does not come. */
const patienceMs = 1_000;
const scope = 'rehearsal';
const uniqueIdentifier = '00000000-0000-7000-8000-000000000000';
const caller: Caller = { scope, role: '', permissions: ['operation_all'], credential: '' };
const dataLengths = [16, 64, 256, 1024];
/** More than a connection has waiting that gets its answers one by one. */
const burst = 16;
const headLength = 8;

const one = (value: unknown): [{ index: number; value: unknown }] => [{ index: 0, value }];

/** The one object of a rehearsal. */
export const managed: Managed = {
  scope, uniqueIdentifier, objectType: ObjectType.SymmetricKey, revision: 1,
  attributes: new Map(Object.entries({
    UniqueIdentifier: one(uniqueIdentifier), ObjectType: one(ObjectType.SymmetricKey), State: one(State.Active), CryptographicAlgorithm: one(CryptographicAlgorithm.AES),
    CryptographicLength: one(256), CryptographicUsageMask: one(CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt),
  })) as Managed['attributes'],
  material: {
    keyBlock: {
      keyFormatType: KeyFormatType.Raw, cryptographicAlgorithm: CryptographicAlgorithm.AES, cryptographicLength: 256,
      keyValue: { keyMaterial: { tag: Tag.KeyMaterial, type: ItemType.ByteString, value: new Uint8Array(32) } },
    },
  },
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
  publisher?.permit(clock.monotonic() + patienceMs + rehearsalMs);
  const view = publisher && new ClusterViewReader(publisher.memory, clock);
  const cache = new ObjectCache(store, 1, recorder, view);
  const { engine, instance, nonces } = createEngine({ store: cache, core, crossovers, server, clock, log: silentLog, streamKey: new Uint8Array(32), nonces: nonceSource(0) });
  const slots = new KeySlots({ fastPath: createFastPath(instance, nonces, 1, crossovers), clock, counts: recorder, marks: view, fetch: (_, identifier) => store.fetch(scope, identifier) });
  const refusal = engine.refuse('GeneralFailure', 'A rehearsal changes nothing.');
  const primary: PrimaryLink = new PrimaryLink(({ id, following = [] }) => {
    for (const plan of [{ id }, ...following]) setImmediate(() => primary.receive({ kind: 'planned', id: plan.id, answer: { response: refusal, items: [], version: 0 } }));
  });
  const follower = new CoherenceFollower(new CoherencePublisher().memory, { drop() {}, dropAll() {}, identityChanged() {} });
  const cluster = view && { view, consistency: consistency ?? 'linearizable', limits };
  const service = new MessageService({ engine, slots, primary, follower, cache, cluster, recorder, clock, log: silentLog, messageBytesMax: limits.messageBytes });
  return {
    service,
    forget() {
      cache.dropAll();
      slots.dropAll();
    },
  };
}

/** Resolves when so many whole answers came. */
async function ask(socket: TLSSocket, message: Uint8Array, count: number): Promise<void> {
  socket.write(count === 1 ? message : Buffer.concat(new Array<Uint8Array>(count).fill(message)));
  let bytes: Buffer = Buffer.alloc(0);
  for (let answers = 0; answers < count;) {
    const [chunk] = await once(socket, 'data') as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= headLength && bytes.length >= headLength + bytes.readUInt32BE(4)) {
      bytes = bytes.subarray(headLength + bytes.readUInt32BE(4));
      answers += 1;
    }
  }
}

const messages = ([14, 21] as const).flatMap((version) => [
  ...dataLengths.map((length) => encrypt(version, uniqueIdentifier, length)), decrypt(version, uniqueIdentifier, 64),
  get(version, uniqueIdentifier), getAttributes(version, uniqueIdentifier), create(version), discoverVersions(version),
]);
const repeated = encrypt(14, uniqueIdentifier, 256);

async function play(socket: TLSSocket, hasTime: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2 && hasTime(); turn += 1) {
    for (const message of messages) if (hasTime()) await ask(socket, message, 1);
    await ask(socket, repeated, burst);
  }
}

/** One client from its connection to its end. A new one has objects in shapes that code compiled for an old one does not know. */
async function visit(port: number, tls: TlsMaterial, maxVersion: 'TLSv1.2' | 'TLSv1.3', hasTime: () => boolean, told: (ownPort: number) => void): Promise<void> {
  // It is this very process: there is nobody to be verified.
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false, maxVersion, cert: [...tls.certificates], key: [...tls.privateKeys] });
  const failure = new Promise<never>((_, reject) => {
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('the connection was closed')));
    socket.setTimeout(patienceMs, () => reject(new Error('no answer came')));
  });
  failure.catch(() => undefined);
  try {
    socket.once('connect', () => told(socket.localPort!));
    await Promise.race([failure, once(socket, 'secureConnect').then(() => play(socket.setNoDelay(true), hasTime))]);
  } finally {
    socket.destroy();
  }
}

/** `onPort`: the port, for a test that comes to it as a stranger. */
export async function rehearse(parts: RehearsalParts, onPort: (port: number) => void = () => undefined): Promise<void> {
  const { tls, limits, clock } = parts;
  const recorder = new Recorder(new SharedArrayBuffer(slabBytes));
  const { service, forget } = await rehearsalService(parts, recorder);
  // As the worker's own, for the sake of the sockets' shapes; whose certificate it is does not matter: who is not this process is cut.
  const server = createServer({ ...serverTlsOptions(tls, { handshakeMs: patienceMs }, clock), rejectUnauthorized: false });
  const [load, gathering] = [{ bytes: 0 }, new Gathering()];
  let ownPort: number | undefined;
  /** Not known yet to be our own: our own end learns its port at about the same time. */
  const strange: Socket[] = [];
  const cutStrangers = (): void => {
    for (const socket of strange.splice(0)) if (socket.remotePort !== ownPort) socket.destroy();
  };
  server.on('connection', (socket: Socket) => {
    strange.push(socket);
    if (ownPort !== undefined) cutStrangers();
  });
  server.on('secureConnection', (socket) => {
    if (ownPort === undefined) {
      socket.destroy();
      return;
    }
    socket.getPeerX509Certificate();
    socket.allowHalfOpen = true;
    recorder.handshake(socket.getProtocol(), socket.isSessionReused());
    new Connection(socket, caller, { service, recorder, limits, clock, log: silentLog, load, gathering, onClosed() {} });
  });
  server.on('tlsClientError', () => undefined);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  onPort(port);
  const end = clock.monotonic() + rehearsalMs;
  const hasTime = (): boolean => clock.monotonic() < end;
  try {
    for (let visits = 0; hasTime(); visits += 1) {
      forget();
      ownPort = undefined;
      await visit(port, tls, visits % 4 === 3 ? 'TLSv1.2' : 'TLSv1.3', hasTime, (own) => {
        ownPort = own;
        cutStrangers();
      });
    }
  } finally {
    ownPort = undefined;
    cutStrangers();
    server.close();
  }
}
