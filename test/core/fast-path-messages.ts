// Random Encrypt and Decrypt messages that a server has to answer: every version, mode, padding, key length, size, and all that may
// be there or not. Ciphertexts to decrypt are node:crypto's.

import { createCipheriv } from 'node:crypto';
import { MODE_CBC, MODE_CTR, MODE_ECB, MODE_GCM, OPERATION_DECRYPT, OPERATION_ENCRYPT, PADDING_NONE, PADDING_PKCS5 } from '../../core/abi.ts';
import { writeRequest } from '../../src/codec/message.ts';
import type { OutgoingRequestItem } from '../../src/codec/message.ts';
import { BatchErrorContinuationOption, BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, State } from '../../src/kmip/enums.ts';
import type { RequestHeader } from '../../src/kmip/messages.ts';
import type { CryptographicParameters } from '../../src/kmip/objects.ts';
import { decrypt } from '../../src/operations/decrypt.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import { empty, modes } from './cores.ts';
import type { RandomSource } from './cores.ts';
import { startOfTime } from './fast-path-twins.ts';
import type { KeyAttributes, Twins } from './fast-path-twins.ts';

export interface Key {
  readonly identifier: string;
  readonly bytes: Uint8Array;
  readonly own: CryptographicParameters;
  readonly encrypts: boolean;
  readonly decrypts: boolean;
}

const { Encrypt, Decrypt, Unrestricted } = CryptographicUsageMask;
const aes = CryptographicAlgorithm.AES;
export const versions = [12, 13, 14, 20, 21];
const dataLengths = [0, 1, 7, 8, 15, 16, 17, 31, 32, 33, 100, 127, 128, 129, 255, 256, 1000, 4096, 5000, 70_000];
const tagLengths = [4, 8, 12, 13, 14, 15, 16];

const keyKinds: readonly (readonly [KeyAttributes, encrypts: boolean, decrypts: boolean])[] = [
  [{}, true, true],
  [{ CryptographicParameters: { blockCipherMode: BlockCipherMode.GCM } }, true, true],
  [{ CryptographicParameters: { blockCipherMode: BlockCipherMode.GCM, tagLength: 12, ivLength: 96, fixedFieldLength: 32, invocationFieldLength: 64, randomIV: true } }, true, true],
  [{ CryptographicParameters: { blockCipherMode: BlockCipherMode.CBC, paddingMethod: PADDING_PKCS5, cryptographicAlgorithm: aes, hashingAlgorithm: 6 } }, true, true],
  [{ CryptographicParameters: { blockCipherMode: BlockCipherMode.CTR, initialCounterValue: 5, counterLength: 32 } }, true, true],
  [{ CryptographicParameters: { paddingMethod: PADDING_NONE, tagLength: 13 } }, true, true],
  [{ CryptographicUsageMask: Unrestricted }, true, true],
  [{ CryptographicUsageMask: Encrypt }, true, false],
  [{ CryptographicUsageMask: Decrypt, State: State.Deactivated }, false, true],
  [{ State: State.Compromised }, false, true],
  [{ State: State.PreActive, ActivationDate: startOfTime }, true, true],
  [{ DeactivationDate: startOfTime }, false, true],
  [{ DeactivationDate: startOfTime + 1, ProtectStopDate: startOfTime + 1, ProcessStartDate: startOfTime }, true, true],
  [{ ProtectStopDate: startOfTime }, false, true],
  [{ ProcessStartDate: startOfTime + 1 }, true, false],
];

export async function putKeys(twins: Twins, random: RandomSource): Promise<Key[]> {
  const keys: Key[] = [];
  for (const [attributes, encrypts, decrypts] of keyKinds) {
    for (const length of [16, 24, 32]) {
      const bytes = random.bytes(length);
      keys.push({ identifier: await twins.put(bytes, attributes), bytes, own: attributes.CryptographicParameters ?? {}, encrypts, decrypts });
    }
  }
  return keys;
}

const pick = <T>(random: RandomSource, from: readonly T[]): T => from[random.below(from.length)]!;
const chance = (random: RandomSource, oneIn: number): boolean => random.below(oneIn) === 0;

/** An item that both have to answer. */
function randomItem(random: RandomSource, keys: readonly Key[], version: number, small: boolean): Omit<OutgoingRequestItem, 'uniqueBatchItemID'> {
  const encrypting = chance(random, 2);
  const key = pick(random, keys.filter((each) => (encrypting ? each.encrypts : each.decrypts)));
  const usesOwn = key.own.blockCipherMode !== undefined && (version >= 14 || key.own.blockCipherMode !== MODE_GCM) && chance(random, 2);
  const mode = usesOwn ? key.own.blockCipherMode! : pick(random, modes.map((each) => each.mode).filter((each) => version >= 14 || each !== MODE_GCM));
  const isBlock = mode === MODE_ECB || mode === MODE_CBC;
  // Parameters that count: the request's; completed from the key's if the request names no mode.
  let requested: { -readonly [Name in keyof CryptographicParameters]: CryptographicParameters[Name] } | undefined = {};
  if (usesOwn) {
    if (chance(random, 2)) requested = undefined;
    else if (chance(random, 2)) requested.cryptographicAlgorithm = aes;
  } else {
    requested.blockCipherMode = mode;
    if (isBlock && chance(random, 2)) requested.paddingMethod = PADDING_PKCS5;
    else if (chance(random, 2)) requested.paddingMethod = PADDING_NONE;
    if (chance(random, 3)) requested.cryptographicAlgorithm = aes;
    if (chance(random, 3)) requested.randomIV = chance(random, 2);
    if (mode === MODE_GCM && chance(random, 2)) requested.tagLength = pick(random, tagLengths);
  }
  const chosen: CryptographicParameters = usesOwn ? { ...key.own, ...requested } : requested!;
  const padding = chosen.paddingMethod ?? PADDING_NONE;
  const given = !encrypting || chance(random, 2);
  let iv: Uint8Array = empty;
  if (mode === MODE_GCM) {
    iv = random.bytes(chosen.ivLength === undefined ? pick(random, [1, 8, 12, 12, 12, 16, 60]) : chosen.ivLength / 8);
    if (!given && !usesOwn) {
      if (chance(random, 2)) requested!.ivLength = pick(random, [96, 104, 128, 1024]);
      if (chance(random, 3)) requested!.fixedFieldLength = 32;
      if (chance(random, 3)) requested!.invocationFieldLength = 64;
    }
  } else if (mode === MODE_CTR) {
    iv = random.bytes(chosen.counterLength === 32 ? 12 : pick(random, [0, 8, 12, 14, 16, 16]));
    if (iv.length === 16 && given && chance(random, 2)) requested!.counterLength = pick(random, [20, 32, 63, 64, 65, 100, 128]);
    if (iv.length < 16 && !usesOwn && chance(random, 2)) requested!.initialCounterValue = random.below(200);
  } else if (mode !== MODE_ECB) iv = random.bytes(16);
  let length = small ? random.below(100) : pick(random, dataLengths);
  if (isBlock && padding === PADDING_NONE) length &= ~15;
  // A counter of few bits may be short: stay below what any of the above allows, and give those of 20 bits room.
  if (mode === MODE_CTR) {
    length = Math.min(length, 70_000);
    if (iv.length === 16) iv.fill(0, 12);
  }
  const aad = mode === MODE_GCM && chance(random, 2) ? random.bytes(random.below(small ? 20 : 200)) : undefined;
  const data = random.bytes(length);
  const payload = {
    uniqueIdentifier: key.identifier,
    ...(requested === undefined ? {} : { cryptographicParameters: requested }),
    ...(given && (mode !== MODE_ECB || chance(random, 3)) ? { ivCounterNonce: iv } : {}),
    ...(aad === undefined ? {} : { authenticatedEncryptionAdditionalData: aad }),
  };
  if (encrypting) return { operation: OPERATION_ENCRYPT, payload: { type: encrypt.request, value: { ...payload, data } } };
  const tagLength = mode === MODE_GCM ? (chosen.tagLength ?? 16) : 0;
  const block = mode === MODE_CTR ? counterBlock(iv, { ...chosen, ...requested }) : iv;
  const output = sealed(key.bytes, mode, padding, tagLength, block, aad ?? empty, data);
  return {
    operation: OPERATION_DECRYPT,
    payload: { type: decrypt.request, value: { ...payload, data: output.data, ...(mode === MODE_GCM ? { authenticatedEncryptionTag: output.mac } : {}) } },
  };
}

function counterBlock(iv: Uint8Array, parameters: CryptographicParameters): Uint8Array {
  const block = Buffer.alloc(16);
  if (iv.length < 16) block.writeUInt32BE(parameters.initialCounterValue ?? 1, 12);
  block.set(iv);
  return block;
}

/** A ciphertext by node:crypto. */
export function sealed(key: Uint8Array, mode: number, padding: number, tagLength: number, iv: Uint8Array, aad: Uint8Array, data: Uint8Array): { data: Uint8Array; mac: Uint8Array } {
  const name = `aes-${key.length * 8}-${modes.find((each) => each.mode === mode)!.name}`;
  const cipher = createCipheriv(name as 'aes-256-gcm', key, mode === MODE_ECB ? null! : iv, mode === MODE_GCM ? { authTagLength: tagLength } : undefined);
  cipher.setAutoPadding(padding === PADDING_PKCS5);
  if (mode === MODE_GCM) cipher.setAAD(aad);
  const output = Buffer.concat([cipher.update(data), cipher.final()]);
  return { data: output, mac: mode === MODE_GCM ? cipher.getAuthTag() : empty };
}

function randomHeader(random: RandomSource, version: number): Omit<RequestHeader, 'protocolVersion' | 'batchCount'> {
  return {
    ...(chance(random, 4) ? { maximumResponseSize: 2_000_000 } : {}),
    ...(chance(random, 4) ? { batchOrderOption: chance(random, 2) } : {}),
    ...(chance(random, 4) ? { timeStamp: startOfTime - 5 } : {}),
    ...(chance(random, 4) ? { batchErrorContinuationOption: pick(random, Object.values(BatchErrorContinuationOption)) } : {}),
    ...(version >= 14 && chance(random, 4) ? { clientCorrelationValue: 'Auftrag für gestern' } : {}),
  };
}

export function randomMessage(random: RandomSource, keys: readonly Key[]): Uint8Array {
  const version = pick(random, versions);
  const count = chance(random, 3) ? 1 + random.below(12) : 1;
  const withoutIds = version >= 20 && chance(random, 4);
  const items = Array.from({ length: count }, (_, index) => ({
    ...randomItem(random, keys, version, count > 1),
    ...((count > 1 && !withoutIds) || chance(random, 2) ? { uniqueBatchItemID: Buffer.concat([random.bytes(random.below(10)), Buffer.from([index])]) } : {}),
  }));
  return writeRequest(version, randomHeader(random, version), items);
}
