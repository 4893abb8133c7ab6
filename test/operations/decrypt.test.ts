/**
 * Decrypt: it undoes Encrypt, tells nothing of why it failed, and works on after a key went out of use.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { BlockCipherMode, CryptographicUsageMask, DataValue, PaddingMethod, ResultStatus, State, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import { decrypt } from '../../src/operations/decrypt.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { AnswerError, createHarness, startOfTime } from '../engine/harness.ts';
import { putKey, storedAttribute } from '../engine/objects.ts';
import { find, findAll, item, request } from '../harness/text.ts';

const harness = createHarness();
const { CBC, ECB, CFB, OFB, CTR, GCM } = BlockCipherMode;
const { PKCS5 } = PaddingMethod;
const plain = (operation: unknown) => operation as Operation;

test('it gives back what Encrypt took, in every mode and at awkward lengths', async () => {
  const uniqueIdentifier = await putKey(harness);
  for (const cryptographicParameters of [
    { blockCipherMode: ECB, paddingMethod: PKCS5 }, { blockCipherMode: CBC, paddingMethod: PKCS5 }, { blockCipherMode: CFB }, { blockCipherMode: OFB },
    { blockCipherMode: CTR }, { blockCipherMode: GCM, tagLength: 12 }, { blockCipherMode: GCM },
  ]) {
    for (const length of [0, 1, 15, 16, 17, 31, 32, 33, 127, 128, 129, 70_000]) {
      const data = randomBytes(length);
      const { data: encrypted, ...rest } = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters, data });
      const answer = await harness.perform(decrypt, { cryptographicParameters, data: encrypted!, ...rest });
      assert.deepEqual(Buffer.from(answer.data!), data);
    }
  }
});

test('failures of tag, nonce, text, additional data and padding read the same', async () => {
  const uniqueIdentifier = await putKey(harness);
  const gcm = { uniqueIdentifier, cryptographicParameters: { blockCipherMode: GCM, tagLength: 16 } };
  const sealed = await harness.perform(encrypt, { ...gcm, data: randomBytes(40), authenticatedEncryptionAdditionalData: Buffer.from('for') });
  const good = { ...gcm, data: sealed.data!, ivCounterNonce: sealed.ivCounterNonce!, authenticatedEncryptionTag: sealed.authenticatedEncryptionTag!, authenticatedEncryptionAdditionalData: Buffer.from('for') };
  await harness.perform(decrypt, good);
  const flip = (bytes: Uint8Array): Uint8Array => bytes.map((byte, index) => (index === 0 ? byte ^ 1 : byte));
  const cbc = { uniqueIdentifier, cryptographicParameters: { blockCipherMode: CBC, paddingMethod: PKCS5 }, ivCounterNonce: randomBytes(16) };
  const bad = [
    { ...good, data: flip(good.data) },
    { ...good, ivCounterNonce: flip(good.ivCounterNonce) },
    { ...good, authenticatedEncryptionTag: flip(good.authenticatedEncryptionTag) },
    { ...good, authenticatedEncryptionAdditionalData: Buffer.from('against') },
    { ...cbc, data: Buffer.alloc(32) },
    { ...cbc, data: Buffer.alloc(31) },
    { ...cbc, data: Buffer.alloc(0) },
  ];
  const texts = new Set<string>();
  for (const each of bad) {
    await assert.rejects(harness.perform(decrypt, each), (error: AnswerError) => {
      assert.equal(error.reason, 'CryptographicFailure');
      texts.add(error.message);
      return true;
    });
  }
  assert.deepEqual([...texts], ['CryptographicFailure: decryption failed']);
});

test('a missing IV and a missing tag are faults of the message', async () => {
  const uniqueIdentifier = await putKey(harness);
  for (const version of [12, 14, 21]) {
    await assert.rejects(harness.perform(decrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: CBC, randomIV: true }, data: Buffer.alloc(16) }, { version }), { reason: 'InvalidMessage' });
  }
  await assert.rejects(harness.perform(decrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: GCM }, data: Buffer.alloc(16), ivCounterNonce: Buffer.alloc(12) }), { reason: 'InvalidMessage' });
});

test('a tag shorter than Tag Length says is refused, also when nothing says it', async () => {
  const uniqueIdentifier = await putKey(harness);
  const request = { uniqueIdentifier, cryptographicParameters: { blockCipherMode: GCM, tagLength: 16 }, data: Buffer.alloc(16), ivCounterNonce: Buffer.alloc(12) };
  await assert.rejects(harness.perform(decrypt, { ...request, authenticatedEncryptionTag: Buffer.alloc(4) }), { reason: 'InvalidField' });
  const silent = { ...request, cryptographicParameters: { blockCipherMode: GCM } };
  await assert.rejects(harness.perform(decrypt, { ...silent, authenticatedEncryptionTag: Buffer.alloc(4) }), { reason: 'InvalidField' });
});

test('Active, Deactivated and Compromised keys decrypt, Pre-Active and destroyed ones do not', async () => {
  const ecb = { cryptographicParameters: { blockCipherMode: ECB }, data: Buffer.alloc(16) };
  for (const state of [State.Active, State.Deactivated, State.Compromised]) await harness.perform(decrypt, { uniqueIdentifier: await putKey(harness, { State: state }), ...ecb });
  for (const state of [State.PreActive, State.Destroyed, State.DestroyedCompromised]) {
    await assert.rejects(harness.perform(decrypt, { uniqueIdentifier: await putKey(harness, { State: state }), ...ecb }), { reason: 'PermissionDenied' });
  }
});

test('nothing is decrypted before the Process Start Date, at the second; a Protect Stop Date does not matter', async () => {
  const moment = createHarness();
  const uniqueIdentifier = await putKey(moment, { ProcessStartDate: startOfTime + 10, ProtectStopDate: startOfTime + 12 });
  const ecb = { uniqueIdentifier, cryptographicParameters: { blockCipherMode: ECB }, data: Buffer.alloc(16) };
  moment.clock.now = startOfTime + 9;
  await assert.rejects(moment.perform(decrypt, ecb), { reason: 'PermissionDenied' });
  for (const offset of [10, 12, 5000]) {
    moment.clock.now = startOfTime + offset;
    await moment.perform(decrypt, ecb);
  }
});

test('the usage mask has to allow it, and Usage Limits do not count it', async () => {
  const ecb = { cryptographicParameters: { blockCipherMode: ECB }, data: Buffer.alloc(16) };
  const writeOnly = await putKey(harness, { CryptographicUsageMask: CryptographicUsageMask.Encrypt });
  await assert.rejects(harness.perform(decrypt, { uniqueIdentifier: writeOnly, ...ecb }), { reason: 'PermissionDenied' });
  const limited = await putKey(harness, { UsageLimits: { usageLimitsTotal: 1n, usageLimitsCount: 0n, usageLimitsUnit: UsageLimitsUnit.Object } });
  await harness.perform(decrypt, { uniqueIdentifier: limited, ...ecb });
  assert.equal(storedAttribute(harness, limited, 'UsageLimits')?.usageLimitsCount, 0n);
});

test('an Ephemeral Decrypt hands its Data to the next Encrypt and to nobody else', async () => {
  const [from, to] = [await putKey(harness), await putKey(harness)];
  const secret = randomBytes(33);
  const parameters = { cryptographicParameters: { blockCipherMode: CBC, paddingMethod: PKCS5 }, ivCounterNonce: Buffer.alloc(16) };
  const { data } = await harness.perform(encrypt, { uniqueIdentifier: from, ...parameters, data: secret });
  const cbc = item('CryptographicParameters', [item('BlockCipherMode', 'CBC'), item('PaddingMethod', 'PKCS5')]);
  for (const reference of [item('Data', DataValue.Decrypt, 'Enumeration'), item('Data', 0, 'Integer'), item('Data', -1, 'Integer')]) {
    const message = request(21, [
      { operation: 'Decrypt', id: Uint8Array.of(1), payload: [item('UniqueIdentifier', from), cbc, item('Data', data!), item('IVCounterNonce', Buffer.alloc(16))] },
      { operation: 'Encrypt', id: Uint8Array.of(2), payload: [item('UniqueIdentifier', to), cbc, reference, item('IVCounterNonce', Buffer.alloc(16))] },
    ]);
    const [header, first, second] = message.children!;
    const ephemeral = item('BatchItem', [first!.children![0], item('Ephemeral', true), ...first!.children!.slice(1)]);
    const answer = await harness.send(item('RequestMessage', [header, ephemeral, second]));
    const [decrypted, encrypted] = findAll(answer, 'BatchItem');
    assert.deepEqual(find(decrypted, 'ResponsePayload')?.children, []);
    const again = await harness.perform(decrypt, { uniqueIdentifier: to, ...parameters, data: find(encrypted, 'ResponsePayload', 'Data')?.value as Uint8Array });
    assert.deepEqual(Buffer.from(again.data!), secret);
  }
});

test('a reference to Data that is not there is an invalid field', async () => {
  const uniqueIdentifier = await putKey(harness);
  const [answer] = await harness.batch([{ operation: plain(encrypt), payload: { uniqueIdentifier, cryptographicParameters: { blockCipherMode: ECB }, dataOfPlace: 0 } }], { version: 21 });
  assert.equal(answer?.resultStatus, ResultStatus.OperationFailed);
  assert.match(answer?.resultMessage ?? '', /0 have been put out/);
});
