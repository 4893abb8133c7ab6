/**
 * One connection: framing, order, one TLS record an answer, limits, slow clients, drain.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { test } from 'node:test';
import { closeCauses } from '../../src/metrics/layout.ts';
import { limitNames } from '../../src/server/limits.ts';
import type { LimitName } from '../../src/server/limits.ts';
import { TestClient, action, answersIn, startFixture, testMessage, toldBy } from './fixture.ts';

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
const limit = (name: LimitName): number => limitNames.indexOf(name);
const numbers = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`eight pipelined requests in one write get eight answers in order, each a TLS record of its own (${version})`, async () => {
    await using server = await startFixture();
    const client = await server.connect({ minVersion: version, maxVersion: version });
    client.socket.write(Buffer.concat(numbers(8).map((number) => testMessage(action.answer, number, 200))));
    const records = await client.receive(8);
    assert.deepEqual(records.map((record) => record.length), numbers(8).map(() => 208));
    assert.deepEqual(records.map(toldBy), numbers(8));
  });
}

test('a hundred pipelined requests of every kind are answered in order', async () => {
  await using server = await startFixture();
  server.engine.laterMs = 1;
  const client = await server.connect();
  const kinds = [action.answer, action.change, action.change, action.later, action.answer, action.bug, action.laterBug, action.change];
  client.socket.write(Buffer.concat(numbers(100).map((number) => testMessage(kinds[number % kinds.length]!, number))));
  const answers = await client.receiveAnswers(100);
  assert.equal(answers.length, 100);
  answers.forEach((record, number) => {
    const kind = kinds[number % kinds.length]!;
    if (kind === action.bug || kind === action.laterBug) assert.match(String(toldBy(record)), /^GeneralFailure: /);
    else assert.equal(toldBy(record), number);
  });
});

test('request bytes that come one at a time, or as two and a half messages, are the same requests', async () => {
  await using server = await startFixture();
  const client = await server.connect();
  client.socket.setNoDelay(true);
  for (const byte of testMessage(action.answer, 1)) {
    client.socket.write(Uint8Array.of(byte));
    await pause(1);
  }
  await client.receive(1);
  const stream = Buffer.concat([testMessage(action.answer, 2), testMessage(action.answer, 3), testMessage(action.answer, 4)]);
  client.socket.write(stream.subarray(0, 40));
  await client.receive(3);
  client.socket.write(stream.subarray(40));
  assert.deepEqual((await client.receive(4)).map(toldBy), [1, 2, 3, 4]);
});

test('a request that is written before the handshake ends is answered', async () => {
  await using server = await startFixture();
  const socket = connectTls(server.tls());
  socket.write(testMessage(action.answer, 5));
  const client = new TestClient(socket);
  assert.deepEqual((await client.receive(1)).map(toldBy), [5]);
  socket.destroy();
});

test('a long answer comes whole, and one of 16 KiB is one record', async () => {
  await using server = await startFixture();
  const client = await server.connect();
  client.socket.write(testMessage(action.answer, 1, 16_384 - 8));
  assert.equal((await client.receive(1))[0]!.length, 16_384);
  client.socket.write(testMessage(action.answer, 2, 1_000_000 - 8));
  while (client.records.reduce((sum, record) => sum + record.length, 0) < 1_016_384) await pause(5);
});

test('changes follow each other to the writing thread; what comes after them waits for their answers', async () => {
  await using server = await startFixture();
  server.holdPrimary = true;
  const client = await server.connect();
  client.socket.write(Buffer.concat([testMessage(action.change, 0), testMessage(action.change, 1), testMessage(action.answer, 2)]));
  while (server.atPrimary.length < 3) await pause(2);
  assert.deepEqual(server.engine.executed, []);
  server.holdPrimary = false;
  server.answerPrimary();
  assert.deepEqual((await client.receive(3)).map(toldBy), [0, 1, 2]);
  assert.deepEqual(server.engine.executed, [0, 1, 2]);
  client.socket.write(testMessage(action.answer, 3));
  await client.receive(4);
  assert.equal(server.atPrimary.length, 0);
});

test('a burst of changes is bounded, so that the writing thread is not kept by one connection', async () => {
  await using server = await startFixture({ primaryBurst: 3 });
  server.holdPrimary = true;
  const client = await server.connect();
  client.socket.write(Buffer.concat([testMessage(action.change, 0), ...[1, 2, 3, 4].map((number) => testMessage(action.answer, number))]));
  while (server.atPrimary.length < 3) await pause(2);
  await pause(20);
  assert.equal(server.atPrimary.length, 3);
  server.answerPrimary();
  assert.deepEqual((await client.receive(5)).map(toldBy), [0, 1, 2, 3, 4]);
  assert.equal(server.atPrimary.length, 0);
});

test('a request that is too long is answered with an error, skipped, and the connection lives on', async () => {
  await using server = await startFixture({ messageBytes: 4096 });
  const client = await server.connect();
  client.socket.write(Buffer.concat([testMessage(action.later, 1), testMessage(action.answer, 2, 8, 100_000), testMessage(action.answer, 3)]));
  const [first, second, third] = (await client.receive(3)).map(toldBy);
  assert.equal(first, 1);
  assert.match(String(second), /^InvalidMessage: .*100016 bytes.*4096/);
  assert.equal(third, 3);
  assert.equal(server.cell('limits', limit('messageBytes')), 1);
});

test('bytes that are no KMIP get an answer, after the answers before them, and then the end', async () => {
  await using server = await startFixture();
  const client = await server.connect();
  client.socket.write(Buffer.concat([testMessage(action.later, 1), Buffer.from('GET / HTTP/1.1\r\n\r\n')]));
  const records = (await client.receive(2)).map(toldBy);
  assert.equal(records[0], 1);
  assert.match(String(records[1]), /^InvalidMessage: /);
  await client.closed;
  assert.equal(client.ended, true);
  await pause(20);
  assert.equal(server.cell('closes', closeCauses.indexOf('framing-lost')), 1);
});

test('bytes that are no KMIP, behind changes that are under way, are answered last', async () => {
  await using server = await startFixture();
  const client = await server.connect();
  client.socket.write(Buffer.concat([testMessage(action.change, 1), testMessage(action.change, 2), Buffer.from('GET / HTTP/1.1\r\n\r\n')]));
  const told = (await client.receive(3)).map(toldBy);
  assert.deepEqual(told.slice(0, 2), [1, 2]);
  assert.match(String(told[2]), /^InvalidMessage: /);
  await client.closed;
});

test('a client that ends its side still gets its answers', async () => {
  await using server = await startFixture();
  const client = await server.connect();
  client.socket.end(Buffer.concat([testMessage(action.later, 1), testMessage(action.change, 2)]));
  assert.deepEqual((await client.receive(2)).map(toldBy), [1, 2]);
  await client.closed;
});

test('a request that does not end in time costs the connection; one that waits between requests does not', async () => {
  await using server = await startFixture({ messageMs: 100 });
  const [slow, idle] = [await server.connect(), await server.connect()];
  slow.socket.write(testMessage(action.answer, 1).subarray(0, 12));
  await slow.closed;
  await pause(20);
  assert.equal(server.cell('closes', closeCauses.indexOf('message-timeout')), 1);
  idle.socket.write(testMessage(action.answer, 2));
  await idle.receive(1);
});

test('unfinished messages that fill the memory of a worker end in time, and others get through then', async () => {
  await using server = await startFixture({ messageMs: 4_000, workerInFlightBytes: 1 << 20, messageBytes: 1 << 20 });
  const [hoarder, other] = [await server.connect(), await server.connect()];
  const held = testMessage(action.answer, 1, 8, (1 << 20) - 16);
  hoarder.socket.write(held.subarray(0, held.length - 100));
  while (server.cell('inFlightBytes') < held.length - 100) await pause(5);
  const more = await server.connect();
  more.socket.write(held.subarray(0, held.length - 100));
  await pause(100);
  // A byte for each makes the worker look at them again: both are not read any more now.
  for (const each of [hoarder, more]) each.socket.write(Buffer.alloc(1));
  // The other's message has to begin well after theirs: its own time runs out that much later.
  await pause(2_500);
  other.socket.write(testMessage(action.answer, 2, 8, 200_000));
  assert.deepEqual((await other.receive(1, 8_000)).map(toldBy), [2]);
  await hoarder.closed;
});

test('an idle connection is ended in order after its limit', async () => {
  await using server = await startFixture({ idleMs: 1000 });
  const client = await server.connect();
  await client.closed;
  assert.equal(client.ended, true);
  assert.equal(server.cell('limits', limit('idleMs')), 1);
});

test('a client that does not read is not read either, and is cut when it stays so', async () => {
  await using server = await startFixture({ writeMs: 300, connectionUnsentBytes: 1_000_000, connectionInFlightMessages: 32 });
  const client = await server.connect();
  client.socket.pause();
  for (const number of numbers(400)) client.socket.write(testMessage(action.answer, number, 1_000_000));
  await pause(200);
  assert.ok(server.engine.executed.length < 40, `${server.engine.executed.length} were executed`);
  assert.ok(server.cell('inFlightBytes') < 4_000_000, `${server.cell('inFlightBytes')} bytes are held`);
  await pause(1500);
  assert.equal(server.cell('closes', closeCauses.indexOf('write-timeout')), 1);
  client.socket.resume();
  await client.closed;
  assert.equal(server.cell('inFlightBytes'), 0);
});

test('a client that reads late gets all of its answers', async () => {
  await using server = await startFixture({ connectionUnsentBytes: 100_000, connectionInFlightMessages: 16 });
  const client = await server.connect();
  client.socket.pause();
  for (const number of numbers(300)) client.socket.write(testMessage(action.answer, number, 10_000));
  await pause(300);
  client.socket.resume();
  assert.deepEqual((await client.receiveAnswers(300)).map(toldBy), numbers(300));
  assert.ok(server.cell('limits', limit('connectionInFlightMessages')) > 0);
});

test('draining answers what was read, ends idle connections, and waits for a request that has begun', async () => {
  const server = await startFixture();
  const [busy, idle, begun] = [await server.connect(), await server.connect(), await server.connect()];
  server.engine.laterMs = 150;
  busy.socket.write(Buffer.concat([testMessage(action.later, 1), testMessage(action.change, 2)]));
  begun.socket.write(testMessage(action.answer, 3).subarray(0, 10));
  await pause(50);
  const drained = server.listener.drain();
  await idle.closed;
  assert.equal(busy.records.length, 0);
  begun.socket.write(testMessage(action.answer, 3).subarray(10));
  assert.deepEqual((await begun.receive(1)).map(toldBy), [3]);
  assert.deepEqual((await busy.receive(2)).map(toldBy), [1, 2]);
  await drained;
  await Promise.all([busy.closed, begun.closed]);
  const refused = connectTcp(server.port, '127.0.0.1');
  await assert.rejects(once(refused, 'connect'), { code: 'ECONNREFUSED' });
});

test('a client that pipelines without a pause does not hold up a drain', async () => {
  const server = await startFixture({ drainMs: 4_000 });
  const client = await server.connect();
  let sent = 0;
  const load = setInterval(() => {
    if (client.socket.destroyed || client.ended) return;
    for (let burst = 0; burst < 20; burst += 1) client.socket.write(testMessage(action.later, (sent += 1)));
  }, 1);
  try {
    server.engine.laterMs = 5;
    await client.receive(5);
    const began = performance.now();
    await server.listener.drain();
    assert.ok(performance.now() - began < 3_000, `the drain took ${Math.round(performance.now() - began)} ms`);
    await client.closed;
    assert.deepEqual(answersIn(Buffer.concat(client.records)).map(toldBy), server.engine.executed, 'every message that was executed was answered');
  } finally {
    clearInterval(load);
  }
});

test('draining cuts what is busy at its end', async () => {
  const server = await startFixture({ drainMs: 200 });
  const client = await server.connect();
  server.holdPrimary = true;
  client.socket.write(testMessage(action.change, 1));
  while (server.atPrimary.length < 1) await pause(2);
  const began = performance.now();
  await server.listener.drain();
  assert.ok(performance.now() - began < 1000);
  assert.equal(server.cell('closes', closeCauses.indexOf('drain')), 1);
});

test('what is counted: bytes, messages, connections, forwarded messages', async () => {
  await using server = await startFixture();
  const client = await server.connect();
  client.socket.write(Buffer.concat([testMessage(action.answer, 1), testMessage(action.change, 2)]));
  await client.receive(2);
  assert.equal(server.cell('bytesIn'), 32);
  assert.equal(server.cell('bytesOut'), 32);
  assert.equal(server.cell('connectionsOpen'), 1);
  assert.equal(server.cell('forwarded'), 1);
  client.socket.destroy();
  await client.closed;
  while (server.cell('connectionsOpen') > 0) await pause(2);
  assert.equal(server.cell('closes', closeCauses.indexOf('client')), 1);
});
