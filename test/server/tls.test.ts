/**
 * TLS as clients meet it: 1.2 and 1.3, no server name, bad certificates refused in the handshake, resumption, probes.
 *
 * TrueNAS pins 1.2, Go clients check names and addresses in the certificate, Veeam resumes sessions, and the only thing
 * that TrueNAS's own check looks at is that a wrong client certificate fails the handshake.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect as connectSocket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { connect as connectTls } from 'node:tls';
import { encode, request } from '../harness/wire.ts';
import type { Credential } from '../harness/wire.ts';
import { Site } from '../e2e/talk.ts';

const site = new Site();
before(() => site.start({ args: ['--workers', '2'] }));
after(() => site.stop());

const hello = encode(request(12, [{ operation: 'DiscoverVersions', payload: [] }]));

/** A self-signed client certificate that no CA of the server stands behind. */
function stranger(): Omit<Credential, 'ca'> {
  const folder = mkdtempSync(join(tmpdir(), 'kmipd-stranger-'));
  try {
    const path = (name: string): string => join(folder, name);
    execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '1', '-subj', '/CN=stranger', '-keyout', path('key'), '-out', path('cert')], { stdio: 'ignore' });
    return { cert: readFileSync(path('cert'), 'utf8'), key: readFileSync(path('key'), 'utf8') };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** What became of a connection that sends a valid request: the first bytes of the answer, or the error. */
function attempt(identity: Partial<Credential>, protocol: 'TLSv1.2' | 'TLSv1.3'): Promise<'answered' | Error> {
  return new Promise((resolve) => {
    const socket = connectTls({ port: site.running.port, host: '127.0.0.1', servername: 'localhost', ...identity, rejectUnauthorized: false, minVersion: protocol, maxVersion: protocol });
    socket.write(hello);
    socket.once('data', () => { socket.destroy(); resolve('answered'); });
    socket.once('error', resolve);
    socket.once('close', () => resolve(new Error('closed without an answer')));
  });
}

for (const protocol of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`${protocol} is spoken`, async () => {
    await site.once('tls', async (talk) => {
      assert.equal(talk.wire.protocol, protocol);
      await talk.must(14, 'DiscoverVersions', []);
    }, { minVersion: protocol, maxVersion: protocol });
  });

  test(`a client without a certificate, or with a stranger's, fails the ${protocol} handshake and gets no answer`, async () => {
    assert.notEqual(await attempt({}, protocol), 'answered');
    assert.notEqual(await attempt(stranger(), protocol), 'answered');
    const own = await site.credential('tls');
    assert.equal(await attempt(own, protocol), 'answered');
    assert.throws(() => connectTls({ port: 1, cert: own.cert, key: stranger().key }), 'a key that does not belong to the certificate');
  });
}

test('TLS 1.1 and older are refused', async () => {
  await assert.rejects(site.talk('tls', { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', tls: { ciphers: 'DEFAULT@SECLEVEL=0' } }));
});

test('the ciphers that PyKMIP and old vCenters offer at 1.2 are taken where they are forward secret', async () => {
  for (const cipher of ['ECDHE-RSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256']) {
    const talk = await site.talk('tls', { maxVersion: 'TLSv1.2', tls: { ciphers: cipher } }).catch(() => undefined);
    if (talk === undefined) continue;
    await talk.must(12, 'DiscoverVersions', []);
    await talk.close();
    return;
  }
  assert.fail('none of the ECDHE GCM suites is taken');
});

test('the server certificate names localhost and 127.0.0.1, and a client without server name is served', async () => {
  const talk = await site.talk('tls', { tls: { servername: '' } });
  const certificate = new X509Certificate(talk.wire.socket.getPeerCertificate(true).raw);
  assert.ok(certificate.checkHost('localhost'));
  assert.ok(certificate.checkIP('127.0.0.1'));
  await talk.must(12, 'DiscoverVersions', []);
  await talk.close();
});

test('a session is resumed on any worker', async () => {
  const credential = await site.credential('tls');
  for (const protocol of ['TLSv1.2', 'TLSv1.3'] as const) {
    const first = await site.talk('tls', { minVersion: protocol, maxVersion: protocol });
    let session: Buffer | undefined = first.wire.socket.getSession();
    first.wire.socket.on('session', (next: Buffer) => { session = next; });
    await first.must(12, 'DiscoverVersions', []);
    await first.close();
    let resumed = 0;
    for (let count = 0; count < 8; count += 1) {
      const next = await site.talk('tls', { credential, minVersion: protocol, maxVersion: protocol, tls: { session } });
      await next.must(12, 'DiscoverVersions', []);
      if (next.wire.socket.isSessionReused()) resumed += 1;
      await next.close();
    }
    assert.equal(resumed, 8, `${protocol}: ${resumed} of 8 connections resumed the session`);
  }
});

test('probes that connect and close, with and without a handshake, with garbage or half a hello, do no harm', async () => {
  const probe = (bytes: Buffer | undefined): Promise<void> => new Promise((resolve) => {
    const socket = connectSocket(site.running.port, '127.0.0.1', () => {
      if (bytes === undefined) socket.end();
      else socket.end(bytes);
    });
    socket.resume();
    socket.once('error', () => resolve());
    socket.once('close', () => resolve());
    setTimeout(() => { socket.destroy(); resolve(); }, 2000).unref();
  });
  const garbage = [undefined, Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]), Buffer.alloc(5000, 0x42), hello];
  for (let round = 0; round < 10; round += 1) await Promise.all(garbage.map(probe));
  for (let round = 0; round < 10; round += 1) await site.once('tls', async () => {});
  await site.once('tls', async (talk) => { await talk.must(14, 'DiscoverVersions', []); });
});
