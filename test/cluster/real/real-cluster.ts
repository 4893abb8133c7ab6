/**
 * A whole cluster on one machine: three nats-servers, nodes, and a balancer in front, all real processes with real files.
 *
 *     clients ── balancer ── n1 n2 n3 ══ links ══ s1 s2 s3        routes between the servers run over links, too
 *
 * Where they run, and what a link is that can be cut, is said by `network` (hosts.ts).
 */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connectTls } from '../../../src/client/connection.ts';
import { freePort } from '../../harness/server.ts';
import { haproxyProgram, isInstalled, natsProgram, writeHaproxyConfiguration, writeNatsConfiguration } from './deploy-files.ts';
import { LoopbackHosts } from './hosts.ts';
import type { Hosts, NetworkKind } from './hosts.ts';
import { NamespaceHosts } from './namespace-hosts.ts';
import { Network } from './network.ts';
import type { Cut } from './network-orders.ts';
import { OwnProcess } from './own-process.ts';
import { RealNode } from './real-node.ts';
import type { ClientCredential } from './real-node.ts';

export interface ClusterRequest {
  readonly nodes?: number;
  /** Whether a host can be cut off; on loopback only if this is set: relays cost a copy of every message. */
  readonly links?: boolean;
  /** Loopback unless told; namespaces need enterNetwork() before (own-namespace.ts). */
  readonly network?: NetworkKind;
  /** False: no cluster; each node is alone, for trying the harness itself and for comparisons. */
  readonly clustered?: boolean;
  /** More arguments of each node. */
  readonly arguments?: readonly string[];
  readonly startLimitMs?: number;
}

/** Why no cluster can run here, or false. Fails where a pipeline has to be able to. */
export function clusterMissing(): string | false {
  if (isInstalled(natsProgram, '--version')) return false;
  const message = 'nats-server is not installed (Debian package nats-server, or set NATS_SERVER)';
  if (process.env['CI'] === 'true') throw new Error(message);
  return message;
}

const natsNames = ['s1', 's2', 's3'] as const;
const defaultStartLimitMs = 60_000;

export class RealCluster {
  readonly folder: string;
  readonly nats: readonly OwnProcess[];
  readonly nodes: readonly RealNode[];
  /** Where clients connect: the balancer. */
  readonly port: number;
  readonly balancer: string;
  credential!: ClientCredential;
  readonly #network: Network;
  readonly #hosts: Hosts;
  readonly #haproxy: OwnProcess | undefined;

  private constructor(parts: Pick<RealCluster, 'folder' | 'nats' | 'nodes' | 'port' | 'balancer'> & { network: Network; hosts: Hosts; haproxy: OwnProcess | undefined }) {
    this.folder = parts.folder;
    this.nats = parts.nats;
    this.nodes = parts.nodes;
    this.port = parts.port;
    this.balancer = parts.balancer;
    this.#network = parts.network;
    this.#hosts = parts.hosts;
    this.#haproxy = parts.haproxy;
  }

  /** Starts everything and waits until every node is ready. */
  static async start(asked: ClusterRequest = {}): Promise<RealCluster> {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'kmipd-cluster-'));
    const network = new Network();
    try {
      return await RealCluster.#start(asked, folder, network);
    } catch (error) {
      // A process that goes on would keep a test from ending.
      network.close();
      throw new Error(`${(error as Error).message}\nlogs are kept in ${folder}`, { cause: error });
    }
  }

  static async #start({ nodes: nodeCount = 3, links = false, network: kind = 'loopback', clustered = true, startLimitMs = defaultStartLimitMs, arguments: more = [] }: ClusterRequest, folder: string, network: Network): Promise<RealCluster> {
    const names = Array.from({ length: nodeCount }, (_, index) => `n${index + 1}`);
    const hosts = kind === 'loopback' ? new LoopbackHosts(network, links) : await NamespaceHosts.make(folder, [...names.map((name) => ({ name, on: ['front', 'back'] as const })), ...natsNames.map((name) => ({ name, on: ['back'] as const }))]);
    const servers = clustered ? await layNats(folder, hosts, names) : undefined;
    const rootKey = randomBytes(32).toString('hex');
    const nodes: RealNode[] = [];
    for (const [index, name] of names.entries()) {
      const cluster = servers === undefined ? undefined : { name: 'demo', urls: servers.waysOf[index]!.map((way) => `nats://${way}`) };
      nodes.push(new RealNode({ name, host: hosts.frontOf(name), wrap: (command) => hosts.command(name, command), port: await freePort(), adminPort: await freePort(), folder, rootKey, cluster, arguments: more }));
    }
    const balanced = nodes.map(({ host, place: { port, adminPort } }) => ({ host, port, adminPort }));
    const port = await freePort();
    let haproxy: OwnProcess | undefined;
    if (isInstalled(haproxyProgram, '-v')) {
      const file = path.join(folder, 'haproxy.cfg');
      writeHaproxyConfiguration(file, port, balanced);
      haproxy = new OwnProcess('haproxy', path.join(folder, 'haproxy.log'), { program: haproxyProgram, args: ['-db', '-f', file] });
      haproxy.start();
    } else {
      await network.balancer(port, balanced);
    }
    const cluster = new RealCluster({ folder, nats: servers?.processes ?? [], nodes, port, balancer: haproxy === undefined ? 'the built-in relay' : 'HAProxy', network, hosts, haproxy });
    try {
      await cluster.#startAll(startLimitMs, servers?.monitors ?? []);
    } catch (error) {
      await cluster.stop(true);
      throw error;
    }
    return cluster;
  }

  async #startAll(limitMs: number, monitors: readonly string[]): Promise<void> {
    for (const server of this.nats) server.start();
    await Promise.all(monitors.map((monitor) => healthy(monitor, limitMs)));
    for (const node of this.nodes) node.process.start();
    await Promise.all(this.nodes.map((node) => node.waitReady(limitMs)));
    const maker = this.nodes.find((node) => node.bootstrap() !== undefined);
    if (maker === undefined) throw new Error('no node made a bootstrap credential');
    this.credential = maker.bootstrap()!;
    // Kept apart: a data folder may be emptied in a run, and the credential in it with it.
    cpSync(path.join(maker.dataFolder, 'bootstrap'), path.join(this.folder, 'bootstrap'), { recursive: true });
    for (const node of this.nodes) node.shareToken(maker);
    await this.#waitBalanced(limitMs);
  }

  /** Waits until the balancer has found nodes that are ready: as many connections in a row as there are nodes. */
  async #waitBalanced(limitMs: number): Promise<void> {
    const until = performance.now() + limitMs;
    let inRow = 0;
    while (inRow < this.nodes.length) {
      const socket = connectTls({ host: '127.0.0.1', port: this.port, ...this.credential });
      const open = await once(socket, 'secureConnect').then(() => true, () => false);
      socket.on('error', () => undefined).destroy();
      inRow = open ? inRow + 1 : 0;
      if (open) continue;
      if (this.#haproxy?.running === false) throw new Error(`HAProxy ended: ${this.#haproxy.log}`);
      if (performance.now() > until) throw new Error(`${this.balancer} takes no connections within ${limitMs} ms`);
      await sleep(100);
    }
  }

  /** Waits until every node is ready again. */
  async waitReady(limitMs: number): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.waitReady(limitMs)));
  }

  /** The node that says it is primary; of several the one with the largest fence. */
  async primary(): Promise<RealNode | undefined> {
    const states = await Promise.all(this.nodes.map(async (node) => ({ node, membership: await node.membership() })));
    return states.find(({ membership }) => membership?.['role'] === 'primary')?.node;
  }

  /** Cuts a node or a nats-server off from every other. */
  cut(name: string, how: Cut): Promise<void> {
    return this.#hosts.cut(name, how);
  }

  heal(name: string): Promise<void> {
    return this.#hosts.heal(name);
  }

  cutText(how: Cut): string {
    return this.#hosts.cutText(how);
  }

  /** Ends everything; the folder with data and logs goes unless it is to be kept. */
  async stop(keep = false): Promise<void> {
    await Promise.all([...this.nodes.map(({ process }) => process.stop(3_000)), this.#haproxy?.kill()]);
    await Promise.all(this.nats.map((server) => server.kill()));
    this.#network.close();
    await this.#hosts.close();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}

interface LaidNats {
  readonly processes: readonly OwnProcess[];
  readonly monitors: readonly string[];
  /** For each node, `address:port` of each server as it is reached from there. */
  readonly waysOf: readonly (readonly string[])[];
}

/** Configurations of the servers, and the ways to and between them. */
async function layNats(folder: string, hosts: Hosts, nodeNames: readonly string[]): Promise<LaidNats> {
  const places = [];
  for (const name of natsNames) places.push({ name, host: hosts.backOf(name), port: await freePort(), routePort: await freePort(), monitorPort: await freePort() });
  const advertised = await hosts.advertised();
  const processes: OwnProcess[] = [];
  for (const place of places) {
    const { name } = place;
    const own = path.join(folder, name);
    mkdirSync(own, { recursive: true });
    const routes: string[] = [];
    for (const other of places) if (other !== place) routes.push(await hosts.way(name, other.name, other.routePort));
    const file = path.join(own, 'nats.conf');
    writeNatsConfiguration(file, { ...place, routes, advertised, dataFolder: path.join(own, 'data') });
    processes.push(new OwnProcess(name, path.join(folder, `${name}.log`), hosts.command(name, { program: natsProgram, args: ['-c', file] })));
  }
  const waysOf: string[][] = [];
  for (const node of nodeNames) {
    const ways: string[] = [];
    for (const { name, port } of places) ways.push(await hosts.way(node, name, port));
    waysOf.push(ways);
  }
  return { processes, monitors: places.map(({ host, monitorPort }) => `http://${host}:${monitorPort}/healthz`), waysOf };
}

/** Waits until a nats-server says that its JetStream is well. */
async function healthy(monitor: string, limitMs: number): Promise<void> {
  const until = performance.now() + limitMs;
  for (;;) {
    const status = await new Promise<number>((resolve) => {
      get(monitor, { agent: false, timeout: 1000 }, (answer) => resolve((answer.resume(), answer.statusCode ?? 0)))
        .on('error', () => resolve(0))
        .on('timeout', () => resolve(0));
    });
    if (status === 200) return;
    if (performance.now() > until) throw new Error(`a nats-server is not well within ${limitMs} ms`);
    await sleep(200);
  }
}
