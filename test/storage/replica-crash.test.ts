/**
 * kill -9 of a replica at a random instant: every entry that resolved is there, no half entry is, and head, tail and records
 * are of one sequence; a restore that was killed is whole or no store.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Fault } from '../../src/fault.ts';
import { openReplicaStore, restoreReplica } from '../../src/storage/replica-store.ts';
import type { ReplicaStore } from '../../src/storage/replica-store.ts';
import { crashEntry } from './replica-crash-writer.ts';
import { collect, testRootKey } from './sample-state.ts';
import { temporaryFolder } from './temporary-folder.ts';

const rounds = Number(process.env['KMIPD_CRASH_ROUNDS'] ?? 5);
const writer = fileURLToPath(new URL('./replica-crash-writer.ts', import.meta.url));
const rootKey = testRootKey;

/** Every record and all bookkeeping are those of exactly the entries up to the store's sequence. */
async function assertWhole(store: ReplicaStore): Promise<void> {
  const { sequence } = store;
  const head = await collect(store.bookkeeping('head'));
  assert.equal(Buffer.from(head[0]![1]).toString(), String(sequence));
  const tail = (await collect(store.bookkeeping('tail/'))).map(([path]) => Number(path.slice('tail/'.length)));
  assert.deepEqual(tail.sort((left, right) => left - right), Array.from({ length: sequence }, (_, index) => index + 1));
  const working = Array.from({ length: sequence - 1 }, (_, index) => index + 2).filter((each) => each % 5 !== 0);
  assert.deepEqual(await collect(store.candidates('default', { terms: [] })), ['counter', ...working.flatMap((each) => [`${each}-a`, `${each}-b`])]);
  const counter = store.fetch('default', 'counter')!;
  assert.equal(counter.revision, working.length);
  assert.equal(counter.attributes.get('ContactInformation')?.[0]?.value, working.length === 0 ? undefined : String(working.at(-1)));
  const last = working.at(-1);
  if (last !== undefined) assert.deepEqual(await collect(store.candidates('default', { terms: [{ name: 'Name', value: { nameValue: `name ${last}`, nameType: 1 } }], isHeld: true })), [`${last}-b`]);
}

it(`keeps every resolved entry over ${rounds} kills, whole, and head and records together`, async (test) => {
  const folder = await temporaryFolder(test);
  let acknowledged = 0;
  for (let round = 0; round < rounds; round++) {
    const lines = await killed('apply', folder, 50 + Math.random() * 200);
    acknowledged = Math.max(acknowledged, ...lines.map(Number));
    const store = await openReplicaStore({ folder, rootKey });
    assert.ok(store.sequence >= acknowledged, `entry ${acknowledged} was acknowledged, the store ends at ${store.sequence}`);
    await assertWhole(store);
    // Nothing of what was planned is anywhere, so the next entry applies.
    await store.apply(crashEntry(store.sequence + 1));
    acknowledged = store.sequence;
    await store.close();
  }
  assert.ok(acknowledged > rounds * 24, `only ${acknowledged} entries were acknowledged`);
});

it('leaves a whole store or none when a restore is killed, and restores again over what is left', async (test) => {
  const folder = await temporaryFolder(test);
  await killed('restore', folder, Math.random() * 150);
  const origin = await openReplicaStore({ folder: join(folder, 'origin'), rootKey });
  const digest = await origin.digest();
  let broken = 0;
  for (const name of (await readdir(folder)).filter((each) => each !== 'origin')) {
    const opening = openReplicaStore({ folder: join(folder, name), rootKey });
    if (name.endsWith('.restoring')) {
      broken += 1;
      // The kill may have come between the last batch and the move: then it is whole as well.
      const left = await opening.catch((error: unknown) => assert.ok(error instanceof Fault && (error.code === 'E_STORE_FOREIGN' || error.code === 'E_STORE_OPEN'), String(error)));
      if (left !== undefined) {
        if (left.sequence > 0) assert.equal(await left.digest(), digest);
        await left.close();
      }
      continue;
    }
    const restored = await opening;
    assert.equal(await restored.digest(), digest);
    await assertWhole(restored);
    await restored.close();
  }
  assert.ok(broken <= 1);
  const capture = await origin.capture();
  const target = `r${(await readdir(folder)).length + 5}`;
  await restoreReplica({ folder: join(folder, target), rootKey }, capture.content());
  await capture.close();
  await origin.close();
});

/** Lines that the writer printed until it was killed, some time after its first. */
async function killed(mode: string, folder: string, afterMs: number): Promise<string[]> {
  const child = spawn(process.execPath, [writer, mode, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => { output += text; });
  const ended = once(child, 'close');
  while (!/^ready\n.+\n/.test(output)) {
    if (child.exitCode !== null) assert.fail('the writer ended by itself');
    await sleep(5);
  }
  await sleep(afterMs);
  child.kill('SIGKILL');
  await ended;
  // The last line may be cut.
  return output.split('\n').slice(1, -1);
}
