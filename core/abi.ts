// Every number that the host (TypeScript) and the core (AssemblyScript) share. Role: the one
// place where such a number is declared. Invariant: plain integer constants only, no imports, so
// that the same file compiles under asc and under tsc. Mode and padding numbers are those of KMIP
// (KMIP 1.4 §9.1.3.2.14 Block Cipher Mode, §9.1.3.2.15 Padding Method), so that a row's value goes to the
// core as it came from the wire.

// Block Cipher Mode (the ones that the core knows).
export const MODE_CBC = 1;
export const MODE_ECB = 2;
export const MODE_CFB = 4;
export const MODE_OFB = 5;
export const MODE_CTR = 6;
export const MODE_GCM = 9;

// Padding Method.
export const PADDING_NONE = 1;
export const PADDING_PKCS5 = 3;

export const DIRECTION_ENCRYPT = 1;
export const DIRECTION_DECRYPT = 2;

export const BLOCK_BYTES = 16;

// Why GCM streams have an end: SP 800-38D §5.2.1.1, len(P) <= 2^39 - 256 bits, so in bytes:
export const GCM_TEXT_BYTES_MAX = 68719476704;
// SP 800-38D allows 2^61 - 1 bytes of AAD; a number that a double holds exactly is enough here.
export const GCM_AAD_BYTES_MAX = 9007199254740991;
// The core's lengths are i32, so one call takes at most this much; the host cuts longer input.
export const CALL_BYTES_MAX = 1073741824;

// Key area: the caller reserves KEY_AREA_BYTES at an address that is a multiple of KEY_AREA_ALIGN.
// Its layout is drawn in core/README.md. All of it is secret, except the header.
export const KEY_AREA_BYTES = 6336;
export const KEY_AREA_ALIGN = 64;
export const KEY_BYTES_MAX = 32;

// Expanded forms of a key; prepareKey() builds none but the round keys, each call builds what it
// lacks, requireForms() builds ahead of time.
export const FORM_VECTOR_ENCRYPT = 1;
export const FORM_VECTOR_DECRYPT = 2;
export const FORM_BITSLICE_ENCRYPT = 4;
export const FORM_BITSLICE_DECRYPT = 8;
export const FORM_GHASH = 16;

// Cipher state: the whole of a stream between two parts. No pointers and no key material, so that
// the host can seal it and load it into another instance. Multi-byte counts are little-endian.
export const CIPHER_STATE_BYTES = 96;
export const CIPHER_STATE_ALIGN = 16;
export const STATE_REVISION = 0; // u8, CIPHER_STATE_REVISION
export const STATE_MODE = 1; // u8
export const STATE_DIRECTION = 2; // u8
export const STATE_PADDING = 3; // u8
export const STATE_TAG_LENGTH = 4; // u8, GCM
export const STATE_PHASE = 5; // u8, PHASE_…
export const STATE_HELD_LENGTH = 6; // u8, ECB and CBC: 0 to 16 bytes wait in STATE_HELD
export const STATE_AAD_LENGTH = 8; // u64, GCM
export const STATE_TEXT_LENGTH = 16; // u64, bytes taken so far
export const STATE_CHAIN = 32; // CBC, CFB: last ciphertext block; OFB: last output block; CTR, GCM: next counter
export const STATE_HELD = 48; // bytes of an unfinished block
export const STATE_GHASH = 64; // GCM: Y
export const STATE_PRE_COUNTER = 80; // GCM: J0
export const CIPHER_STATE_REVISION = 1;

export const PHASE_NONE = 0;
export const PHASE_AAD = 1;
export const PHASE_TEXT = 2;

// Most bytes that update() and finish() may write beyond the bytes they were given.
export const OUTPUT_SLACK_BYTES = 32;

// Statuses. Zero or more: success (bytes written, where there are any); negative: why not.
export const STATUS_OK = 0;
export const STATUS_KEY_LENGTH = -1; // not 16, 24 or 32 bytes
export const STATUS_MODE = -2; // a mode that the core does not have
export const STATUS_PADDING = -3; // a padding that the core does not have, or one on a mode that takes none
export const STATUS_TAG_LENGTH = -4; // GCM: not 4, 8, 12 to 16
export const STATUS_IV_LENGTH = -5; // GCM: empty; CBC, CFB, OFB, CTR: not 16
export const STATUS_AAD_NOT_ALLOWED = -6; // AAD on a mode without it, or after the text began
export const STATUS_PARTIAL_BLOCK = -7; // ECB, CBC: data not a multiple of the block
export const STATUS_DECRYPTION_FAILED = -8; // wrong mac or wrong padding: one answer for both
export const STATUS_TOO_LONG = -9; // more than the mode, or one call, may take
export const STATUS_STATE = -10; // a cipher state that begin() did not make
export const STATUS_KEY_AREA = -11; // a key area that prepareKey() did not fill

// Linear memory. 64 KiB pages.
export const MEMORY_PAGES_MAX = 4096; // 256 MiB an instance: slots, regions and scratch together
