/**
 * What a key slot of the core takes of a stored object, and what its fast path has to know of a caller.
 *
 * Invariant: an object that Encrypt or Decrypt would treat in any way that the fast path does not know is flagged, and the
 * engine answers for it: no Symmetric Key, another algorithm, a wrapped or missing key, Usage Limits. Everything else is a fact
 * that the core checks at each message, so that dates move on without a new slot.
 */
import { DATE_ALWAYS, DATE_NEVER, PERMISSION_DECRYPT, PERMISSION_ENCRYPT, SLOT_HOST_DECRYPTS, SLOT_HOST_ENCRYPTS } from '../../core/abi.ts';
import { mayPerform } from '../identity/policy.ts';
import { CryptographicAlgorithm, ObjectType, State } from '../kmip/enums.ts';
import { attributeOf } from '../kmip/managed.ts';
import type { Managed } from '../kmip/managed.ts';
import { KmipError } from '../kmip/result.ts';
import { keyBytes } from '../operations/cipher-request.ts';
import type { Caller } from '../operations/context.ts';
import { decrypt } from '../operations/decrypt.ts';
import { encrypt } from '../operations/encrypt.ts';
import type { SlotFacts } from '../wasm/fast-path.ts';

export interface SlotContents {
  readonly facts: SlotFacts;
  /** The object's own bytes, not a copy; none where the engine answers for the object. */
  readonly key: Uint8Array;
}

const keyLengths: readonly number[] = [16, 24, 32];
const none = new Uint8Array(0);

export function slotContents(managed: Managed): SlotContents {
  const key = usableKey(managed);
  const parameters = attributeOf(managed, 'CryptographicParameters');
  const engineAnswers = key.length === 0 ? SLOT_HOST_ENCRYPTS | SLOT_HOST_DECRYPTS : attributeOf(managed, 'UsageLimits') !== undefined ? SLOT_HOST_ENCRYPTS : 0;
  return {
    key,
    facts: {
      flags: engineAnswers,
      state: attributeOf(managed, 'State') ?? State.PreActive,
      usageMask: attributeOf(managed, 'CryptographicUsageMask') ?? 0,
      activation: attributeOf(managed, 'ActivationDate') ?? DATE_NEVER,
      deactivation: attributeOf(managed, 'DeactivationDate') ?? DATE_NEVER,
      processStart: attributeOf(managed, 'ProcessStartDate') ?? DATE_ALWAYS,
      protectStop: attributeOf(managed, 'ProtectStopDate') ?? DATE_NEVER,
      parameters: [
        parameters?.blockCipherMode, parameters?.paddingMethod, parameters?.cryptographicAlgorithm, parameters?.ivLength, parameters?.tagLength,
        parameters?.fixedFieldLength, parameters?.invocationFieldLength, parameters?.counterLength, parameters?.initialCounterValue,
      ],
    },
  };
}

function usableKey(managed: Managed): Uint8Array {
  const algorithm = attributeOf(managed, 'CryptographicAlgorithm') ?? managed.material?.keyBlock?.cryptographicAlgorithm;
  if (managed.objectType !== ObjectType.SymmetricKey || algorithm !== CryptographicAlgorithm.AES) return none;
  try {
    const key = keyBytes(managed);
    return keyLengths.includes(key.length) ? key : none;
  } catch (error) {
    if (error instanceof KmipError) return none;
    throw error;
  }
}

/** PERMISSION_… of the core. */
export function cipherPermissions(caller: Caller): number {
  return (mayPerform(caller, encrypt.permission) ? PERMISSION_ENCRYPT : 0) | (mayPerform(caller, decrypt.permission) ? PERMISSION_DECRYPT : 0);
}
