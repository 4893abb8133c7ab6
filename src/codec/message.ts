/**
 * Whole messages: requests and responses, with payloads left unread until their operation is known (KMIP 1.4 §7,
 * KMIP 2.1 §8).
 *
 * A message is read in two steps, so that an error inside one payload fails that item alone (KMIP 1.4 §11.1):
 * `readRequest` takes the frame, `readPayload` one item's payload. Of a message that cannot be read at all,
 * `salvageRequest` still finds version, operation and item id, so that the error answer can echo them.
 */
import { ItemType } from '../kmip/item-types.ts';
import { requestBatchItem, requestHeader, responseBatchItem, responseHeader } from '../kmip/messages.ts';
import type { MessageExtension, RequestHeader, ResponseHeader } from '../kmip/messages.ts';
import { KmipError } from '../kmip/result.ts';
import type { Fields, Infer, StructureType } from '../kmip/schema.ts';
import { Tag } from '../kmip/tags.ts';
import { isSupportedVersion, versionMajor, versionMinor, versionNumber } from '../kmip/version.ts';
import type { ProtocolVersion } from '../kmip/version.ts';
import { readStructure } from './read.ts';
import { readRows, tagTitle } from './rows-plain.ts';
import type { RowTable } from './rows-plain.ts';
import { writeFields, writeStructure } from './write.ts';
import { TtlvWriter } from './writer.ts';

export interface RequestItem {
  /** Operation value, also one that no version knows. */
  readonly operation: number;
  readonly uniqueBatchItemID?: Uint8Array;
  readonly ephemeral?: boolean;
  readonly messageExtension?: readonly MessageExtension[];
  readonly payloadRow: number;
}

export interface RequestMessage {
  /** As the header says it; not checked to be one that the server speaks. NaN where a number is out of range. */
  readonly version: ProtocolVersion;
  readonly header: RequestHeader;
  readonly items: readonly RequestItem[];
  readonly rows: RowTable;
}

export interface ResponseItem {
  readonly operation?: number;
  readonly uniqueBatchItemID?: Uint8Array;
  readonly resultStatus: number;
  readonly resultReason?: number;
  readonly resultMessage?: string;
  readonly asynchronousCorrelationValue?: Uint8Array;
  readonly messageExtension?: readonly MessageExtension[];
  /** Row of the payload, where there is one. */
  readonly payloadRow?: number;
}

export interface ResponseMessage {
  readonly version: ProtocolVersion;
  readonly header: ResponseHeader;
  readonly items: readonly ResponseItem[];
  readonly rows: RowTable;
}

/** A payload to write: a value with its structure, or the encoded item. */
export type PayloadSource = { readonly type: StructureType<Fields>; readonly value: unknown } | Uint8Array;

export type OutgoingRequestItem = Omit<RequestItem, 'payloadRow'> & { readonly payload: PayloadSource };
export type OutgoingResponseItem = Omit<ResponseItem, 'payloadRow'> & { readonly payload?: PayloadSource };

/** Reads the frame of a request. Throws a KmipError; payloads are not looked into, beyond being well-formed. */
export function readRequest(bytes: Uint8Array): RequestMessage {
  const rows = readRows(bytes);
  const { headerRow, itemRows } = frameOf(rows, Tag.RequestMessage, Tag.RequestHeader);
  const version = versionOf(rows, headerRow);
  const header = readStructure(rows, headerRow, requestHeader, version);
  const items = itemRows.map((row): RequestItem => {
    const { requestPayload, ...item } = readStructure(rows, row, requestBatchItem, version);
    return { ...item, payloadRow: requestPayload };
  });
  checkCount(header.batchCount, items.length, version);
  return { version, header, items, rows };
}

export function readResponse(bytes: Uint8Array): ResponseMessage {
  const rows = readRows(bytes);
  const { headerRow, itemRows } = frameOf(rows, Tag.ResponseMessage, Tag.ResponseHeader);
  const version = versionOf(rows, headerRow);
  const header = readStructure(rows, headerRow, responseHeader, version);
  const items = itemRows.map((row): ResponseItem => {
    const { responsePayload, ...item } = readStructure(rows, row, responseBatchItem, version);
    return responsePayload === undefined ? item : { ...item, payloadRow: responsePayload };
  });
  checkCount(header.batchCount, items.length, version);
  return { version, header, items, rows };
}

/** In-memory form of one item's payload. */
export function readPayload<T extends StructureType<Fields>>(message: RequestMessage | ResponseMessage, item: { readonly payloadRow?: number }, type: T): Infer<T> {
  if (item.payloadRow === undefined) throw new KmipError('InvalidMessage', 'the batch item has no payload');
  return readStructure(message.rows, item.payloadRow, type, message.version);
}

function frameOf(rows: RowTable, messageTag: number, headerTag: number): { headerRow: number; itemRows: number[] } {
  if (rows.tag(0) !== messageTag || rows.type(0) !== ItemType.Structure) throw new KmipError('InvalidMessage', `expected ${tagTitle(messageTag)}, got ${tagTitle(rows.tag(0))}`);
  const itemRows: number[] = [];
  let headerRow = -1;
  for (let row = 1; row < rows.end(0); row = rows.end(row)) {
    const tag = rows.tag(row);
    if (tag === Tag.BatchItem) itemRows.push(row);
    else if (tag !== headerTag) throw new KmipError('InvalidMessage', `${tagTitle(tag)} at byte ${rows.offset(row) - 8} does not belong in ${tagTitle(messageTag)}`);
    else if (headerRow >= 0) throw new KmipError('InvalidMessage', `${tagTitle(headerTag)} at byte ${rows.offset(row) - 8} comes twice`);
    else headerRow = row;
  }
  if (headerRow < 0) throw new KmipError('InvalidMessage', `${tagTitle(messageTag)} lacks ${tagTitle(headerTag)}`);
  return { headerRow, itemRows };
}

/** Version of the header, read before all else: fields are judged by it. */
function versionOf(rows: RowTable, headerRow: number): ProtocolVersion {
  for (let row = headerRow + 1; row < rows.end(headerRow); row = rows.end(row)) {
    if (rows.tag(row) !== Tag.ProtocolVersion) continue;
    let major = -1;
    let minor = -1;
    for (let child = row + 1; child < rows.end(row); child = rows.end(child)) {
      if (rows.type(child) !== ItemType.Integer) continue;
      if (rows.tag(child) === Tag.ProtocolVersionMajor) major = rows.view.getInt32(rows.offset(child));
      if (rows.tag(child) === Tag.ProtocolVersionMinor) minor = rows.view.getInt32(rows.offset(child));
    }
    return versionNumber(major, minor);
  }
  throw new KmipError('InvalidMessage', 'the header lacks Protocol Version');
}

function checkCount(said: number | undefined, came: number, version: ProtocolVersion): void {
  if (said === undefined && isSupportedVersion(version)) throw new KmipError('InvalidMessage', 'the header lacks Batch Count');
  if (said !== undefined && said !== came) throw new KmipError('InvalidMessage', `Batch Count is ${said}, but ${came} batch items came`);
}

/** Encodes a request; the header's version and count come from `version` and `items`. */
export function writeRequest(version: ProtocolVersion, header: Omit<RequestHeader, 'protocolVersion' | 'batchCount'>, items: readonly OutgoingRequestItem[]): Uint8Array<ArrayBuffer> {
  const writer = new TtlvWriter({ filterAttributes: false });
  const begun = writer.begin(Tag.RequestMessage);
  writeStructure(writer, requestHeader, { ...header, protocolVersion: versionParts(version), batchCount: items.length }, version);
  for (const { payload, ...item } of items) writeBatchItem(writer, requestItemBeforePayload, item, payload, Tag.RequestPayload, version);
  writer.end(begun);
  return writer.bytes();
}

/** Encodes a response. */
export function writeResponse(version: ProtocolVersion, header: Omit<ResponseHeader, 'protocolVersion' | 'batchCount'>, items: readonly OutgoingResponseItem[]): Uint8Array<ArrayBuffer> {
  const writer = new TtlvWriter();
  const begun = writer.begin(Tag.ResponseMessage);
  writeStructure(writer, responseHeader, { ...header, protocolVersion: versionParts(version), batchCount: items.length }, version);
  for (const { payload, ...item } of items) writeBatchItem(writer, responseItemBeforePayload, item, payload, Tag.ResponsePayload, version);
  writer.end(begun);
  return writer.bytes();
}

/** Encodes one payload by itself, for whoever has to know its size before the message is made. */
export function encodePayload(type: StructureType<Fields>, value: unknown, version: ProtocolVersion): Uint8Array<ArrayBuffer> {
  const writer = new TtlvWriter();
  writeStructure(writer, type, value as never, version);
  return writer.bytes();
}

type ItemFields = StructureType<Fields>;

/** Fields of a batch item up to its payload; Message Extensions follow it. */
const requestItemBeforePayload = withoutPayload(requestBatchItem);
const responseItemBeforePayload = withoutPayload(responseBatchItem);
const extensionFields: ItemFields = { kind: 'structure', tag: 'BatchItem', fields: { messageExtension: requestBatchItem.fields.messageExtension } };

function withoutPayload(type: ItemFields): ItemFields {
  const kept = Object.entries(type.fields).filter(([key, field]) => field.type.kind !== 'unread' && key !== 'messageExtension');
  return { kind: 'structure', tag: type.tag, fields: Object.fromEntries(kept) };
}

function writeBatchItem(writer: TtlvWriter, before: ItemFields, item: object, payload: PayloadSource | undefined, payloadTag: number, version: ProtocolVersion): void {
  const begun = writer.begin(Tag.BatchItem);
  writeFields(writer, before, item as never, version);
  if (payload instanceof Uint8Array) writer.encoded(payload);
  else if (payload !== undefined) writeStructure(writer, payload.type, payload.value as never, version, payloadTag);
  writeFields(writer, extensionFields, item as never, version);
  writer.end(begun);
}

function versionParts(version: ProtocolVersion): { protocolVersionMajor: number; protocolVersionMinor: number } {
  return { protocolVersionMajor: versionMajor(version), protocolVersionMinor: versionMinor(version) };
}
