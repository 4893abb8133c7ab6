/**
 * The server's own certificate authority: one RSA root that signs the server's and the clients' certificates (RFC 5280).
 *
 * Why RSA for the root: every client can check it, and a server checks an RSA signature faster than an ECDSA one, which each
 * mutual handshake does. Leaves are EC P-256 or RSA: the server shows both (TLS picks what the client can), since appliances
 * differ (CLIENTS 17.14). A root without intermediates keeps what people copy into appliances at one file.
 * Invariant: private keys leave here as PKCS#8 PEM only, to be sealed in the store or handed to the client once.
 */
import 'reflect-metadata';
import { isIP } from 'node:net';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto as Crypto);

const day = 24 * 60 * 60;
/** Seconds. Clients of a key server run for many years, and a new root has to be carried to each of them by hand. */
const authorityLifetime = 20 * 365 * day;
/** Seconds. Made anew by itself (server-certificate.ts), so short; 825 days is what platforms accept at most. */
const serverLifetime = 825 * day;
/** Seconds. Revocation is immediate and does not wait for the end; appliances that are forgotten must not lose their keys early. */
export const clientLifetime = 5 * 365 * day;
/** Seconds. Certificates are valid from before now, for clients whose clock is behind. */
const clockTolerance = 60 * 60;

export type KeyType = 'ec' | 'rsa';

/** Both as PEM; the key is secret. */
export interface CertifiedKey {
  readonly certificate: string;
  readonly privateKey: string;
}

const signing = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
const publicExponent = new Uint8Array([1, 0, 1]);
const leafAlgorithms = {
  ec: { name: 'ECDSA', namedCurve: 'P-256' },
  rsa: { ...signing, modulusLength: 2048, publicExponent },
};

/** A new root. `now` in seconds since the epoch. */
export async function makeAuthority(now: number): Promise<CertifiedKey> {
  const keys = await webcrypto.subtle.generateKey({ ...signing, modulusLength: 3072, publicExponent }, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: newSerialNumber(),
    name: [{ O: ['kmipd'] }, { CN: [`kmipd CA ${newSerialNumber().slice(0, 8)}`] }],
    notBefore: dateOf(now - clockTolerance),
    notAfter: dateOf(now + authorityLifetime),
    signingAlgorithm: signing,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate: `${certificate.toString('pem')}\n`, privateKey: await exportKey(keys.privateKey) };
}

export class CertificateAuthority {
  /** The root certificate as PEM, which clients have to trust. */
  readonly certificate: string;
  readonly #root: x509.X509Certificate;
  readonly #signingKey: CryptoKey;

  private constructor(pair: CertifiedKey, signingKey: CryptoKey) {
    this.certificate = pair.certificate;
    this.#root = new x509.X509Certificate(pair.certificate);
    this.#signingKey = signingKey;
  }

  static async from(pair: CertifiedKey): Promise<CertificateAuthority> {
    const bytes = x509.PemConverter.decodeFirst(pair.privateKey);
    return new CertificateAuthority(pair, await webcrypto.subtle.importKey('pkcs8', bytes, signing, false, ['sign']));
  }

  /** A server certificate for DNS names and IP addresses. */
  issueServer(names: readonly string[], keyType: KeyType, now: number): Promise<CertifiedKey> {
    const alternatives = names.map((name) => ({ type: isIP(name) === 0 ? ('dns' as const) : ('ip' as const), value: name }));
    // A Common Name has at most 64 characters; clients go by the alternative names.
    const commonName = (names[0] ?? 'kmipd').slice(0, 64);
    return this.#issue([{ CN: [commonName] }], keyType, now, now + serverLifetime, x509.ExtendedKeyUsage.serverAuth, [new x509.SubjectAlternativeNameExtension(alternatives)]);
  }

  /** A client certificate; its subject is for people to read, the server goes by the fingerprint. */
  issueClient(scope: string, role: string, keyType: KeyType, now: number, notAfter: number): Promise<CertifiedKey> {
    return this.#issue([{ O: ['kmipd'] }, { OU: [scope] }, { CN: [role] }], keyType, now, notAfter, x509.ExtendedKeyUsage.clientAuth, []);
  }

  async #issue(subject: x509.JsonName, keyType: KeyType, now: number, notAfter: number, usage: x509.ExtendedKeyUsage, extensions: readonly x509.Extension[]): Promise<CertifiedKey> {
    const keys = (await webcrypto.subtle.generateKey(leafAlgorithms[keyType], true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
    // Key encipherment is for old TLS 1.2 clients that know RSA key exchange only, if the operator lets them in.
    const keyUsage = x509.KeyUsageFlags.digitalSignature | (keyType === 'rsa' ? x509.KeyUsageFlags.keyEncipherment : 0);
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: newSerialNumber(),
      subject,
      issuer: this.#root.subjectName,
      notBefore: dateOf(now - clockTolerance),
      notAfter: dateOf(Math.min(notAfter, this.#root.notAfter.getTime() / 1000)),
      signingAlgorithm: signing,
      signingKey: this.#signingKey,
      publicKey: keys.publicKey,
      extensions: [
        new x509.BasicConstraintsExtension(false, undefined, true),
        new x509.KeyUsagesExtension(keyUsage, true),
        new x509.ExtendedKeyUsageExtension([usage]),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
        await x509.AuthorityKeyIdentifierExtension.create(this.#root.publicKey),
        ...extensions,
      ],
    });
    return { certificate: `${certificate.toString('pem')}\n`, privateKey: await exportKey(keys.privateKey) };
  }
}

async function exportKey(key: CryptoKey): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

/** 126 random bits, positive and of constant length (RFC 5280 §4.1.2.2). */
function newSerialNumber(): string {
  const bytes = webcrypto.getRandomValues(new Uint8Array(16));
  bytes[0] = (bytes[0]! & 0x3f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

function dateOf(seconds: number): Date {
  return new Date(Math.floor(seconds) * 1000);
}
