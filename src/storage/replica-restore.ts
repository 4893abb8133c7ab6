/**
 * A replica store from content (replica-content.ts): built beside its place, and moved there when it is whole.
 *
 *   FOLDER.restoring ── pairs, in synced batches ──> end is right ──> format, kind, check ──> close ──> rename to FOLDER
 *
 * Invariants: there is no FOLDER until all of the content is on the disk; whatever stops a restore, what is left opens as no
 * store (it has no format record), and the next restore clears it away. A wrong root key is told before anything is written.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Fault } from '../fault.ts';
import { KeyRing } from './key-ring.ts';
import { formatMarks } from './level-format.ts';
import type { Database, LevelWrite } from './level-format.ts';
import { sequenceOf, writeTogether } from './level-backend.ts';
import { levelDatabase } from './level-source.ts';
import type { LevelStoreOptions } from './level-source.ts';
import { checkPath, formatPath, kindPath, sequencePath } from './paths.ts';
import { makePrivateFolder, syncFolder } from './private-file.ts';
import { storageFormat } from './record.ts';
import { ContentReader } from './replica-content.ts';
import type { ContentHeader } from './replica-content.ts';

/** Bytes of pairs in one synced batch. */
const batchBytes = 1024 * 1024;

/** Makes the store in a folder that is not there yet (or empty). On a Fault there is none. */
export async function restoreReplica(options: LevelStoreOptions, content: AsyncIterable<Uint8Array>): Promise<void> {
  const { folder } = options;
  if ((await entriesOf(folder)).length > 0) throw new Fault('E_STORE_EXISTS', `There is something in ${folder} already; a snapshot is restored into a folder of its own.`);
  const building = `${folder}.restoring`;
  const keys = new KeyRing(options.rootKey, () => undefined);
  try {
    await rm(building, { recursive: true, force: true });
    await build(building, keys, content);
    await rename(building, folder);
    await syncFolder(dirname(folder));
  } catch (cause) {
    // Best effort: what stays behind is no store.
    await rm(building, { recursive: true, force: true }).catch(() => undefined);
    throw cause instanceof Fault ? cause : new Fault('E_STORE_RESTORE', `The store could not be restored into ${folder}.`, { cause });
  } finally {
    keys.wipe();
  }
}

async function build(folder: string, keys: KeyRing, content: AsyncIterable<Uint8Array>): Promise<void> {
  const reader = new ContentReader(keys);
  let database: Database | undefined;
  let writes: LevelWrite[] = [];
  let bytes = 0;
  try {
    for await (const chunk of content) {
      const isKnown = reader.header !== undefined;
      const pairs = reader.push(chunk);
      if (!isKnown && reader.header !== undefined) {
        checkHeader(reader.header);
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
    await writeTogether(database!, [...formatMarks('replica', header.storageFormat), { type: 'put', key: checkPath, value: header.check }]);
  } finally {
    await database?.close();
  }
}

function checkHeader(header: ContentHeader): void {
  if (header.kind !== 'replica') throw new Fault('E_STORE_KIND', 'The store content is of a server on its own, not of a node of a cluster.');
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
