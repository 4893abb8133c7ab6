/**
 * Records as they stand in LevelDB, read: paths, envelope and index walks over one open handle (of any thread).
 *
 * Invariants: plaintext buffers are wiped once they are decoded; a walk of the index sees one snapshot, taken when iteration
 * starts; a handle that only reads never makes a database. Compression is off: sealed bytes do not shrink.
 */
import { Buffer } from 'node:buffer';
import { readdir } from 'node:fs/promises';
import { ClassicLevel } from 'classic-level';
import { Fault } from '../fault.ts';
import { decode } from './cbor.ts';
import { open } from './envelope.ts';
import { HeldReads, readHolders } from './holders.ts';
import { isHeldTerm, plainTerm } from './index-terms.ts';
import { KeyRing } from './key-ring.ts';
import { prepareFormat } from './level-format.ts';
import type { Database, Opening } from './level-format.ts';
import { heldPath, indexRange, listPath, listPlace, ordinalOfIndexPath, recordPath, settingRange } from './paths.ts';
import { makePrivateFolder } from './private-file.ts';
import { decodeRecord } from './record.ts';
import type { Address, StateRecord } from './record.ts';
import type { IndexEntry, RecordSource } from './record-source.ts';

/** Blocks kept in memory by LevelDB, shared by all threads of the process. */
const blockCacheBytes = 64 * 1024 * 1024;
/** LevelDB's own log before it becomes a table: larger means fewer compactions under a write load and a longer recovery. */
const writeBufferBytes = 16 * 1024 * 1024;
/** A table: LevelDB keeps about a thousand of them open and mapped, which with its own 2 MiB ends at a million objects. */
const tableBytes = 8 * 1024 * 1024;
/**
 * Index entries fetched at once while candidates are walked: few at first, since most walks end early, then more. The
 * thread serves others between two pages, so a page is also how long a long Locate keeps them waiting.
 */
const firstPageEntries = 16;
const pageEntriesMax = 128;

export interface LevelStoreOptions {
  /** Folder of the database; made if it is not there. */
  readonly folder: string;
  /** 32 bytes, secret (root-key.ts). The store derives its keys at once and keeps no reference. */
  readonly rootKey: Uint8Array;
  /** Milliseconds after which destroyed material is taken off the disk (erasure.ts). */
  readonly erasureDelayMs?: number;
}

/** A handle that is not open yet. */
export function levelDatabase(folder: string, mayCreate: boolean): Database {
  return new ClassicLevel(folder, {
    keyEncoding: 'view', valueEncoding: 'view', createIfMissing: mayCreate, multithreading: true,
    compression: false, cacheSize: blockCacheBytes, writeBufferSize: writeBufferBytes, maxFileSize: tableBytes,
  });
}

/** Opens a handle; Faults tell a locked or damaged database, a foreign one, one of the other kind, and a wrong root key. */
export async function openSource(options: LevelStoreOptions, opening: Opening): Promise<LevelSource> {
  const mayWrite = opening !== 'reader';
  if (mayWrite) {
    await makePrivateFolder(options.folder);
    await requireWhole(options.folder);
  }
  const database = levelDatabase(options.folder, mayWrite);
  try {
    await database.open();
  } catch (cause) {
    throw new Fault('E_STORE_OPEN', `The store in ${options.folder} cannot be opened${causeText(cause)}.`, { cause });
  }
  const source = new LevelSource(database, options.rootKey);
  try {
    await prepareFormat(database, source.keys, opening);
  } catch (error) {
    await source.close();
    throw error;
  }
  return source;
}

function causeText(error: unknown): string {
  const beneath = error instanceof Error ? error.cause : undefined;
  if (!(beneath instanceof Error)) return '';
  return (beneath as Error & { readonly code?: string }).code === 'LEVEL_LOCKED' ? ': another process has it open' : `: ${beneath.message}`;
}

/**
 * LevelDB takes a folder without the file CURRENT for a new one, and clears away what else is in it. A first start that was cut off
 * leaves no tables and no log; where these are there was a store.
 */
async function requireWhole(folder: string): Promise<void> {
  const names = await readdir(folder).catch((cause: unknown) => { throw new Fault('E_DATA_FOLDER', `The folder ${folder} cannot be read.`, { cause }); });
  if (names.includes('CURRENT') || !names.some((name) => /^\d+\.(ldb|sst|log)$/.test(name))) return;
  throw new Fault('E_STORE_DAMAGED', `The store in ${folder} has lost its file CURRENT and is left as it is. Put the file back (one line, the name of the newest MANIFEST file), or set the folder aside and restore a backup.`);
}

export class LevelSource implements RecordSource {
  readonly database: Database;
  readonly keys: KeyRing;
  #heldReads: HeldReads | undefined;

  constructor(database: Database, rootKey: Uint8Array) {
    this.database = database;
    this.keys = new KeyRing(rootKey, (scope) => {
      const found = this.record({ kind: 'scope', scope: '', identifier: scope });
      return found?.kind === 'scope' ? found.record : undefined;
    });
  }

  record(address: Address): StateRecord | undefined {
    const sealed = this.value(recordPath(this.keys, address));
    return sealed === undefined ? undefined : this.opened(address, sealed);
  }

  opened(address: Address, sealed: Uint8Array): StateRecord {
    const plaintext = open(this.keys.sealing(address.kind, address.scope), address, sealed);
    try {
      return decodeRecord(plaintext);
    } finally {
      plaintext.fill(0);
    }
  }

  has(address: Address): boolean {
    // A scope is never taken away, and the ring learns one only when it is written.
    if (address.kind === 'scope' && this.keys.knows(address.identifier)) return true;
    return this.value(recordPath(this.keys, address)) !== undefined;
  }

  list(list: Address): readonly string[] {
    const sealed = this.value(listPath(this.keys, list));
    if (sealed === undefined) return [];
    return decode(open(this.keys.sealing('list', ''), listPlace(list), sealed)) as string[];
  }

  async *indexed(scope: string, wanted: readonly string[], newestFirst: boolean): AsyncIterable<IndexEntry> {
    const holders = this.indexedAtOnce(scope, wanted);
    if (holders !== undefined) yield* newestFirst ? holders.toReversed() : holders;
    else yield* this.#walked(scope, wanted.map((term) => (isHeldTerm(term) ? plainTerm(term) : term)), newestFirst);
  }

  indexedAtOnce(scope: string, [first]: readonly string[]): readonly IndexEntry[] | undefined {
    if (first === undefined || !isHeldTerm(first)) return undefined;
    const holders = readHolders(this.heldValue(heldPath(this.keys, scope, first)));
    return holders === 'many' ? undefined : holders;
  }

  async *#walked(scope: string, terms: readonly string[], newestFirst: boolean): AsyncIterable<IndexEntry> {
    // Taken here, before the first await; with several terms all walks share one, a single one has its own.
    const snapshot = terms.length > 1 ? this.database.snapshot() : undefined;
    const walks = terms.map((term) => new IndexWalk(this.database.iterator({ ...indexRange(this.keys, scope, term), reverse: newestFirst, ...(snapshot !== undefined && { snapshot }) })));
    const precedes = (left: IndexEntry, right: IndexEntry): boolean => (newestFirst ? left.ordinal > right.ordinal : left.ordinal < right.ordinal);
    try {
      await Promise.all(walks.map((walk) => walk.fill()));
      for (;;) {
        let first: IndexWalk | undefined;
        for (const walk of walks) {
          if (walk.head !== undefined && (first?.head === undefined || precedes(walk.head, first.head))) first = walk;
        }
        if (first?.head === undefined) return;
        yield first.head;
        first.advance();
        if (first.head === undefined) await first.fill();
      }
    } finally {
      await Promise.all(walks.map((walk) => walk.close()));
      await snapshot?.close();
    }
  }

  /** Names of all settings, in the order of their bytes. */
  async settingNames(): Promise<readonly string[]> {
    const paths = await this.database.keys(settingRange).all();
    return paths.map((path) => Buffer.from(path).toString('utf8', 1));
  }

  async close(): Promise<void> {
    await this.database.close();
    this.keys.wipe();
  }

  /** For the handle that writes, which tells what has changed. */
  keepHeldReads(): HeldReads {
    this.#heldReads ??= new HeldReads();
    return this.#heldReads;
  }

  /** Bytes under the path of a held term. */
  heldValue(path: Uint8Array): Uint8Array | undefined {
    return this.#heldReads === undefined ? this.value(path) : this.#heldReads.value(path, (each) => this.value(each));
  }

  /** Bytes under a path of paths.ts. */
  value(path: Uint8Array): Uint8Array | undefined {
    try {
      return this.database.getSync(path);
    } catch (cause) {
      throw new Fault('E_STORE_READ', 'The store could not read from its disk.', { cause });
    }
  }
}

/** The entries of one index term, a page at a time. */
class IndexWalk {
  readonly #iterator: ReturnType<Database['iterator']>;
  #page: [Uint8Array, Uint8Array][] = [];
  #position = 0;
  #entries = firstPageEntries;
  head: IndexEntry | undefined;

  constructor(iterator: ReturnType<Database['iterator']>) {
    this.#iterator = iterator;
  }

  async fill(): Promise<void> {
    this.#page = (await this.#iterator.nextv(this.#entries)) as [Uint8Array, Uint8Array][];
    this.#entries = Math.min(this.#entries * 2, pageEntriesMax);
    this.#position = 0;
    this.#show();
  }

  advance(): void {
    this.#position += 1;
    this.#show();
  }

  close(): Promise<void> {
    return this.#iterator.close();
  }

  #show(): void {
    const entry = this.#page[this.#position];
    this.head = entry === undefined ? undefined : { ordinal: ordinalOfIndexPath(entry[0]), uniqueIdentifier: Buffer.from(entry[1]).toString('utf8') };
  }
}
