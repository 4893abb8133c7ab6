/**
 * The store on LevelDB. One thread of the process writes (createLevelStore); the others read through handles of their own
 * (openReader) on the same open database, so a commit is seen by every thread as soon as it has resolved.
 *
 * A node of a cluster writes by its log instead (replica-store.ts); its other threads read by openReader as well.
 */
import { LevelCapture } from './capture.ts';
import type { BackupRequest, Capture } from './capture.ts';
import { Journal } from './journal.ts';
import { LevelBackend } from './level-backend.ts';
import { openSource } from './level-source.ts';
import type { LevelSource, LevelStoreOptions } from './level-source.ts';
import { RecordReader } from './record-source.ts';
import type { ReadStore } from './store.ts';

export type { LevelStoreOptions } from './level-source.ts';

/** Opens (or makes) the database for the one thread that writes. A wrong root key is a Fault at once. */
export async function createLevelStore(options: LevelStoreOptions): Promise<LevelStore> {
  const source = await openSource(options, 'single');
  return new LevelStore(source, new LevelBackend(source, options.erasureDelayMs));
}

export class LevelStore extends Journal {
  readonly #source: LevelSource;

  constructor(source: LevelSource, backend: LevelBackend) {
    super(backend);
    this.#source = source;
  }

  /** Names of all settings, in the order of their bytes. */
  settingNames(): Promise<readonly string[]> {
    return this.#source.settingNames();
  }

  /** A picture of what is on disk: of every commit that was answered before, at least. */
  backup(request: BackupRequest): Promise<Capture> {
    return this.betweenBatches(() => new LevelCapture(this.#source, 'single', request));
  }
}

export interface StoreReader extends ReadStore {
  close(): Promise<void>;
}

/** Opens a read handle for another thread of the process that has the store open, whatever its kind. */
export async function openReader(options: LevelStoreOptions): Promise<StoreReader> {
  return new LevelReader(await openSource(options, 'reader'));
}

class LevelReader extends RecordReader implements StoreReader {
  readonly #source: LevelSource;

  constructor(source: LevelSource) {
    super(source);
    this.#source = source;
  }

  async close(): Promise<void> {
    await this.#source.close();
  }
}
