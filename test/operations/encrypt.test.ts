/**
 * Encrypt: modes against node:crypto, parameters and their defaults, IVs, what forbids a key's use, Usage Limits.
 */
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType, PaddingMethod, State, UsageLimitsUnit, WrappingMethod } from '../../src/kmip/enums.ts';
import { ItemType } from '../../src/kmip/item-types.ts';
import { Tag } from '../../src/kmip/tags.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { keyBytes, put, putKey, putSecret, storedAttribute } from '../engine/objects.ts';

const harness = createHarness();
const { CBC, ECB, CFB, OFB, CTR, GCM } = BlockCipherMode;
const { PKCS5, None } = PaddingMethod;
const text = Buffer.from('sixteen bytes…and more of them than fit into two blocks');
const iv = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const data = text.subarray(0, 48);

function oracle(name: string, vector: Uint8Array | null, input: Uint8Array, padded: boolean): string {
  const cipher = createCipheriv(name, keyBytes, vector);
  cipher.setAutoPadding(padded);
  return Buffer.concat([cipher.update(input), cipher.final()]).toString('hex');
}
const hex = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString('hex');

test('every mode gives what node:crypto gives', async () => {
  const uniqueIdentifier = await putKey(harness);
  for (const [blockCipherMode, name, paddingMethod, vector] of [
    [ECB, 'aes-256-ecb', None, null], [ECB, 'aes-256-ecb', PKCS5, null], [CBC, 'aes-256-cbc', None, iv], [CBC, 'aes-256-cbc', PKCS5, iv],
    [CFB, 'aes-256-cfb', None, iv], [OFB, 'aes-256-ofb', None, iv], [CTR, 'aes-256-ctr', None, iv],
  ] as const) {
    const answer = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode, paddingMethod }, data, ...(vector === null ? {} : { ivCounterNonce: vector }) });
    assert.equal(hex(answer.data), oracle(name, vector, data, paddingMethod === PKCS5), name);
    assert.equal(answer.ivCounterNonce, undefined, 'an IV that the client gave is not repeated');
    assert.equal(answer.authenticatedEncryptionTag, undefined);
  }
});

test('GCM takes nonces of any length, additional data and tag lengths', async () => {
  const uniqueIdentifier = await putKey(harness);
  for (const [nonceLength, tagLength] of [[12, 16], [1, 16], [8, 12], [60, 13], [12, 4], [12, 8]] as const) {
    const nonce = randomBytes(nonceLength);
    const aad = randomBytes(nonceLength * 3);
    const answer = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: GCM, tagLength }, data: text, ivCounterNonce: nonce, authenticatedEncryptionAdditionalData: aad });
    const cipher = createCipheriv('aes-256-gcm', keyBytes, nonce, { authTagLength: tagLength });
    cipher.setAAD(aad);
    assert.equal(hex(answer.data), Buffer.concat([cipher.update(text), cipher.final()]).toString('hex'));
    assert.equal(hex(answer.authenticatedEncryptionTag), cipher.getAuthTag().toString('hex'));
  }
});

test('empty data is data', async () => {
  const uniqueIdentifier = await putKey(harness);
  const none = Buffer.alloc(0);
  assert.equal((await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: CBC, paddingMethod: PKCS5 }, data: none, ivCounterNonce: iv })).data?.length, 16);
  const gcm = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: GCM }, data: none });
  assert.deepEqual([gcm.data?.length, gcm.authenticatedEncryptionTag?.length, gcm.ivCounterNonce?.length], [0, 16, 12]);
});

test('an IV that is needed and not given is made and returned, never the same', async () => {
  const uniqueIdentifier = await putKey(harness);
  for (const [blockCipherMode, length] of [[CBC, 16], [CFB, 16], [OFB, 16], [CTR, 16], [GCM, 12]] as const) {
    for (const randomIV of [true, false, undefined]) {
      const seen = new Set<string>();
      for (let round = 0; round < 20; round += 1) {
        const { ivCounterNonce } = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode, ...(randomIV === undefined ? {} : { randomIV }) }, data });
        assert.equal(ivCounterNonce?.length, length);
        seen.add(hex(ivCounterNonce));
      }
      assert.equal(seen.size, 20);
    }
  }
  const answer = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: CTR }, data });
  assert.equal(hex(answer.data), oracle('aes-256-ctr', answer.ivCounterNonce!, data, false));
  assert.equal(hex(answer.ivCounterNonce).slice(24), '00000001', 'the counter starts at 1 behind the nonce');
  const long = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: GCM, ivLength: 128 }, data });
  assert.equal(long.ivCounterNonce?.length, 16);
});

test('a CTR nonce shorter than a block gets its counter behind it', async () => {
  const uniqueIdentifier = await putKey(harness);
  const nonce = Buffer.from('a0a1a2a3a4a5a6a7a8a9aaab', 'hex');
  for (const [initialCounterValue, block] of [[undefined, '00000001'], [0, '00000000'], [258, '00000102']] as const) {
    const answer = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: CTR, ...(initialCounterValue === undefined ? {} : { initialCounterValue }) }, data, ivCounterNonce: nonce });
    assert.equal(hex(answer.data), oracle('aes-256-ctr', Buffer.concat([nonce, Buffer.from(block, 'hex')]), data, false));
  }
});

test('a counter that would run over is refused', async () => {
  const uniqueIdentifier = await putKey(harness);
  const nonce = Buffer.alloc(15, 7);
  const full = { uniqueIdentifier, cryptographicParameters: { blockCipherMode: CTR, initialCounterValue: 0 }, data: Buffer.alloc(256 * 16), ivCounterNonce: nonce };
  assert.equal((await harness.perform(encrypt, full)).data?.length, 4096);
  await assert.rejects(harness.perform(encrypt, { ...full, data: Buffer.alloc(256 * 16 + 1) }), { reason: 'CryptographicFailure' });
  const block = Buffer.alloc(16, 255);
  await assert.rejects(harness.perform(encrypt, { ...full, cryptographicParameters: { blockCipherMode: CTR, counterLength: 32 }, data: Buffer.alloc(17), ivCounterNonce: block }), { reason: 'CryptographicFailure' });
});

test('without parameters in the request those of the key are taken, and without any it fails', async () => {
  const own = await putKey(harness, { CryptographicParameters: { blockCipherMode: CBC, paddingMethod: PKCS5 } });
  const expected = oracle('aes-256-cbc', iv, text, true);
  assert.equal(hex((await harness.perform(encrypt, { uniqueIdentifier: own, data: text, ivCounterNonce: iv })).data), expected);
  const completed = await harness.perform(encrypt, { uniqueIdentifier: own, cryptographicParameters: { randomIV: true }, data: text });
  assert.equal(hex(completed.data), oracle('aes-256-cbc', completed.ivCounterNonce!, text, true));
  const other = await harness.perform(encrypt, { uniqueIdentifier: own, cryptographicParameters: { blockCipherMode: ECB }, data });
  assert.equal(hex(other.data), oracle('aes-256-ecb', null, data, false), 'a named mode takes nothing over from the key');
  const bare = await putKey(harness);
  await assert.rejects(harness.perform(encrypt, { uniqueIdentifier: bare, data }), { reason: 'InvalidField' });
  await assert.rejects(harness.perform(encrypt, { uniqueIdentifier: bare, data }, { version: 21 }), { reason: 'BadCryptographicParameters' });
});

test('parameters that do not fit are refused with what would', async () => {
  const uniqueIdentifier = await putKey(harness);
  const refused = async (cryptographicParameters: object, reason: string, more: object = { ivCounterNonce: iv }): Promise<void> => {
    await assert.rejects(harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters, data, ...more }, { version: 21 }), { reason }, JSON.stringify(cryptographicParameters));
  };
  await refused({ blockCipherMode: BlockCipherMode.XTS }, 'UnsupportedCryptographicParameters');
  await refused({ blockCipherMode: CBC, paddingMethod: PaddingMethod.ANSIX9_23 }, 'UnsupportedCryptographicParameters');
  await refused({ blockCipherMode: CTR, paddingMethod: PKCS5 }, 'UnsupportedCryptographicParameters');
  await refused({ blockCipherMode: CBC, cryptographicAlgorithm: CryptographicAlgorithm.DES3 }, 'BadCryptographicParameters');
  await refused({ blockCipherMode: CBC }, 'BadCryptographicParameters', { ivCounterNonce: iv.subarray(1) });
  await refused({ blockCipherMode: CBC, ivLength: 64 }, 'BadCryptographicParameters');
  await refused({ blockCipherMode: GCM }, 'BadCryptographicParameters', { ivCounterNonce: Buffer.alloc(0) });
  await refused({ blockCipherMode: GCM, ivLength: 64 }, 'BadCryptographicParameters', {});
  await refused({ blockCipherMode: CBC }, 'BadCryptographicParameters', { ivCounterNonce: iv, authenticatedEncryptionAdditionalData: iv });
  for (const tagLength of [0, 1, 5, 11, 17, 32]) await refused({ blockCipherMode: GCM, tagLength }, 'GeneralFailure');
  await refused({ blockCipherMode: CBC }, 'CryptographicFailure', { ivCounterNonce: iv, data: text });
  await refused({ blockCipherMode: CBC }, 'InvalidMessage', { ivCounterNonce: iv, data: undefined });
});

test('GCM before 1.4 is refused, since its tag has no place in the answer', async () => {
  const uniqueIdentifier = await putKey(harness);
  await assert.rejects(harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: GCM }, data }, { version: 12 }), { reason: 'FeatureNotSupported' });
});

test('a Transparent Symmetric Key encrypts as the raw one', async () => {
  const keyMaterial = { tag: Tag.KeyMaterial, type: ItemType.Structure, value: [{ tag: Tag.Key, type: ItemType.ByteString, value: keyBytes }] };
  const uniqueIdentifier = await putKey(harness, {}, { keyBlock: { keyFormatType: KeyFormatType.TransparentSymmetricKey, keyValue: { keyMaterial } } });
  assert.equal(hex((await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: ECB }, data })).data), oracle('aes-256-ecb', null, data, false));
});

test('what is no usable AES key is refused', async () => {
  const ecb = { cryptographicParameters: { blockCipherMode: ECB }, data };
  await assert.rejects(harness.perform(encrypt, { uniqueIdentifier: await putSecret(harness), ...ecb }), { reason: 'PermissionDenied' });
  await assert.rejects(harness.perform(encrypt, { uniqueIdentifier: await putSecret(harness), ...ecb }, { version: 21 }), { reason: 'InvalidObjectType' });
  const foreign = await putKey(harness, { CryptographicAlgorithm: CryptographicAlgorithm.Camellia });
  await assert.rejects(harness.perform(encrypt, { uniqueIdentifier: foreign, ...ecb }, { version: 21 }), { reason: 'UnsupportedCryptographicParameters' });
  const wrapped = await putKey(harness, {}, { keyBlock: { keyFormatType: KeyFormatType.Raw, keyValue: randomBytes(40), keyWrappingData: { wrappingMethod: WrappingMethod.Encrypt } } });
  await assert.rejects(harness.perform(encrypt, { uniqueIdentifier: wrapped, ...ecb }), { reason: 'FeatureNotSupported' });
  const absent = await put(harness, ObjectType.SymmetricKey, { State: State.Active, CryptographicAlgorithm: CryptographicAlgorithm.AES, CryptographicUsageMask: 12 }, undefined);
  await assert.rejects(harness.perform(encrypt, { uniqueIdentifier: absent, ...ecb }), { reason: 'KeyValueNotPresent' });
});

test('the usage mask has to allow it', async () => {
  const ecb = { cryptographicParameters: { blockCipherMode: ECB }, data };
  for (const mask of [0, CryptographicUsageMask.Decrypt, CryptographicUsageMask.WrapKey]) {
    const uniqueIdentifier = await putKey(harness, { CryptographicUsageMask: mask });
    await assert.rejects(harness.perform(encrypt, { uniqueIdentifier, ...ecb }), { reason: 'PermissionDenied' });
    await assert.rejects(harness.perform(encrypt, { uniqueIdentifier, ...ecb }, { version: 21 }), { reason: 'IncompatibleCryptographicUsageMask' });
  }
});

test('only an Active key encrypts, from its Activation Date to before its Protect Stop Date, at the second', async () => {
  const moment = createHarness();
  const ecb = { cryptographicParameters: { blockCipherMode: ECB }, data };
  for (const state of [State.PreActive, State.Deactivated, State.Compromised, State.Destroyed]) {
    await assert.rejects(moment.perform(encrypt, { uniqueIdentifier: await putKey(moment, { State: state }), ...ecb }), { reason: 'PermissionDenied' });
  }
  const uniqueIdentifier = await putKey(moment, { State: State.PreActive, ActivationDate: startOfTime + 10, ProcessStartDate: startOfTime + 15, ProtectStopDate: startOfTime + 20, DeactivationDate: startOfTime + 30 });
  for (const [offset, allowed] of [[9, false], [10, true], [14, true], [19, true], [20, false], [30, false]] as const) {
    moment.clock.now = startOfTime + offset;
    const answer = moment.perform(encrypt, { uniqueIdentifier, ...ecb }, { version: 21 });
    if (allowed) await answer;
    else await assert.rejects(answer, { reason: 'WrongKeyLifecycleState' }, `${offset} s`);
  }
});

test('bytes are counted against Usage Limits before they leave, and no byte beyond them', async () => {
  const uniqueIdentifier = await putKey(harness, { UsageLimits: { usageLimitsTotal: 100n, usageLimitsUnit: UsageLimitsUnit.Byte } });
  const ecb = { uniqueIdentifier, cryptographicParameters: { blockCipherMode: ECB } };
  await harness.perform(encrypt, { ...ecb, data });
  assert.equal(storedAttribute(harness, uniqueIdentifier, 'UsageLimits')?.usageLimitsCount, 52n);
  await harness.perform(encrypt, { ...ecb, data });
  await assert.rejects(harness.perform(encrypt, { ...ecb, data: data.subarray(0, 16) }), { reason: 'PermissionDenied' });
  await assert.rejects(harness.perform(encrypt, { ...ecb, data: data.subarray(0, 16) }, { version: 21 }), { reason: 'UsageLimitExceeded' });
  assert.equal(storedAttribute(harness, uniqueIdentifier, 'UsageLimits')?.usageLimitsCount, 4n);
  await assert.rejects(harness.perform(encrypt, { ...ecb, data: Buffer.alloc(3) }), { reason: 'CryptographicFailure' });
  assert.equal(storedAttribute(harness, uniqueIdentifier, 'UsageLimits')?.usageLimitsCount, 4n, 'what failed was not counted');
});

test('objects are counted once for each Encrypt', async () => {
  const uniqueIdentifier = await putKey(harness, { UsageLimits: { usageLimitsTotal: 2n, usageLimitsCount: 2n, usageLimitsUnit: UsageLimitsUnit.Object } });
  const request = { uniqueIdentifier, cryptographicParameters: { blockCipherMode: GCM }, data };
  await harness.perform(encrypt, request);
  await harness.perform(encrypt, request);
  await assert.rejects(harness.perform(encrypt, request), { reason: 'PermissionDenied' });
});
