/**
 * An engine with everything around it but sockets: the memory store, the real core, a clock that is set by hand.
 *
 * Messages go the way they go in a node: first to a worker's engine that may not mutate, then, when it says so, to the
 * writing thread's, and mutations are committed before the answer is given. Answers are decoded by the tests' own
 * codec (`test/harness/ttlv.ts`), or by the product's for typed calls.
 */
import { Buffer } from 'node:buffer';
import { randomBytes, randomUUID } from 'node:crypto';
import { readPayload, readResponse, writeRequest } from '../../src/codec/message.ts';
import type { ResponseItem } from '../../src/codec/message.ts';
import { createCipherPort } from '../../src/engine/cipher-port.ts';
import type { EngineEnvironment, EngineReport, Executed } from '../../src/engine/environment.ts';
import { Engine } from '../../src/engine/execute.ts';
import { defaultEngineLimits } from '../../src/engine/limits.ts';
import type { EngineLimits } from '../../src/engine/limits.ts';
import { createStreamPort } from '../../src/engine/stream-port.ts';
import type { Fields, Infer, StructureType } from '../../src/kmip/schema.ts';
import type { RequestHeader } from '../../src/kmip/messages.ts';
import { ResultReason, ResultStatus } from '../../src/kmip/enums.ts';
import type { Caller } from '../../src/operations/context.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ReadStore } from '../../src/storage/store.ts';
import { CoreCrypto } from '../../src/wasm/crypto.ts';
import { compileCore, instantiateCore } from '../../src/wasm/load.ts';
import { parse, print } from '../harness/text.ts';
import { decode, encode } from '../harness/ttlv.ts';
import type { Item } from '../harness/ttlv.ts';

const module = compileCore();

/** Noon of 1 July 2026 (UTC), where every harness starts. */
export const startOfTime = Date.UTC(2026, 6, 1, 12) / 1000;

export interface HarnessOptions {
  readonly permissions?: readonly string[];
  readonly limits?: Partial<EngineLimits>;
  /** Takes what the engine reports; without it a report fails the test. */
  report?(report: EngineReport): void;
}

export type Done = Exclude<Executed, { readonly needsPrimary: true }> & { readonly onPrimary: boolean };

/** A failed item, thrown by `perform`. */
export class AnswerError extends Error {
  readonly reason: string;
  constructor(item: ResponseItem) {
    const reason = Object.entries(ResultReason).find(([, value]) => value === item.resultReason)?.[0] ?? String(item.resultReason);
    super(`${reason}: ${item.resultMessage ?? 'no Result Message'}`);
    this.reason = reason;
  }
}

export function createHarness(options: HarnessOptions = {}) {
  const store = createMemoryStore({ scopes: ['alpha', 'beta'] });
  const clock = { now: startOfTime };
  const streamKey = randomBytes(32);
  let nonces = 0;
  const callerOf = (scope: string, credential = `credential of ${scope}`): Caller => ({ scope, role: 'tester', permissions: options.permissions ?? ['operation_all'], credential });
  const engineOver = (view: ReadStore): Engine => {
    const environment: EngineEnvironment = {
      store: view,
      ciphers: createCipherPort(new CoreCrypto(instantiateCore(module))),
      streams: createStreamPort(streamKey),
      server: { vendorIdentification: 'kmipd', serverVersion: '0.0.0', serverName: 'harness' },
      limits: { ...defaultEngineLimits, ...options.limits },
      clock: () => clock.now * 1000,
      random: (length) => randomBytes(length),
      newUniqueIdentifier: () => randomUUID(),
      uniqueNonce() {
        nonces += 1;
        const nonce = Buffer.alloc(12);
        nonce.writeUInt32BE(nonces, 8);
        return nonce;
      },
      report: options.report ?? (({ error, operation }) => { throw new Error(`the engine reported an internal error in ${operation ?? 'a message'}`, { cause: error }); }),
    };
    return new Engine(environment);
  };
  const workers = [engineOver(store), engineOver(store)];
  const primary = engineOver(store.pending());
  let turn = 0;

  /** Executes bytes as a node does; each message goes to another worker than the one before. */
  async function execute(bytes: Uint8Array, caller: Caller = callerOf('alpha')): Promise<Done> {
    turn += 1;
    const first = await workers[turn % workers.length]!.execute(bytes, caller, false);
    if (!first.needsPrimary) return { ...first, onPrimary: false };
    const second = await primary.execute(bytes, caller, true);
    if (second.needsPrimary) throw new Error('the writing thread handed a message on');
    await store.commit(second.mutations);
    return { ...second, onPrimary: true };
  }

  /** Sends a message of the tests' text form or items, and gives the answer as an item. */
  async function send(message: string | Item, caller?: Caller): Promise<Item> {
    const { response } = await execute(encode(typeof message === 'string' ? parse(message) : message), caller);
    return decode(response);
  }

  /** As `send`, the answer in text form. */
  async function sendText(message: string | Item, caller?: Caller): Promise<string> {
    return print(await send(message, caller));
  }

  /** Several operations in one message, payloads typed by nothing; the response items with their payloads read. */
  async function batch(
    items: readonly { readonly operation: Operation; readonly payload: unknown }[],
    how: { version?: number; header?: Partial<RequestHeader>; caller?: Caller } = {},
  ): Promise<readonly (ResponseItem & { readonly payload?: unknown })[]> {
    const version = how.version ?? 14;
    const bytes = writeRequest(version, how.header ?? {}, items.map(({ operation, payload }, index) => ({
      operation: operation.code,
      ...(items.length > 1 ? { uniqueBatchItemID: Uint8Array.of(index + 1) } : {}),
      payload: { type: operation.request, value: payload },
    })));
    const { response } = await execute(bytes, how.caller);
    const message = readResponse(response);
    return message.items.map((item, index) => (item.payloadRow === undefined ? item : { ...item, payload: readPayload(message, item, items[index]!.operation.response) }));
  }

  /** One operation with a typed request; its typed response, or an AnswerError. */
  async function perform<Request extends StructureType<Fields>, Response extends StructureType<Fields>>(
    operation: Operation<Request, Response>,
    payload: Infer<Request>,
    how: { version?: number; caller?: Caller } = {},
  ): Promise<Infer<Response>> {
    const [item] = await batch([{ operation: operation as unknown as Operation, payload }], how);
    if (item === undefined || item.resultStatus !== ResultStatus.Success) throw new AnswerError(item!);
    return item.payload as Infer<Response>;
  }

  return { store, clock, workers, primary, callerOf, execute, send, sendText, batch, perform };
}

export type Harness = ReturnType<typeof createHarness>;
