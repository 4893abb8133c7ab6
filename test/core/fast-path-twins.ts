// Two ways to answer a message, side by side: the core's fast path and the TypeScript engine, over one store, with the same
// clock, the same nonces and the same random bytes. What the tests of the fast path stand on.

import { FAST_REQUEST_BYTES, FAST_RESPONSE_BYTES } from '../../core/abi.ts';
import { createCipherPort } from '../../src/engine/cipher-port.ts';
import type { Executed } from '../../src/engine/environment.ts';
import { Engine } from '../../src/engine/execute.ts';
import { defaultEngineLimits } from '../../src/engine/limits.ts';
import { cipherPermissions, slotContents } from '../../src/engine/slot-contents.ts';
import { createStreamPort } from '../../src/engine/stream-port.ts';
import type { AttributeTypes } from '../../src/kmip/attribute-table.ts';
import { CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType, State } from '../../src/kmip/enums.ts';
import { ItemType } from '../../src/kmip/item-types.ts';
import type { Material } from '../../src/kmip/managed.ts';
import { Tag } from '../../src/kmip/tags.ts';
import type { Caller } from '../../src/operations/context.ts';
import { nonceSource } from '../../src/random.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { FastPath } from '../../src/wasm/fast-path.ts';
import type { FastPathResult } from '../../src/wasm/fast-path.ts';
import type { CoreInstance } from '../../src/wasm/load.ts';
import type { CoreUnderTest } from './cores.ts';
import { seededRandom } from './cores.ts';

/** Noon of 1 July 2026 (UTC). */
export const startOfTime = Date.UTC(2026, 6, 1, 12) / 1000;
export const scope = 'alpha';
export const scopeNumber = 7;
const prefix = 0xfee1dead;
const randomSeed = 91;

export type KeyAttributes = { readonly [Name in keyof AttributeTypes]?: AttributeTypes[Name] };
type Answered = Exclude<Executed, { readonly needsPrimary: true }>;

export function rawMaterial(key: Uint8Array): Material {
  const keyValue = { keyMaterial: { tag: Tag.KeyMaterial, type: ItemType.ByteString, value: key } };
  return { keyBlock: { keyFormatType: KeyFormatType.Raw, keyValue, cryptographicAlgorithm: CryptographicAlgorithm.AES, cryptographicLength: key.length * 8 } };
}

export interface TwinsOptions {
  readonly slots?: number;
  readonly permissions?: readonly string[];
  /** Nonces that the fast path takes at once; few, so that it has to ask often. */
  readonly nonceGrant?: number;
  /** Random bytes that are all alike, for messages where only one of both draws some. */
  readonly evenRandom?: boolean;
}

export function createTwins(core: CoreUnderTest, options: TwinsOptions = {}) {
  const store = createMemoryStore({ scopes: [scope] });
  const clock = { now: startOfTime };
  const caller: Caller = { scope, role: 'tester', permissions: options.permissions ?? ['operation_all'], credential: 'c' };
  const instance: CoreInstance = core.instance();
  const fastRandom = seededRandom(randomSeed);
  const fastNonces = nonceSource(prefix);
  const fast = new FastPath(instance, {
    slots: options.slots ?? 16, batchItemsMax: defaultEngineLimits.batchItemsMax, responseBytesMax: defaultEngineLimits.responseBytesMax,
    nonces: fastNonces, random: (length) => (options.evenRandom === true ? new Uint8Array(length).fill(0x5a) : fastRandom.bytes(length)), nonceGrant: options.nonceGrant ?? 7,
  });
  const engineRandom = seededRandom(randomSeed);
  // The seed of the slots' hash came first.
  engineRandom.bytes(4);
  const sources: { nonces: () => Uint8Array; random(length: number): Uint8Array } = {
    nonces: nonceSource(prefix), random: (length) => (options.evenRandom === true ? new Uint8Array(length).fill(0x5a) : engineRandom.bytes(length)),
  };
  const engine = new Engine({
    store, clock: () => clock.now * 1000, ciphers: createCipherPort(core.crypto()), streams: createStreamPort(new Uint8Array(32)),
    server: { vendorIdentification: 'kmipd', serverVersion: '0.0.0', serverName: 'twins' }, limits: defaultEngineLimits,
    random: (length) => sources.random(length), newUniqueIdentifier: () => 'none', uniqueNonce: () => sources.nonces(),
  });
  const loads: string[] = [];
  let ordinal = 0;

  /** Stores a key: Active AES for Encrypt and Decrypt, unless told otherwise. Gives its identifier. */
  async function put(key: Uint8Array, attributes: KeyAttributes = {}, material: Material | undefined = rawMaterial(key), objectType: number = ObjectType.SymmetricKey): Promise<string> {
    ordinal += 1;
    const uniqueIdentifier = `6f1c0000-0000-7000-8000-${String(ordinal).padStart(12, '0')}`;
    const all: KeyAttributes = {
      UniqueIdentifier: uniqueIdentifier, ObjectType: objectType, State: State.Active, CryptographicAlgorithm: CryptographicAlgorithm.AES,
      CryptographicLength: key.length * 8, CryptographicUsageMask: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt, ...attributes,
    };
    const map = new Map(Object.entries(all).filter(([, value]) => value !== undefined).map(([name, value]) => [name, [{ index: 0, value }]]));
    await store.commit([{ kind: 'managed-created', managed: { scope, uniqueIdentifier, objectType, revision: 1, attributes: map, ...(material === undefined ? {} : { material }) } }]);
    return uniqueIdentifier;
  }

  /** The fast path's answer, slots loaded as they are missed. */
  function answerFast(message: Uint8Array): FastPathResult {
    let result = fast.handle(message, scopeNumber, cipherPermissions(caller), clock.now);
    while (result.kind === 'slot-missing') {
      const managed = store.fetch(scope, result.uniqueIdentifier);
      if (managed === undefined) {
        fast.forget();
        return { kind: 'host' };
      }
      loads.push(result.uniqueIdentifier);
      const { facts, key } = slotContents(managed);
      if (fast.loadSlot(scopeNumber, result.uniqueIdentifier, facts, key) < 0) throw new Error('the slot was not loaded');
      result = fast.resume();
    }
    if (result.kind !== 'answer') return result;
    const answer = { ...result, response: Uint8Array.from(result.response) };
    fast.forget();
    return answer;
  }

  function answerEngine(message: Uint8Array): Answered {
    const executed = engine.execute(message, caller, false);
    if (executed instanceof Promise) throw new Error('Encrypt and Decrypt do not wait');
    if (executed.needsPrimary) return { ...executed, needsPrimary: false, response: new Uint8Array(0), mutations: [], items: [], version: 0 };
    return executed;
  }

  /** Has the engine make its next nonces from a number on. */
  function setNonces(first: bigint): void {
    const from = nonceSource(prefix);
    from.take(Number(first));
    sources.nonces = from;
  }

  /** Whether the regions of the fast path hold nothing but zeros. */
  function regionsAreClean(): boolean {
    const { exports } = instance;
    const memory = Buffer.from(exports.memory.buffer);
    const zero = (start: number, length: number): boolean => memory.compare(Buffer.alloc(length), 0, length, start, start + length) === 0;
    return zero(exports.requestRegion(), FAST_REQUEST_BYTES) && zero(exports.responseRegion(), FAST_RESPONSE_BYTES);
  }

  return { regionsAreClean, setNonces, store, clock, caller, instance, fast, fastNonces, engine, sources, loads, put, answerFast, answerEngine };
}

export type Twins = ReturnType<typeof createTwins>;
