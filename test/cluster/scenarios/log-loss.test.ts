/**
 * A log that loses what it acknowledged, nodes that lose their disks, and histories that turn out to be foreign.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seal } from '../../../cluster/entry.ts';
import type { SimNode } from '../sim/sim-node.ts';
import { Stage } from './stage.ts';

test('the next primary puts back what the log lost, from the only node that has it', () => {
  const stage = new Stage();
  const { primary } = stage;
  const [keeper, behind] = stage.followers;
  const { log } = stage.world;
  stage.change(keeper!, 'create', 'key');
  // One node is left behind, so that the write is on the primary and the keeper only.
  stage.isolate(behind!, 4500);
  stage.run(3000);
  assert.equal(stage.change(keeper!, 'activate', 'key').done, true);
  primary.crash(false);
  assert.equal(log.loseTail(2).length > 0, true);
  stage.run(8000);
  assert.equal(stage.read(behind!, 'key'), 'active');
  stage.endsWell();
});

test('a primary that goes on puts back what the log lost although nobody writes', () => {
  const stage = new Stage();
  const { log } = stage.world;
  stage.change(stage.primary, 'create', 'key');
  const lost = log.loseTail(3);
  assert.ok(lost.length > 0);
  stage.run(1500);
  assert.equal(log.last, stage.primary.disk.replicated.sequence);
  assert.deepEqual(log.entries.slice(-lost.length).map(({ hash }) => hash), lost.map(({ hash }) => hash));
  stage.endsWell();
});

test('a node whose history the log no longer has rebuilds: nobody could be asked for the lost entries', () => {
  const stage = new Stage({ nodes: 3 });
  const { primary } = stage;
  const { log } = stage.world;
  const others = stage.followers;
  for (const other of others) stage.isolate(other, 4500);
  stage.run(3000);
  // Only the primary has this one, and then it is gone for a while, and the log forgets it: a double failure.
  assert.equal(stage.change(primary, 'create', 'lost').done, true);
  primary.crash(false);
  log.loseTail(1);
  stage.run(6000);
  assert.equal(stage.change(others[0]!, 'create', 'other').done, true);
  primary.start();
  stage.run(3000);
  assert.ok(stage.world.transcript.some((line) => line.endsWith(`${primary.name} rebuilds`)), 'the node noticed');
  assert.equal(stage.read(primary, 'other'), 'pre-active');
  stage.endsWell();
});

test('a node with an emptied disk comes back from snapshot and log', () => {
  const stage = new Stage({ limits: { snapshotEntries: 20, tailEntries: 10, readEntries: 16 } });
  for (let index = 0; index < 60; index += 1) stage.begin(stage.primary, 'create', `key${index}`);
  stage.run(2000);
  assert.ok(stage.world.log.first > 1, 'the log was purged behind a snapshot');
  const [wiped] = stage.followers;
  wiped!.crash(true);
  stage.run(3000);
  wiped!.start();
  stage.run(6000);
  assert.equal(wiped!.disk.objects.size, 60);
  assert.equal(stage.read(wiped!, 'key59'), 'pre-active');
  stage.endsWell();
});

test('two members that join one after the other both stay members', () => {
  // Found by a seed: the second entry was written before the first was taken, and did not know its member.
  const stage = new Stage();
  for (const { name, cluster } of stage.world.nodes) assert.deepEqual([...cluster!.state.replicated.roster.keys()].sort(), ['n1', 'n2', 'n3'], name);
});

test('a node whose own head is the last entry that was purged goes on from the next one', () => {
  // Found by a seed: reads began with the own head, which was gone, and brought nothing for ever.
  const stage = new Stage({ limits: { snapshotEntries: 1000, tailEntries: 10, readEntries: 16 } });
  const [stopped] = stage.followers;
  stage.change(stage.primary, 'create', 'key');
  stopped!.crash(false);
  const head = stopped!.disk.replicated.sequence;
  stage.run(4000);
  for (let index = 0; index < 30; index += 1) stage.begin(stage.primary, 'create', `key${index}`);
  stage.run(1000);
  stage.world.log.first = head + 1;
  stopped!.start();
  stage.run(3000);
  assert.ok(!stage.world.transcript.some((line) => line.endsWith('rebuilds')));
  assert.equal(stage.read(stopped!, 'key29'), 'pre-active');
  stage.endsWell();
});

/** A cluster of three with a history; then NATS is wiped, two nodes are emptied and begin anew, and stop. The third kept its store. */
function begunAnew(tailEntries: number): { readonly stage: Stage; readonly stale: SimNode; readonly others: readonly SimNode[] } {
  const stage = new Stage({ comparesHash: false, limits: { tailEntries, snapshotEntries: 1000 } });
  const { log, nodes } = stage.world;
  const [stale, ...others] = nodes;
  for (let index = 0; index < 40; index += 1) stage.change(stale!, 'create', `old${index}`, 50);
  stale!.crash(false);
  for (const other of others) other.crash(true);
  stage.run(3000);
  log.entries.length = 0;
  log.synced = 0;
  log.epoch += 1;
  for (const other of others) other.start();
  stage.run(4000);
  for (let index = 0; index < 10; index += 1) stage.change(others[0]!, 'create', `new${index}`, 100);
  assert.ok(log.last < 30 && stale!.disk.replicated.sequence > 40, `${log.last} entries, then ${stale!.disk.replicated.sequence}`);
  for (const other of others) other.crash(false);
  stage.run(3000);
  return { stage, stale: stale!, others };
}

test('a node with an older and longer history does not put it on top of another one', () => {
  const { stage, stale, others } = begunAnew(1000);
  const { log } = stage.world;
  const begun = log.entries.map(({ hash }) => hash);
  stale.start();
  stage.run(6000);
  assert.ok(stage.world.transcript.some((line) => line.endsWith(`${stale.name} rebuilds`)), 'the node noticed');
  assert.deepEqual(log.entries.slice(0, begun.length).map(({ hash }) => hash), begun);
  assert.equal(stage.change(stale, 'create', 'later', 3000).done, true);
  assert.equal(stage.change(stale, 'activate', 'new3', 3000).done, true, 'it goes on with the new history');
  assert.equal(stale.disk.objects.has('old3'), false);
  for (const other of others) other.start();
  stage.run(4000);
  assert.equal(stage.read(others[1]!, 'later'), 'pre-active');
  stage.endsWell();
});

test('a node that cannot tell, because its tail does not reach so far, says what is lost, and holds nobody up', () => {
  const { stage, stale, others } = begunAnew(5);
  const { log } = stage.world;
  const { last } = log;
  stale.start();
  stage.run(6000);
  assert.equal(log.last, last, 'it appends nothing');
  assert.equal(stale.cluster!.logLost, stale.disk.replicated.sequence - last);
  assert.equal(stale.cluster!.role, 'follower');
  assert.notEqual(stage.world.tenure.record?.node, stale.name, 'it does not claim');
  for (const other of others) other.start();
  stage.run(4000);
  assert.equal(stage.change(others[0]!, 'create', 'later').done, true);
  assert.equal(stage.read(stale, 'later'), undefined, 'it answers no reads');
  // Where the new history comes to what it remembers it sees that that is another one.
  for (let index = 0; log.last < stale.disk.replicated.sequence && index < 60; index += 1) stage.change(others[0]!, 'create', `more${index}`, 100);
  stage.run(4000);
  stage.endsWell();
});

test('an emptied log is given its whole history back, and where others have begun it anew in that moment they stay', () => {
  for (const begunMeanwhile of [false, true]) {
    const stage = new Stage({ comparesHash: false, limits: { snapshotEntries: 1000 } });
    const { log, network, nodes, scheduler } = stage.world;
    const [keeper, ...others] = nodes;
    for (let index = 0; index < 10; index += 1) stage.change(keeper!, 'create', `old${index}`, 50);
    const history = log.entries.map(({ hash }) => hash);
    for (const node of nodes) node.crash(node !== keeper);
    stage.run(3000);
    log.entries.length = 0;
    log.synced = 0;
    log.epoch += 1;
    if (begunMeanwhile) {
      // What it puts back comes late, and somebody's first entry comes before it.
      const append = log.append.bind(log);
      log.append = (node, expected, logged, epoch) => {
        if (node !== keeper!.name || expected.sequence >= 5 || log.entries.length > 0) {
          append(node, expected, logged, epoch);
          return;
        }
        const { entry } = logged;
        const foreign = seal({ ...entry, claim: 'elsewhere', fence: { counter: entry.fence.counter + 1, node: others[0]!.name } });
        log.entries.push(foreign);
        log.accepted.push({ sequence: 1, logged: foreign, at: scheduler.now });
        append(node, expected, logged, epoch);
      };
    }
    keeper!.start();
    stage.run(6000);
    const kept = log.entries.slice(0, history.length).map(({ hash }) => hash);
    if (begunMeanwhile) {
      assert.notEqual(kept[0], history[0]);
      assert.deepEqual(kept.slice(1, 5), history.slice(1, 5), 'its entries came to their places, and are void');
      assert.ok(stage.world.transcript.some((line) => line.endsWith(`${keeper!.name} rebuilds`)), 'the node noticed');
    } else {
      assert.deepEqual(kept, history);
    }
    for (const other of others) other.start();
    stage.run(5000);
    assert.equal(keeper!.disk.objects.has('old3'), !begunMeanwhile);
    network.heal();
    stage.endsWell();
  }
});

test('a claimant that finds more lost than it can put back yields, and claims again when the log has it again', () => {
  const stage = new Stage({ limits: { tailEntries: 3, snapshotEntries: 1000 } });
  const { log, tenure, nodes } = stage.world;
  for (let index = 0; index < 12; index += 1) stage.change(stage.primary, 'create', `key${index}`, 100);
  const [claimant, ...others] = nodes;
  for (const node of nodes) node.crash(false);
  stage.run(3000);
  claimant!.start();
  for (let round = 0; round < 200 && claimant!.cluster!.role !== 'opening'; round += 1) stage.run(5);
  const lost = log.entries.splice(-8);
  log.epoch += 1;
  const { last } = log;
  stage.run(1000);
  assert.equal(claimant!.cluster!.role, 'follower');
  assert.equal(claimant!.cluster!.logLost, lost.length);
  assert.equal(tenure.record, undefined, 'the record is deleted, not left to expire');
  assert.equal(log.last, last);
  log.entries.push(...lost);
  stage.run(6000);
  assert.equal(claimant!.cluster!.logLost, 0);
  assert.equal(stage.change(claimant!, 'create', 'next').done, true);
  for (const other of others) other.start();
  stage.run(3000);
  stage.endsWell();
});
