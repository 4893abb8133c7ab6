/**
 * A node's disk: what is synced survives a crash, what is queued does not. Objects, the replicated state and the newest entries are
 * one state, changed by one synced write.
 */
import type { Logged } from '../../../cluster/entry.ts';
import type { Replicated } from '../../../cluster/replicated.ts';
import type { Protocol } from './protocol.ts';
import { fromBytes } from './state-machine.ts';
import type { SimObject } from './state-machine.ts';

export interface DiskContent {
  readonly objects: Map<string, SimObject>;
  readonly replicated: Replicated;
  readonly tail: Logged[];
  /** Order-independent digest of the objects, kept up as they change. */
  digest: number;
}

const tailMax = 400;

export function emptyDisk(protocol: Protocol): DiskContent {
  return { objects: new Map(), replicated: protocol.replicated.emptyReplicated(), tail: [], digest: 0 };
}

export function copyDisk(protocol: Protocol, disk: DiskContent): DiskContent {
  return { objects: new Map(disk.objects), replicated: protocol.replicated.copyReplicated(disk.replicated), tail: [...disk.tail], digest: disk.digest };
}

/** Applies one entry. Returns whether it counted. */
export function applyToDisk(protocol: Protocol, disk: DiskContent, logged: Logged, proposalKeptMs: number): boolean {
  const counted = protocol.replicated.advance(disk.replicated, logged, proposalKeptMs);
  disk.tail.push(logged);
  if (disk.tail.length > tailMax * 2) disk.tail.splice(0, tailMax);
  if (!counted) return false;
  for (const { mutations } of logged.entry.works) {
    for (const object of fromBytes<SimObject[]>(mutations)) {
      const before = disk.objects.get(object.id);
      if (before !== undefined) disk.digest ^= digestOf(before);
      const after = { ...object, touched: disk.replicated.sequence };
      disk.objects.set(object.id, after);
      disk.digest ^= digestOf(after);
    }
  }
  return true;
}

function digestOf({ id, state, revision, left, touched }: SimObject): number {
  let hash = 0x811c9dc5;
  for (const character of `${id}|${state}|${revision}|${left}|${touched}`) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193);
  return hash;
}
