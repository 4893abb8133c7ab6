/**
 * A backup as a file: written to a temporary name beside its own, and read for restoring.
 *
 * Invariants: under the file's own name there is a whole backup or what was there before; mode 0600. Whoever writes it need not have
 * the root key: what is counted and checked here is the form (content-items.ts); proof is given by a restore.
 */
import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { randomBytes } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import { Fault } from '../fault.ts';
import { headerOf, ItemReader } from './content-items.ts';
import type { ContentHeader } from './content-items.ts';
import { recordPrefixes } from './paths.ts';
import { syncFolder } from './private-file.ts';

const readBytes = 256 * 1024;
const managedLetter = recordPrefixes.managed.charCodeAt(0);

export interface BackupFacts {
  readonly sequence: number;
  readonly objects: number;
  readonly bytes: number;
}

/** Writes the file, in place of one that may be there. Nothing is left where the content breaks off. */
export async function writeBackup(file: string, content: AsyncIterable<Uint8Array>): Promise<BackupFacts> {
  const temporary = join(dirname(file), `.${basename(file)}.${randomBytes(6).toString('hex')}`);
  const items = new ItemReader();
  let header: ContentHeader | undefined;
  let [objects, bytes, isWhole] = [0, 0, false];
  try {
    const handle = await open(temporary, 'wx', 0o600);
    try {
      for await (const chunk of content) {
        bytes += chunk.length;
        items.push(chunk, (path, value) => {
          header ??= headerOf(path, value);
          if (path[0] === managedLetter) objects += 1;
          isWhole = path.length === 0;
        });
        await handle.writeFile(chunk);
      }
      if (header === undefined || !isWhole || items.waiting > 0) throw new Fault('E_BACKUP_INCOMPLETE', `The backup breaks off after ${bytes} bytes; ${file} was not written.`);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncFolder(dirname(file));
  return { sequence: header.sequence, objects, bytes };
}

/** What the backup says of itself, before any key is known. */
export async function backupHeader(file: string): Promise<ContentHeader> {
  let header: ContentHeader | undefined;
  const items = new ItemReader();
  for await (const chunk of backupContent(file)) {
    items.push(chunk, (path, value) => (header ??= headerOf(path, value)));
    if (header !== undefined) return header;
  }
  throw new Fault('E_CONTENT_DAMAGED', `${file} is no backup: it is too short to begin as one.`);
}

export async function* backupContent(file: string): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of createReadStream(file, { highWaterMark: readBytes })) yield chunk as Uint8Array;
  } catch (cause) {
    throw new Fault('E_BACKUP_FILE', `The backup ${file} cannot be read.`, { cause });
  }
}
