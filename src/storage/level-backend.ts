/**
 * What the journal writes, as LevelDB holds it: records, index entries, lists, bookkeeping.
 *
 * Invariant: records, index entries, lists, bookkeeping and the sequence of a batch are one LevelDB batch with `sync`; values
 * are sealed (envelope.ts) and the plaintext of records is wiped as soon as they are.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { bookkeepingWrites } from './bookkeeping.ts';
import type { BookkeepingWrite } from './bookkeeping.ts';
import { encode } from './cbor.ts';
import { seal, sealOverhead, sealTo } from './envelope.ts';
import { Erasure } from './erasure.ts';
import { HolderEdits } from './holders.ts';
import type { HeldReads } from './holders.ts';
import { everyObject, isHeldTerm, termsOf } from './index-terms.ts';
import type { Backend } from './journal.ts';
import type { Database, LevelWrite } from './level-format.ts';
import type { LevelSource } from './level-source.ts';
import { heldPath, indexPath, listPath, listPlace, recordPath, recordPrefixes, sequencePath } from './paths.ts';
import { addressOf, addressText, listingOf, withRecordBytes } from './record.ts';
import type { Address, RecordKind, StateRecord } from './record.ts';
import type { RecordChange } from './staging.ts';

/** Chained, since a batch given as an array is copied operation by operation on its way: a third of the cost. */
type Batch = ReturnType<Database['batch']>;

/** One synced batch. */
export function writeTogether(database: Database, writes: readonly LevelWrite[]): Promise<void> {
  const batch = database.batch();
  for (const write of writes) add(batch, write);
  return batch.write({ sync: true });
}

function add(batch: Batch, write: LevelWrite): void {
  if (write.type === 'put') batch.put(write.key, write.value);
  else batch.del(write.key);
}

/** The number under `sequencePath`; nothing there: a new store. */
export function sequenceOf(stored: Uint8Array | undefined): number {
  return stored === undefined ? 0 : Number(Buffer.from(stored).readBigUInt64BE());
}

const noTerms: ReadonlySet<string> = new Set();

/** Where records are sealed on their way into a batch, which copies them. A larger one gets room of its own. */
const sealedRoom = Buffer.alloc(16 * 1024);

export class LevelBackend implements Backend {
  readonly source: LevelSource;
  readonly #erasure: Erasure;
  readonly #heldReads: HeldReads;
  sequence: number;

  constructor(source: LevelSource, erasureDelayMs: number | undefined) {
    this.source = source;
    this.#heldReads = source.keepHeldReads();
    this.#erasure = new Erasure(source.database, erasureDelayMs);
    const stored = source.database.getSync(sequencePath);
    this.sequence = sequenceOf(stored);
  }

  async write(changes: readonly RecordChange[], sequence: number, bookkeeping: readonly BookkeepingWrite[]): Promise<void> {
    const { keys, database } = this.source;
    const batch = database.batch();
    const destroyed: Uint8Array[] = [];
    const holders = new HolderEdits((path) => this.source.heldValue(path));
    const lists = new Map<string, { readonly list: Address; readonly identifiers: string[] }>();
    // Objects of a scope may come in the same batch as the scope itself.
    for (const { after } of changes) if (after.kind === 'scope') keys.learn(after.record);
    for (const { address, before, after } of changes) {
      const path = recordPath(keys, address);
      this.#put(batch, path, address, after);
      if (before?.kind === 'managed' && after.kind === 'managed' && before.managed.material !== undefined && before.managed.material !== after.managed.material) destroyed.push(path);
      if (after.kind === 'managed') this.#index(before, after, batch, holders);
      const list = listingOf(after);
      if (list !== undefined && before === undefined) {
        const known = lists.get(addressText(list)) ?? { list, identifiers: [...this.source.list(list)] };
        known.identifiers.push(address.identifier);
        lists.set(addressText(list), known);
      }
    }
    for (const { list, identifiers } of lists.values()) {
      batch.put(listPath(keys, list), seal(keys.sealing('list', ''), listPlace(list), encode(identifiers)));
    }
    for (const write of holders.writes()) add(batch, write);
    for (const write of bookkeepingWrites(keys, bookkeeping)) add(batch, write);
    const sequenceBytes = Buffer.alloc(8);
    sequenceBytes.writeBigUInt64BE(BigInt(sequence));
    batch.put(sequencePath, sequenceBytes);
    await batch.write({ sync: true });
    this.#heldReads.forget(holders.names);
    this.sequence = sequence;
    for (const path of destroyed) this.#erasure.add(path);
  }

  #put(batch: Batch, path: Uint8Array, address: Address, record: StateRecord): void {
    withRecordBytes(record, (plaintext) => {
      const length = plaintext.length + sealOverhead;
      const sealed = length <= sealedRoom.length ? sealedRoom.subarray(0, length) : Buffer.allocUnsafe(length);
      sealTo(sealed, this.source.keys.sealing(address.kind, address.scope), address, plaintext);
      batch.put(path, sealed);
    });
  }

  #index(before: StateRecord | undefined, after: Extract<StateRecord, { kind: 'managed' }>, batch: Batch, holders: HolderEdits): void {
    const { keys } = this.source;
    const { managed: { scope, uniqueIdentifier }, ordinal } = after;
    const termsBefore: ReadonlySet<string> = before?.kind === 'managed' ? termsOf(before.managed) : noTerms;
    const termsAfter = termsOf(after.managed);
    const value = Buffer.from(uniqueIdentifier, 'utf8');
    for (const term of termsBefore) {
      if (termsAfter.has(term)) continue;
      if (isHeldTerm(term)) holders.leave(heldPath(keys, scope, term), ordinal);
      else batch.del(indexPath(keys, scope, term, ordinal));
    }
    for (const term of termsAfter) {
      if (termsBefore.has(term)) continue;
      if (isHeldTerm(term)) holders.join(heldPath(keys, scope, term), { ordinal, uniqueIdentifier });
      else batch.put(indexPath(keys, scope, term, ordinal), value);
    }
  }

  /** Walks by the lists of scopes and their objects: paths are tokens and do not tell an order that content gives. */
  async *records(): AsyncIterable<StateRecord> {
    const found: StateRecord[] = [];
    for (const kind of Object.keys(recordPrefixes) as RecordKind[]) if (kind !== 'managed') found.push(...(await this.#unscoped(kind)));
    for (const scope of this.source.list({ kind: 'scope', scope: '', identifier: '' })) {
      for await (const { uniqueIdentifier } of this.source.indexed(scope, [everyObject], false)) {
        const record = this.source.record({ kind: 'managed', scope, identifier: uniqueIdentifier });
        assert(record !== undefined, `index entry without an object: ${uniqueIdentifier}`);
        found.push(record);
      }
    }
    found.sort((left, right) => (addressText(addressOf(left)) < addressText(addressOf(right)) ? -1 : 1));
    yield* found;
  }

  async #unscoped(kind: RecordKind): Promise<StateRecord[]> {
    const { source } = this;
    const present = (address: Address): StateRecord[] => [source.record(address)].filter((record) => record !== undefined);
    const listed = (list: Address): StateRecord[] => source.list(list).flatMap((identifier) => present({ kind, scope: kind === 'credential' ? '' : list.scope, identifier }));
    switch (kind) {
      case 'scope':
        return listed({ kind, scope: '', identifier: '' });
      case 'role':
      case 'credential':
        return source.list({ kind: 'scope', scope: '', identifier: '' }).flatMap((scope) => listed({ kind, scope, identifier: '' }));
      case 'nonces':
        return present({ kind, scope: '', identifier: '' });
      default: {
        const settings = await source.settingNames();
        return settings.flatMap((identifier) => present({ kind: 'setting', scope: '', identifier }));
      }
    }
  }

  async close(): Promise<void> {
    await this.#erasure.close();
    await this.source.close();
  }
}
