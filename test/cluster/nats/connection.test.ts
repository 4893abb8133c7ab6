/**
 * Getting to NATS and back: logins, TLS, servers that are not there yet, a lost connection, what is said of it.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { nkeys } from '@nats-io/transport-node';
import { openNats } from '../../../cluster/nats/adapters.ts';
import { chain, clusterKey, empty, entryAfter, headOf, Witness } from './witness.ts';
import { natsMissing, startNats } from './nats-servers.ts';

const skip = natsMissing();
const [first, second] = chain(2);

test('a password, a token and an nkey file open the door; without them it stays shut, and no message holds them', { skip }, async () => {
  const user = nkeys.createUser();
  const settings = { password: 'authorization { user: kmipd, password: "correct-horse" }', token: 'authorization { token: "correct-horse" }', nkey: `authorization { users: [ { nkey: ${user.getPublicKey()} } ] }` };
  for (const [kind, text] of Object.entries(settings)) {
    await using nats = await startNats(1, () => text);
    const seedFile = path.join(nats.folder, 'seed');
    writeFileSync(seedFile, user.getSeed());
    const login = kind === 'password' ? { kind, user: 'kmipd', password: 'correct-horse' } as const : kind === 'token' ? { kind, token: 'correct-horse' } as const : { kind: 'nkey', seedFile } as const;
    await using witness = await Witness.open(nats.urls, { login });
    assert.ok(witness.nats.connected);
    const faults: string[] = [];
    const outside = openNats({ servers: nats.urls, cluster: 'test', node: 'n1', key: clusterKey, replicas: 1, tenureRecordMs: 1000, login: { kind: 'password', user: 'kmipd', password: 'wrong-mule' } }, () => undefined, { connected: () => undefined, fault: (fault) => faults.push(`${fault.code} ${fault.message}`) }, AbortSignal.timeout(300));
    await assert.rejects(outside, { name: 'TimeoutError' });
    assert.ok(faults.length > 0 && faults.every((fault) => fault.startsWith('E_NATS_CONNECT') && !fault.includes('mule')), faults.join());
  }
});

test('with TLS the servers\' certificates are checked and a client certificate is shown; a plain server is refused', { skip }, async () => {
  let folder = '';
  const settings = (made: string): string => {
    folder = made;
    const certificate = (name: string, ...more: string[]): void => {
      const { status, stderr } = spawnSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2', '-subj', `/CN=${name}`, '-keyout', path.join(made, `${name}.key`), '-out', path.join(made, `${name}.pem`), ...more], { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
    };
    certificate('authority');
    for (const name of ['server', 'node']) certificate(name, '-CA', path.join(made, 'authority.pem'), '-CAkey', path.join(made, 'authority.key'), '-addext', 'subjectAltName=DNS:localhost', '-addext', 'extendedKeyUsage=serverAuth,clientAuth');
    return `tls { cert_file: "${made}/server.pem", key_file: "${made}/server.key", ca_file: "${made}/authority.pem", verify: true }`;
  };
  await using nats = await startNats(1, settings, 'tls');
  const read = (name: string): string => readFileSync(path.join(folder, name), 'utf8');
  await using witness = await Witness.open(nats.urls, { tls: { authorities: read('authority.pem'), certificate: read('node.pem'), key: read('node.key') } });
  assert.ok(witness.nats.connected);
  const refusedBy = async (servers: readonly string[], tls: { authorities?: string; certificate?: string; key?: string }): Promise<string> => {
    const faults: string[] = [];
    await assert.rejects(openNats({ servers, cluster: 'test', node: 'n1', key: clusterKey, replicas: 1, tenureRecordMs: 1000, tls, limits: { connectMs: 200 } }, () => undefined, { connected: () => undefined, fault: ({ message }) => faults.push(message) }, AbortSignal.timeout(600)), { name: 'TimeoutError' });
    return faults.join();
  };
  assert.match(await refusedBy(nats.urls, { certificate: read('node.pem'), key: read('node.key') }), /certificate/);
  assert.notEqual(await refusedBy(nats.urls, { authorities: read('authority.pem') }), '');
  await using plain = await startNats(1);
  const plainUrls = plain.urls.map((url) => url.replace('127.0.0.1', 'localhost'));
  assert.match(await refusedBy(plainUrls, { authorities: read('authority.pem') }), /tls/);
});

test('names and URLs that cannot be are refused at once', async () => {
  const options = { servers: ['nats://127.0.0.1:1'], cluster: 'test', node: 'n1', key: clusterKey, replicas: 3, tenureRecordMs: 1000 };
  const silent = { connected: () => undefined, fault: () => undefined };
  for (const [wrong, code] of [[{ cluster: 'a.b' }, 'E_CLUSTER_NAME'], [{ node: '*' }, 'E_CLUSTER_NAME'], [{ node: '' }, 'E_CLUSTER_NAME'], [{ replicas: 2 }, 'E_NATS_REPLICAS'], [{ servers: [] }, 'E_NATS_SERVERS'], [{ servers: ['nats://u:p@h:1'] }, 'E_NATS_SERVERS'], [{ servers: ['http://h'] }, 'E_NATS_SERVERS'], [{ servers: ['tls://127.0.0.1:1'] }, 'E_NATS_SERVERS'], [{ servers: ['nats://[::1]:1'], tls: {} }, 'E_NATS_SERVERS']] as const) {
    await assert.rejects(openNats({ ...options, ...wrong }, () => undefined, silent), { code });
  }
});

test('a node that starts before NATS gets there by itself, and one whose server is killed comes back and hears of what it missed', { skip }, async () => {
  await using nats = await startNats(1);
  const [server] = nats.servers;
  await server!.kill();
  const opening = Witness.open(nats.urls);
  await sleep(300);
  await server!.start();
  await using witness = await opening;
  const { log, peers } = witness.nats;
  await witness.ask(() => log.append(empty, first!), 'appended');
  await server!.kill();
  while (witness.nats.connected) await sleep(5);
  const events = witness.events.length;
  log.append(headOf(first!), entryAfter(headOf(first!), 'sent while there was no connection'));
  log.read(1, 10);
  peers.broadcast({ kind: 'propose', proposal: 'p', payload: new Uint8Array(1) });
  await server!.start();
  while (!witness.nats.connected) await sleep(5);
  assert.deepEqual(witness.connections, [true, false, true]);
  await sleep(100);
  assert.equal(witness.events.length, events, 'what was asked without a connection is dropped, not sent later');
  await witness.ask(() => log.append(headOf(first!), second!), 'appended');
  await witness.next('log-pushed', ({ sequence }) => sequence === 2);
  const read = await witness.ask(() => log.read(1, 10), 'log-read');
  assert.equal(read.entries.length, 2);
});

/** Pushes come at most once: one that is lost while this node subscribes anew is found by the role's own read, which no role does here. */
const lossy = skip || (process.env['KMIPD_TEST_FULL'] === '1' ? false : 'a push may be lost by right here; KMIPD_TEST_FULL=1 plays it');

test('after a break an entry that follows another one than the node knows is preceded by that other one', { skip: lossy }, async () => {
  await using nats = await startNats(1);
  const [server] = nats.servers;
  await using stays = await Witness.open(nats.urls, { node: 'n1' });
  await stays.ask(() => stays.nats.log.append(empty, first!), 'appended');
  await stays.next('log-pushed', ({ sequence }) => sequence === 1);
  // The server loses its log; others fill it again before this node is back.
  await server!.kill();
  while (stays.nats.connected) await sleep(5);
  const lost = stays.events.length;
  spawnSync('rm', ['-rf', path.join(nats.folder, 'server-0', 'data', 'jetstream')]);
  await server!.start();
  await using other = await Witness.open(nats.urls, { node: 'n2' });
  const refilled = chain(3, empty, 'another history');
  for (const logged of refilled) await other.ask(() => other.nats.log.append({ sequence: logged.entry.sequence - 1, hash: logged.entry.previous }, logged), 'appended', 'append-refused');
  while (!stays.nats.connected) await sleep(5);
  const after = entryAfter(headOf(refilled[2]!), 'another history');
  await other.ask(() => other.nats.log.append(headOf(refilled[2]!), after), 'appended');
  const pushed = await stays.next('log-pushed', ({ sequence }) => sequence === 4, lost);
  const before = stays.events.slice(lost, stays.events.indexOf(pushed)).filter((event) => event.kind === 'log-pushed');
  const seen = before.findLast(({ sequence }) => sequence === 3);
  assert.equal(Buffer.compare(seen!.bytes, refilled[2]!.bytes), 0);
});
