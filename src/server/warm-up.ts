/**
 * Runs the hot code before a worker listens, so that the first clients do not pay for its compilation.
 *
 * Invariant: it touches no object and no counter: ciphers with a key of zeros, and messages of a caller whose scope
 * does not exist. It ends after a set time whatever it reached.
 */
import type { Caller, CipherPort } from '../operations/context.ts';
import type { Clock } from '../clock.ts';
import { DATE_ALWAYS, DATE_NEVER, PERMISSION_ENCRYPT } from '../../core/abi.ts';
import { BlockCipherMode, CryptographicUsageMask, PaddingMethod, State } from '../kmip/enums.ts';
import type { FastPath, SlotFacts } from '../wasm/fast-path.ts';
import { wipe } from '../secret.ts';
import type { ReadStore } from '../storage/store.ts';
import type { EnginePort } from './engine-port.ts';
import { byteArrays } from './object-cache.ts';
import { create, discoverVersions, encrypt } from './rehearsal-messages.ts';

/** Long enough for the optimising compiler to have seen the ciphers and the codec; short beside a process start. */
const warmUpMs = 100;
const messagesPerRound = 20;

/** Of reading from the store; so often each object, and so many objects of a scope. */
const readingMs = 50;
const readsEach = 20;

/** As long as one, and of zeros. */
const nobodysCertificate = new Uint8Array(700);

/** Of planning on the main thread, which the start of a process does less of. */
const planningMs = 60;

const planner: Caller = { scope: '', role: '', permissions: ['operation_all'], credential: '' };
const nobody: Caller = { scope: '', role: '', permissions: [], credential: '' };

const warmUpKey = 'warm-up';
/** The number of no scope. */
const noScope = 0;
const facts: SlotFacts = {
  flags: 0, state: State.Active, usageMask: CryptographicUsageMask.Encrypt, parameters: [],
  activation: DATE_NEVER, deactivation: DATE_NEVER, processStart: DATE_ALWAYS, protectStop: DATE_NEVER,
};

/** Runs the core's fast path on a key of zeros for the given number of rounds; its slot is dropped again. */
function warmFastPath(fastPath: FastPath, rounds: number): void {
  const messages = [16, 64, 256, 1024].map((length) => encrypt(14, warmUpKey, length));
  const slot = fastPath.loadSlot(noScope, warmUpKey, facts, new Uint8Array(32));
  for (let round = 0; round < rounds; round += 1) for (const message of messages) fastPath.handle(message, noScope, PERMISSION_ENCRYPT, 0);
  fastPath.forget();
  fastPath.dropSlot(slot);
}

export async function warmUp(engine: EnginePort, ciphers: CipherPort, clock: Clock, fastPath?: FastPath): Promise<void> {
  const discovery = discoverVersions(14);
  const key = new Uint8Array(32);
  const iv = new Uint8Array(12);
  const none = new Uint8Array(0);
  const gcm = { mode: BlockCipherMode.GCM, padding: PaddingMethod.None, tagLength: 16 };
  const end = clock.monotonic() + warmUpMs;
  for (let round = 0; clock.monotonic() < end; round += 1) {
    const data = new Uint8Array(16 << (round % 8));
    const sealed = ciphers.encrypt(key, gcm, iv, none, data);
    ciphers.decrypt(key, gcm, iv, none, sealed.data, sealed.mac);
    if (fastPath !== undefined) warmFastPath(fastPath, messagesPerRound);
    for (let count = 0; count < messagesPerRound; count += 1) await engine.execute(discovery, nobody, false);
  }
}

/**
 * Reads objects of the store as a first client would, and wipes them: the store's files are open then, and what unseals and decodes is
 * compiled; the few objects of a small store as often as that takes. An empty store has no client that waits for it. `identify`: looks
 * for whom a certificate stands for, which is asked at each handshake; the one it is asked for here is nobody's.
 */
export async function warmUpReading(store: ReadStore, clock: Clock, identify: (certificate: Uint8Array) => unknown = () => undefined): Promise<void> {
  const end = clock.monotonic() + readingMs;
  let wasRead: boolean;
  do {
    wasRead = false;
    for (const { scope } of store.scopes()) {
      for await (const uniqueIdentifier of store.candidates(scope, { terms: [], newestFirst: true })) {
        for (let count = 0; count < readsEach && clock.monotonic() < end; count += 1) {
          wipe(...byteArrays(store.fetch(scope, uniqueIdentifier)?.material));
          wasRead = true;
        }
        identify(nobodysCertificate);
        if (clock.monotonic() >= end) return;
      }
    }
  } while (wasRead);
}

/** The writing thread's: plans keys that nobody commits. */
export async function warmUpPlanning(engine: EnginePort, clock: Clock): Promise<void> {
  // As they come from a worker: no Buffers.
  const messages = [create(14), create(21)].map((message) => new Uint8Array(message));
  const end = clock.monotonic() + planningMs;
  while (clock.monotonic() < end) for (const message of messages) await engine.execute(message, planner, true);
}
