/**
 * What a member of a cluster may answer, told by the main thread to its workers through shared memory (cluster/DESIGN.md, Reading).
 *
 *     word 0       version    of the permit; its lowest bit says which of the two records below is whole
 *          1       changes    counts permits and stable sequences, for those who wait for one
 *          2, 7    permit     two records: until (microseconds, 2 words), wall minus monotonic time (ms, 2 words), spell
 *     long 8       stable     every node that may answer reads has all entries up to here
 *          9       begun      newest entry that may be in the store, wholly or not
 *          10      floor      what was in the store at the start: unmarked, and stable only once `stable` says so
 *          16 …    marks      by hash of (scope, Unique Identifier): the newest entry that changes an object of this hash
 *
 * Invariants: an entry's marks come before its write, so who reads what it wrote, and then looks, finds the mark. A table of hashes
 * has no overrun, and a second object of the same hash costs a needless wait only. A permit is read as one or not at all.
 * A *spell* is an unbroken time with a permit: what was read while one spell lasted was read with a permit, whatever happened meanwhile
 * on this thread. Times are of `systemClock.monotonic`, which all threads of a process share.
 */
import assert from 'node:assert';
import { systemClock } from '../clock.ts';
import type { Clock } from '../clock.ts';
import { objectHash } from './coherence.ts';
import type { ChangedObject } from './coherence.ts';
import { SleepWatch, sleptMs } from './sleep-watch.ts';

const versionWord = 0;
const changesWord = 1;
const permitWord = 2;
const permitWords = 5;
const stableLong = 8;
const begunLong = 9;
const floorLong = 10;
const marksLong = 16;

/** A thousand objects under change at once make one read in 64 wait for another's; half a mebibyte. */
const markBuckets = 65_536;
const viewBytes = (marksLong + markBuckets) * BigInt64Array.BYTES_PER_ELEMENT;

/** After a sleep that nobody else noticed, permits are believed again when this is over: longer than any permit. */
const distrustMs = 10_000;
/** Who waits looks this often even if nothing is told: a deadline may be nearer than when the wait began. */
const lookMs = 100;

/** A whole number as two words that are never negative in the lower one. */
const wordBase = 2 ** 31;
function storeNumber(words: Int32Array, at: number, value: number): void {
  const high = Math.floor(value / wordBase);
  Atomics.store(words, at, high);
  Atomics.store(words, at + 1, value - high * wordBase);
}
function loadNumber(words: Int32Array, at: number): number {
  return Atomics.load(words, at) * wordBase + Atomics.load(words, at + 1);
}

/** The main thread's side. */
export class ClusterViewPublisher {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;
  readonly #longs: BigInt64Array;
  readonly #clock: Clock;
  readonly #watch: SleepWatch;
  #version = 0;
  /** Microseconds. */
  #until = 0;
  #spell = 0;
  #stable = 0;
  #begun = -1;
  #distrustUntil = 0;

  constructor(clock: Clock = systemClock, memory: SharedArrayBuffer = new SharedArrayBuffer(viewBytes)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
    this.#longs = new BigInt64Array(memory);
    this.#clock = clock;
    this.#watch = new SleepWatch(clock);
  }

  /**
   * The store is open and holds all entries up to `sequence`, of which nobody knows yet which are stable. Before any worker starts, and again
   * when the store was made anew, while no worker runs: sequences of another history mean nothing any more.
   */
  begin(sequence: number): void {
    this.#publish(0);
    this.#begun = sequence;
    this.#stable = 0;
    this.#longs.fill(0n, marksLong);
    Atomics.store(this.#longs, stableLong, 0n);
    Atomics.store(this.#longs, begunLong, BigInt(sequence));
    Atomics.store(this.#longs, floorLong, BigInt(sequence));
  }

  /**
   * Reads may be answered until then, in milliseconds of the process's monotonic clock; 0: not at all, from now on. False where it is not
   * told to the workers: the machine seems to have slept, and all permits counted before are in doubt until `permit(0)` says they are gone.
   */
  permit(until: number): boolean {
    assert(this.#begun >= 0, 'begin comes before the first permit');
    const known = this.#distrustUntil;
    this.noticeSleep();
    const now = this.#clock.monotonic();
    // A sleep that is noticed only now is not what the permit was dropped for.
    if (until === 0 && this.#distrustUntil === known) this.#distrustUntil = 0;
    const believed = now >= this.#distrustUntil;
    const microseconds = believed && until > now ? Math.floor(until * 1000) : 0;
    if (microseconds !== this.#until) {
      if (microseconds > 0 && this.#until <= now * 1000) this.#spell = (this.#spell + 1) | 0;
      this.#publish(microseconds);
    }
    return believed;
  }

  /** Whether the machine seems to have slept (sleep-watch.ts) and no `permit(0)` has come since. Drops the permit then. */
  noticeSleep(): boolean {
    if (this.#watch.slept()) {
      this.#distrustUntil = this.#clock.monotonic() + distrustMs;
      this.#publish(0);
    }
    return this.#clock.monotonic() < this.#distrustUntil;
  }

  /** An entry is about to be written that changes these. Call before the store is given it; entries come in ascending order. */
  applying(changed: readonly ChangedObject[], sequence: number): void {
    assert(sequence >= this.#begun, `entry ${sequence} comes after ${this.#begun}`);
    const longs = this.#longs;
    const long = BigInt(sequence);
    this.#begun = sequence;
    Atomics.store(longs, begunLong, long);
    for (const { scope, uniqueIdentifier } of changed) Atomics.store(longs, marksLong + (objectHash(scope, uniqueIdentifier)[1] & (markBuckets - 1)), long);
  }

  /** Every node that may answer reads has all entries up to this one. */
  stable(sequence: number): void {
    if (sequence <= this.#stable) return;
    this.#stable = sequence;
    Atomics.store(this.#longs, stableLong, BigInt(sequence));
    this.#wake();
  }

  /** The record that nobody reads is written, then it becomes the one that is read. */
  #publish(microseconds: number): void {
    const words = this.#words;
    const version = (this.#version + 1) | 0;
    const at = permitWord + (version & 1) * permitWords;
    storeNumber(words, at, microseconds);
    storeNumber(words, at + 2, Math.floor(this.#watch.reference));
    Atomics.store(words, at + 4, this.#spell);
    Atomics.store(words, versionWord, version);
    this.#version = version;
    this.#until = microseconds;
    this.#wake();
  }

  #wake(): void {
    Atomics.add(this.#words, changesWord, 1);
    Atomics.notify(this.#words, changesWord);
  }
}

/** What a worker's caches ask of the view. */
export interface ChangeMarks {
  /** Newest entry that changes an object of this hash and is not stable; 0: none. Ask after reading the object from the store. */
  unstable(high: number, low: number): number;
}

interface Waiter {
  readonly deadline: number;
  isSo(): boolean;
  resolve(isSo: boolean): void;
}

/** A worker's side. */
export class ClusterViewReader implements ChangeMarks {
  readonly #words: Int32Array;
  readonly #longs: BigInt64Array;
  readonly #clock: Clock;
  /** The permit as last read. */
  #version: number;
  #until = 0;
  #offset = 0;
  #spell = 0;
  #waiters: Waiter[] = [];
  #watching = false;

  constructor(memory: SharedArrayBuffer, clock: Clock = systemClock) {
    this.#words = new Int32Array(memory);
    this.#longs = new BigInt64Array(memory);
    this.#clock = clock;
    this.#version = Atomics.load(this.#words, versionWord) - 1;
    this.#look();
  }

  /** The spell that lasts now, or the last one there was. Ask before anything is read, caches included. */
  get spell(): number {
    this.#look();
    return this.#spell;
  }

  /** Whether this spell still lasts. `now`: the monotonic clock after all was read. */
  holds(spell: number, now: number): boolean {
    this.#look();
    // The wall clock comes last: time lost between the two clocks must not hide a sleep.
    return spell === this.#spell && now < this.#until && this.#clock.now() - now - this.#offset <= sleptMs;
  }

  unstable(_high: number, low: number): number {
    const longs = this.#longs;
    const mark = Atomics.load(longs, marksLong + (low & (markBuckets - 1)));
    const floor = Atomics.load(longs, floorLong);
    const newest = mark > floor ? mark : floor;
    return newest > Atomics.load(longs, stableLong) ? Number(newest) : 0;
  }

  /** Newest entry that may be in the store, where it is not stable; 0: all is. For who read what no hash names: an index. */
  newestUnstable(): number {
    const begun = Atomics.load(this.#longs, begunLong);
    return begun > Atomics.load(this.#longs, stableLong) ? Number(begun) : 0;
  }

  isStable(sequence: number): boolean {
    return Atomics.load(this.#longs, stableLong) >= sequence;
  }

  /** True when it is stable, false when the time is over. */
  untilStable(sequence: number, timeoutMs: number): Promise<boolean> {
    return this.#waitFor(() => this.isStable(sequence), timeoutMs);
  }

  /** True when there is a permit, false when the time is over. */
  untilPermit(timeoutMs: number): Promise<boolean> {
    return this.#waitFor(() => this.holds(this.spell, this.#clock.monotonic()), timeoutMs);
  }

  #look(): void {
    const words = this.#words;
    let version = Atomics.load(words, versionWord);
    while (version !== this.#version) {
      const at = permitWord + (version & 1) * permitWords;
      const until = loadNumber(words, at) / 1000;
      const offset = loadNumber(words, at + 2);
      const spell = Atomics.load(words, at + 4);
      // The same version: nobody has begun to write this record anew. Else two permits have come meanwhile: once more.
      const after = Atomics.load(words, versionWord);
      if (after === version) {
        this.#version = version;
        this.#until = until;
        this.#offset = offset;
        this.#spell = spell;
      }
      version = after;
    }
  }

  #waitFor(isSo: () => boolean, timeoutMs: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.#waiters.push({ isSo, resolve, deadline: this.#clock.monotonic() + timeoutMs });
      if (!this.#watching) void this.#watch();
    });
  }

  /** One wait for all that wait on this thread. */
  async #watch(): Promise<void> {
    this.#watching = true;
    for (;;) {
      const changes = Atomics.load(this.#words, changesWord);
      const now = this.#clock.monotonic();
      this.#waiters = this.#waiters.filter(({ isSo, deadline, resolve }) => {
        const isIt = isSo();
        if (!isIt && now < deadline) return true;
        resolve(isIt);
        return false;
      });
      if (this.#waiters.length === 0) break;
      const left = this.#waiters.reduce((least, { deadline }) => Math.min(least, deadline - now), lookMs);
      const wait = Atomics.waitAsync(this.#words, changesWord, changes, Math.ceil(left));
      if (wait.async) await wait.value;
    }
    this.#watching = false;
  }
}
