/**
 * Whom client certificates stand for, remembered: a handshake would else read the credential and its role from the store, unseal and
 * decode them each time, which was a quarter of a resumed handshake's work outside the system.
 *
 * Invariant: only who was let in is remembered, until the certificate's end and no longer than identities stay as they are:
 * `forget` is called whenever the coherence memory says that they changed, which it does before the change is answered, and is
 * asked before each handshake. So a revoked credential is refused at the next handshake, full or resumed.
 */
import { fingerprintOf } from '../identity/certificate-facts.ts';
import { identifyFingerprint } from '../identity/identify.ts';
import type { Identified } from '../identity/identify.ts';
import type { ReadStore } from '../storage/store.ts';
import type { Identifier } from './listener.ts';

/** A worker with more clients than this of their own credentials looks up some of them again; some hundred bytes each. */
const callersMax = 4096;

export class KnownCallers implements Identifier {
  readonly #store: Pick<ReadStore, 'credential' | 'role'>;
  readonly #seconds: () => number;
  /** By fingerprint. */
  readonly #known = new Map<string, Identified>();

  /** `seconds`: since the epoch. */
  constructor(store: Pick<ReadStore, 'credential' | 'role'>, seconds: () => number) {
    this.#store = store;
    this.#seconds = seconds;
  }

  identify(certificate: Uint8Array | undefined): Identified {
    return certificate === undefined ? { refusal: 'unknown' } : this.identifyAgain(fingerprintOf(certificate));
  }

  identifyAgain(fingerprint: string): Identified {
    const now = this.#seconds();
    const known = this.#known.get(fingerprint);
    if (known?.caller !== undefined && now <= known.notAfter) return known;
    const found = identifyFingerprint(this.#store, fingerprint, now);
    if (found.caller === undefined) return found;
    if (this.#known.size >= callersMax) this.#known.clear();
    this.#known.set(fingerprint, found);
    return found;
  }

  /** Identities changed. */
  forget(): void {
    this.#known.clear();
  }
}
