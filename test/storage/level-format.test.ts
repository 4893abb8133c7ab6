/**
 * The format number: new databases have it, newer ones are refused, older ones are moved on step by step, each step atomic.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { TestContext } from 'node:test';
import { ClassicLevel } from 'classic-level';
import { Fault } from '../../src/fault.ts';
import { KeyRing } from '../../src/storage/key-ring.ts';
import { migrations, prepareFormat } from '../../src/storage/level-format.ts';
import type { Database, Migration } from '../../src/storage/level-format.ts';
import { storageFormat } from '../../src/storage/record.ts';
import { testRootKey } from './sample-state.ts';
import { temporaryFolder } from './temporary-folder.ts';

const keys = new KeyRing(testRootKey, () => undefined);
const path = (text: string): Uint8Array => Buffer.from(text);
const isFormatFault = (error: unknown): boolean => error instanceof Fault && error.code === 'E_STORE_FORMAT';

async function opened(test: TestContext): Promise<Database> {
  const database: Database = new ClassicLevel(await temporaryFolder(test), { keyEncoding: 'view', valueEncoding: 'view' });
  await database.open();
  test.after(() => database.close());
  return database;
}

it('has a step from every older format to the next', () => {
  for (let format = 1; format < storageFormat; format++) assert.ok(migrations.has(format), `no step from ${format}`);
  assert.equal(migrations.size, storageFormat - 1);
});

it('marks a new database and finds its mark again', async (test) => {
  const database = await opened(test);
  await prepareFormat(database, keys, true);
  assert.deepEqual(Buffer.from(database.getSync(path('f'))!).readUInt32BE(), storageFormat);
  await prepareFormat(database, keys, false);
});

it('refuses a newer format, and an older one with no way on', async (test) => {
  const database = await opened(test);
  await prepareFormat(database, keys, true, new Map(), 3);
  await assert.rejects(prepareFormat(database, keys, true, new Map(), 2), isFormatFault);
  await assert.rejects(prepareFormat(database, keys, true, new Map(), 4), isFormatFault);
  await prepareFormat(database, keys, true, new Map(), 3);
});

it('moves an old database on step by step, and stays at the last whole step when one fails', async (test) => {
  const database = await opened(test);
  await prepareFormat(database, keys, true, new Map(), 1);
  const writes = (from: number): Migration => async () => [{ type: 'put', key: path(`step ${from}`), value: path('done') }];
  const failing: Migration = async () => { throw new Error('step fails'); };
  await assert.rejects(prepareFormat(database, keys, true, new Map([[1, writes(1)], [2, failing]]), 3), /step fails/);
  assert.ok(database.getSync(path('step 1')) !== undefined);
  assert.equal(Buffer.from(database.getSync(path('f'))!).readUInt32BE(), 2);
  await assert.rejects(prepareFormat(database, keys, false, new Map(), 3), isFormatFault);
  await prepareFormat(database, keys, true, new Map([[2, writes(2)]]), 3);
  assert.equal(Buffer.from(database.getSync(path('f'))!).readUInt32BE(), 3);
  assert.ok(database.getSync(path('step 2')) !== undefined);
});
