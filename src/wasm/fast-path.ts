// The host's side of the core's fast path: whole messages in, whole answers out, and the key slots that it works on. Role:
// regions of linear memory, and what the core asks for on its way (a slot, nonces, random bytes). Invariants: an answer is not
// copied: it stays in linear memory, request and response are wiped there by `forget`, at the latest by the next `handle`; where
// there is no answer they are wiped before `handle` and `resume` return, unless they wait for a slot. A nonce granted to the core
// is granted to nobody else; a slot's key is in JavaScript's memory only as long as `loadSlot` is given it.
//
//   handle ──> answer (forget) │ host         host: the engine executes the message, as if nothing had been
//     └──> slot-missing ── loadSlot, resume ──> answer │ host │ slot-missing
//                     └─── forget: the host does

import {
  DATA_LIMIT_DECRYPT, DATA_LIMIT_MODE_BYTES, FAST_NONCES_NEEDED, FAST_RANDOM_NEEDED, FAST_REQUEST_BYTES, FAST_SLOT_MISSING, KEY_BYTES_MAX, PARAMETERS_PRESENT, PARAMETERS_VALUES,
  PARAMETER_COUNT, RANDOM_POOL_BYTES, REPORT_DECRYPTED, REPORT_ENCRYPTED, REPORT_IDENTIFIER, REPORT_IDENTIFIER_LENGTH, REPORT_RANDOM_USED,
  REPORT_VERSION, SLOT_ACTIVATION, SLOT_DEACTIVATION, SLOT_FLAGS, SLOT_IDENTIFIER, SLOT_IDENTIFIER_BYTES_MAX, SLOT_IDENTIFIER_LENGTH,
  SLOT_PARAMETERS, SLOT_PROCESS_START, SLOT_PROTECT_STOP, SLOT_SCOPE, SLOT_STATE, SLOT_USAGE_MASK, STAGE_KEY,
} from '../../core/abi.ts';
import { cipherModes } from './accelerator.ts';
import type { Crossovers } from './accelerator.ts';
import type { CoreInstance } from './load.ts';

/** What the checks of the fast path need of an object besides its key. */
export interface SlotFacts {
  /** SLOT_HOST_ENCRYPTS, SLOT_HOST_DECRYPTS: operations that the engine answers for this object. */
  readonly flags: number;
  /** As stored. */
  readonly state: number;
  readonly usageMask: number;
  /** Seconds since the epoch; DATE_NEVER or DATE_ALWAYS where absent. */
  readonly activation: number;
  readonly deactivation: number;
  readonly processStart: number;
  readonly protectStop: number;
  /** The object's own Cryptographic Parameters, by PARAMETER_… number. */
  readonly parameters: readonly (number | undefined)[];
}

/** The thread's nonces: the same source that makes those of the engine. */
export interface NonceGrants {
  readonly prefix: number;
  take(count: number): bigint;
}

export interface FastPathOptions {
  readonly slots: number;
  readonly batchItemsMax: number;
  readonly responseBytesMax: number;
  readonly nonces: NonceGrants;
  random(length: number): Uint8Array;
  /** Longest data of an item that the fast path takes, by mode; absent: as long as its regions allow. */
  readonly dataBytesMax?: Crossovers | undefined;
  /** Nonces taken at once; those that are left when the thread ends are never used. */
  readonly nonceGrant?: number;
}

export interface FastAnswered {
  readonly kind: 'answer';
  /** A view of linear memory: good until `forget` or the next `handle`. */
  readonly response: Uint8Array;
  readonly encrypted: number;
  readonly decrypted: number;
  readonly version: number;
}

export type FastPathResult =
  /** The same one each time: nothing is made for an answer. */
  | FastAnswered
  | { readonly kind: 'slot-missing'; readonly uniqueIdentifier: string }
  | { readonly kind: 'host' };

const host: FastPathResult = { kind: 'host' };
const nonceGrantDefault = 1024;
const utf8 = new TextEncoder();
const fromUtf8 = new TextDecoder('utf-8', { ignoreBOM: true });

export class FastPath {
  readonly #core: CoreInstance['exports'];
  readonly #options: FastPathOptions;
  readonly #request: number;
  readonly #response: number;
  readonly #report: number;
  readonly #pool: number;
  readonly #stage: number;
  #bytes: Uint8Array;
  #view: DataView;
  #cells: Int32Array;
  /** As long as the last answer; most answers are as long as the one before. */
  #responseView: Buffer;
  readonly #answer: { kind: 'answer'; response: Uint8Array; encrypted: number; decrypted: number; version: number };
  /** A message, or its answer, is in linear memory. */
  #holds = false;

  constructor(core: CoreInstance, options: FastPathOptions) {
    this.#core = core.exports;
    this.#options = options;
    const seed = new DataView(Uint8Array.from(options.random(4)).buffer).getUint32(0);
    if (this.#core.reserveSlots(options.slots, seed) === 0 || this.#core.reserveFastPath(options.batchItemsMax, options.responseBytesMax) === 0) {
      throw new RangeError(`the core has no room for ${options.slots} key slots beside the regions of the fast path`);
    }
    this.#request = this.#core.requestRegion();
    this.#response = this.#core.responseRegion();
    this.#report = this.#core.reportBlock();
    this.#pool = this.#core.randomPool();
    this.#stage = this.#core.slotStage();
    const { buffer } = this.#core.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#cells = new Int32Array(buffer);
    this.#responseView = Buffer.from(buffer, this.#response, 0);
    this.#answer = { kind: 'answer', response: this.#responseView, encrypted: 0, decrypted: 0, version: 0 };
    this.#setCell(REPORT_RANDOM_USED, RANDOM_POOL_BYTES);
    if (options.dataBytesMax !== undefined) this.#limitData(options.dataBytesMax);
  }

  /** Answers a message, or says why it cannot. `permissions`: PERMISSION_…; `nowSeconds`: since the epoch. */
  handle(message: Uint8Array, scopeNumber: number, permissions: number, nowSeconds: number): FastPathResult {
    if (message.length > FAST_REQUEST_BYTES) return host;
    if (this.#holds) this.#core.forgetMessage();
    this.#holds = true;
    if (this.#bytes.length === 0) this.#look();
    this.#bytes.set(message, this.#request);
    return this.#settle(this.#core.answerMessage(message.length, scopeNumber, permissions, nowSeconds));
  }

  /** Goes on after `slot-missing`, with the slot loaded. */
  resume(): FastPathResult {
    return this.#settle(this.#core.resumeMessage());
  }

  /** Gives up after `slot-missing`, or is done with the answer: linear memory holds nothing of the message any more. */
  forget(): void {
    if (!this.#holds) return;
    this.#holds = false;
    this.#core.forgetMessage();
  }

  /** Takes an object in, in place of what was there under its name. `key`: 16, 24 or 32 bytes, or none for an object that is the
   *  engine's by its flags; copied, for the caller to wipe. The slot's number, or -1 for a name or key that no slot takes. */
  loadSlot(scopeNumber: number, uniqueIdentifier: string, facts: SlotFacts, key: Uint8Array): number {
    const identifier = utf8.encode(uniqueIdentifier);
    if (identifier.length > SLOT_IDENTIFIER_BYTES_MAX || key.length > KEY_BYTES_MAX) return -1;
    if (this.#bytes.length === 0) this.#look();
    const view = this.#view;
    const stage = this.#stage;
    view.setUint32(stage + SLOT_SCOPE, scopeNumber, true);
    view.setInt32(stage + SLOT_IDENTIFIER_LENGTH, identifier.length, true);
    view.setUint32(stage + SLOT_FLAGS, facts.flags, true);
    view.setUint32(stage + SLOT_STATE, facts.state, true);
    view.setUint32(stage + SLOT_USAGE_MASK, facts.usageMask, true);
    view.setBigInt64(stage + SLOT_ACTIVATION, BigInt(facts.activation), true);
    view.setBigInt64(stage + SLOT_DEACTIVATION, BigInt(facts.deactivation), true);
    view.setBigInt64(stage + SLOT_PROCESS_START, BigInt(facts.processStart), true);
    view.setBigInt64(stage + SLOT_PROTECT_STOP, BigInt(facts.protectStop), true);
    let present = 0;
    for (let parameter = 0; parameter < PARAMETER_COUNT; parameter += 1) {
      const value = facts.parameters[parameter];
      if (value === undefined) continue;
      present |= 1 << parameter;
      view.setInt32(stage + SLOT_PARAMETERS + PARAMETERS_VALUES + parameter * 4, value | 0, true);
    }
    view.setUint32(stage + SLOT_PARAMETERS + PARAMETERS_PRESENT, present, true);
    this.#bytes.set(identifier, stage + SLOT_IDENTIFIER);
    this.#bytes.set(key, stage + STAGE_KEY);
    return this.#core.loadSlot(key.length);
  }

  /** Wipes a slot, by the number that loadSlot gave. */
  dropSlot(slot: number): void {
    this.#core.dropSlot(slot);
  }

  /** Wipes all slots. */
  dropAll(): void {
    this.#core.dropSlots();
  }

  #limitData(limits: Crossovers): void {
    const start = this.#core.dataLimits();
    const bounded = (bytes: number): number => Math.min(Math.round(bytes), FAST_REQUEST_BYTES);
    for (const mode of cipherModes) {
      this.#view.setUint32(start + mode * DATA_LIMIT_MODE_BYTES, bounded(limits[mode].encrypt), true);
      this.#view.setUint32(start + mode * DATA_LIMIT_MODE_BYTES + DATA_LIMIT_DECRYPT, bounded(limits[mode].decrypt), true);
    }
  }

  #settle(answered: number): FastPathResult {
    let status = answered;
    while (status < 0) {
      if (status === FAST_NONCES_NEEDED) this.#grantNonces();
      else if (status === FAST_RANDOM_NEEDED) this.#fillPool();
      else if (status === FAST_SLOT_MISSING) return { kind: 'slot-missing', uniqueIdentifier: this.#missingIdentifier() };
      else {
        this.forget();
        return host;
      }
      status = this.#core.resumeMessage();
    }
    // Memory that grew meanwhile has left views of no length.
    if (this.#cells.length === 0) this.#look();
    const answer = this.#answer;
    if (this.#responseView.length !== status) this.#responseView = Buffer.from(this.#core.memory.buffer, this.#response, status);
    answer.response = this.#responseView;
    answer.encrypted = this.#cell(REPORT_ENCRYPTED);
    answer.decrypted = this.#cell(REPORT_DECRYPTED);
    answer.version = this.#cell(REPORT_VERSION);
    return answer;
  }

  #grantNonces(): void {
    const { nonces, nonceGrant = nonceGrantDefault } = this.#options;
    const first = nonces.take(nonceGrant);
    this.#core.grantNonces(nonces.prefix, Number(first >> 32n), Number(first & 0xffff_ffffn), nonceGrant);
  }

  /** What is left moves to the front, so that random bytes are used in the order in which they came. */
  #fillPool(): void {
    const used = this.#cell(REPORT_RANDOM_USED);
    this.#bytes.copyWithin(this.#pool, this.#pool + used, this.#pool + RANDOM_POOL_BYTES);
    this.#bytes.set(this.#options.random(used), this.#pool + RANDOM_POOL_BYTES - used);
    this.#setCell(REPORT_RANDOM_USED, 0);
  }

  #missingIdentifier(): string {
    const start = this.#cell(REPORT_IDENTIFIER);
    return fromUtf8.decode(this.#bytes.subarray(start, start + this.#cell(REPORT_IDENTIFIER_LENGTH)));
  }

  #cell(offset: number): number {
    return this.#cells[(this.#report + offset) >> 2]!;
  }

  #setCell(offset: number, value: number): void {
    this.#cells[(this.#report + offset) >> 2] = value;
  }

  /** Looks at linear memory anew: growth detaches the old buffer. */
  #look(): void {
    const { buffer } = this.#core.memory;
    this.#bytes = new Uint8Array(buffer);
    this.#view = new DataView(buffer);
    this.#cells = new Int32Array(buffer);
  }
}
