/**
 * Where the processes of a cluster under test run, and how one of them is cut off.
 *
 *   loopback     all on 127.0.0.1; each way to and between nats-servers is a relay that closes its connections, or holds them
 *   namespaces   a network namespace for each, with wires of its own (namespace-hosts.ts): packets vanish, and nothing says so
 *
 * Clients and the balancer are where the harness is. Loads and verdicts do not know which of the two it is.
 */
import { freePort } from '../../harness/server.ts';
import type { Network } from './network.ts';
import type { Cut } from './network-orders.ts';
import type { Command } from './own-process.ts';

export const networkKinds = ['loopback', 'namespaces'] as const;
export type NetworkKind = (typeof networkKinds)[number];

export interface Hosts {
  /** The address at which the harness, clients and the balancer reach a host. */
  frontOf(host: string): string;
  /** The address at which nats-servers listen. */
  backOf(host: string): string;
  /** `address:port` at which `from` reaches a port of the nats-server on `to`. */
  way(from: string, to: string, port: number): Promise<string>;
  /** What nats-servers tell each other instead of their own route addresses; undefined: those. */
  advertised(): Promise<string | undefined>;
  /** The command as it is run on that host. */
  command(host: string, command: Command): Command;
  cut(host: string, how: Cut): Promise<void>;
  heal(host: string): Promise<void>;
  /** A cut in words. */
  cutText(how: Cut): string;
  close(): Promise<void>;
}

const loopback = '127.0.0.1';

export class LoopbackHosts implements Hosts {
  readonly #network: Network;
  readonly #links: boolean;
  readonly #linksOf = new Map<string, readonly string[]>();

  /** Without `links` nothing can be cut, and no relay copies every message. */
  constructor(network: Network, links: boolean) {
    this.#network = network;
    this.#links = links;
  }

  frontOf(): string {
    return loopback;
  }

  backOf(): string {
    return loopback;
  }

  async way(from: string, to: string, port: number): Promise<string> {
    if (!this.#links) return `${loopback}:${port}`;
    const name = `${from}-${to}-${port}`;
    for (const end of [from, to]) this.#linksOf.set(end, [...(this.#linksOf.get(end) ?? []), name]);
    return `${loopback}:${await this.#network.link(name, await freePort(), port)}`;
  }

  /** One where nobody listens, so that servers keep to their links. */
  async advertised(): Promise<string | undefined> {
    return this.#links ? `${loopback}:${await freePort()}` : undefined;
  }

  command(_host: string, command: Command): Command {
    return command;
  }

  cut(host: string, how: Cut): Promise<void> {
    return this.#network.cut(this.#linksOf.get(host) ?? [], how);
  }

  heal(host: string): Promise<void> {
    return this.#network.heal(this.#linksOf.get(host) ?? []);
  }

  cutText(how: Cut): string {
    return how === 'drop' ? 'links dropped' : 'links swallow all';
  }

  async close(): Promise<void> {
    // The relays end with their process.
  }
}
