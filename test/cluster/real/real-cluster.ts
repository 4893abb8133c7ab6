/**
 * A whole cluster on one machine: three nats-servers, nodes, and a balancer in front, all real processes with real files.
 *
 *     clients ── balancer ── n1 n2 n3 ══ links ══ s1 s2 s3        routes between the servers run over links, too
 *
 * Links (relays that can be cut) are only there when `links` is set: they cost a copy of every message.
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
import { Network } from './network.ts';
import type { Cut } from './network-orders.ts';
import { OwnProcess } from './own-process.ts';
import { RealNode } from './real-node.ts';
import type { ClientCredential } from './real-node.ts';

export interface ClusterRequest {
  readonly nodes?: number;
  /** Whether the links can be cut. */
  readonly links?: boolean;
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

const natsCount = 3;
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
  readonly #haproxy: OwnProcess | undefined;
  readonly #linksOf: ReadonlyMap<string, readonly string[]>;

  private constructor(parts: Pick<RealCluster, 'folder' | 'nats' | 'nodes' | 'port' | 'balancer'> & { network: Network; haproxy: OwnProcess | undefined; linksOf: ReadonlyMap<string, readonly string[]> }) {
    this.folder = parts.folder;
    this.nats = parts.nats;
    this.nodes = parts.nodes;
    this.port = parts.port;
    this.balancer = parts.balancer;
    this.#network = parts.network;
    this.#haproxy = parts.haproxy;
    this.#linksOf = parts.linksOf;
  }

  /** Starts everything and waits until every node is ready. */
  static async start(asked: ClusterRequest = {}): Promise<RealCluster> {
    const { nodes: nodeCount = 3, links = false, clustered = true, startLimitMs = defaultStartLimitMs } = asked;
    const folder = mkdtempSync(path.join(os.tmpdir(), 'kmipd-cluster-'));
    const network = new Network();
    const servers = clustered ? await layNats(folder, network, nodeCount, links) : undefined;
    const rootKey = randomBytes(32).toString('hex');
    const nodes: RealNode[] = [];
    for (let index = 0; index < nodeCount; index += 1) {
      const cluster = servers === undefined ? undefined : { name: 'demo', urls: servers.portsOf[index]!.map((port) => `nats://127.0.0.1:${port}`) };
      nodes.push(new RealNode({ name: `n${index + 1}`, port: await freePort(), adminPort: await freePort(), folder, rootKey, cluster, arguments: asked.arguments ?? [] }));
    }
    const balanced = nodes.map(({ place: { port, adminPort } }) => ({ port, adminPort }));
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
    const cluster = new RealCluster({ folder, nats: servers?.processes ?? [], nodes, port, balancer: haproxy === undefined ? 'the built-in relay' : 'HAProxy', network, haproxy, linksOf: servers?.linksOf ?? new Map() });
    try {
      await cluster.#startAll(startLimitMs, servers?.monitorPorts ?? []);
    } catch (error) {
      await cluster.stop(true);
      throw new Error(`${(error as Error).message}\nlogs are kept in ${folder}`, { cause: error });
    }
    return cluster;
  }

  async #startAll(limitMs: number, monitorPorts: readonly number[]): Promise<void> {
    for (const server of this.nats) server.start();
    await Promise.all(monitorPorts.map((port) => healthy(port, limitMs)));
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
    return this.#network.cut(this.#linksOf.get(name) ?? [], how);
  }

  heal(name: string): Promise<void> {
    return this.#network.heal(this.#linksOf.get(name) ?? []);
  }

  /** Ends everything; the folder with data and logs goes unless it is to be kept. */
  async stop(keep = false): Promise<void> {
    await Promise.all([...this.nodes.map(({ process }) => process.stop(3_000)), this.#haproxy?.kill()]);
    await Promise.all(this.nats.map((server) => server.kill()));
    this.#network.close();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }
}

interface LaidNats {
  readonly processes: readonly OwnProcess[];
  readonly monitorPorts: readonly number[];
  /** For each node, the ports that lead to each server. */
  readonly portsOf: readonly (readonly number[])[];
  readonly linksOf: ReadonlyMap<string, readonly string[]>;
}

/** Configurations of the servers, and the links to and between them. */
async function layNats(folder: string, network: Network, nodeCount: number, links: boolean): Promise<LaidNats> {
  const names = Array.from({ length: natsCount }, (_, index) => `s${index + 1}`);
  const ports: number[] = [];
  const routePorts: number[] = [];
  const monitorPorts: number[] = [];
  for (let index = 0; index < natsCount; index += 1) {
    ports.push(await freePort());
    routePorts.push(await freePort());
    monitorPorts.push(await freePort());
  }
  const linksOf = new Map<string, string[]>();
  const link = async (from: string, to: string, target: number): Promise<number> => {
    if (!links) return target;
    const name = `${from}-${to}-${target}`;
    for (const end of [from, to]) linksOf.set(end, [...(linksOf.get(end) ?? []), name]);
    return network.link(name, await freePort(), target);
  };
  const nobody = await freePort();
  const processes: OwnProcess[] = [];
  for (const [index, name] of names.entries()) {
    const own = path.join(folder, name);
    mkdirSync(own, { recursive: true });
    const routes: number[] = [];
    for (const [other, otherName] of names.entries()) if (other !== index) routes.push(await link(name, otherName, routePorts[other]!));
    const file = path.join(own, 'nats.conf');
    writeNatsConfiguration(file, { name, port: ports[index]!, monitorPort: monitorPorts[index]!, routePort: routePorts[index]!, routes, advertisePort: links ? nobody : undefined, dataFolder: path.join(own, 'data') });
    processes.push(new OwnProcess(name, path.join(folder, `${name}.log`), { program: natsProgram, args: ['-c', file] }));
  }
  const portsOf: number[][] = [];
  for (let node = 1; node <= nodeCount; node += 1) {
    const own: number[] = [];
    for (const [server, name] of names.entries()) own.push(await link(`n${node}`, name, ports[server]!));
    portsOf.push(own);
  }
  return { processes, monitorPorts, portsOf, linksOf };
}

/** Waits until a nats-server says that its JetStream is well. */
async function healthy(monitorPort: number, limitMs: number): Promise<void> {
  const until = performance.now() + limitMs;
  for (;;) {
    const status = await new Promise<number>((resolve) => {
      get({ host: '127.0.0.1', port: monitorPort, path: '/healthz', agent: false, timeout: 1000 }, (answer) => resolve((answer.resume(), answer.statusCode ?? 0)))
        .on('error', () => resolve(0))
        .on('timeout', () => resolve(0));
    });
    if (status === 200) return;
    if (performance.now() > until) throw new Error(`a nats-server is not well within ${limitMs} ms`);
    await sleep(200);
  }
}
