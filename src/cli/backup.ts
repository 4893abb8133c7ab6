/**
 * `kmipd backup`, by the admin port of a node that serves, or offline from the store of one that is stopped, and `kmipd restore`;
 * what is done offline needs the root key and no node.
 */
import { randomUUID } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Command } from 'commander';
import { systemClock } from '../clock.ts';
import { Fault } from '../fault.ts';
import { isServersOwn } from '../server/own-settings.ts';
import { backupContent, backupHeader, writeBackup } from '../storage/backup-file.ts';
import type { BackupFacts } from '../storage/backup-file.ts';
import { restoreSingle } from '../storage/backup-restore.ts';
import { findRootKey, keepPassphraseSalt, presentRootKey } from '../storage/root-key.ts';
import { captureStopped } from '../storage/stopped-store.ts';
import { adminStream, withAdminOptions } from './admin-session.ts';
import type { AdminOptions } from './admin-session.ts';

export function backupCommand(): Command {
  return withAdminOptions(new Command('backup').description('write all state of a server or cluster to a file, sealed under the root key'))
    .requiredOption('--out <FILE>', 'file of the backup; one that is there is replaced once the new one is whole')
    .option('--offline', 'from the data folder of a node that is stopped, with its root key')
    .option('--cluster <NAME>', 'offline: name of the cluster, where its root key comes from a passphrase (KMIPD_CLUSTER)', process.env['KMIPD_CLUSTER'])
    .addHelpText('after', `
Taken while the node serves, and consistent: everything answered before is in it. In a cluster any node that is ready will do.
The file is of no use without the root key; keep that apart from it. DIR/bootstrap is not in it. --offline is for when no node serves: of a cluster's nodes take the one whose sequence is the highest.`)
    .action(async ({ out, offline = false, ...options }: BackupFlags) => {
      const { sequence, objects, bytes } = offline ? await offlineBackup(out, options) : await writeBackup(out, await adminStream(options, '/v1/backup'));
      console.log(`${out}: sequence ${sequence}, ${objects} objects, ${bytes} bytes`);
    });
}

interface BackupFlags extends AdminOptions {
  readonly out: string;
  readonly offline?: boolean;
  readonly cluster?: string;
}

async function offlineBackup(out: string, { data, cluster }: Pick<BackupFlags, 'data' | 'cluster'>): Promise<BackupFacts> {
  const { KMIPD_ROOT_KEY: environmentKey, KMIPD_ROOT_PASSPHRASE: passphrase } = process.env;
  const folder = path.join(data, 'store');
  const rootKey = await presentRootKey({ folder: data, storeFolder: folder, environmentKey, passphrase, cluster });
  if (rootKey === undefined) throw new Fault('E_ROOT_KEY_MISSING', `The root key of ${folder} is needed: set KMIPD_ROOT_KEY or KMIPD_ROOT_PASSPHRASE as its server has it, or put its file back into ${data}.`);
  const { bytes, passphraseSalt } = rootKey;
  try {
    const capture = await captureStopped({ folder, rootKey: bytes }, { id: randomUUID(), takenAt: systemClock.now(), ...(passphraseSalt !== undefined && { passphraseSalt }) }, isServersOwn);
    return await writeBackup(out, capture.content()).finally(() => capture.close());
  } finally {
    bytes.fill(0);
  }
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
