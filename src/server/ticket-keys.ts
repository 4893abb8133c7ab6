/**
 * Keys of TLS session tickets, the same in all workers, new each half day (RFC 5077, RFC 8446 §4.6.1).
 *
 * Invariant: every thread that has the secret computes the same 48 bytes for the same time, so a session that began
 * on one worker resumes on any. A ticket of the epoch before last costs a full handshake, no more. The secret lives in
 * memory only and is new with each start of the process: stolen disks open no recorded session.
 */
import { hkdfSync } from 'node:crypto';

export const ticketSecretBytes = 32;
export const ticketEpochMs = 12 * 3600 * 1000;
/** How long a client may come back with a ticket, in seconds. */
export const ticketLifetimeSeconds = 3600;

const ticketKeyBytes = 48;

export function ticketKeys(secret: Uint8Array, nowMs: number): Buffer {
  const epoch = Buffer.alloc(8);
  epoch.writeBigUInt64BE(BigInt(Math.floor(nowMs / ticketEpochMs)));
  return Buffer.from(hkdfSync('sha256', secret, epoch, 'kmipd session ticket keys', ticketKeyBytes));
}
