/**
 * Handshakes and identity: which certificates are let in, session resumption across listeners, revocation on live
 * connections, limits on connections.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';
import { test } from 'node:test';
import { CertificateAuthority, makeAuthority } from '../../src/identity/certificate-authority.ts';
import { factsOf } from '../../src/identity/certificate-facts.ts';
import { handshakeFailures, handshakeProtocols } from '../../src/metrics/layout.ts';
import type { HandshakeFailure } from '../../src/metrics/layout.ts';
import { limitNames } from '../../src/server/limits.ts';
import { ticketEpochMs, ticketKeys } from '../../src/server/ticket-keys.ts';
import { action, startFixture, testMessage, toldBy } from './fixture.ts';

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
const failure = (why: HandshakeFailure): number => handshakeFailures.indexOf(why);
const now = (): number => Math.floor(Date.now() / 1000);

/** What happens to a client that sends a request: the number of bytes it got before the connection ended. */
async function bytesGot(options: ConnectionOptions): Promise<number> {
  const socket = connectTls(options);
  let bytes = 0;
  socket.on('error', () => undefined);
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    socket.destroy();
  });
  socket.write(testMessage(action.answer, 1));
  await once(socket, 'close').catch(() => undefined);
  return bytes;
}

async function reached(read: () => number, wanted: number): Promise<void> {
  for (let attempt = 0; attempt < 500 && read() !== wanted; attempt += 1) await pause(2);
  assert.equal(read(), wanted);
}

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`without a certificate, or with one of another authority, there is no connection (${version})`, async () => {
    await using server = await startFixture();
    const bounds = { minVersion: version, maxVersion: version };
    const other = await CertificateAuthority.from(await makeAuthority(now()));
    const foreign = await other.issueClient('s', 'r', 'ec', now(), now() + 3600);
    assert.equal(await bytesGot(server.tls({ ...bounds, cert: undefined, key: undefined })), 0);
    assert.equal(await bytesGot(server.tls({ ...bounds, cert: foreign.certificate, key: foreign.privateKey })), 0);
    await reached(() => server.cell('handshakeFailures', failure('no-certificate')), 1);
    await reached(() => server.cell('handshakeFailures', failure('untrusted-certificate')), 1);
    assert.equal(server.engine.executed.length, 0);
    assert.equal(server.listener.connections, 0);
  });

  test(`a certificate of our authority that the store does not know, or knows as revoked, is cut (${version})`, async () => {
    await using server = await startFixture();
    const stranger = await server.authority.issueClient('s', 'r', 'rsa', now(), now() + 3600);
    const options = server.tls({ minVersion: version, maxVersion: version, cert: stranger.certificate, key: stranger.privateKey });
    assert.equal(await bytesGot(options), 0);
    await reached(() => server.cell('handshakeFailures', failure('unknown-credential')), 1);
    server.known.set(factsOf(stranger.certificate).fingerprint, { refusal: 'revoked' });
    assert.equal(await bytesGot(options), 0);
    await reached(() => server.cell('handshakeFailures', failure('revoked-credential')), 1);
    assert.equal(server.engine.executed.length, 0);
  });

  test(`a session resumes on another listener, and a revoked credential does not resume (${version})`, async () => {
    await using first = await startFixture();
    await using second = await startFixture();
    const bounds = { minVersion: version, maxVersion: version };
    const client = await first.connect(bounds);
    const sessions: Buffer[] = [];
    client.socket.on('session', (session: Buffer) => sessions.push(session));
    client.socket.write(testMessage(action.answer, 1));
    await client.receive(1);
    await pause(20);
    const session = sessions.at(-1) ?? client.socket.getSession();
    const again = await second.connect({ ...bounds, session });
    again.socket.write(testMessage(action.answer, 2));
    assert.deepEqual((await again.receive(1)).map(toldBy), [2]);
    assert.equal(again.socket.isSessionReused(), true);
    assert.equal(second.cell('resumptions', handshakeProtocols.indexOf(version)), 1);
    second.known.set(factsOf(second.client.certificate).fingerprint, { refusal: 'revoked' });
    assert.equal(await bytesGot(second.tls({ ...bounds, session })), 0);
  });
}

test('TLS 1.1 is refused', async () => {
  await using server = await startFixture();
  const socket: TLSSocket = connectTls(server.tls({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' }));
  const [error] = await once(socket, 'error');
  assert.ok(error instanceof Error);
  await reached(() => server.cell('handshakeFailures', failure('protocol')), 1);
});

test('clients that know RSA certificates only are served with one', async () => {
  await using server = await startFixture();
  const client = await server.connect({ maxVersion: 'TLSv1.2', ciphers: 'ECDHE-RSA-AES256-GCM-SHA384' });
  assert.equal(client.socket.getCipher().name, 'ECDHE-RSA-AES256-GCM-SHA384');
});

test('revoking a credential cuts its live connections with the next look, also idle ones', async () => {
  await using server = await startFixture();
  const [busy, idle] = [await server.connect(), await server.connect()];
  busy.socket.write(testMessage(action.answer, 1));
  await busy.receive(1);
  server.known.set(factsOf(server.client.certificate).fingerprint, { refusal: 'revoked' });
  server.publisher.publish([], true);
  busy.socket.write(testMessage(action.answer, 2));
  await Promise.all([busy.closed, idle.closed]);
  assert.deepEqual(server.engine.executed, [1]);
});

test('a probe that connects and closes, or sends rubbish, harms nobody', async () => {
  await using server = await startFixture();
  const probe = connectTcp(server.port, '127.0.0.1');
  await once(probe, 'connect');
  probe.destroy();
  const rubbish = connectTcp(server.port, '127.0.0.1');
  rubbish.on('error', () => undefined);
  rubbish.write('GET / HTTP/1.1\r\n\r\n');
  await once(rubbish.resume(), 'close');
  const client = await server.connect();
  client.socket.write(testMessage(action.answer, 1));
  await client.receive(1);
  await reached(() => server.cell('handshakeFailures', failure('closed')), 1);
  assert.equal(server.cell('handshakeFailures', failure('protocol')), 1);
});

test('a handshake that does not end in time is cut', async () => {
  await using server = await startFixture({ handshakeMs: 150 });
  const silent = connectTcp(server.port, '127.0.0.1');
  silent.on('error', () => undefined);
  await once(silent, 'close');
  await reached(() => server.cell('handshakeFailures', failure('timeout')), 1);
});

test('connections above the limit are refused early, and there is room again when one goes', async () => {
  await using server = await startFixture({ connections: 2 });
  const [first] = [await server.connect(), await server.connect()];
  await reached(() => server.listener.connections, 2);
  assert.equal(await bytesGot(server.tls()), 0);
  await reached(() => server.cell('handshakeFailures', failure('overload')), 1);
  assert.equal(server.cell('limits', limitNames.indexOf('connections')), 1);
  first.socket.destroy();
  await reached(() => server.listener.connections, 1);
  assert.ok(await bytesGot(server.tls()) > 0);
});

test('handshakes under way have a limit of their own', async () => {
  await using server = await startFixture({ pendingHandshakes: 2 });
  const silent = [0, 1].map(() => connectTcp(server.port, '127.0.0.1'));
  await Promise.all(silent.map((socket) => once(socket, 'connect')));
  await pause(20);
  assert.equal(await bytesGot(server.tls()), 0);
  for (const socket of silent) socket.destroy();
  await pause(50);
  assert.ok(await bytesGot(server.tls()) > 0);
});

test('ticket keys are the same for every thread and new each epoch', () => {
  const secret = new Uint8Array(32).fill(1);
  assert.deepEqual(ticketKeys(secret, 5), ticketKeys(secret, ticketEpochMs - 1));
  assert.notDeepEqual(ticketKeys(secret, 5), ticketKeys(secret, ticketEpochMs));
  assert.notDeepEqual(ticketKeys(secret, 5), ticketKeys(new Uint8Array(32).fill(2), 5));
  assert.equal(ticketKeys(secret, 5).length, 48);
});

test('a TLS 1.2 session is not renegotiated', async () => {
  await using server = await startFixture();
  const client = await server.connect({ maxVersion: 'TLSv1.2' });
  const renegotiated = await new Promise((resolve) => {
    client.socket.renegotiate({}, (error) => resolve(error === null ? 'yes' : 'no'));
    client.socket.once('error', () => resolve('no'));
    client.socket.once('close', () => resolve('no'));
    setTimeout(resolve, 1_000, 'no').unref();
  });
  assert.equal(renegotiated, 'no');
});
