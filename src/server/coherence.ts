/**
 * Coherence inside a node: the main thread tells workers which objects changed, through shared memory (DESIGN §3).
 *
 *     word   0 generation   changes published so far
 *            1 claimed      changes published or being written; never behind `generation`
 *            2 identity     counts changes of scopes, roles, credentials, settings
 *            3 …            ring of two words a change: a 64-bit hash of (scope, Unique Identifier)
 *
 * Invariant: the main thread publishes after the commit and before the answer. A worker calls `refresh` before each
 * message, so it never works on what it cached before a change that was answered. The ring holds hashes: two objects
 * of one hash only cost a needless drop. A worker that missed more changes than the ring holds drops all.
 * Counters wrap at 2^32; differences stay right as long as a worker looks once in 2^31 changes.
 */
const generationWord = 0;
const claimedWord = 1;
const identityWord = 2;
const ringWord = 3;

/** Changes that a worker may miss before it has to drop all it cached: some seconds of writing at full speed. */
export const ringEntries = 16_384;
const coherenceBytes = (ringWord + ringEntries * 2) * Int32Array.BYTES_PER_ELEMENT;

export interface ChangedObject {
  readonly scope: string;
  readonly uniqueIdentifier: string;
}

/** 64 bits as two words (cyrb53's mixing). Not secret and not proof against collisions: see the header. */
export function objectHash(scope: string, uniqueIdentifier: string): readonly [number, number] {
  let high = 0xdeadbeef;
  let low = 0x41c6ce57;
  const text = `${scope}\0${uniqueIdentifier}`;
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909);
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909);
  return [high | 0, low | 0];
}

/** The main thread's side. */
export class CoherencePublisher {
  readonly memory: SharedArrayBuffer;
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(coherenceBytes)) {
    this.memory = memory;
    this.#words = new Int32Array(memory);
  }

  /** Call once a commit is durable and readable, before its answer leaves. */
  publish(changed: readonly ChangedObject[], identityChanged: boolean): void {
    const words = this.#words;
    const generation = words[generationWord]!;
    const next = (generation + changed.length) | 0;
    Atomics.store(words, claimedWord, next);
    changed.forEach(({ scope, uniqueIdentifier }, index) => {
      const [high, low] = objectHash(scope, uniqueIdentifier);
      const slot = ringWord + (((generation + index) >>> 0) % ringEntries) * 2;
      Atomics.store(words, slot, high);
      Atomics.store(words, slot + 1, low);
    });
    if (identityChanged) Atomics.add(words, identityWord, 1);
    Atomics.store(words, generationWord, next);
  }
}

export interface CoherenceListener {
  /** The object with this hash may have changed. */
  drop(high: number, low: number): void;
  dropAll(): void;
  identityChanged(): void;
}

/** A worker's side. */
export class CoherenceFollower {
  readonly #words: Int32Array;
  readonly #listener: CoherenceListener;
  #seen: number;
  #identity: number;

  constructor(memory: SharedArrayBuffer, listener: CoherenceListener) {
    this.#words = new Int32Array(memory);
    this.#listener = listener;
    this.#seen = Atomics.load(this.#words, generationWord);
    this.#identity = Atomics.load(this.#words, identityWord);
  }

  /** Drops what changed since the last call. Two loads when nothing did. */
  refresh(): void {
    const words = this.#words;
    const generation = Atomics.load(words, generationWord);
    if (generation !== this.#seen) this.#follow(generation);
    const identity = Atomics.load(words, identityWord);
    if (identity !== this.#identity) {
      this.#identity = identity;
      this.#listener.identityChanged();
    }
  }

  #follow(generation: number): void {
    const words = this.#words;
    const missed = (generation - this.#seen) >>> 0;
    if (missed <= ringEntries) {
      for (let index = 0; index < missed; index += 1) {
        const slot = ringWord + (((this.#seen + index) >>> 0) % ringEntries) * 2;
        this.#listener.drop(Atomics.load(words, slot), Atomics.load(words, slot + 1));
      }
    }
    // What the main thread claimed meanwhile may have overwritten entries while they were read here.
    const claimed = Atomics.load(words, claimedWord);
    if (((claimed - this.#seen) >>> 0) > ringEntries) this.#listener.dropAll();
    this.#seen = generation;
  }
}
