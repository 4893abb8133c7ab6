/**
 * Supervision of worker threads: a dead one is replaced with a nonce prefix of its own, one that keeps dying ends the
 * process, messages go to the writer and back.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gaugeCells, layout, slabBytes } from '../../src/metrics/layout.ts';
import { systemClock } from '../../src/clock.ts';
import { silentLog } from '../../src/log.ts';
import { Census } from '../../src/server/census.ts';
import { limitsWith } from '../../src/server/limits.ts';
import { WorkerPool } from '../../src/server/worker-pool.ts';
import type { PoolPorts, WorkerParts } from '../../src/server/worker-pool.ts';

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** A worker that listens at once and does what `body` says with each message of the main thread. */
function entryOf(body: string): URL {
  const source = `import { parentPort, workerData as start } from 'node:worker_threads';
    parentPort.on('message', (message) => {
      if (message.kind === 'drain') parentPort.postMessage({ kind: 'drained' });
      if (message.kind === 'close') process.exit(0);
      if (message.kind === 'planned') parentPort.postMessage({ kind: 'plan', id: 99, message: Uint8Array.of(message.id, message.answer.response[0]), credential: 'echo' });
    });
    const slab = new Float64Array(start.slab);
    const census = new Int32Array(start.census);
    ${body}
    parentPort.postMessage({ kind: 'listening', port: 1 });`;
  return new URL(`data:text/javascript,${encodeURIComponent(source)}`);
}

interface Made {
  readonly pool: WorkerPool;
  readonly submitted: { readonly message: number[]; readonly credential: string }[];
  readonly faults: unknown[];
  readonly prefixes: number[];
  readonly slab: Float64Array;
  readonly census: Census;
}

function poolOf(body: string, workers = 1, limits = {}, takeNoncePrefix?: () => Promise<number>): Made {
  const submitted: Made['submitted'] = [];
  const faults: unknown[] = [];
  const prefixes: number[] = [];
  const census = Census.forWorkers(workers);
  const slabs = Array.from({ length: workers }, () => new SharedArrayBuffer(slabBytes));
  const ports: PoolPorts = {
    parts: { tls: { ticketSecret: Uint8Array.of(1) } } as unknown as WorkerParts, slabs, census, clock: systemClock, log: silentLog, limits: limitsWith(limits), entry: entryOf(body),
    takeNoncePrefix: takeNoncePrefix ?? (async () => prefixes.push(prefixes.length)),
    submit: async (message, credential) => {
      submitted.push({ message: [...message], credential });
      return { response: Uint8Array.of(7), items: [], version: 14 };
    },
    onFault: (error) => faults.push(error),
  };
  return { pool: new WorkerPool(ports), submitted, faults, prefixes, slab: new Float64Array(slabs[0]!), census };
}

async function until(holds: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 1000 && !holds(); attempt += 1) await pause(5);
  assert.ok(holds());
}

test('messages reach the writer, and answers the worker that asked', async () => {
  const { pool, submitted } = poolOf("parentPort.postMessage({ kind: 'plan', id: 5, message: Uint8Array.of(1, 2), credential: 'c' });", 2);
  await pool.start(0);
  assert.ok(pool.allListen);
  await until(() => submitted.length >= 4);
  assert.deepEqual(submitted.filter((each) => each.credential === 'c').map((each) => each.message), [[1, 2], [1, 2]]);
  assert.deepEqual(submitted.find((each) => each.credential === 'echo')!.message, [5, 7]);
  await pool.drain();
  await pool.close();
  assert.equal(pool.allListen, false);
});

test('a worker that dies is replaced, with another nonce prefix and without what it left behind', async () => {
  const { pool, prefixes, slab, census, faults } = poolOf(`
    const first = slab[${layout.bytesIn}] === 0;
    slab[${layout.bytesIn}] += 1;
    if (first) { slab[${layout.connectionsOpen}] = 3; Atomics.store(census, 0, 3); setTimeout(() => { throw new Error('a bug'); }, 50); }`);
  await pool.start(0);
  await until(() => !pool.allListen);
  assert.equal(census.total(), 0);
  for (const cell of gaugeCells) assert.equal(slab[cell], 0);
  await until(() => pool.allListen);
  assert.equal(slab[layout.bytesIn], 2, 'counters go on');
  assert.equal(prefixes.length, 2);
  assert.deepEqual(faults, []);
  await pool.close();
});

test('a new ticket secret reaches the workers that run, and those that come after', async () => {
  const { pool, submitted } = poolOf(`
    const first = slab[${layout.bytesIn}] === 0;
    slab[${layout.bytesIn}] += 1;
    parentPort.postMessage({ kind: 'plan', id: 1, message: start.tls.ticketSecret, credential: 'start' });
    parentPort.on('message', ({ kind, secret }) => {
      if (kind !== 'ticket-secret') return;
      parentPort.postMessage({ kind: 'plan', id: 2, message: secret, credential: 'told' });
      if (first) setTimeout(() => { throw new Error('a bug'); }, 20);
    });`);
  const told = (credential: string): number[] => submitted.filter((each) => each.credential === credential).map((each) => each.message[0]!);
  await pool.start(0);
  pool.ticketSecret(Uint8Array.of(2));
  await until(() => told('start').length === 2);
  assert.deepEqual([told('start'), told('told')], [[1, 2], [2]]);
  await pool.close();
});

test('workers that keep dying end the process', async () => {
  const { pool, faults } = poolOf("setTimeout(() => process.exit(3), 10);", 1, { workerRestartsPerMinute: 2 });
  await pool.start(0);
  await until(() => faults.length > 0);
  assert.match(String(faults[0]), /3 worker threads died within a minute; 2 are allowed/);
  await pool.close();
});

test('a worker that was still waiting for its nonce prefix when its pool was closed is not started', async () => {
  const { promise, resolve } = Promise.withResolvers<number>();
  const { pool, submitted } = poolOf("parentPort.postMessage({ kind: 'plan', id: 1, message: Uint8Array.of(1), credential: 'start' });", 1, {}, () => promise);
  const started = pool.start(0);
  await pool.close();
  resolve(7);
  await assert.rejects(started, (error: Error & { code?: string }) => error.code === 'E_CLOSED');
  await pause(100);
  assert.deepEqual(submitted, []);
});

test('a worker that cannot start fails the start', async () => {
  const { pool } = poolOf("throw new Error('no port');");
  await assert.rejects(pool.start(0), (error: Error & { code?: string }) => error.code === 'E_WORKER' && /no port/.test((error.cause as Error).message));
  const { pool: silent } = poolOf('process.exit(4);');
  await assert.rejects(silent.start(0), /Worker 0 ended with code 4 before it listened/);
});

test('a worker that does not drain or close is not waited for without end', async () => {
  const { pool } = poolOf("setTimeout(() => { for (;;); }, 20);", 1, { drainMs: 50 });
  await pool.start(0);
  await pause(50);
  const began = performance.now();
  await pool.drain();
  await pool.close();
  assert.ok(performance.now() - began < 6000);
});
