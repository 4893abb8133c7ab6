/**
 * The certificates in real handshakes: TLS 1.2 and 1.3, EC and RSA on either side, and strangers kept out.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { it } from 'node:test';
import type { TestContext } from 'node:test';
import tls from 'node:tls';
import { CertificateAuthority, makeAuthority } from '../../src/identity/certificate-authority.ts';
import type { CertifiedKey, KeyType } from '../../src/identity/certificate-authority.ts';
import type { ServerTls } from '../../src/identity/server-certificate.ts';
import { memoryIdentity } from './memory-identity.ts';

const now = Math.floor(Date.now() / 1000);

async function listening(test: TestContext, { key, cert, ca }: ServerTls): Promise<number> {
  const server = tls.createServer({ key: [...key], cert: [...cert], ca: [...ca], requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' }, (socket) => socket.end('hello'));
  server.on('tlsClientError', () => {});
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  test.after(() => server.close());
  return (server.address() as AddressInfo).port;
}

/**
 * Protocol, type of the key that the server showed, and what it said. Rejects where the server says nothing: node checks a
 * client's chain right after the handshake and then hangs up, so that a refused client may see a finished handshake first.
 */
function talk(port: number, ca: string, client: CertifiedKey | undefined, options: tls.ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port, ca, ...(client && { key: client.privateKey, cert: client.certificate }), ...options });
    let text = '';
    let shown = '';
    socket.on('secureConnect', () => { shown = `${socket.getProtocol()} ${socket.getPeerX509Certificate()!.publicKey.asymmetricKeyType}`; });
    socket.on('data', (chunk: Buffer) => { text += chunk.toString(); });
    socket.on('end', () => {
      socket.destroy();
      if (text === '') reject(new Error('the server hung up'));
      else resolve(`${shown} ${text}`);
    });
    socket.on('error', reject);
  });
}

it('talks TLS 1.2 and 1.3 with EC and RSA clients, and shows the key that the client can check', async (test) => {
  const { start, clock } = await memoryIdentity(test);
  clock.now = now;
  const { tls: server, identity } = await start();
  const port = await listening(test, server);
  const ca = server.ca[0]!;
  for (const keyType of ['ec', 'rsa'] as KeyType[]) {
    const client = await identity.authority.issueClient('default', 'admin', keyType, now, now + 3600);
    assert.equal(await talk(port, ca, client), 'TLSv1.3 ec hello');
    assert.equal(await talk(port, ca, client, { servername: 'localhost' }), 'TLSv1.3 ec hello');
    assert.equal(await talk(port, ca, client, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }), 'TLSv1.2 ec hello');
    assert.equal(await talk(port, ca, client, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES256-GCM-SHA384' }), 'TLSv1.2 rsa hello');
  }
  const rsaClient = await identity.authority.issueClient('default', 'admin', 'rsa', now, now + 3600);
  assert.equal(await talk(port, ca, rsaClient, { sigalgs: 'rsa_pss_rsae_sha256:RSA+SHA256' }), 'TLSv1.3 rsa hello');
});

it('refuses clients without a certificate and those of another authority', async (test) => {
  const { start, clock } = await memoryIdentity(test);
  clock.now = now;
  const { tls: server } = await start();
  const port = await listening(test, server);
  const stranger = await (await CertificateAuthority.from(await makeAuthority(now))).issueClient('default', 'admin', 'ec', now, now + 3600);
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    await assert.rejects(talk(port, server.ca[0]!, undefined, { maxVersion }));
    await assert.rejects(talk(port, server.ca[0]!, stranger, { maxVersion }));
  }
});

it('is no authority for what a client certificate signs', async (test) => {
  const { start, clock } = await memoryIdentity(test);
  clock.now = now;
  const { tls: server, identity } = await start();
  const port = await listening(test, server);
  const client = await identity.authority.issueClient('default', 'admin', 'rsa', now, now + 3600);
  const forged = await (await CertificateAuthority.from(client)).issueClient('default', 'admin', 'ec', now, now + 3600);
  const chain = { ...forged, certificate: `${forged.certificate}${client.certificate}` };
  await assert.rejects(talk(port, server.ca[0]!, chain, { maxVersion: 'TLSv1.2' }));
});
