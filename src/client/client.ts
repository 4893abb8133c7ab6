/**
 * KmipClient: a typed KMIP client. Its methods are the operation list: `client.create(…)`, `client.encrypt(…)`, each with the
 * request and response that the operation's file declares.
 *
 *     const client = new KmipClient({ host, port, certificate, privateKey, authority });
 *     const { uniqueIdentifier } = await client.create({ objectType: ObjectType.SymmetricKey, attributes: [...] });
 *
 * Calls may overlap: they are pipelined on one connection. A connection that is lost is made again; operations that
 * change nothing are asked once more by themselves, others fail with ConnectionLostError and may have taken effect.
 */
import { Connection, ConnectionLostError } from './connection.ts';
import type { ConnectionOptions } from './connection.ts';
import { CipherStream } from './streams.ts';
import type { CipherStreamOptions } from './streams.ts';
import { readPayload, readResponse, writeRequest } from '../codec/message.ts';
import { ResultReason, ResultStatus } from '../kmip/enums.ts';
import { newestVersion } from '../kmip/version.ts';
import type { ProtocolVersion } from '../kmip/version.ts';
import { operations } from '../operations/index.ts';
import type { Infer } from '../kmip/schema.ts';

type AnyOperation = (typeof operations)[number];
export type OperationName = AnyOperation['name'];
type Named<Name extends OperationName> = Extract<AnyOperation, { readonly name: Name }>;
export type RequestOf<Name extends OperationName> = Infer<Named<Name>['request']>;
export type ResponseOf<Name extends OperationName> = Infer<Named<Name>['response']>;

type Methods = {
  readonly [Name in OperationName as Uncapitalize<Name>]: (request: RequestOf<Name>) => Promise<ResponseOf<Name>>;
};

export interface ClientOptions extends ConnectionOptions {
  /** Protocol version of every request, 10 … 21; default 21. */
  readonly version?: ProtocolVersion;
}

/** The server answered an item with a failure. */
export class KmipFailure extends Error {
  readonly operation: OperationName;
  /** Result Reason value. */
  readonly reason: number;

  constructor(operation: OperationName, reason: number, message: string) {
    const name = Object.entries(ResultReason).find(([, value]) => value === reason)?.[0] ?? `0x${reason.toString(16)}`;
    super(`${operation} failed: ${name}: ${message}`);
    this.name = 'KmipFailure';
    this.operation = operation;
    this.reason = reason;
  }
}

export interface BatchCall<Name extends OperationName = OperationName> {
  readonly operation: Name;
  readonly request: RequestOf<Name>;
}

const byName: ReadonlyMap<string, AnyOperation> = new Map(operations.map((each) => [each.name, each]));

class Client {
  readonly #connection: Connection;
  readonly version: ProtocolVersion;

  constructor(options: ClientOptions) {
    this.#connection = new Connection(options);
    this.version = options.version ?? newestVersion;
    for (const { name } of operations) {
      const method = name.charAt(0).toLowerCase() + name.slice(1);
      Object.defineProperty(this, method, { value: (request: never) => this.call(name, request), enumerable: true });
    }
  }

  /** One operation in a message of its own. */
  async call<Name extends OperationName>(operation: Name, request: RequestOf<Name>): Promise<ResponseOf<Name>> {
    const [outcome] = await this.batch([{ operation, request }]);
    if (outcome instanceof Error) throw outcome;
    return outcome as ResponseOf<Name>;
  }

  /** Several operations in one message, in order; each gives its response, or the failure as a value. */
  async batch<const Calls extends readonly BatchCall[]>(calls: Calls): Promise<{ [Index in keyof Calls]: ResponseOf<Calls[Index]['operation']> | KmipFailure }> {
    const definitions = calls.map((call) => byName.get(call.operation)!);
    const message = writeRequest(
      this.version,
      calls.length > 1 ? { batchOrderOption: true } : {},
      calls.map((call, index) => ({
        operation: definitions[index]!.code,
        ...(calls.length > 1 && { uniqueBatchItemID: Uint8Array.of(index >> 8, index & 255) }),
        payload: { type: definitions[index]!.request, value: call.request },
      })),
    );
    const repeatable = definitions.every((definition) => definition.effect !== 'mutates');
    const answer = readResponse(await this.#send(message, repeatable));
    if (answer.items.length === 1 && calls.length > 1) throw failureOf(calls[0]!.operation, answer.items[0]!);
    return calls.map((call, index) => {
      const item = answer.items[index];
      if (item === undefined) return new KmipFailure(call.operation, ResultReason.OperationCanceledByRequester, 'an earlier item of the batch failed');
      if (item.resultStatus !== ResultStatus.Success) return failureOf(call.operation, item);
      return readPayload(answer, item, definitions[index]!.response);
    }) as never;
  }

  /** Sends an encoded message as it is and gives the answer's bytes: for tools and tests. */
  sendRaw(message: Uint8Array): Promise<Uint8Array> {
    return this.#connection.send(message);
  }

  encryptStream(options: CipherStreamOptions): CipherStream {
    return new CipherStream(this as unknown as KmipClient, 'encrypt', options);
  }

  decryptStream(options: CipherStreamOptions): CipherStream {
    return new CipherStream(this as unknown as KmipClient, 'decrypt', options);
  }

  close(): Promise<void> {
    return this.#connection.close();
  }

  destroyConnection(): void {
    this.#connection.destroy();
  }

  async #send(message: Uint8Array, repeatable: boolean): Promise<Uint8Array> {
    try {
      return await this.#connection.send(message);
    } catch (error) {
      if (!repeatable || !(error instanceof ConnectionLostError)) throw error;
      return this.#connection.send(message);
    }
  }
}

function failureOf(operation: OperationName, item: { readonly resultReason?: number; readonly resultMessage?: string }): KmipFailure {
  return new KmipFailure(operation, item.resultReason ?? ResultReason.GeneralFailure, item.resultMessage ?? 'the server gave no message');
}

export type KmipClient = Client & Methods;
export const KmipClient = Client as unknown as new (options: ClientOptions) => KmipClient;
