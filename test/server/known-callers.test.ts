/**
 * Callers are looked up once a credential and change of identities, and a revoked credential is refused at the very next handshake all
 * the same: full or resumed, TLS 1.2 or 1.3, by a real server whose worker knew it.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import type { SecureVersion, TLSSocket } from 'node:tls';
import { test } from 'node:test';
import { factsOf } from '../../src/identity/certificate-facts.ts';
import { KnownCallers } from '../../src/server/known-callers.ts';
import { discoverVersions } from '../../src/server/rehearsal-messages.ts';
import { startServer } from '../harness/server.ts';
import type { Credential, RunningServer } from '../harness/server.ts';

function callers() {
  const state = { now: 100, isRevoked: false, hasRole: true, looks: 0 };
  const known = new KnownCallers({
    credential: (fingerprint) => {
      state.looks += 1;
      if (fingerprint.startsWith('missing')) return undefined;
      return { fingerprint, scope: 's', role: 'r', serialNumber: '1', subject: 'CN=c', createdAt: 0, notAfter: 200, ...(state.isRevoked && { revokedAt: 150 }) };
    },
    role: () => (state.hasRole ? { scope: 's', role: 'r', permissions: ['operation_get'], createdAt: 0 } : undefined),
  }, () => state.now);
  return { known, state };
}

test('a caller is looked up once, until identities change', () => {
  const { known, state } = callers();
  const first = known.identifyAgain('a').caller;
  assert.deepEqual(first, { scope: 's', role: 'r', permissions: ['operation_get'], credential: 'a' });
  assert.equal(known.identifyAgain('a').caller, first);
  assert.equal(state.looks, 1);
  known.identifyAgain('b');
  assert.equal(state.looks, 2);
  state.isRevoked = true;
  known.forget();
  assert.equal(known.identifyAgain('a').refusal, 'revoked');
  assert.equal(known.identifyAgain('b').refusal, 'revoked');
});

test('a certificate that has ended is refused though its caller is known, and nobody who was refused is remembered', () => {
  const { known, state } = callers();
  assert.equal(known.identify(undefined).refusal, 'unknown');
  assert.ok(known.identifyAgain('a').caller !== undefined);
  state.now = 201;
  assert.equal(known.identifyAgain('a').refusal, 'expired');
  state.now = 100;
  state.hasRole = false;
  for (let turn = 0; turn < 2; turn += 1) {
    assert.equal(known.identifyAgain('missing').refusal, 'unknown');
    assert.equal(known.identifyAgain('b').refusal, 'no-role');
  }
  state.hasRole = true;
  assert.ok(known.identifyAgain('b').caller !== undefined);
});

test('as many callers as there may be are remembered, then they are looked up anew', () => {
  const { known, state } = callers();
  for (let turn = 0; turn < 2; turn += 1) for (let number = 0; number < 4096; number += 1) known.identifyAgain(`c${number}`);
  assert.equal(state.looks, 4096);
  known.identifyAgain('one more');
  known.identifyAgain('c0');
  assert.equal(state.looks, 4098);
});

interface Visit {
  readonly wasAnswered: boolean;
  readonly isResumed: boolean;
  readonly session: Buffer | undefined;
}

/** One handshake and one message. */
async function visit(server: RunningServer, { ca, cert, key }: Credential, version: SecureVersion, session?: Buffer): Promise<Visit> {
  const socket: TLSSocket = connectTls({ port: server.port, host: '127.0.0.1', servername: 'localhost', ca, cert, key, minVersion: version, maxVersion: version, ...(session !== undefined && { session }) });
  let offered: Buffer | undefined;
  socket.on('session', (each: Buffer) => { offered = each; });
  socket.on('error', () => undefined);
  const isResumed = once(socket, 'secureConnect').then(() => socket.isSessionReused(), () => false);
  socket.write(discoverVersions(14));
  const wasAnswered = await Promise.race([once(socket, 'data').then(() => true, () => false), once(socket, 'close').then(() => false)]);
  const found = { wasAnswered, isResumed: wasAnswered && await isResumed, session: offered };
  socket.destroy();
  return found;
}

test('a credential that a worker knows is refused at the next handshake after it was revoked, full or resumed', async () => {
  await using server = await startServer({ args: ['--workers', '1'] });
  for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
    const credential = await server.generateCredential({ scope: 's', role: 'r', create: true });
    const first = await visit(server, credential, version);
    assert.ok(first.wasAnswered && first.session !== undefined, version);
    assert.deepEqual([(await visit(server, credential, version)).wasAnswered, (await visit(server, credential, version, first.session)).isResumed], [true, true], version);
    const { fingerprint } = factsOf(credential.cert);
    assert.equal((await server.admin('DELETE', `/v1/credentials/${fingerprint}`)).status, 200);
    assert.equal((await visit(server, credential, version, first.session)).wasAnswered, false, `${version}, resumed`);
    assert.equal((await visit(server, credential, version)).wasAnswered, false, `${version}, full`);
  }
});
