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
import { playRehearsal } from '../../src/server/rehearsal-client.ts';
import { create, decrypt, discoverVersions, encrypt, get, getAttributes } from '../../src/server/rehearsal-messages.ts';
import { warmUpPlanning, warmUpReading } from '../../src/server/warm-up.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import type { ReadStore } from '../../src/storage/store.ts';
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

function readOf(store: ReadStore): ReadStore {
  return {
    fetch: (...parts) => store.fetch(...parts), glance: (...parts) => store.glance(...parts), candidates: (...parts) => store.candidates(...parts), scope: (...parts) => store.scope(...parts),
    scopes: () => store.scopes(), role: (...parts) => store.role(...parts), roles: (...parts) => store.roles(...parts), credential: (...parts) => store.credential(...parts),
    credentials: (...parts) => store.credentials(...parts), setting: (...parts) => store.setting(...parts),
  };
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
  await rehearse(partsOf(fixture, false), async ({ port, token }) => {
    for (const servername of ['localhost', `${token.slice(1)}0`, undefined]) {
      const socket = connectTls(fixture.tls({ port, servername, rejectUnauthorized: false }));
      socket.on('error', () => undefined);
      socket.on('secureConnect', () => socket.write(discoverVersions(14)));
      socket.on('data', (chunk: Buffer) => answers.push(chunk.toString('hex')));
      await once(socket, 'close').catch(() => undefined);
    }
    const known = connectTls(fixture.tls({ port, servername: token, rejectUnauthorized: false }));
    known.write(discoverVersions(14));
    answers.push((await once(known, 'data'))[0].toString('hex').slice(0, 8));
  });
  assert.deepEqual(answers, ['42007b01']);
});

for (const inCluster of [false, true]) {
  test(`a rehearsal ${inCluster ? 'of a member of a cluster ' : ''}is played to its end, and leaves no port and no connection`, async () => {
    await using fixture = await startFixture();
    const open = (): number => process.getActiveResourcesInfo().filter((each) => each === 'TCPSocketWrap' || each === 'TCPServerWrap').length;
    const before = open();
    const began = performance.now();
    const parts = partsOf(fixture, inCluster);
    await rehearse(parts, (place) => playRehearsal(place, parts.tls, systemClock));
    assert.ok(performance.now() - began < 5_000);
    for (let turn = 0; turn < 100 && open() > before; turn += 1) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.ok(open() <= before, `${open() - before} are left`);
  });
}

test('the rehearsed object has its members in the order of one that was created: code compiled for it serves for both', async () => {
  const executed = await engineOver(await rehearsedStore()).execute(create(14), caller, true);
  assert.ok(!executed.needsPrimary);
  const created = executed.mutations.find((mutation) => mutation.kind === 'managed-created')!.managed;
  assert.deepEqual(Object.keys(managed), Object.keys(created));
  assert.deepEqual(Object.keys(managed.material!.keyBlock!), Object.keys(created.material!.keyBlock!));
});

test('reading is warmed up for a set time, with the objects of a small store over and over, and the question for a caller at each handshake', async () => {
  const store = await rehearsedStore();
  let now = 0;
  let fetches = 0;
  const asked: Uint8Array[] = [];
  const clock = { now: () => 0, monotonic: () => now };
  const counted = { ...readOf(store), fetch: (...parts: Parameters<typeof store.fetch>) => ((now += 0.1), (fetches += 1), store.fetch(...parts)) };
  await warmUpReading(counted, clock, (certificate) => asked.push(certificate));
  assert.ok(fetches > 100 && fetches < 1_000, `${fetches} fetches of the one object`);
  assert.ok(asked.length > 5 && asked.every((certificate) => certificate.every((byte) => byte === 0)));
});

test('planning and reading are warmed up without a trace in the store', async () => {
  const store = await rehearsedStore();
  const { sequence } = store;
  await warmUpPlanning(engineOver(store), systemClock);
  await warmUpReading(store, systemClock);
  assert.equal(store.sequence, sequence);
  assert.deepEqual(store.fetch(scope, uniqueIdentifier), managed);
  await warmUpReading(createMemoryStore(), systemClock);
});
