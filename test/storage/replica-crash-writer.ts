/**
 * A process that is killed (for replica-crash.test.ts). `apply`: applies entries, several a turn, and prints the sequence of each
 * that has resolved. `restore`: restores a large capture over and over, and prints the number of each that is whole.
 */
import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { openReplicaStore, restoreReplica } from '../../src/storage/replica-store.ts';
import type { ReplicaEntry } from '../../src/storage/replica-store.ts';
import { attributeSet, created, scopePut, testRootKey } from './sample-state.ts';

const [, , mode = '', folder = ''] = process.argv;
const rootKey = testRootKey;
/** Entries under way at once, as a log's push brings them. */
const group = 24;

export function crashEntry(sequence: number): ReplicaEntry {
  const bookkeeping = [{ path: 'head', value: Buffer.from(String(sequence)) }, { path: `tail/${sequence}`, value: Buffer.alloc(300, sequence & 0xff) }];
  if (sequence === 1) return { sequence, mutations: [scopePut('default'), created('counter')], proposals: ['p1'], bookkeeping };
  // Every fifth is void, as a deposed primary's append.
  const mutations = sequence % 5 === 0 ? [] : [created(`${sequence}-a`), created(`${sequence}-b`, { name: `name ${sequence}` }), attributeSet('counter', 'ContactInformation', String(sequence))];
  return { sequence, mutations, proposals: [`p${sequence}`], bookkeeping };
}

async function applying(): Promise<void> {
  const store = await openReplicaStore({ folder, rootKey });
  writeSync(1, 'ready\n');
  let { sequence } = store;
  for (;;) {
    const entries = Array.from({ length: group }, () => crashEntry(++sequence));
    for (const entry of entries) store.plan(entry.proposals[0]!, entry.mutations);
    await Promise.all(entries.map((entry) => store.apply(entry).then((report) => writeSync(1, `${report.sequence}\n`))));
  }
}

async function restoring(): Promise<void> {
  const store = await openReplicaStore({ folder: join(folder, 'origin'), rootKey });
  await Promise.all(Array.from({ length: 1500 }, (_, index) => store.apply(crashEntry(index + 1))));
  const capture = await store.capture();
  writeSync(1, 'ready\n');
  for (let count = 0; ; count++) {
    await restoreReplica({ folder: join(folder, `r${count}`), rootKey }, capture.content());
    writeSync(1, `${count}\n`);
  }
}

if (mode === 'apply') await applying();
if (mode === 'restore') await restoring();
