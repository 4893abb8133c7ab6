/**
 * What clients of a real cluster saw, a call a record, by the key that it was about; and what can be judged while the run goes on:
 * stale Encrypts and repeated nonces.
 *
 * All calls are made by one process, so `performance.now()` orders them as real time does. A key goes by its Name, which exists
 * before its Unique Identifier does: a Create without an answer has a name, and may have taken place.
 */

export type KeyState = 'absent' | 'pre-active' | 'active' | 'deactivated' | 'destroyed';

/** Writes, in the order in which a key's life has them. */
export type Write = 'create' | 'activate' | 'revoke' | 'destroy';
export type Read = 'encrypt' | 'decrypt' | 'state' | 'locate';

/**
 * `done` and `refused` are answers: the second says that the key's state forbids it. `unknown`: no answer, or one that does not say
 * what became of it.
 */
export type Outcome = 'done' | 'refused' | 'unknown';

export interface KeyCall {
  /** Who called, and through what: `client 3 by the balancer`, `probe of n2`. */
  readonly by: string;
  readonly verb: Write | Read;
  readonly invokedAt: number;
  /** Infinity where no answer came. */
  answeredAt: number;
  outcome: Outcome;
  /** What a `state` saw. */
  saw: KeyState | undefined;
  /** Whether a `locate` found it. */
  found: boolean | undefined;
  /** What was wrong, of unknown ones. */
  trouble: string | undefined;
}

export interface Sealed {
  readonly plain: Uint8Array;
  readonly data: Uint8Array;
  readonly nonce: Uint8Array;
  readonly mac: Uint8Array;
}

export interface Key {
  readonly name: string;
  id: string | undefined;
  readonly calls: KeyCall[];
  /** When the answer came that it is Active; that it was revoked or destroyed. */
  activeAt: number;
  endedAt: number;
  destroyedAt: number;
  /** A change is under way, or its outcome is not known: its clients leave it alone, so that histories stay small. */
  changing: boolean;
  readonly sealed: Sealed[];
  /** Made before the run and never changed: its many Encrypts need no place in its history, as each has to succeed. */
  constant: boolean;
}

export class KeyHistory {
  readonly keys = new Map<string, Key>();
  /** Encrypts that succeeded though they began after the key's end was answered. */
  readonly stale: string[] = [];
  readonly repeatedNonces: string[] = [];
  /** Answers that no right server gives: a wrong plaintext, a wrong identifier. */
  readonly wrongAnswers: string[] = [];
  readonly #nonces = new Set<string>();
  acknowledged = 0;
  /** Longest time between two acknowledged writes of anybody, since it was last reset by `watchGaps`. */
  longestGapMs = 0;
  #acknowledgedAt = performance.now();

  watchGaps(): void {
    this.longestGapMs = 0;
    this.#acknowledgedAt = performance.now();
  }

  make(name: string): Key {
    const key: Key = { name, id: undefined, calls: [], activeAt: Infinity, endedAt: Infinity, destroyedAt: Infinity, changing: false, sealed: [], constant: false };
    this.keys.set(name, key);
    return key;
  }

  /** A call as it begins; the caller fills in the rest by `answer`. */
  begin(key: Key, verb: Write | Read, by: string): KeyCall {
    const call: KeyCall = { by, verb, invokedAt: performance.now(), answeredAt: Infinity, outcome: 'unknown', saw: undefined, found: undefined, trouble: undefined };
    if (!(key.constant && verb === 'encrypt')) key.calls.push(call);
    return call;
  }

  answer(key: Key, call: KeyCall, outcome: 'done' | 'refused'): void {
    call.answeredAt = performance.now();
    call.outcome = outcome;
    if (outcome === 'refused') {
      if (key.constant) this.wrongAnswers.push(`${call.by}: ${call.verb} of ${key.name}, which is Active and never changes, was refused: ${call.trouble}`);
      return;
    }
    const { verb } = call;
    if (verb === 'create' || verb === 'activate' || verb === 'revoke' || verb === 'destroy') this.#acknowledge(call.answeredAt);
    if (verb === 'activate') key.activeAt = call.answeredAt;
    if (verb === 'revoke' || verb === 'destroy') key.endedAt = Math.min(key.endedAt, call.answeredAt);
    if (verb === 'destroy') key.destroyedAt = Math.min(key.destroyedAt, call.answeredAt);
    if (verb === 'encrypt' && call.invokedAt > key.endedAt) this.stale.push(`${key.name} encrypted for ${call.by} ${(call.invokedAt - key.endedAt).toFixed(0)} ms after its end was answered`);
  }

  #acknowledge(at: number): void {
    this.acknowledged += 1;
    this.longestGapMs = Math.max(this.longestGapMs, at - this.#acknowledgedAt);
    this.#acknowledgedAt = at;
  }

  /** A nonce that a server made: under one key no two are equal, whichever nodes made them. */
  nonce(key: Key, nonce: Uint8Array): void {
    const text = `${key.name} ${Buffer.from(nonce).toString('latin1')}`;
    if (this.#nonces.has(text)) this.repeatedNonces.push(`${key.name} ${Buffer.from(nonce).toString('hex')}`);
    this.#nonces.add(text);
  }

  get nonces(): number {
    return this.#nonces.size;
  }
}
