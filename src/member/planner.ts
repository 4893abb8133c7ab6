/**
 * The primary's planner: a proposal in, its mutations and result out, decided on everything planned before it.
 *
 * Invariant: never throws for what a proposal holds: a bad message gets an error answer, a change that no longer fits is a
 * conflict, and both are results like any other, so that asking again gives the same. What is decided here (time, identifiers,
 * randomness, keys) stands in the mutations; no other node decides anything.
 */
import assert from 'node:assert';
import type { Caller } from '../operations/context.ts';
import type { EnginePort } from '../server/engine-port.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { targetOf } from '../storage/apply.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { ReplicaStore } from '../storage/replica-store.ts';
import type { ReadStore } from '../storage/store.ts';
import { planGrant } from './limited-use.ts';
import type { PlannerNonces } from './planner-nonces.ts';
import { mutationsBytes, outcomeBytes, proposalFrom } from './proposal.ts';
import type { Outcome, Proposal } from './proposal.ts';

export interface PlannerPorts {
  readonly engine: EnginePort;
  readonly log: Log;
  store(): ReplicaStore;
  /** The caller that a credential stands for now, or undefined once it is revoked. */
  callerOf(credential: string, store: ReadStore): Caller | undefined;
  readonly nonces: PlannerNonces;
  readonly clock: Clock;
  /** Longest mutations and result together, so that an entry with them fits into the log. */
  readonly workBytesMax: number;
  planned(seconds: number): void;
}

export interface PlannedWork {
  readonly mutations: Uint8Array;
  readonly result: Uint8Array;
  readonly decided: readonly Mutation[];
}

interface Decision {
  readonly mutations: readonly Mutation[];
  readonly outcome: Outcome;
}

export class Planner {
  readonly #ports: PlannerPorts;

  constructor(ports: PlannerPorts) {
    this.#ports = ports;
  }

  async plan(payload: Uint8Array): Promise<PlannedWork> {
    const { clock, log, nonces, planned, workBytesMax } = this.#ports;
    const began = clock.monotonic();
    const proposal = proposalFrom(payload);
    const decision = await this.#decide(proposal);
    const prefix = nonces.toTake;
    const work = workOf(prefix === undefined ? decision : { ...decision, mutations: [{ kind: 'nonce-prefix-taken', prefix }, ...decision.mutations] });
    planned((clock.monotonic() - began) / 1000);
    if (work.mutations.length + work.result.length <= workBytesMax) {
      if (prefix !== undefined) nonces.taken();
      return work;
    }
    log.warn({ bytes: work.mutations.length + work.result.length, most: workBytesMax }, 'A change is too long for the log of the cluster.');
    return workOf({ mutations: [], outcome: this.#tooLong(proposal) });
  }

  /** A failure that changes nothing. */
  refuse(payload: Uint8Array): PlannedWork {
    const proposal = proposalFrom(payload);
    if (proposal.kind === 'grant') return workOf({ mutations: [], outcome: { kind: 'granted', units: 0 } });
    if (proposal.kind !== 'message') return workOf({ mutations: [], outcome: { kind: 'conflict' } });
    return workOf(refusal(this.#ports.engine.refuse('GeneralFailure', 'The server failed to execute the request.', undefined, proposal.message)));
  }

  /** What was planned and is not in the log is forgotten. */
  forget(): void {
    this.#ports.nonces.forget();
  }

  async #decide(proposal: Proposal): Promise<Decision> {
    const store = this.#ports.store();
    switch (proposal.kind) {
      case 'message':
        return this.#execute(proposal.message, proposal.credential);
      case 'change': {
        const fits = this.#standsOn(proposal.changes.map(({ mutation }) => mutation)) && proposal.changes.every(({ before, mutation }) => (store.compare(mutation) ?? null) === before);
        return fits ? { mutations: proposal.changes.map(({ mutation }) => mutation), outcome: { kind: 'changed' } } : { mutations: [], outcome: { kind: 'conflict' } };
      }
      case 'grant': {
        const { granted, mutations } = planGrant(store.planned().fetch(proposal.scope, proposal.uniqueIdentifier), proposal.units);
        return { mutations, outcome: { kind: 'granted', units: granted } };
      }
      case 'nonce-prefix': {
        // The planner's own prefix may still have to be taken, by this very work.
        const prefix = store.nextNoncePrefix + (this.#ports.nonces.toTake === undefined ? 0 : 1);
        return { mutations: [{ kind: 'nonce-prefix-taken', prefix }], outcome: { kind: 'nonce-prefix', prefix } };
      }
    }
  }

  /** Whether each scope that something is put into is there: its node may have seen one planned that was forgotten since. */
  #standsOn(mutations: readonly Mutation[]): boolean {
    const view = this.#ports.store().planned();
    return mutations.every((mutation, index) => {
      const { scope } = targetOf(mutation);
      return scope === '' || view.scope(scope) !== undefined || mutations.slice(0, index).some((earlier) => earlier.kind === 'scope-put' && earlier.record.scope === scope);
    });
  }

  async #execute(message: Uint8Array, credential: string): Promise<Decision> {
    const { engine, log, callerOf, store } = this.#ports;
    const caller = callerOf(credential, store().planned());
    if (caller === undefined) return refusal(engine.refuse('AuthenticationNotSuccessful', 'The client certificate is not accepted any more.', undefined, message));
    try {
      const executed = await engine.execute(message, caller, true);
      assert(!executed.needsPrimary, 'the planner is the primary');
      const { response, items, version, mutations } = executed;
      return { mutations, outcome: { kind: 'answer', response, items, version } };
    } catch (error) {
      log.error({ error }, 'A message could not be executed on the primary.');
      return refusal(engine.refuse('GeneralFailure', 'The server failed to execute the request.', undefined, message));
    }
  }

  #tooLong(proposal: Proposal): Outcome {
    if (proposal.kind !== 'message') return { kind: 'conflict' };
    return refusal(this.#ports.engine.refuse('ServerLimitExceeded', 'The change and its answer are too long for the log of the cluster; send smaller batches or objects.', undefined, proposal.message)).outcome;
  }
}

function workOf({ mutations, outcome }: Decision): PlannedWork {
  return { mutations: mutationsBytes(mutations), result: outcomeBytes(outcome), decided: mutations };
}

function refusal(response: Uint8Array): Decision {
  return { mutations: [], outcome: { kind: 'answer', response, items: [], version: 0 } };
}
