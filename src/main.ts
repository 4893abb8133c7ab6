/**
 * The one place where a node's real parts are built and wired: clocks, sockets, the store, threads, signals.
 *
 *     root key → core → keeper of the state (own store, or cluster) → admin port → first identity → workers → ready
 *
 * Invariant: `/readyz` says yes only while the store is open and every worker listens; a fault of the store, or of too
 * many workers, ends the process: a node that cannot keep what it acknowledges must not answer.
 * Workers share the port by `reusePort`, which Linux spreads over listeners; elsewhere a node has one worker.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { systemClock } from './clock.ts';
import { optionTable, unknownVariables } from './config.ts';
import type { ClusterConfig, Config } from './config.ts';
import { createControlServer } from './control/control-server.ts';
import { Fault } from './fault.ts';
import { adminTokenSetting, tokenProofKey } from './identity/admin-token.ts';
import { bootstrap } from './identity/bootstrap.ts';
import type { Bootstrapped, BootstrapPorts } from './identity/bootstrap.ts';
import { createLog } from './log.ts';
import type { Log } from './log.ts';
import type { MemberKeeper, MemberKeeperParts } from './member/member-keeper.ts';
import type { SeedParts } from './member/seed.ts';
import { createMetrics } from './metrics/registry.ts';
import type { ServerFacts } from './operations/context.ts';
import { packageVersion } from './package-version.ts';
import { systemRandom } from './random.ts';
import { wipe } from './secret.ts';
import { Census } from './server/census.ts';
import { CoherencePublisher } from './server/coherence.ts';
import { fittedLimits } from './server/descriptors.ts';
import type { Keeper, KeeperEvents } from './server/keeper.ts';
import { limitNames } from './server/limits.ts';
import { canSharePorts, takePort } from './server/own-port.ts';
import type { OwnPort } from './server/own-port.ts';
import { stopOnSignals } from './server/shutdown.ts';
import { openSingleKeeper } from './server/single-keeper.ts';
import { TicketSecrets } from './server/ticket-secrets.ts';
import { WorkerPool } from './server/worker-pool.ts';
import { loadRootKey } from './storage/root-key.ts';
import { uniformCrossovers } from './wasm/accelerator.ts';
import type { Crossovers } from './wasm/accelerator.ts';
import { measureCrossovers } from './wasm/crossover.ts';
import { chooseCoreBuild, compileCore } from './wasm/load.ts';

/** What the clients of a node whose store has failed get to take their answers. */
const lastAnswersMs = 1_000;
/** The admin port's answers under way at the end of a drain. */
const controlCloseMs = 1_000;
/** How often a node looks whether the cluster has newer ticket keys. */
const ticketLookMs = 30_000;
const bootstrapAttemptsMax = 10;
const exitFailed = 1;

export interface RunningNode {
  readonly port: number;
  readonly adminPort: number;
  readonly bootstrap: Bootstrapped;
  /** Drains and closes everything; resolves when all is on disk and closed. */
  stop(): Promise<void>;
}

/** Builds a node and resolves when it is ready. `onFault` is called when it can serve no more; the signal ends a start that waits for a cluster. */
export async function startNode(config: Config, log: Log, onFault: (error: unknown) => void, signal?: AbortSignal): Promise<RunningNode> {
  const clock = systemClock;
  const seconds = (): number => Math.floor(clock.now() / 1000);
  const workers = canSharePorts ? config.workers : 1;
  const storeFolder = join(config.data, 'store');
  const { KMIPD_ROOT_KEY: environmentKey, KMIPD_ROOT_PASSPHRASE: passphrase } = process.env;
  const keySources = { folder: config.data, storeFolder, environmentKey, passphrase, cluster: config.cluster?.name };
  const seed = config.cluster?.restoreFile === undefined ? undefined : await (await import('./member/seed.ts')).findSeed(config.cluster.restoreFile, keySources, log);
  const rootKey = await loadRootKey(keySources);
  // Threads inherit a copy of the environment, and so would a child process.
  delete process.env['KMIPD_ROOT_KEY'];
  delete process.env['KMIPD_ROOT_PASSPHRASE'];
  const server: ServerFacts = { vendorIdentification: 'kmipd', serverVersion: packageVersion(), serverName: 'kmipd' };
  const coreBuild = chooseCoreBuild();
  const core = compileCore(coreBuild);
  const crossovers = crossoversOf(config, core, log);
  const limits = fittedLimits(config.limits, workers, log);

  let phase: 'starting' | 'serving' | 'stopping' | 'failing' = 'starting';
  let identity: Bootstrapped | undefined;
  let pool: WorkerPool | undefined;
  let port = 0;
  let isSuspended = false;
  let suspensions = 0;
  /** Changes that could not be stored are told so before the end: a client that is only cut off knows less. */
  const fail = (error: unknown): void => {
    if (phase === 'failing') return;
    phase = 'failing';
    log.error({ error }, 'The node fails: no new connections, answering what was read.');
    void within(lastAnswersMs, pool?.drain() ?? Promise.resolve()).finally(() => onFault(error));
  };
  const census = Census.forWorkers(workers);
  const coherence = new CoherencePublisher();
  const metrics = createMetrics({
    workers, limitNames, serverVersion: server.serverVersion, coreBuild,
    writing: { queued: () => keeper.queued, sequence: () => keeper.sequence },
    utilization: () => pool?.utilization() ?? [],
    ...(config.cluster !== undefined && { cluster: () => (keeper as MemberKeeper).status() }),
  });
  const parts = { store: { folder: storeFolder, rootKey: rootKey.bytes }, core, crossovers, server, clock, log, limits };
  const events: KeeperEvents = {
    changed: ({ managed, identityChanged }) => {
      coherence.publish(managed, identityChanged);
      if (identityChanged) pool?.identityChanged();
    },
    suspend: async () => {
      suspensions += 1;
      isSuspended = true;
      const closing = pool;
      pool = undefined;
      await closing?.close();
    },
    resume: async () => {
      isSuspended = false;
      // With the port the node has begun to start its workers, if it has not got as far as to serve.
      if (port !== 0 && (phase === 'serving' || phase === 'starting')) await startPool();
    },
    onFault: fail,
  };
  const { keeper, streamKey } = config.cluster === undefined
    ? await openSingleKeeper({ ...parts, metrics: metrics.writing, random: systemRandom }, events)
    : await openMember(config.cluster, { ...parts, planned: (duration) => metrics.writing.planned(duration) }, events);

  let knownTokenHash: Uint8Array | undefined;
  /** The store's, since any node may have replaced it; the last one seen while a member makes its store anew. */
  const adminTokenHash = (): Uint8Array | undefined => {
    try {
      knownTokenHash = keeper.view.setting(adminTokenSetting) ?? knownTokenHash;
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
    }
    return knownTokenHash;
  };
  const proofKey = tokenProofKey(rootKey.bytes);
  const startedAt = seconds();
  const control = createControlServer({
    get identity() { return identity!.identity; },
    get adminTokenHash() { return adminTokenHash(); },
    tokenProofKey: proofKey,
    notReady: () => keeper.notReady(),
    read: (look) => keeper.read(look),
    log,
    commit: (mutations) => keeper.commit(mutations),
    removeMember: keeper.removeMember?.bind(keeper),
    backup: () => keeper.backup({ id: randomUUID(), takenAt: clock.now(), ...(rootKey.passphraseSalt !== undefined && { passphraseSalt: rootKey.passphraseSalt }) }),
    liveness: () => ({ ok: true, reasons: [] }),
    readiness: () => {
      const reasons = [phase !== 'serving' ? phase : pool?.allListen === true ? undefined : 'a worker does not listen', keeper.sendsAway()].filter((reason) => reason !== undefined);
      return { ok: reasons.length === 0, reasons };
    },
    metrics: async () => ({ contentType: metrics.contentType, text: await metrics.text() }),
    status: () => ({ version: server.serverVersion, phase, startedAt, workers, core: coreBuild, connections: census.total(), sequence: keeper.sequence, cluster: keeper.status() }),
  });
  const tickets = new TicketSecrets({ keeper, clock, isShared: config.cluster !== undefined, log, changed: (secret) => pool?.ticketSecret(secret) });
  const startPool = async (): Promise<void> => {
    const { tls } = identity!;
    const before = suspensions;
    const ticketSecret = await tickets.secret();
    // Whoever suspended the threads resumes them.
    if (isSuspended || suspensions !== before) return;
    const started = new WorkerPool({
      parts: {
        host: config.host, reusePort: workers > 1 || (config.port === 0 && canSharePorts), logLevel: config.logLevel, limits,
        tls: { certificates: tls.cert, privateKeys: tls.key, authorities: tls.ca, ciphers: config.tlsCiphers, ticketSecret },
        store: { folder: storeFolder, rootKey: rootKey.bytes },
        streamKey, server, core, crossovers, coherence: coherence.memory,
        clusterView: keeper.clusterView, consistency: config.cluster?.consistency ?? 'linearizable',
      },
      slabs: metrics.slabs, census, clock, log, limits, onFault: fail,
      takeNoncePrefix: () => keeper.takeNoncePrefix(),
      submit: (message, credential) => keeper.submit(message, credential),
    });
    pool = started;
    try {
      await started.start(port);
    } catch (error) {
      if (pool === started) throw error;
    }
  };
  const stop = async (): Promise<void> => {
    phase = 'stopping';
    tickets.close();
    await keeper.leave();
    await pool?.drain();
    await keeper.drained();
    keeper.farewell();
    await pool?.close();
    await within(controlCloseMs, control.close());
    await keeper.close();
    wipe(rootKey.bytes, streamKey, proofKey, seed?.rootKey);
  };
  const giveUp = (): void => void keeper.close();
  let ownPort: OwnPort | undefined;
  try {
    signal?.addEventListener('abort', giveUp, { once: true });
    if (signal?.aborted === true) throw new Fault('E_CLOSED', 'The node was stopped while it started.');
    ownPort = await takePort(config.host, config.port);
    // A member can be asked how it is doing while it waits for its cluster; a single node answers when it serves.
    const adminPort = await control.listen(config.adminHost, config.adminPort);
    const begun = config.cluster === undefined ? undefined : await begins({ keeper, seed, folder: config.data, rootKey: rootKey.bytes, log, now: () => clock.now() });
    identity = await identityOf(keeper, begun, { rootKey: rootKey.bytes, folder: config.data, serverNames: config.serverNames, node: config.cluster?.node, random: systemRandom, now: seconds });
    port = ownPort.port;
    await startPool();
    await ownPort.release();
    tickets.watch(ticketLookMs);
    phase = 'serving';
    signal?.removeEventListener('abort', giveUp);
    return { port, adminPort, bootstrap: identity, stop };
  } catch (error) {
    await ownPort?.release();
    await stop();
    throw error;
  }
}

/** Loaded where there is a cluster: a single node needs none of it, the NATS client included. */
async function openMember(config: ClusterConfig, parts: Omit<MemberKeeperParts, 'nats' | 'consistency' | 'timing' | 'clusterLimits'>, events: KeeperEvents): Promise<{ readonly keeper: Keeper; readonly streamKey: Uint8Array }> {
  const [{ openMemberKeeper }, { natsOptions }, { defaultLimits, defaultTiming, patientTiming }] = await Promise.all([import('./member/member-keeper.ts'), import('./member/nats-login.ts'), import('../cluster/timing.ts')]);
  return openMemberKeeper({ ...parts, consistency: config.consistency, timing: config.failover === 'fast' ? defaultTiming : patientTiming, clusterLimits: defaultLimits, nats: natsOptions(config, process.env) }, events);
}

/** A cluster may have to take over a backup first. */
async function begins(parts: SeedParts): Promise<() => Promise<void>> {
  const { seeded } = await import('./member/seed.ts');
  return () => seeded(parts);
}

/** The first identity: made, found, or found to have just been made by another node. */
async function identityOf(keeper: Keeper, begun: (() => Promise<void>) | undefined, ports: Omit<BootstrapPorts, 'store'>): Promise<Bootstrapped> {
  const store: BootstrapPorts['store'] = { setting: (name) => keeper.view.setting(name), pending: () => keeper.view, commit: (mutations) => keeper.commit(mutations) };
  for (let attempt = 1; ; attempt += 1) {
    await keeper.ready();
    await begun?.();
    try {
      const made = await bootstrap({ ...ports, store });
      // What it found may be the first part of a backup that has just begun to be taken over.
      await begun?.();
      return made;
    } catch (error) {
      if (!(error instanceof Fault && error.retryable) || attempt === bootstrapAttemptsMax) throw error;
    }
  }
}

/** `kmipd serve`: runs until a signal stops it. */
export async function runNode(config: Config): Promise<void> {
  const log = createLog(config.logLevel);
  const unknown = unknownVariables();
  if (unknown.length > 0) log.warn({ variables: unknown }, 'The environment has variables that begin like ours and are no option.');
  const fail = (error: unknown): never => {
    log.fatal({ error }, 'The node cannot go on and ends.');
    process.exit(exitFailed);
  };
  process.on('uncaughtException', fail);
  const abort = new AbortController();
  const starting = startNode(config, log, fail, abort.signal);
  // From the first moment: a signal during the start waits for it, then stops the node in order.
  stopOnSignals(async () => {
    abort.abort();
    await (await starting.catch(() => undefined))?.stop();
    log.info({}, 'Stopped.');
  }, config.limits.drainMs, log);
  const node = await starting;
  for (const line of greeting(node, config)) process.stdout.write(`${line}\n`);
  log.info({ port: node.port, adminPort: node.adminPort, workers: config.workers }, 'Ready.');
}

function greeting(node: RunningNode, config: Config): readonly string[] {
  const lines = [`kmipd: KMIP over TLS on ${config.host ?? 'all addresses'}, port ${node.port}; admin port http://${config.adminHost}:${node.adminPort}; data in ${config.data}`];
  if (!node.bootstrap.first) return lines;
  const command = existsSync('bin/kmipd') ? './bin/kmipd' : 'kmipd';
  const server = node.port === Number(optionTable.port.byDefault) ? '' : ` --server localhost:${node.port}`;
  const credential = config.data === resolve(optionTable.data.byDefault) ? '' : ` --credential ${join(config.data, 'bootstrap')}`;
  return [...lines, ...node.bootstrap.lines, 'Try:', `  ${command} key create --name first --activate${server}${credential}`];
}

/** From how many bytes on AES goes to node:crypto; undefined: never. */
function crossoversOf({ crypto, cryptoCrossover }: Config, core: WebAssembly.Module, log: Log): Crossovers | undefined {
  if (crypto === 'wasm') return undefined;
  if (cryptoCrossover !== undefined) return uniformCrossovers(cryptoCrossover);
  const crossovers = measureCrossovers(core, () => systemClock.monotonic());
  log.debug({ crossovers }, 'By Block Cipher Mode, from how many bytes on node:crypto beats the core.');
  return crossovers;
}

/** Resolves with the work, or when the time is over. */
async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work, new Promise<void>((resolve) => { timer = setTimeout(resolve, milliseconds); })]);
  clearTimeout(timer);
}
