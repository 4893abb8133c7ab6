/**
 * What a node asks the primary to do, and what it is told: contents of a proposal's payload and result.
 *
 *   message        a KMIP request and whose it is       -> answer          the KMIP response
 *   change         mutations, each with what it is for  -> changed         or `conflict`: a record is not what the node saw
 *   grant          units of a key's Usage Limits        -> granted         how many; negative ones go back
 *   nonce-prefix   a thread wants one                   -> nonce-prefix    that no thread of any node had or will have
 *
 * Invariant: they travel and rest sealed (peers, log, store). A change is a compare-and-set, so what a node decided by its own
 * view takes effect only if that view is still the newest.
 */
import { decode, encode } from '../storage/cbor.ts';
import type { ItemOutcome } from '../engine/environment.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { ReplicaStore } from '../storage/replica-store.ts';

export interface ComparedMutation {
  /** Hex SHA-256 of the target record before, or null where there must be none. */
  readonly before: string | null;
  readonly mutation: Mutation;
}

/** A change as this node sees its ground now. What makes something new wants nothing there, whatever has come there since it was decided. */
export function compared(store: Pick<ReplicaStore, 'compare'>, mutations: readonly Mutation[]): readonly ComparedMutation[] {
  return mutations.map((mutation) => ({ before: makesNew(mutation) ? null : (store.compare(mutation) ?? null), mutation }));
}

/** Scopes and roles are made once and never replaced: a second scope's root key in place of the first one's would lose all its objects. */
function makesNew({ kind }: Mutation): boolean {
  return kind === 'scope-put' || kind === 'role-put' || kind === 'managed-created';
}

export type Proposal =
  | { readonly kind: 'message'; readonly message: Uint8Array; readonly credential: string }
  | { readonly kind: 'change'; readonly changes: readonly ComparedMutation[] }
  | { readonly kind: 'grant'; readonly scope: string; readonly uniqueIdentifier: string; readonly units: number }
  | { readonly kind: 'nonce-prefix' };

export type Outcome =
  | { readonly kind: 'answer'; readonly response: Uint8Array; readonly items: readonly ItemOutcome[]; readonly version: number }
  | { readonly kind: 'changed' }
  | { readonly kind: 'conflict' }
  | { readonly kind: 'granted'; readonly units: number }
  | { readonly kind: 'nonce-prefix'; readonly prefix: number };

export const proposalBytes = (proposal: Proposal): Uint8Array => encode(proposal);
export const proposalFrom = (bytes: Uint8Array): Proposal => decode(bytes) as Proposal;
export const outcomeBytes = (outcome: Outcome): Uint8Array => encode(outcome);
export const outcomeFrom = (bytes: Uint8Array): Outcome => decode(bytes) as Outcome;
export const mutationsBytes = (mutations: readonly Mutation[]): Uint8Array => encode(mutations);
export const mutationsFrom = (bytes: Uint8Array): readonly Mutation[] => decode(bytes) as readonly Mutation[];
