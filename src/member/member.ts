/**
 * A node as a member of its cluster: the protocol (cluster/) joined to NATS, to this node's store and to its threads.
 *
 *   threads ── submit ──> proposal ──> primary ... ──> settle ──> answer
 *   protocol ── after each step ──> permit and stable sequence in shared memory ──> threads
 *
 * Invariants: the permit is in shared memory before the protocol says anything that depends on it. A machine that was
 * suspended, with a monotonic clock that stood still, is told so as soon as its wall clock has run ahead. Who gives up on a
 * proposal says that the outcome is not known; nothing else is ever answered for a change that may have taken place.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { openNats } from '../../cluster/nats/adapters.ts';
import type { NatsAdapters } from '../../cluster/nats/adapters.ts';
import type { NatsOptions } from '../../cluster/nats/options.ts';
import { ClusterNode } from '../../cluster/node.ts';
import type { ClusterEvent, HostPort, Restored } from '../../cluster/ports.ts';
import type { ClusterLimits, Timing } from '../../cluster/timing.ts';
import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Log } from '../log.ts';
import type { ClusterViewPublisher } from '../server/cluster-view.ts';
import type { Answer } from '../server/engine-port.ts';
import type { BackupRequest, Capture } from '../storage/capture.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { CommitReport, ReadStore } from '../storage/store.ts';
import type { LevelStoreOptions } from '../storage/level-store.ts';
import type { LimitedUse, LimitedUsePorts } from './limited-use.ts';
import { LogWatch } from './log-watch.ts';
import { Planner } from './planner.ts';
import type { PlannerPorts } from './planner.ts';
import { compared } from './proposal.ts';
import type { Outcome, Proposal } from './proposal.ts';
import { RepeatedFaults } from './repeated-faults.ts';
import { Replica } from './replica.ts';
import { StableWaits } from './stable-waits.ts';
import { statusOf } from './status.ts';
import type { MemberStatus } from './status.ts';
import { UnderWay } from './under-way.ts';

const tickMs = 25;
/** What sealing, framing and an entry's own fields add to its works. */
const entryOverheadBytes = 8 * 1024;
/**
 * How long a node without a permit keeps its clients if it hears other nodes: NATS elects within 9 s, twice where it has to within 16 s, and
 * then there is a permit soon. Not shorter than `permitWaitMs`, or clients would be cut off while they wait.
 */
const patienceMs = 20_000;
/** Nodes that are there are heard five times a second. */
const hearingMs = 1_000;
/** A member is removed when its permit is over, at the latest. */
const removeMs = 15_000;
const removePollMs = 100;
/** For giving shares back; a cluster without a primary may take longer than an operator waits. */
const leaveMs = 1_000;
/** Waits for stability, of a second each, before a node that has a permit gives a backup up: longer than a cluster waits for a dead node. */
const backupWaitsMax = 10;
const drainedMs = 500;
/** Another node of the same name is heard this long: a new one ends, one that has run for `settledMs` says so. */
const doubleMs = 1_000;
const settledMs = 30_000;
/** How long a new node listens before it says its name; another one of it is heard every 200 ms. */
const listenMs = 700;
const doubleAtStartMs = 300;
const readyPollMs = 10;


export interface MemberParts {
  readonly nats: Omit<NatsOptions, 'tenureRecordMs'>;
  readonly timing: Timing;
  readonly clusterLimits: ClusterLimits;
  readonly store: LevelStoreOptions;
  readonly view: ClusterViewPublisher;
  readonly clock: Clock;
  readonly log: Log;
  /** Most proposals and bytes of this node's own clients under way. */
  readonly limits: { readonly writerMessages: number; readonly writerBytes: number };
  /** Usage Limits spent here, once the store is open. */
  limitedUse(replica: Replica, ports: Pick<LimitedUsePorts, 'spell' | 'isNewest' | 'members' | 'grant'>): LimitedUse;
  /** The planner's engine is made once the store is open: it reads the planned view. */
  planner(replica: Replica): Omit<PlannerPorts, 'store' | 'workBytesMax' | 'log'>;
  applied(report: CommitReport): void;
  suspend(): Promise<void>;
  resume(): Promise<void>;
  onFault(error: unknown): void;
}

export class Member {
  readonly #parts: MemberParts;
  readonly #replica: Replica;
  readonly #planner: Planner;
  readonly #underWay = new UnderWay();
  readonly #abort = new AbortController();
  readonly #limitedUse: LimitedUse;
  readonly #held = new StableWaits();
  readonly #logWatch: LogWatch;
  /** Newest entry that may be in the store. */
  #begun: number;
  #nats: NatsAdapters | undefined;
  #node: ClusterNode | undefined;
  #permitUntil = 0;
  /** Counts unbroken times with a permit: one that was lost and given again between a read and the question says nothing of the read. */
  #spell = 0;
  #joinedAt = 0;
  /** When there was a permit last, and when another node was heard. */
  #permittedAt = Number.NEGATIVE_INFINITY;
  #heardAt = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(parts: MemberParts, replica: Replica) {
    this.#parts = parts;
    this.#replica = replica;
    this.#begun = replica.store.sequence;
    this.#logWatch = new LogWatch(parts.log, () => parts.clock.monotonic());
    this.#limitedUse = parts.limitedUse(replica, {
      spell: () => this.#spell,
      isNewest: (spell) => this.#isNewest(spell),
      members: () => this.#node?.state.replicated.roster.size ?? 1,
      grant: async (scope, uniqueIdentifier, units) => {
        const outcome = await this.#propose({ kind: 'grant', scope, uniqueIdentifier, units });
        return outcome?.kind === 'granted' ? outcome.units : undefined;
      },
    });
    this.#planner = new Planner({ ...parts.planner(replica), log: parts.log, store: () => replica.store, workBytesMax: parts.clusterLimits.entryBytesMax - entryOverheadBytes });
  }

  /** Opens the store and begins to look for the cluster; `ready` resolves when this node may answer reads. */
  static async open(parts: MemberParts): Promise<Member> {
    let member: Member | undefined;
    const { log, view } = parts;
    const { replica, restored, startsEmpty } = await Replica.open({
      options: parts.store,
      limits: { proposalKeptMs: parts.timing.proposalKeptMs, tailEntries: parts.clusterLimits.tailEntries, tailBytes: parts.clusterLimits.tailBytesMax, resultBytes: parts.clusterLimits.resultBytesMax },
      log,
      emit: (event) => member?.handle(event),
      snapshots: () => member!.#nats!.snapshots,
      plan: (payload) => member!.#planner.plan(payload),
      refuse: (payload) => member!.#planner.refuse(payload),
      unplanned: () => member!.#planner.forget(),
      applying: (changed, sequence) => {
        member!.#begun = sequence;
        view.applying(changed, sequence);
      },
      applied: parts.applied,
      suspend: parts.suspend,
      reopened: (sequence) => {
        member!.#begun = sequence;
        member!.#limitedUse.forget();
        view.begin(sequence);
      },
      resume: parts.resume,
      onFault: parts.onFault,
    });
    view.begin(replica.store.sequence);
    member = new Member(parts, replica);
    void member.#join(restored, startsEmpty);
    return member;
  }

  async #join(restored: Restored, startsEmpty: boolean): Promise<void> {
    const { nats: options, timing, clusterLimits, clock, log, onFault } = this.#parts;
    const faults = new RepeatedFaults(log, () => clock.monotonic());
    try {
      const nats = await openNats({ ...options, tenureRecordMs: timing.tenureRecordMs }, (event) => this.handle(event), {
        connected: (connected, server) => (connected ? log.info({ server }, 'Connected to NATS.') : log.warn({ server }, 'The connection to NATS is lost.')),
        fault: (fault) => faults.tell(fault),
      }, this.#abort.signal);
      this.#nats = nats;
      await sleep(listenMs);
      if (this.#closed) return await nats.close();
      if (nats.peers.doubleHeardMs >= doubleAtStartMs) throw this.#nameTaken();
      this.#joinedAt = clock.monotonic();
      if (!(await nats.log.isOurs(this.#abort.signal))) {
        throw new Fault('E_CLUSTER_KEY', `The log of cluster ${options.cluster} does not open with this node's root key: give it the root key of the other nodes (KMIPD_ROOT_KEY, or a copy of DIR/root-key).`);
      }
      const host: HostPort = {
        settle: (proposal, result) => this.#underWay.settle(proposal, result),
        stable: (sequence) => this.#stable(sequence),
        discard: () => this.#discard(),
      };
      this.#node = new ClusterNode(
        { node: options.node, timing, limits: clusterLimits, restored, startsEmpty },
        { log: nats.log, tenure: nats.tenure, peers: nats.peers, store: this.#replica, host },
        () => clock.monotonic(),
        ({ permitUntil }) => this.#permit(permitUntil),
      );
      this.#parts.view.stable(restored.replicated.stable);
      this.#timer = setInterval(() => this.#tick(), tickMs);
      this.#tick();
    } catch (error) {
      if (!this.#closed) onFault(error);
    }
  }

  #nameTaken(): Fault {
    const { cluster, node } = this.#parts.nats;
    return new Fault('E_NODE_NAME_TAKEN', `Another node of cluster ${cluster} is called ${node}. Give each node its own name.`);
  }

  #tick(): void {
    if ((this.#nats?.peers.doubleHeardMs ?? 0) >= doubleMs && this.#parts.clock.monotonic() - this.#joinedAt < settledMs) {
      this.#parts.onFault(this.#nameTaken());
      return;
    }
    if (this.#parts.view.noticeSleep()) this.#slept();
    this.handle({ kind: 'tick' });
    this.#logWatch.look(this.#node?.logLost ?? 0);
  }

  /** Told to the threads after each step of the protocol, before the protocol says anything to others. */
  #permit(until: number): void {
    const now = this.#parts.clock.monotonic();
    if (until > now && this.#permitUntil <= now) this.#spell += 1;
    this.#permitUntil = until;
    if (until > 0) this.#permittedAt = now;
    if (!this.#parts.view.permit(until)) queueMicrotask(() => this.#slept());
  }

  #slept(): void {
    this.#parts.log.warn({}, 'The wall clock ran ahead: the machine was suspended or its clock was set. This node asks for a new permit.');
    this.handle({ kind: 'slept' });
  }

  handle(event: ClusterEvent): void {
    if (this.#closed || this.#node === undefined) return;
    if (event.kind === 'message') this.#heardAt = this.#parts.clock.monotonic();
    this.#node.handle(event);
  }

  /** Changes submitted here and not answered yet. */
  get queued(): number {
    return this.#underWay.count;
  }

  /** Resolves when everything submitted here is answered. */
  async drained(): Promise<void> {
    // Connections were waited for; what is left asks a primary that may be missing for long.
    const until = this.#parts.clock.monotonic() + drainedMs;
    while (this.#underWay.count > 0 && this.#parts.clock.monotonic() < until) await sleep(readyPollMs);
  }

  /** Whether a read just done on this node's own store was of the newest state. */
  get mayAnswer(): boolean {
    return this.#node?.mayAnswer() ?? false;
  }

  /**
   * Whether clients may as well wait here. Without a permit, but with other nodes heard, it is NATS that elects or a primary that is
   * missing: the others wait for the same, and a balancer that took all of them out would leave clients nobody.
   */
  get isInTouch(): boolean {
    if (this.mayAnswer) return true;
    const now = this.#parts.clock.monotonic();
    return now < this.#permittedAt + patienceMs && now < this.#heardAt + hearingMs;
  }

  get replica(): Replica {
    return this.#replica;
  }

  /** Resolves when this node may answer reads: in touch with the cluster, and caught up. */
  async ready(): Promise<void> {
    while (!this.mayAnswer) {
      if (this.#closed) throw new Fault('E_CLOSED', 'The node was stopped before it had joined its cluster.');
      await sleep(readyPollMs);
    }
  }

  /** Has the primary execute a message that changes something. Resolves with its answer, an error answer included. */
  async submit(message: Uint8Array, credential: string, refuse: (reason: 'ServerLimitExceeded' | 'GeneralFailure', text: string) => Uint8Array): Promise<Answer> {
    const { limits, log } = this.#parts;
    const refusal = (reason: 'ServerLimitExceeded' | 'GeneralFailure', text: string): Answer => ({ response: refuse(reason, text), items: [], version: 0 });
    if (this.#underWay.count >= limits.writerMessages || this.#underWay.bytes + message.length > limits.writerBytes) return refusal('ServerLimitExceeded', 'The server has too many changes under way; try again later.');
    const bytesMax = this.#parts.clusterLimits.entryBytesMax - entryOverheadBytes;
    if (message.length > bytesMax) return refusal('ServerLimitExceeded', `A request that changes something may have ${bytesMax} bytes in a cluster.`);
    const answered = await this.#underWay.during(message.length, this.#limitedUse.answer(message, credential)).catch((error: unknown) => {
      // Nothing was spent. The store may have been closed under it, for a rebuild or the end.
      log.warn({ error }, 'A key with Usage Limits could not be used here; the primary is asked.');
      return undefined;
    });
    if (answered !== undefined) return answered;
    const outcome = await this.#propose({ kind: 'message', message, credential });
    if (outcome?.kind === 'answer') return { response: outcome.response, items: outcome.items, version: outcome.version as Answer['version'] };
    return refusal('GeneralFailure', 'The cluster did not answer in time: the change may have taken effect or not.');
  }

  /** A change decided here takes effect if what it changes is still as this node sees it; else a Fault E_CHANGED_MEANWHILE. */
  async change(mutations: readonly Mutation[]): Promise<void> {
    const { store } = this.#replica;
    const outcome = await this.#propose({ kind: 'change', changes: compared(store, mutations) });
    if (outcome?.kind === 'changed') return;
    if (outcome?.kind === 'conflict') throw new Fault('E_CHANGED_MEANWHILE', 'Another node changed the same thing at the same time.', { retryable: true });
    throw new Fault('E_OUTCOME_UNKNOWN', 'The cluster did not answer in time: the change may have taken effect or not.', { retryable: true });
  }

  /** A prefix for one thread's nonces. One whose answer is lost is never used. */
  async takeNoncePrefix(): Promise<number> {
    for (;;) {
      const outcome = await this.#propose({ kind: 'nonce-prefix' });
      if (outcome?.kind === 'nonce-prefix') return outcome.prefix;
      if (this.#closed) throw new Fault('E_CLOSED', 'The node was stopped.');
    }
  }

  /** A picture of all state with everything that was acknowledged before: begun under a permit, and given once all of it is stable. */
  async backup(request: BackupRequest): Promise<Capture> {
    const { store } = this.#replica;
    if (this.mayAnswer) {
      const spell = this.#spell;
      const capture = await store.backup(request);
      const isStable = (): boolean => capture.sequence <= this.#node!.stable;
      for (let wait = 0; wait < backupWaitsMax && !isStable() && this.mayAnswer; wait += 1) await this.#held.until(capture.sequence);
      if (isStable() && this.mayAnswer && spell === this.#spell && this.#replica.store === store) return capture;
      await capture.close();
    }
    throw new Fault('E_NOT_READY', 'Ask another node: this one is not in touch with its cluster.', { retryable: true });
  }

  #propose(proposal: Proposal): Promise<Outcome | undefined> {
    return this.#underWay.propose(proposal, (id, payload) => {
      if (this.#closed || this.#node === undefined) return false;
      queueMicrotask(() => this.handle({ kind: 'submitted', proposal: id, payload }));
      return true;
    });
  }

  #stable(sequence: number): void {
    this.#parts.view.stable(sequence);
    this.#held.stable(sequence);
  }

  /** What was read of this node's history is void. */
  #discard(): void {
    this.#parts.view.permit(0);
    this.#held.discard();
  }

  /** After a read on this thread: was it under a permit since the spell was asked for, and is all that it may have seen stable? */
  async #isNewest(spell: number): Promise<boolean> {
    if (!this.mayAnswer || spell !== this.#spell) return false;
    return this.#begun <= this.#node!.stable || this.#held.until(this.#begun);
  }

  /** For the admin port: a look at what is on disk, answered as any read. */
  async read<T>(look: (store: ReadStore) => T): Promise<T> {
    const spell = this.#spell;
    // That something is not there is an answer as well.
    const seen = await Promise.resolve().then(() => look(this.#replica.store)).then((value) => () => value, (error: unknown) => () => { throw error; });
    if (await this.#isNewest(spell)) return seen();
    throw new Fault('E_NOT_READY', 'Ask another node: this one is not in touch with its cluster.', { retryable: true });
  }

  status(): MemberStatus {
    const { nats: { cluster, node }, clock } = this.#parts;
    const permitMs = Math.max(0, Math.round(this.#permitUntil - clock.monotonic()));
    return statusOf({ name: cluster, node, permitMs, waiting: this.#underWay.count, protocol: this.#node, nats: this.#nats, onDisk: this.#replica.store.sequence });
  }

  /** Before this node ends: shares of Usage Limits go back, and the tenure is handed over if this node has it. */
  async leave(): Promise<void> {
    if (this.mayAnswer) await Promise.race([this.#limitedUse.close(), sleep(leaveMs)]);
    this.handle({ kind: 'yield' });
  }

  /** Clients are gone: nobody has to wait for this node's permit any more. */
  farewell(): void {
    this.handle({ kind: 'drain' });
  }

  /** Takes a node out of the cluster for good, by its primary. It joins anew when it comes back. Resolves when it is out. */
  async removeMember(node: string): Promise<void> {
    const members = (): readonly string[] => [...(this.#node?.state.replicated.roster.keys() ?? [])];
    if (!members().includes(node)) throw new Fault('E_MEMBER_UNKNOWN', `${JSON.stringify(node)} is no member; members are ${members().join(', ')}.`);
    if (node === this.#parts.nats.node) throw new Fault('E_MEMBER_SELF', 'A node does not remove itself: stop it, and ask another.');
    if (this.#node?.role !== 'primary') throw new Fault('E_NOT_PRIMARY', `Only the primary removes members: ask ${this.status().primary ?? 'it when there is one'}.`, { retryable: true });
    const until = this.#parts.clock.monotonic() + removeMs;
    while (members().includes(node)) {
      if (this.#parts.clock.monotonic() > until) throw new Fault('E_OUTCOME_UNKNOWN', `${node} is still a member; is it running?`, { retryable: true });
      this.handle({ kind: 'remove-member', node });
      await sleep(removePollMs);
    }
  }

  async close(): Promise<void> {
    // Said again: the first farewell may have been lost.
    this.farewell();
    this.#closed = true;
    clearInterval(this.#timer);
    this.#abort.abort();
    this.#discard();
    this.#underWay.settleAll();
    await this.#nats?.close();
    await this.#replica.close();
  }
}
