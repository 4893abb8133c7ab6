/**
 * Backups and clusters, on real processes: a new cluster begins with what a single node had and serves nothing before it has all of
 * it; a backup of a cluster has everything that was acknowledged, and makes a single node.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { KmipClient } from '../../src/client/client.ts';
import { bootstrap } from '../../src/identity/bootstrap.ts';
import { systemRandom } from '../../src/random.ts';
import { writeBackup } from '../../src/storage/backup-file.ts';
import { marginPrefixes } from '../../src/storage/backup-restore.ts';
import { createLevelStore } from '../../src/storage/level-store.ts';
import { natsMissing, startNats } from '../cluster/nats/nats-servers.ts';
import type { NatsServers } from '../cluster/nats/nats-servers.ts';
import { RealNode } from '../cluster/real/real-node.ts';
import type { ClientCredential } from '../cluster/real/real-node.ts';
import { freePort, startServer } from '../harness/server.ts';
import type { RunningServer } from '../harness/server.ts';
import { created } from '../storage/sample-state.ts';
import { kmipd } from './own-commands.ts';
import type { Ran } from './own-commands.ts';
import { createKey, fillState, pictureOf, sealedBy } from './server-picture.ts';
import type { Client } from './server-picture.ts';

const largeObjects = 8_000;
const startLimitMs = 60_000;
const rootKey = randomBytes(32).toString('hex');
const env = { KMIPD_ROOT_KEY: rootKey };

class Place {
  readonly folder: string;
  readonly nats: NatsServers;
  readonly #nodes: RealNode[] = [];
  readonly #clients: Client[] = [];

  constructor(folder: string, nats: NatsServers) {
    this.folder = folder;
    this.nats = nats;
  }

  static async make(context: TestContext): Promise<Place> {
    const folder = mkdtempSync(path.join(tmpdir(), 'kmipd-backup-'));
    const place = new Place(folder, await startNats(1));
    context.after(() => place.#end());
    return place;
  }

  file(name: string): string {
    return path.join(this.folder, name);
  }

  async node(cluster: string, name: string, ...more: string[]): Promise<RealNode> {
    const node = new RealNode({ name, port: await freePort(), adminPort: await freePort(), folder: this.folder, rootKey, cluster: { name: cluster, urls: this.nats.urls }, arguments: more });
    this.#nodes.push(node);
    return node;
  }

  client(port: number, credential: ClientCredential): Client {
    const client = new KmipClient({ host: '127.0.0.1', port, ...credential });
    this.#clients.push(client);
    return client;
  }

  async #end(): Promise<void> {
    for (const client of this.#clients) client.destroyConnection();
    await Promise.all(this.#nodes.map(({ process }) => process.kill()));
    await this.nats[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + startLimitMs;
  while (!(await isSo())) {
    assert.ok(performance.now() < limit, `waited too long for ${isSo}`);
    await sleep(20);
  }
}

/** The backup of a server that has nothing to do with the others but the root key. */
async function backedUpStranger(folder: string): Promise<string> {
  const server = await startServer({ env, dataFolder: folder });
  const told = await backup(folder, server.adminPort, `${folder}.backup`);
  await server.stop();
  assert.equal(told.code, 0, told.stderr);
  return `${folder}.backup`;
}

function credentialOf({ bootstrap: { ca, cert, key } }: RunningServer): ClientCredential {
  return { authority: ca, certificate: cert, privateKey: key };
}

function backup(dataFolder: string, adminPort: number, file: string): Promise<Ran> {
  return kmipd(['backup', '--data', dataFolder, '--admin-port', String(adminPort), '--out', file]);
}

describe('backups and clusters', { skip: natsMissing() }, () => {
  test('a new cluster begins with a single node\'s backup, whichever node has it, and its own backup makes a single node again', async (context) => {
    const place = await Place.make(context);
    const server = await startServer({ env, dataFolder: place.file('single') });
    const credential = credentialOf(server);
    const other = await server.generateCredential({ scope: 'other', role: 'user' });
    const otherCredential = { authority: other.ca, certificate: other.cert, privateKey: other.key };
    const [mine, theirs] = [place.client(server.port, credential), place.client(server.port, otherCredential)];
    const key = await fillState(mine, 'mine');
    await fillState(theirs, 'theirs');
    const sealed = await sealedBy(mine, key);
    const before = { mine: await pictureOf(mine), theirs: await pictureOf(theirs) };
    const file = place.file('single.backup');
    const told = await backup(server.dataFolder, server.adminPort, file);
    assert.equal(told.code, 0, told.stderr);
    await server.stop();

    const first = await place.node('first', 'n1', '--restore', file);
    const second = await place.node('first', 'n2', '--restore', file);
    first.process.start();
    second.process.start();
    await Promise.all([first, second].map((node) => node.waitReady(startLimitMs)));
    const third = await place.node('first', 'n3');
    third.process.start();
    await third.waitReady(startLimitMs);
    for (const { place: { port } } of [first, second, third]) {
      const [mineThere, theirsThere] = [place.client(port, credential), place.client(port, otherCredential)];
      assert.deepEqual({ mine: await pictureOf(mineThere), theirs: await pictureOf(theirsThere) }, before);
      assert.equal(await sealed.opened(mineThere), 'what is kept');
      const { prefix } = await sealedBy(mineThere, key);
      assert.ok(prefix >= marginPrefixes && prefix !== sealed.prefix, `prefix ${prefix}`);
      assert.equal(first.bootstrap(), undefined, 'no new identity was made');
    }
    assert.deepEqual([first, second, third].map((node) => node.process.log.includes('"The backup is taken over."')).filter(Boolean).length, 1);

    // Under load at one node, taken at another: what was acknowledged before the command is in it.
    const writer = place.client(first.place.port, credential);
    const acknowledged: string[] = [];
    let stopped = false;
    const load = Promise.all([0, 1, 2, 3].map(async (index) => {
      for (let count = 0; !stopped; count += 1) acknowledged.push(await createKey(writer, `load ${index} ${count}`));
    }));
    await until(() => acknowledged.length >= 30);
    const known = [...acknowledged];
    const again = place.file('cluster.backup');
    const tokenFolder = place.file('single');
    const taken = await backup(tokenFolder, third.place.adminPort, again);
    stopped = true;
    await load;
    assert.equal(taken.code, 0, taken.stderr);

    const restored = await kmipd(['restore', '--from', again, '--data', place.file('back')], env);
    assert.equal(restored.code, 0, restored.stderr);
    copyBootstrap(place.file('single'), place.file('back'));
    const back = await startServer({ env, dataFolder: place.file('back') });
    try {
      const [mineBack, theirsBack] = [place.client(back.port, credential), place.client(back.port, otherCredential)];
      const { uniqueIdentifier: located } = await mineBack.locate({});
      assert.deepEqual(known.filter((each) => !located!.includes(each)), []);
      assert.deepEqual(await pictureOf(theirsBack), before.theirs);
      assert.equal(await sealed.opened(mineBack), 'what is kept');
      assert.ok((await sealedBy(mineBack, key)).prefix > 2 * marginPrefixes);
    } finally {
      await back.stop();
    }

    // A node that cannot know what was acknowledged gives no backup.
    await place.nats.servers[0]!.kill();
    const limit = performance.now() + 20_000;
    let refused = await backup(tokenFolder, second.place.adminPort, place.file('none'));
    while (refused.code === 0 && performance.now() < limit) refused = await backup(tokenFolder, second.place.adminPort, place.file('none'));
    assert.equal(refused.code, 1);
    assert.match(refused.stderr, /not in touch with its cluster.*E_NOT_READY/);
  });

  test('where the node that takes a backup over dies, nobody serves until one goes on with it; another backup is refused', async (context) => {
    const place = await Place.make(context);
    const { file, credential, newest } = await largeBackup(place.folder);
    const first = await place.node('large', 'n1', '--restore', file);
    first.process.start();
    await until(() => first.process.log.includes('Taking over the backup.'));
    assert.equal(await first.readiness(), 'starting');
    await first.process.kill();
    assert.equal(first.process.log.includes('The backup is taken over.'), false, 'struck in the middle');
    const second = await place.node('large', 'n2');
    second.process.start();
    await until(() => second.process.log.includes('this node waits'));
    await sleep(1_000);
    assert.equal(await second.readiness(), 'starting');
    // The token may be among what has come already: who does not have it sees nothing either way.
    assert.ok([401, 503].includes((await second.get('/v1/status', true)).status), 'nothing is shown without the backup\'s own token');

    const stranger = await backedUpStranger(place.file('stranger'));
    const other = await place.node('large', 'n3', '--restore', stranger);
    other.process.start();
    await until(() => !other.process.running);
    assert.match(other.process.log, /E_SEED_OTHER/);

    first.process.start();
    await Promise.all([first, second].map((node) => node.waitReady(startLimitMs)));
    for (const { place: { port } } of [first, second]) {
      const { uniqueIdentifier: located } = await place.client(port, credential).locate({});
      assert.deepEqual(located, newest);
    }
    // Done: with the backup or without it, a node just starts. And a cluster that has a state takes no backup.
    const late = await place.node('large', 'n4', '--restore', stranger);
    late.process.start();
    await until(() => !late.process.running);
    assert.match(late.process.log, /E_SEED_OTHER.*start without --restore|start without --restore.*E_SEED_OTHER/s);
    rmSync(file);
    assert.equal(await first.process.stop(), '0');
    first.process.start();
    await first.waitReady(startLimitMs);
  });
});

/** A backup large enough that a node can be killed while it is taken over, made without a server. */
async function largeBackup(folder: string): Promise<{ readonly file: string; readonly credential: ClientCredential; readonly newest: readonly string[] }> {
  const key = new Uint8Array(Buffer.from(rootKey, 'hex'));
  const store = await createLevelStore({ folder: path.join(folder, 'made', 'store'), rootKey: key });
  await bootstrap({ store, rootKey: key, folder: path.join(folder, 'made'), serverNames: ['localhost'], random: systemRandom, now: () => Math.floor(Date.now() / 1000) });
  const all: string[] = [];
  for (let count = 0; count < largeObjects; count += 500) {
    const identifiers = Array.from({ length: 500 }, (_, index) => `object-${(count + index) * 7919 % largeObjects}`);
    await store.commit(identifiers.map((identifier) => created(identifier, { custom: 'x'.repeat(300) })));
    all.push(...identifiers);
  }
  const file = path.join(folder, 'large.backup');
  const capture = await store.backup({ mark: { id: 'large', takenAt: Date.now() }, isNodesOwn: () => false });
  await writeBackup(file, capture.content());
  await store.close();
  const text = (name: string): string => readFileSync(path.join(folder, 'made', 'bootstrap', name), 'utf8');
  return { file, credential: { authority: text('ca.pem'), certificate: text('cert.pem'), privateKey: text('key.pem') }, newest: all.toReversed() };
}

function copyBootstrap(from: string, to: string): void {
  mkdirSync(path.join(to, 'bootstrap'), { recursive: true });
  for (const name of ['ca.pem', 'cert.pem', 'key.pem', 'admin-token']) writePrivate(path.join(to, 'bootstrap', name), readFileSync(path.join(from, 'bootstrap', name)));
}

function writePrivate(file: string, content: Uint8Array): void {
  writeFileSync(file, content, { mode: 0o600 });
}
