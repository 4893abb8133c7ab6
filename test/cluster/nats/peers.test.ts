/**
 * The peer link over one nats-server: who gets what, long messages, and what is dropped: strangers, other formats, own names.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createSecretKey, randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { encode } from '../../../src/storage/cbor.ts';
import { Sealer } from '../../../cluster/nats/sealing.ts';
import type { PeerMessage } from '../../../cluster/messages.ts';
import { clusterKey, median, Witness } from './witness.ts';
import { natsMissing, startNats } from './nats-servers.ts';
import type { NatsServers } from './nats-servers.ts';

const skip = natsMissing();
let nats: NatsServers;
let names = 0;
const cluster = (): string => `peers${(names += 1)}`;

before(async () => { if (skip === false) nats = await startNats(1); });
after(async () => { await nats?.[Symbol.asyncDispose](); });

const proposal = (text: string, length = 4): PeerMessage => ({ kind: 'propose', proposal: text, payload: new Uint8Array(randomBytes(length)) });

test('a message reaches the node it is for, a broadcast all others, in the order sent and unchanged', { skip }, async () => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  await using two = await Witness.open(nats.urls, { cluster: name, node: 'n2' });
  await using three = await Witness.open(nats.urls, { cluster: name, node: 'n3' });
  const heartbeat = { kind: 'heartbeat', incarnation: 'i', number: 3, fence: { counter: 1, node: 'n2' }, applied: 9 } as PeerMessage;
  const sent = [proposal('a'), proposal('b'), proposal('c')];
  for (const message of sent) one.nats.peers.send('n2', message);
  one.nats.peers.broadcast(heartbeat);
  await two.next('message', ({ message }) => message.kind === 'heartbeat');
  await three.next('message', ({ message }) => message.kind === 'heartbeat');
  const taken = two.all('message');
  assert.deepEqual(taken.map(({ from }) => from), ['n1', 'n1', 'n1', 'n1']);
  assert.deepEqual(taken.map(({ message }) => encode(message)), [...sent, heartbeat].map((message) => encode(message)));
  assert.equal(three.events.length, 1);
  assert.equal(one.events.length, 0);
});

test('what one turn has for a node leaves as one NATS message, in order, and not longer than a part', { skip }, async () => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  await using two = await Witness.open(nats.urls, { cluster: name, node: 'n2' });
  const before = one.nats.traffic.sent;
  const sent = Array.from({ length: 64 }, (_, index) => proposal(`small ${index}`));
  for (const message of sent) one.nats.peers.send('n2', message);
  await two.next('message', ({ message }) => message.kind === 'propose' && message.proposal === 'small 63');
  assert.deepEqual(two.all('message').map(({ message }) => encode(message)), sent.map((message) => encode(message)));
  assert.equal(one.nats.traffic.sent - before, 1);
  const long = Array.from({ length: 5 }, (_, index) => proposal(`long ${index}`, 100 << 10));
  for (const message of long) one.nats.peers.send('n2', message);
  await two.next('message', ({ message }) => message.kind === 'propose' && message.proposal === 'long 4');
  assert.deepEqual(two.all('message').slice(64).map(({ message }) => encode(message)), long.map((message) => encode(message)));
  assert.equal(one.nats.traffic.sent - before, 1 + 3);
});

test('a message of 8 MB goes in parts, and its parts are never mixed with those of another', { skip }, async () => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  await using two = await Witness.open(nats.urls, { cluster: name, node: 'n2' });
  await using three = await Witness.open(nats.urls, { cluster: name, node: 'n3' });
  const [left, right] = [proposal('left', 8 << 20), proposal('right', 8 << 20)];
  one.nats.peers.send('n3', left);
  two.nats.peers.send('n3', right);
  for (const [from, message] of [['n1', left], ['n2', right]] as const) {
    const taken = await three.next('message', (event) => event.from === from);
    assert.equal(Buffer.compare(encode(taken.message), encode(message)), 0);
  }
  one.nats.peers.send('n3', proposal('longer than the limit', 65 << 20));
  assert.equal(one.faults.at(-1)?.code, 'E_PEER_LENGTH');
});

test('what was not sealed for this node under this key is dropped and told; what was sent elsewhere does not open here', { skip }, async () => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  await using stranger = await connect({ servers: [...nats.urls] });
  const seen: Buffer[] = [];
  stranger.subscribe(`kmipd.${name}.>`, { callback: (_, { data }) => { seen.push(Buffer.from(data)); } });
  await stranger.flush();
  await using outsider = await Witness.open(nats.urls, { cluster: name, node: 'n9', key: createSecretKey(randomBytes(32)) });
  outsider.nats.peers.send('n1', proposal('under another key'));
  await using two = await Witness.open(nats.urls, { cluster: name, node: 'n2' });
  two.nats.peers.send('n3', proposal('a text that everybody would know again'));
  while (seen.length < 2) await sleep(5);
  assert.ok(seen.every((data) => !data.includes('everybody')));
  for (const data of seen) stranger.publish(`kmipd.${name}.to.n1`, data);
  stranger.publish(`kmipd.${name}.to.n1`, 'not sealed');
  await stranger.flush();
  await sleep(50);
  assert.equal(one.events.length, 0);
  assert.equal(one.faults.at(-1)?.code, 'E_PEER_STRANGE');
});

test('a node of another message format is refused by name, and a second node of the same name is told', { skip }, async () => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  await using stranger = await connect({ servers: [...nats.urls] });
  const part = { format: 9, from: 'n2', session: 's', to: 'n1', number: 1, part: 0, parts: 1, bytes: encode(proposal('x')) };
  stranger.publish(`kmipd.${name}.to.n1`, new Sealer(clusterKey, name, 'peer').seal(encode(part), 'n1'));
  await stranger.flush();
  await sleep(50);
  assert.equal(one.events.length, 0);
  assert.match(one.faults.at(-1)!.message, /Node n2 speaks message format 9/);
  await using twin = await Witness.open(nats.urls, { cluster: name });
  twin.nats.peers.broadcast(proposal('x'));
  await sleep(50);
  assert.equal(one.faults.at(-1)?.code, 'E_NODE_NAME_TAKEN');
  assert.equal(one.events.length, 0);
});

test('median time of a message there and back', { skip }, async (context) => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  await using two = await Witness.open(nats.urls, { cluster: name, node: 'n2' });
  const times: number[] = [];
  for (let round = 0; round < 100; round += 1) {
    const begin = performance.now();
    one.nats.peers.send('n2', proposal(`there ${round}`, 700));
    await two.next('message', () => true, round);
    two.nats.peers.send('n1', proposal(`back ${round}`, 700));
    await one.next('message', () => true, round);
    times.push(performance.now() - begin);
  }
  context.diagnostic(`there and back: median ${median(times).toFixed(2)} ms`);
  assert.ok(median(times) < 200);
});
