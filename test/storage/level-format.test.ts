/**
 * The format number: new databases have it, newer ones are refused, older ones are moved on step by step, each step atomic.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { TestContext } from 'node:test';
import { ClassicLevel } from 'classic-level';
import { State } from '../../src/kmip/enums.ts';
import { Fault } from '../../src/fault.ts';
import { KeyRing } from '../../src/storage/key-ring.ts';
import { migrations, prepareFormat } from '../../src/storage/level-format.ts';
import type { Database, Migration } from '../../src/storage/level-format.ts';
import { createLevelStore } from '../../src/storage/level-store.ts';
import { migrateHolders } from '../../src/storage/migrate-holders.ts';
import { indexPath } from '../../src/storage/paths.ts';
import { storageFormat } from '../../src/storage/record.ts';
import { collect, created, scopePut, testRootKey } from './sample-state.ts';
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
  await prepareFormat(database, keys, 'single');
  assert.deepEqual(Buffer.from(database.getSync(path('f'))!).readUInt32BE(), storageFormat);
  await prepareFormat(database, keys, 'reader');
});

it('refuses a newer format, and an older one with no way on', async (test) => {
  const database = await opened(test);
  await prepareFormat(database, keys, 'single', new Map(), 3);
  await assert.rejects(prepareFormat(database, keys, 'single', new Map(), 2), isFormatFault);
  await assert.rejects(prepareFormat(database, keys, 'single', new Map(), 4), isFormatFault);
  await prepareFormat(database, keys, 'single', new Map(), 3);
});

/** A store as format 1 left it: no lists of holders, an index by Unique Identifier. */
async function backToFormat1(folder: string, objects: readonly { identifier: string; ordinal: number }[]): Promise<void> {
  const database: Database = new ClassicLevel(folder, { keyEncoding: 'view', valueEncoding: 'view' });
  await database.open();
  const ring = new KeyRing(testRootKey, () => scopeRecord);
  const holders = await database.keys({ gte: path('h'), lt: path('i') }).all();
  assert.ok(holders.length > 0, 'the store has holders to lose');
  await database.batch([
    ...holders.map((key) => ({ type: 'del' as const, key })),
    ...objects.map(({ identifier, ordinal }) => ({ type: 'put' as const, key: indexPath(ring, 'default', `16 UniqueIdentifier ${identifier.length} ${identifier}`, ordinal), value: path(identifier) })),
    { type: 'put', key: path('f'), value: Buffer.from([0, 0, 0, 1]) },
  ]);
  await database.close();
}

const scopeMutation = scopePut('default');
const scopeRecord = scopeMutation.kind === 'scope-put' ? scopeMutation.record : undefined;

it('moves format 1 to 2: names find their living holders, and a run that was cut short is done again', async (test) => {
  const folder = await temporaryFolder(test);
  const identifiers = Array.from({ length: 5000 }, (_, index) => `u${index}`);
  const store = await createLevelStore({ folder, rootKey: testRootKey });
  await store.commit([scopeMutation]);
  await store.commit(identifiers.map((identifier, index) => created(identifier, { name: `name ${index >> 1}`, ...(index % 2 === 0 && { state: State.Destroyed }) })));
  const digest = await store.digest();
  const count = async (first: string, last: string): Promise<number> => {
    const database: Database = new ClassicLevel(folder, { keyEncoding: 'view', valueEncoding: 'view' });
    await database.open();
    const { length } = await database.keys({ gte: path(first), lt: path(last) }).all();
    await database.close();
    return length;
  };
  await store.close();
  const indexed = await count('i', 'j');
  const objects = identifiers.map((identifier, index) => ({ identifier, ordinal: 2 * 0x10000 + index }));
  for (const cut of [true, false]) {
    await backToFormat1(folder, objects);
    if (cut) {
      const database: Database = new ClassicLevel(folder, { keyEncoding: 'view', valueEncoding: 'view' });
      await database.open();
      // Its last batch is lost: the format number is still the old one.
      assert.ok((await migrateHolders(database, new KeyRing(testRootKey, () => scopeRecord))).length > 0);
      await database.close();
    }
    const moved = await createLevelStore({ folder, rootKey: testRootKey });
    for (const index of [0, 1, 4098, 4999]) {
      const query = { terms: [{ name: 'Name', value: { nameValue: `name ${index >> 1}` } }] };
      const [dead, living] = [`u${index & ~1}`, `u${index | 1}`];
      assert.deepEqual(await collect(moved.candidates('default', { ...query, isHeld: true })), [living]);
      assert.deepEqual(await collect(moved.candidates('default', query)), [dead, living]);
    }
    assert.equal(await moved.digest(), digest);
    await moved.close();
    assert.equal(await count('h', 'i'), 2500);
    assert.equal(await count('i', 'j'), indexed);
  }
});

it('moves an old database on step by step, and stays at the last whole step when one fails', async (test) => {
  const database = await opened(test);
  await prepareFormat(database, keys, 'single', new Map(), 1);
  const writes = (from: number): Migration => async () => [{ type: 'put', key: path(`step ${from}`), value: path('done') }];
  const failing: Migration = async () => { throw new Error('step fails'); };
  await assert.rejects(prepareFormat(database, keys, 'single', new Map([[1, writes(1)], [2, failing]]), 3), /step fails/);
  assert.ok(database.getSync(path('step 1')) !== undefined);
  assert.equal(Buffer.from(database.getSync(path('f'))!).readUInt32BE(), 2);
  await assert.rejects(prepareFormat(database, keys, 'reader', new Map(), 3), isFormatFault);
  await prepareFormat(database, keys, 'single', new Map([[2, writes(2)]]), 3);
  assert.equal(Buffer.from(database.getSync(path('f'))!).readUInt32BE(), 3);
  assert.ok(database.getSync(path('step 2')) !== undefined);
});
