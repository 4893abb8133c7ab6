/**
 * The first start: CA, scope `default`, role `admin`, one credential and the admin token, and the files that hold them
 * (DESIGN §12). Later starts find it done.
 *
 *   DIR/bootstrap/  0700    ca.pem  cert.pem  key.pem  admin-token  0600
 *
 * Invariant: files first, then one write set with everything, so a crash in between leaves nothing half done: the next start
 * does it all again. The store keeps a hash of the token only; losing the files later loses nothing but access.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../fault.ts';
import { makePrivateFolder, writePrivateFile } from '../storage/private-file.ts';
import { sealScopeRootKey } from '../storage/key-ring.ts';
import type { Mutation } from '../storage/mutation.ts';
import type { Store } from '../storage/store.ts';
import { adminTokenSetting, hashOfToken, newToken } from './admin-token.ts';
import { CertificateAuthority, makeAuthority } from './certificate-authority.ts';
import type { CertifiedKey } from './certificate-authority.ts';
import { generateCredential } from './commands.ts';
import type { IdentityPorts } from './commands.ts';
import { defaultServerNames, serverTls } from './server-certificate.ts';
import type { ServerTls } from './server-certificate.ts';
import { allOperations } from './policy.ts';

export const defaultScope = 'default';
const defaultRole = 'admin';

/** There from the first identity on. */
export const authoritySetting = 'certificate-authority';

export interface BootstrapPorts {
  readonly store: Pick<Store, 'setting' | 'pending'> & { commit(mutations: readonly Mutation[]): Promise<unknown> };
  /** Name of a node of a cluster, which has server certificates of its own; undefined: the only node. */
  readonly node?: string | undefined;
  /** Secret; needed as long as scopes can be made. */
  readonly rootKey: Uint8Array;
  /** Data folder of the node. */
  readonly folder: string;
  /** Names and addresses of the server's certificate; empty: the defaults. */
  readonly serverNames: readonly string[];
  random(length: number): Uint8Array;
  /** Seconds since the epoch. */
  now(): number;
}

export interface Bootstrapped {
  readonly first: boolean;
  readonly identity: IdentityPorts;
  readonly tls: ServerTls;
  /** What to tell the operator; empty but at the first start. */
  readonly lines: readonly string[];
}

export async function bootstrap(ports: BootstrapPorts): Promise<Bootstrapped> {
  const { store } = ports;
  const kept = store.setting(authoritySetting);
  const tokenHash = store.setting(adminTokenSetting);
  const first = kept === undefined || tokenHash === undefined;
  const pair = kept === undefined ? await makeAuthority(ports.now()) : (JSON.parse(Buffer.from(kept).toString('utf8')) as CertifiedKey);
  const authority = await CertificateAuthority.from(pair);
  const identity: IdentityPorts = {
    store: store.pending(), authority, random: ports.random, now: ports.now,
    sealScopeRootKey: (scope, key) => sealScopeRootKey(ports.rootKey, scope, key),
  };
  const names = ports.serverNames.length === 0 ? defaultServerNames() : ports.serverNames;
  const server = await serverTls(store, authority, names, ports.now(), ports.node);
  if (!first) {
    if (server.mutations.length > 0) await store.commit(server.mutations);
    return { first, identity, tls: server.tls, lines: [] };
  }
  const made = await firstIdentity(ports, identity, pair);
  try {
    // Making keys takes a while, and a commit compares with what is there when it is given.
    const isTaken = store.setting(adminTokenSetting) !== undefined || (kept === undefined && store.setting(authoritySetting) !== undefined);
    if (isTaken) throw new Fault('E_CHANGED_MEANWHILE', 'Another node made the first identity.', { retryable: true });
    await store.commit([...made.mutations, ...server.mutations]);
  } catch (error) {
    // Nothing of it is true: another node of the cluster was faster, or nothing could be stored.
    if (error instanceof Fault && error.code === 'E_CHANGED_MEANWHILE') await rm(made.folder, { recursive: true, force: true });
    throw error;
  }
  return { first, identity, tls: server.tls, lines: firstLines(made.folder) };
}

async function firstIdentity(ports: BootstrapPorts, identity: IdentityPorts, authority: CertifiedKey): Promise<{ folder: string; tokenHash: Uint8Array; mutations: readonly Mutation[] }> {
  const credential = await generateCredential(identity, { scope: defaultScope, role: defaultRole, create: true });
  const token = newToken(ports.random);
  const tokenHash = hashOfToken(token);
  const folder = join(ports.folder, 'bootstrap');
  await makePrivateFolder(folder);
  await writePrivateFile(join(folder, 'ca.pem'), authority.certificate);
  await writePrivateFile(join(folder, 'cert.pem'), credential.pair.certificate);
  await writePrivateFile(join(folder, 'key.pem'), credential.pair.privateKey);
  await writePrivateFile(join(folder, 'admin-token'), `${token}\n`);
  return {
    folder, tokenHash,
    mutations: [
      ...credential.mutations,
      { kind: 'setting-put', name: authoritySetting, value: new TextEncoder().encode(JSON.stringify(authority)) },
      { kind: 'setting-put', name: adminTokenSetting, value: tokenHash },
    ],
  };
}

function firstLines(folder: string): readonly string[] {
  return [
    'First start: made a root key, a certificate authority, and a first identity.',
    `  scope ${defaultScope}, role ${defaultRole} (${allOperations}): ${folder}/cert.pem and key.pem; clients trust ${folder}/ca.pem`,
    `  admin token for the control plane: ${folder}/admin-token`,
    'Keep a copy of the root key in a safe place: without it the store cannot be opened.',
  ];
}
