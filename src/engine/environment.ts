/**
 * What the engine needs of the process it runs in: one environment for each thread, built where the thread starts.
 */
import type { ProtocolVersion } from '../kmip/version.ts';
import type { CipherPort, ServerFacts, StreamPort } from '../operations/context.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { ReadStore } from '../storage/store.ts';
import type { EngineLimits } from './limits.ts';

/** What a message reads of its scope's objects. */
export type ObjectReads = Pick<ReadStore, 'fetch' | 'glance' | 'candidates' | 'candidatesAtOnce'>;

export interface EngineEnvironment {
  /** On a worker its read handle; on the writing thread the pending view. */
  readonly store: ReadStore;
  readonly ciphers: CipherPort;
  readonly streams: StreamPort;
  readonly server: ServerFacts;
  readonly limits: EngineLimits;
  /** Milliseconds since the epoch. */
  clock(): number;
  random(length: number): Uint8Array;
  newUniqueIdentifier(): string;
  uniqueNonce(): Uint8Array;
  /** Where faults and bugs go, which a client is not told; absent: nowhere. */
  report?(report: EngineReport): void;
}

export interface EngineReport {
  /** What the client was told in place of the error. */
  readonly correlationId: string;
  /** Operation name, where one was under way. */
  readonly operation: string | undefined;
  readonly error: unknown;
}

export interface ItemOutcome {
  /** Operation value; 0 where the request's could not be read. */
  readonly operation: number;
  /** Result Reason value; 0: success. */
  readonly reason: number;
}

export type Executed =
  | { readonly needsPrimary: true }
  | {
      readonly needsPrimary: false;
      readonly response: Uint8Array;
      readonly mutations: readonly Mutation[];
      readonly items: readonly ItemOutcome[];
      readonly version: ProtocolVersion;
    };

/** Thrown through an operation that has to change something on a thread that may not: the message goes to the writing thread. */
export class NeedsPrimary extends Error {
  constructor() {
    super('the message has to be executed where mutations may be planned');
    this.name = 'NeedsPrimary';
  }
}

/** The one that is thrown: it says nothing of the place it comes from, and each change of a client would pay for a stack trace. */
export const needsPrimary = new NeedsPrimary();
