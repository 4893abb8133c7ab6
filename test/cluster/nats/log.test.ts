/**
 * The log over one nats-server: what the contract of `LogPort` says, the deposed writer, the lost connection, the break in what is pushed.
 */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { jetstreamManager } from '@nats-io/jetstream';
import { entryAfter, chain, empty, headOf, median, Witness } from './witness.ts';
import { natsMissing, startNats } from './nats-servers.ts';
import type { NatsServers } from './nats-servers.ts';

const skip = natsMissing();
let nats: NatsServers;
let names = 0;
const cluster = (): string => `log${(names += 1)}`;

before(async () => { if (skip === false) nats = await startNats(1); });
after(async () => { await nats?.[Symbol.asyncDispose](); });

test('an append is acknowledged, pushed to every node in order, and read back byte for byte', { skip }, async () => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  await using two = await Witness.open(nats.urls, { cluster: name, node: 'n2' });
  const entries = chain(100);
  for (const logged of entries) one.nats.log.append({ sequence: logged.entry.sequence - 1, hash: logged.entry.previous }, logged);
  await two.next('log-pushed', ({ sequence }) => sequence === 100);
  await one.next('appended', ({ sequence }) => sequence === 100);
  assert.deepEqual(one.all('appended').map(({ sequence, hash }) => [sequence, hash]), entries.map(({ entry, hash }) => [entry.sequence, hash]));
  for (const witness of [one, two]) assert.deepEqual(witness.all('log-pushed').map(({ sequence }) => sequence), entries.map(({ entry }) => entry.sequence));
  const read = await two.ask(() => two.nats.log.read(41, 512), 'log-read');
  assert.equal(read.first, 1);
  assert.equal(read.last, 100);
  assert.deepEqual(read.entries.map((bytes) => Buffer.from(bytes).toString('hex')), entries.slice(40).map(({ bytes }) => Buffer.from(bytes).toString('hex')));
});

test('an append that does not follow the last entry is refused, whoever makes it', { skip }, async () => {
  const name = cluster();
  await using deposed = await Witness.open(nats.urls, { cluster: name });
  await using writer = await Witness.open(nats.urls, { cluster: name, node: 'n2' });
  const [first, second] = chain(2);
  await deposed.ask(() => deposed.nats.log.append(empty, first!), 'appended');
  await writer.ask(() => writer.nats.log.append(headOf(first!), second!), 'appended');
  const late = entryAfter(headOf(first!), 'of the deposed primary');
  const refused = await deposed.ask(() => deposed.nats.log.append(headOf(first!), late), 'append-refused', 'appended');
  assert.deepEqual(refused, { kind: 'append-refused', sequence: 2, hash: late.hash });
  const ahead = entryAfter({ sequence: 7, hash: first!.hash });
  assert.equal((await deposed.ask(() => deposed.nats.log.append({ sequence: 7, hash: first!.hash }, ahead), 'append-refused', 'appended')).kind, 'append-refused');
  const read = await writer.ask(() => writer.nats.log.read(1, 512), 'log-read');
  assert.equal(read.last, 2);
});

test('of two writers at the same place one is accepted, a hundred times', { skip }, async () => {
  const name = cluster();
  await using left = await Witness.open(nats.urls, { cluster: name });
  await using right = await Witness.open(nats.urls, { cluster: name, node: 'n2' });
  let head = empty;
  for (let round = 1; round <= 100; round += 1) {
    const tries = [entryAfter(head, 'left'), entryAfter(head, 'right')] as const;
    const outcomes = await Promise.all([left.ask(() => left.nats.log.append(head, tries[0]), 'appended', 'append-refused'), right.ask(() => right.nats.log.append(head, tries[1]), 'appended', 'append-refused')]);
    assert.deepEqual(outcomes.map(({ kind }) => kind).sort(), ['append-refused', 'appended'], `round ${round}`);
    head = headOf(tries[outcomes.findIndex(({ kind }) => kind === 'appended')]!);
  }
});

test('with one copy an append after another entry than the expected one is refused although the sequence fits', { skip }, async () => {
  await using witness = await Witness.open(nats.urls, { cluster: cluster() });
  const [first] = chain(1);
  await witness.ask(() => witness.nats.log.append(empty, first!), 'appended');
  const foreign = { sequence: 1, hash: entryAfter(empty, 'lost').hash };
  assert.equal((await witness.ask(() => witness.nats.log.append(foreign, entryAfter(foreign)), 'appended', 'append-refused')).kind, 'append-refused');
});

test('a purged log says where it begins, and an empty one that nothing is there', { skip }, async () => {
  await using witness = await Witness.open(nats.urls, { cluster: cluster() });
  const { log } = witness.nats;
  const nothing = await witness.ask(() => log.read(1, 10), 'log-read');
  assert.deepEqual({ ...nothing, entries: nothing.entries.length }, { kind: 'log-read', from: 1, entries: 0, first: 1, last: 0 });
  const entries = chain(10);
  for (const logged of entries) await witness.ask(() => log.append({ sequence: logged.entry.sequence - 1, hash: logged.entry.previous }, logged), 'appended');
  // A newer nats-server answers what is asked meanwhile before it has purged.
  const firstIs = async (first: number): Promise<void> => {
    for (const until = performance.now() + 5_000; performance.now() < until && (await witness.ask(() => log.read(10, 1), 'log-read')).first !== first; );
  };
  log.purge(4);
  await firstIs(5);
  const partly = await witness.ask(() => log.read(5, 10), 'log-read');
  assert.deepEqual([partly.first, partly.last, partly.entries.length], [5, 10, 6]);
  assert.equal((await witness.ask(() => log.read(3, 10), 'log-read')).entries.length, 0);
  log.purge(10);
  await firstIs(11);
  const gone = await witness.ask(() => log.read(11, 10), 'log-read');
  assert.deepEqual([gone.first, gone.last, gone.entries.length], [11, 10, 0]);
  const next = entryAfter(headOf(entries.at(-1)!));
  assert.equal((await witness.ask(() => log.append(headOf(entries.at(-1)!), next), 'appended', 'append-refused')).kind, 'appended');
});

test('nothing of an entry is in the stream in clear', { skip }, async () => {
  const name = cluster();
  await using witness = await Witness.open(nats.urls, { cluster: name });
  const entry = entryAfter(empty, 'a text that everybody would know again');
  await witness.ask(() => witness.nats.log.append(empty, entry), 'appended');
  await using stranger = await connect({ servers: [...nats.urls] });
  const manager = await jetstreamManager(stranger);
  const stored = await manager.streams.getMessage(`KMIPD-${name}-LOG`, { seq: 1 });
  assert.ok(!Buffer.from(stored!.data).includes('everybody'));
  assert.ok(!Buffer.from(stored!.data).includes('proposal'));
  assert.equal(stored!.header.get('Nats-Msg-Id'), entry.hash);
});

test('an entry that was not sealed under the key of the cluster is told and never handed on', { skip }, async () => {
  const name = cluster();
  await using witness = await Witness.open(nats.urls, { cluster: name });
  await using stranger = await connect({ servers: [...nats.urls] });
  await stranger.request(`kmipd.${name}.log`, 'not sealed');
  const read = await witness.ask(() => witness.nats.log.read(1, 10), 'log-read');
  assert.deepEqual([read.entries.length, read.last], [0, 1]);
  assert.equal(witness.all('log-pushed').length, 0);
  assert.ok(witness.faults.some(({ code }) => code === 'E_LOG_STRANGE'));
});

test('a stream under our name that drops entries by itself is refused', { skip }, async () => {
  const name = cluster();
  await using stranger = await connect({ servers: [...nats.urls] });
  const manager = await jetstreamManager(stranger);
  await manager.streams.add({ name: `KMIPD-${name}-LOG`, subjects: [`kmipd.${name}.log`], max_msgs: 10 });
  await assert.rejects(Witness.open(nats.urls, { cluster: name }), { code: 'E_NATS_STREAM_FOREIGN' });
});

test('median times of appending and of being pushed to another node', { skip }, async (context) => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  await using two = await Witness.open(nats.urls, { cluster: name, node: 'n2' });
  const times: number[] = [];
  for (const logged of chain(100, empty, 'x'.repeat(1000))) {
    const begin = performance.now();
    await one.ask(() => one.nats.log.append({ sequence: logged.entry.sequence - 1, hash: logged.entry.previous }, logged), 'appended');
    await two.next('log-pushed', ({ sequence }) => sequence === logged.entry.sequence);
    times.push(performance.now() - begin);
  }
  context.diagnostic(`append of 2 kB until acknowledged and pushed, one server: median ${median(times).toFixed(2)} ms`);
  assert.ok(median(times) < 200);
});
