/**
 * kill -9 at a random instant of a write load: every commit that resolved is there, and every write set is whole.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { createLevelStore } from '../../src/storage/level-store.ts';
import { collect, created, scopePut, testRootKey } from './sample-state.ts';
import { temporaryFolder } from './temporary-folder.ts';

const rounds = Number(process.env['KMIPD_CRASH_ROUNDS'] ?? 5);
const writer = fileURLToPath(new URL('./crash-writer.ts', import.meta.url));

it(`keeps every resolved commit over ${rounds} kills, and no half write set`, async (test) => {
  const folder = await temporaryFolder(test);
  const first = await createLevelStore({ folder, rootKey: testRootKey });
  await first.commit([scopePut('default'), created('counter')]);
  await first.close();
  const acknowledged = new Set<string>();
  for (let round = 0; round < rounds; round++) {
    for (const line of await writtenUntilKilled(folder, round)) acknowledged.add(line);
    const store = await createLevelStore({ folder, rootKey: testRootKey });
    const found = new Set(await collect(store.candidates('default', { terms: [] })));
    for (const identifier of acknowledged) {
      assert.ok(found.has(`${identifier}-a`) && found.has(`${identifier}-b`), `${identifier} was acknowledged and is not there`);
    }
    for (const identifier of found) {
      const managed = store.fetch('default', identifier);
      assert.ok(managed !== undefined, `index entry without an object: ${identifier}`);
      if (identifier.endsWith('-a')) assert.ok(found.has(`${identifier.slice(0, -1)}b`), `half a write set: ${identifier}`);
    }
    assert.equal(store.fetch('default', 'counter')?.revision, store.sequence - 1);
    assert.equal(found.size, (store.sequence - 1) * 2 + 1);
    const sample = [...acknowledged].at(-1)!;
    assert.deepEqual(await collect(store.candidates('default', { terms: [{ name: 'Name', value: { nameValue: sample } }] })), [`${sample}-a`, `${sample}-b`]);
    await store.close();
  }
  assert.ok(acknowledged.size > rounds * 16, `only ${acknowledged.size} commits were acknowledged`);
});

async function writtenUntilKilled(folder: string, round: number): Promise<string[]> {
  const child = spawn(process.execPath, [writer, folder, String(round)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => { output += text; });
  const ended = once(child, 'close');
  // On a busy machine the first commit may take longer than the pause before the kill.
  while (!/^ready\n.+\n/.test(output)) {
    if (child.exitCode !== null) assert.fail('the writer ended by itself');
    await sleep(5);
  }
  await sleep(50 + Math.random() * 200);
  child.kill('SIGKILL');
  await ended;
  // The last line may be cut; a whole line was printed after its commit had resolved.
  return output.split('\n').slice(1, -1);
}
