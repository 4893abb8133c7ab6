/**
 * A single node's store from a backup (capture.ts), and the jump of nonce prefixes that goes with it (decision 0021).
 *
 *   taken until the backup | taken after it, or by an earlier restore of the same backup | next
 *                          ^ in the backup                    marginPrefixes + age × prefixesPerSecond
 *
 * Invariant: a prefix that some server took since the backup is below `next`, as long as servers of that history took no more than
 * the margin and eight a second (a start takes one a thread, a tenure one) and clocks are right to that. So two restores of one
 * backup, one after the other, share none either: the second one's backup is older. A record under a restored key never meets the
 * same nonce twice.
 */
import { Buffer } from 'node:buffer';
import { Fault } from '../fault.ts';
import { apply, noncePrefixMax } from './apply.ts';
import type { BackupMark } from './content-items.ts';
import { open, seal } from './envelope.ts';
import type { KeyRing } from './key-ring.ts';
import type { Database, LevelWrite } from './level-format.ts';
import type { LevelStoreOptions } from './level-source.ts';
import { recordPath, sequencePath } from './paths.ts';
import { decodeRecord, encodeRecord, noncesAddress } from './record.ts';
import type { StateRecord } from './record.ts';
import { buildStore } from './store-building.ts';

/** For clocks, and for servers that start over and over: of 2^32, so some 4,000 restores in a row. */
export const marginPrefixes = 2 ** 20;
/** Of the backup's age: 2^32 are 17 years of backups' ages, added up over restores in a row. */
export const prefixesPerSecond = 8;

export interface RestoredBackup {
  /** Of the backup. */
  readonly sequence: number;
  readonly mark: BackupMark;
}

/** Makes the store in a folder that is not there yet (or empty). On a Fault there is none. `now` in milliseconds since the epoch. */
export async function restoreSingle(options: LevelStoreOptions, content: AsyncIterable<Uint8Array>, now: number): Promise<RestoredBackup> {
  const { sequence, backup } = await buildStore(options, content, {
    kind: 'single',
    check: (header) => {
      if (header.backup === undefined || header.kind !== 'single') throw new Fault('E_BACKUP', 'This is a snapshot of a cluster, not a backup.');
    },
    last: (database, keys, header) => skippingWrites(database, keys, header.sequence, header.backup!, now),
  });
  return { sequence, mark: backup! };
}

/** First prefix that a restored state may use. */
export function prefixAfterRestore(next: number, { takenAt }: BackupMark, now: number): number {
  const ageSeconds = Math.max(0, Math.ceil((now - takenAt) / 1000));
  const jumped = next + marginPrefixes + ageSeconds * prefixesPerSecond;
  if (jumped > noncePrefixMax) {
    throw new Fault('E_NONCES_USED_UP', `The backup cannot be restored: ${next} of ${noncePrefixMax} nonce prefixes are taken, and a restore of a backup ${ageSeconds} seconds old skips ${jumped - next}. Is the clock right?`);
  }
  return jumped;
}

/** The skip as a write set of its own, after the last one of the backup. */
function skippingWrites(database: Database, keys: KeyRing, sequence: number, mark: BackupMark, now: number): readonly LevelWrite[] {
  const path = recordPath(keys, noncesAddress);
  const stored = database.getSync(path);
  const sealing = keys.sealing('nonces', '');
  const before: StateRecord | undefined = stored === undefined ? undefined : decodeRecord(open(sealing, noncesAddress, stored));
  const next = prefixAfterRestore(before?.kind === 'nonces' ? before.next : 0, mark, now);
  const after = apply(before, { kind: 'nonce-prefixes-skipped', next }, 0);
  const sequenceBytes = Buffer.alloc(8);
  sequenceBytes.writeBigUInt64BE(BigInt(sequence + 1));
  return [{ type: 'put', key: path, value: seal(sealing, noncesAddress, encodeRecord(after)) }, { type: 'put', key: sequencePath, value: sequenceBytes }];
}
