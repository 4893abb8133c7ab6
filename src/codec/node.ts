/**
 * Items as trees, for values whose type depends on where they stand: Key Material, custom attributes, vendor extensions.
 *
 * Byte Strings and Big Integers of a tree are views of the message it was read from.
 */
import { ItemType } from '../kmip/item-types.ts';
import type { TtlvNode } from '../kmip/schema.ts';
import { readRows } from './rows-plain.ts';
import type { RowTable } from './rows-plain.ts';
import { TtlvWriter } from './writer.ts';

/** Tree of one row. The row table's depth limit bounds the recursion. */
export function readNode(rows: RowTable, row: number): TtlvNode {
  const tag = rows.tag(row);
  const type = rows.type(row);
  if (type !== ItemType.Structure) return { tag, type, value: readScalar(rows, row) };
  const children: TtlvNode[] = [];
  for (let child = row + 1; child < rows.end(row); child = rows.end(child)) children.push(readNode(rows, child));
  return { tag, type, value: children };
}

/** In-memory form of a row that is no structure (schema.ts names the forms). */
export function readScalar(rows: RowTable, row: number): number | bigint | boolean | string | Uint8Array {
  const offset = rows.offset(row);
  const { view } = rows;
  switch (rows.type(row)) {
    case ItemType.Integer: return view.getInt32(offset);
    case ItemType.Enumeration:
    case ItemType.Interval: return view.getUint32(offset);
    case ItemType.LongInteger:
    case ItemType.DateTimeExtended: return view.getBigInt64(offset);
    case ItemType.Boolean: return view.getUint32(offset + 4) === 1;
    case ItemType.TextString: return rows.text(row);
    case ItemType.DateTime: return view.getInt32(offset) * 0x1_0000_0000 + view.getUint32(offset + 4);
    default: return rows.value(row);
  }
}

export function encodeNode(node: TtlvNode): Uint8Array<ArrayBuffer> {
  const writer = new TtlvWriter();
  writer.node(node);
  return writer.bytes();
}

export function decodeNode(bytes: Uint8Array): TtlvNode {
  return readNode(readRows(bytes), 0);
}
