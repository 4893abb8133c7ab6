/**
 * The engine: one request message in, one response message and the mutations that make it true out.
 *
 * Invariants: never throws for what a client sent; every message that has a frame gets an answer, in the request's
 * version, with operation and Unique Batch Item ID echoed as far as they could be read; nothing internal is in it.
 * Mutations take effect only when the caller commits them, and the response may leave only after that.
 *
 * The header of an answer has Protocol Version, Time Stamp and Batch Count and nothing else: no OASIS case echoes a
 * Client Correlation Value, and PyKMIP and libkmip refuse any further field.
 */
import { readRequest, writeResponse } from '../codec/message.ts';
import type { RequestMessage } from '../codec/message.ts';
import { salvageRequest } from '../codec/salvage.ts';
import { BatchErrorContinuationOption } from '../kmip/enums.ts';
import { KmipError } from '../kmip/result.ts';
import type { ResultReasonName } from '../kmip/result.ts';
import type { ProtocolVersion } from '../kmip/version.ts';
import type { Caller } from '../operations/context.ts';
import { failure, headerBytes, leastFailureBytes } from './answer.ts';
import type { Answer, Echo } from './answer.ts';
import { Batch } from './batch.ts';
import type { BatchResult } from './batch.ts';
import { NeedsPrimary } from './environment.ts';
import type { EngineEnvironment, Executed, ObjectReads } from './environment.ts';
import { beginsWithChange } from './first-item.ts';
import { internalError } from './internal-error.ts';
import { answerVersion, checkRequest } from './request-checks.ts';

export type { EngineEnvironment, EngineReport, Executed, ItemOutcome } from './environment.ts';

export class Engine {
  readonly #environment: EngineEnvironment;

  constructor(environment: EngineEnvironment) {
    this.#environment = environment;
  }

  /**
   * Executes a message of whole and exact length. `mayMutate` is true on the writing thread only. `store` stands in for the environment's
   * where somebody wants to know what this message reads.
   */
  execute(bytes: Uint8Array, caller: Caller, mayMutate: boolean, store: ObjectReads = this.#environment.store): Executed | Promise<Executed> {
    if (!mayMutate && beginsWithChange(bytes, caller)) return { needsPrimary: true };
    let message: RequestMessage;
    try {
      message = readRequest(bytes);
    } catch (error) {
      const { version, items } = salvageRequest(bytes);
      return this.#refused(answerVersion(version), items.length === 1 ? items : [{}], error);
    }
    const version = answerVersion(message.version);
    try {
      checkRequest(message, this.#environment.limits);
      if (!answersFit(message)) throw new KmipError('ResponseTooLarge', `Maximum Response Size ${message.header.maximumResponseSize} has no room for an answer to each of ${message.items.length} items`);
      const batch = new Batch(this.#environment, { message, caller, mayMutate, store, version, now: Math.floor(this.#environment.clock() / 1000) });
      const result = batch.run();
      if (!(result instanceof Promise)) return this.#executed(version, result);
      return result.then((each) => this.#executed(version, each)).catch((error: unknown) => this.#failed(version, message, error));
    } catch (error) {
      return this.#failed(version, message, error);
    }
  }

  /** An error answer to what is not executed at all: a message that is too long, a server that is overloaded. `head` is what there is of the request. */
  refuse(reason: ResultReasonName, text: string, version?: ProtocolVersion, head: Uint8Array = new Uint8Array(0)): Uint8Array {
    const salvage = salvageRequest(head);
    const answered = answerVersion(version ?? salvage.version);
    return this.#respond(answered, [failure(salvage.items[0] ?? {}, new KmipError(reason, text), answered)]);
  }

  #failed(version: ProtocolVersion, message: RequestMessage, error: unknown): Executed {
    if (error instanceof NeedsPrimary) return { needsPrimary: true };
    // Every item is told, so that each client finds its own; but not at a length that the client cannot take.
    const tooMany = message.items.length > this.#environment.limits.batchItemsMax || !answersFit(message);
    return this.#refused(version, message.items.length === 0 || tooMany ? message.items.slice(0, 1) : message.items, error);
  }

  #refused(version: ProtocolVersion, echoes: readonly Echo[], error: unknown): Executed {
    const kmipError = error instanceof KmipError ? error : internalError(this.#environment, undefined, error);
    const answers = (echoes.length === 0 ? [{}] : echoes).map((echo) => failure(echo, kmipError, version));
    return this.#executed(version, { answers, mutations: [] });
  }

  #executed(version: ProtocolVersion, { answers, mutations }: BatchResult): Executed {
    const items = answers.map((answer) => ({ operation: answer.operation ?? 0, reason: answer.resultReason ?? 0 }));
    return { needsPrimary: false, response: this.#respond(version, answers), mutations, items, version };
  }

  #respond(version: ProtocolVersion, answers: readonly Answer[]): Uint8Array {
    return writeResponse(version, { timeStamp: Math.floor(this.#environment.clock() / 1000) }, answers);
  }
}

/** Whether even the shortest answers fit into the client's Maximum Response Size: with Continue every item gets one. */
function answersFit({ header, items }: RequestMessage): boolean {
  if (header.maximumResponseSize === undefined || header.batchErrorContinuationOption !== BatchErrorContinuationOption.Continue) return true;
  return items.reduce((sum, item) => sum + leastFailureBytes(item), headerBytes) <= header.maximumResponseSize;
}
