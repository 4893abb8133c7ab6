/**
 * What one worker answered, every other worker knows: no Encrypt that was sent after a Revoke was answered succeeds.
 *
 * Many connections spread over all workers hammer one key while one connection changes it. An event in this process
 * orders both: a request counts as late when it was written after the answer to the change had been read. The same for
 * Destroy, for a Deactivation Date, and for streams whose key is revoked between two parts. KMIPD_TEST_FULL=1
 * uses 100 keys, CI=true 30, else 8.
 */
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { attribute, encode, find, item, request } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import { answersOf, byIdentifier, identifierOf, Site } from '../e2e/talk.ts';
import type { Talk } from '../e2e/talk.ts';
import { assertAnswerShape } from '../e2e/answer-shape.ts';

const keys = process.env['KMIPD_TEST_FULL'] === '1' ? 100 : process.env['CI'] === 'true' ? 30 : 8;
const workers = 4;
/** The chance that 32 connections miss one of four workers is four in ten thousand. */
const connectionCount = 32;
const pipelined = 4;
const lateRequests = 3;

const site = new Site();
const connections: Talk[] = [];
let control: Talk;
before(async () => {
  await site.start({ args: ['--workers', String(workers)] });
  for (let count = 0; count < connectionCount; count += 1) connections.push(await site.talk('coherence'));
  control = await site.talk('coherence');
});
after(async () => {
  for (const each of [...connections, control]) await each.close();
  await site.stop();
});

const ctr = item('CryptographicParameters', [item('BlockCipherMode', 'CTR'), item('CryptographicAlgorithm', 'AES')]);
const revocation = item('RevocationReason', [item('RevocationReasonCode', 'CessationOfOperation')]);

async function activeKey(): Promise<string> {
  const identifier = identifierOf(await control.must(14, 'Create', [
    item('ObjectType', 'SymmetricKey'),
    item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12)]),
  ]));
  await control.must(14, 'Activate', [byIdentifier(identifier)]);
  return identifier;
}

interface Tally { early: number; lateSuccesses: number; lateRefusals: number; earlyRefusals: number }

/** Hammers with `bytes` on every connection, makes the change in the midst of it, and counts by when a request was written. */
async function hammer(bytes: Buffer, change: () => Promise<unknown>): Promise<Tally> {
  const tally: Tally = { early: 0, lateSuccesses: 0, lateRefusals: 0, earlyRefusals: 0 };
  let changed = false;
  const run = async (talk: Talk): Promise<void> => {
    const inFlight: boolean[] = [];
    let late = 0;
    const send = (): void => {
      if (late >= lateRequests) return;
      if (changed) late += 1;
      inFlight.push(changed);
      talk.wire.socket.write(bytes);
    };
    for (let count = 0; count < pipelined; count += 1) send();
    while (inFlight.length > 0) {
      const [answer] = answersOf(assertAnswerShape(bytes, await talk.wire.receive()));
      const wasLate = inFlight.shift()!;
      if (wasLate && answer!.ok) tally.lateSuccesses += 1;
      else if (wasLate) tally.lateRefusals += 1;
      else if (answer!.ok) tally.early += 1;
      else tally.earlyRefusals += 1;
      send();
    }
  };
  const load = Promise.all(connections.map(run));
  await new Promise((resolve) => setTimeout(resolve, 30));
  await change();
  changed = true;
  await load;
  return tally;
}

function judge(tally: Tally): void {
  assert.equal(tally.lateSuccesses, 0, `${tally.lateSuccesses} late successes`);
  assert.ok(tally.early > connectionCount, `the load was no load: ${tally.early} successes before the change`);
  assert.ok(tally.lateRefusals >= connectionCount * lateRequests, `${tally.lateRefusals} late requests`);
}

test(`no Encrypt sent after the answer to Revoke succeeds on any of ${workers} workers, ${keys} keys`, async () => {
  for (let count = 0; count < keys; count += 1) {
    const identifier = await activeKey();
    const bytes = encode(request(14, [{ operation: 'Encrypt', payload: [byIdentifier(identifier), ctr, item('Data', Buffer.alloc(16)), item('IVCounterNonce', Buffer.alloc(16))] }]));
    judge(await hammer(bytes, () => control.must(14, 'Revoke', [byIdentifier(identifier), revocation])));
  }
});

test(`the next Encrypt on every connection after the answer to Revoke is refused, with no load that could hide a delay, ${keys} keys`, async () => {
  for (let count = 0; count < keys; count += 1) {
    const identifier = await activeKey();
    const bytes = encode(request(14, [{ operation: 'Encrypt', payload: [byIdentifier(identifier), ctr, item('Data', Buffer.alloc(16)), item('IVCounterNonce', Buffer.alloc(16))] }]));
    const everywhere = async (): Promise<boolean[]> => {
      for (const each of connections) each.wire.socket.write(bytes);
      return Promise.all(connections.map(async (each) => answersOf(assertAnswerShape(bytes, await each.wire.receive()))[0]!.ok));
    };
    assert.ok((await everywhere()).every((ok) => ok), 'every worker holds the key now');
    await control.must(14, 'Revoke', [byIdentifier(identifier), revocation]);
    assert.deepEqual((await everywhere()).filter((ok) => ok), [], 'late successes');
  }
});

test(`no Get sent after the answer to Destroy succeeds, ${keys} keys`, async () => {
  for (let count = 0; count < keys; count += 1) {
    const identifier = await activeKey();
    await control.must(14, 'Revoke', [byIdentifier(identifier), revocation]);
    judge(await hammer(encode(request(14, [{ operation: 'Get', payload: [byIdentifier(identifier)] }])), () => control.must(14, 'Destroy', [byIdentifier(identifier)])));
  }
});

test(`no Encrypt sent after the answer that set the Deactivation Date to now succeeds, ${keys} keys`, async () => {
  for (let count = 0; count < keys; count += 1) {
    const identifier = await activeKey();
    const bytes = encode(request(14, [{ operation: 'Encrypt', payload: [byIdentifier(identifier), ctr, item('Data', Buffer.alloc(16)), item('IVCounterNonce', Buffer.alloc(16))] }]));
    judge(await hammer(bytes, () => control.must(14, 'AddAttribute', [byIdentifier(identifier), attribute('Deactivation Date', BigInt(Math.floor(Date.now() / 1000)))])));
  }
});

test('a stream whose key is revoked between two parts goes on nowhere', async () => {
  for (const version of [14, 21]) {
    const identifier = await activeKey();
    const begun: Item[] = [];
    for (const talk of connections) {
      const payload = await talk.must(version, 'Encrypt', [byIdentifier(identifier), ctr, item('Data', Buffer.alloc(20)), item('IVCounterNonce', Buffer.alloc(16)), item('InitIndicator', true)]);
      begun.push(find(payload, 'CorrelationValue')!);
    }
    await control.must(version, 'Revoke', [byIdentifier(identifier), revocation]);
    const shifted = [...begun.slice(1), begun[0]!];
    await Promise.all(connections.map(async (talk, index) => {
      const answer = await talk.ask(version, 'Encrypt', [byIdentifier(identifier), item('Data', Buffer.alloc(20)), shifted[index]!, item('FinalIndicator', true)]);
      assert.ok(!answer.ok, 'a part after the Revoke was encrypted');
    }));
  }
});
