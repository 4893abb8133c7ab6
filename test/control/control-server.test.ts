/**
 * The admin HTTP server from outside: health without a token, commands with it, clear refusals, nothing secret in the log.
 */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { it } from 'node:test';
import type { TestContext } from 'node:test';
import { createControlServer } from '../../src/control/control-server.ts';
import type { ControlPorts, ControlServer } from '../../src/control/control-server.ts';
import { adminTokenSetting, hashOfToken, tokenProof, tokenProofKey } from '../../src/identity/admin-token.ts';
import type { CertifiedKey } from '../../src/identity/certificate-authority.ts';
import type { Log } from '../../src/log.ts';
import type { Journal } from '../../src/storage/journal.ts';
import type { Mutation } from '../../src/storage/mutation.ts';
import { memoryIdentity } from '../identity/memory-identity.ts';

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly json: Record<string, unknown>;
  readonly headers: Headers;
}

interface Running {
  readonly server: ControlServer;
  readonly port: number;
  readonly token: string;
  readonly store: Journal;
  readonly logged: string[];
  ask(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answer>;
}

const proofKey = tokenProofKey(new Uint8Array(32).fill(7));
const hexOf = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

async function running(test: TestContext, ports: Partial<ControlPorts> = {}): Promise<Running> {
  const { store, folder, start } = await memoryIdentity(test);
  const { identity } = await start();
  const token = (await readFile(join(folder, 'bootstrap', 'admin-token'), 'utf8')).trim();
  const logged: string[] = [];
  const write = (fields: object, message: string): void => { logged.push(`${JSON.stringify(fields)} ${message} ${(fields as { err?: Error }).err?.message ?? ''}`); };
  const log: Log = { fatal: write, error: write, warn: write, info: write, debug: write };
  const well = { ok: true, reasons: [] };
  const server = createControlServer({
    identity, get adminTokenHash() { return store.setting(adminTokenSetting); }, tokenProofKey: proofKey, log, read: async (look) => look(store), commit: (mutations) => store.commit(mutations), liveness: () => well, readiness: () => well,
    metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'kmipd_up 1\n' }), status: () => ({ version: 'x' }),
    backup: () => Promise.reject(new Error('not of this test')), ...ports,
  });
  const port = await server.listen('127.0.0.1', 0);
  test.after(() => server.close());
  const ask: Running['ask'] = async (method, path, body, headers = { authorization: `Bearer ${token}` }) => {
    const response = await fetch(`http://127.0.0.1:${port}${path}`, {
      method, headers: { ...headers, ...(body !== undefined && { 'content-type': 'application/json' }) },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, json: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {}, headers: response.headers };
  };
  return { server, port, token, store, logged, ask };
}

it('answers health and metrics without a token', async (test) => {
  let ready = false;
  const { ask } = await running(test, { readiness: () => ({ ok: ready, reasons: ready ? [] : ['no worker listens', 'the store is closed'] }) });
  const open = (path: string): Promise<Answer> => ask('GET', path, undefined, {});
  assert.deepEqual([(await open('/livez')).status, (await open('/livez')).text], [200, 'ok\n']);
  assert.deepEqual([(await open('/readyz')).status, (await open('/readyz')).text], [503, 'no worker listens\nthe store is closed\n']);
  ready = true;
  assert.equal((await open('/readyz')).status, 200);
  const metrics = await open('/metrics');
  assert.deepEqual([metrics.text, metrics.headers.get('content-type')], ['kmipd_up 1\n', 'text/plain; version=0.0.4']);
});

it('refuses every command without the right token, and before it looks at the body', async (test) => {
  const { ask, token, store } = await running(test);
  const routes = [
    ['GET', '/v1/status'], ['GET', '/v1/backup'], ['GET', '/v1/scopes'], ['POST', '/v1/scopes'], ['GET', '/v1/scopes/default'], ['GET', '/v1/scopes/default/roles'],
    ['POST', '/v1/scopes/default/roles'], ['GET', '/v1/credentials'], ['POST', '/v1/credentials'], ['DELETE', '/v1/credentials/00'],
  ] as const;
  const wrong: Record<string, string>[] = [{}, { authorization: 'Bearer ' }, { authorization: `Bearer ${token}x` }, { authorization: `Basic ${token}` }, { authorization: token }];
  for (const [method, path] of routes) {
    for (const headers of wrong) {
      const { status, json } = await ask(method, path, method === 'POST' ? '{' : undefined, headers);
      assert.deepEqual([status, json['code']], [401, 'E_TOKEN'], `${method} ${path}`);
    }
  }
  assert.equal(store.scopes().length, 1);
});

it('makes scopes and roles, and lists them', async (test) => {
  const { ask } = await running(test);
  assert.equal((await ask('POST', '/v1/scopes', { scope: 'tenant' })).status, 201);
  assert.equal((await ask('POST', '/v1/scopes', { scope: 'tenant' })).json['code'], 'E_SCOPE_EXISTS');
  const role = await ask('POST', '/v1/scopes/tenant/roles', { role: 'reader', permissions: ['operation_get'] });
  assert.deepEqual([role.status, role.json['permissions']], [201, ['operation_get']]);
  assert.equal((await ask('POST', '/v1/scopes/tenant/roles', { role: 'reader' })).status, 409);
  assert.equal((await ask('POST', '/v1/scopes/none/roles', { role: 'reader' })).status, 404);
  const scopes = (await ask('GET', '/v1/scopes')).json['scopes'] as Record<string, unknown>[];
  assert.deepEqual(scopes.map((record) => Object.keys(record).sort().join()), ['createdAt,scope', 'createdAt,scope']);
  assert.deepEqual(((await ask('GET', '/v1/scopes/tenant/roles')).json['roles'] as { role: string }[]).map((record) => record.role), ['reader']);
  assert.equal((await ask('GET', '/v1/scopes/none/roles')).status, 404);
});

it('generates, lists and revokes credentials, and gives a private key once', async (test) => {
  const { ask, store, logged, token } = await running(test);
  assert.equal((await ask('POST', '/v1/credentials', { scope: 'new', role: 'r' })).status, 404);
  const made = await ask('POST', '/v1/credentials', { scope: 'new', role: 'r', create: true });
  assert.equal(made.status, 201);
  assert.equal(made.headers.get('cache-control'), 'no-store');
  const { fingerprint = '', certificate = '', privateKey = '', ca = '' } = made.json as Record<string, string>;
  assert.equal(new X509Certificate(certificate).verify(new X509Certificate(ca).publicKey), true);
  assert.equal(store.credential(fingerprint)?.scope, 'new');
  const listed = await ask('GET', '/v1/credentials?scope=new');
  assert.deepEqual((listed.json['credentials'] as { fingerprint: string; revokedAt: null }[]).map((record) => [record.fingerprint, record.revokedAt]), [[fingerprint, null]]);
  assert.ok(!listed.text.includes('PRIVATE'));
  assert.equal(((await ask('GET', '/v1/credentials')).json['credentials'] as unknown[]).length, 2);
  assert.equal((await ask('DELETE', `/v1/credentials/${fingerprint}`)).status, 200);
  assert.notEqual(store.credential(fingerprint)?.revokedAt, undefined);
  assert.equal((await ask('DELETE', '/v1/credentials/00')).status, 404);
  const log = logged.join('\n');
  assert.ok(log.includes('Credential made.') && log.includes(fingerprint));
  assert.ok(!log.includes('PRIVATE') && !log.includes(privateKey.slice(40, 80)) && !log.includes(token));
});

it('gives one name once to requests that come together', async (test) => {
  const { ask, store } = await running(test);
  const statuses = await Promise.all(Array.from({ length: 8 }, () => ask('POST', '/v1/scopes', { scope: 'same' }).then((answer) => answer.status)));
  assert.deepEqual(statuses.sort(), [201, 409, 409, 409, 409, 409, 409, 409]);
  const credentials = await Promise.all(Array.from({ length: 4 }, () => ask('POST', '/v1/credentials', { scope: 'also', role: 'r', create: true }).then((answer) => answer.status)));
  assert.deepEqual(credentials, [201, 201, 201, 201]);
  assert.deepEqual([store.scopes().length, store.credentials('also').length], [3, 4]);
});

it('takes another admin token from who has the one as it is, or proves the root key, and the one before is of no use', async (test) => {
  const { ask, token, logged } = await running(test);
  const replace = (next: string, more: object, bearer?: string): Promise<Answer> => ask('PUT', '/v1/admin-token', { tokenHash: hexOf(hashOfToken(next)), ...more }, bearer === undefined ? {} : { authorization: `Bearer ${bearer}` });
  const works = async (bearer: string): Promise<boolean> => (await ask('GET', '/v1/status', undefined, { authorization: `Bearer ${bearer}` })).status === 200;
  const shown = await ask('GET', '/v1/admin-token', undefined, {});
  assert.deepEqual(shown.json, { tokenHash: hexOf(hashOfToken(token)) });
  for (const refused of [await replace('thief', {}), await replace('thief', {}, 'thief'), await replace('thief', { proof: 'ab'.repeat(32) }), await replace('thief', { proof: hexOf(tokenProof(tokenProofKey(new Uint8Array(32)), hashOfToken(token), hashOfToken('thief'))) }, token)]) {
    assert.deepEqual([refused.status, refused.json['code']], [401, 'E_TOKEN']);
  }
  assert.equal((await replace('second', {}, token)).status, 204);
  assert.deepEqual([await works(token), await works('second')], [false, true]);
  const proof = hexOf(tokenProof(proofKey, hashOfToken('second'), hashOfToken('third')));
  assert.equal((await replace('other', { proof })).status, 401, 'a proof is of one token');
  assert.equal((await replace('third', { proof })).status, 204);
  assert.deepEqual([await works('second'), await works('third')], [false, true]);
  assert.equal((await replace('fourth', {}, 'third')).status, 204);
  assert.equal((await replace('third', { proof })).status, 401, 'a proof is good once');
  assert.equal((await ask('PUT', '/v1/admin-token', { tokenHash: 'short' })).status, 400);
  assert.equal(logged.filter((line) => /admin token was replaced/.test(line)).length, 3);
});

it('replaces no admin token on a node that is not ready: what it has may be old', async (test) => {
  const { ask, token, store } = await running(test, { notReady: () => 'behind' });
  const answer = await ask('PUT', '/v1/admin-token', { tokenHash: hexOf(hashOfToken('second')) });
  assert.deepEqual([answer.status, answer.json['code']], [503, 'E_NOT_READY']);
  assert.match(answer.text, /behind/);
  assert.deepEqual(store.setting(adminTokenSetting), hashOfToken(token));
});

it('never makes a scope twice, even where two keys get ready at the same instant', async (test) => {
  const { store, start } = await memoryIdentity(test);
  const { identity } = await start();
  const pairs = await Promise.all([1, 2].map(() => identity.authority.issueClient('same', 'r', 'ec', identity.now(), identity.now() + 60)));
  const ready = Promise.withResolvers<void>();
  const issueClient = async (): Promise<CertifiedKey> => ready.promise.then(() => pairs.pop()!);
  const mutations: Mutation[] = [];
  const { ask } = await running(test, {
    adminTokenHash: hashOfToken('t'), identity: { ...identity, authority: { certificate: '', issueClient } },
    commit: (made) => { mutations.push(...made); return store.commit(made); },
  });
  const asked = [1, 2].map(() => ask('POST', '/v1/credentials', { scope: 'same', role: 'r', create: true }, { authorization: 'Bearer t' }));
  setTimeout(() => ready.resolve(), 100);
  assert.deepEqual((await Promise.all(asked)).map((answer) => answer.status), [201, 201]);
  assert.deepEqual(mutations.map((mutation) => mutation.kind), ['scope-put', 'role-put', 'credential-put', 'credential-put']);
});

it('tells what is wrong with a request', async (test) => {
  const { ask } = await running(test);
  const rows: readonly [string, string, unknown, number, RegExp][] = [
    ['POST', '/v1/scopes', { scope: '../x' }, 400, /is no name/],
    ['POST', '/v1/scopes', { scope: 5 }, 400, /must be string/],
    ['POST', '/v1/scopes', {}, 400, /required property 'scope'/],
    ['POST', '/v1/scopes', { scope: 'a', extra: 1 }, 400, /additional properties/],
    ['POST', '/v1/scopes', '{"scope"', 400, /not valid JSON/],
    ['POST', '/v1/scopes', { scope: 'a'.repeat(100_000) }, 413, /too large/],
    ['POST', '/v1/scopes/default/roles', { role: 'r', permissions: ['fly'] }, 400, /not known/],
    ['POST', '/v1/credentials', { scope: 'default', role: 'admin', keyType: 'dsa' }, 400, /allowed values/],
    ['POST', '/v1/credentials', { scope: 'default', role: 'admin', days: 99999 }, 400, /1 to 7300 days/],
    ['GET', '/v1/credentials?scope=none', undefined, 404, /does not exist/],
    ['GET', '/v1/nothing', undefined, 404, /There is no GET/],
    ['PUT', '/v1/scopes', { scope: 'a' }, 404, /There is no PUT/],
  ];
  for (const [method, path, body, status, message] of rows) {
    const answer = await ask(method, path, body);
    assert.equal(answer.status, status, `${method} ${path} ${answer.text}`);
    assert.match(String(answer.json['message']), message);
  }
});

it('says nothing of what fails inside but a number that the log has too', async (test) => {
  const { ask, logged } = await running(test, { commit: async () => { throw new Error('disk /secret/path is full'); }, status: () => { throw new TypeError('inner workings'); } });
  for (const answer of [await ask('POST', '/v1/scopes', { scope: 'a' }), await ask('GET', '/v1/status')]) {
    assert.equal(answer.status, 500);
    assert.doesNotMatch(answer.text, /secret|inner/);
    const correlation = /under ([0-9a-f-]{36})/.exec(answer.text)![1]!;
    assert.ok(logged.some((line) => line.includes(correlation) && /disk|inner/.test(line)));
  }
  assert.equal((await ask('POST', '/v1/scopes', { scope: 'b' })).status, 500);
});

it('ends idle connections when it closes', { timeout: 10_000 }, async (test) => {
  const { server, port, ask } = await running(test);
  await ask('GET', '/livez');
  const idle = connect(port, '127.0.0.1').on('error', () => {});
  test.after(() => idle.destroy());
  idle.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n');
  await once(idle, 'data');
  await server.close();
  await assert.rejects(ask('GET', '/livez'));
});

it('gives one backup at a time, and lets its picture go however the answer ends', async (test) => {
  let closed = 0;
  const gates: (() => void)[] = [];
  const go = async (): Promise<void> => {
    while (gates.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    gates.shift()!();
  };
  let fails = false;
  const picture = {
    sequence: 7,
    async *content(): AsyncGenerator<Uint8Array> {
      yield Buffer.from('first ');
      await new Promise<void>((resolve) => gates.push(resolve));
      if (fails) throw new Error('the disk is gone');
      yield Buffer.from('second');
    },
    close: async () => void (closed += 1),
  };
  const { port, token, ask, logged } = await running(test, { backup: async () => picture });
  const get = (): Promise<Response> => fetch(`http://127.0.0.1:${port}/v1/backup`, { headers: { authorization: `Bearer ${token}` } });
  const whole = await get();
  const busy = await ask('GET', '/v1/backup');
  assert.deepEqual([busy.status, busy.json['code']], [409, 'E_BACKUP_UNDER_WAY']);
  await go();
  assert.equal(await whole.text(), 'first second');
  fails = true;
  const broken = await get();
  await go();
  await assert.rejects(broken.text(), 'half a backup is no answer');
  const dropped = await get();
  await dropped.body!.cancel();
  await go();
  while (closed < 3) await new Promise((resolve) => setTimeout(resolve, 10));
  assert.equal((await ask('GET', '/v1/status')).status, 200);
  assert.equal(logged.filter((line) => line.includes('not taken to its end')).length, 2);
  fails = false;
  const last = await get();
  await go();
  assert.equal(await last.text(), 'first second', 'the way is free again');
});
