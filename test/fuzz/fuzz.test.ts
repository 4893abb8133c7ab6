/**
 * A mutational fuzzer against a live server: seeded, pipelined over several TLS connections, a million messages where asked.
 *
 * Every message keeps its framing, so each must have exactly one well-formed answer, in order, on a connection that
 * stays open; the independent decoder and assertAnswerShape judge it. At the end the server is up, its workers are the
 * same and its memory is flat. KMIPD_FUZZ_MESSAGES sets the number (4,000; with KMIPD_TEST_FULL=1 1,000,000),
 * KMIPD_FUZZ_SEED the seed; a failure prints the message in hex.
 */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { annotated, assertAnswerShape } from '../e2e/answer-shape.ts';
import { payloadOf, Site } from '../e2e/talk.ts';
import type { Talk } from '../e2e/talk.ts';
import { encode, request } from '../harness/wire.ts';
import { makeCorpus } from './corpus.ts';
import { residentBytes } from './metrics.ts';
import { mutated } from './mutate.ts';
import { SeededRandom } from './random.ts';

const messages = Number(process.env['KMIPD_FUZZ_MESSAGES'] ?? (process.env['KMIPD_TEST_FULL'] === '1' ? 1_000_000 : 4000));
const seed = Number(process.env['KMIPD_FUZZ_SEED'] ?? 1);
const connectionCount = 8;
const pipelined = 16;
const mebibyte = 1 << 20;

const site = new Site();
before(() => site.start({ args: ['--workers', '2'] }));
after(() => site.stop());

interface Budget { left: number; readonly started: number; warm: number | undefined }

/** Keeps `pipelined` messages under way on one connection until the budget is used up. */
async function hammer(talk: Talk, random: SeededRandom, corpus: readonly Buffer[], budget: Budget, statuses: Map<string, number>): Promise<void> {
  const underWay: Buffer[] = [];
  const send = (): void => {
    if (budget.left <= 0) return;
    budget.left -= 1;
    const message = mutated(random, corpus);
    underWay.push(message);
    talk.wire.socket.write(message);
  };
  for (let count = 0; count < pipelined; count += 1) send();
  while (underWay.length > 0) {
    try {
      const answer = await talk.wire.receive(30_000);
      // The request is not given: a spoiled one cannot be echoed by rule.
      const shaped = assertAnswerShape(Buffer.alloc(0), answer);
      const status = shaped.children!.slice(1).map((each) => String(each.children!.find((child) => child.tag === 0x42_007f)!.value)).join('');
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    } catch (error) {
      const index = messages - budget.left - underWay.length;
      throw annotated(error, `seed ${seed}, about message ${index}; under way on this connection, oldest first:\n${underWay.slice(0, 4).map((each) => each.toString('hex')).join('\n')}\nlog of the server:\n${site.running.log().slice(-2000)}`);
    }
    underWay.shift();
    send();
  }
}

test(`${messages} mutated messages (seed ${seed}) get ${messages} well-formed answers, and the server stays up and flat`, async () => {
  const first = await site.talk('fuzz');
  const corpus = await makeCorpus(first);
  for (const message of corpus) {
    await first.wire.send(message);
    assertAnswerShape(message, await first.wire.receive());
  }
  await first.close();
  const connections = await Promise.all(Array.from({ length: connectionCount }, () => site.talk('fuzz')));
  const statuses = new Map<string, number>();
  const budget: Budget = { left: Math.ceil(messages * 0.3), started: performance.now(), warm: undefined };
  const round = (salt: number): Promise<unknown> => Promise.all(connections.map((talk, index) => hammer(talk, new SeededRandom(seed * 1000 + salt + index), corpus, budget, statuses)));
  await round(0);
  const warm = await residentBytes(site.running);
  budget.left = messages - Math.ceil(messages * 0.3);
  await round(500);
  const grown = await residentBytes(site.running) - warm;
  // Mutated Creates and Registers store objects, at most a few hundred bytes of index and cache each.
  const allowed = 96 * mebibyte + messages * 100;
  assert.ok(grown < allowed, `memory grew by ${Math.round(grown / mebibyte)} MiB after warming up`);
  assert.ok((statuses.get('1') ?? 0) > messages / 4, 'hardly any message was refused: the mutations do nothing');
  assert.ok((statuses.get('0') ?? 0) > messages / 200, 'hardly any message succeeded: the mutations spoil everything');
  const talk = connections[0]!;
  payloadOf((await talk.exchange(encode(request(14, [{ operation: 'DiscoverVersions', payload: [] }]))))[0]);
  assert.doesNotMatch(site.running.log(), /uncaught|unhandled|RuntimeError|unreachable|assert/i, 'the log tells of a bug');
  for (const each of connections) await each.close();
});
