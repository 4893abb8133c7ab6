/**
 * Create: the key it makes, the attributes the object is born with, and what is refused.
 */
import assert from 'node:assert/strict';
import { createCipheriv, createHash } from 'node:crypto';
import { test } from 'node:test';
import { BlockCipherMode, CryptographicAlgorithm, HashingAlgorithm, KeyFormatType, NameType, ObjectType, ProtectionStorageMask, RNGAlgorithm, ResultReason, State, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import type { AttributeInstance } from '../../src/kmip/attributes.ts';
import { encodeNode } from '../../src/codec/node.ts';
import { createCipherPort } from '../../src/engine/cipher-port.ts';
import type { CipherPort } from '../../src/operations/context.ts';
import { CoreCrypto } from '../../src/wasm/crypto.ts';
import { chooseCoreBuild, compileCore, instantiateCore } from '../../src/wasm/load.ts';
import { create } from '../../src/operations/create.ts';
import { destroy } from '../../src/operations/destroy.ts';
import { getAttributes } from '../../src/operations/get-attributes.ts';
import { generateKey } from '../../src/operations/key-generation.ts';
import { keyBytes, materialOf } from '../../src/operations/key-material.ts';
import { createHarness, startOfTime } from '../engine/harness.ts';
import { storedAttribute } from '../engine/objects.ts';
import { aes256, created, given, named, number, text } from './making.ts';
import type { Given } from './making.ts';

const harness = createHarness();

const keyOf = (id: string): Uint8Array => keyBytes(harness.store.fetch('alpha', id)!.material!.keyBlock)!;

const refused = (attributes: Given | readonly AttributeInstance[], reason: string, version = 14): Promise<void> =>
  assert.rejects(harness.perform(create, { objectType: ObjectType.SymmetricKey, attributes: Array.isArray(attributes) ? attributes : given(attributes as Given) }, { version }), { reason });

test('keys have the length asked for, differ from each other, and their digest is theirs', async () => {
  const seen = new Set<string>();
  for (const bits of [128, 192, 256, 256]) {
    const id = await created(harness, { CryptographicLength: bits });
    const key = keyOf(id);
    assert.equal(key.length * 8, bits);
    seen.add(Buffer.from(key).toString('hex'));
    const digest = storedAttribute(harness, id, 'Digest')!;
    assert.equal(digest.hashingAlgorithm, HashingAlgorithm.SHA_256);
    assert.equal(digest.keyFormatType, KeyFormatType.Raw);
    assert.deepEqual(Buffer.from(digest.digestValue!), createHash('sha256').update(key).digest());
  }
  assert.equal(seen.size, 4);
});

test('every byte of a key varies', async () => {
  const values = Array.from({ length: 32 }, () => new Set<number>());
  for (let round = 0; round < 24; round++) for (const [index, byte] of keyOf(await created(harness)).entries()) values[index]!.add(byte);
  // 24 draws of 256 values: fewer than 12 different ones would be a fault of the generator.
  for (const set of values) assert.ok(set.size >= 12);
});

test('the generator is that of ANSI X9.31: written out once more, block by block', () => {
  const ciphers = createCipherPort(new CoreCrypto(instantiateCore(compileCore(chooseCoreBuild()))));
  const inputs = Buffer.concat([Buffer.alloc(32, 0x11), Buffer.alloc(16, 0x22), Buffer.from('000000000000000000000000000000ff', 'hex')]);
  const oracle = (block: Buffer): Buffer => {
    const cipher = createCipheriv('aes-256-ecb', Buffer.alloc(32, 0x11), null).setAutoPadding(false);
    return Buffer.concat([cipher.update(block), cipher.final()]);
  };
  const mix = (left: Buffer, right: Buffer): Buffer => Buffer.from(left.map((byte, index) => byte ^ right[index]!));
  let state: Buffer = Buffer.alloc(16, 0x22);
  const blocks = ['00000000000000000000000000000100', '00000000000000000000000000000101', '00000000000000000000000000000102'].map((dateTime) => {
    const intermediate = oracle(Buffer.from(dateTime, 'hex'));
    const block = oracle(mix(intermediate, state));
    state = oracle(mix(block, intermediate));
    return block;
  });
  const expected = Buffer.concat(blocks);
  for (const bytes of [48, 47, 33, 32, 16, 8]) {
    const input = Buffer.from(inputs);
    const used: Uint8Array[] = [input];
    const encrypt: CipherPort['encrypt'] = (cipherKey, parameters, iv, aad, data) => {
      const output = ciphers.encrypt(cipherKey, parameters, iv, aad, data);
      used.push(data, output.data);
      return output;
    };
    const random = (length: number): Uint8Array => {
      assert.equal(length, input.length, 'key, seed, date and time are drawn once');
      return input;
    };
    const key = generateKey(CryptographicAlgorithm.HMAC_SHA384, bytes * 8, { ciphers: { ...ciphers, encrypt }, random });
    assert.deepEqual(Buffer.from(key), expected.subarray(0, bytes));
    assert.equal(used.length, 5);
    for (const each of used) assert.ok(each.every((byte) => byte === 0), 'key, seed and what lies between are wiped');
  }
});

test('Triple DES keys have odd parity in every byte', async () => {
  for (const [bits, length] of [[112, 16], [168, 24]] as const) {
    const key = keyOf(await created(harness, { CryptographicAlgorithm: CryptographicAlgorithm.DES3, CryptographicLength: bits }));
    assert.equal(key.length, length);
    for (const byte of key) assert.equal([...byte.toString(2)].filter((bit) => bit === '1').length % 2, 1);
  }
});

test('the length may be left out', async () => {
  for (const [algorithm, bits] of [[CryptographicAlgorithm.AES, 256], [CryptographicAlgorithm.DES3, 168], [CryptographicAlgorithm.HMAC_SHA384, 384], [CryptographicAlgorithm.SKIPJACK, 80]] as const) {
    const { uniqueIdentifier } = await harness.perform(create, { objectType: ObjectType.SymmetricKey, attributes: given({ CryptographicAlgorithm: algorithm, CryptographicUsageMask: 12 }) });
    assert.equal(storedAttribute(harness, uniqueIdentifier, 'CryptographicLength'), bits);
  }
});

test('the object is born with every attribute that the server sets', async () => {
  const id = await created(harness, { Name: named('born') });
  const { attributes } = await harness.perform(getAttributes, { uniqueIdentifier: id }, { version: 21 });
  const values = Object.fromEntries(attributes.map(({ name, value }) => [name, value]));
  const { Digest, ...rest } = values;
  assert.ok(Digest);
  assert.deepEqual(rest, {
    UniqueIdentifier: id,
    ShortUniqueIdentifier: new Uint8Array(createHash('sha256').update(id).digest()),
    Name: named('born'),
    ObjectType: ObjectType.SymmetricKey,
    CryptographicAlgorithm: CryptographicAlgorithm.AES,
    CryptographicLength: 256,
    CryptographicUsageMask: 12,
    LeaseTime: 3600,
    State: State.PreActive,
    InitialDate: startOfTime,
    LastChangeDate: startOfTime,
    OriginalCreationDate: startOfTime,
    Fresh: true,
    RandomNumberGenerator: { rngAlgorithm: RNGAlgorithm.ANSIX9_31, cryptographicAlgorithm: CryptographicAlgorithm.AES, cryptographicLength: 256 },
    Sensitive: false, AlwaysSensitive: false, Extractable: true, NeverExtractable: false,
    KeyFormatType: KeyFormatType.Raw,
    ProtectionStorageMask: ProtectionStorageMask.Software,
  });
});

test('dates give the state the key starts with', async () => {
  for (const [dates, state] of [
    [{ ActivationDate: startOfTime }, State.Active],
    [{ ActivationDate: startOfTime - 3600 }, State.Active],
    [{ ActivationDate: startOfTime + 1 }, State.PreActive],
    [{ ActivationDate: startOfTime - 2, DeactivationDate: startOfTime - 1 }, State.Deactivated],
    [{ DeactivationDate: startOfTime + 9 }, State.PreActive],
  ] as const) assert.equal(storedAttribute(harness, await created(harness, dates), 'State'), state);
  await refused({ ...aes256, ActivationDate: startOfTime + 10, DeactivationDate: startOfTime + 9 }, 'InvalidField');
  await refused({ ...aes256, ProcessStartDate: startOfTime + 10, ProtectStopDate: startOfTime + 9 }, 'InvalidAttributeValue', 21);
});

test('a name that another object has is refused, and free again once that one is destroyed', async () => {
  const first = await created(harness, { Name: named('only one') });
  await refused({ ...aes256, Name: named('only one') }, 'InvalidField');
  await refused({ ...aes256, Name: named('only one') }, 'NonUniqueNameAttribute', 21);
  await created(harness, { Name: named('only one', NameType.URI) });
  await created(harness, { Name: named('only one') }, { caller: harness.callerOf('beta') });
  await harness.perform(destroy, { uniqueIdentifier: first });
  await created(harness, { Name: named('only one') });
});

test('a name may not be given twice, other attributes of several values may', async () => {
  await refused([...given(aes256), { name: 'Name', value: named('twice') }, { name: 'Name', value: named('twice') }], 'InvalidField');
  const { uniqueIdentifier } = await harness.perform(create, {
    objectType: ObjectType.SymmetricKey,
    attributes: [...given(aes256), { name: 'ObjectGroup', index: 0, value: 'one' }, { name: 'ObjectGroup', index: 0, value: 'two' }],
  });
  assert.deepEqual(harness.store.fetch('alpha', uniqueIdentifier)!.attributes.get('ObjectGroup'), [{ index: 0, value: 'one' }, { index: 1, value: 'two' }]);
});

test('what is missing, wrong or not the client\'s to give is refused', async () => {
  const { CryptographicAlgorithm: _, ...withoutAlgorithm } = aes256;
  const { CryptographicUsageMask: __, ...withoutMask } = aes256;
  await refused(withoutAlgorithm, 'InvalidField');
  await refused(withoutMask, 'InvalidField');
  await refused({ ...aes256, CryptographicLength: 257 }, 'InvalidField');
  await refused({ ...aes256, CryptographicLength: 0 }, 'InvalidField');
  await refused({ ...aes256, CryptographicLength: -128 }, 'InvalidAttributeValue', 21);
  await refused({ ...aes256, CryptographicAlgorithm: CryptographicAlgorithm.RSA }, 'InvalidField');
  await refused({ ...aes256, State: State.Active }, 'InvalidField');
  await refused({ ...aes256, State: State.Active }, 'AttributeReadOnly', 21);
  await refused({ ...aes256, OriginalCreationDate: 1 }, 'InvalidField');
  await refused({ ...aes256, RandomNumberGenerator: { rngAlgorithm: RNGAlgorithm.NRBG } }, 'InvalidField');
  await refused([...given(aes256), { name: 'CryptographicLength', value: 256 }], 'InvalidField');
  await refused([...given(aes256), { name: 'CryptographicLength', value: 256 }], 'AttributeSingleValued', 20);
  await refused([...given(aes256), { name: 'y-mine', value: text('no') }], 'InvalidField');
  await refused([...given(aes256), { name: 'Cryptographc Length', value: number(1) }], 'InvalidField');
  await refused({ ...aes256, OpaqueDataType: 0x80000001 }, 'InvalidAttribute', 21);
  await refused({ ...aes256, ApplicationSpecificInformation: { applicationNamespace: 'ssl' } }, 'ApplicationNamespaceNotSupported');
  await refused({ ...aes256, 'x-deep': { tag: 0x42000b, type: 1, value: [{ tag: 0x42000b, type: 1, value: [] }] } }, 'InvalidField');
  await refused({ ...aes256, UsageLimits: { usageLimitsTotal: -1n, usageLimitsUnit: UsageLimitsUnit.Byte } }, 'InvalidField');
});

test('other kinds of objects are not created', async () => {
  for (const objectType of [ObjectType.SecretData, ObjectType.Certificate, ObjectType.OpaqueObject]) {
    await assert.rejects(harness.perform(create, { objectType, attributes: given(aes256) }), { reason: 'InvalidField' });
    await assert.rejects(harness.perform(create, { objectType, attributes: given(aes256) }, { version: 21 }), { reason: 'InvalidObjectType' });
  }
});

test('no object has more values of one attribute than the limit', async () => {
  const groups = (count: number): AttributeInstance[] => Array.from({ length: count }, (_, index) => ({ name: 'ObjectGroup', value: `group ${index}` }));
  await harness.perform(create, { objectType: ObjectType.SymmetricKey, attributes: [...given(aes256), ...groups(256)] });
  await refused([...given(aes256), ...groups(257)], 'IndexOutOfBounds');
  await refused([...given(aes256), ...groups(257)], 'ServerLimitExceeded', 21);
});

test('Usage Limits start full, whatever Count the client gives', async () => {
  const id = await created(harness, { UsageLimits: { usageLimitsTotal: 10n, usageLimitsCount: 3n, usageLimitsUnit: UsageLimitsUnit.Byte } });
  assert.deepEqual(storedAttribute(harness, id, 'UsageLimits'), { usageLimitsTotal: 10n, usageLimitsCount: 10n, usageLimitsUnit: UsageLimitsUnit.Byte });
});

test('a key made Sensitive or not Extractable has always been so', async () => {
  const id = await created(harness, { Sensitive: true, Extractable: false });
  assert.equal(storedAttribute(harness, id, 'AlwaysSensitive'), true);
  assert.equal(storedAttribute(harness, id, 'NeverExtractable'), true);
});

test('a key can be made in Transparent Symmetric Key format, with a digest for it and one for Raw', async () => {
  const id = await created(harness, { KeyFormatType: KeyFormatType.TransparentSymmetricKey }, { version: 21 });
  const key = keyOf(id);
  const digests = harness.store.fetch('alpha', id)!.attributes.get('Digest')!.map(({ value }) => value as { digestValue: Uint8Array; keyFormatType: number });
  assert.deepEqual(digests.map((digest) => digest.keyFormatType), [KeyFormatType.TransparentSymmetricKey, KeyFormatType.Raw]);
  assert.deepEqual(Buffer.from(digests[0]!.digestValue), createHash('sha256').update(encodeNode(materialOf(key, KeyFormatType.TransparentSymmetricKey))).digest());
  assert.deepEqual(Buffer.from(digests[1]!.digestValue), createHash('sha256').update(key).digest());
  await refused({ ...aes256, KeyFormatType: KeyFormatType.PKCS_8 }, 'KeyFormatTypeNotSupported', 21);
});

test('Quantum Safe is kept to: AES-128 is not, AES-256 is', async () => {
  await refused({ ...aes256, CryptographicLength: 128, QuantumSafe: true }, 'GeneralFailure', 21);
  await created(harness, { QuantumSafe: true }, { version: 21 });
  await created(harness, { CryptographicLength: 128, QuantumSafe: false }, { version: 21 });
});

test('a way of storing that the server lacks is refused', async () => {
  const attributes = given(aes256);
  const masks = (...protectionStorageMask: number[]) => ({ objectType: ObjectType.SymmetricKey, attributes, protectionStorageMasks: { protectionStorageMask } });
  await assert.rejects(harness.perform(create, masks(ProtectionStorageMask.Hardware), { version: 21 }), { reason: 'ProtectionStorageUnavailable' });
  const { uniqueIdentifier } = await harness.perform(create, masks(ProtectionStorageMask.Hardware, ProtectionStorageMask.Software), { version: 21 });
  assert.equal(storedAttribute(harness, uniqueIdentifier, 'ProtectionStorageMask'), ProtectionStorageMask.Software);
});

test('the new key fills the ID Placeholder', async () => {
  const [first, second] = await harness.batch([
    { operation: create as never, payload: { objectType: ObjectType.SymmetricKey, attributes: given({ ...aes256, CryptographicParameters: { blockCipherMode: BlockCipherMode.GCM } }) } },
    { operation: getAttributes as never, payload: { attributeNames: ['CryptographicParameters'] } },
  ], { header: { batchOrderOption: true } });
  const { uniqueIdentifier } = first!.payload as { uniqueIdentifier: string };
  assert.deepEqual(second!.payload, { uniqueIdentifier, attributes: [{ name: 'CryptographicParameters', value: { blockCipherMode: BlockCipherMode.GCM } }] });
});

test('a Name that an earlier item of the message has taken is taken', async () => {
  const item = { operation: create, payload: { objectType: ObjectType.SymmetricKey, attributes: given({ CryptographicAlgorithm: CryptographicAlgorithm.AES, CryptographicUsageMask: 12, Name: named('twice in a message') }) } };
  const [first, second] = await harness.batch([item, item], { version: 21 });
  assert.equal(first!.resultReason, undefined);
  assert.equal(second!.resultReason, ResultReason.NonUniqueNameAttribute);
});
