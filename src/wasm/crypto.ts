// The typed face of the AES core: whole messages and streams in, bytes out. One CoreCrypto a thread;
// it owns a region of the instance's linear memory (drawn below) and wipes what it used of it before each
// call returns, also when the call throws. Input of any size passes through two windows, so memory
// stays flat. Invariant: a failed decryption hands out no byte.
//
//   key 64 | mac 16 | state 96 | key area | IV window | input window | output window (+ slack)

import {
  CIPHER_STATE_BYTES, DIRECTION_DECRYPT, DIRECTION_ENCRYPT, KEY_AREA_ALIGN, KEY_AREA_BYTES, KEY_BYTES_MAX,
  MODE_CBC, MODE_CFB, MODE_CTR, MODE_ECB, MODE_GCM, MODE_OFB, OUTPUT_SLACK_BYTES, PADDING_NONE, PADDING_PKCS5,
  STATUS_DECRYPTION_FAILED, STATUS_IV_LENGTH, STATUS_KEY_LENGTH, STATUS_STATE, STATUS_TAG_LENGTH,
  STATE_DIRECTION, STATE_MODE, STATE_TAG_LENGTH,
} from '../../core/abi.ts';
import type { CoreInstance } from './load.ts';
import { CoreError, checkStatus } from './status.ts';

/** KMIP Block Cipher Mode numbers of the modes that the core has. */
export type CipherMode =
  | typeof MODE_CBC | typeof MODE_ECB | typeof MODE_CFB | typeof MODE_OFB | typeof MODE_CTR | typeof MODE_GCM;
/** KMIP Padding Method numbers. */
export type CipherPadding = typeof PADDING_NONE | typeof PADDING_PKCS5;
export type CipherDirection = typeof DIRECTION_ENCRYPT | typeof DIRECTION_DECRYPT;

export interface CipherParameters {
  readonly mode: CipherMode;
  /** PADDING_PKCS5 goes with ECB and CBC only. */
  readonly padding: CipherPadding;
  /** Bytes of GCM's mac: 4, 8, 12 to 16. Ignored by the other modes. */
  readonly tagLength: number;
}

/** How much goes through linear memory at once: large enough that call costs vanish, small enough for L2. */
export const WINDOW_BYTES = 65536;
/** The longest IV taken. GCM allows 2^64 - 1 bits; a longer one than this is no nonce but a mistake. */
export const IV_BYTES_MAX = 65536;

const MAC_BYTES_MAX = 16;
const EMPTY = new Uint8Array(0);

export class CoreCrypto {
  readonly #core: CoreInstance['exports'];
  readonly #key: number;
  readonly #mac: number;
  readonly #state: number;
  readonly #area: number;
  readonly #iv: number;
  readonly #input: number;
  readonly #output: number;
  #bytes: Uint8Array = EMPTY;
  #ivUsed = 0;
  #inputUsed = 0;
  #outputUsed = 0;

  constructor(core: CoreInstance) {
    this.#core = core.exports;
    this.#key = this.#reserve(KEY_BYTES_MAX);
    this.#mac = this.#reserve(MAC_BYTES_MAX);
    this.#state = this.#reserve(CIPHER_STATE_BYTES);
    this.#area = this.#reserve(KEY_AREA_BYTES);
    this.#iv = this.#reserve(IV_BYTES_MAX);
    this.#input = this.#reserve(WINDOW_BYTES + OUTPUT_SLACK_BYTES);
    this.#output = this.#reserve(WINDOW_BYTES + OUTPUT_SLACK_BYTES);
  }

  /** One-shot encryption. `mac` has tagLength bytes for GCM and none otherwise. */
  encrypt(key: Uint8Array, parameters: CipherParameters, iv: Uint8Array, aad: Uint8Array, data: Uint8Array):
    { data: Uint8Array; mac: Uint8Array } {
    return this.#guarded(() => {
      this.#prepare(key);
      if (aad.length > WINDOW_BYTES || data.length > WINDOW_BYTES) {
        this.#begin(DIRECTION_ENCRYPT, parameters, iv, aad);
        return this.#end(data, EMPTY);
      }
      this.#storeIv(iv);
      this.#store(this.#output, aad);
      this.#outputUsed = aad.length;
      this.#store(this.#input, data);
      this.#inputUsed = data.length + OUTPUT_SLACK_BYTES;
      const written = checkStatus(this.#core.encryptOnce(this.#area, parameters.mode, parameters.padding,
        parameters.tagLength, this.#iv, iv.length, this.#output, aad.length, this.#input, data.length, this.#input,
        this.#mac));
      const macLength = parameters.mode === MODE_GCM ? parameters.tagLength : 0;
      return { data: this.#load(this.#input, written), mac: this.#load(this.#mac, macLength) };
    });
  }

  /** One-shot decryption. Throws CoreError 'DecryptionFailed' for a wrong mac or a wrong padding. */
  decrypt(key: Uint8Array, parameters: CipherParameters, iv: Uint8Array, aad: Uint8Array, data: Uint8Array,
    mac: Uint8Array): Uint8Array {
    return this.#guarded(() => {
      this.#prepare(key);
      if (aad.length > WINDOW_BYTES || data.length > WINDOW_BYTES) {
        this.#begin(DIRECTION_DECRYPT, parameters, iv, aad);
        return this.#end(data, mac).data;
      }
      this.#storeIv(iv);
      this.#storeMac(parameters.mode === MODE_GCM ? parameters.tagLength : 0, mac);
      this.#store(this.#output, aad);
      this.#outputUsed = aad.length;
      this.#store(this.#input, data);
      this.#inputUsed = data.length + OUTPUT_SLACK_BYTES;
      const written = checkStatus(this.#core.decryptOnce(this.#area, parameters.mode, parameters.padding,
        parameters.tagLength, this.#iv, iv.length, this.#output, aad.length, this.#input, data.length, this.#input,
        this.#mac));
      return this.#load(this.#input, written);
    });
  }

  /** Starts a stream. The answer is its exported state: no key in it, but it may hold plaintext and, for OFB,
   *  key stream, so seal it before it leaves the process. */
  begin(key: Uint8Array, direction: CipherDirection, parameters: CipherParameters, iv: Uint8Array,
    aad: Uint8Array): Uint8Array {
    return this.#guarded(() => {
      this.#prepare(key);
      this.#begin(direction, parameters, iv, aad);
      return this.#load(this.#state, CIPHER_STATE_BYTES);
    });
  }

  /** More additional data for a GCM stream whose text has not begun. */
  addAad(key: Uint8Array, state: Uint8Array, aad: Uint8Array): Uint8Array {
    return this.#guarded(() => {
      this.#prepare(key);
      this.#storeState(state);
      this.#addAad(aad);
      return this.#load(this.#state, CIPHER_STATE_BYTES);
    });
  }

  /** The next part. GCM decryption hands out bytes that no mac has vouched for yet. */
  update(key: Uint8Array, state: Uint8Array, data: Uint8Array): { state: Uint8Array; data: Uint8Array } {
    return this.#guarded(() => {
      this.#prepare(key);
      this.#storeState(state);
      const target = new Uint8Array(data.length + OUTPUT_SLACK_BYTES);
      const written = this.#update(data, target);
      return { state: this.#load(this.#state, CIPHER_STATE_BYTES), data: target.subarray(0, written) };
    });
  }

  /** The last part, which may be empty. `mac` is needed for GCM decryption, and is answered for GCM encryption. */
  finish(key: Uint8Array, state: Uint8Array, data: Uint8Array, mac: Uint8Array = EMPTY):
    { data: Uint8Array; mac: Uint8Array } {
    return this.#guarded(() => {
      this.#prepare(key);
      this.#storeState(state);
      return this.#end(data, mac);
    });
  }

  #begin(direction: CipherDirection, parameters: CipherParameters, iv: Uint8Array, aad: Uint8Array): void {
    this.#storeIv(iv);
    checkStatus(this.#core.begin(this.#area, this.#state, parameters.mode, direction, parameters.padding,
      parameters.tagLength, this.#iv, iv.length));
    if (aad.length > 0) this.#addAad(aad);
  }

  #addAad(aad: Uint8Array): void {
    let offset = 0;
    do {
      const part = aad.subarray(offset, offset + WINDOW_BYTES);
      this.#store(this.#input, part);
      this.#inputUsed = Math.max(this.#inputUsed, part.length);
      checkStatus(this.#core.addAad(this.#area, this.#state, this.#input, part.length));
      offset += part.length;
    } while (offset < aad.length);
  }

  #update(data: Uint8Array, target: Uint8Array): number {
    let written = 0;
    for (let offset = 0; offset < data.length; offset += WINDOW_BYTES) {
      const part = data.subarray(offset, offset + WINDOW_BYTES);
      this.#store(this.#input, part);
      this.#inputUsed = Math.max(this.#inputUsed, part.length);
      this.#outputUsed = Math.max(this.#outputUsed, part.length + OUTPUT_SLACK_BYTES);
      const count = checkStatus(this.#core.update(this.#area, this.#state, this.#input, part.length, this.#output));
      target.set(this.#view().subarray(this.#output, this.#output + count), written);
      written += count;
    }
    return written;
  }

  #end(data: Uint8Array, mac: Uint8Array): { data: Uint8Array; mac: Uint8Array } {
    const view = this.#view();
    const isGcm = view[this.#state + STATE_MODE] === MODE_GCM;
    const tagLength = isGcm ? view[this.#state + STATE_TAG_LENGTH]! : 0;
    const decrypting = view[this.#state + STATE_DIRECTION] === DIRECTION_DECRYPT;
    const target = new Uint8Array(data.length + OUTPUT_SLACK_BYTES);
    try {
      if (decrypting) this.#storeMac(tagLength, mac);
      let written = this.#update(data, target);
      this.#outputUsed = Math.max(this.#outputUsed, OUTPUT_SLACK_BYTES);
      const count = checkStatus(this.#core.finish(this.#area, this.#state, this.#output, this.#mac));
      target.set(this.#view().subarray(this.#output, this.#output + count), written);
      written += count;
      return { data: target.subarray(0, written), mac: decrypting ? EMPTY : this.#load(this.#mac, tagLength) };
    } catch (error) {
      target.fill(0);
      throw error;
    }
  }

  #prepare(key: Uint8Array): void {
    if (key.length > KEY_BYTES_MAX) throw new CoreError(STATUS_KEY_LENGTH);
    this.#store(this.#key, key);
    checkStatus(this.#core.prepareKey(this.#area, this.#key, key.length));
  }

  #storeIv(iv: Uint8Array): void {
    if (iv.length > IV_BYTES_MAX) throw new CoreError(STATUS_IV_LENGTH);
    this.#store(this.#iv, iv);
    this.#ivUsed = iv.length;
  }

  #storeMac(tagLength: number, mac: Uint8Array): void {
    if (tagLength === 0) return;
    if (tagLength > MAC_BYTES_MAX) throw new CoreError(STATUS_TAG_LENGTH);
    if (mac.length !== tagLength) throw new CoreError(STATUS_DECRYPTION_FAILED);
    this.#store(this.#mac, mac);
  }

  #storeState(state: Uint8Array): void {
    if (state.length !== CIPHER_STATE_BYTES) throw new CoreError(STATUS_STATE);
    this.#store(this.#state, state);
  }

  #reserve(length: number): number {
    const pointer = this.#core.reserve(length, KEY_AREA_ALIGN);
    if (pointer === 0) throw new Error('the core has no room left in its linear memory');
    return pointer;
  }

  /** A view of linear memory: a new one after each growth, since growth detaches the old buffer. */
  #view(): Uint8Array {
    if (this.#bytes.buffer !== this.#core.memory.buffer) this.#bytes = new Uint8Array(this.#core.memory.buffer);
    return this.#bytes;
  }

  #store(pointer: number, source: Uint8Array): void {
    this.#view().set(source, pointer);
  }

  #load(pointer: number, length: number): Uint8Array {
    return this.#view().slice(pointer, pointer + length);
  }

  #guarded<Result>(work: () => Result): Result {
    this.#ivUsed = 0;
    this.#inputUsed = 0;
    this.#outputUsed = 0;
    try {
      return work();
    } finally {
      const core = this.#core;
      core.wipeKey(this.#area);
      core.wipe(this.#key, KEY_BYTES_MAX);
      core.wipe(this.#mac, MAC_BYTES_MAX);
      core.wipe(this.#state, CIPHER_STATE_BYTES);
      core.wipe(this.#iv, this.#ivUsed);
      core.wipe(this.#input, Math.min(this.#inputUsed, WINDOW_BYTES + OUTPUT_SLACK_BYTES));
      core.wipe(this.#output, Math.min(this.#outputUsed, WINDOW_BYTES + OUTPUT_SLACK_BYTES));
    }
  }
}
