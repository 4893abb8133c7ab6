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

// Row table: one row for each TTLV item, six i32 cells. Offsets count from the start of the message.
export const ROW_BYTES = 24;
export const ROW_TAG = 0;
export const ROW_TYPE = 4;
export const ROW_OFFSET = 8; // of the value; the item begins 8 bytes before
export const ROW_LENGTH = 12; // of the value, without padding
export const ROW_PARENT = 16; // -1 for the first row
export const ROW_END = 20; // first row after the item and all that is in it

// Fast path: regions of an instance. A longer message, or one of more items, is the host's.
export const FAST_REQUEST_BYTES = 524288; // a thousand items of 64 bytes take half of it
export const FAST_RESPONSE_BYTES = 1048576; // an answer is at most about twice its request
export const FAST_ROWS_MAX = 32768; // of a real message each takes 24 bytes and more
export const FAST_DEPTH_MAX = 32; // structures in structures; src/codec has the same number
export const FAST_ITEM_IDS = 2048; // places for the batch item ids of one message, twice the items it may have
export const FAST_ITEMS_MAX = 1024;
export const RANDOM_POOL_BYTES = 4096; // random bytes that the host lays in at once
export const MADE_IV_BYTES_MAX = 128; // longest IV made on request

// Answers of answerMessage() and resumeMessage(): the length of the response, or why there is none yet.
export const FAST_HOST_NEEDED = -1; // anything unusual: the host answers the message
export const FAST_SLOT_MISSING = -2; // no slot for the identifier at REPORT_IDENTIFIER: load it and resume
export const FAST_NONCES_NEEDED = -3; // grantNonces(), then resume
export const FAST_RANDOM_NEEDED = -4; // fill the pool, set REPORT_RANDOM_USED to 0, then resume

// Report block of the fast path, i32 cells.
export const REPORT_ENCRYPTED = 0; // items answered
export const REPORT_DECRYPTED = 4;
export const REPORT_VERSION = 8; // 12 to 21
export const REPORT_IDENTIFIER = 12; // pointer to the identifier that has no slot
export const REPORT_IDENTIFIER_LENGTH = 16;
export const REPORT_RANDOM_USED = 20; // bytes of the pool that are used up
export const REPORT_BYTES = 32;

// Longest data that the fast path takes of an item, u32 bytes: by mode number, for Encrypt, then Decrypt. The host's to set.
export const DATA_LIMITS_BYTES = 128;
export const DATA_LIMIT_MODE_BYTES = 8;
export const DATA_LIMIT_DECRYPT = 4;

// What the caller may do.
export const PERMISSION_ENCRYPT = 1;
export const PERMISSION_DECRYPT = 2;

// Key slot: facts about the object, public, then its key as it is. Little-endian.
export const SLOT_BYTES = 320; // SLOT_FACTS_BYTES, key, its length
export const SLOT_FACTS_BYTES = 256;
export const SLOTS_MAX = 262144; // 84 MB of the instance's 256 MiB
export const SLOT_AREAS_MAX = 128; // keys that are expanded at once, KEY_AREA_BYTES each, so that all areas together stay in a processor's second cache
export const SLOT_SCOPE = 0; // u32, the host's number of the scope
export const SLOT_HASH = 4; // u32, of scope and identifier
export const SLOT_IDENTIFIER_LENGTH = 8; // i32
export const SLOT_FLAGS = 12; // u32, SLOT_HOST_…
export const SLOT_REFERENCED = 16; // u32, 1 since the clock's hand passed
export const SLOT_STATE = 20; // u32, as stored; dates may have moved it on
export const SLOT_USAGE_MASK = 24; // u32
export const SLOT_AREA = 28; // i32, number of the key's area, from 1; -1: not expanded; 0: the slot is free
export const SLOT_ACTIVATION = 32; // i64 seconds; DATE_NEVER where absent
export const SLOT_DEACTIVATION = 40; // i64; DATE_NEVER
export const SLOT_PROCESS_START = 48; // i64; DATE_ALWAYS
export const SLOT_PROTECT_STOP = 56; // i64; DATE_NEVER
export const SLOT_PARAMETERS = 64; // the object's Cryptographic Parameters, as drawn below
export const SLOT_IDENTIFIER = 128; // bytes, then zeros
export const SLOT_IDENTIFIER_BYTES_MAX = 128; // ours have 36; objects with a longer one are the host's
export const SLOT_KEY = 256;
export const SLOT_KEY_LENGTH = 288; // i32
export const SLOT_HOST_ENCRYPTS = 1; // the host answers each Encrypt with this object
export const SLOT_HOST_DECRYPTS = 2;
// Where the host lays what loadSlot() takes: facts as above, then the key.
export const STAGE_KEY = 256;
export const STAGE_BYTES = 288;
export const SLOT_NOT_LOADED = -1;
// Dates of an object that are absent: no Date-Time of a message reaches 2^53 seconds.
export const DATE_NEVER = 9007199254740992;
export const DATE_ALWAYS = -9007199254740992;

// Cryptographic Parameters: bits of those that are there, then values of 4 bytes in this order.
export const PARAMETERS_PRESENT = 0;
export const PARAMETERS_VALUES = 4;
export const PARAMETERS_BYTES = 40;
export const PARAMETER_COUNT = 9;
export const PARAMETER_MODE = 0;
export const PARAMETER_PADDING = 1;
export const PARAMETER_ALGORITHM = 2;
export const PARAMETER_IV_LENGTH = 3; // bits, as the next two and Counter Length
export const PARAMETER_TAG_LENGTH = 4; // bytes
export const PARAMETER_FIXED_FIELD_LENGTH = 5;
export const PARAMETER_INVOCATION_FIELD_LENGTH = 6;
export const PARAMETER_COUNTER_LENGTH = 7;
export const PARAMETER_INITIAL_COUNTER_VALUE = 8;

// KMIP's numbers that the fast path knows (KMIP 1.4 §9.1.3.2 and §9.1.3.3).
export const OPERATION_ENCRYPT = 31;
export const OPERATION_DECRYPT = 32;
export const ALGORITHM_AES = 3;
export const STATE_PRE_ACTIVE = 1;
export const STATE_ACTIVE = 2;
export const STATE_DEACTIVATED = 3;
export const STATE_COMPROMISED = 4;
export const USAGE_ENCRYPT = 4;
export const USAGE_DECRYPT = 8;
export const USAGE_UNRESTRICTED = 2097152;
export const RESULT_SUCCESS = 0;
export const BATCH_OPTION_MAX = 3; // Batch Error Continuation Option: 1 to 3

// Linear memory. 64 KiB pages.
export const MEMORY_PAGES_MAX = 4096; // 256 MiB an instance: slots, regions and scratch together
