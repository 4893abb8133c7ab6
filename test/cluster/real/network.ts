/**
 * The harness's side of the network: opens links and the balancer, cuts and heals links by name.
 */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import path from 'node:path';
import type { BalancedServer, Cut, Order, Report } from './network-orders.ts';

export class Network {
  readonly #process: ChildProcess;
  #last: Promise<unknown> = Promise.resolve();

  constructor() {
    this.#process = fork(path.join(import.meta.dirname, 'network-process.ts'), { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    process.on('exit', () => this.#process.kill('SIGKILL'));
  }

  link(name: string, port: number, target: number): Promise<number> {
    return this.#ask({ kind: 'link', name, port, target });
  }

  balancer(port: number, servers: readonly BalancedServer[]): Promise<number> {
    return this.#ask({ kind: 'balancer', port, servers });
  }

  async cut(names: readonly string[], how: Cut): Promise<void> {
    await this.#ask({ kind: 'cut', names, how });
  }

  async heal(names: readonly string[]): Promise<void> {
    await this.#ask({ kind: 'heal', names });
  }

  close(): void {
    this.#process.kill('SIGKILL');
  }

  /** One order at a time; gives the port that it opened. */
  #ask(order: Order): Promise<number> {
    const asked = this.#last.then(
      () =>
        new Promise<number>((resolve, reject) => {
          this.#process.once('message', (report: Report) => (report.error === undefined ? resolve(report.port) : reject(new Error(`the network's ${order.kind}: ${report.error}`))));
          this.#process.send(order);
        }),
    );
    this.#last = asked.catch(() => undefined);
    return asked;
  }
}
