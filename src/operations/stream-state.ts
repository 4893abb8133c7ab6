/**
 * What a stream of Encrypt or Decrypt parts carries from one part to the next, as the bytes that are sealed into the
 * Correlation Value (DESIGN §4, KMIP 1.4 §2.1.15 to §2.1.17). Nodes keep no streams: any worker goes on with any part.
 *
 *     format u8 | direction u8 | mode u8 | padding u8 | tag length u8 | mac length u8 | identifier length u16
 *     part u32 | IV digest 8 | expires f64 (seconds) | bytes left u64 | algorithm u8 | identifier | mac | cipher state
 *
 * Invariants: sealed and bound to scope, credential and operation, so a changed or foreign value does not open; it
 * expires. What sealing cannot do is tell that a value was used before: a client may send the same part twice and
 * get two continuations of one stream. Only the client that owns the stream can, with its own data under its own key.
 */
import type { CipherParameters, Context } from './context.ts';
import { CryptographicAlgorithm } from '../kmip/enums.ts';
import { KmipError } from '../kmip/result.ts';
import type { Direction } from './cipher-request.ts';

/** How long a client may take between two parts: long enough for slow media, short enough that state does not linger. */
export const streamIdleSecondsMax = 15 * 60;
/** Parts of one stream at most. */
export const streamPartsMax = 0xffff_ffff;

const format = 2;
const headBytes = 37;
const ivDigestBytes = 8;

export interface StreamState {
  readonly direction: Direction;
  readonly parameters: CipherParameters;
  readonly uniqueIdentifier: string;
  /** Parts answered so far. */
  readonly part: number;
  /** First bytes of SHA-256 of the IV: a client may repeat the IV, not change it. */
  readonly ivDigest: Uint8Array;
  readonly bytesLeft: bigint;
  /** Tag that came with the first part of a Decrypt. */
  readonly mac: Uint8Array;
  readonly cipher: Uint8Array;
}

export function sealStream(context: Context, state: StreamState): Uint8Array {
  if (state.part > streamPartsMax) throw new KmipError('InvalidField', `a stream has at most ${streamPartsMax} parts`);
  const identifier = new TextEncoder().encode(state.uniqueIdentifier);
  const bytes = new Uint8Array(headBytes + identifier.length + state.mac.length + state.cipher.length);
  const view = new DataView(bytes.buffer);
  bytes.set([format, state.direction === 'encrypt' ? 1 : 2, state.parameters.mode, state.parameters.padding, state.parameters.tagLength, state.mac.length]);
  view.setUint16(6, identifier.length);
  view.setUint32(8, state.part);
  bytes.set(state.ivDigest.subarray(0, ivDigestBytes), 12);
  view.setFloat64(20, context.now + streamIdleSecondsMax);
  view.setBigUint64(28, state.bytesLeft);
  view.setUint8(36, state.parameters.algorithm ?? CryptographicAlgorithm.AES);
  bytes.set(identifier, headBytes);
  bytes.set(state.mac, headBytes + identifier.length);
  bytes.set(state.cipher, headBytes + identifier.length + state.mac.length);
  try {
    return context.streams.seal(bytes, binding(context, state.direction));
  } finally {
    bytes.fill(0);
  }
}

/** Throws Invalid Correlation Value (1.x: Item Not Found) for a value that is changed, foreign or expired, and says no more. */
export function openStream(context: Context, direction: Direction, correlationValue: Uint8Array): StreamState {
  const bytes = context.streams.open(correlationValue, binding(context, direction));
  if (bytes === undefined || bytes.length < headBytes || bytes[0] !== format) throw unknownStream();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getFloat64(20) < context.now) throw unknownStream();
  const macStart = headBytes + view.getUint16(6);
  const cipherStart = macStart + bytes[5]!;
  return {
    direction,
    parameters: { algorithm: bytes[36]!, mode: bytes[2]!, padding: bytes[3]!, tagLength: bytes[4]! },
    uniqueIdentifier: new TextDecoder().decode(bytes.subarray(headBytes, macStart)),
    part: view.getUint32(8),
    ivDigest: bytes.slice(12, 12 + ivDigestBytes),
    bytesLeft: view.getBigUint64(28),
    mac: bytes.slice(macStart, cipherStart),
    cipher: bytes.slice(cipherStart),
  };
}

export function unknownStream(): KmipError {
  return new KmipError('InvalidCorrelationValue', 'the Correlation Value belongs to no stream of this client, key and operation, or has expired', 'ItemNotFound');
}

function binding(context: Context, direction: Direction): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(['stream', direction, context.caller.scope, context.caller.credential]));
}
