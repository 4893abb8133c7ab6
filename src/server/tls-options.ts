/**
 * TLS as a worker speaks it: versions, suites, who is asked for a certificate.
 *
 * Invariant: TLS 1.2 or 1.3 with a client certificate of a trusted authority, or no connection. Sessions of 1.2 are not
 * renegotiated: it would cost a handshake at a stranger's word, and could change the certificate under a live connection.
 */
import { constants } from 'node:crypto';
import type { TlsOptions } from 'node:tls';
import type { Clock } from '../clock.ts';
import type { Limits } from './limits.ts';
import { ticketKeys, ticketLifetimeSeconds } from './ticket-keys.ts';

/** Certificates and keys of the server, PEM; one chain a kind of key (RSA, EC). */
export interface TlsMaterial {
  readonly certificates: readonly string[];
  readonly privateKeys: readonly string[];
  /** Authorities whose client certificates are looked at. */
  readonly authorities: readonly string[];
  readonly ciphers: string | undefined;
  readonly ticketSecret: Uint8Array;
}

/** TLS 1.3's suites and those of 1.2 with forward secrecy that clients still need (CBC for the oldest of them). */
const defaultCiphers = [
  'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305', 'ECDHE-RSA-AES256-SHA384', 'ECDHE-RSA-AES128-SHA256',
].join(':');

export function serverTlsOptions(tls: TlsMaterial, limits: Pick<Limits, 'handshakeMs'>, clock: Clock): TlsOptions {
  return {
    cert: [...tls.certificates],
    key: [...tls.privateKeys],
    ca: [...tls.authorities],
    requestCert: true,
    rejectUnauthorized: true,
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    ciphers: tls.ciphers ?? defaultCiphers,
    honorCipherOrder: true,
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ecdhCurve: 'auto',
    handshakeTimeout: limits.handshakeMs,
    sessionTimeout: ticketLifetimeSeconds,
    sessionIdContext: 'kmipd',
    ticketKeys: ticketKeys(tls.ticketSecret, clock.now()),
    noDelay: true,
    keepAlive: true,
  };
}
