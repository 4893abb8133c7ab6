/**
 * A new cluster that begins with a backup (decision 0021): one node proposes all of it as ordinary changes before anybody serves.
 *
 *   backup file ── restored beside, whole and under its key ──> records in order ── parts ──> log ──> every node
 *
 *   setting `seed`     { backup, done, isComplete }      moved on by every part, in the same change
 *
 * Invariants: a part takes effect only if the setting is where the part begins, so each record is created once, whoever seeds and
 * however often it is tried. The first part holds the authority and the token that `bootstrap` makes, so of a first identity and a
 * seed one comes into being. No node goes on to its identity, and so serves nobody, before `isComplete`.
 */
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { defaultLimits } from '../../cluster/timing.ts';
import { Fault } from '../fault.ts';
import { authoritySetting } from '../identity/bootstrap.ts';
import type { Log } from '../log.ts';
import type { Keeper } from '../server/keeper.ts';
import { isServersOwn, seedSetting } from '../server/own-settings.ts';
import { backupContent, backupHeader } from '../storage/backup-file.ts';
import { restoreSingle } from '../storage/backup-restore.ts';
import { decode, encode } from '../storage/cbor.ts';
import { resealScopeRootKey } from '../storage/key-ring.ts';
import { createLevelStore } from '../storage/level-store.ts';
import type { LevelStore } from '../storage/level-store.ts';
import type { Mutation } from '../storage/mutation.ts';
import { findRootKey } from '../storage/root-key.ts';
import type { RootKeySources } from '../storage/root-key.ts';

/** Of the mutations of one part: small enough that nodes apply it between two heartbeats. */
const partBytes = 256 << 10;
/** Of one record: what fits into an entry of the log, less what the part adds. */
const recordBytesMax = defaultLimits.entryBytesMax - (16 << 10);
const pollMs = 250;
const usualTakeOverMs = 5_000;
const logEveryParts = 100;

interface Progress {
  /** The backup's own id. */
  readonly backup: string;
  /** Records that are there. */
  readonly done: number;
  readonly isComplete: boolean;
}

/** A backup that was asked for, with the key that opens it. */
export interface Seed {
  readonly file: string;
  readonly id: string;
  readonly rootKey: Uint8Array;
}

/** Looks at the backup and finds its key, before this node makes a key of its own. A node that has a store starts without the file as well. */
export async function findSeed(file: string, sources: RootKeySources, log: Log): Promise<Seed | undefined> {
  if (existsSync(sources.storeFolder) && !existsSync(file)) {
    log.warn({ file }, 'The backup of --restore is not there any more; this node has a store and goes on without it.');
    return undefined;
  }
  const { backup } = await backupHeader(file);
  if (backup === undefined) throw new Fault('E_BACKUP', `${file} is a snapshot of a cluster, not a backup.`);
  return { file, id: backup.id, rootKey: await findRootKey(sources, backup.passphraseSalt) };
}

export interface SeedParts {
  readonly keeper: Pick<Keeper, 'view' | 'commit' | 'ready'>;
  /** Undefined: this node only waits for one that seeds. */
  readonly seed: Seed | undefined;
  /** Data folder. */
  readonly folder: string;
  /** The cluster's. Secret. */
  readonly rootKey: Uint8Array;
  readonly log: Log;
  /** Milliseconds since the epoch. */
  now(): number;
  /** Who finds another node seeding takes over when that has not moved on for so long. */
  readonly takeOverMs?: number;
}

/** Resolves when the cluster either is one that began with nothing or has all of its backup. */
export async function seeded(parts: SeedParts): Promise<void> {
  const { keeper, seed, log, takeOverMs = usualTakeOverMs } = parts;
  let isTold = false;
  let [seen, seenAt] = [-1, 0];
  for (;;) {
    await keeper.ready();
    const progress = progressOf(keeper.view.setting(seedSetting));
    if (seed !== undefined) checkFits(seed, progress, keeper.view.setting(authoritySetting) !== undefined);
    if (progress?.isComplete === true || (seed === undefined && progress === undefined)) return;
    const done = progress?.done ?? 0;
    if (done !== seen) [seen, seenAt] = [done, parts.now()];
    if (seed !== undefined && (done === 0 || parts.now() - seenAt >= takeOverMs)) {
      await propose(parts, seed);
      seen = -1;
      continue;
    }
    if (!isTold) log.warn({ done }, 'The cluster is taking over a backup; this node waits. If no node goes on with it, start one with --restore and that backup.');
    isTold = true;
    await sleep(pollMs);
  }
}

function checkFits(seed: Seed, progress: Progress | undefined, isInUse: boolean): void {
  if (progress !== undefined && progress.backup !== seed.id) {
    throw new Fault('E_SEED_OTHER', `The cluster ${progress.isComplete ? 'began' : 'is beginning'} with another backup than ${seed.file}: ${progress.isComplete ? 'start without --restore' : 'go on with that one'}, or make a new cluster (another name, empty data folders).`);
  }
  if (progress === undefined && isInUse) throw new Fault('E_SEED_NOT_EMPTY', 'The cluster has a state already, which a backup cannot replace: start without --restore, or make a new cluster (another name, empty data folders).');
}

/** Proposes what is not there yet, until all is there or another node turns out to do it. */
async function propose(parts: SeedParts, seed: Seed): Promise<void> {
  const { log } = parts;
  const folder = join(parts.folder, 'seed');
  await rm(folder, { recursive: true, force: true });
  const { sequence } = await restoreSingle({ folder, rootKey: seed.rootKey }, backupContent(seed.file), parts.now());
  const store = await createLevelStore({ folder, rootKey: seed.rootKey });
  try {
    const total = await checkedCount(store, parts, seed);
    log.info({ file: seed.file, sequence, records: total }, 'The cluster begins with a backup.');
    await proposeParts(parts, seed, store, total);
  } catch (error) {
    // Another node was faster, or the outcome is not known: the caller looks again.
    if (!(error instanceof Fault && error.retryable)) throw error;
  } finally {
    await store.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function proposeParts({ keeper, rootKey, log }: SeedParts, seed: Seed, store: LevelStore, total: number): Promise<void> {
  await keeper.ready();
  const begun = progressOf(keeper.view.setting(seedSetting))?.done ?? 0;
  let skipped = 0;
  let [part, bytes, done, parts]: [Mutation[], number, number, number] = [[], 0, begun, 0];
  const commit = async (): Promise<void> => {
    const found = progressOf(keeper.view.setting(seedSetting));
    // In the same turn as the commit's own look at the state: what this part creates is not there, or the part does not take effect.
    if ((found?.done ?? 0) !== done || found?.isComplete === true) throw new Fault('E_CHANGED_MEANWHILE', 'Another node is taking over the backup.', { retryable: true });
    if (found === undefined && keeper.view.setting(authoritySetting) !== undefined) throw new Fault('E_CHANGED_MEANWHILE', 'Another node made a first identity.', { retryable: true });
    done += part.length;
    const committed = keeper.commit([...part, { kind: 'setting-put', name: seedSetting, value: encode({ backup: seed.id, done, isComplete: done === total } satisfies Progress) }]);
    [part, bytes, parts] = [[], 0, parts + 1];
    await committed;
    if (parts === 1 || parts % logEveryParts === 0 || done === total) log.info({ done, total }, done === total ? 'The backup is taken over.' : 'Taking over the backup.');
  };
  for await (const mutation of recordsOf(store, seed.rootKey, rootKey)) {
    if (skipped < begun) {
      skipped += 1;
      continue;
    }
    const { length } = encode(mutation);
    if (part.length > 0 && bytes + length > partBytes) await commit();
    part.push(mutation);
    bytes += length;
  }
  if (part.length > 0) await commit();
}

/** How many records there are. All of them are looked at before the first is proposed: none is too long, and each opens. */
async function checkedCount(store: LevelStore, { rootKey }: SeedParts, seed: Seed): Promise<number> {
  let count = 0;
  for await (const mutation of recordsOf(store, seed.rootKey, rootKey)) {
    count += 1;
    const { length } = encode(mutation);
    if (length <= recordBytesMax) continue;
    const which = mutation.kind === 'managed-created' ? `object ${mutation.managed.uniqueIdentifier}` : mutation.kind;
    throw new Fault('E_SEED_LIMIT', `The backup's ${which} has ${length} bytes; the log of a cluster takes ${recordBytesMax}. Restore a single node, and make it smaller there.`);
  }
  return count;
}

/** What makes the state anew, in an order that always is the same: what a first identity would make first, objects by their creation. */
async function* recordsOf(store: LevelStore, from: Uint8Array, to: Uint8Array): AsyncGenerator<Mutation> {
  const names = (await store.settingNames()).filter((name) => !isServersOwn(name));
  if (!names.includes(authoritySetting)) throw new Fault('E_BACKUP', 'The backup has no certificate authority: it is of a server that was never ready.');
  for (const name of [authoritySetting, ...names.filter((each) => each !== authoritySetting)]) yield { kind: 'setting-put', name, value: store.setting(name)! };
  yield { kind: 'nonce-prefixes-skipped', next: store.nextNoncePrefix };
  const scopes = store.scopes();
  for (const record of scopes) yield { kind: 'scope-put', record: resealScopeRootKey(from, to, record) };
  for (const { scope } of scopes) {
    for (const record of store.roles(scope)) yield { kind: 'role-put', record };
    for (const record of store.credentials(scope)) yield { kind: 'credential-put', record };
  }
  for (const { scope } of scopes) {
    for await (const uniqueIdentifier of store.candidates(scope, { terms: [] })) yield { kind: 'managed-created', managed: store.glance(scope, uniqueIdentifier)! };
  }
}

function progressOf(stored: Uint8Array | undefined): Progress | undefined {
  return stored === undefined ? undefined : (decode(stored) as Progress);
}
