/**
 * A machine that was suspended, its monotonic clock standing still meanwhile: its members drop what they counted by that clock before
 * they answer anything, and get it anew. In a file of its own, since the wall clock is the process's.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ClusterViewReader } from '../../src/server/cluster-view.ts';
import { natsMissing } from '../cluster/nats/nats-servers.ts';
import { Members, setting, until } from './members.ts';

test('members whose wall clock ran ahead have no permit from then on, threads included, until they were given a new one', { skip: natsMissing(), timeout: 180_000 }, async (context) => {
  const members = await Members.start(context);
  const both = (await members.ready(['one', 'two'])).map(({ keeper }) => keeper);
  const readers = both.map(({ clusterView }) => new ClusterViewReader(clusterView));
  const spells = readers.map(({ spell }) => spell);
  const wallClock = Date.now;
  context.after(() => { Date.now = wallClock; });
  const before = both.map((keeper) => keeper.status().permitMs);
  assert.ok(Math.min(...before) > 0);
  Date.now = () => wallClock() + 3_600_000;
  // Nothing of the old permits is left when this member looks next, though by the monotonic clock they would last.
  await until(() => both.every((keeper) => keeper.notReady() !== undefined), 1_000);
  await Promise.all(both.map((keeper) => keeper.ready()));
  await until(() => readers.every((reader, index) => reader.spell !== spells[index]));
  await both[1]!.commit([setting('awake')]);
  for (const keeper of both) assert.deepEqual(await keeper.read((store) => store.setting('awake')), Uint8Array.of(1));
  assert.deepEqual(members.faults, []);
});
