/**
 * The look at a request's first item: it knows every operation that changes something, and nothing else, whatever the bytes.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { writeRequest } from '../../src/codec/message.ts';
import { beginsWithChange } from '../../src/engine/first-item.ts';
import type { Caller } from '../../src/operations/context.ts';
import { operations } from '../../src/operations/index.ts';
import { structure } from '../../src/kmip/schema.ts';

const nothing = { type: structure('RequestPayload', {}), value: {} };
const callerWith = (...permissions: string[]): Caller => ({ scope: 'alpha', role: 'tester', permissions, credential: 'c' });
const anyone = callerWith('operation_all');
const requestOf = (...codes: number[]): Uint8Array => writeRequest(21, {}, codes.map((operation, index) => ({ operation, uniqueBatchItemID: Uint8Array.of(index), payload: nothing })));

const create = 1;
const get = 0x0a;

test('it knows the operations that change something', () => {
  for (const { code, effect, testPermission, name } of operations) assert.equal(beginsWithChange(requestOf(code), anyone), effect === 'mutates' && testPermission === undefined, name);
});

test('it looks at the first item, and at what the caller may do', () => {
  assert.equal(beginsWithChange(requestOf(create, get), anyone), true);
  assert.equal(beginsWithChange(requestOf(get, create), anyone), false);
  assert.equal(beginsWithChange(requestOf(create), callerWith('operation_create')), true);
  assert.equal(beginsWithChange(requestOf(create), callerWith('operation_get')), false);
  assert.equal(beginsWithChange(requestOf(create), callerWith()), false);
  assert.equal(beginsWithChange(requestOf(0x7fffffff), anyone), false);
});

test('it is false for bytes that end before the operation, or say so', () => {
  const message = requestOf(create);
  const end = Buffer.from(message).indexOf(Buffer.from('42005c0500000004', 'hex')) + 12;
  for (let length = 0; length <= message.length; length++) assert.equal(beginsWithChange(message.subarray(0, length), anyone), length >= Math.max(end, 24), `${length}`);
  for (const length of [0, 8, 0x7fffffff, 0xfffffff0, 0xffffffff]) {
    const changed = Buffer.from(message);
    changed.writeUInt32BE(length, 12);
    assert.equal(beginsWithChange(changed, anyone), false, `header of ${length}`);
  }
  assert.equal(beginsWithChange(requestOf(...Array.from({ length: 200 }, () => create)), anyone), false, 'a long message is read first');
});

test('it is false where header, item or operation is something else', () => {
  const message = requestOf(create);
  for (const head of ['42007701', '42000f01', '42005c05']) {
    const at = Buffer.from(message).indexOf(Buffer.from(head, 'hex'));
    for (const offset of [0, 1, 2, 3]) {
      const changed = message.slice();
      changed[at + offset]! ^= 4;
      assert.equal(beginsWithChange(changed, anyone), false, `${head}, byte ${offset}`);
    }
  }
});

test('it never fails, whatever byte is another', () => {
  const message = requestOf(create);
  for (let index = 0; index < message.length; index++) {
    for (const value of [0, 1, 0x7f, 0x80, 0xff]) {
      const changed = message.slice();
      changed[index] = value;
      assert.equal(typeof beginsWithChange(changed, anyone), 'boolean');
    }
  }
});
