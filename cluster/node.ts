/**
 * A node of the cluster: the role's state machine joined to its ports.
 *
 *   ports --- events ---> handle -> step(state, event, clock) -> effects ---> ports
 *
 * Invariant: the clock is read before each step, and again before an append: a process that slept in between must not offer
 * the log what it decided in a tenure that is over. Effects are carried out in their order, and after `onStep`: readers on
 * other threads lose a permit before anybody is told what depends on that. Reads ask `mayAnswer` (or look at `permitUntil`)
 * after they have read, and wait for `stable` to reach what they saw.
 */
import { holdsPermit, permitUntil } from './permits.ts';
import type { ClusterEvent, Effect, Ports } from './ports.ts';
import { step } from './role.ts';
import { createState, roleOf } from './state.ts';
import type { NodeOptions, NodeState } from './state.ts';
import { tenureOver } from './tenure.ts';

/** What a step left, for readers on other threads. */
export interface StepView {
  /** Until when `mayAnswer` stays true by the own clock if nothing else happens; 0 when it is false. */
  readonly permitUntil: number;
}

export class ClusterNode {
  readonly state: NodeState;
  readonly #ports: Ports;
  readonly #monotonic: () => number;
  readonly #onStep: ((view: StepView) => void) | undefined;

  constructor(options: NodeOptions, ports: Ports, monotonic: () => number, onStep?: (view: StepView) => void) {
    this.state = createState(options, monotonic());
    this.#ports = ports;
    this.#monotonic = monotonic;
    this.#onStep = onStep;
  }

  get role(): ReturnType<typeof roleOf> {
    return roleOf(this.state);
  }

  /** Entries up to this one are stable. */
  get stable(): number {
    return this.state.stable;
  }

  /** Entries that the log lost beyond what this node can put back; 0 when all is well. */
  get logLost(): number {
    return this.state.logLost;
  }

  /** Whether what a read has just seen in the own store was the newest state of the cluster, once it is stable. */
  mayAnswer(): boolean {
    return holdsPermit(this.state, this.#monotonic());
  }

  handle(event: ClusterEvent): void {
    const now = this.#monotonic();
    const effects = step(this.state, event, now);
    this.#onStep?.({ permitUntil: permitUntil(this.state, now) });
    for (const effect of effects) this.#carryOut(effect);
  }

  #carryOut(effect: Effect): void {
    const { log, tenure, peers, store, host } = this.#ports;
    switch (effect.kind) {
      case 'append':
        if (!tenureOver(this.state, this.#monotonic())) log.append(effect.expected, effect.logged);
        return;
      case 'read-log': return log.read(effect.from, effect.count);
      case 'purge': return log.purge(effect.through);
      case 'look': return tenure.look(effect.sentAt);
      case 'claim': return tenure.claim(effect.claim);
      case 'renew': return tenure.renew(effect.claim, effect.revision);
      case 'yield': return tenure.yield(effect.revision);
      case 'send': return peers.send(effect.to, effect.message);
      case 'broadcast': return peers.broadcast(effect.message);
      case 'apply': return store.apply(effect.logged, effect.counts);
      case 'plan': return store.plan(effect.proposal, effect.payload);
      case 'unplan': return store.unplan();
      case 'rebuild': return store.rebuild(effect.below);
      case 'capture': return store.capture();
      case 'publish': return store.publish(effect.sequence);
      case 'settle': return host.settle(effect.proposal, effect.result);
      case 'stable': return host.stable(effect.sequence);
      case 'discard': return host.discard();
    }
  }
}
