/**
 * Register: objects as real clients send them, what they tell about themselves, and what contradicts itself.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import {
  BlockCipherMode, CertificateType, CryptographicAlgorithm, EncodingOption, KeyCompressionType, KeyFormatType, ObjectType, SecretDataType, State, WrappingMethod,
} from '../../src/kmip/enums.ts';
import type { KeyBlock } from '../../src/kmip/objects.ts';
import { get } from '../../src/operations/get.ts';
import { getAttributes } from '../../src/operations/get-attributes.ts';
import { materialOf } from '../../src/operations/key-material.ts';
import { register } from '../../src/operations/register.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { storedAttribute } from '../engine/objects.ts';
import { bytes, given, material, named, registeredKey, registeredOpaque, registeredSecret } from './making.ts';
import type { Given } from './making.ts';

const harness = createHarness();
const key128 = '00112233445566778899aabbccddeeff';

const rawKey: KeyBlock = { keyFormatType: KeyFormatType.Raw, keyValue: { keyMaterial: material(bytes(key128)) }, cryptographicAlgorithm: CryptographicAlgorithm.AES, cryptographicLength: 128 };

const registerBlock = async (keyBlock: KeyBlock, attributes: Given = {}, version = 14): Promise<string> =>
  (await harness.perform(register, { objectType: ObjectType.SymmetricKey, attributes: given(attributes), symmetricKey: { keyBlock } }, { version })).uniqueIdentifier;

const blockOf = async (uniqueIdentifier: string): Promise<KeyBlock> => (await harness.perform(get, { uniqueIdentifier })).symmetricKey!.keyBlock;

test('TrueNAS: a password, Opaque, with usage mask 0 and a name', async () => {
  const id = await registeredSecret(harness, 'secret of tank/enc', { Name: named('tank/enc ds-2e3872e') }, { version: 12 });
  const answer = await harness.perform(get, { uniqueIdentifier: id }, { version: 12 });
  assert.equal(answer.objectType, ObjectType.SecretData);
  assert.equal(answer.secretData!.secretDataType, SecretDataType.Password);
  assert.equal(answer.secretData!.keyBlock.keyFormatType, KeyFormatType.Opaque);
  assert.equal(storedAttribute(harness, id, 'CryptographicUsageMask'), 0);
});

test('pg_tde: algorithm and length in attributes and Key Block, and a Key Compression Type that an AES key has no use for', async () => {
  const id = await registerBlock(
    { ...rawKey, keyCompressionType: KeyCompressionType.ECPublicKeyTypeUncompressed },
    { CryptographicAlgorithm: CryptographicAlgorithm.AES, CryptographicLength: 128, CryptographicUsageMask: 12, Name: named('pg') },
  );
  assert.deepEqual(await blockOf(id), rawKey);
});

test('libmongocrypt 1.7: no attributes at all', async () => {
  const { uniqueIdentifier } = await harness.perform(register, {
    objectType: ObjectType.SecretData,
    secretData: { secretDataType: SecretDataType.Seed, keyBlock: { keyFormatType: KeyFormatType.Raw, keyValue: { keyMaterial: material(new Uint8Array(96).fill(7)) } } },
  }, { version: 10 });
  assert.equal(storedAttribute(harness, uniqueIdentifier, 'CryptographicUsageMask'), 0);
  assert.equal(storedAttribute(harness, uniqueIdentifier, 'State'), State.PreActive);
});

test('the object tells algorithm and length where the attributes do not, and the other way round', async () => {
  const told = await registerBlock(rawKey);
  assert.equal(storedAttribute(harness, told, 'CryptographicAlgorithm'), CryptographicAlgorithm.AES);
  assert.equal(storedAttribute(harness, told, 'CryptographicLength'), 128);
  const { cryptographicAlgorithm: _, cryptographicLength: __, ...bare } = rawKey;
  const id = await registerBlock(bare, { CryptographicAlgorithm: CryptographicAlgorithm.AES });
  assert.equal(storedAttribute(harness, id, 'CryptographicLength'), 128);
  assert.deepEqual(await blockOf(id), rawKey, 'clients look for both in the Key Block');
  await assert.rejects(registerBlock(bare), { reason: 'InvalidField' });
});

test('attributes and object may not contradict each other', async () => {
  await assert.rejects(registerBlock(rawKey, { CryptographicLength: 256 }), { reason: 'InvalidField' });
  await assert.rejects(registerBlock(rawKey, { CryptographicAlgorithm: CryptographicAlgorithm.Camellia }), { reason: 'InvalidField' });
  await assert.rejects(registerBlock({ ...rawKey, cryptographicLength: 256 }), { reason: 'InvalidField' });
  await assert.rejects(registerBlock({ ...rawKey, keyValue: { keyMaterial: material(bytes('00')) } }, {}, 21), { reason: 'InvalidAttributeValue' });
  await assert.rejects(registerBlock({ ...rawKey, keyValue: { keyMaterial: material(new Uint8Array()) } }), { reason: 'InvalidField' });
});

test('Transparent Symmetric Key keeps its form, and its digest is over the TTLV bytes (OASIS TC-181)', async () => {
  const key = bytes('00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f');
  const keyBlock: KeyBlock = { ...rawKey, keyFormatType: KeyFormatType.TransparentSymmetricKey, cryptographicLength: 256, keyValue: { keyMaterial: materialOf(key, KeyFormatType.TransparentSymmetricKey) } };
  const id = await registerBlock(keyBlock);
  assert.deepEqual(await blockOf(id), keyBlock);
  const ttlv = Buffer.concat([Buffer.from('4200430100000028' + '42003f0800000020', 'hex'), key]);
  assert.deepEqual(storedAttribute(harness, id, 'Digest'), {
    hashingAlgorithm: 6, digestValue: new Uint8Array(createHash('sha256').update(ttlv).digest()), keyFormatType: KeyFormatType.TransparentSymmetricKey,
  });
  await assert.rejects(registerBlock({ ...rawKey, keyFormatType: KeyFormatType.TransparentSymmetricKey }), { reason: 'InvalidField' });
  await assert.rejects(registerBlock({ ...rawKey, keyValue: keyBlock.keyValue }), { reason: 'InvalidField' });
});

test('a wrapped key is kept as it came, in either form, and has no digest', async () => {
  const keyWrappingData = {
    wrappingMethod: WrappingMethod.Encrypt,
    encryptionKeyInformation: { uniqueIdentifier: 'elsewhere', cryptographicParameters: { blockCipherMode: BlockCipherMode.NISTKeyWrap } },
    encodingOption: EncodingOption.NoEncoding,
  };
  const sealed = bytes('1fa68b0a8112b447aef34bd8fb5a7b829d3e862371d2cfe5');
  for (const keyValue of [sealed, { keyMaterial: material(sealed) }]) {
    const keyBlock = { ...rawKey, keyValue, keyWrappingData };
    const id = await registerBlock(keyBlock);
    assert.deepEqual(await blockOf(id), keyBlock);
    assert.equal(storedAttribute(harness, id, 'Digest'), undefined);
  }
  await assert.rejects(registerBlock({ ...rawKey, keyValue: sealed }), { reason: 'InvalidField' });
});

test('a key without a value is known to have none (OASIS TC-MDO)', async () => {
  const { keyValue: _, ...bare } = rawKey;
  const id = await registerBlock(bare, { KeyValueLocation: { keyValueLocationValue: 'HSM-12345', keyValueLocationType: 1 } });
  assert.equal(storedAttribute(harness, id, 'KeyValuePresent'), false);
  assert.deepEqual(await blockOf(id), bare);
  assert.equal(storedAttribute(harness, await registerBlock(rawKey), 'KeyValuePresent'), undefined);
  await assert.rejects(registerBlock({ ...bare, cryptographicLength: undefined }), { reason: 'InvalidField' });
});

test('an opaque object has its digest, its type, and no usage mask of its own', async () => {
  const id = await registeredOpaque(harness, '0123456789abcdef');
  const { attributes } = await harness.perform(getAttributes, { uniqueIdentifier: id, attributeNames: ['Digest', 'OpaqueDataType', 'KeyFormatType', 'CryptographicUsageMask'] }, { version: 21 });
  assert.deepEqual(attributes.map(({ name, value }) => [name, value]), [
    ['Digest', { hashingAlgorithm: 6, digestValue: new Uint8Array(createHash('sha256').update(bytes('0123456789abcdef')).digest()) }],
    ['OpaqueDataType', 0x80000001],
    ['KeyFormatType', KeyFormatType.Opaque],
  ]);
});

test('Object Type and object have to agree', async () => {
  const opaqueObject = { opaqueDataType: 0x80000001, opaqueDataValue: bytes('00') };
  await assert.rejects(harness.perform(register, { objectType: ObjectType.SymmetricKey, attributes: [], opaqueObject }), { reason: 'InvalidField' });
  await assert.rejects(harness.perform(register, { objectType: ObjectType.OpaqueObject, attributes: [] }), { reason: 'InvalidField' });
  await assert.rejects(harness.perform(register, { objectType: ObjectType.OpaqueObject, attributes: [], opaqueObject, symmetricKey: { keyBlock: rawKey } }), { reason: 'InvalidField' });
  const certificate = { certificateType: CertificateType.X_509, certificateValue: bytes('3000') };
  await assert.rejects(harness.perform(register, { objectType: ObjectType.Certificate, attributes: [], certificate }), { reason: 'InvalidField' });
  await assert.rejects(harness.perform(register, { objectType: ObjectType.Certificate, attributes: [], certificate }, { version: 21 }), { reason: 'InvalidObjectType' });
});

test('a key of a format nobody can look into is refused by its name', async () => {
  await assert.rejects(registerBlock({ ...rawKey, keyFormatType: KeyFormatType.PKCS_8 }), { reason: 'KeyFormatTypeNotSupported' });
  await assert.rejects(harness.perform(register, {
    objectType: ObjectType.SecretData, attributes: [],
    secretData: { secretDataType: SecretDataType.Password, keyBlock: { keyFormatType: KeyFormatType.TransparentSymmetricKey, keyValue: { keyMaterial: materialOf(bytes('00'), KeyFormatType.TransparentSymmetricKey) } } },
  }), { reason: 'KeyFormatTypeNotSupported' });
});

test('attributes inside the Key Value count where the request says nothing else, and never come back inside it', async () => {
  const id = await registerBlock({ ...rawKey, keyValue: { keyMaterial: material(bytes(key128)), attributes: given({ ContactInformation: 'Joe', CryptographicUsageMask: 8, State: State.Active }) } }, { CryptographicUsageMask: 4 });
  assert.equal(storedAttribute(harness, id, 'ContactInformation'), 'Joe');
  assert.equal(storedAttribute(harness, id, 'CryptographicUsageMask'), 4);
  assert.equal(storedAttribute(harness, id, 'State'), State.PreActive);
  assert.deepEqual(await blockOf(id), rawKey);
});

test('names are unique across kinds of objects', async () => {
  await registeredKey(harness, key128, { Name: named('shared name') });
  await assert.rejects(registeredSecret(harness, 'x', { Name: named('shared name') }), { reason: 'InvalidField' });
});

test('zero-length text is text', async () => {
  const id = await registeredKey(harness, key128, { ObjectGroup: '', Name: named('') });
  assert.equal(storedAttribute(harness, id, 'ObjectGroup'), '');
});

test('a password with dates of long ago is Pre-Active until it is activated (OASIS BL-M-4)', async () => {
  const id = await registeredSecret(harness, 'x', { ProtectStopDate: 949327200 }, { version: 21 });
  assert.equal(storedAttribute(harness, id, 'State'), State.PreActive);
  const active = await registeredOpaque(harness, '00', { ActivationDate: startOfTime - 9 }, { version: 21 });
  assert.equal(storedAttribute(harness, active, 'State'), State.Active);
});
