/**
 * The store of a node that is stopped, read for a backup: what is left where a server cannot start, or where a cluster has lost more
 * of its log than its nodes can put back.
 *
 * Invariant: nothing is written but what LevelDB does at every opening, and no store is made where there is none; a node that
 * has it open keeps it.
 */
import { Buffer } from 'node:buffer';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../fault.ts';
import { LevelCapture } from './capture.ts';
import type { Capture } from './capture.ts';
import type { BackupMark } from './content-items.ts';
import { openSource } from './level-source.ts';
import type { LevelStoreOptions } from './level-source.ts';
import { kindPath } from './paths.ts';

/** A picture of all that is on the disk; closing it closes the store. `isServersOwn` names settings of a cluster's node that mean nothing to another. */
export async function captureStopped(options: LevelStoreOptions, mark: BackupMark, isServersOwn: (setting: string) => boolean): Promise<Capture> {
  // LevelDB leaves a folder behind even where it makes no database.
  if (!existsSync(join(options.folder, 'CURRENT'))) throw new Fault('E_STORE_OPEN', `There is no store in ${options.folder}.`);
  const source = await openSource(options, 'reader');
  const isReplica = Buffer.from(source.database.getSync(kindPath) ?? []).toString('utf8') === 'replica';
  const capture = new LevelCapture(source, 'single', { mark, isNodesOwn: (setting) => isReplica && isServersOwn(setting) });
  return {
    sequence: capture.sequence,
    content: () => capture.content(),
    close: async () => {
      await capture.close();
      await source.close();
    },
  };
}
