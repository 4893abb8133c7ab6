/**
 * `kmipd backup`, by the admin port of a node that serves, and `kmipd restore`, which needs the root key and no node.
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { backupContent, backupHeader, writeBackup } from '../storage/backup-file.ts';
import { restoreSingle } from '../storage/backup-restore.ts';
import { findRootKey, keepPassphraseSalt } from '../storage/root-key.ts';
import { adminStream, withAdminOptions } from './admin-session.ts';
import type { AdminOptions } from './admin-session.ts';

export function backupCommand(): Command {
  return withAdminOptions(new Command('backup').description('write all state of a server or cluster to a file, sealed under the root key'))
    .requiredOption('--out <FILE>', 'file of the backup; one that is there is replaced once the new one is whole')
    .addHelpText('after', `
Taken while the node serves, and consistent: everything answered before is in it. In a cluster any node that is ready will do.
The file is of no use without the root key; keep that apart from it. DIR/bootstrap is not in it.`)
    .action(async ({ out, ...options }: AdminOptions & { out: string }) => {
      const { sequence, objects, bytes } = await writeBackup(out, await adminStream(options, '/v1/backup'));
      console.log(`${out}: sequence ${sequence}, ${objects} objects, ${bytes} bytes`);
    });
}

export function restoreCommand(): Command {
  return new Command('restore').description('make the store of a new single node from a backup')
    .requiredOption('--from <FILE>', 'the backup')
    .option('--data <DIR>', 'data folder of the new node, which has no store yet (KMIPD_DATA)', process.env['KMIPD_DATA'] ?? './kmipd-data')
    .option('--dry-run', 'prove that it restores; make no store')
    .addHelpText('after', `
The root key is that of the server that made the backup: KMIPD_ROOT_KEY, KMIPD_ROOT_PASSPHRASE, or its file as DIR/root-key.
The old server, and every other server restored from the same backup, has to be out of service for good: they would make the
same changes apart. A new cluster begins with a backup by "kmipd serve --cluster NAME ... --restore FILE".`)
    .action(async ({ from, data, dryRun = false }: { from: string; data: string; dryRun?: boolean }) => {
      const header = await backupHeader(from);
      const storeFolder = path.join(data, 'store');
      const { KMIPD_ROOT_KEY: environmentKey, KMIPD_ROOT_PASSPHRASE: passphrase } = process.env;
      const rootKey = await findRootKey({ folder: data, storeFolder, environmentKey, passphrase }, header.backup?.passphraseSalt);
      const salt = passphrase === undefined || dryRun ? undefined : header.backup?.passphraseSalt;
      const folder = dryRun ? path.join(data, 'store.dry-run') : storeFolder;
      let takeBack: (() => Promise<void>) | undefined;
      try {
        takeBack = salt === undefined ? undefined : await keepPassphraseSalt(data, salt);
        if (dryRun) await rm(folder, { recursive: true, force: true });
        const { sequence, mark } = await restoreSingle({ folder, rootKey }, backupContent(from), systemClock.now());
        console.log(`${dryRun ? 'restores' : storeFolder}: sequence ${sequence}, as of ${new Date(mark.takenAt).toISOString()}`);
        if (!dryRun) console.log(`start it with: kmipd serve --data ${data}`);
      } catch (error) {
        await takeBack?.();
        throw error;
      } finally {
        rootKey.fill(0);
        if (dryRun) await rm(folder, { recursive: true, force: true });
      }
    });
}
