/**
 * Runs the hot code before a worker listens, so that the first clients do not pay for its compilation.
 *
 * Invariant: it touches no object and no counter: ciphers with a key of zeros, and messages of a caller whose scope
 * does not exist. It ends after a set time whatever it reached.
 */
import type { Caller, CipherPort } from '../operations/context.ts';
import type { Clock } from '../clock.ts';
import { BlockCipherMode, PaddingMethod } from '../kmip/enums.ts';
import type { EnginePort } from './engine-port.ts';

/** Long enough for the optimising compiler to have seen the ciphers and the codec; short beside a process start. */
const warmUpMs = 100;
const messagesPerRound = 20;

const nobody: Caller = { scope: '', role: '', permissions: [], credential: '' };

/** Discover Versions at KMIP 1.4: header, reader, dispatch, writer. */
export const discoverVersions = Uint8Array.from(Buffer.from([
  '4200780100000060',
  '4200770100000038',
  '4200690100000020', '42006a02000000040000000100000000', '42006b02000000040000000400000000',
  '42000d02000000040000000100000000',
  '42000f0100000018', '42005c05000000040000001e00000000', '4200790100000000',
].join(''), 'hex'));

export async function warmUp(engine: EnginePort, ciphers: CipherPort, clock: Clock): Promise<void> {
  const key = new Uint8Array(32);
  const iv = new Uint8Array(12);
  const none = new Uint8Array(0);
  const gcm = { mode: BlockCipherMode.GCM, padding: PaddingMethod.None, tagLength: 16 };
  const end = clock.monotonic() + warmUpMs;
  for (let round = 0; clock.monotonic() < end; round += 1) {
    const data = new Uint8Array(16 << (round % 8));
    const sealed = ciphers.encrypt(key, gcm, iv, none, data);
    ciphers.decrypt(key, gcm, iv, none, sealed.data, sealed.mac);
    for (let count = 0; count < messagesPerRound; count += 1) await engine.execute(discoverVersions, nobody, false);
  }
}
