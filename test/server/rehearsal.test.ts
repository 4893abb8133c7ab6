/**
 * The rehearsal before a worker listens: its requests are real ones, it ends by itself, and it leaves nothing behind.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTls } from 'node:tls';
import { test } from 'node:test';
import { readResponse } from '../../src/codec/message.ts';
import { systemClock } from '../../src/clock.ts';
import { Operation, ResultReason, ResultStatus } from '../../src/kmip/enums.ts';
import { silentLog } from '../../src/log.ts';
import type { Caller } from '../../src/operations/context.ts';
import { nonceSource } from '../../src/random.ts';
import { createEngine } from '../../src/server/engine-parts.ts';
import { limitsWith } from '../../src/server/limits.ts';
import { managed, rehearse } from '../../src/server/rehearsal.ts';
import type { RehearsalParts } from '../../src/server/rehearsal.ts';
import { create, decrypt, discoverVersions, encrypt, get, getAttributes } from '../../src/server/rehearsal-messages.ts';
import { warmUpPlanning, warmUpReading } from '../../src/server/warm-up.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { compileCore } from '../../src/wasm/load.ts';
import { startFixture } from './fixture.ts';
import type { Fixture } from './fixture.ts';

const core = compileCore();
const server = { vendorIdentification: 'kmipd', serverVersion: '0.0.0', serverName: 'rehearsal' };
const { scope, uniqueIdentifier } = managed;
const caller: Caller = { scope, role: '', permissions: ['operation_all'], credential: '' };

async function rehearsedStore() {
  const store = createMemoryStore({ scopes: [scope] });
  await store.commit([{ kind: 'managed-created', managed }]);
  return store;
}

function engineOver(store: ReturnType<typeof createMemoryStore>) {
  return createEngine({ store, core, crossovers: undefined, server, clock: systemClock, log: silentLog, streamKey: new Uint8Array(32), nonces: nonceSource(0) }).engine;
}

test('what is rehearsed are requests that succeed, save a Decrypt that fails at its tag', async () => {
  const engine = engineOver(await rehearsedStore());
  for (const version of [14, 21] as const) {
    const messages = [
      [Operation.DiscoverVersions, discoverVersions(version)], [Operation.Encrypt, encrypt(version, uniqueIdentifier, 64)], [Operation.Get, get(version, uniqueIdentifier)],
      [Operation.GetAttributes, getAttributes(version, uniqueIdentifier)], [Operation.Create, create(version)], [Operation.Decrypt, decrypt(version, uniqueIdentifier, 64)],
    ] as const;
    for (const [operation, message] of messages) {
      const executed = await engine.execute(message, caller, true);
      assert.ok(!executed.needsPrimary);
      const [item] = readResponse(executed.response).items;
      assert.equal(item?.operation, operation);
      assert.equal(item.resultStatus, operation === Operation.Decrypt ? ResultStatus.OperationFailed : ResultStatus.Success, `${operation}: ${item.resultMessage ?? ''}`);
      if (operation === Operation.Decrypt) assert.ok(item.resultReason === ResultReason.BadCryptographicParameters || item.resultReason === ResultReason.CryptographicFailure, `reason ${item.resultReason}`);
    }
  }
});

function partsOf({ authority, client }: Fixture, inCluster: boolean): RehearsalParts {
  return {
    core, crossovers: undefined, limits: limitsWith(), server, consistency: undefined, inCluster, clock: systemClock,
    tls: { certificates: [client.certificate], privateKeys: [client.privateKey], authorities: [authority.certificate], ciphers: undefined, ticketSecret: new Uint8Array(32) },
  };
}

test('a stranger who finds the port of a rehearsal is cut, with a certificate of the authority as well', async () => {
  await using fixture = await startFixture();
  const answers: string[] = [];
  const cut: Promise<unknown>[] = [];
  await rehearse(partsOf(fixture, false), (port) => {
    for (let count = 0; count < 20; count += 1) {
      const socket = connectTls(fixture.tls({ port, rejectUnauthorized: false }));
      socket.on('error', () => undefined);
      socket.on('secureConnect', () => socket.write(discoverVersions(14)));
      socket.on('data', (chunk: Buffer) => answers.push(chunk.toString('hex')));
      cut.push(once(socket, 'close').catch(() => undefined));
    }
  });
  await Promise.all(cut);
  assert.deepEqual(answers, []);
});

for (const inCluster of [false, true]) {
  test(`a rehearsal ${inCluster ? 'of a member of a cluster ' : ''}is played to its end, and leaves no port and no connection`, async () => {
    await using fixture = await startFixture();
    const open = (): number => process.getActiveResourcesInfo().filter((each) => each === 'TCPSocketWrap' || each === 'TCPServerWrap').length;
    const before = open();
    const began = performance.now();
    await rehearse(partsOf(fixture, inCluster));
    assert.ok(performance.now() - began < 5_000);
    for (let turn = 0; turn < 100 && open() > before; turn += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(open() <= before, `${open() - before} are left`);
  });
}

test('planning and reading are warmed up without a trace in the store', async () => {
  const store = await rehearsedStore();
  const { sequence } = store;
  await warmUpPlanning(engineOver(store), systemClock);
  await warmUpReading(store, systemClock);
  assert.equal(store.sequence, sequence);
  assert.deepEqual(store.fetch(scope, uniqueIdentifier), managed);
  await warmUpReading(createMemoryStore(), systemClock);
});
