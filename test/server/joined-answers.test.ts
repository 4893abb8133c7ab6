/**
 * Which answers share a TLS record: those of a client that has had more than eight requests waiting at once and states no
 * Maximum Response Size. Everybody else reads one answer a record, whatever he sends.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { test } from 'node:test';
import { FakeSlots, TestClient, action, answersIn, startFixture, testMessage, toldBy } from './fixture.ts';
import type { Fixture } from './fixture.ts';

const versions = ['TLSv1.2', 'TLSv1.3'] as const;
const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
const numbers = (count: number, first = 0): number[] => Array.from({ length: count }, (_, index) => first + index);

/** A request whose field behind Protocol Version is Maximum Response Size. */
function limited(number: number): Buffer {
  const bytes = testMessage(action.answer, number, 200, 64);
  bytes.writeUInt32BE(0x42005002, 56);
  return bytes;
}

/** Keeps `depth` requests waiting until `count` are answered; gives what came, a record each. */
async function slide(server: Fixture, depth: number, count: number, make: (number: number) => Buffer, version: (typeof versions)[number] = 'TLSv1.3'): Promise<Buffer[]> {
  const { socket, records } = await server.connect({ minVersion: version, maxVersion: version });
  let answered = 0;
  socket.on('data', (record: Buffer) => {
    const more = answersIn(record).length;
    const next = numbers(Math.min(more, count - depth - answered), depth + answered);
    answered += more;
    if (next.length > 0) socket.write(Buffer.concat(next.map(make)));
  });
  socket.write(Buffer.concat(numbers(depth).map(make)));
  while (answered < count) {
    assert.ok(!socket.destroyed, 'the connection was closed');
    await pause(2);
  }
  return records;
}

for (const version of versions) {
  test(`a client with one request at a time, or up to eight, reads a record an answer (${version})`, async () => {
    await using server = await startFixture({}, undefined, undefined, new FakeSlots());
    for (const depth of [1, 2, 8]) {
      const records = await slide(server, depth, 200, (number) => testMessage(number % 9 === 5 ? action.change : number % 7 === 3 ? action.later : action.answer, number, 200), version);
      assert.deepEqual(records.map((record) => record.length), numbers(200).map(() => 208), `depth ${depth}`);
      assert.deepEqual(records.map(toldBy), numbers(200));
    }
  });

  test(`a client with sixteen at a time reads them joined, and in order (${version})`, async () => {
    await using server = await startFixture({}, undefined, undefined, new FakeSlots());
    const records = await slide(server, 16, 400, (number) => testMessage(action.answer, number, 200), version);
    assert.ok(records.length <= 60, `400 answers in ${records.length} records`);
    assert.deepEqual(answersIn(Buffer.concat(records)).map(toldBy), numbers(400));
  });

  test(`a client that states a Maximum Response Size reads a record an answer at any depth (${version})`, async () => {
    await using server = await startFixture({}, undefined, undefined, new FakeSlots());
    const records = await slide(server, 32, 400, limited, version);
    assert.deepEqual(records.map((record) => record.length), numbers(400).map(() => 208));
    assert.deepEqual(records.map(toldBy), numbers(400));
  });
}

test('the TLS records on the wire are as many as the answers of a client with eight at a time', async () => {
  await using server = await startFixture({}, undefined, undefined, new FakeSlots());
  let applicationRecords = 0;
  const proxy = createServer((near) => {
    const far = connectTcp(server.port, '127.0.0.1');
    let held = Buffer.alloc(0);
    near.pipe(far).on('error', () => near.destroy());
    far.pipe(near).on('error', () => far.destroy());
    far.on('data', (chunk: Buffer) => {
      for (held = Buffer.concat([held, chunk]); held.length >= 5 && held.length >= 5 + held.readUInt16BE(3); held = held.subarray(5 + held.readUInt16BE(3))) {
        if (held[0] === 23) applicationRecords += 1;
      }
    });
  }).listen(0, '127.0.0.1');
  proxy.unref();
  await once(proxy, 'listening');
  // TLS 1.2: its tickets do not look like data.
  const client = new TestClient(connectTls(server.tls({ port: (proxy.address() as AddressInfo).port, minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' })));
  try {
    client.socket.write(Buffer.concat(numbers(8).map((number) => testMessage(action.answer, number))));
    await client.receiveAnswers(8);
    assert.equal(applicationRecords, 8);
    client.socket.write(Buffer.concat(numbers(16, 8).map((number) => testMessage(action.answer, number))));
    await client.receiveAnswers(24);
    assert.equal(applicationRecords, 9);
  } finally {
    client.socket.destroy();
    proxy.close();
  }
});

test('slow messages between, and messages with a limit, keep their places in a deep pipeline', async () => {
  await using server = await startFixture({}, undefined, undefined, new FakeSlots());
  server.engine.laterMs = 2;
  const kind = (number: number): number => (number % 10 === 4 ? action.change : number % 10 === 7 ? action.later : action.answer);
  const records = await slide(server, 32, 600, (number) => (number % 10 === 9 ? limited(number) : testMessage(kind(number), number, 200)));
  assert.deepEqual(answersIn(Buffer.concat(records)).map(toldBy), numbers(600));
  for (const record of records.filter((each) => answersIn(each).some((answer) => (toldBy(answer) as number) % 10 === 9))) assert.equal(answersIn(record).length, 1, 'an answer with a limit is alone');
  assert.ok(records.some((record) => answersIn(record).length > 2));
});

test('a client that reads late gets what was answered, though the memory of the answers was used again', async () => {
  await using server = await startFixture({ connectionInFlightMessages: 64, connectionUnsentBytes: 200_000 }, undefined, undefined, new FakeSlots());
  for (const make of [(number: number): Buffer => testMessage(action.answer, number, 20_000), (number: number): Buffer => testMessage(action.answer, number, 3_000)]) {
    const client = await server.connect();
    client.socket.pause();
    for (const number of numbers(2_000)) client.socket.write(make(number));
    await pause(300);
    assert.ok(server.cell('inFlightBytes') < 1_000_000, `${server.cell('inFlightBytes')} bytes are held`);
    client.socket.resume();
    const answers = await client.receiveAnswers(2_000, 20_000);
    assert.deepEqual(answers.map(toldBy), numbers(2_000));
    for (const answer of answers) assert.equal(answer.subarray(16).findIndex((byte) => byte !== 0xee), -1, 'an answer was overwritten before it was sent');
    client.socket.destroy();
  }
});

test('a connection that is cut in the middle of a burst leaves nothing for others', async () => {
  const slots = new FakeSlots();
  await using server = await startFixture({}, undefined, undefined, slots);
  const [cut, other] = [await server.connect(), await server.connect()];
  const answer = slots.answer.bind(slots);
  slots.answer = (message) => {
    if (Buffer.from(message).readUInt16BE(10) === 12) {
      server.known.clear();
      server.listener.recheck();
    }
    return answer(message);
  };
  const known = [...server.known];
  cut.socket.write(Buffer.concat(numbers(16).map((number) => testMessage(action.answer, number))));
  await cut.closed;
  await other.closed;
  for (const [fingerprint, identified] of known) server.known.set(fingerprint, identified);
  const next = await server.connect();
  next.socket.write(Buffer.concat(numbers(16, 100).map((number) => testMessage(action.answer, number))));
  assert.deepEqual((await next.receiveAnswers(16)).map(toldBy), numbers(16, 100));
});
