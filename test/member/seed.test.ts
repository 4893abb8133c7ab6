/**
 * Taking over a backup, with a keeper that can fail at each part: every record once and in order, whoever does it; no other state is
 * touched; and nobody goes on before all is there.
 */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { Fault } from '../../src/fault.ts';
import { authoritySetting, bootstrap } from '../../src/identity/bootstrap.ts';
import type { Log } from '../../src/log.ts';
import { findSeed, seeded } from '../../src/member/seed.ts';
import type { SeedParts } from '../../src/member/seed.ts';
import { systemRandom } from '../../src/random.ts';
import { backupHeader, writeBackup } from '../../src/storage/backup-file.ts';
import { marginPrefixes } from '../../src/storage/backup-restore.ts';
import { encode } from '../../src/storage/cbor.ts';
import { createLevelStore } from '../../src/storage/level-store.ts';
import type { LevelStore } from '../../src/storage/level-store.ts';
import type { Mutation } from '../../src/storage/mutation.ts';
import { openReplicaStore } from '../../src/storage/replica-store.ts';
import { attributeSet, collect, created, scopePut, testRootKey } from '../storage/sample-state.ts';
import { temporaryFolder } from '../storage/temporary-folder.ts';

const log: Log = { fatal: () => undefined, error: () => undefined, warn: () => undefined, info: () => undefined, debug: () => undefined };
const isFault = (code: string) => (error: unknown): boolean => error instanceof Fault && error.code === code;
const objects = 1000;

async function bootstrapped(store: LevelStore, folder: string, rootKey = testRootKey): Promise<void> {
  await bootstrap({ store, rootKey, folder, serverNames: ['localhost'], random: systemRandom, now: () => 1_700_000_000 });
}

/** A server's store with objects that were made in another order than their identifiers have, and its backup. */
async function backedUp(test: TestContext, more: readonly Mutation[] = []): Promise<{ readonly folder: string; readonly file: string; readonly store: LevelStore }> {
  const folder = await temporaryFolder(test);
  const store = await createLevelStore({ folder: join(folder, 'source'), rootKey: testRootKey });
  test.after(() => store.close());
  await bootstrapped(store, folder);
  await store.commit([scopePut('other'), { kind: 'setting-put', name: 'stream-key', value: new Uint8Array(32) }, { kind: 'nonce-prefix-taken', prefix: 0 }, ...more]);
  for (let index = 0; index < objects; index += 100) {
    await store.commit(Array.from({ length: 100 }, (_, place) => created(`u${(index + place) * 7 % objects}`, { scope: place % 5 === 0 ? 'other' : 'default', name: `name ${index + place}`, custom: 'x'.repeat(500) })));
  }
  await store.commit([attributeSet('u7', 'State', 2), attributeSet('u7', 'State', 3), { kind: 'material-destroyed', scope: 'default', uniqueIdentifier: 'u14' }]);
  const file = join(folder, 'backup');
  const capture = await store.backup({ mark: { id: 'this one', takenAt: Date.now() }, isNodesOwn: () => false });
  await writeBackup(file, capture.content());
  await capture.close();
  return { folder, file, store };
}

interface Target {
  readonly store: LevelStore;
  /** What is committed is first asked for here. */
  before: (mutations: readonly Mutation[]) => void;
  parts(file: string | undefined): Promise<SeedParts>;
}

async function target(test: TestContext, folder: string, name: string, rootKey = testRootKey): Promise<Target> {
  const store = await createLevelStore({ folder: join(folder, name), rootKey });
  test.after(() => store.close());
  const made: Target = {
    store, before: () => undefined,
    parts: async (file) => ({
      keeper: {
        view: store.pending(), ready: async () => undefined,
        commit: async (mutations) => {
          made.before(mutations);
          return store.commit(mutations);
        },
      },
      seed: file === undefined ? undefined : await findSeed(file, { folder, storeFolder: join(folder, 'none'), environmentKey: Buffer.from(testRootKey).toString('hex') }, log),
      folder: join(folder, `${name} data`), rootKey, log, now: () => Date.now(), takeOverMs: 300,
    }),
  };
  return made;
}

/** All but what belongs to the server, and when it was made. */
async function picture(store: LevelStore): Promise<unknown> {
  const identities = store.scopes().map(({ scope, createdAt }) => [scope, createdAt, store.roles(scope), store.credentials(scope)]);
  const managed = await Promise.all(store.scopes().map(async ({ scope }) => (await collect(store.candidates(scope, { terms: [] }))).map((identifier) => store.fetch(scope, identifier))));
  return { identities, managed, settings: [authoritySetting, 'admin-token'].map((name) => store.setting(name)) };
}

it('makes every object, identity and setting anew, in the order of their creation and with their revisions', async (test) => {
  const { folder, file, store } = await backedUp(test);
  const { store: taken, parts } = await target(test, folder, 'target');
  await seeded(await parts(file));
  assert.deepEqual(await picture(taken), await picture(store));
  assert.equal(taken.fetch('default', 'u7')!.revision, 2);
  assert.equal(taken.setting('stream-key'), undefined);
  assert.equal(taken.setting('server-certificate'), undefined);
  assert.ok(taken.nextNoncePrefix >= marginPrefixes + 1, String(taken.nextNoncePrefix));
  assert.equal(existsSync(join(folder, 'target data', 'seed')), false, 'nothing is left beside');
  const { sequence } = taken;
  // Once more, and without the backup: there is nothing to do.
  await seeded(await parts(file));
  await seeded(await parts(undefined));
  assert.equal(taken.sequence, sequence);
});

it('seals scopes for the root key of the new cluster, where that is another', async (test) => {
  const { folder, file, store } = await backedUp(test);
  const rootKey = new Uint8Array(32).fill(9);
  const { store: taken, parts } = await target(test, folder, 'target', rootKey);
  await seeded(await parts(file));
  const expected = await picture(store);
  assert.deepEqual(await picture(taken), expected);
  await taken.close();
  const again = await createLevelStore({ folder: join(folder, 'target'), rootKey });
  assert.deepEqual(await picture(again), expected);
  await again.close();
});

it('goes on where it stopped, at whichever part, and comes to the same', async (test) => {
  const { folder, file, store } = await backedUp(test);
  const expected = await picture(store);
  for (const stop of [1, 2, 4]) {
    const made = await target(test, folder, `stop ${stop}`);
    let commits = 0;
    let isLost = false;
    made.before = () => {
      commits += 1;
      if (commits === stop) throw new Error('the node dies');
      // What became of this one is not known, though it did not take place.
      if (commits === stop + 1 && !isLost) {
        isLost = true;
        throw new Fault('E_OUTCOME_UNKNOWN', 'no answer', { retryable: true });
      }
    };
    await assert.rejects(seeded(await made.parts(file)), /the node dies/);
    let waited = false;
    const waiting = seeded(await made.parts(undefined)).then(() => (waited = true));
    await sleep(50);
    assert.equal(waited, stop === 1, 'nobody goes on before all is there; where nothing is, there is nothing to wait for');
    await seeded(await made.parts(file));
    await waiting;
    assert.deepEqual(await picture(made.store), expected, `stopped at part ${stop}`);
  }
});

it('takes over from another node that stopped, and gives way to one that goes on', async (test) => {
  const { folder, file, store } = await backedUp(test);
  const made = await target(test, folder, 'shared');
  await Promise.all([seeded(await made.parts(file)), seeded({ ...(await made.parts(file)), folder: join(folder, 'second data') }), seeded({ ...(await made.parts(file)), folder: join(folder, 'third data') })]);
  assert.deepEqual(await picture(made.store), await picture(store));
});

it('refuses a cluster that has a state, or began with another backup, and touches nothing', async (test) => {
  const { folder, file } = await backedUp(test);
  const used = await target(test, folder, 'used');
  await bootstrapped(used.store, join(folder, 'used data'));
  const { sequence } = used.store;
  await assert.rejects(seeded(await used.parts(file)), isFault('E_SEED_NOT_EMPTY'));
  assert.equal(used.store.sequence, sequence);
  for (const isComplete of [true, false]) {
    const other = await target(test, folder, `other ${isComplete}`);
    await other.store.commit([{ kind: 'setting-put', name: 'seed', value: encode({ backup: 'another', done: 3, isComplete }) }]);
    await assert.rejects(seeded(await other.parts(file)), isFault('E_SEED_OTHER'));
    assert.equal(other.store.sequence, 1);
  }
});

it('lets a first identity that was made meanwhile stand, and never mixes the two', async (test) => {
  const { folder, file } = await backedUp(test);
  const made = await target(test, folder, 'race');
  made.before = () => {
    if (made.store.setting('admin-token') === undefined) void made.store.commit([{ kind: 'setting-put', name: authoritySetting, value: new Uint8Array(1) }, { kind: 'setting-put', name: 'admin-token', value: new Uint8Array(32) }]);
    throw new Fault('E_CHANGED_MEANWHILE', 'another node was faster', { retryable: true });
  };
  await assert.rejects(seeded(await made.parts(file)), isFault('E_SEED_NOT_EMPTY'));
  assert.deepEqual(made.store.setting(authoritySetting), new Uint8Array(1));
});

it('proposes nothing of a backup with a record that no log entry holds', async (test) => {
  const { folder, file } = await backedUp(test, [created('huge', { scope: 'other', keyMaterial: new Uint8Array(800_000) })]);
  const { store, parts } = await target(test, folder, 'target');
  await assert.rejects(seeded(await parts(file)), (error: Fault) => error.code === 'E_SEED_LIMIT' && error.message.includes('huge'));
  assert.equal(store.sequence, 0);
});

it('does without the file where the node has a store already', async (test) => {
  const folder = await temporaryFolder(test);
  const file = join(folder, 'gone');
  assert.equal(await findSeed(file, { folder, storeFolder: folder }, log), undefined);
  await assert.rejects(findSeed(file, { folder, storeFolder: join(folder, 'store') }, log), isFault('E_BACKUP_FILE'));
});

it('never puts its authority over one that another node made while the backup was being read', async (test) => {
  const { folder, file } = await backedUp(test);
  const { store, parts } = await target(test, folder, 'between');
  const seeding = await parts(file);
  let asked = 0;
  // Looked at, and found empty; the backup is restored beside; by the time of the first part there is a first identity.
  const ready = async (): Promise<void> => {
    asked += 1;
    if (asked === 2) await store.commit([{ kind: 'setting-put', name: authoritySetting, value: Uint8Array.of(7) }]);
  };
  await assert.rejects(seeded({ ...seeding, keeper: { ...seeding.keeper, ready } }), isFault('E_SEED_NOT_EMPTY'));
  assert.deepEqual(store.setting(authoritySetting), Uint8Array.of(7));
  assert.equal(store.sequence, 1, 'nothing was proposed');
});

it('leaves a take-over to the node that does it as long as that moves on', async (test) => {
  const { folder, file } = await backedUp(test);
  const made = await target(test, folder, 'patient');
  const header = await backupHeader(file);
  const moved = (done: number) => made.store.commit([{ kind: 'setting-put', name: 'seed', value: encode({ backup: header.backup!.id, done, isComplete: done === 99 }) }]);
  let now = 0;
  let [proposed, looks] = [0, 0];
  made.before = () => void (proposed += 1);
  const seeding = await made.parts(file);
  await moved(1);
  await seeded({ ...seeding, now: () => now, takeOverMs: 1_000, keeper: { ...seeding.keeper, ready: async () => {
    // Another part of the other node for each nine tenths of what this one waits.
    looks += 1;
    now += 900;
    await moved(looks === 4 ? 99 : looks + 1);
  } } });
  assert.deepEqual([proposed, looks], [0, 4]);
});

it('takes no snapshot of a cluster for a backup, nor the backup of a server that was never ready', async (test) => {
  const folder = await temporaryFolder(test);
  const replica = await openReplicaStore({ folder: join(folder, 'replica'), rootKey: testRootKey });
  const snapshot = await replica.capture();
  await writeBackup(join(folder, 'snapshot'), snapshot.content());
  await snapshot.close();
  await replica.close();
  const { parts } = await target(test, folder, 'target');
  await assert.rejects(parts(join(folder, 'snapshot')), isFault('E_BACKUP'));
  const young = await createLevelStore({ folder: join(folder, 'young'), rootKey: testRootKey });
  await young.commit([scopePut('default')]);
  const capture = await young.backup({ mark: { id: 'young', takenAt: Date.now() }, isNodesOwn: () => false });
  await writeBackup(join(folder, 'backup'), capture.content());
  await capture.close();
  await young.close();
  await assert.rejects(seeded(await parts(join(folder, 'backup'))), isFault('E_BACKUP'));
});
