/**
 * The requests that a worker and the writing thread rehearse with before they serve, written by hand, since the server room knows
 * no codec: Discover Versions, Encrypt, Decrypt, Get, Get Attributes, Create, in the forms of 1.4 and 2.1.
 *
 *     Request Message { Request Header { Protocol Version, Batch Count }, Batch Item { Operation, Request Payload } }
 */
import { BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, ObjectType, Operation } from '../kmip/enums.ts';
import { ItemType } from '../kmip/item-types.ts';
import { Tag } from '../kmip/tags.ts';

const headLength = 8;
const wordLength = 8;

function item(tag: number, type: number, length: number, value: Uint8Array): Buffer {
  const head = Buffer.alloc(headLength);
  head.writeUInt32BE(((tag << 8) | type) >>> 0);
  head.writeUInt32BE(length, 4);
  return Buffer.concat([head, value]);
}

const structure = (tag: number, ...parts: readonly Uint8Array[]): Buffer => {
  const value = Buffer.concat(parts);
  return item(tag, ItemType.Structure, value.length, value);
};
const padded = (bytes: Uint8Array): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & (wordLength - 1))]);
const text = (tag: number, value: string): Buffer => item(tag, ItemType.TextString, value.length, padded(Buffer.from(value)));
const bytes = (tag: number, value: Uint8Array): Buffer => item(tag, ItemType.ByteString, value.length, padded(value));
const word = (tag: number, type: number, value: number): Buffer => {
  const padding = Buffer.alloc(wordLength);
  padding.writeUInt32BE(value);
  return item(tag, type, 4, padding);
};
const integer = (tag: number, value: number): Buffer => word(tag, ItemType.Integer, value);
const enumeration = (tag: number, value: number): Buffer => word(tag, ItemType.Enumeration, value);

/** The one object of a rehearsal. */
export const rehearsedIdentifier = '00000000-0000-7000-8000-000000000000';

export type RehearsedVersion = 14 | 21;

function request(version: RehearsedVersion, operation: number, ...payload: readonly Uint8Array[]): Buffer {
  return structure(Tag.RequestMessage,
    structure(Tag.RequestHeader,
      structure(Tag.ProtocolVersion, integer(Tag.ProtocolVersionMajor, Math.floor(version / 10)), integer(Tag.ProtocolVersionMinor, version % 10)),
      integer(Tag.BatchCount, 1)),
    structure(Tag.BatchItem, enumeration(Tag.Operation, operation), structure(Tag.RequestPayload, ...payload)));
}

export const discoverVersions = (version: RehearsedVersion): Buffer => request(version, Operation.DiscoverVersions);

const cipherParameters = structure(Tag.CryptographicParameters, enumeration(Tag.BlockCipherMode, BlockCipherMode.GCM));

/** With GCM and a nonce of the server's. */
export function encrypt(version: RehearsedVersion, uniqueIdentifier: string, dataLength: number): Buffer {
  return request(version, Operation.Encrypt, text(Tag.UniqueIdentifier, uniqueIdentifier), cipherParameters, bytes(Tag.Data, Buffer.alloc(dataLength)));
}

/** Fails at its tag, which takes all but the answer's last step. */
export function decrypt(version: RehearsedVersion, uniqueIdentifier: string, dataLength: number): Buffer {
  return request(version, Operation.Decrypt, text(Tag.UniqueIdentifier, uniqueIdentifier), cipherParameters, bytes(Tag.Data, Buffer.alloc(dataLength)),
    bytes(Tag.IVCounterNonce, Buffer.alloc(12)), bytes(Tag.AuthenticatedEncryptionTag, Buffer.alloc(16)));
}

export function get(version: RehearsedVersion, uniqueIdentifier: string): Buffer {
  return request(version, Operation.Get, text(Tag.UniqueIdentifier, uniqueIdentifier));
}

export function getAttributes(version: RehearsedVersion, uniqueIdentifier: string): Buffer {
  return request(version, Operation.GetAttributes, text(Tag.UniqueIdentifier, uniqueIdentifier));
}

/** An AES-256 key for Encrypt and Decrypt. */
export function create(version: RehearsedVersion): Buffer {
  const attributes: readonly (readonly [string, (tag: number) => Buffer, number])[] = [
    ['Cryptographic Algorithm', (tag) => enumeration(tag, CryptographicAlgorithm.AES), Tag.CryptographicAlgorithm],
    ['Cryptographic Length', (tag) => integer(tag, 256), Tag.CryptographicLength],
    ['Cryptographic Usage Mask', (tag) => integer(tag, CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt), Tag.CryptographicUsageMask],
  ];
  return request(version, Operation.Create, enumeration(Tag.ObjectType, ObjectType.SymmetricKey),
    version < 20
      ? structure(Tag.TemplateAttribute, ...attributes.map(([name, value]) => structure(Tag.Attribute, text(Tag.AttributeName, name), value(Tag.AttributeValue))))
      : structure(Tag.Attributes, ...attributes.map(([, value, tag]) => value(tag))));
}
