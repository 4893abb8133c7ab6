/**
 * Encrypt and Decrypt in parts: any chunking gives what one part gives, each part on another worker; and what a
 * Correlation Value is bound to.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { BlockCipherMode, PaddingMethod, RevocationReasonCode, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import { decrypt } from '../../src/operations/decrypt.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import { revoke } from '../../src/operations/revoke.ts';
import { streamIdleSecondsMax } from '../../src/operations/stream-state.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { putKey, storedAttribute } from '../engine/objects.ts';
import { find, item, request } from '../harness/text.ts';

const harness = createHarness({ permissions: ['operation_all', 'decrypt_unverified_stream'] });
const { CBC, ECB, CFB, OFB, CTR, GCM } = BlockCipherMode;
const { PKCS5 } = PaddingMethod;
const iv = Buffer.from('000102030405060708090a0b0c0d0e0f', 'hex');
const modes = [
  { blockCipherMode: ECB }, { blockCipherMode: ECB, paddingMethod: PKCS5 }, { blockCipherMode: CBC }, { blockCipherMode: CBC, paddingMethod: PKCS5 },
  { blockCipherMode: CFB }, { blockCipherMode: OFB }, { blockCipherMode: CTR }, { blockCipherMode: GCM, tagLength: 16 },
];

function partsOf(data: Uint8Array, step: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let offset = 0; offset < data.length; offset += step) parts.push(data.subarray(offset, offset + step));
  return parts.length === 0 ? [data] : parts;
}

type Direction = typeof encrypt | typeof decrypt;

/** Runs data through a stream in parts of `step` bytes; the harness takes another worker for each. */
async function stream(operation: Direction, first: object, data: Uint8Array, step: number, last: object = {}): Promise<{ data: Buffer; tag: Uint8Array | undefined }> {
  const parts = partsOf(data, step);
  const out: Uint8Array[] = [];
  let answer = await harness.perform(encrypt.name === operation.name ? encrypt : (decrypt as unknown as typeof encrypt), { ...first, initIndicator: true, data: parts[0]! });
  const perform = (payload: object) => harness.perform(operation as typeof encrypt, payload);
  for (const part of parts.slice(1)) {
    assert.ok(answer.correlationValue !== undefined);
    out.push(answer.data ?? Buffer.alloc(0));
    answer = await perform({ correlationValue: answer.correlationValue, data: part });
  }
  out.push(answer.data ?? Buffer.alloc(0));
  answer = await perform({ correlationValue: answer.correlationValue!, finalIndicator: true, ...last });
  assert.equal(answer.correlationValue, undefined, 'a last part has no Correlation Value');
  out.push(answer.data!);
  return { data: Buffer.concat(out), tag: answer.authenticatedEncryptionTag };
}

test('streams in steps of 1, 16 and 17 bytes give what one part gives, both ways', async () => {
  const uniqueIdentifier = await putKey(harness);
  for (const cryptographicParameters of modes) {
    const { blockCipherMode, paddingMethod } = cryptographicParameters as { blockCipherMode: number; paddingMethod?: number };
    const wholeBlocks = (blockCipherMode === ECB || blockCipherMode === CBC) && paddingMethod === undefined;
    for (const length of wholeBlocks ? [16, 32, 128] : [1, 15, 16, 17, 31, 32, 33, 127, 128, 129]) {
      const data = randomBytes(length);
      const request = { uniqueIdentifier, cryptographicParameters, ivCounterNonce: iv };
      const whole = await harness.perform(encrypt, { ...request, data });
      for (const step of length > 64 ? [16, 17] : [1, 16, 17]) {
        const encrypted = await stream(encrypt, request, data, step);
        assert.deepEqual(encrypted.data, Buffer.from(whole.data!), `${JSON.stringify(cryptographicParameters)}, ${length} bytes in steps of ${step}`);
        assert.deepEqual(encrypted.tag, whole.authenticatedEncryptionTag);
        const last = whole.authenticatedEncryptionTag === undefined ? {} : { authenticatedEncryptionTag: whole.authenticatedEncryptionTag };
        assert.deepEqual((await stream(decrypt, request, whole.data!, step, last)).data, data);
      }
    }
  }
});

test('the tag of a GCM stream may come with the first part, and a wrong one fails the last', async () => {
  const uniqueIdentifier = await putKey(harness);
  const aad = Buffer.from('bound');
  const request = { uniqueIdentifier, cryptographicParameters: { blockCipherMode: GCM }, ivCounterNonce: randomBytes(12), authenticatedEncryptionAdditionalData: aad };
  const whole = await harness.perform(encrypt, { ...request, data: Buffer.alloc(50, 1) });
  const tag = whole.authenticatedEncryptionTag!;
  assert.deepEqual((await stream(decrypt, { ...request, authenticatedEncryptionTag: tag }, whole.data!, 20)).data, Buffer.alloc(50, 1));
  await assert.rejects(stream(decrypt, { ...request, authenticatedEncryptionTag: tag.map((byte) => byte ^ 1) }, whole.data!, 20), { reason: 'CryptographicFailure' });
  await assert.rejects(stream(decrypt, request, whole.data!, 20), { reason: 'InvalidMessage' });
});

test('a server-made IV comes with the first part', async () => {
  const uniqueIdentifier = await putKey(harness);
  const first = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: GCM, randomIV: true }, data: Buffer.alloc(5), initIndicator: true });
  assert.equal(first.ivCounterNonce?.length, 12);
  const last = await harness.perform(encrypt, { correlationValue: first.correlationValue!, data: Buffer.alloc(5), finalIndicator: true });
  const opened = await harness.perform(decrypt, {
    uniqueIdentifier, cryptographicParameters: { blockCipherMode: GCM }, ivCounterNonce: first.ivCounterNonce!,
    data: Buffer.concat([first.data!, last.data!]), authenticatedEncryptionTag: last.authenticatedEncryptionTag!,
  });
  assert.deepEqual(Buffer.from(opened.data!), Buffer.alloc(10));
});

test('Init and Final Indicator together are one part', async () => {
  const uniqueIdentifier = await putKey(harness);
  const answer = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: CBC, paddingMethod: PKCS5 }, ivCounterNonce: iv, data: Buffer.alloc(3), initIndicator: true, finalIndicator: true });
  assert.deepEqual([answer.data?.length, answer.correlationValue], [16, undefined]);
});

test('a Correlation Value is bound to client, operation and key, and a changed one is worth nothing', async () => {
  const uniqueIdentifier = await putKey(harness);
  const other = await putKey(harness);
  const begin = { uniqueIdentifier, cryptographicParameters: { blockCipherMode: CTR }, ivCounterNonce: iv, data: Buffer.alloc(5), initIndicator: true };
  const { correlationValue } = await harness.perform(encrypt, begin);
  const next = { correlationValue: correlationValue!, data: Buffer.alloc(5) };
  const unknown = { reason: 'InvalidCorrelationValue' };
  const how = { version: 21 };
  await assert.rejects(harness.perform(encrypt, next, { ...how, caller: harness.callerOf('alpha', 'another credential') }), unknown);
  await assert.rejects(harness.perform(encrypt, next, { ...how, caller: harness.callerOf('beta', harness.callerOf('alpha').credential) }), unknown);
  await assert.rejects(harness.perform(decrypt, next, how), unknown);
  await assert.rejects(harness.perform(encrypt, { ...next, uniqueIdentifier: other }, how), unknown);
  for (let index = 0; index < correlationValue!.length; index += 7) {
    const changed = correlationValue!.map((byte, at) => (at === index ? byte ^ 0x40 : byte));
    await assert.rejects(harness.perform(encrypt, { ...next, correlationValue: changed }, how), unknown, `byte ${index}`);
  }
  for (const bytes of [Buffer.alloc(0), Buffer.alloc(1, 1), Buffer.alloc(45, 1), Buffer.alloc(5000, 1), correlationValue!.subarray(0, -1)]) {
    await assert.rejects(harness.perform(encrypt, { ...next, correlationValue: bytes }, how), unknown);
  }
  await assert.rejects(harness.perform(encrypt, { ...next, correlationValue: Buffer.alloc(60) }, { version: 14 }), { reason: 'ItemNotFound' });
  await harness.perform(encrypt, { ...next, uniqueIdentifier }, how);
});

test('a stream that rests too long is over', async () => {
  const uniqueIdentifier = await putKey(harness);
  const { correlationValue } = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: CTR }, data: Buffer.alloc(5), initIndicator: true });
  const next = { correlationValue: correlationValue!, data: Buffer.alloc(5) };
  harness.clock.now = startOfTime + streamIdleSecondsMax;
  await harness.perform(encrypt, next);
  harness.clock.now = startOfTime + streamIdleSecondsMax + 1;
  await assert.rejects(harness.perform(encrypt, next), { reason: 'ItemNotFound' });
  harness.clock.now = startOfTime;
});

test('a key revoked in mid-stream ends the stream', async () => {
  const uniqueIdentifier = await putKey(harness);
  const { correlationValue } = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: CTR }, data: Buffer.alloc(5), initIndicator: true });
  await harness.perform(revoke, { uniqueIdentifier, revocationReason: { revocationReasonCode: RevocationReasonCode.CessationOfOperation } });
  await assert.rejects(harness.perform(encrypt, { correlationValue: correlationValue!, data: Buffer.alloc(5) }), { reason: 'PermissionDenied' });
});

test('Usage Limits count the bytes of each part, and a stream as one object', async () => {
  for (const [unit, left] of [[UsageLimitsUnit.Byte, 70n], [UsageLimitsUnit.Object, 99n]] as const) {
    const uniqueIdentifier = await putKey(harness, { UsageLimits: { usageLimitsTotal: 100n, usageLimitsUnit: unit } });
    await stream(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: CTR } }, Buffer.alloc(30), 10);
    assert.equal(storedAttribute(harness, uniqueIdentifier, 'UsageLimits')?.usageLimitsCount, left);
  }
});

test('decrypting GCM in parts needs a permission that operation_all does not bring', async () => {
  const usual = createHarness({ permissions: ['operation_all'] });
  const uniqueIdentifier = await putKey(usual);
  const begin = { uniqueIdentifier, cryptographicParameters: { blockCipherMode: GCM }, ivCounterNonce: Buffer.alloc(12), data: Buffer.alloc(16), initIndicator: true };
  await usual.perform(encrypt, begin);
  await assert.rejects(usual.perform(decrypt, begin), { reason: 'PermissionDenied' });
});

test('later parts may repeat parameters and IV, not change them', async () => {
  const uniqueIdentifier = await putKey(harness);
  const cryptographicParameters = { blockCipherMode: CBC, paddingMethod: PKCS5 };
  const { correlationValue } = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters, ivCounterNonce: iv, data: Buffer.alloc(5), initIndicator: true });
  const next = { uniqueIdentifier, correlationValue: correlationValue!, data: Buffer.alloc(5) };
  await harness.perform(encrypt, { ...next, cryptographicParameters, ivCounterNonce: iv });
  for (const changed of [
    { cryptographicParameters: { blockCipherMode: CTR } }, { cryptographicParameters: { blockCipherMode: CBC, paddingMethod: PaddingMethod.None } },
    { ivCounterNonce: Buffer.alloc(16) }, { authenticatedEncryptionAdditionalData: Buffer.alloc(1) }, { initIndicator: true },
  ]) await assert.rejects(harness.perform(encrypt, { ...next, ...changed }), { reason: 'InvalidField' });
});

test('a version without the fields of streams does not begin one, and a Correlation Value stays short', async () => {
  const uniqueIdentifier = await putKey(harness);
  const payload = [item('UniqueIdentifier', uniqueIdentifier), item('CryptographicParameters', [item('BlockCipherMode', 'CTR')]), item('Data', Buffer.alloc(5)), item('InitIndicator', true)];
  assert.match(await harness.sendText(request(12, [{ operation: 'Encrypt', payload }])), /ResultReason FeatureNotSupported\n\s+ResultMessage "operations in parts need KMIP 1.3/);
  const answer = await harness.send(request(13, [{ operation: 'Encrypt', payload }]));
  const value = find(answer, 'BatchItem', 'ResponsePayload', 'CorrelationValue')?.value as Uint8Array;
  assert.ok(value.length > 0 && value.length < 400, `${value.length} bytes`);
});
