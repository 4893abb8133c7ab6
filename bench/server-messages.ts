/**
 * The messages of the server bench: Encrypts as a client of high volume sends them, and the frame that tells the echo server how
 * long its answers are.
 */
import { KmipClient } from '../src/client/client.ts';
import { writeRequest } from '../src/codec/message.ts';
import { BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, ObjectType } from '../src/kmip/enums.ts';
import { create } from '../src/operations/create.ts';
import { encrypt } from '../src/operations/encrypt.ts';
import { get } from '../src/operations/get.ts';
import type { ProtocolVersion } from '../src/kmip/version.ts';
import type { Peer } from './peers.ts';

const version: ProtocolVersion = 21;

const keyAttributes = [
  { name: 'CryptographicAlgorithm', value: CryptographicAlgorithm.AES },
  { name: 'CryptographicLength', value: 256 },
  { name: 'CryptographicUsageMask', value: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt },
] as const;

export function clientOf(node: Peer): KmipClient {
  return new KmipClient({ host: '127.0.0.1', port: node.port, certificate: node.certificate.toString(), privateKey: node.privateKey.toString(), authority: node.authority.toString() });
}

/** An Active AES-256 key; its identifier. */
export async function makeKey(client: KmipClient): Promise<string> {
  const { uniqueIdentifier } = await client.create({ objectType: ObjectType.SymmetricKey, attributes: keyAttributes });
  await client.activate({ uniqueIdentifier });
  return uniqueIdentifier;
}

/** Encrypt with GCM and a nonce of the server's, so many items of so many bytes. */
export function encryptMessage(uniqueIdentifier: string, dataBytes: number, items = 1): Buffer {
  const value = { uniqueIdentifier, cryptographicParameters: { blockCipherMode: BlockCipherMode.GCM, tagLength: 16, randomIV: true }, data: new Uint8Array(dataBytes).fill(0x61) };
  const item = { operation: encrypt.code, payload: { type: encrypt.request, value } };
  return Buffer.from(writeRequest(version, {}, new Array<typeof item>(items).fill(item)));
}

export function getMessage(uniqueIdentifier: string): Buffer {
  return Buffer.from(writeRequest(version, {}, [{ operation: get.code, payload: { type: get.request, value: { uniqueIdentifier } } }]));
}

export function createMessage(): Buffer {
  return Buffer.from(writeRequest(version, {}, [{ operation: create.code, payload: { type: create.request, value: { objectType: ObjectType.SymmetricKey, attributes: keyAttributes } } }]));
}

/** What the echo server takes its answers' length from. */
export function controlFrame(answerBytes: number): Buffer {
  const frame = Buffer.alloc(16);
  frame.writeUInt32BE(0x54000001, 0);
  frame.writeUInt32BE(8, 4);
  frame.writeUInt32BE(answerBytes, 8);
  return frame;
}
