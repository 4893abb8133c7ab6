/**
 * What makes several nodes one key manager to who uses it: one identity, one set of credentials, sessions and streams that go
 * on at any node, limits that hold over all of them. On real processes; faults are test/cluster/real's subject.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import { KmipClient } from '../../src/client/client.ts';
import { hashOfToken } from '../../src/identity/admin-token.ts';
import { BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, ObjectType, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import { kmipd } from '../backup/own-commands.ts';
import { adminCaller, freePort } from '../harness/server.ts';
import { repositoryRoot } from '../harness/shared-data.ts';
import { RealCluster, clusterMissing } from '../cluster/real/real-cluster.ts';
import type { ClientCredential } from '../cluster/real/real-node.ts';
import { readFileSync } from 'node:fs';

const skip = clusterMissing();
const { GCM } = BlockCipherMode;

describe('three nodes are one key manager', { skip }, () => {
  let cluster: RealCluster;
  let token: string;
  const clients: InstanceType<typeof KmipClient>[] = [];

  before(async () => {
    cluster = await RealCluster.start();
    token = readFileSync(join(cluster.folder, 'bootstrap', 'admin-token'), 'utf8').trim();
  }, { timeout: 180_000 });
  after(async () => {
    for (const client of clients) client.close();
    await cluster?.stop();
  });

  const admin = (index: number): ReturnType<typeof adminCaller> => adminCaller(cluster.nodes[index]!.place.adminPort, token);
  const clientOf = (index: number, credential: ClientCredential = cluster.credential): InstanceType<typeof KmipClient> => {
    const client = new KmipClient({ host: '127.0.0.1', port: cluster.nodes[index]!.place.port, ...credential });
    clients.push(client);
    return client;
  };
  const createKey = async (client: InstanceType<typeof KmipClient>, more: readonly { name: string; value: unknown }[] = []): Promise<string> => {
    const attributes = [
      { name: 'CryptographicAlgorithm', value: CryptographicAlgorithm.AES }, { name: 'CryptographicLength', value: 256 },
      { name: 'CryptographicUsageMask', value: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt }, ...more,
    ];
    const { uniqueIdentifier } = await client.create({ objectType: ObjectType.SymmetricKey, attributes } as Parameters<typeof client.create>[0]);
    await client.activate({ uniqueIdentifier });
    return uniqueIdentifier;
  };

  test('the same scope asked for at two nodes at once is made once, and known at the third', async () => {
    const answers = await Promise.all([0, 1].map((index) => admin(index)('POST', '/v1/scopes', { scope: 'shared' })));
    assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409], answers.map(({ body }) => body).join(' '));
    assert.equal((await admin(2)('GET', '/v1/scopes/shared')).status, 200);
  });

  test('a credential made at one node serves at another, and is cut there as soon as a third has revoked it', async () => {
    const made = await admin(0)('POST', '/v1/credentials', { scope: 'cut', role: 'user', create: true });
    const { certificate, privateKey, ca, fingerprint } = JSON.parse(made.body) as Record<string, string>;
    const socket = connect({ host: '127.0.0.1', port: cluster.nodes[1]!.place.port, cert: certificate, key: privateKey, ca, servername: 'localhost' });
    await once(socket, 'secureConnect');
    const closed = once(socket, 'close');
    await sleep(200);
    assert.equal(socket.destroyed, false, 'it is served');
    assert.equal((await admin(2)('DELETE', `/v1/credentials/${fingerprint}`)).status, 200);
    await Promise.race([closed, sleep(3_000).then(() => assert.fail('the connection stays open'))]);
  });

  test('a TLS session begun at one node resumes at the others', async () => {
    const { certificate, privateKey, authority } = cluster.credential;
    const open = (index: number, session?: Buffer): TLSSocket => connect({ host: '127.0.0.1', port: cluster.nodes[index]!.place.port, cert: certificate, key: privateKey, ca: authority, servername: 'localhost', ...(session !== undefined && { session }) });
    const first = open(0);
    const [session] = (await once(first, 'session')) as [Buffer];
    first.destroy();
    for (const index of [1, 2]) {
      const again = open(index, session);
      await once(again, 'secureConnect');
      assert.equal(again.isSessionReused(), true, cluster.nodes[index]!.name);
      again.destroy();
    }
  });

  test('a stream begun at one node goes on at the next', async () => {
    const id = await createKey(clientOf(0));
    const plain = randomBytes(3 * 4096);
    const parts: Uint8Array[] = [];
    let correlationValue: Uint8Array | undefined;
    let tag: Uint8Array | undefined;
    let nonce: Uint8Array | undefined;
    for (let part = 0; part < 3; part += 1) {
      const answer = await clientOf(part).encrypt({
        uniqueIdentifier: id, data: plain.subarray(part * 4096, (part + 1) * 4096),
        ...(part === 0 ? { cryptographicParameters: { blockCipherMode: GCM, tagLength: 16 }, initIndicator: true } : { correlationValue: correlationValue! }),
        ...(part === 2 && { finalIndicator: true }),
      });
      parts.push(answer.data ?? new Uint8Array(0));
      correlationValue = answer.correlationValue;
      nonce ??= answer.ivCounterNonce;
      tag = answer.authenticatedEncryptionTag;
    }
    const { data } = await clientOf(1).decrypt({ uniqueIdentifier: id, data: Buffer.concat(parts), ivCounterNonce: nonce!, authenticatedEncryptionTag: tag!, cryptographicParameters: { blockCipherMode: GCM, tagLength: 16 } });
    assert.equal(Buffer.compare(Buffer.from(data!), plain), 0);
  });

  test('Usage Limits hold over all nodes, and most uses ask no other node', async () => {
    const total = 600;
    const id = await createKey(clientOf(0), [{ name: 'UsageLimits', value: { usageLimitsTotal: BigInt(total), usageLimitsCount: BigInt(total), usageLimitsUnit: UsageLimitsUnit.Object } }]);
    const before = await sequence();
    const use = async (index: number): Promise<number> => {
      let uses = 0;
      for (let attempt = 0; attempt < total / 2; attempt += 1) {
        try {
          await clientOf3[index]!.encrypt({ uniqueIdentifier: id, data: new Uint8Array(16), cryptographicParameters: { blockCipherMode: GCM } });
          uses += 1;
        } catch {
          // The limit: the others may have some left of their shares.
        }
      }
      return uses;
    };
    const clientOf3 = [0, 1, 2].map((index) => clientOf(index));
    const uses = (await Promise.all([0, 1, 2].map(use))).reduce((sum, each) => sum + each, 0);
    assert.ok(uses <= total && uses >= total * 0.9, `${uses} of ${total}`);
    assert.ok((await sequence()) - before < uses, 'fewer entries than uses, refusals included');
  });

  async function sequence(): Promise<number> {
    return Number((await cluster.nodes[0]!.membership())?.['sequence']);
  }

  /** Starts a node beside the others that is expected to end by itself; resolves with what it said. */
  const stray = async (context: { after(run: () => void): void }, node: string, rootKey: string | undefined): Promise<string> => {
    const folder = mkdtempSync(join(tmpdir(), 'kmipd-stray-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const { name, urls } = cluster.nodes[0]!.place.cluster!;
    const env = { ...process.env, ...(process.env['CI'] === 'true' ? {} : { KMIPD_FROM_SOURCE: '1' }), ...(rootKey !== undefined && { KMIPD_ROOT_KEY: rootKey }) };
    const child = spawn(join(repositoryRoot, 'bin/kmipd'), ['serve', '--data', folder, '--host', '127.0.0.1', '--port', String(await freePort()), '--admin-port', String(await freePort()), '--cluster', name, '--nats', urls.join(','), '--node', node], { env, stdio: ['ignore', 'ignore', 'pipe'] });
    let output = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (output += text));
    const timer = setTimeout(() => child.kill('SIGKILL'), 30_000);
    const [code] = (await once(child, 'exit')) as [number | null];
    clearTimeout(timer);
    assert.notEqual(code, 0);
    return output;
  };

  test('another admin token, made at one node, is at once the token of all', async () => {
    const { name, adminPort, rootKey } = cluster.nodes[1]!.place;
    const { dataFolder } = cluster.nodes[1]!;
    const made = await kmipd(['admin-token', '--data', dataFolder, '--admin-port', String(adminPort)], { KMIPD_ROOT_KEY: rootKey! });
    assert.equal(made.code, 0, `${name}: ${made.stderr}`);
    const next = readFileSync(join(dataFolder, 'bootstrap', 'admin-token'), 'utf8').trim();
    for (const { place } of cluster.nodes) {
      const statuses = await Promise.all([token, next].map(async (each) => (await adminCaller(place.adminPort, each)('GET', '/v1/status')).status));
      assert.deepEqual(statuses, [401, 200], place.name);
    }
    const back = { tokenHash: Buffer.from(hashOfToken(token)).toString('hex') };
    assert.equal((await adminCaller(cluster.nodes[2]!.place.adminPort, next)('PUT', '/v1/admin-token', back)).status, 204);
    assert.equal((await admin(0)('GET', '/v1/status')).status, 200);
  });

  test('a node with another root key is told so and ends', async (context) => {
    assert.match(await stray(context, 'stranger', undefined), /E_CLUSTER_KEY/);
  });

  test('a node with the name of another is told so and ends, and the other goes on', async (context) => {
    const { name, rootKey } = cluster.nodes[0]!.place;
    assert.match(await stray(context, name, rootKey), /E_NODE_NAME_TAKEN/);
    assert.equal(cluster.nodes[0]!.process.running, true);
    await cluster.waitReady(10_000);
  });
});
