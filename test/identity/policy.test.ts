/**
 * Permissions: names derive from operations, all and none mean what they say.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { checkPermissions, mayPerform, permissionOf } from '../../src/identity/policy.ts';
import { operations } from '../../src/operations/index.ts';

it('names permissions as other KMIP servers do', () => {
  const rows = {
    GetAttributes: 'operation_get_attributes', ReKeyKeyPair: 'operation_rekey_key_pair', ReKey: 'operation_rekey', MAC: 'operation_mac', MACVerify: 'operation_mac_verify',
    RNGRetrieve: 'operation_rng_retrieve', SignatureVerify: 'operation_signature_verify', DiscoverVersions: 'operation_discover_versions', CreateKeyPair: 'operation_create_key_pair',
  };
  for (const [operation, permission] of Object.entries(rows)) assert.equal(permissionOf(operation), permission);
});

it('agrees with the permission that each operation says of itself', () => {
  for (const { name, permission, testPermission } of operations) {
    if (permission !== undefined) assert.equal(permission, permissionOf(name));
    if (testPermission === undefined) continue;
    // The name that shows an operation for tests to Query is one that operation_all does not bring, and a role can be given it.
    assert.equal(mayPerform({ permissions: ['operation_all'] }, testPermission), false, name);
    checkPermissions([testPermission]);
  }
});

it('allows what is listed, everything by all, nothing by none, and open operations always', () => {
  const may = (permissions: string[], permission: string | undefined): boolean => mayPerform({ permissions }, permission);
  assert.equal(may(['operation_get'], 'operation_get'), true);
  assert.equal(may(['operation_get'], 'operation_destroy'), false);
  assert.equal(may(['operation_all'], 'operation_destroy'), true);
  assert.equal(may(['operation_none'], 'operation_get'), false);
  assert.equal(may(['operation_none'], undefined), true);
  assert.equal(may([], 'operation_get'), false);
  assert.equal(may(['operation_all'], 'decrypt_unverified_stream'), false, 'all operations do not bring the extra permissions');
});

it('lets an extra permission stand beside all operations', () => {
  checkPermissions(['operation_all', 'decrypt_unverified_stream']);
});
