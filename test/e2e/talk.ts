/**
 * A client's conversation with the server: each answer goes through assertAnswerShape before a test sees it.
 *
 * `Site` is one running server with a scope of its own for each product under test, so that one product's keys are
 * never found by another. `Talk` is one TLS connection.
 */
import assert from 'node:assert/strict';
import { enumerationTable } from '../../src/kmip/enums.ts';
import { encode, find, findAll, item, request, WireConnection } from '../harness/wire.ts';
import type { ConnectionRequest, Credential, Item, RequestItem } from '../harness/wire.ts';
import { startServer } from '../harness/server.ts';
import type { RunningServer, ServerRequest } from '../harness/server.ts';
import { assertAnswerShape } from './answer-shape.ts';

/** One batch item of an answer. */
export interface Answer {
  readonly operation: string | undefined;
  readonly ok: boolean;
  /** CamelCase name of the Result Reason of a failure. */
  readonly reason: string | undefined;
  readonly message: string | undefined;
  readonly payload: Item | undefined;
  readonly id: Uint8Array | undefined;
}

function nameOf(table: Readonly<Record<string, readonly [number, number?, number?]>>, value: unknown): string | undefined {
  return Object.entries(table).find(([, row]) => row[0] === value)?.[0];
}

export function answersOf(message: Item): Answer[] {
  return findAll(message, 'BatchItem').map((each) => ({
    operation: nameOf(enumerationTable.Operation, find(each, 'Operation')?.value),
    ok: find(each, 'ResultStatus')?.value === 0,
    reason: nameOf(enumerationTable.ResultReason, find(each, 'ResultReason')?.value),
    message: find(each, 'ResultMessage')?.value as string | undefined,
    payload: find(each, 'ResponsePayload'),
    id: find(each, 'UniqueBatchItemID')?.value as Uint8Array | undefined,
  }));
}

/** The payload of an answer that must be a success. */
export function payloadOf(answer: Answer | undefined): Item {
  assert.ok(answer !== undefined, 'no answer');
  assert.ok(answer.ok, `${answer.operation} failed: ${answer.reason}: ${answer.message}`);
  return answer.payload!;
}

/** Asserts a failure with one of the reasons. */
export function assertRefused(answer: Answer | undefined, ...reasons: readonly string[]): void {
  assert.ok(answer !== undefined, 'no answer');
  assert.ok(!answer.ok, `${answer.operation} must fail with ${reasons.join(' or ')}, it succeeded`);
  assert.ok(reasons.includes(answer.reason!), `${answer.operation} failed with ${answer.reason} (${answer.message}), allowed ${reasons.join(', ')}`);
}

export const identifierOf = (payload: Item): string => find(payload, 'UniqueIdentifier')!.value as string;
export const identifiersOf = (payload: Item): string[] => findAll(payload, 'UniqueIdentifier').map((each) => each.value as string);
export const byIdentifier = (identifier: string): Item => item('UniqueIdentifier', identifier);
export const bytesOf = (source: Item | undefined): Buffer => Buffer.from((source?.value ?? new Uint8Array()) as Uint8Array);

/** Key material of a Get answer, whatever the object. */
export function materialOf(payload: Item): Buffer {
  const holder = find(payload, 'SymmetricKey') ?? find(payload, 'SecretData');
  const material = find(holder, 'KeyBlock', 'KeyValue', 'KeyMaterial');
  assert.ok(material !== undefined, 'no key material');
  return bytesOf(material);
}

export const nameAttributeValue = (name: string): Item[] => [item('NameValue', name), item('NameType', 'UninterpretedTextString')];

export class Talk {
  readonly wire: WireConnection;

  constructor(wire: WireConnection) {
    this.wire = wire;
  }

  /** Sends bytes as they are and returns the answer's items. */
  async exchange(bytes: Uint8Array, pieces: readonly number[] = []): Promise<Answer[]> {
    const before = this.wire.records.length;
    await this.wire.send(bytes, pieces);
    const response = await this.wire.receive();
    return answersOf(assertAnswerShape(bytes, response, this.wire.records.slice(before)));
  }

  /** One message of several items; `header` are further header fields in their order. */
  batch(version: number, items: readonly RequestItem[], header: readonly Item[] = []): Promise<Answer[]> {
    return this.exchange(encode(request(version, items, header)));
  }

  /** One message of one item. */
  async ask(version: number, operation: string, payload: readonly (Item | undefined)[], options: { id?: Uint8Array; header?: readonly Item[] } = {}): Promise<Answer> {
    const answers = await this.batch(version, [options.id === undefined ? { operation, payload } : { operation, payload, id: options.id }], options.header);
    assert.equal(answers.length, 1);
    return answers[0]!;
  }

  /** The payload of one operation that must succeed. */
  async must(version: number, operation: string, payload: readonly (Item | undefined)[], options: { id?: Uint8Array; header?: readonly Item[] } = {}): Promise<Item> {
    return payloadOf(await this.ask(version, operation, payload, options));
  }

  close(): Promise<void> {
    return this.wire.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.wire.close();
  }
}

export class Site {
  private server: RunningServer | undefined;
  private readonly credentials = new Map<string, Promise<Credential>>();

  async start(options: ServerRequest = {}): Promise<void> {
    this.server = await startServer(options);
  }

  async stop(): Promise<void> {
    const code = await this.server?.stop();
    if (this.server !== undefined) assert.equal(code, 0, `the server ended with ${code}:\n${this.running.log()}`);
  }

  get running(): RunningServer {
    assert.ok(this.server !== undefined, 'the server was not started');
    return this.server;
  }

  /** The credential of a scope, made at its first use. */
  credential(scope: string): Promise<Credential> {
    let made = this.credentials.get(scope);
    if (made === undefined) {
      made = this.running.generateCredential({ scope, role: 'client', create: true });
      this.credentials.set(scope, made);
    }
    return made;
  }

  async talk(scope: string, options: Partial<ConnectionRequest> = {}): Promise<Talk> {
    return new Talk(await this.running.connect({ credential: await this.credential(scope), ...options }));
  }

  /** A connection for one exchange, as most products open one. */
  async once<Result>(scope: string, use: (talk: Talk) => Promise<Result>, options: Partial<ConnectionRequest> = {}): Promise<Result> {
    const talk = await this.talk(scope, options);
    try {
      return await use(talk);
    } finally {
      await talk.close();
    }
  }
}
