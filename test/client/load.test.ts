/**
 * The load generator: due times and plans by themselves, then runs against a real node, also through a relay that stalls
 * and cuts connections, since a generator that flatters a slow server is worse than none.
 */
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, test } from 'node:test';
import type { TestContext } from 'node:test';
import { KmipClient } from '../../src/client/client.ts';
import type { ConnectionOptions } from '../../src/client/connection.ts';
import { scanAnswer } from '../../src/client/load/answer.ts';
import { Checker } from '../../src/client/load/checker.ts';
import { runLoad } from '../../src/client/load/load.ts';
import { makeKeys } from '../../src/client/load/own-keys.ts';
import { LoadError, checkPlan, defaultPlan, parseMix } from '../../src/client/load/plan.ts';
import type { LoadPlan } from '../../src/client/load/plan.ts';
import { encryptRequest, makeRing } from '../../src/client/load/requests.ts';
import { arrivals } from '../../src/client/load/seeded.ts';
import { newTally } from '../../src/client/load/tally.ts';
import { writeResponse } from '../../src/codec/message.ts';
import { ResultReason, ResultStatus } from '../../src/kmip/enums.ts';
import { startServer } from '../harness/server.ts';
import type { RunningServer } from '../harness/server.ts';

let server: RunningServer;
let connection: ConnectionOptions;
const optionsOf = (port: number, { cert, key, ca }: RunningServer['bootstrap'] | Awaited<ReturnType<RunningServer['generateCredential']>>): ConnectionOptions => ({ host: '127.0.0.1', port, certificate: cert, privateKey: key, authority: ca });

before(async () => {
  server = await startServer({ args: ['--workers', '1'] });
  connection = optionsOf(server.port, server.bootstrap);
});
after(() => server.stop());

const plan = (changes: Partial<LoadPlan>): LoadPlan => ({ ...defaultPlan, warmupMs: 200, durationMs: 800, rate: 200, connections: 2, keys: 3, checkEvery: 5, ...changes });

async function objectCount(): Promise<number> {
  const client = new KmipClient(connection);
  const { uniqueIdentifier = [] } = await client.locate({});
  client.destroyConnection();
  return uniqueIdentifier.length;
}

test('due times come from the seed, keep the rate, and are spread as asked', () => {
  for (const kind of ['poisson', 'even'] as const) {
    const [one, again, other] = [arrivals(500, kind, 7), arrivals(500, kind, 7), arrivals(500, kind, 8)];
    const times = Array.from({ length: 20_000 }, () => one());
    assert.deepEqual(times.slice(0, 50), Array.from({ length: 50 }, () => again()));
    assert.notEqual(times[0], other());
    assert.ok(Math.abs(times.at(-1)! / 20_000 - 2) < 0.1, `${kind}: a gap of ${times.at(-1)! / 20_000} ms on average, 2 ms were asked`);
    const gaps = times.slice(1).map((time, index) => time - times[index]!);
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - 2) ** 2, 0) / gaps.length);
    assert.ok(kind === 'even' ? deviation < 1e-6 : Math.abs(deviation - 2) < 0.2, `${kind}: deviation ${deviation}`);
  }
});

test('a plan that does not fit is refused with what is wrong', () => {
  assert.deepEqual(parseMix('encrypt=8,get'), [{ operation: 'encrypt', weight: 8 }, { operation: 'get', weight: 1 }]);
  assert.throws(() => parseMix('sign'), /there are encrypt/);
  for (const [changes, expected] of [
    [{ connections: 0 }, /connections is 0/], [{ keys: 200_000 }, /keys is 200000/], [{ batch: 1.5 }, /whole number/], [{ threads: 3 }, /threads/],
    [{ mix: parseMix('get=0') }, /weights/], [{ mix: parseMix('get,get') }, /twice/], [{ version: 12 }, /gcm needs KMIP 1\.4/], [{ version: 11, mode: 'cbc' }, /needs KMIP 1\.2/],
  ] as const) assert.throws(() => checkPlan(plan(changes)), (error) => error instanceof LoadError && expected.test(error.message));
});

test('failures of single items are found in an answer, and a cut or lying one neither hangs nor passes', () => {
  const answer = writeResponse(14, { timeStamp: 0 }, [
    { operation: 10, resultStatus: ResultStatus.Success },
    { operation: 10, resultStatus: ResultStatus.OperationFailed, resultReason: ResultReason.ItemNotFound, resultMessage: 'no such object' },
  ]);
  assert.deepEqual(scanAnswer(answer, true), { items: 2, failures: [ResultReason.ItemNotFound], identifiers: [] });
  for (let length = 0; length < answer.length; length++) assert.throws(() => scanAnswer(answer.subarray(0, length), true));
  const lying = Uint8Array.from(answer);
  lying.set([0xff, 0xff, 0xff, 0xf8], 12);
  assert.throws(() => scanAnswer(lying, true), RangeError);
});

test('a run of every operation, open-loop and in batches, gets right answers and leaves nothing behind', async () => {
  const before = await objectCount();
  const mix = parseMix('encrypt=4,decrypt=2,get,get-attributes,locate,create,register,query,discover-versions');
  for (const changes of [{ mix }, { mix, version: 14, mode: 'cbc', batch: 3, rate: 0, threads: 2, durationMs: 500 }] as const) {
    const result = await runLoad(plan(changes), connection);
    assert.deepEqual(result.failures, {});
    assert.equal(result.answered, result.due);
    assert.ok(result.answered > 50 && result.operations.every(({ items }) => items > 0), JSON.stringify(result.operations));
    assert.equal(result.operations.reduce((sum, { items }) => sum + items, 0), result.answered * result.plan.batch);
    assert.ok(result.checks.checked > 3);
    assert.deepEqual([result.checks.wrong, result.checks.firstWrong], [0, undefined]);
    assert.ok(result.latency.p50 > 0 && result.latency.p50 <= result.latency.p99 && result.latency.p99 <= result.latency.max * 1.001);
    assert.equal(result.left, 0);
  }
  assert.equal(await objectCount(), before);
});

test('what the server refuses is counted by Result Reason, and the caller may end a run early', async () => {
  const permissions = ['create', 'activate', 'encrypt', 'decrypt', 'revoke', 'destroy'].map((name) => `operation_${name}`);
  const credential = await server.generateCredential({ scope: 'load', role: 'no-get', create: true, permissions });
  const controller = new AbortController();
  const result = await runLoad(plan({ mix: parseMix('get,encrypt'), durationMs: 600_000 }), optionsOf(server.port, credential), {
    signal: controller.signal,
    onProgress(progress) {
      if (progress.kind === 'second' && progress.second.second >= 0) controller.abort();
    },
  });
  assert.deepEqual(Object.keys(result.failures), ['PermissionDenied']);
  assert.ok(result.measuredSeconds < 5);
  assert.equal(result.left, 0);
});

/** Hands bytes on between the run and the node; can hold them back, and cut all connections. */
async function startRelay(context: TestContext): Promise<{ port: number; stall(ms: number): void; cut(): void; cutFor(ms: number): void }> {
  const sockets = new Set<net.Socket>();
  let isDown = false;
  const relay = net.createServer((client) => {
    if (isDown) return void client.destroy();
    const upstream = net.connect(server.port, '127.0.0.1');
    for (const [from, to] of [[client, upstream], [upstream, client]] as const) {
      sockets.add(from);
      from.pipe(to);
      from.on('error', () => to.destroy()).once('close', () => {
        sockets.delete(from);
        to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => { relay.listen(0, '127.0.0.1', resolve); });
  const cut = (): void => sockets.forEach((socket) => socket.destroy());
  context.after(() => {
    cut();
    relay.close();
  });
  const stall = (ms: number): void => {
    for (const socket of sockets) socket.cork();
    setTimeout(() => sockets.forEach((socket) => socket.uncork()), ms);
  };
  const cutFor = (ms: number): void => {
    isDown = true;
    cut();
    setTimeout(() => { isDown = false; }, ms);
  };
  return { port: (relay.address() as net.AddressInfo).port, stall, cut, cutFor };
}

test('a stall of half a second is felt by every message due in it, not only by those on their way', async (context) => {
  const relay = await startRelay(context);
  let stalled = false;
  const result = await runLoad(plan({ mix: parseMix('query'), rate: 300, pipeline: 2, durationMs: 2_000, arrival: 'even', checkEvery: 0 }), { ...connection, port: relay.port }, {
    onProgress(progress) {
      if (stalled || progress.kind !== 'second' || progress.second.second < 0) return;
      stalled = true;
      relay.stall(500);
    },
  });
  assert.ok(stalled);
  assert.equal(result.answered, result.due);
  // 600 messages are due, 150 of them in the stall; 4 are on their way. From sending only those 4 look slow.
  assert.ok(result.latency.p90 > 150, `p90 from the due time is ${result.latency.p90} ms`);
  assert.ok(result.service.p90 < result.latency.p90 / 2, `p90 from sending is ${result.service.p90} ms`);
  assert.ok(result.wait.max > 300);
});

test('messages on lost connections count as failed, and the run goes on with new ones', async (context) => {
  const relay = await startRelay(context);
  const result = await runLoad(plan({ mix: parseMix('query'), rate: 2_000, durationMs: 2_500, checkEvery: 0 }), { ...connection, port: relay.port }, {
    onProgress(progress) {
      if (progress.kind === 'second' && progress.second.second === 0) relay.cut();
    },
  });
  assert.ok(result.lostConnections >= 2);
  const unanswered = Object.entries(result.failures).filter(([why]) => why.startsWith('(no answer')).reduce((sum, [, count]) => sum + count, 0);
  assert.equal(result.answered + unanswered + result.dropped, result.due);
  assert.ok((result.seconds.at(-1)?.answered ?? 0) > 0 || result.answered > 3_000, 'nothing was answered after the cut');
});

test('a server that is away for seconds, as in a restart, is found again by every connection', async (context) => {
  const relay = await startRelay(context);
  const result = await runLoad(plan({ mix: parseMix('query'), rate: 0, connections: 4, pipeline: 1, durationMs: 6_000, timeoutMs: 2_000, checkEvery: 0 }), { ...connection, port: relay.port }, {
    onProgress(progress) {
      if (progress.kind === 'second' && progress.second.second === 0) relay.cutFor(3_000);
    },
  });
  assert.equal(result.seconds.find(({ second }) => second === 3)?.answered, 0, 'the server was not away');
  assert.ok(result.seconds.find(({ second }) => second === 5)!.answered > 0, 'nothing was answered after the server was back');
});

test('a ciphertext of other data, and an answer about another key, are told', async () => {
  const of = plan({ mix: parseMix('encrypt,get'), mode: 'cbc' });
  const client = new KmipClient(connection);
  const identifiers = await makeKeys(client, 'checked', of.keys, []);
  const tally = newTally(['encrypt', 'get']);
  const checker = new Checker(of, connection, identifiers, tally);
  const answersTo = async (operation: 'encrypt' | 'get', variant: number): Promise<Uint8Array> => {
    const { bytes, offsets } = await makeRing(operation, of, client, identifiers, 'checked');
    return client.sendRaw(new Uint8Array(bytes).slice(offsets[variant], offsets[variant + 1]));
  };
  checker.check('encrypt', 0, await answersTo('encrypt', 0));
  checker.check('get', 1, await answersTo('get', 1));
  checker.check('encrypt', 0, await answersTo('encrypt', of.keys));
  checker.check('get', 2, await answersTo('get', 1));
  await checker.finish();
  client.destroyConnection();
  assert.deepEqual([tally.checked, tally.wrong], [4, 2]);
  assert.match(tally.firstWrong ?? '', /^(get: the answer is about|encrypt: )/);
  assert.equal(encryptRequest(of, identifiers, of.keys).uniqueIdentifier, identifiers[0]);
});
