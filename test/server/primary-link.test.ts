/**
 * The line between a worker and the writing thread: one message a turn whatever the number of requests, answers matched,
 * long bytes handed over and short ones copied.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnswerLine, PrimaryLink } from '../../src/server/primary-link.ts';
import type { PlanMessage, PlannedMessage } from '../../src/server/primary-link.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('what comes in one turn goes over together, and each answer finds its question', async () => {
  const posted: { readonly message: PlanMessage; readonly transfer: readonly ArrayBuffer[] }[] = [];
  const link = new PrimaryLink((message, transfer) => posted.push({ message, transfer }));
  const long = new Uint8Array(20_000).fill(7);
  const chunk = Uint8Array.of(9, 1, 9);
  const answers = [link.plan(chunk.subarray(1, 2), 'a'), link.plan(long, 'b'), link.plan(Uint8Array.of(3), 'a')];
  assert.equal(posted.length, 0);
  await turn();
  assert.equal(posted.length, 1);
  const { message, transfer } = posted[0]!;
  const plans = [message, ...message.following!];
  assert.deepEqual(plans.map((plan) => [plan.message[0], plan.message.length, plan.credential]), [[1, 1, 'a'], [7, 20_000, 'b'], [3, 1, 'a']]);
  assert.equal(plans[0]!.message.buffer.byteLength, 1);
  assert.deepEqual(transfer, [plans[1]!.message.buffer]);
  const planned = (index: number) => ({ id: plans[index]!.id, answer: { response: Uint8Array.of(index), items: [], version: 14 } });
  link.receive({ kind: 'planned', ...planned(2), following: [planned(0)] });
  link.receive({ kind: 'planned', ...planned(1) });
  assert.deepEqual((await Promise.all(answers)).map(({ response }) => response[0]), [0, 1, 2]);
  void link.plan(chunk, 'a');
  await turn();
  assert.equal(posted[1]!.message.following, undefined);
});

test('answers of one commit go back in one message, in bytes of their own', async () => {
  const posted: PlannedMessage[] = [];
  const line = new AnswerLine((message) => posted.push(message));
  const pool = new Uint8Array(64).fill(5);
  await Promise.all([1, 2, 3].map((id) => Promise.resolve().then(() => line.answer(id, { response: pool.subarray(id, id + 1), items: [], version: 14 }))));
  await Promise.resolve();
  assert.equal(posted.length, 1);
  const answers = [posted[0]!, ...posted[0]!.following!];
  assert.deepEqual(answers.map(({ id, answer }) => [id, answer.response.buffer.byteLength]), [[1, 1], [2, 1], [3, 1]]);
});
