/**
 * What the server wants to know of a certificate that it was shown or made: fingerprint, serial number, subject, end, names.
 *
 * Invariant: the fingerprint is SHA-256 over the DER form, lower-case hex; a credential is found by it and by nothing else.
 */
import { X509Certificate, hash } from 'node:crypto';

export interface CertificateFacts {
  readonly fingerprint: string;
  readonly serialNumber: string;
  readonly subject: string;
  /** Seconds since the epoch. */
  readonly notAfter: number;
  /** DNS names and IP addresses. */
  readonly names: readonly string[];
}

/** SHA-256 of a certificate's DER form. */
export function fingerprintOf(der: Uint8Array): string {
  return hash('sha256', der, 'hex');
}

/** From PEM text or DER bytes. */
export function factsOf(certificate: string | Uint8Array): CertificateFacts {
  const parsed = new X509Certificate(certificate);
  return {
    fingerprint: fingerprintOf(parsed.raw),
    serialNumber: parsed.serialNumber.toLowerCase(),
    subject: parsed.subject.split('\n').join(', '),
    notAfter: Math.floor(parsed.validToDate.getTime() / 1000),
    names: (parsed.subjectAltName ?? '').split(', ').filter((name) => name !== '').map((name) => name.replace(/^(DNS|IP Address):/, '')),
  };
}
