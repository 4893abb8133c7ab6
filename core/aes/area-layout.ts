// Offsets inside a key area. Role: the numbers of the drawing in key-area.ts, apart from it so that the
// makers and the users of the forms can share them without importing each other.

export const KEY_AREA_MAGIC: u32 = 0x4b45594b;

export const AREA_MAGIC: usize = 0;
export const AREA_ROUNDS: usize = 4;
export const AREA_FORMS: usize = 8;
export const AREA_ROUND_KEYS: usize = 64;
export const AREA_VECTOR_ENCRYPT: usize = 320;
export const AREA_CHAIN_KEY: usize = 560;
export const AREA_VECTOR_DECRYPT: usize = 576;
export const AREA_BITSLICE_ENCRYPT: usize = 832;
export const AREA_BITSLICE_DECRYPT: usize = 2560;
export const AREA_GHASH: usize = 4288;

// Inside a bitsliced form.
export const BITSLICE_FIRST: usize = 0;
export const BITSLICE_LAST: usize = 16;
export const BITSLICE_MIDDLE: usize = 32;

// One power of H.
export const GHASH_POWER_BYTES: usize = 512;
export const GHASH_POWERS: i32 = 4;
