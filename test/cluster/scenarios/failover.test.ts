/**
 * One failure at a time, with its figures: what cluster/DESIGN.md promises in the failure table.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Stage } from './stage.ts';

test('when the primary is killed, the others go on reading without a gap, and writes go on within three seconds', (context) => {
  const stage = new Stage();
  const [reader, writer] = stage.followers;
  stage.change(writer!, 'create', 'key');
  stage.change(writer!, 'activate', 'key');
  stage.primary.crash(false);
  const killedAt = stage.world.scheduler.now;
  const revoke = stage.begin(writer!, 'revoke', 'key');
  let longest = 0;
  for (let answeredAt = killedAt; stage.world.scheduler.now < killedAt + 5000;) {
    const state = stage.read(reader!, 'key', 5);
    if (state !== undefined) {
      longest = Math.max(longest, stage.world.scheduler.now - answeredAt);
      answeredAt = stage.world.scheduler.now;
    }
  }
  context.diagnostic(`write after ${(revoke.at - killedAt).toFixed(0)} ms, longest gap between reads ${longest.toFixed(0)} ms`);
  assert.ok(revoke.at - killedAt < 3000, `${revoke.at - killedAt} ms`);
  assert.ok(longest <= 50, `${longest} ms`);
  assert.equal(stage.read(reader!, 'key'), 'deactivated');
  stage.endsWell();
});

test('when a follower is killed, writes wait for its permit and no longer', (context) => {
  const stage = new Stage();
  const [dead, writer] = stage.followers;
  dead!.crash(false);
  const killedAt = stage.world.scheduler.now;
  const create = stage.begin(writer!, 'create', 'key');
  stage.run(5000);
  context.diagnostic(`write after ${(create.at - killedAt).toFixed(0)} ms`);
  assert.ok(create.at - killedAt < 2600, `${create.at - killedAt} ms`);
  assert.ok(create.at - killedAt > 1500, 'the permit of the dead node was counted on');
  const again = stage.begin(writer!, 'activate', 'key');
  stage.run(100);
  assert.equal(again.result?.done, true, 'from then on nobody waits for it');
  stage.endsWell();
});

test('when primary and a follower are killed together, the last node writes within five seconds', (context) => {
  const stage = new Stage();
  const [left, dead] = stage.followers;
  stage.primary.crash(false);
  dead!.crash(false);
  const killedAt = stage.world.scheduler.now;
  const create = stage.begin(left!, 'create', 'key');
  stage.run(6000);
  context.diagnostic(`write after ${(create.at - killedAt).toFixed(0)} ms`);
  assert.ok(create.at - killedAt < 5000, `${create.at - killedAt} ms`);
  stage.endsWell();
});

test('a primary that yields is followed without waiting for its tenure', (context) => {
  const stage = new Stage();
  const { primary } = stage;
  const [writer] = stage.followers;
  primary.handle({ kind: 'yield' });
  const yieldedAt = stage.world.scheduler.now;
  const create = stage.begin(writer!, 'create', 'key');
  stage.run(3000);
  context.diagnostic(`write after ${(create.at - yieldedAt).toFixed(0)} ms`);
  assert.ok(create.at - yieldedAt < 700, `${create.at - yieldedAt} ms`);
  stage.endsWell();
});

test('a primary that sleeps through its tenure answers nothing from before when it wakes up', () => {
  const stage = new Stage();
  const sleeper = stage.primary;
  const [writer] = stage.followers;
  stage.change(writer!, 'create', 'key');
  stage.change(writer!, 'activate', 'key');
  sleeper.pause(8000);
  assert.equal(stage.change(writer!, 'revoke', 'key', 6000).state, 'deactivated');
  let seen: string | undefined;
  sleeper.whenRunning(() => sleeper.read((objects) => ({ seen: objects.get('key')!.state, touched: 0 }), Infinity, (state) => {
    seen = state;
  }));
  stage.run(4000);
  assert.equal(seen, 'deactivated');
  stage.endsWell();
});

test('a node whose machine was suspended, clock and all, answers nothing until it has a new permit', () => {
  const stage = new Stage();
  const [sleeper, writer] = stage.followers;
  stage.change(writer!, 'create', 'key');
  stage.change(writer!, 'activate', 'key');
  stage.run(300);
  sleeper!.suspend(8000);
  assert.equal(stage.change(writer!, 'revoke', 'key', 7990).state, 'deactivated');
  let seen: string | undefined;
  // Its clock says that hardly any time has gone by since its last permit.
  sleeper!.whenRunning(() => sleeper!.read((objects) => ({ seen: objects.get('key')!.state, touched: 0 }), Infinity, (state) => {
    seen = state;
  }));
  stage.run(1000);
  assert.equal(seen, 'deactivated');
  stage.endsWell();
});

test('a node cut off from its peers and the log answers reads for one permit and not longer, and no write passes in that time', () => {
  const stage = new Stage();
  const [lonely, writer] = stage.followers;
  stage.change(writer!, 'create', 'key');
  stage.change(writer!, 'activate', 'key');
  stage.isolate(lonely!, 20_000);
  const revoke = stage.begin(writer!, 'revoke', 'key');
  const cutAt = stage.world.scheduler.now;
  let lastRead = cutAt;
  while (stage.world.scheduler.now < cutAt + 5000) if (stage.read(lonely!, 'key', 5) !== undefined) lastRead = stage.world.scheduler.now;
  assert.ok(lastRead > cutAt + 1500 && lastRead < cutAt + 2500, `last read after ${lastRead - cutAt} ms`);
  assert.ok(revoke.at > lastRead, 'the Revoke was answered after the last read of the old state');
  stage.endsWell();
});

test('a grant that comes late is counted from before its heartbeat was sent', () => {
  const stage = new Stage();
  const [node, other] = stage.followers;
  const { network } = stage.world;
  stage.change(other!, 'create', 'key');
  stage.change(other!, 'activate', 'key');
  // Grants to the node take up to two seconds, and then nothing more gets through.
  network.lag(stage.primary.name, node!.name, 2000, 1500);
  stage.run(1500);
  for (const name of [...stage.world.names, 'log', 'tenure']) network.cut(node!.name, name, 20_000);
  for (const name of ['log', 'tenure', other!.name]) network.cut(name, node!.name, 20_000);
  const revoke = stage.begin(other!, 'revoke', 'key');
  const cutAt = stage.world.scheduler.now;
  let lastRead = cutAt;
  while (stage.world.scheduler.now < cutAt + 6000) if (stage.read(node!, 'key', 5) === 'active') lastRead = stage.world.scheduler.now;
  assert.ok(revoke.at > lastRead, `Revoke was answered ${(revoke.at - cutAt).toFixed(0)} ms after the cut, the last stale read ${(lastRead - cutAt).toFixed(0)}`);
  stage.endsWell();
});

test('a node that is heard but hears nothing holds up writes for a permit, not for as long as it is deaf', (context) => {
  const stage = new Stage();
  const [deaf, writer] = stage.followers;
  const { network, names } = stage.world;
  for (const name of [...names, 'log', 'tenure']) network.cut(name, deaf!.name, 20_000);
  const cutAt = stage.world.scheduler.now;
  const create = stage.begin(writer!, 'create', 'key');
  stage.run(5000);
  context.diagnostic(`write after ${(create.at - cutAt).toFixed(0)} ms`);
  assert.ok(create.at - cutAt < 3300, `${create.at - cutAt} ms`);
  stage.endsWell();
});

test('a node with a slow disk loses its permit and gets it back when it has caught up', () => {
  const stage = new Stage();
  const [slow, writer] = stage.followers;
  slow!.diskDelay = () => 1500;
  stage.begin(writer!, 'create', 'key');
  stage.run(200);
  stage.begin(writer!, 'activate', 'key');
  stage.run(6000);
  slow!.diskDelay = () => 2;
  stage.run(4000);
  assert.equal(stage.read(slow!, 'key'), 'active');
  assert.equal(stage.change(writer!, 'revoke', 'key', 100).state, 'deactivated');
  stage.endsWell();
});
