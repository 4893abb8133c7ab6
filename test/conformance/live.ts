/**
 * The transport to a real server: mutual TLS, one connection for each client of the case, all in one fresh scope.
 *
 * The Suite B cases connect with the cipher suite of their profile, the Quantum Safe ones with TLS 1.3, as the profiles
 * ask.
 */
import type { CredentialRequest } from '../harness/server.ts';
import type { ConnectionRequest, Credential, Item } from '../harness/wire.ts';
import { WireConnection } from '../harness/wire.ts';
import type { Transport } from './play.ts';

/** Makes a credential of a scope; called again with the same scope for a second client. */
export type CredentialSource = (scope: string) => Promise<Credential>;

/** What a client of the cases may do: all operations, and see Interop in Query, as the cases record it. */
export function caseRole(scope: string): CredentialRequest {
  return { scope, role: 'oasis', permissions: ['operation_all', 'interop_tests'] };
}

const profileTls: readonly { readonly name: RegExp; readonly request: Partial<ConnectionRequest> }[] = [
  { name: /^SUITEB_128/, request: { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', tls: { ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' } } },
  { name: /^SUITEB_192/, request: { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2', tls: { ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' } } },
  { name: /^QS-/, request: { minVersion: 'TLSv1.3' } },
];

export class LiveTransport implements Transport {
  private readonly connections = new Map<string, Promise<WireConnection>>();
  private readonly target: ConnectionRequest;
  private readonly scope: string;
  private readonly credentials: CredentialSource;

  /** `caseName` names the case whose profile decides on TLS, and makes the scope's name. */
  constructor(target: { port: number; host?: string }, caseName: string, credentials: CredentialSource) {
    this.target = { ...target, ...profileTls.find(({ name }) => name.test(caseName))?.request };
    this.scope = `oasis-${caseName.toLowerCase().replace(/[^a-z0-9]+/g, '-')}-${Date.now().toString(36)}`;
    this.credentials = credentials;
  }

  private connection(client: string): Promise<WireConnection> {
    let connection = this.connections.get(client);
    if (connection === undefined) {
      connection = this.credentials(this.scope).then((credential) => WireConnection.connect({ ...this.target, credential }));
      this.connections.set(client, connection);
    }
    return connection;
  }

  async exchange(client: string, request: Item): Promise<Item> {
    return (await this.connection(client)).exchange(request);
  }

  async close(): Promise<void> {
    for (const connection of this.connections.values()) await connection.then((open) => open.close(), () => undefined);
  }
}
