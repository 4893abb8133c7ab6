/**
 * A node whose state is kept by its cluster: the member (member.ts) with an engine to plan with.
 *
 * All nodes share the server's root key, and what they need in common before they can ask each other is derived from it: the
 * key that seals what goes through NATS, and the key of stream states, so that a stream goes on at any node.
 *
 * Invariant: the planner's nonces have a prefix of their own, taken by the very work that uses it first in a tenure: the work
 * is answered once its entry is in the log, and with it the prefix. What was planned and forgotten was answered to nobody, and
 * the next tenure begins with another prefix.
 */
import { createSecretKey, hkdfSync } from 'node:crypto';
import type { NatsOptions } from '../../cluster/nats/options.ts';
import type { ClusterLimits, Timing } from '../../cluster/timing.ts';
import { identifyFingerprint } from '../identity/identify.ts';
import type { Caller } from '../operations/context.ts';
import { ClusterViewPublisher } from '../server/cluster-view.ts';
import { createEngine } from '../server/engine-parts.ts';
import type { EnginePort } from '../server/engine-port.ts';
import type { Keeper, KeeperEvents, KeeperParts } from '../server/keeper.ts';
import { isServersOwn } from '../server/own-settings.ts';
import { warmUpPlanning } from '../server/warm-up.ts';
import type { ReadStore } from '../storage/store.ts';
import { LimitedUse } from './limited-use.ts';
import { Member } from './member.ts';
import { PlannerNonces } from './planner-nonces.ts';
import type { Replica } from './replica.ts';
import type { MemberStatus } from './status.ts';

export interface MemberKeeperParts extends KeeperParts {
  /** `available`: this node is of use to clients although it is cut off. */
  readonly consistency: 'linearizable' | 'available';
  readonly timing: Timing;
  readonly clusterLimits: ClusterLimits;
  readonly nats: Omit<NatsOptions, 'tenureRecordMs' | 'key'>;
  planned(seconds: number): void;
}

export interface MemberKeeper extends Keeper {
  readonly clusterView: SharedArrayBuffer;
  status(): MemberStatus;
}

export async function openMemberKeeper(parts: MemberKeeperParts, events: KeeperEvents): Promise<{ readonly keeper: MemberKeeper; readonly streamKey: Uint8Array }> {
  const { core, crossovers, server, clock, log, limits, store: { rootKey }, nats: { cluster } } = parts;
  const streamKey = derived(rootKey, `kmipd/${cluster}/stream`);
  const sealingKey = derived(rootKey, `kmipd/${cluster}/nats`);
  const view = new ClusterViewPublisher();
  let engine: EnginePort | undefined;
  const callerOf = (credential: string, store: ReadStore): Caller | undefined => identifyFingerprint(store, credential, Math.floor(clock.now() / 1000)).caller;
  let member: Member | undefined;
  let limited: { readonly store: ReadStore; readonly engine: Promise<EnginePort> } | undefined;
  const engineOn = (replica: Replica): { readonly engine: EnginePort; readonly nonces: PlannerNonces } => {
    const nonces = new PlannerNonces(() => replica.store.nextNoncePrefix);
    return { nonces, engine: createEngine({ store: delegating(() => replica.store.planned()), core, crossovers, streamKey, nonces: nonces.source, server, clock, log }).engine };
  };
  const opened = await Member.open({
    nats: { ...parts.nats, key: createSecretKey(sealingKey) },
    timing: parts.timing,
    clusterLimits: parts.clusterLimits,
    store: parts.store,
    view, clock, log, limits,
    planner(replica) {
      const planning = engineOn(replica);
      engine = planning.engine;
      return { ...planning, clock, callerOf, planned: parts.planned };
    },
    limitedUse: (replica, ports) => new LimitedUse({
      ...ports,
      engine: () => {
        const { store } = replica;
        // As threads do, it starts anew with the store: the history that it had its prefix from may be none any more.
        if (limited?.store !== store) limited = { store, engine: member!.takeNoncePrefix().then((noncePrefix) => createEngine({ store, core, crossovers, streamKey, noncePrefix, server, clock, log }).engine) };
        return limited.engine;
      },
      store: () => replica.store,
      callerOf: (credential) => callerOf(credential, replica.store),
      monotonic: () => clock.monotonic(),
    }),
    applied: events.changed,
    suspend: events.suspend,
    resume: events.resume,
    onFault: events.onFault,
  });
  member = opened;
  sealingKey.fill(0);
  // An engine of its own: the member's may be planning already.
  await warmUpPlanning(engineOn(opened.replica).engine, clock);
  const keeper: MemberKeeper = {
    view: delegating(() => opened.replica.store.planned()),
    clusterView: view.memory,
    get queued() { return opened.queued; },
    get sequence() { return opened.replica.store.sequence; },
    notReady: () => (opened.mayAnswer ? undefined : 'not in touch with the cluster: no permit to answer reads'),
    read: (look) => opened.read(look),
    sendsAway: () => (opened.isInTouch || parts.consistency === 'available' ? undefined : 'not in touch with the cluster'),
    ready: () => opened.ready(),
    submit: (message, credential) => opened.submit(message, credential, (reason, text) => engine!.refuse(reason, text, undefined, message)),
    commit: (mutations) => opened.change(mutations),
    takeNoncePrefix: () => opened.takeNoncePrefix(),
    backup: (mark) => opened.backup({ mark, isNodesOwn: isServersOwn }),
    status: () => opened.status(),
    leave: () => opened.leave(),
    drained: () => opened.drained(),
    farewell: () => opened.farewell(),
    removeMember: (node) => opened.removeMember(node),
    close: () => opened.close(),
  };
  return { keeper, streamKey };
}

function derived(rootKey: Uint8Array, purpose: string): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', rootKey, new Uint8Array(0), purpose, 32));
}

/** The store of a member is another one after it was made anew; who reads it should not have to know. */
function delegating(current: () => ReadStore): ReadStore {
  return {
    fetch: (...parts) => current().fetch(...parts),
    glance: (...parts) => current().glance(...parts),
    candidates: (...parts) => current().candidates(...parts),
    candidatesAtOnce: (...parts) => current().candidatesAtOnce?.(...parts),
    scope: (...parts) => current().scope(...parts),
    scopes: () => current().scopes(),
    role: (...parts) => current().role(...parts),
    roles: (...parts) => current().roles(...parts),
    credential: (...parts) => current().credential(...parts),
    credentials: (...parts) => current().credentials(...parts),
    setting: (...parts) => current().setting(...parts),
  };
}
