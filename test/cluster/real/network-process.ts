/**
 * The network of a cluster on one machine, as a process of its own: a relay for each link that a fault may cut, and where
 * HAProxy is not installed the balancer. The harness orders it about over the channel that `fork` gives.
 *
 * A link that is cut drops its connections and takes no new ones, or is a black hole: connections stand, nothing passes, and what
 * was on its way arrives when it heals, as after TCP's own resending.
 */
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import type { AddressInfo, Socket } from 'node:net';
import { healthCheck } from './network-orders.ts';
import type { BalancedServer, Cut, Order, Report } from './network-orders.ts';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
}

function join(client: Socket, server: Socket): void {
  client.setNoDelay(true);
  server.setNoDelay(true);
  client.pipe(server);
  server.pipe(client);
  for (const [end, other] of [[client, server], [server, client]] as const) {
    end.on('error', () => undefined);
    end.on('close', () => other.destroy());
  }
}

/** One relay: a port of ours, and where it leads. */
class Link {
  readonly #target: number;
  readonly #pairs = new Set<Pair>();
  #cut: Cut | undefined;

  constructor(target: number) {
    this.#target = target;
  }

  take(client: Socket): void {
    if (this.#cut === 'drop') return void client.destroy();
    const server = connect(this.#target, '127.0.0.1');
    const pair = { client, server };
    this.#pairs.add(pair);
    client.once('close', () => this.#pairs.delete(pair));
    join(client, server);
    if (this.#cut === 'hole') hold(pair);
  }

  cut(how: Cut): void {
    this.#cut = how;
    for (const pair of this.#pairs) {
      if (how === 'drop') pair.client.destroy();
      else hold(pair);
    }
  }

  heal(): void {
    this.#cut = undefined;
    for (const { client, server } of this.#pairs) {
      client.pipe(server);
      server.pipe(client);
    }
  }
}

function hold({ client, server }: Pair): void {
  client.unpipe(server).pause();
  server.unpipe(client).pause();
}

interface JudgedServer extends BalancedServer {
  failures: number;
  ready: boolean;
  readonly clients: Set<Socket>;
}

/** Round robin over the servers whose check passes; a server that fails its check loses its connections too. */
class Balancer {
  readonly #servers: readonly JudgedServer[];
  #next = 0;

  constructor(servers: readonly BalancedServer[]) {
    this.#servers = servers.map((server) => ({ ...server, failures: 0, ready: false, clients: new Set() }));
    for (const server of this.#servers) setInterval(() => this.#check(server), healthCheck.everyMs);
  }

  take(client: Socket, attempts = this.#servers.length): void {
    client.on('error', () => undefined);
    const server = this.#pick();
    if (server === undefined || attempts === 0) return void client.destroy();
    const link = connect(server.port, server.host);
    link.once('error', () => {
      if (!client.destroyed && link.connecting === false && link.bytesRead === 0 && client.bytesRead === 0) this.take(client, attempts - 1);
      else client.destroy();
    });
    link.once('connect', () => {
      link.removeAllListeners('error');
      server.clients.add(client);
      client.once('close', () => server.clients.delete(client));
      join(client, link);
      if (client.destroyed) link.destroy();
    });
  }

  #pick(): JudgedServer | undefined {
    for (let step = 0; step < this.#servers.length; step += 1) {
      this.#next = (this.#next + 1) % this.#servers.length;
      if (this.#servers[this.#next]!.ready) return this.#servers[this.#next];
    }
    return undefined;
  }

  #check(server: JudgedServer): void {
    const judge = (passed: boolean): void => {
      server.failures = passed ? 0 : server.failures + 1;
      if (passed) server.ready = true;
      if (server.failures < healthCheck.fall) return;
      server.ready = false;
      for (const client of server.clients) client.destroy();
    };
    const call = request({ host: server.host, port: server.adminPort, path: '/readyz', agent: false, timeout: healthCheck.timeoutMs }, (answer) => {
      answer.resume();
      judge(answer.statusCode === 200);
    });
    call.once('timeout', () => call.destroy(new Error('no answer')));
    call.once('error', () => judge(false));
    call.end();
  }
}

const links = new Map<string, Link>();
const report = (message: Report): void => void process.send!(message);

/** Listens on a free port, or on the one that is asked for, and says which it is. */
function open(order: string, port: number, take: (client: Socket) => void): void {
  const listener = createServer(take);
  listener.once('error', (error) => report({ order, port: 0, error: error.message }));
  listener.listen(port, '127.0.0.1', () => report({ order, port: (listener.address() as AddressInfo).port }));
}

process.on('message', (order: Order) => {
  switch (order.kind) {
    case 'link': {
      const link = new Link(order.target);
      links.set(order.name, link);
      return open(order.name, order.port, (client) => link.take(client));
    }
    case 'balancer': {
      const balancer = new Balancer(order.servers);
      return open('balancer', order.port, (client) => balancer.take(client));
    }
    case 'cut':
      for (const name of order.names) links.get(name)!.cut(order.how);
      return report({ order: 'cut', port: 0 });
    case 'heal':
      for (const name of order.names) links.get(name)!.heal();
      return report({ order: 'heal', port: 0 });
    default:
      order satisfies never;
  }
});
process.on('disconnect', () => process.exit(0));
