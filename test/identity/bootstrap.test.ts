/**
 * The first start and later ones: files, modes, what is in the store, certificates that node accepts, renewals.
 */
import assert from 'node:assert/strict';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { readFile, readdir, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { it } from 'node:test';
import { adminTokenSetting, hashOfToken } from '../../src/identity/admin-token.ts';
import { identify } from '../../src/identity/identify.ts';
import { renewalMargin } from '../../src/identity/server-certificate.ts';
import { memoryIdentity, startOfTime } from './memory-identity.ts';

const serverCertificates = (pems: readonly string[]): X509Certificate[] => pems.map((pem) => new X509Certificate(pem));

it('makes everything at the first start and nothing at the second', async (test) => {
  const { store, folder, start } = await memoryIdentity(test);
  const first = await start();
  const bootstrapFolder = join(folder, 'bootstrap');
  assert.equal(first.first, true);
  assert.ok(first.lines.length > 0);
  assert.equal((await stat(bootstrapFolder)).mode & 0o777, 0o700);
  const files = (await readdir(bootstrapFolder)).sort();
  assert.deepEqual(files, ['admin-token', 'ca.pem', 'cert.pem', 'key.pem']);
  for (const file of files) assert.equal((await stat(join(bootstrapFolder, file))).mode & 0o777, 0o600);
  const contents = await Promise.all(files.map((file) => readFile(join(bootstrapFolder, file), 'utf8')));
  assert.deepEqual(Buffer.from(store.setting(adminTokenSetting)!), Buffer.from(hashOfToken(contents[0]!.trim())));
  assert.ok(!first.lines.join('\n').includes(contents[0]!.trim()), 'the token is not printed');

  const digest = await store.digest();
  const second = await start();
  assert.deepEqual([second.first, second.lines, second.tls], [false, [], first.tls]);
  assert.equal(await store.digest(), digest);
  assert.deepEqual(await Promise.all(files.map((file) => readFile(join(bootstrapFolder, file), 'utf8'))), contents);
});

it('needs the files of the first start no more, and does not make them again', async (test) => {
  const { folder, start } = await memoryIdentity(test);
  await start();
  await rm(join(folder, 'bootstrap'), { recursive: true });
  await start();
  await assert.rejects(stat(join(folder, 'bootstrap')), /ENOENT/);
});

it('does the first start again when it was cut off before its commit', async (test) => {
  const { store, folder, start } = await memoryIdentity(test);
  const commit = test.mock.method(store, 'commit', async () => { throw new Error('power cut'); }, { times: 1 });
  await assert.rejects(start(), /power cut/);
  assert.equal(commit.mock.callCount(), 1);
  assert.deepEqual([store.scopes(), store.setting('certificate-authority')], [[], undefined]);
  assert.equal((await start()).first, true);
  const certificate = new X509Certificate(await readFile(join(folder, 'bootstrap', 'cert.pem')));
  assert.equal(identify(store, certificate.raw, startOfTime).caller?.role, 'admin');
});

it('gives the first client a certificate of the CA that identifies role admin of scope default', async (test) => {
  const { store, folder, start } = await memoryIdentity(test);
  await start();
  const read = (file: string): Promise<string> => readFile(join(folder, 'bootstrap', file), 'utf8');
  const [ca, certificate] = [new X509Certificate(await read('ca.pem')), new X509Certificate(await read('cert.pem'))];
  assert.ok(ca.ca && ca.verify(ca.publicKey) && certificate.checkIssued(ca) && certificate.verify(ca.publicKey));
  assert.equal(certificate.ca, false);
  assert.ok(certificate.checkPrivateKey(createPrivateKey(await read('key.pem'))));
  const { caller } = identify(store, certificate.raw, startOfTime);
  assert.deepEqual(caller, { scope: 'default', role: 'admin', permissions: ['operation_all'], credential: certificate.fingerprint256.replaceAll(':', '').toLowerCase() });
});

it('makes an EC and an RSA server certificate with the names of the host', async (test) => {
  const { start } = await memoryIdentity(test);
  const { tls } = await start();
  const ca = new X509Certificate(tls.ca[0]!);
  const certificates = serverCertificates(tls.cert);
  assert.deepEqual(certificates.map((certificate) => certificate.publicKey.asymmetricKeyType), ['ec', 'rsa']);
  certificates.forEach((certificate, index) => {
    assert.ok(certificate.checkIssued(ca) && certificate.verify(ca.publicKey) && certificate.checkPrivateKey(createPrivateKey(tls.key[index]!)));
    assert.equal(certificate.checkHost('localhost'), 'localhost');
    assert.ok((certificate.subjectAltName ?? '').includes(hostname()));
    assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1');
    assert.equal(certificate.checkIP('::1'), '::1');
    assert.deepEqual(certificate.keyUsage, ['1.3.6.1.5.5.7.3.1']);
  });
});

it('renews the server certificates when names change or the end comes near, and not before', async (test) => {
  const { start, clock } = await memoryIdentity(test);
  const names = ['kms.example.org', '10.1.2.3', 'fd00::7'];
  const first = (await start(names)).tls;
  assert.deepEqual((await start([...names].reverse())).tls, first);
  assert.deepEqual((await start(['kms.example.org', '10.1.2.3', 'FD00:0:0:0::7'])).tls, first);
  const renamed = (await start(['other.example.org'])).tls;
  assert.notDeepEqual(renamed.cert, first.cert);
  assert.deepEqual(renamed.ca, first.ca);
  const [certificate] = serverCertificates(renamed.cert);
  assert.deepEqual([certificate!.checkHost('other.example.org'), certificate!.checkHost('kms.example.org')], ['other.example.org', undefined]);
  const end = certificate!.validToDate.getTime() / 1000;
  clock.now = end - renewalMargin - 10;
  assert.deepEqual((await start(['other.example.org'])).tls, renamed);
  clock.now = end - renewalMargin + 10;
  assert.notDeepEqual((await start(['other.example.org'])).tls, renamed);
});

it('refuses a server name that is none', async (test) => {
  const { start } = await memoryIdentity(test);
  for (const name of ['', 'a b', 'https://x', '-x', 'x'.repeat(64)]) await assert.rejects(start([name]), /neither a DNS name nor an IP address/, name);
});
