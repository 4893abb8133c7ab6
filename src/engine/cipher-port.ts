/**
 * The core's ciphers as operations see them: CoreCrypto, with or without its accelerator, behind CipherPort.
 *
 * Invariant: a core status becomes a KmipError here and nowhere else, and every failed decryption has one reason and one
 * text, whatever was wrong with tag, padding or length (DESIGN §9). What only a bug can cause is no KmipError.
 */
import { DIRECTION_DECRYPT, DIRECTION_ENCRYPT, STATE_DIRECTION } from '../../core/abi.ts';
import { KmipError } from '../kmip/result.ts';
import type { CipherParameters, CipherPort } from '../operations/context.ts';
import type { Ciphers } from '../wasm/accelerator.ts';
import type { CipherParameters as CoreParameters } from '../wasm/crypto.ts';
import { CoreError } from '../wasm/status.ts';
import { withOtherCiphers } from './other-ciphers.ts';

export function createCipherPort(core: Ciphers): CipherPort {
  // KMIP's numbers of modes and paddings are the core's; the core refuses what it does not have.
  const adapt = (parameters: CipherParameters): CoreParameters => parameters as CoreParameters;
  return withOtherCiphers({
    encrypt: (key, parameters, iv, aad, data) => translated('encrypt', () => core.encrypt(key, adapt(parameters), iv, aad, data)),
    decrypt: (key, parameters, iv, aad, data, mac) => translated('decrypt', () => core.decrypt(key, adapt(parameters), iv, aad, data, mac)),
    begin: (key, direction, parameters, iv, aad) =>
      translated(direction, () => core.begin(key, direction === 'encrypt' ? DIRECTION_ENCRYPT : DIRECTION_DECRYPT, adapt(parameters), iv, aad)),
    update: (key, state, data) => translated(directionOf(state), () => core.update(key, state, data)),
    finish: (key, state, data, mac) => translated(directionOf(state), () => core.finish(key, state, data, mac)),
  });
}

function directionOf(state: Uint8Array): 'encrypt' | 'decrypt' {
  return state[STATE_DIRECTION] === DIRECTION_DECRYPT ? 'decrypt' : 'encrypt';
}

function translated<Result>(direction: 'encrypt' | 'decrypt', work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw error instanceof CoreError ? kmipErrorOf(error, direction) : error;
  }
}

function kmipErrorOf(error: CoreError, direction: 'encrypt' | 'decrypt'): Error {
  switch (error.status) {
    case 'DecryptionFailed':
      return decryptionFailed();
    case 'PartialBlock':
      return direction === 'decrypt' ? decryptionFailed() : new KmipError('CryptographicFailure', 'the data is not a multiple of 16 bytes, and this mode without padding takes whole blocks only');
    case 'TagLength':
      return new KmipError('GeneralFailure', error.message);
    case 'KeyLength':
    case 'TooLong':
      return new KmipError('CryptographicFailure', error.message);
    case 'Mode':
    case 'Padding':
    case 'AadNotAllowed':
      return new KmipError('UnsupportedCryptographicParameters', error.message);
    case 'IvLength':
      return new KmipError('BadCryptographicParameters', error.message, 'InvalidField');
    case 'State':
    case 'KeyArea':
    case 'Unknown':
      return error;
  }
}

function decryptionFailed(): KmipError {
  return new KmipError('CryptographicFailure', 'decryption failed');
}
