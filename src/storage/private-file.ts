/**
 * Files that only the server's user may read, written whole or not at all.
 *
 * Invariant: a file appears under its name with mode 0600 and complete, or not at all, also after a power cut: temporary
 * file, fsync, rename (or link, where an existing file must stay), fsync of the folder.
 */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Fault } from '../fault.ts';

const folderMode = 0o700;
const fileMode = 0o600;

/** Makes the folder (and those above it) if need be; new ones are the user's alone. */
export async function makePrivateFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true, mode: folderMode });
  } catch (cause) {
    throw new Fault('E_DATA_FOLDER', `The folder ${folder} cannot be made.`, { cause });
  }
}

/** Writes the file, in place of one that may be there. */
export async function writePrivateFile(path: string, content: string | Uint8Array): Promise<void> {
  await written(path, content, (temporary) => rename(temporary, path));
}

/** Writes the file if there is none; false if there is. */
export async function makePrivateFile(path: string, content: string | Uint8Array): Promise<boolean> {
  try {
    await written(path, content, (temporary) => link(temporary, path));
    return true;
  } catch (error) {
    if (((error as Error).cause as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function written(path: string, content: string | Uint8Array, publish: (temporary: string) => Promise<void>): Promise<void> {
  try {
    await writtenWhole(path, content, publish);
  } catch (cause) {
    throw new Fault('E_DATA_FOLDER', `The file ${path} cannot be written.`, { cause });
  }
}

async function writtenWhole(path: string, content: string | Uint8Array, publish: (temporary: string) => Promise<void>): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, `.${basename(path)}.${randomBytes(6).toString('hex')}`);
  try {
    const file = await open(temporary, 'wx', fileMode);
    try {
      await file.writeFile(content);
      await file.sync();
    } finally {
      await file.close();
    }
    await publish(temporary);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(folder);
}

/** Files that were made or renamed in the folder stay so over a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const file = await open(folder, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
