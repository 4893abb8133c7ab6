/**
 * A client of one address that does to keys what the workload does, and writes down what it saw. Nothing is asked again by
 * itself, so that a failure is seen where it happened.
 */
import { Connection, ConnectionLostError } from '../../../src/client/connection.ts';
import type { OperationName, RequestOf, ResponseOf } from '../../../src/client/client.ts';
import { readPayload, readResponse, writeRequest } from '../../../src/codec/message.ts';
import { BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, NameType, ObjectType, ResultReason, ResultStatus, RevocationReasonCode, State } from '../../../src/kmip/enums.ts';
import { operations } from '../../../src/operations/index.ts';
import type { Key, KeyCall, KeyHistory, KeyState, Read, Write } from './key-history.ts';
import type { ClientCredential } from './real-node.ts';

const version = 21;
const tagLength = 16;

/** The server answered, and the answer is no. */
export class Refusal extends Error {
  readonly reason: number;

  constructor(reason: number, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** Reasons that are about the key and so an answer; every other one is about the server. */
const aboutTheKey: ReadonlySet<number> = new Set([
  ResultReason.WrongKeyLifecycleState, ResultReason.ObjectNotFound, ResultReason.ItemNotFound, ResultReason.ObjectDestroyed, ResultReason.NonUniqueNameAttribute,
]);

const stateNames: Readonly<Record<number, KeyState>> = { [State.PreActive]: 'pre-active', [State.Active]: 'active', [State.Deactivated]: 'deactivated', [State.Destroyed]: 'destroyed' };

/** Of a node, or of the balancer. */
export interface Address {
  readonly host?: string;
  readonly port: number;
}

export class KeyClient {
  readonly #by: string;
  readonly #history: KeyHistory;
  readonly #connection: Connection;

  constructor(by: string, history: KeyHistory, { host = '127.0.0.1', port }: Address, credential: ClientCredential, timeoutMs: number, pipeline = 1) {
    this.#by = by;
    this.#history = history;
    this.#connection = new Connection({ host, port, serverName: 'localhost', ...credential, timeoutMs, pipeline });
  }

  close(): void {
    this.#connection.destroy();
  }

  /** One operation, asked once; throws a Refusal or a ConnectionLostError. */
  async ask<Name extends OperationName>(operation: Name, request: RequestOf<Name>): Promise<ResponseOf<Name>> {
    const definition = operations.find(({ name }) => name === operation)!;
    const message = writeRequest(version, {}, [{ operation: definition.code, payload: { type: definition.request, value: request } }]);
    const answer = readResponse(await this.#connection.send(message));
    const item = answer.items[0]!;
    if (item.resultStatus !== ResultStatus.Success) throw new Refusal(item.resultReason ?? 0, item.resultMessage ?? 'no message');
    return readPayload(answer, item, definition.response) as ResponseOf<Name>;
  }

  async create(key: Key): Promise<KeyCall> {
    const nameAttribute = { name: 'Name' as const, value: { nameValue: key.name, nameType: NameType.UninterpretedTextString } };
    const attributes = [
      { name: 'CryptographicAlgorithm' as const, value: CryptographicAlgorithm.AES },
      { name: 'CryptographicLength' as const, value: 256 },
      { name: 'CryptographicUsageMask' as const, value: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt },
      nameAttribute,
    ];
    return this.#record(key, 'create', async () => {
      key.id = (await this.ask('Create', { objectType: ObjectType.SymmetricKey, attributes })).uniqueIdentifier;
    });
  }

  activate(key: Key): Promise<KeyCall> {
    return this.#record(key, 'activate', () => this.ask('Activate', { uniqueIdentifier: key.id! }));
  }

  revoke(key: Key): Promise<KeyCall> {
    return this.#record(key, 'revoke', () => this.ask('Revoke', { uniqueIdentifier: key.id!, revocationReason: { revocationReasonCode: RevocationReasonCode.CessationOfOperation } }));
  }

  destroy(key: Key): Promise<KeyCall> {
    return this.#record(key, 'destroy', () => this.ask('Destroy', { uniqueIdentifier: key.id! }));
  }

  state(key: Key): Promise<KeyCall> {
    return this.#record(key, 'state', async (call) => {
      const { attributes } = await this.ask('GetAttributes', { uniqueIdentifier: key.id!, attributeNames: ['State'] }).catch((error: unknown) => {
        if (error instanceof Refusal && (error.reason === ResultReason.ObjectNotFound || error.reason === ResultReason.ItemNotFound)) return { attributes: undefined };
        throw error;
      });
      const state = attributes?.find(({ name }) => name === 'State')?.value as number | undefined;
      call.saw = attributes === undefined ? 'absent' : stateNames[state!];
      if (call.saw === undefined) this.#history.wrongAnswers.push(`${key.name} has state ${state}`);
    });
  }

  locate(key: Key): Promise<KeyCall> {
    return this.#record(key, 'locate', async (call) => {
      const { uniqueIdentifier = [] } = await this.ask('Locate', { attributes: [{ name: 'Name', value: { nameValue: key.name, nameType: NameType.UninterpretedTextString } }] });
      call.found = uniqueIdentifier.length > 0;
      if (uniqueIdentifier.length > 1) this.#history.wrongAnswers.push(`${uniqueIdentifier.length} keys have the name ${key.name}`);
      if (uniqueIdentifier.length === 0) return;
      // A Create whose answer was lost: from here its identifier is known.
      key.id ??= uniqueIdentifier[0]!;
      if (key.id !== uniqueIdentifier[0]) this.#history.wrongAnswers.push(`${key.name} is ${key.id} and ${uniqueIdentifier[0]}`);
    });
  }

  /** GCM with a nonce that the server makes. */
  encrypt(key: Key, plain: Uint8Array): Promise<KeyCall> {
    return this.#record(key, 'encrypt', async () => {
      const { data, ivCounterNonce, authenticatedEncryptionTag } = await this.ask('Encrypt', { uniqueIdentifier: key.id!, cryptographicParameters: { blockCipherMode: BlockCipherMode.GCM, tagLength, randomIV: true }, data: plain });
      this.#history.nonce(key, ivCounterNonce!);
      if (key.sealed.length < 4) key.sealed.push({ plain, data: data!, nonce: ivCounterNonce!, mac: authenticatedEncryptionTag! });
    });
  }

  decrypt(key: Key, index: number): Promise<KeyCall> {
    const { plain, data, nonce, mac } = key.sealed[index]!;
    return this.#record(key, 'decrypt', async () => {
      const answer = await this.ask('Decrypt', { uniqueIdentifier: key.id!, cryptographicParameters: { blockCipherMode: BlockCipherMode.GCM, tagLength }, data, ivCounterNonce: nonce, authenticatedEncryptionTag: mac });
      if (Buffer.compare(answer.data!, plain) !== 0) this.#history.wrongAnswers.push(`Decrypt with ${key.name} gave another plaintext`);
    });
  }

  /** One part of a stream, a use of the key like an Encrypt; gives the part's answer by `onAnswer`. */
  encryptPart(key: Key, request: Omit<RequestOf<'Encrypt'>, 'uniqueIdentifier'>, onAnswer: (answer: ResponseOf<'Encrypt'>) => void): Promise<KeyCall> {
    return this.#record(key, 'encrypt', async () => onAnswer(await this.ask('Encrypt', { uniqueIdentifier: key.id!, ...request })));
  }

  async #record(key: Key, verb: Write | Read, work: (call: KeyCall) => Promise<unknown>): Promise<KeyCall> {
    const call = this.#history.begin(key, verb, this.#by);
    try {
      await work(call);
      this.#history.answer(key, call, 'done');
    } catch (error) {
      call.trouble = (error as Error).message;
      if (error instanceof Refusal && aboutTheKey.has(error.reason)) this.#history.answer(key, call, 'refused');
      else if (!(error instanceof Refusal || error instanceof ConnectionLostError)) throw error;
    }
    return call;
  }
}
