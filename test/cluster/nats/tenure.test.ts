/**
 * The tenure record over one nats-server: claim, look, renew, yield, expiry, and that one of many wins.
 */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Kvm } from '@nats-io/kv';
import { median, Witness } from './witness.ts';
import { natsMissing, startNats } from './nats-servers.ts';
import type { NatsServers } from './nats-servers.ts';

const skip = natsMissing();
let nats: NatsServers;
let names = 0;
const cluster = (): string => `tenure${(names += 1)}`;

before(async () => { if (skip === false) nats = await startNats(1); });
after(async () => { await nats?.[Symbol.asyncDispose](); });

const look = (witness: Witness, sentAt = 5) => witness.ask(() => witness.nats.tenure.look(sentAt), 'tenure-seen');

test('a record is claimed once, seen by all, renewed by its revision and yielded', { skip }, async () => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  await using two = await Witness.open(nats.urls, { cluster: name, node: 'n2' });
  assert.deepEqual(await look(one, 17), { kind: 'tenure-seen', sentAt: 17, record: undefined });
  const claimed = await one.ask(() => one.nats.tenure.claim('n1/a/1'), 'claimed', 'claim-failed');
  assert.ok(claimed.kind === 'claimed' && claimed.claim === 'n1/a/1');
  assert.deepEqual((await look(two)).record, { node: 'n1', claim: 'n1/a/1', revision: claimed.revision });
  assert.equal((await two.ask(() => two.nats.tenure.claim('n2/b/1'), 'claimed', 'claim-failed')).kind, 'claim-failed');
  const renewed = await one.ask(() => one.nats.tenure.renew('n1/a/1', claimed.revision), 'renewed', 'renew-failed');
  assert.ok(renewed.kind === 'renewed' && renewed.revision > claimed.revision);
  assert.equal((await one.ask(() => one.nats.tenure.renew('n1/a/1', claimed.revision), 'renewed', 'renew-failed')).kind, 'renew-failed');
  one.nats.tenure.yield(claimed.revision);
  await sleep(50);
  assert.equal((await look(two)).record?.revision, renewed.revision);
  one.nats.tenure.yield(renewed.revision);
  await sleep(50);
  assert.equal((await look(two)).record, undefined);
  const next = await two.ask(() => two.nats.tenure.claim('n2/b/2'), 'claimed', 'claim-failed');
  assert.ok(next.kind === 'claimed' && next.revision > renewed.revision);
});

test('a record that nobody renews expires, can be claimed again, and is not brought back by a late renewal', { skip }, async (context) => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name, tenureRecordMs: 600 });
  await using two = await Witness.open(nats.urls, { cluster: name, node: 'n2', tenureRecordMs: 600 });
  const begin = performance.now();
  const claimed = await one.ask(() => one.nats.tenure.claim('n1/a/1'), 'claimed');
  while ((await look(two)).record !== undefined) {
    assert.ok(performance.now() - begin < 5000);
    await sleep(10);
  }
  context.diagnostic(`a record of 600 ms was gone after ${(performance.now() - begin).toFixed(0)} ms`);
  assert.ok(performance.now() - begin >= 590);
  assert.equal((await one.ask(() => one.nats.tenure.renew('n1/a/1', claimed.revision), 'renewed', 'renew-failed')).kind, 'renew-failed');
  const next = await two.ask(() => two.nats.tenure.claim('n2/b/1'), 'claimed', 'claim-failed');
  assert.ok(next.kind === 'claimed' && next.revision > claimed.revision);
});

test('renewals keep a record beyond its time to live', { skip }, async () => {
  await using one = await Witness.open(nats.urls, { cluster: cluster(), tenureRecordMs: 400 });
  let { revision } = await one.ask(() => one.nats.tenure.claim('n1/a/1'), 'claimed');
  for (let round = 0; round < 8; round += 1) {
    await sleep(100);
    ({ revision } = await one.ask(() => one.nats.tenure.renew('n1/a/1', revision), 'renewed'));
  }
  assert.equal((await look(one)).record?.revision, revision);
});

test('of eight claims at once one is written, twenty times', { skip }, async () => {
  const name = cluster();
  const witnesses = await Promise.all(Array.from({ length: 8 }, (_, index) => Witness.open(nats.urls, { cluster: name, node: `n${index}`, tenureRecordMs: 60_000 })));
  try {
    for (let round = 0; round < 20; round += 1) {
      const outcomes = await Promise.all(witnesses.map((witness, index) => witness.ask(() => witness.nats.tenure.claim(`${round}/${index}`), 'claimed', 'claim-failed')));
      const winners = outcomes.filter((outcome) => outcome.kind === 'claimed');
      assert.equal(winners.length, 1, `round ${round}`);
      const winner = winners[0]!;
      assert.ok(winner.kind === 'claimed');
      assert.equal((await look(witnesses[0]!)).record?.claim, winner.claim);
      witnesses[0]!.nats.tenure.yield(winner.revision);
      while ((await look(witnesses[0]!)).record !== undefined) await sleep(5);
    }
  } finally {
    await Promise.all(witnesses.map((witness) => witness[Symbol.asyncDispose]()));
  }
});

test('the record is sealed, and a stranger\'s counts as somebody\'s until it expires', { skip }, async () => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name, tenureRecordMs: 800 });
  await one.ask(() => one.nats.tenure.claim('n1/a-claim/1'), 'claimed');
  await using stranger = await connect({ servers: [...nats.urls] });
  const manager = await jetstreamManager(stranger);
  const stored = await manager.streams.getMessage(`KV_kmipd-${name}-tenure`, { last_by_subj: '>' });
  assert.ok(!Buffer.from(stored!.data).includes('a-claim'));
  const bucket = await new Kvm(jetstream(stranger)).open(`kmipd-${name}-tenure`);
  const revision = await bucket.put('primary', 'not sealed');
  assert.deepEqual((await look(one)).record, { node: '', claim: '', revision });
  assert.ok(one.faults.some(({ code }) => code === 'E_TENURE_STRANGE'));
  while ((await look(one)).record !== undefined) await sleep(50);
  assert.equal((await one.ask(() => one.nats.tenure.claim('n1/a-claim/2'), 'claimed', 'claim-failed')).kind, 'claimed');
});

test('median times of look and renewal', { skip }, async (context) => {
  await using one = await Witness.open(nats.urls, { cluster: cluster() });
  let { revision } = await one.ask(() => one.nats.tenure.claim('n1/a/1'), 'claimed');
  const looks: number[] = [];
  const renewals: number[] = [];
  for (let round = 0; round < 50; round += 1) {
    const begin = performance.now();
    await look(one);
    const middle = performance.now();
    ({ revision } = await one.ask(() => one.nats.tenure.renew('n1/a/1', revision), 'renewed'));
    looks.push(middle - begin);
    renewals.push(performance.now() - middle);
  }
  context.diagnostic(`one server: look median ${median(looks).toFixed(2)} ms, renewal median ${median(renewals).toFixed(2)} ms`);
  assert.ok(median(renewals) < 200);
});
