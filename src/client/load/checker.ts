/**
 * Looks into a share of a load run's answers: fast answers that are wrong are worth nothing. An Encrypt's ciphertext is
 * given to the server's Decrypt, on a connection of its own; other answers are compared with what the slot says.
 */
import { readPayload, readResponse } from '../../codec/message.ts';
import { CryptographicAlgorithm, ResultStatus } from '../../kmip/enums.ts';
import { operations } from '../../operations/index.ts';
import { KmipClient } from '../client.ts';
import type { ConnectionOptions } from '../connection.ts';
import { keyBits } from './own-keys.ts';
import type { LoadOperation, LoadPlan } from './plan.ts';
import { decryptRequest, slotData } from './requests.ts';
import type { Tally } from './tally.ts';

/** Checks under way at once; an answer that comes meanwhile is let pass. */
const atOnce = 8;

const responses: Readonly<Record<LoadOperation, string>> = {
  encrypt: 'Encrypt', decrypt: 'Decrypt', get: 'Get', 'get-attributes': 'GetAttributes', locate: 'Locate', create: 'Create', register: 'Register', query: 'Query', 'discover-versions': 'DiscoverVersions',
};

const same = (left: Uint8Array | undefined, right: Uint8Array | undefined): boolean => left !== undefined && right !== undefined && Buffer.compare(left, right) === 0;

export class Checker {
  readonly #plan: LoadPlan;
  readonly #identifiers: readonly string[];
  readonly #tally: Tally;
  readonly #client: KmipClient;
  readonly #underWay = new Set<Promise<void>>();
  /** Key bytes by identifier, from the first Get. */
  readonly #keys = new Map<string, Uint8Array>();

  constructor(plan: LoadPlan, connection: ConnectionOptions, identifiers: readonly string[], tally: Tally) {
    this.#plan = plan;
    this.#identifiers = identifiers;
    this.#tally = tally;
    this.#client = new KmipClient({ ...connection, version: plan.version, timeoutMs: plan.timeoutMs });
  }

  /** Checks one item of an answer whose items all succeeded. */
  check(operation: LoadOperation, variant: number, answer: Uint8Array): void {
    if (this.#underWay.size >= atOnce) return;
    const work = this.#verdict(operation, variant, answer)
      .catch((error: unknown) => (error instanceof Error ? error.message : String(error)))
      .then((wrong) => {
        this.#tally.checked += 1;
        if (wrong === undefined) return;
        this.#tally.wrong += 1;
        this.#tally.firstWrong ??= `${operation}: ${wrong}`;
      })
      .finally(() => this.#underWay.delete(work));
    this.#underWay.add(work);
  }

  async finish(): Promise<void> {
    await Promise.all(this.#underWay);
    this.#client.destroyConnection();
  }

  /** What is wrong with the answer, if anything. */
  async #verdict(operation: LoadOperation, variant: number, answer: Uint8Array): Promise<string | undefined> {
    const message = readResponse(answer);
    const index = variant % this.#plan.batch;
    const item = message.items[index];
    if (message.items.length !== this.#plan.batch || item === undefined) return `the answer has ${message.items.length} items, ${this.#plan.batch} were asked`;
    if (item.resultStatus !== ResultStatus.Success) return `Result Status is ${item.resultStatus}`;
    const definition = operations.find((each) => each.name === responses[operation])!;
    const payload = readPayload(message, item, definition.response) as Record<string, unknown>;
    const slot = variant * this.#plan.batch + index;
    const identifier = this.#identifiers[slot % this.#identifiers.length]!;
    const named = payload['uniqueIdentifier'];
    switch (operation) {
      case 'encrypt': {
        const { data } = await this.#client.decrypt(decryptRequest(this.#plan, this.#identifiers, slot, payload));
        return same(data, slotData(this.#plan, slot)) ? undefined : 'what was encrypted decrypts to something else';
      }
      case 'decrypt': return same(payload['data'] as Uint8Array | undefined, slotData(this.#plan, slot % this.#identifiers.length)) ? undefined : 'the plaintext is another';
      case 'get': return named === identifier ? this.#keyVerdict(identifier, payload) : `the answer is about ${String(named)}`;
      case 'get-attributes': {
        const attributes = payload['attributes'] as readonly { name: string; value: unknown }[] | undefined;
        const algorithm = attributes?.find(({ name }) => name === 'CryptographicAlgorithm')?.value;
        return named === identifier && algorithm === CryptographicAlgorithm.AES ? undefined : 'the attributes are not those of the key';
      }
      case 'locate': return (named as readonly string[] | undefined)?.includes(identifier) === true ? undefined : 'the key is not found by its name';
      case 'create':
      case 'register': return typeof named === 'string' && named !== '' ? undefined : 'no identifier came';
      case 'query':
      case 'discover-versions': return undefined;
    }
  }

  #keyVerdict(identifier: string, payload: Record<string, unknown>): string | undefined {
    const { keyBlock } = (payload['symmetricKey'] ?? {}) as { keyBlock?: { keyValue?: { keyMaterial?: { value?: unknown } } } };
    const material = keyBlock?.keyValue?.keyMaterial?.value;
    if (!(material instanceof Uint8Array) || material.length * 8 !== keyBits) return `no key of ${keyBits} bits came`;
    const earlier = this.#keys.get(identifier);
    if (earlier === undefined) this.#keys.set(identifier, Uint8Array.from(material));
    return earlier === undefined || same(earlier, material) ? undefined : 'the key is another than at first';
  }
}
