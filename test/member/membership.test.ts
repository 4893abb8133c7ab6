/**
 * Who comes and goes: a member that leaves in order is waited for by nobody, and one that is removed is a member no more until it
 * comes back.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { patientTiming } from '../../cluster/timing.ts';
import { natsMissing } from '../cluster/nats/nats-servers.ts';
import { Members, setting, until } from './members.ts';

const skip = natsMissing();

describe('members that come and go', { skip, concurrency: true }, () => {
  test('a member is removed by the primary alone, by its name, and is one again when it comes back', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const [primary, follower, left] = await members.ready(['one', 'two', 'three']);
    const [primaryName, followerName, leftName] = [primary, follower, left].map((member) => member!.keeper.status().node) as [string, string, string];
    const known = (): (readonly string[])[] => [primary, follower].map((member) => [...member!.keeper.status().members].sort());
    await until(() => known().every((names) => names.length === 3));
    await left!.close();
    await assert.rejects(follower!.keeper.removeMember!(leftName), (error: { code?: string; retryable?: boolean; message: string }) => error.code === 'E_NOT_PRIMARY' && error.retryable === true && error.message.includes(primaryName));
    for (const { keeper } of [primary!, follower!]) {
      await assert.rejects(keeper.removeMember!('four'), (error: { code?: string; message: string }) => error.code === 'E_MEMBER_UNKNOWN' && error.message.includes(followerName));
      await assert.rejects(keeper.removeMember!(keeper.status().node), { code: 'E_MEMBER_SELF' });
    }
    assert.deepEqual(known(), [['one', 'three', 'two'], ['one', 'three', 'two']], 'a member that only stopped stays one');
    await primary!.keeper.removeMember!(leftName);
    assert.deepEqual(known()[0], [primaryName, followerName].sort(), 'it is out when the operator is told so');
    await until(() => known()[1]!.length === 2);
    await assert.rejects(primary!.keeper.removeMember!(leftName), { code: 'E_MEMBER_UNKNOWN' });
    await primary!.keeper.commit([setting('without it')]);
    const back = await members.open(leftName);
    await back.keeper.ready();
    assert.deepEqual(await back.keeper.read((store) => store.setting('without it')), Uint8Array.of(1));
    await until(() => known().every((names) => names.length === 3));
    assert.deepEqual(members.faults, []);
  });

  test('nobody waits for the permit of a member that said farewell, nor for the tenure of a primary that handed it over', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const [primary, follower, leaving] = await members.ready(['one', 'two', 'three'], { timing: patientTiming });
    const { permitMs } = patientTiming;
    await primary!.keeper.commit([setting('all of them', 1)]);
    // As a node ends: what only it did is handed over, clients go, the last word is said.
    await leaving!.keeper.leave();
    leaving!.keeper.farewell();
    assert.equal(typeof leaving!.keeper.notReady(), 'string', 'its own permit is gone first');
    await leaving!.close();
    const begin = performance.now();
    await primary!.keeper.commit([setting('two of them', 2)]);
    const followerMs = performance.now() - begin;
    assert.ok(followerMs < permitMs / 2, `${followerMs} ms, and a permit lasts ${permitMs} ms`);
    await primary!.keeper.leave();
    const handed = performance.now();
    await until(() => follower!.keeper.status().role === 'primary');
    const handoverMs = performance.now() - handed;
    assert.ok(handoverMs < permitMs / 2, `${handoverMs} ms, and a tenure's record lasts ${patientTiming.tenureRecordMs} ms`);
    // It goes on for the clients that it still has.
    await primary!.keeper.commit([setting('through the other', 3)]);
    primary!.keeper.farewell();
    await primary!.close();
    await follower!.keeper.commit([setting('one of them', 4)]);
    const primaryMs = performance.now() - handed;
    assert.ok(primaryMs < permitMs / 2, `${primaryMs} ms, and a permit lasts ${permitMs} ms`);
    assert.deepEqual(follower!.keeper.view.setting('one of them'), Uint8Array.of(4));
    assert.deepEqual(members.faults, []);
  });
});
