/**
 * Clients of Scality Arsenal (Node) and ovh/kmip-go: what they send while the handshake still runs, pipelined or batched.
 *
 * Arsenal writes its first request before the handshake ends, keeps up to eight requests in flight on a connection, and
 * takes each 'data' event for exactly one whole answer: one TLS record an answer, never two joined. kmip-go discovers
 * versions with a 1.1 header and takes the first of the answer.
 */
import assert from 'node:assert/strict';
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { connect as connectTls } from 'node:tls';
import test from 'node:test';
import { attribute, decode, encode, find, findAll, item, request } from '../../harness/wire.ts';
import type { Item } from '../../harness/wire.ts';
import { assertAnswerShape } from '../answer-shape.ts';
import { answersOf, assertRefused, byIdentifier, bytesOf, identifierOf, materialOf, payloadOf } from '../talk.ts';
import type { Site } from '../talk.ts';

const scope = 'arsenal';
const limit = [item('MaximumResponseSize', 8000)];
const zeroIv = Buffer.alloc(16);
const parameters = item('CryptographicParameters', [item('BlockCipherMode', 'CBC'), item('PaddingMethod', 'PKCS5'), item('CryptographicAlgorithm', 'AES')]);

const version = (minor: number): Item => item('ProtocolVersion', [item('ProtocolVersionMajor', 1), item('ProtocolVersionMinor', minor)]);
const minors = (payload: Item): unknown[] => findAll(payload, 'ProtocolVersion').map((each) => find(each, 'ProtocolVersionMinor')!.value);

export function arsenal(site: Site): void {
  for (const protocol of ['TLSv1.2', 'TLSv1.3'] as const) {
    test(`Arsenal writes its first request before the ${protocol} handshake ends, and is answered`, async () => {
      const { key, cert, ca } = await site.credential(scope);
      const bytes = encode(request(14, [{ operation: 'DiscoverVersions', id: randomBytes(4), payload: [version(4), version(3), version(2)] }], limit));
      const socket = connectTls({ port: site.running.port, host: '127.0.0.1', servername: 'localhost', key, cert, ca, minVersion: protocol, maxVersion: protocol });
      socket.write(bytes);
      const answer = await new Promise<Buffer>((resolve, reject) => {
        socket.once('data', resolve);
        socket.once('error', reject);
        socket.setTimeout(10_000, () => reject(new Error('no answer')));
      });
      socket.destroy();
      const [discovered] = answersOf(assertAnswerShape(bytes, answer, [answer.length]));
      assert.deepEqual(minors(payloadOf(discovered)), [4, 3, 2]);
    });
  }

  test('Arsenal asks what the server is, then seals, opens, revokes and destroys a bucket key', async () => {
    await site.once(scope, async (talk) => {
      const ask = (operation: string, payload: readonly Item[]): Promise<Item> => talk.must(14, operation, payload, { id: randomBytes(4), header: limit });
      await ask('Query', [item('QueryFunction', 'QueryExtensionMap')]);
      const information = await ask('Query', [item('QueryFunction', 'QueryServerInformation')]);
      assert.ok(find(information, 'VendorIdentification'));
      const abilities = await ask('Query', [item('QueryFunction', 'QueryOperations'), item('QueryFunction', 'QueryObjects')]);
      const operations = findAll(abilities, 'Operation').map((each) => each.value);
      for (const needed of [0x01, 0x12, 0x13, 0x14, 0x1e, 0x18, 0x1f, 0x20]) assert.ok(operations.includes(needed), `Arsenal needs operation ${needed}`);
      const identifier = identifierOf(await ask('Create', [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [
          attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12),
          attribute('x-Scality-Bucket-Name', 'bucket-1'),
        ]),
      ]));
      await ask('Activate', [byIdentifier(identifier)]);
      const dataKey = randomBytes(32);
      const sealed = bytesOf(find(await ask('Encrypt', [byIdentifier(identifier), parameters, item('Data', dataKey), item('IVCounterNonce', zeroIv)]), 'Data'));
      const material = materialOf(await ask('Get', [byIdentifier(identifier)]));
      const oracle = createCipheriv('aes-256-cbc', material, zeroIv);
      assert.deepEqual(sealed, Buffer.concat([oracle.update(dataKey), oracle.final()]));
      assert.deepEqual(bytesOf(find(await ask('Decrypt', [byIdentifier(identifier), parameters, item('Data', sealed), item('IVCounterNonce', zeroIv)]), 'Data')), dataKey);
      await ask('Revoke', [byIdentifier(identifier), item('RevocationReason', [item('RevocationReasonCode', 'CessationOfOperation'), item('RevocationMessage', 'About to be deleted')])]);
      await ask('Destroy', [byIdentifier(identifier)]);
    });
  });

  test('Arsenal creates a key that an Activation Date makes Active at once', async () => {
    await site.once(scope, async (talk) => {
      const identifier = identifierOf(await talk.must(14, 'Create', [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [
          attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12),
          attribute('Activation Date', BigInt(Math.floor(Date.now() / 1000))),
        ]),
      ], { header: limit }));
      await talk.must(14, 'Encrypt', [byIdentifier(identifier), parameters, item('Data', Buffer.from('data')), item('IVCounterNonce', zeroIv)], { header: limit });
    });
  });

  test('eight pipelined requests get eight answers in order, each one data event, whatever way the bytes came', async () => {
    await site.once(scope, async (talk) => {
      const identifier = identifierOf(await talk.must(14, 'Create', [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12)]),
      ]));
      await talk.must(14, 'Activate', [byIdentifier(identifier)]);
      const material = materialOf(await talk.must(14, 'Get', [byIdentifier(identifier)]));
      const joined = [[], [1], [7, 1, 300], [50, 50, 50, 50, 50]];
      for (const pieces of joined) {
        const data = Array.from({ length: 8 }, () => randomBytes(33));
        const messages = data.map((plaintext, index) => encode(request(14, [{
          operation: index === 5 ? 'Get' : 'Encrypt',
          id: Buffer.from([0, 0, 0, index]),
          payload: index === 5 ? [byIdentifier(identifier)] : [byIdentifier(identifier), parameters, item('Data', plaintext), item('IVCounterNonce', zeroIv)],
        }], limit)));
        const before = talk.wire.records.length;
        await talk.wire.send(Buffer.concat(messages), pieces);
        const answers: Buffer[] = [];
        for (let index = 0; index < 8; index += 1) answers.push(await talk.wire.receive());
        assert.deepEqual(talk.wire.records.slice(before), answers.map((each) => each.length), 'each data event must be one whole answer');
        answers.forEach((answer, index) => {
          const [only] = answersOf(assertAnswerShape(messages[index]!, answer));
          const payload = payloadOf(only);
          assert.deepEqual(Buffer.from(only!.id!), Buffer.from([0, 0, 0, index]), 'answers out of order');
          assert.equal(identifierOf(payload), identifier);
          if (index === 5) return;
          const oracle = createDecipheriv('aes-256-cbc', material, zeroIv);
          assert.deepEqual(Buffer.concat([oracle.update(bytesOf(find(payload, 'Data'))), oracle.final()]), data[index]);
        });
      }
    });
  });

  test('kmip-go discovers with a 1.1 header and takes the first version of the answer', async () => {
    await site.once('ovh', async (talk) => {
      const payload = await talk.must(11, 'DiscoverVersions', [version(4), version(3), version(2), version(1), version(0)]);
      assert.deepEqual(minors(payload), [4, 3, 2, 1, 0]);
    });
  });

  test('kmip-go batches with the ID Placeholder, seals by GCM with additional data, and reads a reasoned error', async () => {
    await site.once('ovh', async (talk) => {
      const [created, activated, attributes] = await talk.batch(14, [
        { operation: 'Create', id: Buffer.from([1]), payload: [
          item('ObjectType', 'SymmetricKey'),
          item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12)]),
        ] },
        { operation: 'Activate', id: Buffer.from([2]), payload: [] },
        { operation: 'GetAttributes', id: Buffer.from([3]), payload: [item('AttributeName', 'State')] },
      ], [item('BatchOrderOption', true)]);
      const identifier = identifierOf(payloadOf(created));
      assert.equal(identifierOf(payloadOf(activated)), identifier);
      assert.equal(find(payloadOf(attributes), 'Attribute', 'AttributeValue')!.value, 2);
      const gcm = item('CryptographicParameters', [item('BlockCipherMode', 'GCM'), item('CryptographicAlgorithm', 'AES'), item('TagLength', 16)]);
      const nonce = randomBytes(12);
      const additional = item('AuthenticatedEncryptionAdditionalData', Buffer.from('additional'));
      const plaintext = randomBytes(100);
      const sealed = await talk.must(14, 'Encrypt', [byIdentifier(identifier), gcm, item('Data', plaintext), item('IVCounterNonce', nonce), additional]);
      const mac = bytesOf(find(sealed, 'AuthenticatedEncryptionTag'));
      const ciphertext = bytesOf(find(sealed, 'Data'));
      const oracle = createCipheriv('aes-256-gcm', materialOf(await talk.must(14, 'Get', [byIdentifier(identifier)])), nonce);
      oracle.setAAD(Buffer.from('additional'));
      assert.deepEqual(ciphertext, Buffer.concat([oracle.update(plaintext), oracle.final()]));
      assert.deepEqual(mac, oracle.getAuthTag());
      const opening = (tag: Buffer): Item[] => [byIdentifier(identifier), gcm, item('Data', ciphertext), item('IVCounterNonce', nonce), additional, item('AuthenticatedEncryptionTag', tag)];
      assert.deepEqual(bytesOf(find(await talk.must(14, 'Decrypt', opening(mac)), 'Data')), plaintext);
      mac[15]! ^= 1;
      assertRefused(await talk.ask(14, 'Decrypt', opening(mac)), 'CryptographicFailure', 'InvalidField');
      assertRefused(await talk.ask(14, 'Get', [byIdentifier('missing')]), 'ItemNotFound');
      const wrong = decode(encode(request(14, [{ operation: 'Certify', payload: [byIdentifier(identifier)] }])));
      const [unsupported] = await talk.exchange(encode(wrong));
      assertRefused(unsupported, 'OperationNotSupported');
    });
  });
}
