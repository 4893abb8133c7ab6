/**
 * Scopes, roles, credentials: what the commands decide, what they refuse, and who is identified by what they made.
 */
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { it } from 'node:test';
import { Fault } from '../../src/fault.ts';
import { createRole, createScope, generateCredential, listCredentials, revokeCredential } from '../../src/identity/commands.ts';
import { identify, identifyFingerprint } from '../../src/identity/identify.ts';
import { memoryIdentity, startOfTime } from './memory-identity.ts';

const code = (wanted: string) => (error: unknown): boolean => error instanceof Fault && error.code === wanted;

it('makes scopes with a sealed root key of their own, each name once', async (test) => {
  const { store, start } = await memoryIdentity(test);
  const { identity } = await start();
  const made = createScope(identity, 'tenant-1');
  await store.commit(made.mutations);
  assert.equal(made.record.createdAt, startOfTime);
  assert.notDeepEqual(store.scope('tenant-1')!.sealedRootKey, store.scope('default')!.sealedRootKey);
  assert.throws(() => createScope(identity, 'tenant-1'), code('E_SCOPE_EXISTS'));
  for (const name of ['', '.', '-a', 'a/b', 'a b', 'ä', 'a'.repeat(64), '../x']) assert.throws(() => createScope(identity, name), code('E_NAME'), name);
});

it('sees what is pending, so that a name is not given twice', async (test) => {
  const { store, start } = await memoryIdentity(test);
  const { identity } = await start();
  const committed = store.commit(createScope(identity, 'a').mutations);
  assert.throws(() => createScope(identity, 'a'), code('E_SCOPE_EXISTS'));
  await committed;
});

it('makes roles with known permissions only', async (test) => {
  const { store, start } = await memoryIdentity(test);
  const { identity } = await start();
  const made = createRole(identity, 'default', 'reader', ['operation_get', 'operation_locate', 'operation_get']);
  assert.deepEqual(made.record.permissions, ['operation_get', 'operation_locate']);
  await store.commit(made.mutations);
  assert.throws(() => createRole(identity, 'default', 'reader'), code('E_ROLE_EXISTS'));
  assert.throws(() => createRole(identity, 'nowhere', 'reader'), code('E_SCOPE_UNKNOWN'));
  for (const permissions of [[], ['operation_fly'], ['operation_all', 'operation_get'], ['operation_none', 'operation_get'], ['operation_all', 'operation_none']]) {
    assert.throws(() => createRole(identity, 'default', 'x', permissions), code('E_PERMISSIONS'), String(permissions));
  }
});

it('generates credentials that are identified until they are revoked or end', async (test) => {
  const { store, start, clock } = await memoryIdentity(test);
  const { identity } = await start();
  for (const keyType of ['ec', 'rsa'] as const) {
    const made = await generateCredential(identity, { scope: 'default', role: 'admin', keyType, days: 10 });
    const certificate = new X509Certificate(made.pair.certificate);
    assert.equal(certificate.publicKey.asymmetricKeyType, keyType);
    assert.equal(identify(store, certificate.raw, clock.now).refusal, 'unknown');
    await store.commit(made.mutations);
    assert.equal(identify(store, certificate.raw, clock.now).caller?.role, 'admin');
    assert.equal(identify(store, certificate.raw, clock.now + 10 * 86_400).refusal, undefined);
    assert.equal(identify(store, certificate.raw, clock.now + 10 * 86_400 + 1).refusal, 'expired');
    await store.commit(revokeCredential(identity, made.record.fingerprint.toUpperCase()).mutations);
    assert.equal(identify(store, certificate.raw, clock.now).refusal, 'revoked');
    assert.deepEqual(revokeCredential(identity, made.record.fingerprint).mutations, []);
  }
  assert.equal(identify(store, undefined, clock.now).refusal, 'unknown');
  assert.equal(listCredentials(identity).length, 3);
  assert.equal(listCredentials(identity, 'default').filter((record) => record.revokedAt !== undefined).length, 2);
  assert.throws(() => revokeCredential(identity, '00'), code('E_CREDENTIAL_UNKNOWN'));
});

it('makes scope and role on the way if it is told to, and keeps a role that is there', async (test) => {
  const { store, start, clock } = await memoryIdentity(test);
  const { identity } = await start();
  await assert.rejects(generateCredential(identity, { scope: 'new', role: 'r' }), code('E_SCOPE_UNKNOWN'));
  await assert.rejects(generateCredential(identity, { scope: 'default', role: 'r' }), code('E_ROLE_UNKNOWN'));
  await assert.rejects(generateCredential(identity, { scope: 'default', role: 'admin', days: 0 }), code('E_CREDENTIAL'));
  await store.commit(createRole(identity, 'default', 'reader', ['operation_get']).mutations);
  for (const [scope, role, permissions] of [['new', 'r', ['operation_all']], ['default', 'reader', ['operation_get']]] as const) {
    const made = await generateCredential(identity, { scope, role, create: true });
    await store.commit(made.mutations);
    assert.deepEqual(identifyFingerprint(store, made.record.fingerprint, clock.now).caller?.permissions, permissions);
  }
});

it('refuses a credential whose role is not there', async (test) => {
  const { store, start, clock } = await memoryIdentity(test);
  const { identity } = await start();
  const made = await generateCredential(identity, { scope: 'default', role: 'admin' });
  await store.commit([{ kind: 'credential-put', record: { ...made.record, role: 'gone' } }]);
  assert.equal(identifyFingerprint(store, made.record.fingerprint, clock.now).refusal, 'no-role');
});
