/**
 * Lost framing, monstrous lengths, slow and greedy clients: nothing hangs, nothing is allocated from a declared length,
 * and everybody else is served meanwhile.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { connect as connectSocket } from 'node:net';
import type { Socket } from 'node:net';
import test, { after, before } from 'node:test';
import { encode, item, request } from '../harness/wire.ts';
import { assertAnswerShape } from '../e2e/answer-shape.ts';
import { answersOf, byIdentifier, identifierOf, payloadOf, Site } from '../e2e/talk.ts';
import type { Talk } from '../e2e/talk.ts';
import { metric, residentBytes } from './metrics.ts';

const site = new Site();
const mebibyte = 1 << 20;
/** Short time-outs, so that their effect is seen within a test; names are those of the server's limits. */
const limits = { messageMs: 2000, writeMs: 1200, handshakeMs: 1500 };
before(() => site.start({ args: ['--workers', '2', ...Object.entries(limits).flatMap(([name, value]) => ['--limit', `${name}=${value}`])] }));
after(() => site.stop());

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
const hello = encode(request(14, [{ operation: 'DiscoverVersions', payload: [] }]));
const serve = (): Promise<void> => site.once('framing', async (talk) => { payloadOf((await talk.exchange(hello))[0]); });

/** What a connection that got these bytes comes to: closed, or answered with a failure. */
async function fate(bytes: Buffer): Promise<'closed' | 'answered'> {
  const talk = await site.talk('framing');
  await talk.wire.send(bytes);
  const answered = talk.wire.receive(10_000).then((answer) => {
    const [refused] = answersOf(assertAnswerShape(Buffer.alloc(0), answer));
    assert.ok(!refused!.ok);
    return 'answered' as const;
  });
  const outcome = await Promise.race([answered, talk.wire.closed.then(() => 'closed' as const)]).catch(() => 'closed' as const);
  talk.wire.socket.destroy();
  await answered.catch(() => {});
  return outcome;
}

test('bytes that are no TTLV message end the connection, and only that one', async () => {
  for (const bytes of [Buffer.from('GET /kmip HTTP/1.1\r\nHost: localhost\r\n\r\n'), Buffer.alloc(64), Buffer.alloc(64, 0xff), randomBytes(256)]) {
    await fate(bytes);
    await serve();
  }
});

test('declared lengths up to the greatest are answered or closed, without memory and without a hang', async () => {
  await serve();
  const before = await residentBytes(site.running);
  await Promise.all([0x0100_0000, 0x7fff_fff8, 0x7fff_ffff, 0x8000_0000, 0xffff_fff8, 0xffff_ffff].map(async (length) => {
    const bytes = Buffer.concat([hello.subarray(0, 8), randomBytes(1000)]);
    bytes.writeUInt32BE(length, 4);
    const started = performance.now();
    await fate(bytes);
    assert.ok(performance.now() - started < limits.messageMs + 3000, `length 0x${length.toString(16)} hung`);
  }));
  await serve();
  assert.ok(await residentBytes(site.running) - before < 64 * mebibyte, 'memory was taken for declared lengths');
});

test('a message longer than the limit is skipped and answered with an error, and the connection stays usable', async () => {
  const talk = await site.talk('framing');
  for (const length of [3 * mebibyte, 5 * mebibyte]) {
    const bytes = encode(request(14, [{ operation: 'Register', payload: [item('ObjectType', 'OpaqueObject'), item('TemplateAttribute'), item('OpaqueObject', [item('OpaqueDataType', 0x8000_0001, 'Enumeration'), item('OpaqueDataValue', Buffer.alloc(length))])] }]));
    await talk.wire.send(bytes);
    const [refused] = answersOf(assertAnswerShape(Buffer.alloc(0), await talk.wire.receive()));
    assert.ok(!refused!.ok);
    assert.match(refused!.message!, /\d/, 'the message should name the limit');
    payloadOf((await talk.exchange(hello))[0]);
  }
  await talk.close();
});

test('a client that trickles a message byte by byte is served while it keeps the time limit', async () => {
  const talk = await site.talk('framing');
  payloadOf((await talk.exchange(hello, Array.from({ length: hello.length }, () => 1)))[0]);
  await talk.close();
});

test('clients that stall in a message or a handshake are cut off in time, and others are served meanwhile', async () => {
  const stalled: Talk[] = [];
  for (let count = 0; count < 30; count += 1) {
    const talk = await site.talk('framing');
    await talk.wire.send(hello.subarray(0, 1 + (count % (hello.length - 1))));
    stalled.push(talk);
  }
  const raw: Socket[] = [];
  for (let count = 0; count < 50; count += 1) {
    const socket = connectSocket(site.running.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.resume();
    raw.push(socket);
  }
  const started = performance.now();
  for (let count = 0; count < 5; count += 1) await serve();
  assert.ok(performance.now() - started < limits.messageMs, 'stalled clients hold up others');
  const closed = Promise.all([...stalled.map((each) => each.wire.closed), ...raw.map((each) => new Promise((resolve) => each.once('close', resolve)))]);
  const outcome = await Promise.race([closed.then(() => 'closed'), pause(limits.messageMs + 6000).then(() => 'open')]);
  for (const each of raw) each.destroy();
  assert.equal(outcome, 'closed', 'stalled clients are never cut off');
  await serve();
});

test('a client that does not read its answers costs bounded memory and is cut off; others are served meanwhile', async () => {
  const talk = await site.talk('framing');
  const opaque = [item('ObjectType', 'OpaqueObject'), item('TemplateAttribute'), item('OpaqueObject', [item('OpaqueDataType', 0x8000_0001, 'Enumeration'), item('OpaqueDataValue', randomBytes(500_000))])];
  const identifier = identifierOf(await talk.must(14, 'Register', opaque));
  const get = encode(request(14, [{ operation: 'Get', payload: [byIdentifier(identifier)] }]));
  const before = await residentBytes(site.running);
  talk.wire.socket.pause();
  talk.wire.socket.write(Buffer.concat(Array.from({ length: 2000 }, () => get)));
  let most = 0;
  for (let count = 0; count < 8; count += 1) {
    await pause(200);
    await serve();
    most = Math.max(most, await residentBytes(site.running) - before);
  }
  assert.ok(most < 160 * mebibyte, `${Math.round(most / mebibyte)} MiB for one client that does not read a gigabyte of answers`);
  // A paused client does not see that it was cut off; the server's own count tells.
  const deadline = performance.now() + limits.writeMs + 4000;
  while (await metric(site.running, 'kmipd_limit_reached_total{limit="writeMs"}') === 0) {
    assert.ok(performance.now() < deadline, 'a client that does not read is never cut off');
    await pause(100);
  }
  talk.wire.socket.destroy();
  await serve();
});
