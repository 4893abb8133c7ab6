/**
 * Format 1 to 2: every Name gets its list of holders (holders.ts), and the index entries by Unique Identifier go, since
 * the object's own path answers that.
 *
 * Invariant: doing it again over what an interrupted run has written gives the same. So the writes may go out in parts
 * before the last batch, which has the new format number, and a store of a million objects needs no memory for them.
 */
import { Buffer } from 'node:buffer';
import { decode } from './cbor.ts';
import { open } from './envelope.ts';
import { HolderEdits } from './holders.ts';
import { isHeldTerm, termsOf } from './index-terms.ts';
import type { KeyRing } from './key-ring.ts';
import type { Database, LevelWrite } from './level-format.ts';
import { heldPath, indexPath, listPath, listPlace, managedRange } from './paths.ts';
import { decodeRecord } from './record.ts';
import type { Address } from './record.ts';

/** Objects whose writes are kept before they go out. */
const partObjects = 4096;

export async function migrateHolders(database: Database, keys: KeyRing): Promise<LevelWrite[]> {
  let writes: LevelWrite[] = [];
  for (const scope of scopesOf(database, keys)) {
    let edits = new HolderEdits((path) => database.getSync(path));
    const range = managedRange(keys, scope);
    for await (const [path, sealed] of database.iterator(range)) {
      const address: Address = { kind: 'managed', scope, identifier: Buffer.from(path).subarray(range.gte.length).toString('utf8') };
      const plaintext = open(keys.sealing('managed', scope), address, sealed);
      const record = decodeRecord(plaintext);
      plaintext.fill(0);
      if (record.kind !== 'managed') continue;
      const { managed: { uniqueIdentifier }, ordinal } = record;
      writes.push({ type: 'del', key: indexPath(keys, scope, `16 UniqueIdentifier ${uniqueIdentifier.length} ${uniqueIdentifier}`, ordinal) });
      for (const term of termsOf(record.managed)) if (isHeldTerm(term)) edits.join(heldPath(keys, scope, term), { ordinal, uniqueIdentifier });
      if (writes.length < partObjects) continue;
      await database.batch([...writes, ...edits.writes()]);
      writes = [];
      edits = new HolderEdits((each) => database.getSync(each));
    }
    writes.push(...edits.writes());
  }
  return writes;
}

function scopesOf(database: Database, keys: KeyRing): readonly string[] {
  const list: Address = { kind: 'scope', scope: '', identifier: '' };
  const sealed = database.getSync(listPath(keys, list));
  return sealed === undefined ? [] : (decode(open(keys.sealing('list', ''), listPlace(list), sealed)) as string[]);
}
