/**
 * What the server needs of an engine, so that threads and connections are tested with a small one of a test's own.
 *
 * Invariant: `execute` never throws for bad input; a message that is no KMIP gets an error answer.
 */
import type { Caller } from '../operations/context.ts';
import type { ProtocolVersion } from '../kmip/version.ts';
import type { ResultReasonName } from '../kmip/result.ts';
import type { Executed, ItemOutcome, ObjectReads } from '../engine/environment.ts';

export type { Executed, ItemOutcome, ObjectReads };

export interface EnginePort {
  /** `store`: what objects are read from, where not from the engine's own. */
  execute(message: Uint8Array, caller: Caller, mayMutate: boolean, store?: ObjectReads): Executed | Promise<Executed>;
  /** An error answer for what is not executed: too long, overload. `head` is what there is of the request. */
  refuse(reason: ResultReasonName, text: string, version?: ProtocolVersion, head?: Uint8Array): Uint8Array;
}

/** An answer and what the metrics want to know of it. */
export interface Answer {
  readonly response: Uint8Array;
  readonly items: readonly ItemOutcome[];
  readonly version: ProtocolVersion;
}
