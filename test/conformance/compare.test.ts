/**
 * The runner held to its own rules: right answers pass, and each kind of wrong answer is seen.
 *
 * Right answers are those that the cases record, for every case of this stage. Wrong ones are made from them: another
 * status, reason or value, a field missing, added or out of order, a placeholder that names another object.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { ResultReason, ResultStatus } from '../../src/kmip/enums.ts';
import { Tag } from '../../src/kmip/tags.ts';
import type { TagName } from '../../src/kmip/tags.ts';
import { requireShared } from '../harness/shared-data.ts';
import { find, item } from '../harness/wire.ts';
import type { Item, Value } from '../harness/wire.ts';
import { readChains } from './catalogue.ts';
import type { Chain } from './catalogue.ts';
import { failureText, playChain } from './play.ts';
import type { Alter } from './recorded-server.ts';
import { RecordedServer } from './recorded-server.ts';

const shared = requireShared('conformance/kmip-1.0');
const chains: readonly Chain[] = shared.folder === undefined ? [] : readChains(shared.folder);

test('every recorded answer of this stage passes', { skip: shared.skip }, async () => {
  const failures: string[] = [];
  for (const chain of chains.filter(({ needs }) => needs.length === 0)) {
    for (const result of await playChain(chain, new RecordedServer(chain))) {
      if (result.failure !== undefined) failures.push(failureText(result, true));
    }
  }
  assert.equal(failures.length, 0, `${failures.length} cases refuse their own answers:\n${failures.join('\n')}`);
});

/** Plays a case whose answer at one step is altered, and gives the text of its failure. */
async function altered(name: string, step: number, alter: (answer: Item) => Item): Promise<string> {
  const chain = chains.find(({ cases }) => cases.some((each) => each.name === name));
  assert.ok(chain !== undefined, `no case ${name}`);
  const alterStep: Alter = (answer, caseName, at) => (caseName === name && at === step ? alter(answer) : answer);
  const results = await playChain(chain, new RecordedServer(chain, alterStep));
  const failed = results.find(({ failure }) => failure !== undefined);
  return failed === undefined ? 'passed' : failureText(failed);
}

/** The item with the part at a path of tags replaced by what `change` makes of it (nothing, one or more items). */
function edit(start: Item, path: readonly TagName[], change: (part: Item) => readonly Item[]): Item {
  const [name, ...rest] = path;
  let done = false;
  return {
    ...start,
    children: start.children!.flatMap((child) => {
      if (done || child.tag !== Tag[name!]) return [child];
      done = true;
      return rest.length === 0 ? change(child) : [edit(child, rest, change)];
    }),
  };
}

function withValue(part: Item, value: Value): Item[] {
  return [{ ...part, value }];
}

function reversed(part: Item): Item[] {
  return [{ ...part, children: [...part.children!].reverse() }];
}

const payload = ['BatchItem', 'ResponsePayload'] as const;
const wrong: readonly { what: string; name: string; step: number; change: (answer: Item) => Item; says: RegExp }[] = [
  { what: 'another Result Status', name: 'SKLC-M-2-14', step: 1, change: (answer) => edit(answer, ['BatchItem', 'ResultStatus'], (part) => withValue(part, ResultStatus.OperationPending)), says: /ResultStatus\n\s+expected Success\n\s+got\s+OperationPending/ },
  { what: 'another Result Reason', name: 'SKLC-M-2-14', step: 5, change: (answer) => edit(answer, ['BatchItem', 'ResultReason'], (part) => withValue(part, ResultReason.GeneralFailure)), says: /ResultReason\n\s+expected PermissionDenied\n\s+got\s+GeneralFailure/ },
  { what: 'success where failure is expected', name: 'SKLC-M-2-14', step: 5, change: (answer) => edit(edit(answer, ['BatchItem', 'ResultStatus'], (part) => withValue(part, ResultStatus.Success)), ['BatchItem', 'ResultReason'], () => []), says: /ResultReason.*\n\s+expected ResultReason PermissionDenied\n\s+got\s+the field is missing/ },
  { what: 'a missing field', name: 'SKLC-M-2-14', step: 1, change: (answer) => edit(answer, [...payload, 'ObjectType'], () => []), says: /ObjectType\n\s+expected ObjectType SymmetricKey\n\s+got\s+the field is missing/ },
  { what: 'an extra field', name: 'SKLC-M-2-14', step: 1, change: (answer) => edit(answer, [...payload, 'UniqueIdentifier'], (part) => [part, item('KeyFormatType', 'Raw')]), says: /KeyFormatType\n\s+expected no such field/ },
  { what: 'an extra field in the header', name: 'SKLC-M-2-21', step: 1, change: (answer) => edit(answer, ['ResponseHeader', 'TimeStamp'], (part) => [part, item('ClientCorrelationValue', 'x')]), says: /ClientCorrelationValue\n\s+expected no such field/ },
  { what: 'fields out of order', name: 'SKLC-M-2-14', step: 1, change: (answer) => edit(answer, payload, reversed), says: /fields in the order ObjectType, UniqueIdentifier/ },
  { what: 'another protocol version', name: 'SKLC-M-2-14', step: 1, change: (answer) => edit(answer, ['ResponseHeader', 'ProtocolVersion', 'ProtocolVersionMinor'], (part) => withValue(part, 3)), says: /ProtocolVersionMinor\n\s+expected 4\n\s+got\s+3/ },
  { what: 'a Time Stamp far from now', name: 'SKLC-M-2-14', step: 1, change: (answer) => edit(answer, ['ResponseHeader', 'TimeStamp'], (part) => withValue(part, 1_000_000_000n)), says: /TimeStamp\n\s+expected \$NOW/ },
  { what: 'another identifier than the bound one', name: 'SKLC-M-2-14', step: 3, change: (answer) => edit(answer, [...payload, 'UniqueIdentifier'], (part) => withValue(part, 'another')), says: /UniqueIdentifier\n\s+expected \$UNIQUE_IDENTIFIER_0, which is/ },
  { what: 'one identifier for two objects', name: 'TC-OFFSET-1-14', step: 1, change: (answer) => {
    const first = find(answer, 'BatchItem', 'ResponsePayload', 'UniqueIdentifier')!.value!;
    return { ...answer, children: answer.children!.map((child) => (child.tag === Tag.BatchItem ? edit(child, ['ResponsePayload', 'UniqueIdentifier'], (part) => withValue(part, first)) : child)) };
  }, says: /\$UNIQUE_IDENTIFIER_1, another object than \$UNIQUE_IDENTIFIER_0/ },
  { what: 'another attribute value', name: 'SKLC-M-2-21', step: 2, change: (answer) => edit(answer, [...payload, 'Attributes', 'State'], (part) => withValue(part, 2)), says: /expected PreActive\n\s+got\s+Active/ },
  { what: 'a missing attribute', name: 'SKLC-M-2-21', step: 2, change: (answer) => edit(answer, [...payload, 'Attributes', 'State'], () => []), says: /expected State PreActive\n\s+got\s+nothing like it/ },
  { what: 'an attribute that was not asked for', name: 'SKLC-M-2-21', step: 2, change: (answer) => edit(answer, [...payload, 'Attributes', 'State'], (part) => [part, item('LeaseTime', 5)]), says: /no such member\n\s+got\s+LeaseTime/ },
  { what: 'an attribute twice', name: 'SKLC-M-2-21', step: 2, change: (answer) => edit(answer, [...payload, 'Attributes', 'State'], (part) => [part, part]), says: /each member once\n\s+got\s+State/ },
  { what: 'an identifier too many from Locate', name: 'SKFF-M-5-10', step: 2, change: (answer) => edit(answer, [...payload, 'UniqueIdentifier'], (part) => [part, item('UniqueIdentifier', 'another')]), says: /no such member\n\s+got\s+UniqueIdentifier "another"/ },
  { what: 'no identifier from Locate', name: 'SKFF-M-5-10', step: 2, change: (answer) => edit(answer, [...payload, 'UniqueIdentifier'], () => []), says: /UniqueIdentifier "\$UNIQUE_IDENTIFIER_0"\n\s+got\s+nothing like it/ },
  { what: 'a key of another length', name: 'SKFF-M-5-10', step: 3, change: (answer) => edit(answer, [...payload, 'SymmetricKey', 'KeyBlock', 'KeyValue', 'KeyMaterial'], (part) => withValue(part, Buffer.alloc(32))), says: /KeyMaterial\n\s+expected 16 bytes/ },
  { what: 'other material the second time', name: 'TC-153-12', step: 5, change: (answer) => ({ ...answer, children: answer.children!.map((child) => (child.tag === Tag.BatchItem && find(child, 'ResponsePayload', 'SymmetricKey') !== undefined ? edit(child, ['ResponsePayload', 'SymmetricKey', 'KeyBlock', 'KeyValue', 'KeyMaterial'], (part) => withValue(part, Buffer.alloc(32))) : child)) }), says: /KeyMaterial\n\s+expected the material that the same object had before/ },
  { what: 'a wrong cipher text of a registered key', name: 'CS-BC-M-6-14', step: 2, change: (answer) => edit(answer, [...payload, 'Data'], (part) => withValue(part, Buffer.alloc(16))), says: /Data\n\s+expected d9bcce11b0b437b90239552df3a360c9/ },
  { what: 'a cipher text of another length', name: 'CS-BC-M-3-14', step: 2, change: (answer) => edit(answer, [...payload, 'Data'], (part) => withValue(part, Buffer.alloc(32))), says: /Data\n\s+expected 16 bytes/ },
  { what: 'a plaintext that is not what was encrypted', name: 'CS-BC-M-3-14', step: 3, change: (answer) => edit(answer, [...payload, 'Data'], (part) => withValue(part, Buffer.alloc(16))), says: /Data\n\s+expected 01020304050607080910111213141516/ },
  { what: 'a digest that is not of the material', name: 'TC-181-12', step: 2, change: (answer) => edit(answer, [...payload, 'Attribute', 'AttributeValue', 'DigestValue'], (part) => withValue(part, Buffer.alloc(32))), says: /DigestValue\n\s+expected a SHA-256 digest/ },
  { what: 'another unique batch item identifier', name: 'TL-M-1-10', step: 1, change: (answer) => edit(answer, ['BatchItem', 'UniqueBatchItemID'], (part) => withValue(part, Buffer.from('02', 'hex'))), says: /UniqueBatchItemID\n\s+expected 01\n\s+got\s+02/ },
  { what: 'a batch item too few', name: 'TL-M-2-10', step: 1, change: (answer) => ({ ...answer, children: answer.children!.slice(0, -1) }), says: /no such batch item/ },
  { what: 'an operation missing in Query', name: 'TL-M-1-10', step: 1, change: (answer) => edit(answer, [...payload, 'Operation'], () => []), says: /expected Operation Query\n\s+got\s+nothing like it/ },
  { what: 'a Result Message with Success', name: 'SKLC-M-2-14', step: 1, change: (answer) => edit(answer, ['BatchItem', 'ResultStatus'], (part) => [part, item('ResultMessage', 'fine')]), says: /none with Success/ },
  { what: 'another item type', name: 'SKLC-M-2-14', step: 1, change: (answer) => edit(answer, [...payload, 'ObjectType'], (part) => [{ ...part, type: 2 }]), says: /expected type Enumeration/ },
  { what: 'a date that nobody sent', name: 'TC-MDO-2-14', step: 5, change: (answer) => edit(answer, [...payload, 'Attribute', 'AttributeValue'], (part) => withValue(part, 5n)), says: /expected 1970-01-01T10:42:00/ },
];

for (const { what, name, step, change, says } of wrong) {
  test(`${what} is a failure (${name}, step ${step})`, { skip: shared.skip }, async () => {
    assert.match(await altered(name, step, change), says);
  });
}

const permitted: readonly { what: string; name: string; step: number; change: (answer: Item) => Item }[] = [
  { what: 'another or no Result Message', name: 'SKLC-M-2-14', step: 5, change: (answer) => edit(answer, ['BatchItem', 'ResultMessage'], () => []) },
  { what: 'a Server Correlation Value', name: 'SKLC-M-2-21', step: 1, change: (answer) => edit(answer, ['ResponseHeader', 'TimeStamp'], (part) => [part, item('ServerCorrelationValue', 'x')]) },
  { what: 'attributes in another order', name: 'SKLC-M-2-21', step: 2, change: (answer) => edit(answer, [...payload, 'Attributes'], reversed) },
  { what: 'an Attribute Index of 0 in 1.1 and later', name: 'SKLC-M-2-14', step: 2, change: (answer) => edit(answer, [...payload, 'Attribute'], (part) => [{ ...part, children: [part.children![0]!, item('AttributeIndex', 0), part.children![1]!] }]) },
  { what: 'more operations in Query', name: 'SASED-M-1-14', step: 1, change: (answer) => edit(answer, [...payload, 'Operation'], (part) => [part, item('Operation', 'Sign')]) },
];
for (const { what, name, step, change } of permitted) {
  test(`${what} is permitted (${name}, step ${step})`, { skip: shared.skip }, async () => {
    assert.equal(await altered(name, step, change), 'passed');
  });
}
