/**
 * Connections whose messages are held for a permit: order, the end after a refusal, drains (held-reads.test.ts has what is held, and why).
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/clock.ts';
import { closeCauses } from '../../src/metrics/layout.ts';
import { ClusterViewPublisher, ClusterViewReader } from '../../src/server/cluster-view.ts';
import { action, startFixture, testMessage, toldBy } from './fixture.ts';

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

test('on a connection, answers that were held come in the order of the requests', async () => {
  const publisher = new ClusterViewPublisher();
  publisher.begin(0);
  await using server = await startFixture({}, systemClock, new ClusterViewReader(publisher.memory));
  const client = await server.connect();
  client.socket.write(Buffer.concat([1, 2, 3, 4].map((number) => testMessage(number === 2 ? action.later : number === 3 ? action.change : action.answer, number))));
  await pause(50);
  assert.equal(client.records.length, 0);
  publisher.permit(systemClock.monotonic() + 10_000);
  assert.deepEqual((await client.receive(4)).map(toldBy), [1, 2, 3, 4]);
});

test('a connection ends after the refusal, answers before it are given, and nothing after it is executed', async () => {
  const publisher = new ClusterViewPublisher();
  publisher.begin(0);
  await using server = await startFixture({ permitWaitMs: 100 }, systemClock, new ClusterViewReader(publisher.memory));
  publisher.permit(systemClock.monotonic() + 10_000);
  const client = await server.connect();
  server.engine.laterMs = 60;
  client.socket.write(Buffer.concat([testMessage(action.answer, 1), testMessage(action.later, 2), testMessage(action.answer, 3), testMessage(action.change, 4)]));
  await client.receive(1);
  publisher.permit(0);
  const [first, second] = (await client.receive(2)).map(toldBy);
  assert.equal(first, 1);
  assert.match(String(second), /^GeneralFailure: This node is not in touch with its cluster; try again\.$/);
  await client.closed;
  assert.equal(client.ended, true);
  assert.deepEqual(server.engine.executed, [1, 2]);
  assert.equal(client.records.length, 2);
  await pause(20);
  assert.equal(server.cell('closes', closeCauses.indexOf('no-permit')), 1);
  assert.equal(server.cell('inFlightBytes'), 0);
});

test('a drain waits for what is held, and a client that goes meanwhile is no bug', async () => {
  const publisher = new ClusterViewPublisher();
  publisher.begin(0);
  const server = await startFixture({}, systemClock, new ClusterViewReader(publisher.memory));
  const [patient, hasty] = [await server.connect(), await server.connect()];
  for (const each of [patient, hasty]) each.socket.write(testMessage(action.answer, 5));
  await pause(30);
  const drained = server.listener.drain();
  hasty.socket.destroy();
  await hasty.closed;
  await pause(30);
  publisher.permit(systemClock.monotonic() + 10_000);
  assert.deepEqual((await patient.receive(1)).map(toldBy), [5]);
  await drained;
  assert.equal(server.cell('inFlightBytes'), 0);
});
