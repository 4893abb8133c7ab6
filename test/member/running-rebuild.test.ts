/**
 * A member whose store is made anew while it runs: what it held of the old one (shares, a prefix of nonces, marks for its threads) is
 * gone with it, and it goes on as any other member.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { cpSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { jetstreamManager } from '@nats-io/jetstream';
import { connect } from '@nats-io/transport-node';
import { encrypt } from '../../src/operations/encrypt.ts';
import { ClusterViewReader } from '../../src/server/cluster-view.ts';
import { objectHash } from '../../src/server/coherence.ts';
import { natsMissing } from '../cluster/nats/nats-servers.ts';
import { created } from '../storage/sample-state.ts';
import { activeKey, asked, encryption, identity, limited, unitsLeft } from './client-requests.ts';
import { Members, setting, until } from './members.ts';
import type { MemberSettings } from './members.ts';

const skip = natsMissing();
const settings: MemberSettings = { clusterLimits: { snapshotEntries: 60, tailEntries: 20, readEntries: 16 } };

test('a member that was cut off until the log had forgotten what it missed makes its store anew, and keeps nothing of the old one', { skip, timeout: 180_000 }, async (context) => {
  const members = await Members.start(context);
  const [primary, late] = await members.ready(['one', 'two'], settings);
  await primary!.keeper.commit(identity);
  const key = await activeKey(primary!.keeper, limited(1_000n));
  const prefixOf = async (): Promise<string> => Buffer.from((await asked(late!.keeper, encrypt, encryption(key))).ivCounterNonce!.subarray(0, 4)).toString('hex');
  const prefix = await prefixOf();
  for (let use = 1; use < 20; use += 1) assert.equal(await prefixOf(), prefix);
  const left = await unitsLeft(primary!.keeper, key);
  assert.ok(left < 980n, 'it holds more than it spent');

  late!.link.cut();
  await until(() => late!.keeper.notReady() !== undefined);
  await using connection = await connect({ servers: [...members.nats.urls] });
  const manager = await jetstreamManager(connection);
  const { sequence } = late!.keeper;
  for (let entry = 0; (await manager.streams.info('KMIPD-members-LOG')).state.first_seq <= sequence + 1; entry += 1) await primary!.keeper.commit([setting(`missed ${entry % 10}`, entry & 0xff)]);
  late!.link.heal();
  await until(() => late!.happened.includes('resume'));
  assert.deepEqual(late!.happened, ['suspend', 'resume']);
  await late!.keeper.ready();
  for (let name = 0; name < 10; name += 1) assert.deepEqual(late!.keeper.view.setting(`missed ${name}`), primary!.keeper.view.setting(`missed ${name}`));

  assert.equal(await unitsLeft(primary!.keeper, key), left, 'what it held is lost, and not back');
  assert.notEqual(await prefixOf(), prefix, 'the old prefix was taken in a history that may be none any more');
  assert.ok(await unitsLeft(primary!.keeper, key) < left, 'it had to ask for a share');
  const unstable = (): number => new ClusterViewReader(late!.keeper.clusterView).unstable(...objectHash('default', 'after'));
  const committed = primary!.keeper.commit([created('after')]);
  while (late!.keeper.view.glance('default', 'after') === undefined) await new Promise(setImmediate);
  assert.ok(unstable() > 0, 'its threads are told of changes as before');
  await committed;
  await until(() => unstable() === 0);
  // As primary it plans on the new store.
  await primary!.keeper.leave();
  await until(() => late!.keeper.status().role === 'primary');
  await activeKey(late!.keeper);
  assert.deepEqual(members.faults, []);
});

test('a member that comes with the longer store of another history begins with the cluster\'s, and takes nothing for stable that was so in its own', { skip, timeout: 180_000 }, async (context) => {
  const before = await Members.start(context);
  const old = await before.open('two');
  await old.keeper.ready();
  for (let entry = 0; entry < 30; entry += 1) await old.keeper.commit([setting('of another history', entry)]);
  const { sequence } = old.keeper;
  await old.close();
  const members = await Members.start(context);
  const steady = await members.open('one');
  await steady.keeper.ready();
  await steady.keeper.commit(identity);
  cpSync(join(before.folder, 'two'), join(members.folder, 'two'), { recursive: true });
  const foreign = await members.open('two');
  await foreign.keeper.ready();
  assert.deepEqual(foreign.happened, ['suspend', 'resume']);
  assert.equal(readdirSync(members.folder).filter((name) => name.startsWith('two.aside-')).length, 1, 'an operator may want to look at it');
  const unstable = (): number => new ClusterViewReader(foreign.keeper.clusterView).unstable(...objectHash('default', 'after'));
  const committed = steady.keeper.commit([created('after')]);
  while (foreign.keeper.view.glance('default', 'after') === undefined) await new Promise(setImmediate);
  assert.ok(unstable() > 0, 'what is new is not stable yet');
  await committed;
  await until(() => unstable() === 0);
  assert.ok(foreign.keeper.sequence < sequence, 'all of this took place below the numbers of its own history');
  assert.deepEqual(await foreign.keeper.read((store) => [store.glance('default', 'after')?.uniqueIdentifier, store.setting('of another history')]), ['after', undefined]);
  assert.deepEqual([...before.faults, ...members.faults], []);
});
