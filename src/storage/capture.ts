/**
 * A picture of a database, held while the node goes on: LevelDB keeps what it shows until it is closed.
 *
 *   snapshot     everything, bookkeeping included: what another node of the cluster goes on from
 *   backup       what any server can begin with: no bookkeeping, no settings that belong to one node
 *
 * Invariant: a backup has the form of a single node's store, whoever took it; nothing in it is in the clear that is not so on the
 * disk (paths.ts).
 */
import { Buffer } from 'node:buffer';
import { Fault } from '../fault.ts';
import type { BackupMark, ContentHeader } from './content-items.ts';
import { contentFormat } from './content-items.ts';
import { sequenceOf } from './level-backend.ts';
import type { Database, StoreKind } from './level-format.ts';
import type { LevelSource } from './level-source.ts';
import { bookkeepingPath, checkPath, formatPath, kindPath, recordPrefixes, sequencePath } from './paths.ts';
import { storageFormat } from './record.ts';
import { writeContent } from './replica-content.ts';
import type { Pair } from './replica-content.ts';

/** A picture of the disk, held until it is closed: LevelDB keeps what it shows meanwhile. */
export interface Capture {
  readonly sequence: number;
  /** The picture, in chunks of at most 256 KiB. */
  content(): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

export interface BackupRequest {
  readonly mark: BackupMark;
  /** Settings that mean nothing to another server. */
  isNodesOwn(setting: string): boolean;
}

/** Pairs fetched at once; LevelDB's binding stops a page early at some 16 KiB. */
const pagePairs = 512;
const toldByHeader: readonly Buffer[] = [formatPath, checkPath, kindPath];
const [bookkeepingLetter] = bookkeepingPath('');
const settingLetter = recordPrefixes.setting.charCodeAt(0);

export class LevelCapture implements Capture {
  readonly sequence: number;
  readonly #source: LevelSource;
  readonly #kind: StoreKind;
  readonly #backup: BackupRequest | undefined;
  readonly #snapshot: ReturnType<Database['snapshot']>;

  /** `backup`: what is asked for is a backup, not a snapshot. */
  constructor(source: LevelSource, kind: StoreKind, backup?: BackupRequest) {
    this.#source = source;
    this.#kind = backup === undefined ? kind : 'single';
    this.#backup = backup;
    this.#snapshot = source.database.snapshot();
    this.sequence = sequenceOf(source.database.getSync(sequencePath, { snapshot: this.#snapshot }));
  }

  content(): AsyncIterable<Uint8Array> {
    const check = this.#source.database.getSync(checkPath, { snapshot: this.#snapshot });
    if (check === undefined) throw new Fault('E_STORE_FOREIGN', 'The store has no root key check record.');
    const header: ContentHeader = { format: contentFormat, storageFormat, kind: this.#kind, sequence: this.sequence, check, ...(this.#backup !== undefined && { backup: this.#backup.mark }) };
    return writeContent(this.#source.keys, header, this.#pages());
  }

  close(): Promise<void> {
    return this.#snapshot.close();
  }

  async *#pages(): AsyncGenerator<readonly Pair[]> {
    // A walk through everything must not push what is in use out of LevelDB's cache.
    const iterator = this.#source.database.iterator({ snapshot: this.#snapshot, fillCache: false });
    try {
      for (;;) {
        const page = (await iterator.nextv(pagePairs)) as [Uint8Array, Uint8Array][];
        if (page.length === 0) return;
        yield page.filter(([path]) => this.#holds(path));
      }
    } catch (cause) {
      throw cause instanceof Fault ? cause : new Fault('E_STORE_READ', 'The store could not be read to the end of a snapshot.', { cause });
    } finally {
      await iterator.close();
    }
  }

  #holds(path: Uint8Array): boolean {
    if (toldByHeader.some((own) => own.equals(path))) return false;
    if (this.#backup === undefined) return true;
    if (path[0] === bookkeepingLetter) return false;
    return path[0] !== settingLetter || !this.#backup.isNodesOwn(Buffer.from(path).toString('utf8', 1));
  }
}
