/**
 * Destroyed material leaves the disk: LevelDB only marks what was replaced, and the old sealed record stays in a table until
 * the tables around it happen to be merged, which for an old object may be never.
 *
 *     destroyed ── a while, so that many share the work ──> compactRange over their paths ──> old versions are gone
 *
 * Invariants: it never holds up a commit (LevelDB merges on a thread of its own); paths that could not be merged are tried
 * again the next time. What is waiting when the process ends is not known to the next one: those records stay
 * sealed, until an ordinary merge.
 */
import { Buffer } from 'node:buffer';
import type { Database } from './level-format.ts';

/** From the first destroyed object on. */
export const erasureDelayMs = 30_000;
/** More paths than this are merged as one range: each range costs a rewrite of some tables on every level. */
const rangesMax = 64;

export class Erasure {
  readonly #database: Database;
  readonly #delayMs: number;
  readonly #waiting = new Map<string, Uint8Array>();
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  #closed = false;

  constructor(database: Database, delayMs = erasureDelayMs) {
    this.#database = database;
    this.#delayMs = delayMs;
  }

  /** The record under the path has lost its material. */
  add(path: Uint8Array): void {
    this.#waiting.set(Buffer.from(path).toString('latin1'), path);
    this.#schedule();
  }

  /** Begins nothing any more, and resolves when nothing is under way. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#running;
  }

  #schedule(): void {
    if (this.#closed || this.#timer !== undefined || this.#running !== undefined || this.#waiting.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#running = this.#run().finally(() => {
        this.#running = undefined;
        this.#schedule();
      });
    }, this.#delayMs).unref();
  }

  async #run(): Promise<void> {
    const paths = [...this.#waiting.values()].sort(Buffer.compare);
    this.#waiting.clear();
    const ranges = paths.length <= rangesMax ? paths.map((path) => [path]) : [paths];
    for (const range of ranges) {
      if (this.#closed) return;
      try {
        await this.#database.compactRange(range[0]!, range.at(-1)!);
      } catch {
        // A disk that fails is told by the next commit; these paths wait for a disk that works.
        for (const path of range) this.#waiting.set(Buffer.from(path).toString('latin1'), path);
      }
    }
  }
}
