/**
 * The items of one request, one after the other (KMIP 1.4 §6.12 to §6.15 and §11.43).
 *
 *     item ── permission ── read payload ── plan ── encode ── fits? ──> answer, mutations join the message's
 *       └── fails ──> Stop: the rest is not answered │ Continue: on with the next │ Undo: all before is taken back
 *
 * Invariants: an item whose answer cannot be sent takes no effect. What was answered to be undone gave nothing away that
 * had to be paid for: an undone Encrypt under Usage Limits loses its payload with its count. Items run in the
 * order of the request whatever the Batch Order Option. No pause unless an operation itself waits (Locate).
 */
import { encodePayload, readPayload } from '../codec/message.ts';
import type { RequestItem, RequestMessage } from '../codec/message.ts';
import { BatchErrorContinuationOption } from '../kmip/enums.ts';
import { mayPerform } from '../identity/policy.ts';
import { KmipError } from '../kmip/result.ts';
import { structure } from '../kmip/schema.ts';
import { oldestVersion } from '../kmip/version.ts';
import type { ProtocolVersion } from '../kmip/version.ts';
import type { Caller, Context } from '../operations/context.ts';
import { discoverVersions } from '../operations/discover-versions.ts';
import { operationByCode, supportedOperations } from '../operations/index.ts';
import type { Operation, Plan } from '../operations/operation.ts';
import type { Mutation } from '../storage/mutation.ts';
import { answerBytes, failure, fitted, headerBytes, leastFailureBytes, success, undone } from './answer.ts';
import type { Answer } from './answer.ts';
import { requirePermission } from './authorize.ts';
import { encodings } from './encoding-port.ts';
import { BatchData } from './batch-data.ts';
import { NeedsPrimary, needsPrimary } from './environment.ts';
import type { EngineEnvironment, ObjectReads } from './environment.ts';
import { unlistedReason } from './escaping-reasons.ts';
import { BatchIdentifiers } from './identifiers.ts';
import { internalError } from './internal-error.ts';
import { MessageView } from './message-view.ts';

export interface BatchInput {
  readonly message: RequestMessage;
  readonly caller: Caller;
  readonly mayMutate: boolean;
  readonly store: ObjectReads;
  /** Version of the answer. */
  readonly version: ProtocolVersion;
  /** Seconds since the epoch. */
  readonly now: number;
}

export interface BatchResult {
  readonly answers: readonly Answer[];
  readonly mutations: readonly Mutation[];
}

interface Done {
  readonly answer: Answer;
  /** Undoing leaves the payload: nothing was used up to make it. */
  readonly keepsPayload: boolean;
}

/** What an Ephemeral item answers (KMIP 2.1 §8.3): its output is for later items of the batch alone. */
const emptyPayload = encodePayload(structure('ResponsePayload', {}), {}, oldestVersion);

export class Batch {
  readonly #environment: EngineEnvironment;
  readonly #input: BatchInput;
  readonly #view: MessageView;
  readonly #identifiers = new BatchIdentifiers();
  readonly #data = new BatchData();
  readonly #option: number;
  readonly #bytesMax: number;
  readonly #done: Done[] = [];
  /** Bytes to keep free, from each item on, for the least that may have to be said of what follows. */
  readonly #reserved: readonly number[];
  #bytes = headerBytes;

  constructor(environment: EngineEnvironment, input: BatchInput) {
    this.#environment = environment;
    this.#input = input;
    this.#view = new MessageView(input.store, input.caller.scope, input.mayMutate ? environment.limits.writerLooksMax : undefined);
    const { header } = input.message;
    this.#option = header.batchErrorContinuationOption ?? BatchErrorContinuationOption.Stop;
    this.#bytesMax = Math.min(header.maximumResponseSize ?? Number.MAX_SAFE_INTEGER, environment.limits.responseBytesMax);
    const least = input.message.items.map(leastFailureBytes);
    this.#reserved = this.#option === BatchErrorContinuationOption.Continue ? sumsFrom(least) : least;
  }

  /** Throws NeedsPrimary when an item has to change something and may not here. */
  run(): BatchResult | Promise<BatchResult> {
    const { message, mayMutate } = this.#input;
    if (!mayMutate && message.items.some((item) => this.#mutates(item))) throw needsPrimary;
    return this.#runFrom(0);
  }

  #runFrom(first: number): BatchResult | Promise<BatchResult> {
    const { items } = this.#input.message;
    for (let index = first; index < items.length; index += 1) {
      const item = items[index]!;
      const operation = this.#operationOf(item);
      let planned: Plan<unknown> | Promise<Plan<unknown>>;
      try {
        planned = this.#plan(item, operation);
      } catch (error) {
        if (this.#fail(index, operation, error)) break;
        continue;
      }
      if (planned instanceof Promise) {
        return planned
          .then((plan) => this.#finish(index, operation!, plan), (error: unknown) => this.#fail(index, operation, error))
          .then((stop) => (stop ? this.#result() : this.#runFrom(index + 1)));
      }
      if (this.#finish(index, operation!, planned)) break;
    }
    return this.#result();
  }

  /** The operation, if the request's version has it. */
  #operationOf(item: RequestItem): Operation | undefined {
    const operation = operationByCode(item.operation);
    const { version } = this.#input;
    if (operation === undefined || operation.code === discoverVersions.code) return operation;
    return version >= operation.since && version <= (operation.until ?? version) ? operation : undefined;
  }

  #mutates(item: RequestItem): boolean {
    const operation = this.#operationOf(item);
    if (operation?.effect !== 'mutates') return false;
    try {
      requirePermission(this.#input.caller, operation);
      return true;
    } catch {
      return false;
    }
  }

  #plan(item: RequestItem, operation: Operation | undefined): Plan<unknown> | Promise<Plan<unknown>> {
    if (operation === undefined) throw new KmipError('OperationNotSupported', `operation ${item.operation} is not supported in this protocol version`);
    requirePermission(this.#input.caller, operation);
    const payload = readPayload(this.#input.message, item, operation.request);
    return operation.plan(this.#context(), payload);
  }

  /** Takes a plan in; true where the batch stops. */
  #finish(index: number, operation: Operation, plan: Plan<unknown>): boolean {
    const item = this.#input.message.items[index]!;
    let takeBack: (() => void) | undefined;
    try {
      const answer = success(item, item.ephemeral === true ? emptyPayload : encodePayload(operation.response, plan.response, this.#input.version));
      takeBack = this.#view.plan(plan.mutations ?? []);
      const bytes = this.#bytes + answerBytes(answer);
      if (bytes + this.#reserve(index + 1) > this.#bytesMax) {
        throw new KmipError('ResponseTooLarge', `the response would take ${bytes} bytes; ${this.#bytesMax} are allowed`);
      }
      this.#bytes = bytes;
      this.#done.push({ answer, keepsPayload: operation.effect === 'mutates' || (plan.mutations ?? []).length === 0 });
      this.#identifiers.answered(operation.code, plan.response);
      this.#data.answered(operation.name, plan.response);
      if ('placeholder' in plan) this.#identifiers.placeholder = plan.placeholder;
      return false;
    } catch (error) {
      takeBack?.();
      return this.#fail(index, operation, error);
    }
  }

  /** Answers a failed item; true where the batch stops. */
  #fail(index: number, operation: Operation | undefined, error: unknown): boolean {
    if (error instanceof NeedsPrimary) throw error;
    const item = this.#input.message.items[index]!;
    const kmipError = error instanceof KmipError ? error : internalError(this.#environment, operation?.name, error);
    const gap = operation === undefined ? undefined : unlistedReason(operation, kmipError);
    if (gap !== undefined) internalError(this.#environment, operation?.name, gap);
    const room = this.#bytesMax - this.#bytes - this.#reserve(index + 1);
    const answer = fitted(failure(item, kmipError, this.#input.version), room);
    if (operation?.emptiesPlaceholderOnFailure === true) this.#identifiers.placeholder = undefined;
    if (this.#option === BatchErrorContinuationOption.Undo) {
      this.#view.clear();
      for (let earlier = 0; earlier < this.#done.length; earlier += 1) {
        const { answer: before, keepsPayload } = this.#done[earlier]!;
        this.#done[earlier] = { answer: undone(before, keepsPayload), keepsPayload };
      }
    }
    this.#bytes += answerBytes(answer);
    this.#done.push({ answer, keepsPayload: false });
    return this.#option !== BatchErrorContinuationOption.Continue;
  }

  #reserve(first: number): number {
    return this.#reserved[first] ?? 0;
  }

  #result(): BatchResult {
    return { answers: this.#done.map(({ answer }) => answer), mutations: this.#view.mutations };
  }

  #context(): Context {
    const { ciphers, streams, server, random, newUniqueIdentifier, uniqueNonce } = this.#environment;
    const { version, now, caller, mayMutate } = this.#input;
    const view = this.#view;
    const identifiers = this.#identifiers;
    const data = this.#data;
    return {
      version,
      now,
      caller,
      view,
      placeholder: identifiers.placeholder,
      ciphers,
      streams,
      encodings,
      server,
      operations: () => supportedOperations(version).filter((each) => mayPerform(caller, each.testPermission)).map((each) => each.code),
      random,
      newUniqueIdentifier,
      uniqueNonce,
      mayMutate,
      resolveIdentifier: (requested) => identifiers.resolve(requested),
      earlierData: (reference) => data.earlier(reference),
      fetchManaged(requested) {
        const uniqueIdentifier = identifiers.resolve(requested);
        const managed = view.fetch(uniqueIdentifier);
        if (managed === undefined) throw new KmipError('ObjectNotFound', `object ${uniqueIdentifier} does not exist`);
        return managed;
      },
      needsPrimary() {
        throw needsPrimary;
      },
    };
  }
}

/** At each place the sum of it and all after it. */
function sumsFrom(values: readonly number[]): readonly number[] {
  const sums = [...values];
  for (let index = sums.length - 2; index >= 0; index -= 1) sums[index]! += sums[index + 1]!;
  return sums;
}
