/**
 * Snapshots over one nats-server: whole or not at all, newest first, old ones dropped, damage of any kind refused.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { createHash, createSecretKey, randomBytes } from 'node:crypto';
import { after, before, test } from 'node:test';
import { connect } from '@nats-io/transport-node';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { Objm } from '@nats-io/obj';
import type { SnapshotInfo } from '../../../cluster/nats/snapshots.ts';
import { Witness } from './witness.ts';
import { natsMissing, startNats } from './nats-servers.ts';
import type { NatsServers } from './nats-servers.ts';

const skip = natsMissing();
let nats: NatsServers;
let names = 0;
const cluster = (): string => `snap${(names += 1)}`;

before(async () => { if (skip === false) nats = await startNats(1); });
after(async () => { await nats?.[Symbol.asyncDispose](); });

async function contentOf(witness: Witness, info: SnapshotInfo): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of witness.nats.snapshots.read(info)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test('another node reads what one has published, at lengths around a chunk and at none', { skip }, async () => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  await using two = await Witness.open(nats.urls, { cluster: name, node: 'n2' });
  const chunk = 96 << 10;
  for (const [index, length] of [0, 1, chunk - 1, chunk, chunk + 1, 5 * chunk + 7].entries()) {
    const content = randomBytes(length);
    const pieces = length > chunk ? [content.subarray(0, 10), content.subarray(10)] : [content];
    await one.nats.snapshots.publish(index + 1, pieces);
    const newest = await two.nats.snapshots.newest(Number.MAX_SAFE_INTEGER);
    assert.deepEqual([newest?.sequence, newest?.node], [index + 1, 'n1']);
    assert.equal(Buffer.compare(await contentOf(two, newest!), content), 0, `length ${length}`);
  }
});

test('the newest below a sequence is found, the newest three are kept, and the others take no room', { skip }, async () => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  assert.equal(await one.nats.snapshots.newest(10), undefined);
  for (const sequence of [100, 20, 300, 9]) await one.nats.snapshots.publish(sequence, [randomBytes(300_000)]);
  assert.deepEqual((await one.nats.snapshots.list()).map(({ sequence }) => sequence), [300, 100, 20]);
  assert.equal((await one.nats.snapshots.newest(300))?.sequence, 100);
  assert.equal((await one.nats.snapshots.newest(20)), undefined);
  await using stranger = await connect({ servers: [...nats.urls] });
  const { state } = await (await jetstreamManager(stranger)).streams.info(`OBJ_kmipd-${name}-snapshots`);
  assert.ok(state.bytes < 1_000_000, `${state.bytes} bytes`);
});

test('a snapshot whose source fails is not listed and leaves nothing behind', { skip }, async () => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  const broken = async function* () {
    yield randomBytes(500_000);
    throw new Error('the disk is gone');
  };
  await assert.rejects(one.nats.snapshots.publish(5, broken()), { code: 'E_SNAPSHOT_WRITE' });
  assert.deepEqual(await one.nats.snapshots.list(), []);
  await using stranger = await connect({ servers: [...nats.urls] });
  const { state } = await (await jetstreamManager(stranger)).streams.info(`OBJ_kmipd-${name}-snapshots`);
  assert.equal(state.messages, 0);
});

test('a changed, shortened, lengthened, reordered or renamed snapshot is refused, and one under another key', { skip }, async () => {
  const name = cluster();
  await using one = await Witness.open(nats.urls, { cluster: name });
  const info = await one.nats.snapshots.publish(5, [randomBytes(96 << 10), randomBytes(96 << 10), Buffer.from('a text that everybody would know again')]);
  await using stranger = await connect({ servers: [...nats.urls] });
  const store = await new Objm(jetstream(stranger)).open(`kmipd-${name}-snapshots`);
  const sealed = Buffer.from((await store.getBlob(info.name))!);
  assert.ok(!sealed.includes('everybody'));
  const frame = 4 + sealed.readUInt32BE(0);
  const endFrame = sealed.length - 4 - 41;
  const changes: Record<string, Buffer> = {
    changed: Buffer.concat([sealed.subarray(0, 1000), Buffer.of(sealed[1000]! ^ 1), sealed.subarray(1001)]),
    'cut between chunks': sealed.subarray(0, frame),
    'cut before its end': sealed.subarray(0, endFrame),
    'cut in a chunk': sealed.subarray(0, frame + 100),
    lengthened: Buffer.concat([sealed, sealed.subarray(0, frame)]),
    reordered: Buffer.concat([sealed.subarray(frame, 2 * frame), sealed.subarray(0, frame), sealed.subarray(2 * frame)]),
    'with a chunk left out': Buffer.concat([sealed.subarray(0, frame), sealed.subarray(2 * frame)]),
    'with a monstrous length': Buffer.concat([Buffer.of(0xff, 0xff, 0xff, 0xff), sealed.subarray(4)]),
  };
  for (const [what, bytes] of Object.entries(changes)) {
    await store.putBlob({ name: info.name }, bytes);
    await assert.rejects(contentOf(one, info), { code: 'E_SNAPSHOT_READ' }, what);
  }
  await store.putBlob({ name: info.name }, sealed);
  assert.equal((await contentOf(one, info)).length, (192 << 10) + 38);
  const renamed = info.name.replace(/^0+5/, (found) => found.replace('5', '6'));
  await store.putBlob({ name: renamed }, sealed);
  await assert.rejects(contentOf(one, { ...info, name: renamed }), { code: 'E_SNAPSHOT_READ' });
  await using outsider = await Witness.open(nats.urls, { cluster: name, node: 'n9', key: createSecretKey(randomBytes(32)) });
  await assert.rejects(contentOf(outsider, info), { code: 'E_SNAPSHOT_READ' });
});

test('a snapshot of 64 MB is written and read at a rate that is told', { skip }, async (context) => {
  await using one = await Witness.open(nats.urls, { cluster: cluster() });
  const piece = randomBytes(1 << 20);
  const hash = createHash('sha256');
  const content = function* () {
    for (let index = 0; index < 64; index += 1) yield piece;
  };
  for (const each of content()) hash.update(each);
  const begin = performance.now();
  const info = await one.nats.snapshots.publish(1, content());
  const middle = performance.now();
  const read = createHash('sha256');
  for await (const chunk of one.nats.snapshots.read(info)) read.update(chunk);
  const seconds = [(middle - begin) / 1000, (performance.now() - middle) / 1000] as const;
  assert.equal(read.digest('hex'), hash.digest('hex'));
  context.diagnostic(`64 MB: written in ${seconds[0].toFixed(2)} s, read in ${seconds[1].toFixed(2)} s`);
});
