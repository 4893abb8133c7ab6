/**
 * Builds a thread's engine from real parts: the core's ciphers, the stream key, clock, randomness, nonces.
 *
 * Used alike by workers and by the main thread; they differ in the store they give.
 */
import { Engine } from '../engine/execute.ts';
import { createCipherPort } from '../engine/cipher-port.ts';
import { defaultEngineLimits } from '../engine/limits.ts';
import { createStreamPort } from '../engine/stream-port.ts';
import type { CipherPort, ServerFacts } from '../operations/context.ts';
import type { ReadStore } from '../storage/store.ts';
import { AcceleratedCrypto, scaledCrossovers } from '../wasm/accelerator.ts';
import type { Crossovers } from '../wasm/accelerator.ts';
import { CoreCrypto } from '../wasm/crypto.ts';
import { FastPath } from '../wasm/fast-path.ts';
import { instantiateCore } from '../wasm/load.ts';
import type { CoreInstance } from '../wasm/load.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { identifierSource, nonceSource, systemRandom } from '../random.ts';
import type { NonceSource } from '../random.ts';
import type { EnginePort } from './engine-port.ts';

export interface EngineParts {
  readonly store: ReadStore;
  readonly core: WebAssembly.Module;
  /** Undefined: the core alone. */
  readonly crossovers: Crossovers | undefined;
  readonly streamKey: Uint8Array;
  /** The prefix of the thread's own nonces; or where they come from. */
  readonly noncePrefix?: number;
  readonly nonces?: NonceSource;
  readonly server: ServerFacts;
  readonly clock: Clock;
  readonly log: Log;
}

/** An engine, and what its thread has in common with it. */
export interface ThreadParts {
  readonly engine: EnginePort;
  readonly ciphers: CipherPort;
  readonly instance: CoreInstance;
  /** The thread's one source of nonces. */
  readonly nonces: NonceSource;
}

export function createEngine(parts: EngineParts): ThreadParts {
  const instance = instantiateCore(parts.core);
  const nonces = parts.nonces ?? nonceSource(parts.noncePrefix ?? Number.NaN);
  const core = new CoreCrypto(instance);
  const ciphers = createCipherPort(parts.crossovers === undefined ? core : new AcceleratedCrypto(core, parts.crossovers));
  const engine = new Engine({
    store: parts.store,
    ciphers,
    streams: createStreamPort(parts.streamKey),
    server: parts.server,
    clock: () => parts.clock.now(),
    random: systemRandom,
    newUniqueIdentifier: identifierSource(parts.clock),
    uniqueNonce: nonces,
    limits: defaultEngineLimits,
    report: ({ correlationId, operation, error }) => parts.log.error({ correlationId, operation, error }, 'Executing a batch item failed inside.'),
  });
  return { engine, ciphers, instance, nonces };
}

/**
 * How much longer data may be on the fast path than where node:crypto begins to win in the engine: the engine around it costs some 50
 * microseconds more than the fast path, a part of them for the collector. Measured, the two meet at 40 times (decision 0027).
 */
const fastPathShare = 40;

/** The fast path of a thread, in the instance and with the nonces of its engine. */
export function createFastPath(instance: CoreInstance, nonces: NonceSource, slots: number, crossovers: Crossovers | undefined): FastPath {
  const { batchItemsMax, responseBytesMax } = defaultEngineLimits;
  const dataBytesMax = crossovers && scaledCrossovers(crossovers, fastPathShare);
  return new FastPath(instance, { slots, batchItemsMax, responseBytesMax, dataBytesMax, nonces, random: systemRandom });
}
