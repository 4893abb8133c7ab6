/**
 * The core called as the fast path calls it: key area loaded with all its forms, IV, text and mac in linear memory, one call a message.
 */
import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv } from 'node:crypto';
import type { CipherGCM, CipherGCMTypes, DecipherGCM } from 'node:crypto';
import { FORM_BITSLICE_DECRYPT, FORM_BITSLICE_ENCRYPT, FORM_GHASH, FORM_VECTOR_DECRYPT, FORM_VECTOR_ENCRYPT, KEY_AREA_ALIGN, KEY_AREA_BYTES, OUTPUT_SLACK_BYTES, PADDING_NONE } from '../core/abi.ts';
import { BlockCipherMode } from '../src/kmip/enums.ts';
import type { CipherMode } from '../src/wasm/crypto.ts';
import { compileCore, instantiateCore } from '../src/wasm/load.ts';
import type { CoreBuild, CoreInstance } from '../src/wasm/load.ts';

const tagBytes = 16;
const textBytesMax = 65536;
const forms = FORM_VECTOR_ENCRYPT | FORM_VECTOR_DECRYPT | FORM_BITSLICE_ENCRYPT | FORM_BITSLICE_DECRYPT | FORM_GHASH;

export const key = patterned(32, 1);
export const none = new Uint8Array(0);

/** Bytes that differ, and are the same in each run. */
export function patterned(length: number, seed: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 131 + seed * 89 + 7) & 255);
}

export interface Kernel {
  /** "CBC decrypt". */
  readonly name: string;
  readonly mode: CipherMode;
  readonly decrypts: boolean;
  readonly iv: Uint8Array;
  /** node:crypto's name. */
  readonly native: string;
}

export function kernelOf(name: string): Kernel {
  const [mode, direction] = name.split(' ') as [keyof typeof BlockCipherMode, string];
  const ivLength = mode === 'ECB' ? 0 : mode === 'GCM' ? 12 : 16;
  return { name, mode: BlockCipherMode[mode] as CipherMode, decrypts: direction === 'decrypt', iv: patterned(ivLength, 2), native: `aes-256-${mode.toLowerCase()}` };
}

export interface Sealed {
  readonly data: Uint8Array;
  readonly mac: Uint8Array;
}

/** A whole one-shot encryption by node:crypto. */
export function nativeEncrypt({ native, iv }: Kernel, data: Uint8Array): Sealed {
  if (native.endsWith('gcm')) {
    const cipher = createCipheriv(native as CipherGCMTypes, key, iv, { authTagLength: tagBytes }) as CipherGCM;
    const output = cipher.update(data);
    cipher.final();
    return { data: output, mac: cipher.getAuthTag() };
  }
  const cipher = createCipheriv(native, key, iv.length === 0 ? null : iv).setAutoPadding(false);
  const output = cipher.update(data);
  cipher.final();
  return { data: output, mac: none };
}

export function nativeDecrypt({ native, iv }: Kernel, { data, mac }: Sealed): Uint8Array {
  if (native.endsWith('gcm')) {
    const decipher = createDecipheriv(native as CipherGCMTypes, key, iv, { authTagLength: tagBytes }) as DecipherGCM;
    decipher.setAuthTag(mac);
    const output = decipher.update(data);
    decipher.final();
    return output;
  }
  const decipher = createDecipheriv(native, key, iv.length === 0 ? null : iv).setAutoPadding(false);
  const output = decipher.update(data);
  decipher.final();
  return output;
}

/** One instance with a loaded key. */
export class LoadedCore {
  readonly #core: CoreInstance['exports'];
  readonly #area: number;
  readonly #iv: number;
  readonly #mac: number;
  readonly #text: number;

  constructor(build: CoreBuild) {
    this.#core = instantiateCore(compileCore(build)).exports;
    const reserve = (length: number): number => this.#core.reserve(length, KEY_AREA_ALIGN);
    this.#area = reserve(KEY_AREA_BYTES);
    this.#iv = reserve(16 + textBytesMax + tagBytes + OUTPUT_SLACK_BYTES);
    this.#text = this.#iv + 16;
    this.#mac = reserve(tagBytes);
    this.#view(this.#text, key.length).set(key);
    assert.equal(this.#core.prepareKey(this.#area, this.#text, key.length), 0);
    assert.equal(this.#core.requireForms(this.#area, forms), 0);
  }

  /** The call alone: text of `bytes` that lies in linear memory already, worked on in place. Decrypts what was encrypted last. */
  inPlace(kernel: Kernel, bytes: number): () => void {
    const core = this.#core;
    const [area, text, iv, mac, mode, ivLength, decrypts] = [this.#area, this.#text, this.#iv, this.#mac, kernel.mode, kernel.iv.length, kernel.decrypts] as const;
    this.#check(kernel, bytes);
    return () => {
      // Its own output is as good a text as any; a GCM decryption that fails would do other work.
      if (decrypts) core.decryptOnce(area, mode, PADDING_NONE, tagBytes, iv, ivLength, 0, 0, text, bytes, text, mac);
      else core.encryptOnce(area, mode, PADDING_NONE, tagBytes, iv, ivLength, 0, 0, text, bytes, text, mac);
    };
  }

  /**
   * A whole one-shot: bytes in from JavaScript, one call, bytes out to JavaScript. IV, text and mac lie side by side, as in a
   * message, so that each way is one copy.
   *
   *     IV 16 | text | mac 16 (GCM)
   */
  throughMemory(kernel: Kernel, bytes: number): () => void {
    const core = this.#core;
    const { mode } = kernel;
    const ivLength = kernel.iv.length;
    const [area, text, iv] = [this.#area, this.#text, this.#iv] as const;
    const mac = text + bytes;
    const sealed = this.#check(kernel, bytes);
    const macLength = sealed.mac.length;
    const given = new Uint8Array(16 + bytes + (kernel.decrypts ? macLength : 0));
    given.set(kernel.iv);
    given.set(kernel.decrypts ? sealed.data : patterned(bytes, 3), 16);
    if (kernel.decrypts) given.set(sealed.mac, 16 + bytes);
    const source = this.#view(iv, given.length);
    const target = this.#view(text, bytes + (kernel.decrypts ? 0 : macLength));
    const output = new Uint8Array(target.length);
    const run = kernel.decrypts ? core.decryptOnce : core.encryptOnce;
    const call = (): void => {
      source.set(given);
      run(area, mode, PADDING_NONE, tagBytes, iv, ivLength, 0, 0, text, bytes, text, mac);
      output.set(target);
    };
    call();
    const expected = kernel.decrypts ? patterned(bytes, 3) : Buffer.concat([sealed.data, sealed.mac]);
    assert.deepEqual(Buffer.from(output), Buffer.from(expected), kernel.name);
    return call;
  }

  /** Both directions against node:crypto, before anything is timed. */
  #check(kernel: Kernel, bytes: number): Sealed {
    const plain = patterned(bytes, 3);
    const sealed = nativeEncrypt(kernel, plain);
    const view = this.#view(this.#text, bytes);
    view.set(plain);
    this.#view(this.#iv, kernel.iv.length).set(kernel.iv);
    assert.equal(this.#core.encryptOnce(this.#area, kernel.mode, PADDING_NONE, tagBytes, this.#iv, kernel.iv.length, 0, 0, this.#text, bytes, this.#text, this.#mac), bytes);
    assert.deepEqual(Buffer.from(view), Buffer.from(sealed.data), `${kernel.name}, ${bytes} bytes`);
    assert.equal(this.#core.decryptOnce(this.#area, kernel.mode, PADDING_NONE, tagBytes, this.#iv, kernel.iv.length, 0, 0, this.#text, bytes, this.#text, this.#mac), bytes);
    assert.deepEqual(Buffer.from(view), Buffer.from(plain));
    return sealed;
  }

  #view(pointer: number, length: number): Uint8Array {
    return new Uint8Array(this.#core.memory.buffer, pointer, length);
  }
}
