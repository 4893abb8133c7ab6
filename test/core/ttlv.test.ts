// The core's TTLV reader beside its twin in plain TypeScript: the same rows, the same verdict, the same offset of the first
// broken byte; on the vectors of other projects, on random trees, and on both with bytes changed, cut off and put in. And the
// tags that were generated are those of the tables.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import * as abi from '../../core/abi.ts';
import { tagsText } from '../../core/generate-tags.ts';
import * as generated from '../../core/tags.gen.ts';
import { maximumDepth, readRows } from '../../src/codec/rows-plain.ts';
import { CryptographicAlgorithm, CryptographicUsageMask, BatchErrorContinuationOption, Operation, ResultStatus, State } from '../../src/kmip/enums.ts';
import { ItemType } from '../../src/kmip/item-types.ts';
import { KmipError } from '../../src/kmip/result.ts';
import { Tag } from '../../src/kmip/tags.ts';
import type { CoreInstance } from '../../src/wasm/load.ts';
import { requireShared } from '../harness/shared-data.ts';
import { cores, seededRandom } from './cores.ts';
import type { RandomSource } from './cores.ts';

const rowsMax = 4000;
const messageMax = 65536;

/** The core's reader over a region of its own. */
function createReader(instance: CoreInstance): (bytes: Uint8Array) => Int32Array | number {
  const { exports } = instance;
  const message = exports.reserve(messageMax, 64);
  const rows = exports.reserve(rowsMax * abi.ROW_BYTES, 64);
  return (bytes) => {
    const memory = new Uint8Array(exports.memory.buffer);
    // Neighbours that would pass for items: a reader that looks beyond the end is found out.
    memory.fill(0x42, message + bytes.length, message + bytes.length + 64);
    memory.set(bytes, message);
    const count = exports.readRows(message, bytes.length, rows, rowsMax, maximumDepth);
    return count < 0 ? ~count : new Int32Array(exports.memory.buffer, rows, count * 6).slice();
  };
}

function plain(bytes: Uint8Array): Int32Array | number {
  try {
    const table = readRows(bytes, { maximumRows: rowsMax });
    const cells = new Int32Array(table.count * 6);
    for (let row = 0; row < table.count; row += 1) {
      cells.set([table.tag(row), table.type(row), table.offset(row), table.length(row), table.parent(row), table.end(row)], row * 6);
    }
    return cells;
  } catch (error) {
    if (!(error instanceof KmipError)) throw error;
    return Number(/at byte (\d+)/.exec(error.message)![1]);
  }
}

function vectors(): Uint8Array[] {
  const { folder } = requireShared('conformance/ttlv-vectors');
  if (folder === undefined) return [];
  const found: Uint8Array[] = [];
  for (const file of ['spec-9.1.2-examples.json', 'message-encodings-xml-json-ttlv.json', 'usecases-1.0-request-response.json', 'pykmip-unit-bytes.json', 'nlnetlabs-kmip-ttlv.json', 'libmongocrypt-kmip-messages.json']) {
    const { vectors: rows } = JSON.parse(readFileSync(join(folder, 'conformance/ttlv-vectors', file), 'utf8')) as { vectors: Record<string, unknown>[] };
    for (const row of rows) {
      for (const field of ['hex', 'ttlv_hex', 'request_hex', 'response_hex']) if (typeof row[field] === 'string') found.push(Uint8Array.from(Buffer.from(row[field], 'hex')));
    }
  }
  return found.filter((bytes) => bytes.length < messageMax);
}

const texts = ['', 'a', 'kmipd', 'ä', 'Schlüssel für morgen', '鍵', '🔑🔑', '\u0000', 'eight by', '\uffff', '\u{10ffff}'];

/** A random item: every type, every shape, right to the last bit. */
function randomItem(random: RandomSource, depth: number): Buffer {
  const type = depth > 0 && random.below(3) === 0 ? 1 : 1 + random.below(11);
  const value = ((): Buffer => {
    switch (type) {
      case 1: return depth === 0 ? Buffer.alloc(0) : Buffer.concat(Array.from({ length: random.below(5) }, () => randomItem(random, depth - 1)));
      case 2: case 5: case 10: return Buffer.from(random.bytes(4));
      case 4: return Buffer.from(random.bytes(8 + 8 * random.below(4)));
      case 6: return Buffer.from([0, 0, 0, 0, 0, 0, 0, random.below(2)]);
      case 7: return Buffer.from(texts[random.below(texts.length)]!);
      case 8: return Buffer.from(random.bytes(random.below(40)));
      case 9: return Buffer.from([0, random.below(0x20), ...random.bytes(6)]);
      default: return Buffer.from(random.bytes(8));
    }
  })();
  const head = Buffer.alloc(8);
  head.writeUInt32BE(((random.below(8) === 0 ? 0x540000 : 0x420000) + random.below(0x150)) * 256 + type);
  head.writeUInt32BE(value.length, 4);
  return Buffer.concat([head, value, Buffer.alloc((8 - (value.length % 8)) % 8)]);
}

function mutated(bytes: Uint8Array, random: RandomSource): Uint8Array {
  const copy = Buffer.from(bytes);
  const at = random.below(Math.max(1, copy.length));
  switch (random.below(6)) {
    case 0: return copy.subarray(0, at);
    case 1: return Buffer.concat([copy.subarray(0, at), random.bytes(1 + random.below(9)), copy.subarray(at)]);
    case 2: return Buffer.concat([copy, random.bytes(1 + random.below(9))]);
    case 3: copy[at] = copy[at]! ^ (1 << random.below(8)); return copy;
    case 4: copy[at] = random.below(256); return copy;
    // Where lengths are.
    default: copy[(at & ~7) + 4 + random.below(4)] = random.below(3) * 127; return copy.subarray(0, bytes.length);
  }
}

for (const core of cores) {
  test(`${core.build}: both readers find the same rows and refuse at the same byte`, () => {
    const read = createReader(core.instance());
    const random = seededRandom(71);
    const trees = Array.from({ length: 400 }, () => randomItem(random, 5));
    const known = vectors();
    let refusals = 0;
    let taken = 0;
    for (const bytes of [...known, ...trees]) {
      if (bytes.length > messageMax - 100) continue;
      assert.deepEqual(read(bytes), plain(bytes), Buffer.from(bytes).toString('hex'));
      for (let count = 0; count < 40; count += 1) {
        const broken = mutated(bytes, random);
        const expected = plain(broken);
        assert.deepEqual(read(broken), expected, Buffer.from(broken).toString('hex'));
        if (typeof expected === 'number') refusals += 1;
        else taken += 1;
      }
    }
    assert.ok(refusals > 5000 && taken > 1000, `${refusals} refused, ${taken} taken`);
  });

  test(`${core.build}: every short text of broken and sound UTF-8 gets the same verdict`, () => {
    const read = createReader(core.instance());
    const random = seededRandom(72);
    const leads = [0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xed, 0xee, 0xef, 0xf0, 0xf3, 0xf4, 0xf5, 0xff];
    const follows = [0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0];
    const check = (text: readonly number[]): void => {
      const bytes = Buffer.concat([Buffer.from('42009407', 'hex'), Buffer.from([0, 0, 0, text.length]), Buffer.from(text), Buffer.alloc((8 - (text.length % 8)) % 8)]);
      assert.deepEqual(read(bytes), plain(bytes), Buffer.from(text).toString('hex'));
    };
    for (const lead of leads) {
      check([lead]);
      for (const second of follows) {
        check([lead, second]);
        for (const third of follows) {
          check([0x41, lead, second, third]);
          for (const fourth of follows) check([lead, second, third, fourth]);
        }
      }
    }
    for (let count = 0; count < 2000; count += 1) check([...random.bytes(80)].map((byte) => (random.below(12) > 0 ? 0x41 : byte)));
  });

  test(`${core.build}: depth, number of rows and every truncation end alike`, () => {
    const read = createReader(core.instance());
    const nested = (depth: number): Buffer => {
      let bytes = Buffer.alloc(0);
      for (let level = 0; level < depth; level += 1) {
        const head = Buffer.from('4200780100000000', 'hex');
        head.writeUInt32BE(bytes.length, 4);
        bytes = Buffer.concat([head, bytes]);
      }
      return bytes;
    };
    for (let depth = 1; depth < maximumDepth + 3; depth += 1) assert.deepEqual(read(nested(depth)), plain(nested(depth)), `${depth} levels`);
    const wide = (count: number): Buffer => {
      const bytes = Buffer.alloc(8 + count * 8);
      bytes.writeUInt32BE(0x42007801);
      bytes.writeUInt32BE(count * 8, 4);
      for (let index = 0; index < count; index += 1) bytes.writeUInt32BE(0x4200c208, 8 + index * 8);
      return bytes;
    };
    for (const count of [0, 1, rowsMax - 2, rowsMax - 1, rowsMax, rowsMax + 1]) assert.deepEqual(read(wide(count)), plain(wide(count)), `${count} items`);
    const whole = randomItem(seededRandom(73), 5);
    for (let length = 0; length <= whole.length; length += 1) assert.deepEqual(read(whole.subarray(0, length)), plain(whole.subarray(0, length)), `${length} bytes`);
  });
}

test('tags.gen.ts is fresh, and says what the tables say', () => {
  assert.equal(readFileSync(new URL('../../core/tags.gen.ts', import.meta.url), 'utf8'), tagsText());
  const plainName = (name: string): string => name.replaceAll('_', '').toLowerCase();
  const tables = { TAG_: Tag as Readonly<Record<string, number>>, TYPE_: ItemType as Readonly<Record<string, number>> };
  for (const [constant, value] of Object.entries(generated)) {
    const prefix = constant.startsWith('TAG_') ? 'TAG_' : 'TYPE_';
    const name = Object.keys(tables[prefix]).find((each) => plainName(each) === plainName(constant.slice(prefix.length)));
    assert.equal(value as number, tables[prefix][name ?? ''], constant);
  }
});

test('the numbers of KMIP that abi.ts repeats are those of the tables', () => {
  assert.deepEqual(
    [abi.OPERATION_ENCRYPT, abi.OPERATION_DECRYPT, abi.ALGORITHM_AES, abi.STATE_PRE_ACTIVE, abi.STATE_ACTIVE, abi.STATE_DEACTIVATED, abi.STATE_COMPROMISED],
    [Operation.Encrypt, Operation.Decrypt, CryptographicAlgorithm.AES, State.PreActive, State.Active, State.Deactivated, State.Compromised],
  );
  assert.deepEqual(
    [abi.USAGE_ENCRYPT, abi.USAGE_DECRYPT, abi.USAGE_UNRESTRICTED, abi.RESULT_SUCCESS, abi.BATCH_OPTION_MAX, abi.FAST_DEPTH_MAX],
    [CryptographicUsageMask.Encrypt, CryptographicUsageMask.Decrypt, CryptographicUsageMask.Unrestricted, ResultStatus.Success, Math.max(...Object.values(BatchErrorContinuationOption)), maximumDepth],
  );
});
