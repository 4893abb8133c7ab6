/**
 * A store from content (replica-content.ts): built beside its place, and moved there when it is whole.
 *
 *   FOLDER.restoring ── pairs, in synced batches ──> end is right ──> last writes, format, kind, check ──> close ──> rename to FOLDER
 *
 * Invariants: there is no FOLDER until all of the content is on the disk; whatever stops a restore, what is left opens as no
 * store (it has no format record), and the next restore clears it away. A wrong root key is told before anything is written.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Fault } from '../fault.ts';
import type { ContentHeader } from './content-items.ts';
import { KeyRing } from './key-ring.ts';
import { formatMarks } from './level-format.ts';
import type { Database, LevelWrite, StoreKind } from './level-format.ts';
import { sequenceOf, writeTogether } from './level-backend.ts';
import { levelDatabase } from './level-source.ts';
import type { LevelStoreOptions } from './level-source.ts';
import { checkPath, formatPath, kindPath, sequencePath } from './paths.ts';
import { makePrivateFolder, syncFolder } from './private-file.ts';
import { storageFormat } from './record.ts';
import { ContentReader } from './replica-content.ts';

/** Bytes of pairs in one synced batch. */
const batchBytes = 1024 * 1024;

export interface Building {
  readonly kind: StoreKind;
  /** Throws where the content is not for this. Called before anything is written. */
  check(header: ContentHeader): void;
  /** What the store has besides, once all pairs are there. */
  last?(database: Database, keys: KeyRing, header: ContentHeader): readonly LevelWrite[];
}

/** Makes the store in a folder that is not there yet (or empty), and resolves with what the content said of itself. On a Fault there is none. */
export async function buildStore(options: LevelStoreOptions, content: AsyncIterable<Uint8Array>, building: Building): Promise<ContentHeader> {
  const { folder } = options;
  if ((await entriesOf(folder)).length > 0) throw new Fault('E_STORE_EXISTS', `There is something in ${folder} already; a store is restored into a folder of its own.`);
  const beside = `${folder}.restoring`;
  const keys = new KeyRing(options.rootKey, () => undefined);
  try {
    await rm(beside, { recursive: true, force: true });
    const header = await build(beside, keys, content, building);
    await rename(beside, folder);
    await syncFolder(dirname(folder));
    return header;
  } catch (cause) {
    // Best effort: what stays behind is no store.
    await rm(beside, { recursive: true, force: true }).catch(() => undefined);
    throw cause instanceof Fault ? cause : new Fault('E_STORE_RESTORE', `The store could not be restored into ${folder}.`, { cause });
  } finally {
    keys.wipe();
  }
}

async function build(folder: string, keys: KeyRing, content: AsyncIterable<Uint8Array>, building: Building): Promise<ContentHeader> {
  const reader = new ContentReader(keys);
  let database: Database | undefined;
  let writes: LevelWrite[] = [];
  let bytes = 0;
  try {
    for await (const chunk of content) {
      const isKnown = reader.header !== undefined;
      const pairs = reader.push(chunk);
      if (!isKnown && reader.header !== undefined) {
        checkFormat(reader.header);
        building.check(reader.header);
        database = await created(folder);
      }
      for (const [key, value] of pairs) {
        if ([formatPath, checkPath, kindPath].some((own) => own.equals(key))) throw new Fault('E_CONTENT_DAMAGED', 'The store content holds a record that only its header may tell.');
        writes.push({ type: 'put', key, value });
        bytes += key.length + value.length;
      }
      if (bytes < batchBytes || database === undefined) continue;
      await writeTogether(database, writes);
      writes = [];
      bytes = 0;
    }
    const header = reader.finish();
    await writeTogether(database!, writes);
    if (sequenceOf(database!.getSync(sequencePath)) !== header.sequence) throw new Fault('E_CONTENT_DAMAGED', 'The store content is of another sequence than its header tells.');
    const last = building.last?.(database!, keys, header) ?? [];
    await writeTogether(database!, [...last, ...formatMarks(building.kind, header.storageFormat), { type: 'put', key: checkPath, value: header.check }]);
    return header;
  } finally {
    await database?.close();
  }
}

function checkFormat(header: ContentHeader): void {
  if (!(header.storageFormat >= 1 && header.storageFormat <= storageFormat)) {
    throw new Fault('E_STORE_FORMAT', `The store content has format ${header.storageFormat}; this version of kmipd reads formats 1 to ${storageFormat}. Upgrade this node.`);
  }
}

async function created(folder: string): Promise<Database> {
  await makePrivateFolder(folder);
  const database = levelDatabase(folder, true);
  await database.open();
  return database;
}

async function entriesOf(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new Fault('E_DATA_FOLDER', `The folder ${folder} cannot be read.`, { cause });
  }
}
