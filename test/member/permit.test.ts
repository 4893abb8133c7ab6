/**
 * What a member says without a permit: it answers nothing from its disk, and sends its clients away only where others are likely to do
 * better (decision 0020).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { natsMissing } from '../cluster/nats/nats-servers.ts';
import { Members, setting, until } from './members.ts';

const skip = natsMissing();

// Side by side: most of their time they wait for permits to end.
describe('a member without a permit', { skip, concurrency: true }, () => {
  test('answers no read, gives no backup and sends its clients away once NATS is gone, unless it was told to stay available; and goes on when NATS is back', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const [strict, available] = await Promise.all([members.open('strict'), members.open('available', { consistency: 'available' })]);
    const both = [strict.keeper, available.keeper];
    await Promise.all(both.map((keeper) => keeper.ready()));
    await strict.keeper.commit([setting('kept')]);
    for (const keeper of both) {
      assert.equal(keeper.notReady(), undefined);
      assert.equal(keeper.sendsAway(), undefined);
      assert.deepEqual(await keeper.read((store) => store.setting('kept')), Uint8Array.of(1));
    }
    const [server] = members.nats.servers;
    await server!.kill();
    await until(() => both.every((keeper) => keeper.notReady() !== undefined) && strict.keeper.sendsAway() !== undefined);
    for (const keeper of both) {
      assert.equal(typeof keeper.notReady(), 'string');
      await assert.rejects(keeper.read((store) => store.setting('kept')), { code: 'E_NOT_READY', retryable: true });
      await assert.rejects(keeper.backup({ id: 'none', takenAt: Date.now() }), { code: 'E_NOT_READY', retryable: true });
      assert.equal(keeper.status().permitMs, 0);
    }
    assert.equal(typeof strict.keeper.sendsAway(), 'string');
    assert.equal(available.keeper.sendsAway(), undefined);
    await server!.start();
    await Promise.all(both.map((keeper) => keeper.ready()));
    assert.equal(strict.keeper.sendsAway(), undefined);
    assert.deepEqual(await available.keeper.read((store) => store.setting('kept')), Uint8Array.of(1));
    assert.deepEqual(members.faults, []);
  });

  test('keeps its clients while it hears the others, for fifteen seconds, for it is NATS that is missing to all of them', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const both = (await members.ready(['left', 'right'])).map(({ keeper }) => keeper);
    await using connection = await connect({ servers: [...members.nats.urls] });
    await (await jetstreamManager(connection)).streams.delete('KV_kmipd-members-tenure');
    await until(() => both.every((keeper) => keeper.notReady() !== undefined));
    const lostAt = performance.now();
    // Whoever hears nobody says so within a second: after two it was the others that were heard.
    await sleep(2_000);
    for (const keeper of both) {
      assert.equal(typeof keeper.notReady(), 'string');
      assert.equal(keeper.sendsAway(), undefined);
      await assert.rejects(keeper.read((store) => store.setting('none')), { code: 'E_NOT_READY' });
    }
    await until(() => both.every((keeper) => keeper.sendsAway() !== undefined));
    const patienceMs = performance.now() - lostAt;
    assert.ok(patienceMs > 10_000, `clients are kept for longer than NATS elects, not for ${patienceMs} ms`);
    // A start makes the bucket anew, and all go on.
    const third = await members.open('third');
    await Promise.all([...both, third.keeper].map((keeper) => keeper.ready()));
    assert.deepEqual(both.map((keeper) => keeper.sendsAway()), [undefined, undefined]);
    assert.deepEqual(members.faults, []);
  });

  test('that hears nobody sends its clients away at once, and answers nothing later that it read before', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const [primary, follower] = await members.ready(['left', 'right']);
    const { promise: slow, resolve: looked } = Promise.withResolvers<void>();
    const read = follower!.keeper.read(async (store) => {
      const seen = store.setting('meanwhile');
      await slow;
      return seen;
    });
    follower!.link.cut();
    await until(() => follower!.keeper.notReady() !== undefined);
    // Its permit lasted longer than others are heard after they were silenced.
    await sleep(100);
    assert.equal(typeof follower!.keeper.sendsAway(), 'string');
    await primary!.keeper.commit([setting('meanwhile')]);
    follower!.link.heal();
    await follower!.keeper.ready();
    looked();
    await assert.rejects(read, { code: 'E_NOT_READY' }, 'what it saw may be old, though there is a permit again');
    assert.deepEqual(await follower!.keeper.read((store) => store.setting('meanwhile')), Uint8Array.of(1));
    assert.deepEqual(members.faults, []);
  });
});
