/**
 * The typed client against a real node: operations as methods, batches, pipelining, reconnection, streams and sealed files.
 */
import assert from 'node:assert/strict';
import { createDecipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import net from 'node:net';
import { Readable } from 'node:stream';
import { after, before, test } from 'node:test';
import { KmipClient, KmipFailure } from '../../src/client/client.ts';
import { ConnectionLostError } from '../../src/client/connection.ts';
import { OpenStream, SealStream, SealedFileError } from '../../src/client/sealed-file.ts';
import { BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType, PaddingMethod, ResultReason, SecretDataType } from '../../src/kmip/enums.ts';
import { ItemType } from '../../src/kmip/item-types.ts';
import { Tag } from '../../src/kmip/tags.ts';
import { startServer } from '../harness/server.ts';
import type { RunningServer } from '../harness/server.ts';

let server: RunningServer;
let client: KmipClient;

const options = (port = server.port) => ({ host: '127.0.0.1', port, certificate: server.bootstrap.cert, privateKey: server.bootstrap.key, authority: server.bootstrap.ca });

before(async () => {
  server = await startServer({ args: ['--workers', '2'] });
  client = new KmipClient(options());
});
after(async () => {
  client.destroyConnection();
  await server.stop();
});

const keyAttributes = [
  { name: 'CryptographicAlgorithm', value: CryptographicAlgorithm.AES },
  { name: 'CryptographicLength', value: 256 },
  { name: 'CryptographicUsageMask', value: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt },
];

async function activeKey(): Promise<string> {
  const { uniqueIdentifier } = await client.create({ objectType: ObjectType.SymmetricKey, attributes: keyAttributes });
  await client.activate({ uniqueIdentifier });
  return uniqueIdentifier;
}

async function keyBytes(uniqueIdentifier: string): Promise<Buffer> {
  const got = await client.get({ uniqueIdentifier, keyFormatType: KeyFormatType.Raw });
  const value = got.symmetricKey?.keyBlock.keyValue;
  assert.ok(value !== undefined && !(value instanceof Uint8Array));
  return Buffer.from(value.keyMaterial.value as Uint8Array);
}

async function bytesOf(stream: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** The bytes in pieces of the length, as a socket or a disk would give them. */
const pieces = (bytes: Buffer, length: number): Readable =>
  Readable.from((function* () { for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length); })());

for (const version of [12, 13, 14, 20, 21]) {
  test(`every call works at version ${version / 10}`, async () => {
    await using disposer = { client: new KmipClient({ ...options(), version }), [Symbol.asyncDispose]: async () => disposer.client.close() };
    const { client: own } = disposer;
    const { uniqueIdentifier } = await own.create({ objectType: ObjectType.SymmetricKey, attributes: keyAttributes });
    await own.activate({ uniqueIdentifier });
    const cryptographicParameters = { blockCipherMode: BlockCipherMode.CBC, paddingMethod: PaddingMethod.PKCS5, randomIV: true };
    const text = Buffer.from('attack at dawn');
    const sealed = await own.encrypt({ uniqueIdentifier, cryptographicParameters, data: text });
    const opened = await own.decrypt({ uniqueIdentifier, cryptographicParameters: { blockCipherMode: BlockCipherMode.CBC, paddingMethod: PaddingMethod.PKCS5 }, ivCounterNonce: sealed.ivCounterNonce!, data: sealed.data! });
    assert.deepEqual(Buffer.from(opened.data!), text);
    const { attributes } = await own.getAttributes({ uniqueIdentifier, attributeNames: ['CryptographicLength'] });
    assert.deepEqual(attributes?.map((each) => [each.name, each.value]), [['CryptographicLength', 256]]);
  });
}

test('a failure is an error with operation, reason and the server\'s words', async () => {
  await assert.rejects(client.get({ uniqueIdentifier: 'nobody' }), (error: unknown) => {
    assert.ok(error instanceof KmipFailure);
    assert.equal(error.operation, 'Get');
    assert.equal(error.reason, ResultReason.ObjectNotFound);
    assert.match(error.message, /nobody/);
    return true;
  });
});

test('a batch gives each item its response or its failure, and later items may use the placeholder', async () => {
  const [created, activated, missing] = await client.batch([
    { operation: 'Create', request: { objectType: ObjectType.SymmetricKey, attributes: keyAttributes } },
    { operation: 'Activate', request: {} },
    { operation: 'Get', request: { uniqueIdentifier: 'nobody' } },
  ]);
  assert.ok(!(created instanceof Error) && !(activated instanceof Error));
  assert.equal(activated.uniqueIdentifier, created.uniqueIdentifier);
  assert.ok(missing instanceof KmipFailure);
});

test('a hundred overlapping calls on one connection get each its own answer', async () => {
  const uniqueIdentifier = await activeKey();
  const texts = Array.from({ length: 100 }, () => randomBytes(40));
  const parameters = { blockCipherMode: BlockCipherMode.CTR };
  const iv = randomBytes(16);
  const answers = await Promise.all(texts.map((data) => client.encrypt({ uniqueIdentifier, cryptographicParameters: parameters, ivCounterNonce: iv, data })));
  const key = await keyBytes(uniqueIdentifier);
  answers.forEach((answer, index) => {
    const decipher = createDecipheriv('aes-256-ctr', key, iv);
    assert.deepEqual(decipher.update(answer.data!), texts[index]);
  });
});

test('secrets go in and come out', async () => {
  const { uniqueIdentifier } = await client.register({
    objectType: ObjectType.SecretData,
    attributes: [{ name: 'CryptographicUsageMask', value: 0 }],
    secretData: { secretDataType: SecretDataType.Password, keyBlock: { keyFormatType: KeyFormatType.Opaque, keyValue: { keyMaterial: { tag: Tag.KeyMaterial, type: ItemType.ByteString, value: Buffer.from('open sesame') } } } },
  });
  const got = await client.get({ uniqueIdentifier });
  const value = got.secretData?.keyBlock.keyValue;
  assert.ok(value !== undefined && !(value instanceof Uint8Array));
  assert.equal(Buffer.from(value.keyMaterial.value as Uint8Array).toString(), 'open sesame');
});

/** A TCP relay whose connections can be cut. */
async function relay(): Promise<{ port: number; cut(): void; close(): void }> {
  const sockets = new Set<net.Socket>();
  const listener = net.createServer((near) => {
    const far = net.connect(server.port, '127.0.0.1');
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.on('close', () => { near.destroy(); far.destroy(); });
    }
    near.pipe(far).pipe(near);
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  return {
    port: (listener.address() as net.AddressInfo).port,
    cut: () => { for (const socket of sockets) socket.destroy(); sockets.clear(); },
    close: () => { for (const socket of sockets) socket.destroy(); listener.close(); },
  };
}

test('a lost connection is made again: reads go on by themselves, a write under way says that it may have happened', async () => {
  const middle = await relay();
  const own = new KmipClient(options(middle.port));
  try {
    const uniqueIdentifier = await activeKey();
    assert.equal((await own.getAttributes({ uniqueIdentifier, attributeNames: ['State'] })).uniqueIdentifier, uniqueIdentifier);
    const reading = own.getAttributes({ uniqueIdentifier, attributeNames: ['State'] });
    middle.cut();
    assert.equal((await reading).uniqueIdentifier, uniqueIdentifier);
    const writing = own.create({ objectType: ObjectType.SymmetricKey, attributes: keyAttributes });
    middle.cut();
    await assert.rejects(writing, ConnectionLostError);
    assert.equal((await own.getAttributes({ uniqueIdentifier, attributeNames: ['State'] })).uniqueIdentifier, uniqueIdentifier);
  } finally {
    own.destroyConnection();
    middle.close();
  }
});

const streamModes = [
  { name: 'aes-256-ecb', cryptographicParameters: { blockCipherMode: BlockCipherMode.ECB, paddingMethod: PaddingMethod.PKCS5 }, iv: 0 },
  { name: 'aes-256-cbc', cryptographicParameters: { blockCipherMode: BlockCipherMode.CBC, paddingMethod: PaddingMethod.PKCS5 }, iv: 16 },
  { name: 'aes-256-cfb', cryptographicParameters: { blockCipherMode: BlockCipherMode.CFB }, iv: 16 },
  { name: 'aes-256-ofb', cryptographicParameters: { blockCipherMode: BlockCipherMode.OFB }, iv: 16 },
  { name: 'aes-256-ctr', cryptographicParameters: { blockCipherMode: BlockCipherMode.CTR }, iv: 16 },
  { name: 'aes-256-gcm', cryptographicParameters: { blockCipherMode: BlockCipherMode.GCM, tagLength: 16 }, iv: 12 },
] as const;

for (const { name, cryptographicParameters, iv: ivLength } of streamModes) {
  test(`a stream of many parts in ${name} equals what node:crypto makes of the whole`, async () => {
    const uniqueIdentifier = await activeKey();
    const key = await keyBytes(uniqueIdentifier);
    for (const length of [0, 1, 1000, 1024, 1025, 5000]) {
      const text = randomBytes(length);
      const iv = randomBytes(ivLength);
      const request = { uniqueIdentifier, cryptographicParameters, ...(ivLength > 0 && { ivCounterNonce: iv }), partBytes: 1024 };
      const stream = client.encryptStream(request);
      const sealed = await bytesOf(pieces(text, 77).pipe(stream));
      const decipher = createDecipheriv(name as 'aes-256-gcm', key, ivLength === 0 ? null! : iv);
      if (name === 'aes-256-gcm') decipher.setAuthTag(Buffer.from(stream.authenticatedEncryptionTag!));
      assert.deepEqual(Buffer.concat([decipher.update(sealed), decipher.final()]), text);
      if (name === 'aes-256-gcm') continue;
      assert.deepEqual(await bytesOf(pieces(sealed, 99).pipe(client.decryptStream(request))), text);
    }
  });
}

test('a sealed file opens to what was sealed, whatever its length', async () => {
  const key = await activeKey();
  for (const length of [0, 1, 255, 256, 257, 1024, 3000]) {
    const text = randomBytes(length);
    const sealed = await bytesOf(pieces(text, 100).pipe(new SealStream(client, key, 256)));
    assert.deepEqual(await bytesOf(pieces(sealed, 61).pipe(new OpenStream(client))), text);
  }
});

test('a sealed file that was changed, cut, reordered or given more is refused', async () => {
  const key = await activeKey();
  const segment = 12 + 64 + 16;
  const sealed = await bytesOf(pieces(randomBytes(200), 200).pipe(new SealStream(client, key, 64)));
  const start = sealed.length - 3 * segment - (12 + 8 + 16);
  const open = (bytes: Buffer): Promise<Buffer> => bytesOf(pieces(bytes, 1000).pipe(new OpenStream(client)));
  const flipped = Buffer.from(sealed);
  flipped[start + 20]! ^= 1;
  await assert.rejects(open(flipped), KmipFailure);
  await assert.rejects(open(sealed.subarray(0, start + 3 * segment)), KmipFailure);
  await assert.rejects(open(sealed.subarray(0, start + 5)), SealedFileError);
  const swapped = Buffer.concat([sealed.subarray(0, start), sealed.subarray(start + segment, start + 2 * segment), sealed.subarray(start, start + segment), sealed.subarray(start + 2 * segment)]);
  await assert.rejects(open(swapped), KmipFailure);
  const header = Buffer.from(sealed);
  header.write('KMIPDF02');
  await assert.rejects(open(header), SealedFileError);
  assert.equal((await open(sealed)).length, 200);
});
