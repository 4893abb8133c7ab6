/**
 * Encrypt and Decrypt with the algorithms besides AES: NIST's files for Triple DES, Wycheproof's for the Poly1305 AEAD, vectors
 * of RFC 8439, SP 800-67 and the OASIS cases, and what is refused.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { chacha20orig, hchacha } from '@noble/ciphers/chacha.js';
import { BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType, PaddingMethod, SecretDataType, State } from '../../src/kmip/enums.ts';
import type { CryptographicParameters } from '../../src/kmip/objects.ts';
import { create } from '../../src/operations/create.ts';
import { decrypt } from '../../src/operations/decrypt.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import { register } from '../../src/operations/register.ts';
import { slotContents } from '../../src/engine/slot-contents.ts';
import { createHarness } from '../engine/harness.ts';
import { put, putKey } from '../engine/objects.ts';
import { requireShared } from '../harness/shared-data.ts';
import { bytes, given, material } from './making.ts';

const harness = createHarness();
const { DES3, ChaCha20, ChaCha20Poly1305, OneTimePad, AES } = CryptographicAlgorithm;
const { ECB, CBC, CFB, OFB, CTR, GCM, AEAD } = BlockCipherMode;
const { PKCS5, None } = PaddingMethod;
const hex = (data: Uint8Array | undefined): string => Buffer.from(data ?? []).toString('hex');
const oneStep = (data: Uint8Array): readonly Uint8Array[] => [data];

async function keyOf(algorithm: number, key: string, usual: Partial<CryptographicParameters> = {}): Promise<string> {
  return putKey(harness, { CryptographicAlgorithm: algorithm, CryptographicLength: key.length * 4, ...(Object.keys(usual).length > 0 ? { CryptographicParameters: usual } : {}) }, {
    keyBlock: { keyFormatType: KeyFormatType.Raw, keyValue: { keyMaterial: material(bytes(key)) }, cryptographicAlgorithm: algorithm, cryptographicLength: key.length * 4 },
  });
}

async function padOf(pad: string): Promise<string> {
  return put(harness, ObjectType.SecretData, {
    State: State.Active, CryptographicAlgorithm: OneTimePad, CryptographicUsageMask: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt,
  }, { secretDataType: SecretDataType.Password, keyBlock: { keyFormatType: KeyFormatType.Opaque, keyValue: { keyMaterial: material(bytes(pad)) } } });
}

/** Runs one direction in as many requests as there are parts. */
async function inParts(operation: typeof encrypt | typeof decrypt, first: { uniqueIdentifier: string; cryptographicParameters?: CryptographicParameters; ivCounterNonce?: Uint8Array }, parts: readonly Uint8Array[]): Promise<string> {
  const request = <T extends object>(fields: T): T => fields;
  if (parts.length === 1) return hex((await harness.perform(operation, request({ ...first, data: parts[0]! }))).data);
  let correlationValue: Uint8Array | undefined;
  let output = '';
  for (const [index, data] of parts.entries()) {
    const fields = index === 0 ? { ...first, initIndicator: true } : { correlationValue: correlationValue!, ...(index === parts.length - 1 ? { finalIndicator: true } : {}) };
    const answer = await harness.perform(operation, request({ ...fields, data }));
    correlationValue = answer.correlationValue;
    output += hex(answer.data);
  }
  return output;
}

function cut(data: Uint8Array, step: number): readonly Uint8Array[] {
  const parts = [];
  for (let offset = 0; offset < data.length; offset += step) parts.push(data.subarray(offset, offset + step));
  return parts.length < 2 ? [data, new Uint8Array(0)] : parts;
}

const cavp = requireShared('conformance/nist-cavp');

interface CavpVector {
  readonly section: string;
  readonly fields: Readonly<Record<string, string>>;
}

function readCavp(file: string): CavpVector[] {
  const vectors: { section: string; fields: Record<string, string> }[] = [];
  let section = '';
  for (const line of readFileSync(join(cavp.folder!, 'conformance/nist-cavp/tdes', file), 'utf8').split(/\r?\n/)) {
    const [, name] = /^\[(\w+)\]/.exec(line) ?? [];
    if (name !== undefined) section = name;
    const [, field, value] = /^(\w+) = (\w*)$/.exec(line) ?? [];
    if (field === 'COUNT') vectors.push({ section, fields: {} });
    else if (field !== undefined) vectors.at(-1)!.fields[field] = value!;
  }
  return vectors;
}

for (const [prefix, blockCipherMode] of [['TECB', ECB], ['TCBC', CBC], ['TCFB64', CFB], ['TOFB', OFB]] as const) {
  test(`${prefix}: NIST's Triple DES vectors, whole and in parts`, { skip: cavp.skip }, async () => {
    let count = 0;
    for (const set of ['MMT1', 'MMT2', 'MMT3', 'invperm', 'permop', 'subtab', 'varkey', 'vartext']) {
      for (const { section, fields } of readCavp(`${prefix}${set}.rsp`)) {
        const { KEYs, KEY1, KEY2, KEY3, IV, PLAINTEXT, CIPHERTEXT } = fields as Record<string, string>;
        const key = KEYs === undefined ? `${KEY1}${KEY2}${set === 'MMT2' ? '' : KEY3}` : KEYs.repeat(3);
        const first = { uniqueIdentifier: await keyOf(DES3, key), cryptographicParameters: { blockCipherMode }, ...(IV === undefined ? {} : { ivCounterNonce: bytes(IV) }) };
        const [operation, input, expected] = section === 'ENCRYPT' ? [encrypt, PLAINTEXT!, CIPHERTEXT] as const : [decrypt, CIPHERTEXT!, PLAINTEXT] as const;
        for (const split of set.startsWith('MMT') ? [oneStep, (data: Uint8Array) => cut(data, 5)] : [oneStep]) {
          assert.equal(await inParts(operation, first, split(bytes(input))), expected, `${prefix}${set} ${section} ${key}`);
        }
        count++;
      }
    }
    assert.equal(count, 530);
  });
}

test('Triple DES: the example of SP 800-67, and keys of two parts stand for K1, K2, K1', async () => {
  const uniqueIdentifier = await keyOf(DES3, '0123456789abcdef23456789abcdef01456789abcdef0123');
  const answer = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: ECB }, data: Buffer.from('The qufck brown fox jump') });
  assert.equal(hex(answer.data), 'a826fd8ce53b855fcce21c8112256fe668d5c05dd9b6b900');
  assert.equal(answer.ivCounterNonce, undefined);
  const data = randomBytes(24);
  const outputs = await Promise.all(['0123456789abcdef23456789abcdef01', '0123456789abcdef23456789abcdef010123456789abcdef'].map(async (key) => hex((await harness.perform(encrypt, { uniqueIdentifier: await keyOf(DES3, key), cryptographicParameters: { blockCipherMode: ECB }, data })).data)));
  assert.equal(outputs[0], outputs[1]);
});

test('Triple DES pads with PKCS5 and comes back, at any length and in any steps', async () => {
  const uniqueIdentifier = await keyOf(DES3, '0123456789abcdef23456789abcdef01456789abcdef0123');
  for (const [blockCipherMode, paddingMethod] of [[ECB, PKCS5], [CBC, PKCS5], [CFB, None], [OFB, None]] as const) {
    for (const length of [0, 1, 7, 8, 9, 15, 16, 17, 31, 32, 33]) {
      const plain = randomBytes(length);
      const first = { uniqueIdentifier, cryptographicParameters: { blockCipherMode, paddingMethod }, ...(blockCipherMode === ECB ? {} : { ivCounterNonce: bytes('0011223344556677') }) };
      const whole = await inParts(encrypt, first, [plain]);
      assert.equal(whole.length / 2, paddingMethod === PKCS5 ? Math.floor(length / 8) * 8 + 8 : length);
      assert.equal(await inParts(decrypt, first, [bytes(whole)]), hex(plain));
      for (const step of [1, 8, 9]) {
        assert.equal(await inParts(encrypt, first, cut(plain, step)), whole, `mode ${blockCipherMode}, ${length} bytes in steps of ${step}`);
        assert.equal(await inParts(decrypt, first, cut(bytes(whole), step)), hex(plain), `back, mode ${blockCipherMode}, ${length} bytes in steps of ${step}`);
      }
    }
  }
});

test('Triple DES gets an IV of eight bytes when it was given none, and no other length is taken', async () => {
  const uniqueIdentifier = await keyOf(DES3, '0123456789abcdef23456789abcdef01456789abcdef0123', { blockCipherMode: CBC, paddingMethod: PKCS5 });
  const { data, ivCounterNonce } = await harness.perform(encrypt, { uniqueIdentifier, data: Buffer.from('nine byte') });
  assert.equal(ivCounterNonce?.length, 8);
  assert.equal(String(Buffer.from((await harness.perform(decrypt, { uniqueIdentifier, data: data!, ivCounterNonce })).data!)), 'nine byte');
  await assert.rejects(harness.perform(decrypt, { uniqueIdentifier, data: data! }), { reason: 'InvalidMessage' });
  for (const length of [0, 7, 9, 16]) await assert.rejects(harness.perform(encrypt, { uniqueIdentifier, data: data!, ivCounterNonce: Buffer.alloc(length) }, { version: 21 }), { reason: 'BadCryptographicParameters' });
});

test('a failed Triple DES decryption has one reason and one text', async () => {
  const uniqueIdentifier = await keyOf(DES3, '0123456789abcdef23456789abcdef01456789abcdef0123');
  const cryptographicParameters = { blockCipherMode: ECB, paddingMethod: PKCS5 };
  const texts = new Set<string>();
  const { data } = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: ECB }, data: Buffer.alloc(8, 9) });
  for (const wrong of [data!, Buffer.alloc(7), Buffer.alloc(0)]) {
    await assert.rejects(harness.perform(decrypt, { uniqueIdentifier, cryptographicParameters, data: wrong }), (error: Error) => texts.add(error.message).size === 1);
  }
  assert.deepEqual([...texts], ['CryptographicFailure: decryption failed']);
  await assert.rejects(harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: { blockCipherMode: CBC }, data: Buffer.alloc(9) }), { reason: 'CryptographicFailure' });
});

const sunscreen = Buffer.from('Ladies and Gentlemen of the class of \'99: If I could offer you only one tip for the future, sunscreen would be it.');
const counting = '000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f';

test('ChaCha20: RFC 8439 §2.4.2, and an OASIS case with a nonce of eight bytes', async () => {
  const uniqueIdentifier = await keyOf(ChaCha20, counting);
  const request = { uniqueIdentifier, cryptographicParameters: { initialCounterValue: 1 }, ivCounterNonce: bytes('000000000000004a00000000') };
  const expected = '6e2e359a2568f98041ba0728dd0d6981e97e7aec1d4360c20a27afccfd9fae0bf91b65c5524733ab8f593dabcd62b3571639d624e65152ab8f530c359f0861d807ca0dbf500d6a6156a38e088a22b65e52bc514d16ccf806818ce91ab77937365af90bbf74a35be6b40b8eedf2785e42874d';
  assert.equal(hex((await harness.perform(encrypt, { ...request, data: sunscreen })).data), expected);
  assert.equal(hex((await harness.perform(decrypt, { ...request, data: bytes(expected) })).data), hex(sunscreen));
  const zero = await keyOf(ChaCha20, '00'.repeat(32));
  const answer = await harness.perform(encrypt, { uniqueIdentifier: zero, data: Buffer.alloc(64), ivCounterNonce: bytes('0100000000000000') });
  assert.equal(hex(answer.data), 'ef3fdfd6c61578fbf5cf35bd3dd33b8009631634d21e42ac33960bd138e50d32111e4caf237ee53ca8ad6426194a88545ddc497a0b466e7d6bbdb0041b2f586b');
});

test('ChaCha20 with a nonce of eight bytes gives what another implementation gives, from any counter and in any steps', async () => {
  const uniqueIdentifier = await keyOf(ChaCha20, counting);
  const nonce = bytes('0102030405060708');
  const data = randomBytes(200);
  for (const initialCounterValue of [0, 1, 0x01020304]) {
    const first = { uniqueIdentifier, cryptographicParameters: { initialCounterValue }, ivCounterNonce: nonce };
    const expected = hex(chacha20orig(bytes(counting), nonce, data, undefined, initialCounterValue));
    for (const parts of [[data], cut(data, 1), cut(data, 63), cut(data, 64), cut(data, 65)]) {
      assert.equal(await inParts(encrypt, first, parts), expected);
      assert.equal(await inParts(decrypt, first, parts), expected, 'the same stream goes on both');
    }
  }
});

test('ChaCha20 gets a nonce used once when it was given none, and refuses what it has no use for', async () => {
  const uniqueIdentifier = await keyOf(ChaCha20, counting);
  const { data, ivCounterNonce } = await harness.perform(encrypt, { uniqueIdentifier, data: sunscreen });
  assert.equal(ivCounterNonce?.length, 12);
  assert.equal(hex((await harness.perform(decrypt, { uniqueIdentifier, data: data!, ivCounterNonce })).data), hex(sunscreen));
  assert.notEqual(hex((await harness.perform(encrypt, { uniqueIdentifier, data: sunscreen })).ivCounterNonce), hex(ivCounterNonce));
  const refused = (fields: object, reason: string): Promise<void> => assert.rejects(harness.perform(encrypt, { uniqueIdentifier, data: sunscreen, ...fields }, { version: 21 }), { reason });
  for (const length of [0, 7, 9, 13, 16, 24]) await refused({ ivCounterNonce: Buffer.alloc(length) }, 'BadCryptographicParameters');
  await refused({ cryptographicParameters: { initialCounterValue: -1 } }, 'BadCryptographicParameters');
  await refused({ cryptographicParameters: { ivLength: 128 } }, 'BadCryptographicParameters');
  await refused({ cryptographicParameters: { blockCipherMode: CTR } }, 'UnsupportedCryptographicParameters');
  await refused({ cryptographicParameters: { paddingMethod: PKCS5 } }, 'UnsupportedCryptographicParameters');
  await refused({ cryptographicParameters: { cryptographicAlgorithm: AES } }, 'BadCryptographicParameters');
  await refused({ authenticatedEncryptionAdditionalData: Buffer.alloc(1) }, 'BadCryptographicParameters');
});

test('ChaCha20Poly1305: RFC 8439 §2.8.2 with tags of 12 to 16 bytes, with AEAD named or not', async () => {
  const uniqueIdentifier = await keyOf(ChaCha20Poly1305, '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f');
  const sealed = 'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b6116';
  const tag = '1ae10b594f09e26a7e902ecbd0600691';
  const request = { uniqueIdentifier, ivCounterNonce: bytes('070000004041424344454647'), authenticatedEncryptionAdditionalData: bytes('50515253c0c1c2c3c4c5c6c7') };
  for (const tagLength of [12, 13, 14, 15, 16]) {
    for (const cryptographicParameters of [{ blockCipherMode: AEAD, tagLength }, { tagLength }]) {
      const answer = await harness.perform(encrypt, { ...request, cryptographicParameters, data: sunscreen });
      assert.deepEqual([hex(answer.data), hex(answer.authenticatedEncryptionTag)], [sealed, tag.slice(0, tagLength * 2)]);
      const opened = await harness.perform(decrypt, { ...request, cryptographicParameters, data: bytes(sealed), authenticatedEncryptionTag: bytes(tag.slice(0, tagLength * 2)) });
      assert.equal(hex(opened.data), hex(sunscreen));
    }
  }
  const open = { ...request, data: bytes(sealed), authenticatedEncryptionTag: bytes(tag) };
  for (const changed of [
    { authenticatedEncryptionTag: bytes(`00${tag.slice(2)}`) }, { ivCounterNonce: bytes('080000004041424344454647') }, { data: bytes(`00${sealed.slice(2)}`) },
    { authenticatedEncryptionAdditionalData: bytes('51') }, { data: new Uint8Array(0) },
  ]) await assert.rejects(harness.perform(decrypt, { ...open, ...changed }), { message: 'CryptographicFailure: decryption failed' });
  await assert.rejects(harness.perform(decrypt, { ...open, authenticatedEncryptionTag: undefined }), { reason: 'InvalidMessage' });
  await assert.rejects(harness.perform(decrypt, { ...open, authenticatedEncryptionTag: bytes(tag.slice(0, 24)) }), { reason: 'InvalidField' }, 'a shorter tag counts only where Tag Length says so');
});

test('ChaCha20Poly1305 makes its nonce, and refuses other nonces, tags, modes, versions and parts', async () => {
  const uniqueIdentifier = await keyOf(ChaCha20Poly1305, counting);
  const answer = await harness.perform(encrypt, { uniqueIdentifier, data: sunscreen });
  assert.deepEqual([answer.ivCounterNonce?.length, answer.authenticatedEncryptionTag?.length], [12, 16]);
  const { data, ivCounterNonce, authenticatedEncryptionTag } = answer;
  assert.equal(hex((await harness.perform(decrypt, { uniqueIdentifier, data: data!, ivCounterNonce, authenticatedEncryptionTag })).data), hex(sunscreen));
  const refused = (fields: object, reason: string, version = 21): Promise<void> => assert.rejects(harness.perform(encrypt, { uniqueIdentifier, data: sunscreen, ...fields }, { version }), { reason });
  for (const length of [0, 8, 11, 13, 24]) await refused({ ivCounterNonce: Buffer.alloc(length) }, 'BadCryptographicParameters');
  for (const tagLength of [0, 1, 4, 8, 11, 17, 32]) await refused({ cryptographicParameters: { blockCipherMode: AEAD, tagLength } }, 'GeneralFailure');
  await refused({ cryptographicParameters: { blockCipherMode: GCM } }, 'UnsupportedCryptographicParameters');
  await refused({ initIndicator: true }, 'FeatureNotSupported');
  await refused({}, 'FeatureNotSupported', 13);
});

interface WycheproofFile {
  readonly testGroups: readonly { readonly tests: readonly { tcId: number; comment: string; key: string; iv: string; aad: string; msg: string; ct: string; tag: string; result: string }[] }[];
}
const wycheproof = requireShared('conformance/wycheproof');

for (const [name, isExtended] of [['chacha20_poly1305_test.json', false], ['xchacha20_poly1305_test.json', true]] as const) {
  const file = join(wycheproof.folder ?? '', 'conformance/wycheproof', name);
  const skip = wycheproof.folder === undefined ? wycheproof.skip : existsSync(file) ? false : `${name} is not in the reference data`;
  test(`ChaCha20Poly1305: Wycheproof ${name}`, { skip }, async () => {
    const seen = { valid: 0, invalid: 0 };
    for (const vector of (JSON.parse(readFileSync(file, 'utf8')) as WycheproofFile).testGroups.flatMap(({ tests }) => tests)) {
      const { key, nonce } = isExtended && vector.iv.length === 48 ? derived(vector.key, vector.iv) : { key: vector.key, nonce: vector.iv };
      const request = { uniqueIdentifier: await keyOf(ChaCha20Poly1305, key), ivCounterNonce: bytes(nonce), authenticatedEncryptionAdditionalData: bytes(vector.aad) };
      const open = harness.perform(decrypt, { ...request, data: bytes(vector.ct), authenticatedEncryptionTag: bytes(vector.tag) });
      const where = `tcId ${vector.tcId} (${vector.comment})`;
      if (vector.result === 'valid') {
        seen.valid++;
        assert.equal(hex((await open).data), vector.msg, where);
        const sealed = await harness.perform(encrypt, { ...request, data: bytes(vector.msg) });
        assert.deepEqual([hex(sealed.data), hex(sealed.authenticatedEncryptionTag)], [vector.ct, vector.tag], where);
      } else {
        seen.invalid++;
        await assert.rejects(open, where);
      }
    }
    assert.ok(seen.valid > 100 && seen.invalid > 30, JSON.stringify(seen));
  });
}

/** XChaCha20-Poly1305 is ChaCha20Poly1305 under a key that HChaCha20 derives, so its vectors are vectors of the latter. */
function derived(key: string, nonce: string): { readonly key: string; readonly nonce: string } {
  const words = (text: string): Uint32Array => new Uint32Array(Uint8Array.from(bytes(text)).buffer);
  const output = new Uint32Array(8);
  hchacha(words(hex(Buffer.from('expand 32-byte k'))), words(key), words(nonce.slice(0, 32)), output);
  return { key: hex(new Uint8Array(output.buffer)), nonce: `00000000${nonce.slice(32)}` };
}

test('a one-time pad is Secret Data or a Symmetric Key, covers data up to its own length, and goes on through parts', async () => {
  for (const uniqueIdentifier of [await padOf('fc932e1428bd'), await keyOf(OneTimePad, 'fc932e1428bd')]) {
    const data = bytes('010203040506');
    const answer = await harness.perform(encrypt, { uniqueIdentifier, data });
    assert.deepEqual(answer, { uniqueIdentifier, data: bytes('fd912d102dbb') });
    assert.equal(hex((await harness.perform(decrypt, { uniqueIdentifier, data: answer.data! })).data), '010203040506');
    assert.equal(hex((await harness.perform(encrypt, { uniqueIdentifier, data: data.subarray(0, 2) })).data), 'fd91');
    assert.equal(await inParts(encrypt, { uniqueIdentifier }, cut(data, 4)), 'fd912d102dbb');
    await assert.rejects(harness.perform(encrypt, { uniqueIdentifier, data: Buffer.alloc(7) }), { message: 'CryptographicFailure: the data is longer than the pad' });
    await assert.rejects(inParts(encrypt, { uniqueIdentifier }, cut(Buffer.alloc(7), 4)), { message: 'CryptographicFailure: the data is longer than the pad' });
    await assert.rejects(harness.perform(encrypt, { uniqueIdentifier, data, cryptographicParameters: { blockCipherMode: CBC } }, { version: 21 }), { reason: 'UnsupportedCryptographicParameters' });
  }
});

test('Secret Data of another algorithm, and Opaque keys of other algorithms, encrypt nothing', async () => {
  const secret = await put(harness, ObjectType.SecretData, { State: State.Active, CryptographicAlgorithm: AES, CryptographicUsageMask: 12 }, { keyBlock: { keyFormatType: KeyFormatType.Raw, keyValue: { keyMaterial: material(Buffer.alloc(32)) } } });
  await assert.rejects(harness.perform(encrypt, { uniqueIdentifier: secret, data: Buffer.alloc(1) }, { version: 21 }), { reason: 'InvalidObjectType' });
  const opaque = await putKey(harness, { CryptographicAlgorithm: ChaCha20 }, { keyBlock: { keyFormatType: KeyFormatType.Opaque, keyValue: { keyMaterial: material(Buffer.alloc(32)) } } });
  await assert.rejects(harness.perform(encrypt, { uniqueIdentifier: opaque, data: Buffer.alloc(1) }), { reason: 'FeatureNotSupported' });
});

test('a stream of one algorithm does not go on with the key of another', async () => {
  const { correlationValue } = await harness.perform(encrypt, { uniqueIdentifier: await keyOf(ChaCha20, counting), data: Buffer.alloc(5), initIndicator: true });
  const other = await keyOf(DES3, counting.slice(0, 48));
  await assert.rejects(harness.perform(encrypt, { uniqueIdentifier: other, correlationValue: correlationValue!, data: Buffer.alloc(5) }), { reason: 'ItemNotFound' });
});

test('Create makes keys that encrypt, in the lengths that the algorithms have', async () => {
  const make = (algorithm: number, length?: number) => harness.perform(create, {
    objectType: ObjectType.SymmetricKey,
    attributes: given({ CryptographicAlgorithm: algorithm, CryptographicUsageMask: 12, ActivationDate: harness.clock.now, ...(length === undefined ? {} : { CryptographicLength: length }) }),
  });
  for (const [algorithm, length, parameters] of [
    [DES3, 112, { blockCipherMode: CBC, paddingMethod: PKCS5 }], [DES3, 168, { blockCipherMode: OFB }], [DES3, undefined, { blockCipherMode: ECB, paddingMethod: PKCS5 }],
    [ChaCha20, undefined, {}], [ChaCha20, 256, {}], [ChaCha20Poly1305, 256, { blockCipherMode: AEAD }], [OneTimePad, 72, {}],
  ] as const) {
    const { uniqueIdentifier } = await make(algorithm, length);
    const { data, ivCounterNonce, authenticatedEncryptionTag } = await harness.perform(encrypt, { uniqueIdentifier, cryptographicParameters: parameters, data: Buffer.from('nine byte') });
    const back = await harness.perform(decrypt, { uniqueIdentifier, cryptographicParameters: parameters, data: data!, ivCounterNonce, authenticatedEncryptionTag });
    assert.equal(String(Buffer.from(back.data!)), 'nine byte');
  }
  for (const [algorithm, length] of [[DES3, 56], [DES3, 128], [DES3, 192], [ChaCha20, 128], [ChaCha20Poly1305, 512], [OneTimePad, undefined], [OneTimePad, 0], [OneTimePad, 12]] as const) {
    await assert.rejects(make(algorithm, length), { reason: 'InvalidField' }, `${algorithm} of ${length} bits`);
  }
});

test('Register takes keys and pads whose length is what they say', async () => {
  const key = (algorithm: number, length: number, size: number) => harness.perform(register, {
    objectType: ObjectType.SymmetricKey, attributes: [],
    symmetricKey: { keyBlock: { keyFormatType: KeyFormatType.Raw, keyValue: { keyMaterial: material(Buffer.alloc(size, 1)) }, cryptographicAlgorithm: algorithm, cryptographicLength: length } },
  });
  for (const [algorithm, length, size] of [[DES3, 112, 16], [DES3, 168, 24], [DES3, 192, 24], [ChaCha20, 256, 32], [ChaCha20Poly1305, 256, 32], [OneTimePad, 8, 1], [OneTimePad, 80_000, 10_000]] as const) await key(algorithm, length, size);
  for (const [algorithm, length, size] of [[DES3, 168, 16], [DES3, 112, 24], [DES3, 64, 8], [ChaCha20, 256, 16], [ChaCha20, 128, 16], [ChaCha20Poly1305, 256, 33], [OneTimePad, 48, 5]] as const) {
    await assert.rejects(key(algorithm, length, size), { reason: 'InvalidField' }, `${algorithm} of ${length} bits in ${size} bytes`);
  }
  const pad = (length: number) => harness.perform(register, {
    objectType: ObjectType.SecretData, attributes: given({ CryptographicAlgorithm: OneTimePad, CryptographicLength: length, CryptographicUsageMask: 12 }),
    secretData: { secretDataType: SecretDataType.Password, keyBlock: { keyFormatType: KeyFormatType.Opaque, keyValue: { keyMaterial: material(bytes('fc932e1428bd')) } } },
  });
  await pad(48);
  await assert.rejects(pad(40), { reason: 'InvalidField' });
});

test('the fast path of the core gets no key of another algorithm, and no pad', async () => {
  for (const [uniqueIdentifier, length] of [
    [await keyOf(DES3, counting.slice(0, 48)), 0], [await keyOf(ChaCha20, counting), 0], [await keyOf(ChaCha20Poly1305, counting), 0], [await keyOf(OneTimePad, counting), 0],
    [await padOf(counting), 0], [await keyOf(AES, counting), 32],
  ] as const) {
    const contents = slotContents(harness.store.fetch('alpha', uniqueIdentifier)!);
    assert.equal(contents.key.length, length);
    assert.equal(contents.facts.flags === 0, length > 0, 'both directions are the engine\'s');
  }
});
