/**
 * The writer where its memory grows: each kind of item right at the end of what there is, whole and in its place.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readRows } from '../../src/codec/rows-plain.ts';
import { TtlvWriter } from '../../src/codec/writer.ts';

const items: Readonly<Record<string, readonly [write: (writer: TtlvWriter) => void, value: string]>> = {
  Integer: [(writer) => writer.integer(0x42000d, 77), '0000004d'],
  LongInteger: [(writer) => writer.longInteger(0x420097, 78n), '000000000000004e'],
  Enumeration: [(writer) => writer.enumeration(0x42005c, 79), '0000004f'],
  Boolean: [(writer) => writer.boolean(0x420010, true), '0000000000000001'],
  Interval: [(writer) => writer.interval(0x42009f, 80), '00000050'],
  DateTime: [(writer) => writer.dateTime(0x420092, 81), '0000000000000051'],
  DateTimeExtended: [(writer) => writer.dateTimeExtended(0x420092, 82n), '0000000000000052'],
  TextString: [(writer) => writer.textString(0x420094, 'growth'), Buffer.from('growth').toString('hex')],
  ByteString: [(writer) => writer.byteString(0x4200c2, Uint8Array.of(1, 2, 3)), '010203'],
};

test('an item that makes the memory grow is as whole as any other', () => {
  for (const [name, [write, value]] of Object.entries(items)) {
    for (let before = 16_384 - 128; before < 16_384; before += 8) {
      const writer = new TtlvWriter();
      const begun = writer.begin(0x420078);
      writer.byteString(0x4200c2, new Uint8Array(before));
      for (let count = 0; count < 20; count += 1) write(writer);
      writer.end(begun);
      const rows = readRows(writer.bytes());
      for (let row = 2; row < rows.count; row += 1) assert.equal(Buffer.from(rows.value(row)).toString('hex'), value, `${name} behind ${before} bytes`);
    }
  }
});
