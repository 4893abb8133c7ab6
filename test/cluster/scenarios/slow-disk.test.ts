/**
 * Disks that are slower than the log: what was taken and is not synced is bounded (the simulator's disk checks that), and nothing stands still for it.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stage } from './stage.ts';

const limits = { takenEntriesMax: 8, takenBytesMax: 4000, appendsMax: 16, entryProposalsMax: 1, snapshotEntries: 1000 };

test('a primary and a follower whose disks take half a second answer a hundred changes, with a bounded backlog', () => {
  for (const both of [false, true]) {
    const stage = new Stage({ limits, timing: { giveUpMs: 30_000 } });
    const { primary, followers } = stage;
    const slow = both ? [primary, followers[0]!] : [primary];
    for (const node of slow) node.diskDelay = () => 500;
    const answers = Array.from({ length: 100 }, (_, index) => stage.begin(followers[index % 2]!, 'create', `key${index}`));
    let waited = false;
    for (let round = 0; round < 400; round += 1) {
      stage.run(50);
      waited ||= primary.cluster!.state.backlog.waits;
    }
    for (const [index, { result }] of answers.entries()) assert.equal(result?.done, true, `key${index}\n${stage.world.transcript.join('\n')}`);
    assert.ok(waited, 'it came to the limit');
    for (const node of slow) node.diskDelay = () => 2;
    stage.endsWell();
  }
});

test('a node with a slow disk catches up with a long log piece by piece', () => {
  for (const wiped of [false, true]) {
    const stage = new Stage({ limits: { ...limits, readEntries: 64 } });
    const [behind] = stage.followers;
    behind!.crash(wiped);
    stage.run(4000);
    for (let index = 0; index < 400; index += 1) stage.begin(stage.primary, 'create', `key${index}`);
    stage.run(4000);
    assert.ok(stage.world.log.last > 400);
    behind!.diskDelay = () => 40;
    behind!.start();
    stage.run(8000);
    behind!.diskDelay = () => 2;
    stage.endsWell();
    assert.equal(behind!.disk.objects.size, 400);
  }
});

test('a disk that stands still for some seconds costs its node the permit, and others no memory of it', () => {
  const stage = new Stage({ limits, timing: { giveUpMs: 30_000 } });
  const { primary, followers } = stage;
  const [still] = followers;
  still!.diskDelay = () => 6000;
  const answers = Array.from({ length: 100 }, (_, index) => stage.begin(primary, 'create', `key${index}`));
  stage.run(5000);
  assert.equal(still!.cluster!.state.backlog.waits, true);
  for (const { result } of answers) assert.equal(result?.done, true);
  still!.diskDelay = () => 2;
  stage.run(4000);
  assert.equal(stage.read(still!, 'key99'), 'pre-active');
  stage.endsWell();
});
