/**
 * What a node of a cluster keeps beside the records, in the same batches: its head in the log, members, results of proposals.
 *
 * Invariant: values are sealed for their path (envelope.ts) and mean nothing here; the digest does not count them. Paths are
 * in the clear: whoever makes them puts nothing secret into them.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { open, seal } from './envelope.ts';
import type { Place } from './envelope.ts';
import type { KeyRing } from './key-ring.ts';
import type { Database, LevelWrite } from './level-format.ts';
import { bookkeepingPath, bookkeepingRange } from './paths.ts';

export interface BookkeepingWrite {
  readonly path: string;
  /** Undefined deletes. The caller leaves the bytes as they are until they are on disk. */
  readonly value: Uint8Array | undefined;
}

/** Values fetched at once: each may be a whole log entry. */
const pageEntries = 64;

/** Told at the call: once it is in a batch, what cannot be written stops the store for good. */
export function checkBookkeeping(writes: readonly BookkeepingWrite[]): void {
  for (const { path } of writes) assert(path.isWellFormed(), 'a bookkeeping path is text that UTF-8 can hold');
}

/** The writes of a batch, given in their order: of several under one path the last is what counts. */
export function bookkeepingWrites(keys: KeyRing, writes: readonly BookkeepingWrite[]): LevelWrite[] {
  const last = new Map<string, Uint8Array | undefined>();
  for (const { path, value } of writes) last.set(path, value);
  return [...last].map(([path, value]): LevelWrite => {
    const key = bookkeepingPath(path);
    return value === undefined ? { type: 'del', key } : { type: 'put', key, value: seal(keys.sealing('bookkeeping', ''), placeOf(path), value) };
  });
}

/** What stands under paths that begin with the prefix, in the order of their UTF-8 bytes, from one snapshot taken now. */
export async function* readBookkeeping(database: Database, keys: KeyRing, prefix: string): AsyncGenerator<readonly [path: string, value: Uint8Array]> {
  const iterator = database.iterator(bookkeepingRange(prefix));
  try {
    for (;;) {
      const page = (await iterator.nextv(pageEntries)) as [Uint8Array, Uint8Array][];
      if (page.length === 0) return;
      for (const [key, sealed] of page) {
        const path = Buffer.from(key).subarray(1).toString('utf8');
        yield [path, open(keys.sealing('bookkeeping', ''), placeOf(path), sealed)];
      }
    }
  } finally {
    await iterator.close();
  }
}

function placeOf(path: string): Place {
  return { kind: 'bookkeeping', scope: '', identifier: path };
}
