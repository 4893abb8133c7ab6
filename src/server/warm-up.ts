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

/** A TTLV item: tag and type in hex, then its value. */
function item(head: string, ...parts: readonly Uint8Array[]): Buffer {
  const value = Buffer.concat(parts);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(value.length);
  return Buffer.concat([Buffer.from(head, 'hex'), length, value, Buffer.alloc(-value.length & 7)]);
}
const number = (value: number): Buffer => Buffer.from([0, 0, 0, value]);

/** Encrypt at KMIP 1.4 with GCM and an IV of the server's, by a key that is named in a slot only. */
function encryptMessage(dataLength: number): Uint8Array {
  return item('42007801',
    item('42007701', item('42006901', item('42006a02', number(1)), item('42006b02', number(4))), item('42000d02', number(1))),
    item('42000f01', item('42005c05', number(31)),
      item('42007901', item('42009407', Buffer.from(warmUpKey)), item('42002b01', item('42001105', number(BlockCipherMode.GCM))), item('4200c208', Buffer.alloc(dataLength)))));
}

const warmUpKey = 'warm-up';
/** The number of no scope. */
const noScope = 0;
const facts: SlotFacts = {
  flags: 0, state: State.Active, usageMask: CryptographicUsageMask.Encrypt, parameters: [],
  activation: DATE_NEVER, deactivation: DATE_NEVER, processStart: DATE_ALWAYS, protectStop: DATE_NEVER,
};

/** Runs the core's fast path on a key of zeros for the given number of rounds; its slot is dropped again. */
function warmFastPath(fastPath: FastPath, rounds: number): void {
  const messages = [16, 64, 256, 1024].map(encryptMessage);
  const slot = fastPath.loadSlot(noScope, warmUpKey, facts, new Uint8Array(32));
  for (let round = 0; round < rounds; round += 1) for (const message of messages) fastPath.handle(message, noScope, PERMISSION_ENCRYPT, 0);
  fastPath.dropSlot(slot);
}

export async function warmUp(engine: EnginePort, ciphers: CipherPort, clock: Clock, fastPath?: FastPath): Promise<void> {
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
    for (let count = 0; count < messagesPerRound; count += 1) await engine.execute(discoverVersions, nobody, false);
  }
}
