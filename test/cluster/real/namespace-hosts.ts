/**
 * Hosts in network namespaces of this machine: faults as a network has them, where nobody is told that a peer is gone.
 *
 *     clients, balancer, harness ─┬─ front ─┬─ n1 n2 n3
 *                                 └─ back ──┴─ n1 n2 n3 s1 s2 s3
 *
 * `drop`: its cables are pulled, clients' and NATS's. `hole`: the switch between it and NATS passes nothing on, while clients reach it.
 * Invariant: both bridges are in a namespace without any other wire (own-namespace.ts), so no packet can leave the machine. A
 * namespace lives as long as its last process: nothing is left to clear away, however the run ends.
 */
import { execFile } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Hosts } from './hosts.ts';
import type { Cut } from './network-orders.ts';
import { OwnProcess } from './own-process.ts';
import type { Command } from './own-process.ts';

const networks = { front: '10.77.1', back: '10.77.2' } as const;
type NetworkName = keyof typeof networks;
const ownPlace = 254;
const holdLimitMs = 5_000;

const run = promisify(execFile);
const ip = async (...words: readonly string[]): Promise<string> => (await run('ip', words)).stdout;

export interface HostRequest {
  readonly name: string;
  readonly on: readonly NetworkName[];
}

interface Host {
  readonly place: number;
  readonly on: readonly NetworkName[];
  /** Does nothing but keep the namespace. */
  readonly holder: OwnProcess;
}

export class NamespaceHosts implements Hosts {
  readonly #hosts = new Map<string, Host>();

  /** `folder` takes the holders' empty logs. */
  static async make(folder: string, asked: readonly HostRequest[]): Promise<NamespaceHosts> {
    const others = (await ip('-o', 'link')).split('\n').filter((line) => line !== '' && !/^\d+: lo:/.test(line));
    if (others.length > 0) throw new Error(`this network namespace has wires already: ${others.join('; ')}`);
    const hosts = new NamespaceHosts();
    await ip('link', 'set', 'dev', 'lo', 'up');
    for (const [name, prefix] of Object.entries(networks)) {
      await ip('link', 'add', 'name', name, 'type', 'bridge', 'stp_state', '0', 'mcast_snooping', '0');
      await ip('address', 'add', `${prefix}.${ownPlace}/24`, 'dev', name);
      await ip('link', 'set', 'dev', name, 'up');
    }
    for (const [index, { name, on }] of asked.entries()) await hosts.#add(folder, name, index + 1, on);
    return hosts;
  }

  async #add(folder: string, name: string, place: number, on: readonly NetworkName[]): Promise<void> {
    const holder = new OwnProcess(`host ${name}`, path.join(folder, 'hosts', `${name}.log`), { program: 'unshare', args: ['--net', 'sleep', 'infinity'] });
    holder.start();
    this.#hosts.set(name, { place, on, holder });
    const own = readlinkSync('/proc/self/ns/net');
    for (const until = performance.now() + holdLimitMs; readlinkSync(`/proc/${holder.pid}/ns/net`) === own; ) {
      if (!holder.running || performance.now() > until) throw new Error(`no network namespace for ${name}: ${holder.log}`);
      await sleep(5);
    }
    const within = (...words: readonly string[]): Promise<unknown> => {
      const { program, args } = this.command(name, { program: 'ip', args: words });
      return run(program, args);
    };
    await within('link', 'set', 'dev', 'lo', 'up');
    for (const network of on) {
      await ip('link', 'add', 'name', portOf(name, network), 'type', 'veth', 'peer', 'name', network, 'netns', String(holder.pid));
      await ip('link', 'set', 'dev', portOf(name, network), 'master', network, 'up');
      await within('address', 'add', `${networks[network]}.${place}/24`, 'dev', network);
      await within('link', 'set', 'dev', network, 'up');
    }
  }

  #host(name: string): Host {
    const host = this.#hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  frontOf(host: string): string {
    return `${networks.front}.${this.#host(host).place}`;
  }

  backOf(host: string): string {
    return `${networks.back}.${this.#host(host).place}`;
  }

  async way(_from: string, to: string, port: number): Promise<string> {
    return `${this.backOf(to)}:${port}`;
  }

  async advertised(): Promise<string | undefined> {
    return undefined;
  }

  /** `nsenter` becomes the program, so signals meet the program itself. */
  command(host: string, { program, args, env }: Command): Command {
    return { program: 'nsenter', args: [`--net=/proc/${this.#host(host).holder.pid}/ns/net`, program, ...args], ...(env !== undefined && { env }) };
  }

  async cut(host: string, how: Cut): Promise<void> {
    // Not by the port's state: the kernel resets that with each change of the link.
    if (how === 'hole') return void (await ip('link', 'set', 'dev', portOf(host, 'back'), 'nomaster'));
    await Promise.all(this.#host(host).on.map((network) => ip('link', 'set', 'dev', portOf(host, network), 'down')));
  }

  async heal(host: string): Promise<void> {
    await Promise.all(this.#host(host).on.map((network) => ip('link', 'set', 'dev', portOf(host, network), 'master', network, 'up')));
  }

  cutText(how: Cut): string {
    return how === 'drop' ? 'cables pulled' : 'NATS network swallows all';
  }

  /** Ends the namespaces once nothing else runs in them, and takes the bridges away. */
  async close(): Promise<void> {
    await Promise.all([...this.#hosts.values()].map(({ holder }) => holder.kill()));
    for (const name of Object.keys(networks)) await ip('link', 'delete', 'dev', name).catch(() => undefined);
  }
}

/** The bridge's end of a host's wire: at most 15 letters. */
function portOf(host: string, network: NetworkName): string {
  return `${host}-${network}`;
}
