/**
 * The certificates that the server shows: one EC and one RSA, made by the CA, kept sealed in the store, renewed at a start
 * when they end soon or the server's names have changed.
 *
 * Invariant: what `serverTls` gives fits together (each key its certificate, both under the CA) and covers every name asked for.
 */
import { hostname } from 'node:os';
import { isIP } from 'node:net';
import { Fault } from '../fault.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { ReadStore } from '../storage/store.ts';
import type { CertificateAuthority, CertifiedKey } from './certificate-authority.ts';
import { factsOf } from './certificate-facts.ts';

/** Seconds before the end at which a start makes new ones: a node that is restarted once a quarter never shows an old one. */
export const renewalMargin = 120 * 24 * 60 * 60;

const settingName = 'server-certificate';

interface ServerPairs {
  readonly ec: CertifiedKey;
  readonly rsa: CertifiedKey;
}

/** For tls.createServer: lists in the same order. `ca` checks the clients' certificates. */
export interface ServerTls {
  readonly key: readonly string[];
  readonly cert: readonly string[];
  readonly ca: readonly string[];
}

/** Whether a setting holds the certificates of a server, or of a node. */
export function isServerCertificate(setting: string): boolean {
  return setting === settingName || setting.startsWith(`${settingName}/`);
}

export function defaultServerNames(): readonly string[] {
  const host = hostname();
  return [...new Set(['localhost', ...(isDnsName(host) ? [host] : []), '127.0.0.1', '::1'])];
}

/** The kept certificates, or new ones with the mutation that keeps them. `now` in seconds since the epoch; `node` where each of several nodes has its own. */
export async function serverTls(store: Pick<ReadStore, 'setting'>, authority: CertificateAuthority, names: readonly string[], now: number, node?: string): Promise<{ tls: ServerTls; mutations: readonly Mutation[] }> {
  for (const name of names) {
    if (isIP(name) === 0 && !isDnsName(name)) throw new Fault('E_SERVER_NAME', `Server name ${JSON.stringify(name)} is neither a DNS name nor an IP address.`);
  }
  const setting = node === undefined ? settingName : `${settingName}/${node}`;
  const stored = store.setting(setting);
  const kept = stored === undefined ? undefined : (JSON.parse(Buffer.from(stored).toString('utf8')) as ServerPairs);
  if (kept !== undefined && isGood(kept, names, now)) return { tls: tlsOf(kept, authority), mutations: [] };
  const [ec, rsa] = await Promise.all([authority.issueServer(names, 'ec', now), authority.issueServer(names, 'rsa', now)]);
  const pairs: ServerPairs = { ec, rsa };
  return { tls: tlsOf(pairs, authority), mutations: [{ kind: 'setting-put', name: setting, value: new TextEncoder().encode(JSON.stringify(pairs)) }] };
}

function tlsOf({ ec, rsa }: ServerPairs, authority: CertificateAuthority): ServerTls {
  return { key: [ec.privateKey, rsa.privateKey], cert: [ec.certificate, rsa.certificate], ca: [authority.certificate] };
}

function isGood(pairs: ServerPairs, names: readonly string[], now: number): boolean {
  const wanted = names.map(comparable).sort().join();
  return [pairs.ec, pairs.rsa].every(({ certificate }) => {
    const facts = factsOf(certificate);
    return facts.notAfter - now > renewalMargin && facts.names.map(comparable).sort().join() === wanted;
  });
}

/** IPv6 addresses have many spellings, and certificates print another than people do. */
function comparable(name: string): string {
  return isIP(name) === 6 ? new URL(`http://[${name}]`).hostname : name.toLowerCase();
}

function isDnsName(name: string): boolean {
  return name.length <= 253 && /^(\*\.)?([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/.test(name);
}
