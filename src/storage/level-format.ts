/**
 * The format of a database: made at the first start, checked at every later one, moved on step by step when it is old.
 *
 * Invariants: nothing is read or written before the format number and the root key have been found to be ours; a step of
 * a migration ends with one synced batch that holds the new format number, so a crash leaves the old format (with
 * writes that the step does again) or the new one.
 */
import { Buffer } from 'node:buffer';
import type { ClassicLevel } from 'classic-level';
import { Fault } from '../fault.ts';
import { open, seal } from './envelope.ts';
import type { Place } from './envelope.ts';
import type { KeyRing } from './key-ring.ts';
import { migrateHolders } from './migrate-holders.ts';
import { checkPath, formatPath, kindPath } from './paths.ts';
import { storageFormat } from './record.ts';

export type Database = ClassicLevel<Uint8Array, Uint8Array>;
export type LevelWrite = { type: 'put'; key: Uint8Array; value: Uint8Array } | { type: 'del'; key: Uint8Array };

/** Steps from a format to the next one: the writes that make it so. */
export type Migration = (database: Database, keys: KeyRing) => Promise<LevelWrite[]>;
export const migrations: ReadonlyMap<number, Migration> = new Map([[1, migrateHolders]]);

/** Whose history a store holds: its own, or the log's of a cluster. */
export type StoreKind = 'single' | 'replica';
/** What a handle is for: to write a store of one kind, or to read one of either. */
export type Opening = StoreKind | 'reader';

const checkPlace: Place = { kind: 'check', scope: '', identifier: '' };
const checkText = Buffer.from('kmipd root key check');

/** Makes a new database ours, or makes sure that an old one is, and of the kind that is wanted. */
export async function prepareFormat(database: Database, keys: KeyRing, opening: Opening, steps: ReadonlyMap<number, Migration> = migrations, current = storageFormat): Promise<void> {
  const mayWrite = opening !== 'reader';
  const stored = database.getSync(formatPath);
  if (stored === undefined) {
    if (!mayWrite || !(await isEmpty(database))) {
      throw new Fault('E_STORE_FOREIGN', 'The data folder holds a LevelDB database that kmipd did not make, or did not finish making.');
    }
    await database.batch([...formatMarks(opening, current), { type: 'put', key: checkPath, value: sealedCheck(keys) }], { sync: true });
    return;
  }
  if (!opensCheck(keys, database.getSync(checkPath))) throw new Fault('E_STORE_FOREIGN', 'The store has no root key check record.');
  checkKind(database, opening);
  const found = stored.length === 4 ? Buffer.from(stored).readUInt32BE() : Number.NaN;
  if (!(found >= 1 && found <= current)) {
    throw new Fault('E_STORE_FORMAT', `The store has format ${found}; this version of kmipd reads formats 1 to ${current}.`);
  }
  if (found < current && !mayWrite) throw new Fault('E_STORE_FORMAT', `The store has format ${found} and has not been moved on to ${current}.`);
  for (let format = found; format < current; format++) {
    const step = steps.get(format);
    if (step === undefined) throw new Fault('E_STORE_FORMAT', `No way leads from store format ${format} to ${format + 1}.`);
    const writes = await step(database, keys);
    await database.batch([...writes, { type: 'put', key: formatPath, value: formatBytes(format + 1) }], { sync: true });
  }
}

/** The clear records of a store: its format, and its kind. */
export function formatMarks(kind: StoreKind, format: number): LevelWrite[] {
  return [{ type: 'put', key: formatPath, value: formatBytes(format) }, { type: 'put', key: kindPath, value: Buffer.from(kind) }];
}

/** A value that opens with this root key only. */
export function sealedCheck(keys: KeyRing): Uint8Array {
  return seal(keys.sealing('check', ''), checkPlace, checkText);
}

/** False for what is no check record; a Fault where another root key made it. */
export function opensCheck(keys: KeyRing, check: Uint8Array | undefined): boolean {
  if (check === undefined) return false;
  try {
    return Buffer.compare(open(keys.sealing('check', ''), checkPlace, check), checkText) === 0;
  } catch (cause) {
    throw new Fault('E_ROOT_KEY_WRONG', 'The root key does not open this store: it belongs to another data folder, or the passphrase is wrong.', { cause });
  }
}

/** A history of one's own and the log's cannot be told apart entry by entry, so no store ever changes its kind. */
function checkKind(database: Database, opening: Opening): void {
  const stored = database.getSync(kindPath);
  const kind = stored === undefined ? 'single' : Buffer.from(stored).toString('utf8');
  if (kind !== 'single' && kind !== 'replica') throw new Fault('E_STORE_KIND', 'The store is of a kind that this version of kmipd does not know; start the version that made it.');
  if (opening === 'reader' || opening === kind) return;
  throw new Fault('E_STORE_KIND', kind === 'replica'
    ? 'The store belongs to a node of a cluster: start with --cluster, --nats and --node as before, or with another data folder.'
    : 'The store belongs to a server on its own: start without --cluster, or with an empty data folder, which the cluster fills.');
}

async function isEmpty(database: Database): Promise<boolean> {
  return (await database.keys({ limit: 1 }).all()).length === 0;
}

function formatBytes(format: number): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(format);
  return bytes;
}
