/**
 * Every message of the OASIS cases of 1.0 to 2.1, both directions: its frame reads, and the payloads of the operations we
 * have read by their schemas and are written again to the very same bytes.
 *
 * Placeholders stand as values of the right type: nothing is executed here.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readPayload, readRequest, readResponse, writeRequest, writeResponse } from '../../src/codec/message.ts';
import type { RequestMessage, ResponseMessage } from '../../src/codec/message.ts';
import { ItemType } from '../../src/kmip/item-types.ts';
import { operationByCode } from '../../src/operations/index.ts';
import { readCases } from '../conformance/catalogue.ts';
import { walk } from '../conformance/case-file.ts';
import type { Template } from '../conformance/case-file.ts';
import { literalValue, meaningOf, tagNumber } from '../conformance/template.ts';
import { requireShared } from '../harness/shared-data.ts';
import { encode, print, decode } from '../harness/wire.ts';
import type { Item, Value } from '../harness/wire.ts';

const shared = requireShared('conformance');

/** Any value of the type, in place of one that only a run of the case would give. */
const stand: Readonly<Record<string, Value>> = {
  TextString: 'placeholder', ByteString: Buffer.from('placeholder'), DateTime: 1_700_000_000n, DateTimeExtended: 0n, BigInteger: Buffer.alloc(8, 1), Integer: 1, LongInteger: 1n, Interval: 1,
};

function itemOf(template: Template, parent?: Template): Item {
  const tag = tagNumber(template);
  if (template.type === 'Structure') return { tag, type: ItemType.Structure, children: template.children.map((child) => itemOf(child, template)) };
  const value = template.value?.startsWith('$') === true ? (stand[template.type] as Value) : literalValue(template, meaningOf(template, parent));
  return { tag, type: ItemType[template.type], value };
}

/** Objects of later issues, whose payloads the operations of this one do not describe. */
const laterObjects: ReadonlySet<string> = new Set(['Template', 'Certificate', 'PublicKey', 'PrivateKey', 'SplitKey', 'PGPKey']);

function isLater(message: Template, name: string): boolean {
  // References between the items of a batch (Data of type Enumeration), also later; a Template by its name.
  if (/^TC-REENCRYPT|^SASED-M-2-1[0-3]$|^TC-31[24]-1[0-2]$/.test(name)) return true;
  return [...walk(message)].some((element) => laterObjects.has(element.name));
}

function rewritten(message: RequestMessage | ResponseMessage, direction: 'request' | 'response'): Uint8Array {
  const { protocolVersion: _version, batchCount: _count, ...header } = message.header;
  const items = message.items.map(({ payloadRow, ...item }) => {
    if (payloadRow === undefined) return { ...item };
    const operation = item.operation === undefined ? undefined : operationByCode(item.operation);
    if (operation === undefined) return { ...item, payload: message.rows.item(payloadRow) };
    const type = operation[direction];
    return { ...item, payload: { type, value: readPayload(message, { payloadRow }, type) } };
  });
  return direction === 'request' ? writeRequest(message.version, header as never, items as never) : writeResponse(message.version, header as never, items as never);
}

for (const [direction, read] of [['request', readRequest], ['response', readResponse]] as const) {
  test(`each ${direction} of the OASIS cases reads, and is written again to the same bytes`, { skip: shared.skip }, () => {
    let count = 0;
    const wrong: string[] = [];
    for (const { name, exchanges } of readCases(shared.folder as string)) {
      for (const [step, exchange] of exchanges.entries()) {
        if (exchange.serverToClient) continue;
        const bytes = encode(itemOf(exchange[direction]));
        count++;
        try {
          if (isLater(exchange[direction], name)) {
            read(bytes);
            continue;
          }
          const again = rewritten(read(bytes), direction);
          if (!Buffer.from(again).equals(bytes)) wrong.push(`${name} step ${step}:\n${print(decode(bytes))}\nwas written again as\n${print(decode(again))}`);
        } catch (error) {
          wrong.push(`${name} step ${step}: ${(error as Error).message}\n${print(decode(bytes))}`);
        }
      }
    }
    assert.ok(count > 2500, `only ${count} messages`);
    assert.deepEqual(wrong.slice(0, 3), [], `${wrong.length} of ${count}: ${wrong.map((each) => each.split('\n')[0]).join('\n')}`);
  });
}
