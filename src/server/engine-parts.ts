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
import { AcceleratedCrypto } from '../wasm/accelerator.ts';
import type { Crossovers } from '../wasm/accelerator.ts';
import { CoreCrypto } from '../wasm/crypto.ts';
import { instantiateCore } from '../wasm/load.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import { identifierSource, nonceSource, systemRandom } from '../random.ts';
import type { EnginePort } from './engine-port.ts';

export interface EngineParts {
  readonly store: ReadStore;
  readonly core: WebAssembly.Module;
  /** Undefined: the core alone. */
  readonly crossovers: Crossovers | undefined;
  readonly streamKey: Uint8Array;
  readonly noncePrefix: number;
  readonly server: ServerFacts;
  readonly clock: Clock;
  readonly log: Log;
}

export function createEngine(parts: EngineParts): { readonly engine: EnginePort; readonly ciphers: CipherPort } {
  const core = new CoreCrypto(instantiateCore(parts.core));
  const ciphers = createCipherPort(parts.crossovers === undefined ? core : new AcceleratedCrypto(core, parts.crossovers));
  const engine = new Engine({
    store: parts.store,
    ciphers,
    streams: createStreamPort(parts.streamKey),
    server: parts.server,
    clock: () => parts.clock.now(),
    random: systemRandom,
    newUniqueIdentifier: identifierSource(parts.clock),
    uniqueNonce: nonceSource(parts.noncePrefix),
    limits: defaultEngineLimits,
    report: ({ correlationId, operation, error }) => parts.log.error({ correlationId, operation, error }, 'Executing a batch item failed inside.'),
  });
  return { engine, ciphers };
}
