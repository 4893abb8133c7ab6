// The one place where a status number of the core becomes an error. Invariant: nothing else in src/
// compares a core status with a number. The message names what was wrong and what is allowed, never
// a value of the data. Wrong mac and wrong padding are one status (DESIGN §9: all decryption
// failures look the same).

import {
  STATUS_AAD_NOT_ALLOWED, STATUS_DECRYPTION_FAILED, STATUS_IV_LENGTH, STATUS_KEY_AREA, STATUS_KEY_LENGTH,
  STATUS_MODE, STATUS_PADDING, STATUS_PARTIAL_BLOCK, STATUS_STATE, STATUS_TAG_LENGTH, STATUS_TOO_LONG,
} from '../../core/abi.ts';

const STATUSES = [
  [STATUS_KEY_LENGTH, 'KeyLength', 'an AES key has 16, 24 or 32 bytes'],
  [STATUS_MODE, 'Mode', 'the block cipher mode is none of ECB, CBC, CFB, OFB, CTR, GCM'],
  [STATUS_PADDING, 'Padding', 'the padding method is not None, nor PKCS5 with ECB or CBC'],
  [STATUS_TAG_LENGTH, 'TagLength', 'a GCM tag has 4, 8 or 12 to 16 bytes'],
  [STATUS_IV_LENGTH, 'IvLength', 'an IV has 16 bytes, for GCM 1 or more'],
  [STATUS_AAD_NOT_ALLOWED, 'AadNotAllowed', 'additional data goes with GCM only, and before the text'],
  [STATUS_PARTIAL_BLOCK, 'PartialBlock', 'the data is not a multiple of 16 bytes'],
  [STATUS_DECRYPTION_FAILED, 'DecryptionFailed', 'decryption failed'],
  [STATUS_TOO_LONG, 'TooLong', 'the input is longer than the mode allows'],
  [STATUS_STATE, 'State', 'the cipher state is not one that this core made'],
  [STATUS_KEY_AREA, 'KeyArea', 'the key area holds no prepared key'],
] as const;

export type CoreStatusName = (typeof STATUSES)[number][1] | 'Unknown';

export class CoreError extends Error {
  readonly status: CoreStatusName;
  readonly code: number;

  constructor(code: number) {
    const row = STATUSES.find(([number]) => number === code);
    super(row === undefined ? `core status ${code}` : row[2]);
    this.name = 'CoreError';
    this.status = row === undefined ? 'Unknown' : row[1];
    this.code = code;
  }
}

/** Gives a count or a zero status back, throws on a negative one. */
export function checkStatus(status: number): number {
  if (status < 0) throw new CoreError(status);
  return status;
}
