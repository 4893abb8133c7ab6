/**
 * The secret behind TLS session tickets: a single node's own, in memory; a cluster's in its replicated state, so that a
 * session begun at one node resumes at any.
 *
 *   setting ticket-secret      secret, 32 bytes, and when it was made; sealed in every store
 *
 * Invariant: a cluster's secret is replaced when it is older than `secretLifetimeMs`, by whichever node looks first (a
 * compare-and-set, so one wins); with it goes what a stolen disk could open. A ticket under the one before costs a full handshake.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { Fault } from '../fault.ts';
import type { Log } from '../log.ts';
import { systemRandom } from '../random.ts';
import { secretsEqual } from '../secret.ts';
import type { Keeper } from './keeper.ts';
import { ticketSecretBytes } from './ticket-keys.ts';

export const ticketSecretSetting = 'ticket-secret';
const secretLifetimeMs = 24 * 3600 * 1000;
const timeBytes = 8;

export interface TicketSecretParts {
  readonly keeper: Pick<Keeper, 'view' | 'commit' | 'notReady'>;
  readonly isShared: boolean;
  readonly clock: Clock;
  readonly log: Log;
  changed(secret: Uint8Array): void;
}

export class TicketSecrets {
  readonly #parts: TicketSecretParts;
  #current: Uint8Array | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: TicketSecretParts) {
    this.#parts = parts;
  }

  /** The secret in use. */
  async secret(): Promise<Uint8Array> {
    this.#current = this.#parts.isShared ? await this.#shared() : (this.#current ?? systemRandom(ticketSecretBytes));
    return this.#current;
  }

  /** Looks for a newer one from now on. */
  watch(intervalMs: number): void {
    if (!this.#parts.isShared) return;
    this.#timer = setInterval(() => void this.#look(), intervalMs);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    const { keeper, changed, log } = this.#parts;
    if (keeper.notReady() !== undefined) return;
    try {
      const newest = await this.#shared();
      if (this.#current !== undefined && secretsEqual(newest, this.#current)) return;
      this.#current = newest;
      changed(newest);
    } catch (error) {
      log.debug({ error }, 'The ticket secret could not be renewed; the next look tries again.');
    }
  }

  async #shared(): Promise<Uint8Array> {
    const { keeper, clock } = this.#parts;
    for (;;) {
      const kept = keeper.view.setting(ticketSecretSetting);
      if (kept !== undefined && clock.now() - madeAt(kept) < secretLifetimeMs) return kept.slice(timeBytes);
      const value = Buffer.alloc(timeBytes + ticketSecretBytes);
      value.writeBigUInt64BE(BigInt(clock.now()));
      randomBytes(ticketSecretBytes).copy(value, timeBytes);
      try {
        await keeper.commit([{ kind: 'setting-put', name: ticketSecretSetting, value: new Uint8Array(value) }]);
        return new Uint8Array(value.subarray(timeBytes));
      } catch (error) {
        // Another node was faster: what it made is there now.
        if (!(error instanceof Fault && error.code === 'E_CHANGED_MEANWHILE')) throw error;
      }
    }
  }
}

function madeAt(kept: Uint8Array): number {
  return Number(Buffer.from(kept.buffer, kept.byteOffset, kept.byteLength).readBigUInt64BE());
}
