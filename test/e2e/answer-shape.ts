/**
 * assertAnswerShape: everything that the proved clients insist on in every answer, whatever was asked.
 *
 * It is the table "who breaks on what" of the client study as one function: header fields, echoes of version,
 * operation and batch item id, reason and message on failures, field order, no extra field, no field newer than the
 * version, zero padding, algorithm and length in the key block, no attributes in a key value, one TLS record an answer.
 * Each test that talks to a server passes all its answers through here.
 */
import assert from 'node:assert/strict';
import { enumerationHas, enumerationTable } from '../../src/kmip/enums.ts';
import type { EnumerationName } from '../../src/kmip/enums.ts';
import { ItemType, itemTypeName } from '../../src/kmip/item-types.ts';
import { tagName, tagRow, tagTable } from '../../src/kmip/tags.ts';
import { decode, find, findAll, print } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import { batchItemFields, headerFields, messageFields, payloadFields, structureFields } from './answer-grammar.ts';
import type { Field } from './answer-grammar.ts';

/** The most plaintext that one TLS record carries (RFC 8446 §5.1). */
export const recordLimit = 16_384;
const clockToleranceSeconds = 120;

/** Tags that a specification names in a version later than the operation or structure that carries them, or types that vary. */
const anyType = new Set(['KeyMaterial', 'KeyValue', 'AttributeValue', 'AttributeReference', 'UniqueIdentifier', 'CurrentAttribute', 'NewAttribute']);

const nameOf = (source: Item): string => tagName(source.tag) ?? `0x${source.tag.toString(16)}`;

function assertFields(structure: Item, fields: readonly Field[], version: number, where: string): void {
  const children = structure.children ?? [];
  let position = 0;
  for (const { name, least, most, since, until } of fields) {
    const known = version >= since && version <= until;
    let count = 0;
    while (position < children.length && nameOf(children[position]!) === name) { count += 1; position += 1; }
    if (!known) assert.equal(count, 0, `${where}: ${name} in an answer of version ${version}, which does not have it`);
    else assert.ok(count >= least && count <= most, `${where}: ${count} of ${name}, allowed ${least} to ${most}`);
  }
  assert.equal(position, children.length, `${where}: ${children[position] === undefined ? '' : nameOf(children[position]!)} is unknown here, repeated or out of order, got ${children.map(nameOf).join(' ')}`);
}

/** 1.x Attribute Names that the version knows are the titles of tags that it knows; custom ones start with x- or y-. */
function attributeRow(title: string): { readonly since: number; readonly until: number; readonly name: string } | undefined {
  for (const [name, row] of Object.entries(tagTable)) if (row.title === title) return { since: row.since, until: row.until, name };
  return undefined;
}

function assertEnumeration(source: Item, of: string, version: number, where: string): void {
  if (source.type !== ItemType.Enumeration || !(of in enumerationTable)) return;
  assert.ok(enumerationHas(of as EnumerationName, source.value as number, version), `${where}: ${of} ${String(source.value)} is no value of version ${version}`);
}

function assertItem(source: Item, version: number, path: string): void {
  const row = tagRow(source.tag);
  const name = nameOf(source);
  const where = `${path} ${name}`;
  assert.ok(row !== undefined, `${where}: unknown tag`);
  assert.ok(version >= row.since && version <= row.until, `${where}: tag of ${row.since} to ${row.until} in an answer of version ${version}`);
  if (row.type !== 'Any' && !anyType.has(name)) assert.equal(itemTypeName(source.type), row.type, `${where}: item type`);
  // The Operation of an item is the request's own, also where the version has no such operation and it is refused.
  if (!(name === 'Operation' && path.endsWith(' BatchItem'))) assertEnumeration(source, name, version, where);
  const fields = structureFields[name];
  if (fields !== undefined && source.type === ItemType.Structure) assertFields(source, fields, version, where);
  if (name === 'TemplateAttribute') assert.notEqual(source.children?.length, 0, `${where}: an empty Template-Attribute`);
  if (name === 'SymmetricKey') {
    const block = find(source, 'KeyBlock');
    if (find(block, 'KeyWrappingData') === undefined) {
      assert.ok(find(block, 'CryptographicAlgorithm') && find(block, 'CryptographicLength'), `${where}: a key block without algorithm or length`);
    }
  }
  if (name === 'Attribute') {
    const title = find(source, 'AttributeName')!.value as string;
    const value = find(source, 'AttributeValue')!;
    const known = attributeRow(title);
    if (known === undefined) assert.match(title, /^[xy]-/, `${where}: attribute ${title} is unknown`);
    else {
      // 1.4 reserves the tag of Operation Policy Name, yet VAST Data sets it by name at 1.4 and reads it back.
      const until = known.name === 'OperationPolicyName' ? 14 : known.until;
      assert.ok(version >= known.since && version <= until, `${where}: attribute ${title} in an answer of version ${version}`);
      assertEnumeration(value, known.name, version, `${where} ${title}`);
    }
  }
  for (const child of source.children ?? []) assertItem(child, version, where);
}

function decodeIfPossible(bytes: Uint8Array): Item | undefined {
  try {
    return decode(bytes);
  } catch {
    return undefined;
  }
}

function operationName(source: Item | undefined): string | undefined {
  const code = find(source, 'Operation')?.value;
  return Object.entries(enumerationTable.Operation).find(([, row]) => row[0] === code)?.[0];
}

function assertBatchItem(answered: Item, asked: Item | undefined, version: number, where: string): void {
  assertFields(answered, batchItemFields, version, where);
  const status = find(answered, 'ResultStatus')!.value;
  if (asked !== undefined) {
    assert.deepEqual(find(answered, 'Operation')?.value, find(asked, 'Operation')?.value, `${where}: the operation is not echoed`);
    assert.deepEqual(find(answered, 'UniqueBatchItemID')?.value, find(asked, 'UniqueBatchItemID')?.value, `${where}: the unique batch item id is not echoed`);
  }
  // "Undone": done, then taken back; its answer is returned with another status (KMIP 1.4 §11), payload and all.
  const undone = 3;
  if (status === undone) return;
  if (status !== 0) {
    assert.ok(find(answered, 'ResultReason') !== undefined, `${where}: a failure without a Result Reason`);
    const message = find(answered, 'ResultMessage')?.value;
    assert.ok(typeof message === 'string' && message.length > 0, `${where}: a failure without a Result Message`);
    assert.doesNotMatch(message, /\bat .*\.(ts|js):\d+|node:internal|undefined|\[object/, `${where}: internal text in the message`);
    return;
  }
  assert.equal(find(answered, 'ResultReason'), undefined, `${where}: a Result Reason on success`);
  const operation = operationName(answered);
  assert.ok(operation !== undefined, `${where}: success without an operation`);
  const payload = find(answered, 'ResponsePayload');
  assert.ok(payload !== undefined, `${where}: ${operation} succeeded without a Response Payload`);
  const fields = payloadFields[operation];
  if (fields !== undefined) assertFields(payload, fields, version, `${where} ${operation}`);
  if (operation === 'Get') assert.equal(payload.children!.length, 3, `${where}: Get must give type, identifier and exactly one object`);
  if (operation === 'Locate') {
    const total = find(payload, 'LocatedItems')?.value as number | undefined;
    assert.ok(total === undefined || total >= findAll(payload, 'UniqueIdentifier').length, `${where}: Located Items below the number returned`);
  }
  const names = findAll(find(asked, 'RequestPayload'), 'AttributeName').map((each) => each.value);
  if (operation === 'GetAttributes' && names.length > 0) {
    for (const each of findAll(payload, 'Attribute')) assert.ok(names.includes(find(each, 'AttributeName')!.value), `${where}: an attribute came back that was not asked for`);
  }
}

/**
 * Checks one answer. `requestBytes` may be malformed: then only what the answer says of itself is checked.
 * `tlsRecords` are the lengths of the TLS records that the answer came in, undefined where a test cannot know them.
 */
export function assertAnswerShape(requestBytes: Uint8Array, responseBytes: Uint8Array, tlsRecords?: readonly number[]): Item {
  if (tlsRecords !== undefined) {
    const whole: number[] = [];
    for (let rest = responseBytes.length; rest > 0; rest -= recordLimit) whole.push(Math.min(rest, recordLimit));
    assert.deepEqual(tlsRecords, whole, `an answer of ${responseBytes.length} bytes must fill its TLS records`);
  }
  const answer = decode(responseBytes);
  try {
    assert.equal(nameOf(answer), 'ResponseMessage');
    const header = find(answer, 'ResponseHeader');
    const answeredVersion = find(header, 'ProtocolVersion');
    const major = find(answeredVersion, 'ProtocolVersionMajor')?.value as number;
    const minor = find(answeredVersion, 'ProtocolVersionMinor')?.value as number;
    const version = major * 10 + minor;
    const request = decodeIfPossible(requestBytes);
    const requestHeader = find(request, 'RequestHeader');
    const askedMajor = find(requestHeader, 'ProtocolVersion', 'ProtocolVersionMajor')?.value;
    const askedMinor = find(requestHeader, 'ProtocolVersion', 'ProtocolVersionMinor')?.value;
    const supported = (askedMajor === 1 && Number(askedMinor) >= 0 && Number(askedMinor) <= 4) || (askedMajor === 2 && Number(askedMinor) >= 0 && Number(askedMinor) <= 1);
    if (supported) assert.deepEqual([major, minor], [askedMajor, askedMinor], 'the answer carries another version than its request');

    assertFields(answer, messageFields, version, 'message');
    assertFields(header!, headerFields, version, 'header');
    if (find(requestHeader, 'ClientCorrelationValue') === undefined) {
      for (const name of ['ClientCorrelationValue', 'ServerCorrelationValue'] as const) assert.equal(find(header, name), undefined, `${name} that nobody asked for`);
    }
    const timeStamp = Number(find(header, 'TimeStamp')!.value);
    assert.ok(Math.abs(timeStamp - Date.now() / 1000) < clockToleranceSeconds, `Time Stamp ${timeStamp} is not the present time`);

    const answered = findAll(answer, 'BatchItem');
    assert.equal(find(header, 'BatchCount')!.value, answered.length, 'Batch Count and the number of items');
    const asked = findAll(request, 'BatchItem');
    if (asked.length > 0) assert.ok(answered.length <= asked.length, 'more items in the answer than in the request');
    answered.forEach((each, index) => assertBatchItem(each, supported ? asked[index] : undefined, version, `item ${index}`));
    const tooLarge = answered.length === 1 && find(answered[0], 'ResultReason')?.value === 2;
    const most = find(requestHeader, 'MaximumResponseSize')?.value;
    if (typeof most === 'number' && !tooLarge) assert.ok(responseBytes.length <= most, `answer of ${responseBytes.length} bytes, the client takes ${most}`);
    assertItem(answer, version, '');
    return answer;
  } catch (error) {
    throw annotated(error, `in the answer\n${print(answer)}`);
  }
}

/** The error with more to read below its message; a stack holds a copy of the message, and test reporters print that. */
export function annotated(error: unknown, text: string): unknown {
  if (!(error instanceof Error)) return error;
  const before = error.message;
  error.message = `${before}\n${text}`;
  if (error.stack?.includes(before)) error.stack = error.stack.replace(before, () => error.message);
  return error;
}

