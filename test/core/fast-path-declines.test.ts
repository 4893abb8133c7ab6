// What the fast path leaves to the engine: each unusual message once, beside the same message without what is unusual, which it
// answers. And what is around messages: batches of the largest size, slots that are missed, permissions, regions, growth.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FAST_REQUEST_BYTES, PADDING_PKCS5 } from '../../core/abi.ts';
import { writeRequest } from '../../src/codec/message.ts';
import type { OutgoingRequestItem } from '../../src/codec/message.ts';
import { BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType, State, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import { ItemType } from '../../src/kmip/item-types.ts';
import type { Material } from '../../src/kmip/managed.ts';
import { Tag } from '../../src/kmip/tags.ts';
import { discoverVersions } from '../../src/operations/discover-versions.ts';
import { decrypt } from '../../src/operations/decrypt.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import { cores, empty, seededRandom, toHex } from './cores.ts';
import { sealed } from './fast-path-messages.ts';
import { createTwins, rawMaterial, scope, scopeNumber, startOfTime } from './fast-path-twins.ts';

const key = seededRandom(111).bytes(32);
const iv16 = Buffer.alloc(16, 3);
const iv12 = Buffer.alloc(12, 4);
const data = Buffer.alloc(48, 9);
const gcm = { blockCipherMode: BlockCipherMode.GCM };
const cbc = { blockCipherMode: BlockCipherMode.CBC };
const ctr = { blockCipherMode: BlockCipherMode.CTR };

type Changes = Readonly<Record<string, unknown>>;
type Item = OutgoingRequestItem;

const encryptItem = (identifier: string, changes: Changes = {}, item: Partial<Item> = {}): Item => ({
  operation: encrypt.code,
  payload: { type: encrypt.request, value: { uniqueIdentifier: identifier, cryptographicParameters: gcm, data, ivCounterNonce: iv12, ...changes } },
  ...item,
});
const decryptItem = (identifier: string, changes: Changes = {}): Item => {
  const output = sealed(key, BlockCipherMode.GCM, 1, 16, iv12, empty, data);
  const value = { uniqueIdentifier: identifier, cryptographicParameters: gcm, data: output.data, ivCounterNonce: iv12, authenticatedEncryptionTag: output.mac, ...changes };
  return { operation: decrypt.code, payload: { type: decrypt.request, value } };
};
const one = (item: Item, version = 14, header: Changes = {}): Uint8Array => writeRequest(version, header, [item]);
const many = (items: readonly Item[], version = 14, header: Changes = {}): Uint8Array => writeRequest(version, header, items);
const withId = (item: Item, ...id: number[]): Item => ({ ...item, uniqueBatchItemID: Uint8Array.from(id) });

/** Replaces hex in a message, which has to be there. */
function patched(message: Uint8Array, from: string, to: string): Uint8Array {
  const hex = toHex(message);
  assert.ok(hex.includes(from), `no ${from} in ${hex}`);
  return Uint8Array.from(Buffer.from(hex.replace(from, to), 'hex'));
}

/** An unusual message; the engine may well answer it with success. */
const unusual: Readonly<Record<string, (identifier: string) => Uint8Array>> = {
  'KMIP 1.0': (id) => one(encryptItem(id), 10),
  'KMIP 1.1': (id) => one(encryptItem(id), 11),
  'KMIP 2.2': (id) => patched(one(encryptItem(id), 21), '42006b02000000040000000100000000', '42006b02000000040000000200000000'),
  'KMIP 3.0': (id) => patched(one(encryptItem(id), 20), '42006a02000000040000000200000000', '42006a02000000040000000300000000'),
  'GCM before 1.4': (id) => one(encryptItem(id), 13),
  'Authentication': (id) => one(encryptItem(id), 14, { authentication: { credential: [{ credentialType: 1, credentialValue: { username: 'u', password: 'p' } }] } }),
  'an Asynchronous Indicator of 1.x': (id) => one(encryptItem(id), 14, { asynchronous: false }),
  'an Asynchronous Indicator of 2.x': (id) => one(encryptItem(id), 21, { asynchronousIndicator: 2 }),
  'an Attestation Capable Indicator': (id) => one(encryptItem(id), 14, { attestationCapableIndicator: false }),
  'a Maximum Response Size that is too small': (id) => one(encryptItem(id), 14, { maximumResponseSize: 200 }),
  'a Maximum Response Size of zero': (id) => one(encryptItem(id), 14, { maximumResponseSize: 0 }),
  'a Maximum Response Size below zero': (id) => one(encryptItem(id), 14, { maximumResponseSize: -1 }),
  'a continuation option that does not exist': (id) => patched(one(encryptItem(id), 14, { batchErrorContinuationOption: 1 }), '42000e05000000040000000100000000', '42000e05000000040000000900000000'),
  'a Batch Count of one more': (id) => patched(one(encryptItem(id)), '42000d02000000040000000100000000', '42000d02000000040000000200000000'),
  'a header field of an unknown tag': (id) => patched(one(encryptItem(id), 14, { batchOrderOption: true }), '420010060000', '54001006' + '0000'),
  'no batch item': () => many([]),
  'two items without ids in 1.x': (id) => many([encryptItem(id), encryptItem(id)]),
  'two items of one id': (id) => many([withId(encryptItem(id), 1, 2), withId(encryptItem(id), 1, 3), withId(encryptItem(id), 1, 2)]),
  'more items than are taken': (id) => many(Array.from({ length: 1001 }, (_, index) => withId(encryptItem(id, { data: empty }), index >> 8, index & 255))),
  'a message extension': (id) => one(encryptItem(id, {}, { messageExtension: [{ vendorIdentification: 'v', criticalityIndicator: false, vendorExtension: { tag: Tag.VendorExtension, type: ItemType.Structure, value: [] } }] })),
  'Ephemeral': (id) => one(encryptItem(id, {}, { ephemeral: false }), 21),
  'another operation': () => one({ operation: discoverVersions.code, payload: { type: discoverVersions.request, value: {} } }),
  'another operation beside': (id) => many([withId(encryptItem(id), 1), withId({ operation: discoverVersions.code, payload: { type: discoverVersions.request, value: {} } }, 2)]),
  'no identifier': (id) => one(encryptItem(id, { uniqueIdentifier: undefined })),
  'an identifier that is the ID Placeholder': (id) => one(encryptItem(id, { uniqueIdentifier: { placeholder: 1 } }), 21),
  'an identifier by place': (id) => one(encryptItem(id, { uniqueIdentifier: { batchIndex: 0 } }), 21),
  'an object that is not there': (id) => one(encryptItem(id, { uniqueIdentifier: `${id}0` })),
  'an identifier that is too long': (id) => one(encryptItem(id, { uniqueIdentifier: 'x'.repeat(2000) })),
  'no Data': (id) => one(encryptItem(id, { data: undefined })),
  'Data twice': (id) => patched(one(encryptItem(id, { ivCounterNonce: iv12, authenticatedEncryptionAdditionalData: iv12 })), '4200fe08', '4200c208'),
  'Data of an earlier operation': (id) => one(encryptItem(id, { data: undefined, dataOfOperation: 1 }), 21),
  'the Init Indicator': (id) => one(encryptItem(id, { initIndicator: true })),
  'the Init Indicator, false': (id) => one(encryptItem(id, { initIndicator: false })),
  'the Final Indicator': (id) => one(encryptItem(id, { finalIndicator: true })),
  'a Correlation Value': (id) => one(encryptItem(id, { correlationValue: iv16 })),
  'no mode anywhere': (id) => one(encryptItem(id, { cryptographicParameters: {} })),
  'no parameters anywhere': (id) => one(encryptItem(id, { cryptographicParameters: undefined })),
  'a mode that there is not': (id) => one(encryptItem(id, { cryptographicParameters: { blockCipherMode: BlockCipherMode.CCM } })),
  'a padding that there is not': (id) => one(encryptItem(id, { cryptographicParameters: { ...cbc, paddingMethod: 5 }, ivCounterNonce: iv16 })),
  'PKCS5 with CTR': (id) => one(encryptItem(id, { cryptographicParameters: { ...ctr, paddingMethod: PADDING_PKCS5 }, ivCounterNonce: iv16 })),
  'another algorithm': (id) => one(encryptItem(id, { cryptographicParameters: { ...gcm, cryptographicAlgorithm: CryptographicAlgorithm.RSA } })),
  'parameters that have to do with other operations': (id) => one(encryptItem(id, { cryptographicParameters: { ...gcm, hashingAlgorithm: 6 } })),
  'Tag Length 11': (id) => one(encryptItem(id, { cryptographicParameters: { ...gcm, tagLength: 11 } })),
  'Tag Length below zero': (id) => one(encryptItem(id, { cryptographicParameters: { ...gcm, tagLength: -16 } })),
  'an IV Length that does not fit': (id) => one(encryptItem(id, { cryptographicParameters: { ...gcm, ivLength: 128 } })),
  'field lengths that do not fit': (id) => one(encryptItem(id, { cryptographicParameters: { ...gcm, fixedFieldLength: 32, invocationFieldLength: 32 } })),
  'an empty IV': (id) => one(encryptItem(id, { ivCounterNonce: empty })),
  'an IV of 15 bytes for CBC': (id) => one(encryptItem(id, { cryptographicParameters: cbc, ivCounterNonce: iv16.subarray(1) })),
  'an IV of 17 bytes for CTR': (id) => one(encryptItem(id, { cryptographicParameters: ctr, ivCounterNonce: Buffer.alloc(17) })),
  'a made IV of 88 bits': (id) => one(encryptItem(id, { ivCounterNonce: undefined, cryptographicParameters: { ...gcm, ivLength: 88 } })),
  'a made IV of 97 bits': (id) => one(encryptItem(id, { ivCounterNonce: undefined, cryptographicParameters: { ...gcm, ivLength: 97 } })),
  'a made IV of 1032 bits': (id) => one(encryptItem(id, { ivCounterNonce: undefined, cryptographicParameters: { ...gcm, ivLength: 1032 } })),
  'a made IV whose fixed field is another': (id) => one(encryptItem(id, { ivCounterNonce: undefined, cryptographicParameters: { ...gcm, fixedFieldLength: 16 } })),
  'a made IV of 96 bits for CBC': (id) => one(encryptItem(id, { ivCounterNonce: undefined, cryptographicParameters: { ...cbc, ivLength: 96 } })),
  'a made counter of 64 bits': (id) => one(encryptItem(id, { ivCounterNonce: undefined, cryptographicParameters: { ...ctr, counterLength: 64 } })),
  'a counter of no bits': (id) => one(encryptItem(id, { cryptographicParameters: { ...ctr, counterLength: 0 }, ivCounterNonce: iv16 })),
  'a counter of 129 bits': (id) => one(encryptItem(id, { cryptographicParameters: { ...ctr, counterLength: 129 }, ivCounterNonce: iv16 })),
  'an Initial Counter Value beside a whole block': (id) => one(encryptItem(id, { cryptographicParameters: { ...ctr, initialCounterValue: 0x03030303 }, ivCounterNonce: iv16 })),
  'an Initial Counter Value below zero': (id) => one(encryptItem(id, { cryptographicParameters: { ...ctr, initialCounterValue: -1 }, ivCounterNonce: iv12 })),
  'an Initial Counter Value that needs more bits': (id) => one(encryptItem(id, { cryptographicParameters: { ...ctr, initialCounterValue: 256 }, ivCounterNonce: iv16.subarray(1) })),
  'a counter of 8 bits that runs over': (id) => one(encryptItem(id, { cryptographicParameters: { ...ctr, initialCounterValue: 254 }, ivCounterNonce: iv16.subarray(1) })),
  'a counter of 128 bits that runs over': (id) => one(encryptItem(id, { cryptographicParameters: ctr, ivCounterNonce: Buffer.alloc(16, 0xff) })),
  'a counter of 64 bits that runs over': (id) => one(encryptItem(id, { cryptographicParameters: { ...ctr, counterLength: 64 }, ivCounterNonce: Buffer.alloc(16, 0xff).fill(1, 0, 4) })),
  'a counter of 3 bits that runs over': (id) => one(encryptItem(id, { cryptographicParameters: { ...ctr, counterLength: 3 }, ivCounterNonce: Buffer.alloc(16, 6) })),
  'additional data without GCM': (id) => one(encryptItem(id, { cryptographicParameters: ctr, ivCounterNonce: iv16, authenticatedEncryptionAdditionalData: iv16 })),
  'a part of a block for CBC': (id) => one(encryptItem(id, { cryptographicParameters: cbc, ivCounterNonce: iv16, data: iv12 })),
  'a tag in Encrypt': (id) => one({ operation: encrypt.code, payload: { type: decrypt.request, value: { uniqueIdentifier: id, cryptographicParameters: gcm, data, ivCounterNonce: iv12, authenticatedEncryptionTag: iv16 } } }),
  'Decrypt without an IV': (id) => one(decryptItem(id, { ivCounterNonce: undefined })),
  'Decrypt without a tag': (id) => one(decryptItem(id, { authenticatedEncryptionTag: undefined })),
  'Decrypt with a wrong tag': (id) => one(decryptItem(id, { authenticatedEncryptionTag: iv16 })),
  'Decrypt with an empty tag': (id) => one(decryptItem(id, { authenticatedEncryptionTag: empty })),
  'Decrypt with a tag cut short': (id) => one(decryptItem(id, { authenticatedEncryptionTag: sealed(key, BlockCipherMode.GCM, 1, 16, iv12, empty, data).mac.subarray(0, 4) })),
  'Decrypt with a tag that is longer than Tag Length': (id) => one(decryptItem(id, { cryptographicParameters: { ...gcm, tagLength: 12 } })),
  'Decrypt with a tag that is shorter than Tag Length': (id) => one(decryptItem(id, { authenticatedEncryptionTag: sealed(key, BlockCipherMode.GCM, 1, 16, iv12, empty, data).mac.subarray(0, 15) })),
  'Decrypt with a wrong byte of data': (id) => one(decryptItem(id, { data: sealed(key, BlockCipherMode.GCM, 1, 16, iv12, empty, Buffer.alloc(48)).data })),
  'Decrypt with other additional data': (id) => one(decryptItem(id, { authenticatedEncryptionAdditionalData: iv12 })),
  'Decrypt of wrong padding': (id) => one(decryptItem(id, { cryptographicParameters: { ...cbc, paddingMethod: PADDING_PKCS5 }, ivCounterNonce: iv16, authenticatedEncryptionTag: undefined })),
  'a good item before a bad one': (id) => many([withId(decryptItem(id), 1), withId(decryptItem(id, { authenticatedEncryptionTag: iv16 }), 2)]),
  'bytes behind the message': (id) => Buffer.concat([one(encryptItem(id)), Buffer.alloc(8)]),
  'a message that is no request': (id) => patched(one(encryptItem(id)), '420078', '42007b'),
  'a message that is too long for the regions': (id) => one(encryptItem(id, { data: Buffer.alloc(FAST_REQUEST_BYTES) })),
};

const wrapped: Material = { keyBlock: { ...rawMaterial(key).keyBlock!, keyValue: Buffer.alloc(40), keyWrappingData: { wrappingMethod: 1 } } };

for (const core of cores) {
  test(`${core.build}: what is unusual is the engine's, and leaves nothing behind`, async () => {
    const twins = createTwins(core, { nonceGrant: 1, evenRandom: true });
    const identifier = await twins.put(key);
    const usual = (): void => {
      for (const message of [one(encryptItem(identifier)), one(decryptItem(identifier))]) assert.equal(twins.answerFast(message).kind, 'answer');
    };
    usual();
    for (const [what, message] of Object.entries(unusual)) {
      const bytes = message(identifier);
      assert.equal(twins.answerFast(bytes).kind, 'host', what);
      assert.ok(twins.regionsAreClean(), what);
      // The engine gets along with it.
      assert.ok(twins.answerEngine(bytes).response.length > 0, what);
      usual();
    }
    const whole = one(encryptItem(identifier));
    for (let length = 0; length < whole.length; length += 1) assert.equal(twins.answerFast(whole.subarray(0, length)).kind, 'host', `${length} bytes`);
  });

  test(`${core.build}: an object that may not, or is not what it should be, is the engine's`, async () => {
    const { Encrypt, Decrypt } = CryptographicUsageMask;
    const twins = createTwins(core, { slots: 40 });
    const kinds = (identifier: string): readonly string[] => [one(encryptItem(identifier)), one(decryptItem(identifier))].map((message) => twins.answerFast(message).kind);
    const transparent: Material = { keyBlock: { keyFormatType: KeyFormatType.TransparentSymmetricKey, keyValue: { keyMaterial: { tag: Tag.KeyMaterial, type: ItemType.Structure, value: [{ tag: Tag.Key, type: ItemType.ByteString, value: key }] } } } };
    assert.deepEqual(kinds(await twins.put(key, {}, transparent)), ['answer', 'answer'], 'a transparent key is as good as a raw one');
    assert.deepEqual(kinds(await twins.put(key, { UsageLimits: { usageLimitsTotal: 5n, usageLimitsUnit: UsageLimitsUnit.Object } })), ['host', 'answer'], 'what is counted is counted by the engine');
    const [both, encryptOnly, decryptOnly] = [['host', 'host'], ['answer', 'host'], ['host', 'answer']];
    assert.deepEqual(kinds(await twins.put(key, { CryptographicUsageMask: Encrypt })), encryptOnly);
    assert.deepEqual(kinds(await twins.put(key, { CryptographicUsageMask: Decrypt })), decryptOnly);
    assert.deepEqual(kinds(await twins.put(key, { CryptographicUsageMask: undefined })), both);
    assert.deepEqual(kinds(await twins.put(key, { CryptographicUsageMask: CryptographicUsageMask.WrapKey })), both);
    for (const state of [State.PreActive, State.Destroyed, State.DestroyedCompromised, undefined]) assert.deepEqual(kinds(await twins.put(key, { State: state })), both, `state ${state}`);
    for (const state of [State.Deactivated, State.Compromised]) assert.deepEqual(kinds(await twins.put(key, { State: state })), decryptOnly, `state ${state}`);
    assert.deepEqual(kinds(await twins.put(key, { CryptographicAlgorithm: CryptographicAlgorithm.DES3 })), both);
    assert.deepEqual(kinds(await twins.put(key, {}, wrapped)), both, 'wrapped');
    assert.deepEqual(kinds(await twins.put(key, {}, { keyBlock: { keyFormatType: KeyFormatType.Raw } })), both, 'no key value');
    assert.deepEqual(kinds(await twins.put(key.subarray(0, 20))), both, 'a key of 20 bytes');
    assert.deepEqual(kinds(await twins.put(key, {}, { ...rawMaterial(key), secretDataType: 1 }, ObjectType.SecretData)), both, 'Secret Data');
    const loads = twins.loads.length;
    assert.deepEqual(kinds(twins.loads.at(-1)!), both);
    assert.equal(twins.loads.length, loads, 'that an object is the engine\'s is remembered in its slot');
  });

  test(`${core.build}: dates are reached without the slot being loaded again`, async () => {
    const twins = createTwins(core);
    const dates = { ActivationDate: startOfTime + 10, ProcessStartDate: startOfTime + 20, ProtectStopDate: startOfTime + 30, DeactivationDate: startOfTime + 40 };
    const identifier = await twins.put(key, { State: State.PreActive, ...dates });
    const messages = [one(encryptItem(identifier)), one(decryptItem(identifier))];
    for (let seconds = 0; seconds < 50; seconds += 1) {
      twins.clock.now = startOfTime + seconds;
      const engine = messages.map((message) => (twins.answerEngine(message).items[0]!.reason === 0 ? 'answer' : 'host'));
      assert.deepEqual(messages.map((message) => twins.answerFast(message).kind), engine, `after ${seconds} s`);
      assert.deepEqual(engine, [seconds >= 10 && seconds < 30 ? 'answer' : 'host', seconds >= 20 ? 'answer' : 'host']);
    }
    assert.equal(twins.loads.length, 1);
  });

  test(`${core.build}: permissions are the role's`, async () => {
    for (const [permissions, kinds] of [
      [['operation_encrypt'], ['answer', 'host']], [['operation_decrypt'], ['host', 'answer']], [['operation_none'], ['host', 'host']],
      [['operation_encrypt', 'operation_decrypt'], ['answer', 'answer']], [['operation_get', 'decrypt_unverified_stream'], ['host', 'host']],
    ] as const) {
      const twins = createTwins(core, { permissions });
      const identifier = await twins.put(key);
      const answers = [one(encryptItem(identifier)), one(decryptItem(identifier))].map((message) => [twins.answerFast(message).kind, twins.answerEngine(message).items[0]!.reason === 0 ? 'answer' : 'host']);
      assert.deepEqual(answers, kinds.map((kind) => [kind, kind]), permissions.join());
    }
  });

  test(`${core.build}: a thousand items on more keys than there are slots are one answer`, async () => {
    const twins = createTwins(core, { slots: 8, nonceGrant: 64 });
    const random = seededRandom(112);
    const identifiers = await Promise.all(Array.from({ length: 30 }, () => twins.put(random.bytes(32))));
    const items = Array.from({ length: 1000 }, (_, index) => withId(encryptItem(identifiers[random.below(30)]!, { data: random.bytes(random.below(64)), ivCounterNonce: index % 3 === 0 ? iv12 : undefined }), index >> 8, index & 255));
    for (const version of [14, 21]) {
      const message = many(items, version);
      const fast = twins.answerFast(message);
      assert.ok(fast.kind === 'answer');
      assert.equal(toHex(fast.response), toHex(twins.answerEngine(message).response));
      assert.equal(fast.encrypted, 1000);
    }
    assert.ok(twins.loads.length > 1000);
  });

  test(`${core.build}: an answer does not show what was in its memory before`, async () => {
    const twins = createTwins(core, { evenRandom: true });
    const identifier = await twins.put(key);
    const { exports } = twins.instance;
    for (let length = 0; length < 40; length += 1) {
      for (const item of [encryptItem(identifier, { data: Buffer.alloc(length), ivCounterNonce: undefined, cryptographicParameters: { ...gcm, tagLength: 13, ivLength: 104 } }), decryptItem(identifier)]) {
        new Uint8Array(exports.memory.buffer).fill(0xff, exports.responseRegion(), exports.responseRegion() + 4096);
        const fast = twins.answerFast(one(item, 21));
        assert.ok(fast.kind === 'answer');
        assert.equal(toHex(fast.response), toHex(twins.answerEngine(one(item, 21)).response));
      }
    }
  });

  test(`${core.build}: Maximum Response Size is taken to the byte`, async () => {
    const twins = createTwins(core);
    const identifier = await twins.put(key);
    const items = [withId(encryptItem(identifier), 1), withId(encryptItem(identifier), 2)];
    const fits = twins.answerEngine(many(items)).response.length;
    for (const batchErrorContinuationOption of [1, 2, 3]) {
      for (let size = fits - 9; size < fits + 9; size += 1) {
        const message = many(items, 14, { maximumResponseSize: size, batchErrorContinuationOption });
        const { response, items: outcomes } = twins.answerEngine(message);
        const fast = twins.answerFast(message);
        assert.equal(fast.kind, size >= fits ? 'answer' : 'host', `${size} bytes`);
        assert.equal(outcomes.every((item) => item.reason === 0), size >= fits);
        if (fast.kind === 'answer') assert.equal(toHex(fast.response), toHex(response));
      }
    }
  });

  test(`${core.build}: another scope does not find the slot, a given-up message leaves nothing, memory may grow`, async () => {
    const twins = createTwins(core);
    const identifier = await twins.put(key);
    const message = one(encryptItem(identifier));
    assert.equal(twins.answerFast(message).kind, 'answer');
    const foreign = twins.fast.handle(message, scopeNumber + 1, 3, startOfTime);
    assert.deepEqual(foreign, { kind: 'slot-missing', uniqueIdentifier: identifier });
    twins.fast.forget();
    assert.ok(twins.regionsAreClean());
    assert.equal(twins.fast.resume().kind, 'host', 'there is nothing to go on with');
    assert.ok(twins.instance.exports.reserve(40_000_000, 64) > 0);
    assert.equal(twins.answerFast(message).kind, 'answer');
    assert.equal(twins.loads.length, 1);
    assert.equal(twins.store.fetch(scope, identifier)?.uniqueIdentifier, identifier);
  });
}
