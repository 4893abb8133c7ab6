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
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openNats } from '../../cluster/nats/adapters.ts';
import type { NatsAdapters } from '../../cluster/nats/adapters.ts';
import type { NatsOptions } from '../../cluster/nats/options.ts';
import { ClusterNode } from '../../cluster/node.ts';
import type { ClusterEvent, HostPort, Restored } from '../../cluster/ports.ts';
import { defaultLimits, defaultTiming } from '../../cluster/timing.ts';
import type { ClusterLimits, Timing } from '../../cluster/timing.ts';
import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Log } from '../log.ts';
import type { ClusterViewPublisher } from '../server/cluster-view.ts';
import type { Answer } from '../server/engine-port.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { CommitReport } from '../storage/store.ts';
import type { LevelStoreOptions } from '../storage/level-store.ts';
import type { LimitedUse, LimitedUsePorts } from './limited-use.ts';
import { Planner } from './planner.ts';
import type { PlannerPorts } from './planner.ts';
import { outcomeFrom, proposalBytes } from './proposal.ts';
import type { Outcome, Proposal } from './proposal.ts';
import { RepeatedFaults } from './repeated-faults.ts';
import { Replica } from './replica.ts';

const tickMs = 25;
/** What sealing, framing and an entry's own fields add to its works. */
const entryOverheadBytes = 8 * 1024;
/** How long a node without a permit keeps its clients if it hears other nodes: NATS elects within 9 s, and then there is a permit soon. */
const patienceMs = 15_000;
/** Nodes that are there are heard five times a second. */
const hearingMs = 1_000;
/** For giving shares back; a cluster without a primary may take longer than an operator waits. */
const leaveMs = 1_000;
const readyPollMs = 10;
/** A read on this thread that is not stable after this long goes to the primary. */
const stableWaitMs = 1_000;

export const memberTiming: Timing = defaultTiming;
export const memberLimits: ClusterLimits = defaultLimits;

export interface MemberParts {
  readonly nats: Omit<NatsOptions, 'tenureRecordMs'>;
  readonly store: LevelStoreOptions;
  readonly view: ClusterViewPublisher;
  readonly clock: Clock;
  readonly log: Log;
  /** Most proposals and bytes of this node's own clients under way. */
  readonly limits: { readonly writerMessages: number; readonly writerBytes: number };
  /** Usage Limits spent here, once the store is open. */
  limitedUse(replica: Replica, ports: Pick<LimitedUsePorts, 'isNewest' | 'members' | 'grant'>): LimitedUse;
  /** The planner's engine is made once the store is open: it reads the planned view. */
  planner(replica: Replica): Omit<PlannerPorts, 'store' | 'workBytesMax' | 'log'>;
  applied(report: CommitReport): void;
  suspend(): Promise<void>;
  resume(): Promise<void>;
  onFault(error: unknown): void;
}

interface Waiting {
  readonly bytes: number;
  settle(outcome: Outcome | undefined): void;
}

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
  /** Milliseconds for which this node may still answer reads if it hears nothing more. */
  readonly permitMs: number;
  readonly members: readonly string[];
  readonly waiting: number;
  readonly nats: { readonly connected: boolean; readonly server: string; readonly version: string; readonly sent: number; readonly received: number };
}

export class Member {
  readonly #parts: MemberParts;
  readonly #replica: Replica;
  readonly #planner: Planner;
  readonly #waiting = new Map<string, Waiting>();
  readonly #abort = new AbortController();
  readonly #identity = randomUUID();
  readonly #limitedUse: LimitedUse;
  /** Who waits for entries to become stable, up to which. */
  readonly #held = new Set<{ readonly sequence: number; settle(isStable: boolean): void }>();
  /** Newest entry that may be in the store. */
  #begun: number;
  #nats: NatsAdapters | undefined;
  #node: ClusterNode | undefined;
  #permitUntil = 0;
  /** When there was a permit last, and when another node was heard. */
  #permittedAt = Number.NEGATIVE_INFINITY;
  #heardAt = Number.NEGATIVE_INFINITY;
  #proposals = 0;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(parts: MemberParts, replica: Replica) {
    this.#parts = parts;
    this.#replica = replica;
    this.#begun = replica.store.sequence;
    this.#limitedUse = parts.limitedUse(replica, {
      isNewest: () => this.#isNewest(),
      members: () => this.#node?.state.replicated.roster.size ?? 1,
      grant: async (scope, uniqueIdentifier, units) => {
        const outcome = await this.#propose({ kind: 'grant', scope, uniqueIdentifier, units });
        return outcome?.kind === 'granted' ? outcome.units : undefined;
      },
    });
    this.#planner = new Planner({ ...parts.planner(replica), log: parts.log, store: () => replica.store, workBytesMax: memberLimits.entryBytesMax - entryOverheadBytes });
  }

  /** Opens the store and begins to look for the cluster; `ready` resolves when this node may answer reads. */
  static async open(parts: MemberParts): Promise<Member> {
    let member: Member | undefined;
    const { log, view } = parts;
    const { replica, restored, startsEmpty } = await Replica.open({
      options: parts.store,
      limits: { proposalKeptMs: memberTiming.proposalKeptMs, tailEntries: memberLimits.tailEntries, tailBytes: memberLimits.tailBytesMax },
      log,
      emit: (event) => member?.handle(event),
      snapshots: () => member!.#nats!.snapshots,
      plan: (payload) => member!.#planner.plan(payload),
      unplanned: () => member!.#planner.forget(),
      applying: (changed, sequence) => {
        member!.#begun = sequence;
        view.applying(changed, sequence);
      },
      applied: parts.applied,
      suspend: parts.suspend,
      resume: () => {
        member!.#begun = replica.store.sequence;
        view.begin(replica.store.sequence);
        return parts.resume();
      },
      onFault: parts.onFault,
    });
    view.begin(replica.store.sequence);
    member = new Member(parts, replica);
    void member.#join(restored, startsEmpty);
    return member;
  }

  async #join(restored: Restored, startsEmpty: boolean): Promise<void> {
    const { nats: options, clock, log, onFault } = this.#parts;
    const faults = new RepeatedFaults(log, () => clock.monotonic());
    try {
      const nats = await openNats({ ...options, tenureRecordMs: memberTiming.tenureRecordMs }, (event) => this.handle(event), {
        connected: (connected, server) => (connected ? log.info({ server }, 'Connected to NATS.') : log.warn({ server }, 'The connection to NATS is lost.')),
        fault: (fault) => faults.tell(fault),
      }, this.#abort.signal);
      this.#nats = nats;
      if (this.#closed) return await nats.close();
      if (!(await nats.log.isOurs(this.#abort.signal))) {
        throw new Fault('E_CLUSTER_KEY', `The log of cluster ${options.cluster} does not open with this node's root key: give it the root key of the other nodes (KMIPD_ROOT_KEY, or a copy of DIR/root-key).`);
      }
      const host: HostPort = {
        settle: (proposal, result) => this.#settle(proposal, result),
        stable: (sequence) => this.#stable(sequence),
        discard: () => this.#parts.view.permit(0),
      };
      this.#node = new ClusterNode(
        { node: options.node, timing: memberTiming, limits: memberLimits, restored, startsEmpty },
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

  #tick(): void {
    if (this.#parts.view.noticeSleep()) this.#slept();
    this.handle({ kind: 'tick' });
  }

  /** Told to the threads after each step of the protocol, before the protocol says anything to others. */
  #permit(until: number): void {
    this.#permitUntil = until;
    if (until > 0) this.#permittedAt = this.#parts.clock.monotonic();
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
    return this.#waiting.size;
  }

  /** Resolves when everything submitted here is answered. */
  async drained(): Promise<void> {
    while (this.#waiting.size > 0) await sleep(readyPollMs);
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
    const { limits } = this.#parts;
    const refusal = (reason: 'ServerLimitExceeded' | 'GeneralFailure', text: string): Answer => ({ response: refuse(reason, text), items: [], version: 0 });
    if (this.#waiting.size >= limits.writerMessages || this.#bytes + message.length > limits.writerBytes) return refusal('ServerLimitExceeded', 'The server has too many changes under way; try again later.');
    if (message.length > memberLimits.entryBytesMax - entryOverheadBytes) return refusal('ServerLimitExceeded', `A request that changes something may have ${memberLimits.entryBytesMax - entryOverheadBytes} bytes in a cluster.`);
    const answered = await this.#limitedUse.answer(message, credential);
    if (answered !== undefined) return answered;
    const outcome = await this.#propose({ kind: 'message', message, credential });
    if (outcome?.kind === 'answer') return { response: outcome.response, items: outcome.items, version: outcome.version as Answer['version'] };
    return refusal('GeneralFailure', 'The cluster did not answer in time: the change may have taken effect or not.');
  }

  /** A change decided here takes effect if what it changes is still as this node sees it; else a Fault E_CHANGED_MEANWHILE. */
  async change(mutations: readonly Mutation[]): Promise<void> {
    const { store } = this.#replica;
    const outcome = await this.#propose({ kind: 'change', changes: mutations.map((mutation) => ({ before: store.compare(mutation) ?? null, mutation })) });
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

  #propose(proposal: Proposal): Promise<Outcome | undefined> {
    const payload = proposalBytes(proposal);
    this.#proposals += 1;
    const id = `${this.#identity}#${this.#proposals}`;
    this.#bytes += payload.length;
    return new Promise((resolve) => {
      this.#waiting.set(id, { bytes: payload.length, settle: resolve });
      if (this.#closed || this.#node === undefined) this.#settle(id, undefined);
      else queueMicrotask(() => this.handle({ kind: 'submitted', proposal: id, payload }));
    });
  }

  #stable(sequence: number): void {
    this.#parts.view.stable(sequence);
    for (const held of this.#held) if (held.sequence <= sequence) held.settle(true);
  }

  /** After a read on this thread: was it under a permit, and is all that it may have seen stable? */
  async #isNewest(): Promise<boolean> {
    if (!this.mayAnswer) return false;
    const sequence = this.#begun;
    if (sequence <= this.#node!.stable) return true;
    return new Promise((resolve) => {
      const held = {
        sequence,
        settle: (isStable: boolean) => {
          clearTimeout(timer);
          this.#held.delete(held);
          resolve(isStable);
        },
      };
      const timer = setTimeout(() => held.settle(false), stableWaitMs);
      this.#held.add(held);
    });
  }

  #settle(proposal: string, result: Uint8Array | undefined): void {
    const waiting = this.#waiting.get(proposal);
    if (waiting === undefined) return;
    this.#waiting.delete(proposal);
    this.#bytes -= waiting.bytes;
    waiting.settle(result === undefined ? undefined : outcomeFrom(result));
  }

  status(): MemberStatus {
    const { nats: { cluster, node } } = this.#parts;
    const state = this.#node?.state;
    const { replicated } = state ?? {};
    const traffic = this.#nats?.traffic ?? { sent: 0, received: 0 };
    return {
      name: cluster, node,
      role: this.#node?.role ?? 'joining',
      primary: replicated === undefined || replicated.fence.node === '' ? undefined : replicated.fence.node,
      fence: replicated?.fence.counter ?? 0,
      sequence: replicated?.sequence ?? this.#replica.store.sequence,
      applied: state?.applied ?? this.#replica.store.sequence,
      stable: state?.stable ?? 0,
      permitMs: Math.max(0, Math.round(this.#permitUntil - this.#parts.clock.monotonic())),
      members: [...(replicated?.roster.keys() ?? [])],
      waiting: this.#waiting.size,
      nats: { connected: this.#nats?.connected ?? false, server: this.#nats?.server.address ?? '', version: this.#nats?.server.version ?? '', ...traffic },
    };
  }

  /** Before this node ends: shares of Usage Limits go back, and the tenure is handed over if this node has it. */
  async leave(): Promise<void> {
    if (this.mayAnswer) await Promise.race([this.#limitedUse.close(), sleep(leaveMs)]);
    this.handle({ kind: 'yield' });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    this.#abort.abort();
    this.#parts.view.permit(0);
    for (const proposal of [...this.#waiting.keys()]) this.#settle(proposal, undefined);
    await this.#nats?.close();
    await this.#replica.close();
  }
}
