/**
 * Get: what leaves the server, in which form, and what never does. Key wrapping is held to RFC 3394 and RFC 5649.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeNode } from '../../src/codec/node.ts';
import {
  BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, EncodingOption, KeyCompressionType, KeyFormatType, KeyWrapType, ObjectType, RevocationReasonCode,
  SecretDataType, State, WrappingMethod,
} from '../../src/kmip/enums.ts';
import type { CryptographicParameters, KeyBlock, KeyWrappingSpecification } from '../../src/kmip/objects.ts';
import type { Infer, TtlvNode } from '../../src/kmip/schema.ts';
import { destroy } from '../../src/operations/destroy.ts';
import { get } from '../../src/operations/get.ts';
import { materialOf } from '../../src/operations/key-material.ts';
import { register } from '../../src/operations/register.ts';
import { revoke } from '../../src/operations/revoke.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { storedAttribute } from '../engine/objects.ts';
import { bytes, created, given, material, named, registeredKey, registeredOpaque, registeredSecret } from './making.ts';
import type { Given } from './making.ts';

const harness = createHarness();
const plain128 = '00112233445566778899aabbccddeeff';
const kek128 = '000102030405060708090a0b0c0d0e0f';
/** RFC 3394 §4.1. */
const sealed128 = '1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5';

type GetRequest = Infer<typeof get.request>;

const keyOf = async (uniqueIdentifier: string, request: GetRequest = {}, version = 14): Promise<KeyBlock> =>
  (await harness.perform(get, { uniqueIdentifier, ...request }, { version })).symmetricKey!.keyBlock;

const kek = (hex = kek128, attributes: Given = {}): Promise<string> => registeredKey(harness, hex, {
  CryptographicUsageMask: CryptographicUsageMask.WrapKey, CryptographicParameters: { blockCipherMode: BlockCipherMode.NISTKeyWrap }, ActivationDate: startOfTime - 3600, ...attributes,
});

const wrapBy = (uniqueIdentifier: string, more: Partial<KeyWrappingSpecification> = {}, cryptographicParameters?: CryptographicParameters): GetRequest => ({
  keyWrappingSpecification: {
    wrappingMethod: WrappingMethod.Encrypt,
    encryptionKeyInformation: { uniqueIdentifier, ...(cryptographicParameters === undefined ? {} : { cryptographicParameters }) },
    encodingOption: EncodingOption.NoEncoding,
    ...more,
  },
});

test('a key, a secret and an opaque object come back as they are, in every state but Destroyed', async () => {
  const key = await registeredKey(harness, plain128);
  assert.deepEqual(await harness.perform(get, { uniqueIdentifier: key }, { version: 10 }), {
    objectType: ObjectType.SymmetricKey, uniqueIdentifier: key,
    symmetricKey: { keyBlock: { keyFormatType: KeyFormatType.Raw, keyValue: { keyMaterial: material(bytes(plain128)) }, cryptographicAlgorithm: CryptographicAlgorithm.AES, cryptographicLength: 128 } },
  });
  const opaque = await registeredOpaque(harness, 'c0ffee');
  assert.deepEqual((await harness.perform(get, { uniqueIdentifier: opaque })).opaqueObject, { opaqueDataType: 0x80000001, opaqueDataValue: bytes('c0ffee') });
  const secret = await registeredSecret(harness, 'hush');
  assert.deepEqual((await harness.perform(get, { uniqueIdentifier: secret })).secretData!.keyBlock.keyValue, { keyMaterial: material(new Uint8Array(Buffer.from('hush'))) });
  await harness.perform(revoke, { uniqueIdentifier: key, revocationReason: { revocationReasonCode: RevocationReasonCode.KeyCompromise } });
  assert.ok(await keyOf(key));
  await harness.perform(destroy, { uniqueIdentifier: key });
  await assert.rejects(keyOf(key), { reason: 'ItemNotFound' });
  await assert.rejects(keyOf(key, {}, 21), { reason: 'ObjectDestroyed' });
  await assert.rejects(keyOf('nothing', {}, 21), { reason: 'ObjectNotFound' });
});

test('the first Get ends an object\'s freshness, on the writing thread, and later ones stay where they are', async () => {
  const id = await created(harness);
  assert.equal(storedAttribute(harness, id, 'Fresh'), true);
  await keyOf(id);
  assert.equal(storedAttribute(harness, id, 'Fresh'), false);
  const before = harness.store.sequence;
  await keyOf(id);
  assert.equal(harness.store.sequence, before);
});

test('a Get that fails leaves an object fresh', async () => {
  const id = await created(harness);
  await assert.rejects(keyOf(id, { keyFormatType: KeyFormatType.PKCS_8 }), { reason: 'KeyFormatTypeNotSupported' });
  assert.equal(storedAttribute(harness, id, 'Fresh'), true);
});

test('Raw and Transparent Symmetric Key turn into each other', async () => {
  const raw = await registeredKey(harness, plain128);
  const transparent = await keyOf(raw, { keyFormatType: KeyFormatType.TransparentSymmetricKey });
  assert.equal(transparent.keyFormatType, KeyFormatType.TransparentSymmetricKey);
  assert.deepEqual(transparent.keyValue, { keyMaterial: materialOf(bytes(plain128), KeyFormatType.TransparentSymmetricKey) });
  const { uniqueIdentifier } = await harness.perform(register, { objectType: ObjectType.SymmetricKey, attributes: [], symmetricKey: { keyBlock: transparent } });
  assert.deepEqual((await keyOf(uniqueIdentifier, { keyFormatType: KeyFormatType.Raw })).keyValue, { keyMaterial: material(bytes(plain128)) });
  assert.deepEqual((await keyOf(raw, { keyFormatType: KeyFormatType.Opaque })).keyFormatType, KeyFormatType.Opaque);
});

test('formats that an object cannot be turned into are refused', async () => {
  const opaqueKey = await harness.perform(register, {
    objectType: ObjectType.SymmetricKey, attributes: given({ CryptographicLength: 128 }),
    symmetricKey: { keyBlock: { keyFormatType: KeyFormatType.Opaque, keyValue: { keyMaterial: material(bytes(plain128)) }, cryptographicAlgorithm: CryptographicAlgorithm.AES } },
  });
  await assert.rejects(keyOf(opaqueKey.uniqueIdentifier, { keyFormatType: KeyFormatType.Raw }), { reason: 'KeyFormatTypeNotSupported' });
  const secret = await registeredSecret(harness, 'hush');
  assert.equal((await harness.perform(get, { uniqueIdentifier: secret, keyFormatType: KeyFormatType.Raw })).secretData!.keyBlock.keyFormatType, KeyFormatType.Raw);
  await assert.rejects(harness.perform(get, { uniqueIdentifier: secret, keyFormatType: KeyFormatType.TransparentSymmetricKey }), { reason: 'KeyFormatTypeNotSupported' });
  const opaque = await registeredOpaque(harness, '00');
  await assert.rejects(harness.perform(get, { uniqueIdentifier: opaque, keyFormatType: KeyFormatType.Raw }), { reason: 'KeyFormatTypeNotSupported' });
  await assert.rejects(keyOf(await created(harness), { keyCompressionType: KeyCompressionType.ECPublicKeyTypeUncompressed }), { reason: 'KeyCompressionTypeNotSupported' });
});

test('a Sensitive key leaves only wrapped, one that is not Extractable never', async () => {
  const wrapper = await kek();
  const sensitive = await created(harness, { Sensitive: true });
  await assert.rejects(keyOf(sensitive), { reason: 'Sensitive' });
  await assert.rejects(keyOf(sensitive, {}, 13), { reason: 'PermissionDenied' });
  assert.ok((await keyOf(sensitive, wrapBy(wrapper))).keyValue instanceof Uint8Array);
  const kept = await created(harness, { Extractable: false });
  await assert.rejects(keyOf(kept), { reason: 'NotExtractable' });
  await assert.rejects(keyOf(kept, wrapBy(wrapper), 20), { reason: 'NotExtractable' });
  assert.equal(storedAttribute(harness, kept, 'Fresh'), true);
});

test('a one-time pad never leaves, and one that the server does not hold shows that', async () => {
  const pad = (keyValue?: KeyBlock['keyValue']) => harness.perform(register, {
    objectType: ObjectType.SecretData, attributes: given({ CryptographicAlgorithm: CryptographicAlgorithm.OneTimePad }),
    secretData: { secretDataType: SecretDataType.Password, keyBlock: { keyFormatType: KeyFormatType.Opaque, ...(keyValue === undefined ? {} : { keyValue }) } },
  });
  await assert.rejects(harness.perform(get, await pad({ keyMaterial: material(bytes('fc932e1428bd')) })), { reason: 'PermissionDenied' });
  assert.deepEqual((await harness.perform(get, await pad())).secretData!.keyBlock, { keyFormatType: KeyFormatType.Opaque });
});

test('NIST Key Wrap: RFC 3394 §4.1 and §4.6, by the parameters given and by the key\'s own', async () => {
  const key = await registeredKey(harness, plain128);
  const wrapper = await kek();
  for (const parameters of [undefined, { blockCipherMode: BlockCipherMode.NISTKeyWrap }]) {
    const block = await keyOf(key, wrapBy(wrapper, {}, parameters));
    assert.equal(Buffer.from(block.keyValue as Uint8Array).toString('hex'), sealed128);
    assert.deepEqual(block.keyWrappingData, {
      wrappingMethod: WrappingMethod.Encrypt, encodingOption: EncodingOption.NoEncoding,
      encryptionKeyInformation: { uniqueIdentifier: wrapper, ...(parameters === undefined ? {} : { cryptographicParameters: parameters }) },
    });
    assert.equal(block.cryptographicLength, 128);
  }
  const long = await registeredKey(harness, plain128 + kek128);
  const longWrapper = await kek('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f');
  assert.equal(Buffer.from((await keyOf(long, wrapBy(longWrapper))).keyValue as Uint8Array).toString('hex'), '28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21');
});

test('AES Key Wrap Padding: RFC 5649 §6, lengths that are no multiple of 8', async () => {
  const wrapper = await kek('5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8', { CryptographicParameters: { blockCipherMode: BlockCipherMode.AESKeyWrapPadding } });
  for (const [plain, sealed] of [
    ['c37b7e6492584340bed12207808941155068f738', '138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a'],
    ['466f7250617369', 'afbeb0f07dfbf5419200f2ccb50bb24f'],
  ] as const) {
    const { uniqueIdentifier } = await harness.perform(register, {
      objectType: ObjectType.SecretData, attributes: [],
      secretData: { secretDataType: SecretDataType.Password, keyBlock: { keyFormatType: KeyFormatType.Raw, keyValue: { keyMaterial: material(bytes(plain)) } } },
    });
    const answer = await harness.perform(get, { uniqueIdentifier, ...wrapBy(wrapper) });
    assert.equal(Buffer.from(answer.secretData!.keyBlock.keyValue as Uint8Array).toString('hex'), sealed);
    const { uniqueIdentifier: again } = await harness.perform(register, { objectType: ObjectType.SecretData, attributes: [], secretData: answer.secretData });
    const { secretData } = await harness.perform(get, { uniqueIdentifier: again, keyWrapType: KeyWrapType.NotWrapped });
    assert.deepEqual(secretData!.keyBlock.keyValue, { keyMaterial: material(bytes(plain)) });
  }
});

test('TTLV Encoding wraps the whole Key Value, attributes included, and is the default', async () => {
  const wrapper = await kek(kek128, { CryptographicUsageMask: CryptographicUsageMask.WrapKey | CryptographicUsageMask.UnwrapKey });
  const key = await registeredKey(harness, plain128, { CryptographicUsageMask: 12, Name: named('inside') });
  const block = await keyOf(key, wrapBy(wrapper, { encodingOption: undefined, attributeNames: ['CryptographicUsageMask', 'Name', 'ContactInformation'] }));
  const { createDecipheriv } = await import('node:crypto');
  const decipher = createDecipheriv('id-aes128-wrap', bytes(kek128), Buffer.alloc(8, 0xa6));
  const { value } = decodeNode(new Uint8Array(Buffer.concat([decipher.update(block.keyValue as Uint8Array), decipher.final()])));
  const [keyMaterial, ...attributes] = value as readonly TtlvNode[];
  assert.deepEqual(keyMaterial!.value, bytes(plain128));
  assert.deepEqual(attributes.map((attribute) => (attribute.value as readonly TtlvNode[])[0]!.value), ['Cryptographic Usage Mask', 'Name']);
  const { uniqueIdentifier } = await harness.perform(register, { objectType: ObjectType.SymmetricKey, attributes: [], symmetricKey: { keyBlock: block } });
  assert.deepEqual((await keyOf(uniqueIdentifier, { keyWrapType: KeyWrapType.NotWrapped })).keyValue, { keyMaterial: material(bytes(plain128)) });
});

test('OASIS TC-142: a client of 1.1 or 1.2 that names an attribute and no Encoding Option gets the bare key, wrapped', async () => {
  const wrapper = await kek();
  const key = await registeredKey(harness, plain128, { CryptographicUsageMask: 12 });
  const specification = wrapBy(wrapper, { encodingOption: undefined, attributeNames: ['CryptographicUsageMask'] });
  assert.equal(Buffer.from((await keyOf(key, specification, 11)).keyValue as Uint8Array).toString('hex'), sealed128);
  assert.notEqual(Buffer.from((await keyOf(key, specification, 13)).keyValue as Uint8Array).toString('hex'), sealed128);
  assert.notEqual(Buffer.from((await keyOf(key, wrapBy(wrapper, { encodingOption: undefined }), 11)).keyValue as Uint8Array).toString('hex'), sealed128);
});

test('a wrapping key has to exist, to be a key, to be Active, and to be for wrapping', async () => {
  const key = await created(harness);
  const wrapped = async (wrapper: string, reason: string, version = 14): Promise<void> => assert.rejects(keyOf(key, wrapBy(wrapper), version), { reason });
  await wrapped('nothing', 'ItemNotFound');
  await wrapped('nothing', 'WrappingObjectNotFound', 21);
  await wrapped(await registeredSecret(harness, 'x'), 'IllegalOperation');
  await wrapped(await kek(kek128, { ActivationDate: startOfTime + 1 }), 'PermissionDenied');
  await wrapped(await kek(kek128, { ProtectStopDate: startOfTime }), 'WrongKeyLifecycleState', 21);
  await wrapped(await kek(kek128, { CryptographicUsageMask: CryptographicUsageMask.UnwrapKey }), 'PermissionDenied');
  await wrapped(await kek(kek128, { CryptographicUsageMask: 12 }), 'IncompatibleCryptographicUsageMask', 21);
  await wrapped(await registeredKey(harness, kek128, { CryptographicUsageMask: CryptographicUsageMask.WrapKey, ActivationDate: startOfTime }), 'ItemNotFound');
  await wrapped(await kek(kek128, { CryptographicParameters: { blockCipherMode: BlockCipherMode.CBC } }), 'BadCryptographicParameters', 21);
  await assert.rejects(keyOf(key, wrapBy(await kek(), {}, { blockCipherMode: BlockCipherMode.AESKeyWrapPadding }), 21), { reason: 'BadCryptographicParameters' });
  const theirs = await registeredKey(harness, kek128, { CryptographicUsageMask: CryptographicUsageMask.WrapKey, ActivationDate: startOfTime }, { caller: harness.callerOf('beta') });
  await wrapped(theirs, 'WrappingObjectNotFound', 21);
});

test('ways of wrapping that the server lacks are refused', async () => {
  const wrapper = await kek();
  const key = await created(harness, { KeyFormatType: KeyFormatType.TransparentSymmetricKey }, { version: 21 });
  await assert.rejects(keyOf(key, wrapBy(wrapper)), { reason: 'EncodingOptionError' });
  await assert.rejects(keyOf(key, wrapBy(wrapper, { attributeNames: ['Name'] })), { reason: 'EncodingOptionError' });
  await assert.rejects(keyOf(key, wrapBy(wrapper, { wrappingMethod: WrappingMethod.MACSign })), { reason: 'FeatureNotSupported' });
  await assert.rejects(keyOf(key, wrapBy(wrapper, { encryptionKeyInformation: undefined })), { reason: 'InvalidField' });
  await assert.rejects(harness.perform(get, { uniqueIdentifier: await registeredOpaque(harness, '00'), ...wrapBy(wrapper) }), { reason: 'IllegalOperation' });
  const short = await registeredSecret(harness, 'seven..');
  await assert.rejects(harness.perform(get, { uniqueIdentifier: short, ...wrapBy(wrapper) }), { reason: 'EncodingOptionError' });
});

test('a key registered wrapped comes back wrapped, and unwrapped when asked for (OASIS TC-WRAP)', async () => {
  const wrapper = await kek();
  const keyBlock: KeyBlock = {
    keyFormatType: KeyFormatType.Raw, keyValue: bytes(sealed128), cryptographicAlgorithm: CryptographicAlgorithm.AES, cryptographicLength: 128,
    keyWrappingData: { wrappingMethod: WrappingMethod.Encrypt, encryptionKeyInformation: { uniqueIdentifier: wrapper, cryptographicParameters: { blockCipherMode: BlockCipherMode.NISTKeyWrap } }, encodingOption: EncodingOption.NoEncoding },
  };
  const registerWrapped = async (block: KeyBlock, attributes: Given = {}): Promise<string> =>
    (await harness.perform(register, { objectType: ObjectType.SymmetricKey, attributes: given(attributes), symmetricKey: { keyBlock: block } })).uniqueIdentifier;
  const id = await registerWrapped(keyBlock);
  assert.deepEqual(await keyOf(id), keyBlock);
  assert.deepEqual(await keyOf(id, { keyWrapType: KeyWrapType.AsRegistered, keyFormatType: KeyFormatType.Raw }), keyBlock);
  assert.deepEqual(await keyOf(id, { keyWrapType: KeyWrapType.NotWrapped }), {
    keyFormatType: KeyFormatType.Raw, keyValue: { keyMaterial: material(bytes(plain128)) }, cryptographicAlgorithm: CryptographicAlgorithm.AES, cryptographicLength: 128,
  });
  await assert.rejects(keyOf(id, wrapBy(wrapper), 21), { reason: 'KeyWrapTypeNotSupported' });
  assert.equal(Buffer.from((await keyOf(id, { ...wrapBy(wrapper), keyWrapType: KeyWrapType.NotWrapped })).keyValue as Uint8Array).toString('hex'), sealed128);
  const sensitive = await registerWrapped(keyBlock, { Sensitive: true });
  assert.deepEqual(await keyOf(sensitive), keyBlock);
  await assert.rejects(keyOf(sensitive, { keyWrapType: KeyWrapType.NotWrapped }), { reason: 'Sensitive' });
  const damaged = await registerWrapped({ ...keyBlock, keyValue: bytes(sealed128.replace('1f', '1e')) });
  await assert.rejects(keyOf(damaged, { keyWrapType: KeyWrapType.NotWrapped }), { reason: 'CryptographicFailure' });
  const truncated = await registerWrapped({ ...keyBlock, keyValue: bytes('1fa6') });
  await assert.rejects(keyOf(truncated, { keyWrapType: KeyWrapType.NotWrapped }), { reason: 'CryptographicFailure' });
});

test('another scope\'s object does not exist', async () => {
  const id = await created(harness, {}, { caller: harness.callerOf('beta') });
  await assert.rejects(keyOf(id), { reason: 'ItemNotFound' });
  assert.equal(harness.store.fetch('beta', id)!.attributes.get('State')![0]!.value, State.PreActive);
});
