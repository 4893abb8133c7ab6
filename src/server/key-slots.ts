/**
 * A worker's way to the core's fast path: which message may try it, which object goes into which slot, and when a slot is wiped.
 *
 *     message ──> fast path ──> answer
 *                   │ slot missing: fetched from the store, copied into the slot, wiped in JavaScript; again
 *                   └ anything else: undefined, and the engine takes the message
 *
 * Invariant: a slot is dropped whenever the coherence ring names its object, and all are when the ring overran: exactly when
 * ObjectCache drops, by the same hash; so no message works on a key that an answered change has replaced. An object is
 * fetched for its slot from the store itself, never from a cache, so that nobody shares the bytes that are wiped here. In a cluster
 * an object under a change that is not stable gets no slot, so that an answer of the fast path never waits for one.
 */
import { FAST_ITEMS_MAX } from '../../core/abi.ts';
import type { Clock } from '../clock.ts';
import { cipherPermissions, slotContents } from '../engine/slot-contents.ts';
import { Operation } from '../kmip/enums.ts';
import type { Managed } from '../kmip/managed.ts';
import type { ProtocolVersion } from '../kmip/version.ts';
import type { Caller } from '../operations/context.ts';
import { wipe } from '../secret.ts';
import type { FastPath, FastPathResult } from '../wasm/fast-path.ts';
import type { ChangeMarks } from './cluster-view.ts';
import { objectHash } from './coherence.ts';
import type { CoherenceListener } from './coherence.ts';
import type { ItemOutcome } from './engine-port.ts';
import { byteArrays } from './object-cache.ts';

export interface KeySlotPorts {
  readonly fastPath: FastPath;
  readonly clock: Clock;
  readonly counts: { keySlots(count: number): void; keySlotLoaded(): void };
  /** Absent on a single node. */
  readonly marks?: ChangeMarks | undefined;
  /** The object as stored, in memory of its own that may be wiped. */
  fetch(scope: string, uniqueIdentifier: string): Managed | undefined;
}

/** An answer and what the metrics want to know of it: the same one each time, good until `forget` or the next `answer`; who keeps it, copies it. */
export interface FastAnswer {
  readonly response: Uint8Array;
  readonly items: readonly ItemOutcome[];
  readonly version: ProtocolVersion;
}

interface CallerFacts {
  readonly scopeNumber: number;
  readonly permissions: number;
}

/**
 * Messages of one turn that are answered at the time of the first of them: a look at the clock costs as much as their accounts. KMIP
 * tells time in seconds.
 */
const answersPerLook = 16;

const encrypted: ItemOutcome = { operation: Operation.Encrypt, reason: 0 };
const decrypted: ItemOutcome = { operation: Operation.Decrypt, reason: 0 };
const oneEncrypted: readonly ItemOutcome[] = [encrypted];
const oneDecrypted: readonly ItemOutcome[] = [decrypted];

export class KeySlots implements Omit<CoherenceListener, 'identityChanged'> {
  readonly #ports: KeySlotPorts;
  readonly #scopes = new Map<string, number>();
  readonly #callers = new WeakMap<Caller, CallerFacts>();
  /** Coherence hash of the object in each filled slot, by slot. */
  readonly #hashes = new Map<number, number>();
  /** Slots by coherence hash: one; several only where hashes collide. */
  readonly #slots = new Map<number, number | readonly number[]>();
  readonly #answer: { response: Uint8Array; items: readonly ItemOutcome[]; version: ProtocolVersion } = { response: new Uint8Array(0), items: [], version: 0 };
  #seconds = 0;
  #untilLook = 0;
  #lastCaller: Caller | undefined;
  #lastFacts: CallerFacts = { scopeNumber: 0, permissions: 0 };

  constructor(ports: KeySlotPorts) {
    this.#ports = ports;
  }

  /** The answer; undefined where the engine has to give it. */
  answer(message: Uint8Array, caller: Caller): FastAnswer | undefined {
    const { fastPath, clock } = this.#ports;
    if (caller !== this.#lastCaller) {
      this.#lastFacts = this.#factsOf(caller);
      this.#lastCaller = caller;
    }
    const { scopeNumber, permissions } = this.#lastFacts;
    if (permissions === 0) return undefined;
    if (this.#untilLook === 0) {
      this.#seconds = Math.floor(clock.now() / 1000);
      this.#untilLook = answersPerLook;
    }
    this.#untilLook -= 1;
    let result: FastPathResult = fastPath.handle(message, scopeNumber, permissions, this.#seconds);
    for (let loads = 0; result.kind === 'slot-missing'; loads += 1) {
      if (loads === FAST_ITEMS_MAX || !this.#load(scopeNumber, caller.scope, result.uniqueIdentifier)) {
        fastPath.forget();
        return undefined;
      }
      result = fastPath.resume();
    }
    if (result.kind !== 'answer') return undefined;
    const answer = this.#answer;
    answer.response = result.response;
    answer.items = outcomes(result.encrypted, result.decrypted);
    answer.version = result.version;
    return answer;
  }

  /** The turn ends, its answers are taken: nothing of them stays in the core. */
  forget(): void {
    this.#untilLook = 0;
    this.#ports.fastPath.forget();
  }

  drop(high: number, low: number): void {
    const slots = this.#slots.get(hashOf(high, low));
    if (slots === undefined) return;
    for (const slot of typeof slots === 'number' ? [slots] : slots) {
      this.#ports.fastPath.dropSlot(slot);
      this.#unlink(slot);
    }
    this.#ports.counts.keySlots(this.#hashes.size);
  }

  dropAll(): void {
    this.#ports.fastPath.dropAll();
    this.#hashes.clear();
    this.#slots.clear();
    this.#ports.counts.keySlots(0);
  }

  /** False where the object is not there, or does not go into a slot. */
  #load(scopeNumber: number, scope: string, uniqueIdentifier: string): boolean {
    const { fastPath, counts, marks } = this.#ports;
    const managed = this.#fetch(scope, uniqueIdentifier);
    if (managed === undefined) return false;
    const [high, low] = objectHash(scope, uniqueIdentifier);
    try {
      // After the read: a change that the read has seen was marked before.
      if (marks !== undefined && marks.unstable(high, low) > 0) return false;
      const { facts, key } = slotContents(managed);
      const slot = fastPath.loadSlot(scopeNumber, uniqueIdentifier, facts, key);
      if (slot < 0) return false;
      // Whatever was in the slot has made room.
      this.#unlink(slot);
      const hash = hashOf(high, low);
      this.#hashes.set(slot, hash);
      const others = this.#slots.get(hash);
      this.#slots.set(hash, others === undefined ? slot : typeof others === 'number' ? [others, slot] : [...others, slot]);
    } finally {
      wipe(...byteArrays(managed.material));
    }
    counts.keySlotLoaded();
    counts.keySlots(this.#hashes.size);
    return true;
  }

  /** What cannot be fetched here cannot be fetched by the engine, which reports it. */
  #fetch(scope: string, uniqueIdentifier: string): Managed | undefined {
    try {
      return this.#ports.fetch(scope, uniqueIdentifier);
    } catch {
      return undefined;
    }
  }

  #unlink(slot: number): void {
    const hash = this.#hashes.get(slot);
    if (hash === undefined) return;
    this.#hashes.delete(slot);
    const slots = this.#slots.get(hash);
    const left = typeof slots === 'object' ? slots.filter((each) => each !== slot) : [];
    if (left.length === 0) this.#slots.delete(hash);
    else this.#slots.set(hash, left);
  }

  #factsOf(caller: Caller): CallerFacts {
    const known = this.#callers.get(caller);
    if (known !== undefined) return known;
    let scopeNumber = this.#scopes.get(caller.scope);
    if (scopeNumber === undefined) this.#scopes.set(caller.scope, (scopeNumber = this.#scopes.size + 1));
    const facts = { scopeNumber, permissions: cipherPermissions(caller) };
    this.#callers.set(caller, facts);
    return facts;
  }
}

function outcomes(encrypts: number, decrypts: number): readonly ItemOutcome[] {
  if (encrypts + decrypts === 1) return encrypts === 1 ? oneEncrypted : oneDecrypted;
  return [...new Array<ItemOutcome>(encrypts).fill(encrypted), ...new Array<ItemOutcome>(decrypts).fill(decrypted)];
}

/** 52 of the hash's 64 bits, which a number holds: a worker has a hundred thousand of these, and big integers and arrays are dear. */
function hashOf(high: number, low: number): number {
  return (high >>> 0) * 2 ** 20 + (low >>> 12);
}
