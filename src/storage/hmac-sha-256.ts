/**
 * HMAC-SHA-256 (RFC 2104) under a key that is used over and over: what both of its hashes have taken in of the key is kept, so that a
 * short text costs two blocks.
 *
 * The hash is @noble's: node:crypto makes a native object for each HMAC, which costs several times what it then does.
 * Key and texts are secret: the text's copy and the states of one use are wiped, the kept states by `wipe`.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256 } from '@noble/hashes/sha2.js';

export const macLength = 32;

const blockLength = 64;
/** A longer text is copied out of its string in pieces of its own. */
const scratchLength = 4096;

const scratch = Buffer.alloc(scratchLength);
/** Of the use under way: begun anew from the kept states each time. */
const working = hmac.create(sha256, new Uint8Array(0));

export class HmacKey {
  readonly #keyed: typeof working;
  #isWiped = false;

  /** Takes 64 bytes at most; keeps no reference. */
  constructor(key: Uint8Array) {
    assert(key.length <= blockLength, `an HMAC key has ${blockLength} bytes at most`);
    this.#keyed = hmac.create(sha256, key);
  }

  /** It is of no use any more. */
  get isWiped(): boolean {
    return this.#isWiped;
  }

  /** Writes the mac of the bytes, 32 bytes, to the target, which may be where they stand. */
  mac(bytes: Uint8Array, target: Uint8Array): void {
    this.#keyed._cloneInto(working);
    // It wipes itself with the last step.
    working.update(bytes).digestInto(target);
  }

  /** Writes the mac of the text's UTF-8 bytes. */
  macOfText(text: string, target: Uint8Array): void {
    const isShort = text.length * 3 <= scratchLength;
    const bytes = isShort ? scratch.subarray(0, scratch.write(text)) : Buffer.from(text, 'utf8');
    this.mac(bytes, target);
    bytes.fill(0);
  }

  wipe(): void {
    this.#keyed.destroy();
    this.#isWiped = true;
  }
}
