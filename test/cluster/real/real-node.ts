/**
 * One kmipd process of the cluster under test: how it is started, and what its admin port says of it.
 */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { repositoryRoot } from '../../harness/shared-data.ts';
import { OwnProcess } from './own-process.ts';
import type { Command } from './own-process.ts';

/** As test/harness does it: the source while developing, in a pipeline what was built. */
const fromSource: Readonly<Record<string, string>> = process.env['CI'] === 'true' ? {} : { KMIPD_FROM_SOURCE: '1' };
const adminTimeoutMs = 2_000;

export interface NodePlace {
  readonly name: string;
  /** Where it listens; 127.0.0.1 if absent. */
  readonly host?: string;
  readonly port: number;
  readonly adminPort: number;
  readonly folder: string;
  /** Of the server's root key, the same on all nodes, in hexadecimal. Made for one run. */
  readonly rootKey: string;
  /** Undefined: a node alone, without a cluster. */
  readonly cluster: { readonly name: string; readonly urls: readonly string[] } | undefined;
  readonly arguments: readonly string[];
  /** Its command as it is run where it is to run. */
  readonly wrap?: (command: Command) => Command;
}

export interface ClientCredential {
  readonly certificate: string;
  readonly privateKey: string;
  readonly authority: string;
}

export class RealNode {
  readonly place: NodePlace;
  readonly process: OwnProcess;
  #token = '';

  constructor(place: NodePlace) {
    this.place = place;
    const { name, port, adminPort, rootKey, cluster } = place;
    const member = cluster === undefined ? [] : ['--cluster', cluster.name, '--nats', cluster.urls.join(','), '--node', name];
    const command: Command = {
      program: path.join(repositoryRoot, 'bin/kmipd'),
      args: ['serve', '--data', this.dataFolder, '--host', this.host, '--port', String(port), '--admin-host', this.host, '--admin-port', String(adminPort), '--workers', '1', ...member, ...place.arguments],
      env: { ...fromSource, KMIPD_ROOT_KEY: rootKey },
    };
    this.process = new OwnProcess(name, path.join(place.folder, `${name}.log`), place.wrap?.(command) ?? command);
  }

  get name(): string {
    return this.place.name;
  }

  get host(): string {
    return this.place.host ?? '127.0.0.1';
  }

  get dataFolder(): string {
    return path.join(this.place.folder, `${this.place.name}-data`);
  }

  async ready(): Promise<boolean> {
    return (await this.get('/readyz').catch(() => undefined))?.status === 200;
  }

  /** Why it is not ready, in its own words. */
  async readiness(): Promise<string> {
    return this.get('/readyz').then(({ body }) => body.trim(), (error: Error) => error.message);
  }

  async waitReady(limitMs: number): Promise<void> {
    const until = performance.now() + limitMs;
    while (!(await this.ready())) {
      if (!this.process.running) throw new Error(`${this.name} ended with ${this.process.ended}; its log is ${this.process.logFile}`);
      if (performance.now() > until) throw new Error(`${this.name} was not ready within ${limitMs} ms (${await this.readiness()}; ${JSON.stringify(await this.membership())}); its log is ${this.process.logFile}`);
      await sleep(50);
    }
  }

  /** The `cluster` part of /v1/status; undefined where there is none, or no answer. */
  async membership(): Promise<Readonly<Record<string, unknown>> | undefined> {
    const answer = await this.get('/v1/status', true).catch(() => undefined);
    if (answer?.status !== 200) return undefined;
    return (JSON.parse(answer.body) as { cluster?: Readonly<Record<string, unknown>> }).cluster;
  }

  /** Sum of a metric's samples whose labels fit, by /metrics. */
  async metric(name: string, labels = ''): Promise<number> {
    const { body } = await this.get('/metrics');
    let sum = 0;
    for (const line of body.split('\n')) {
      if (line.startsWith(`${name} `) || (line.startsWith(`${name}{`) && line.includes(labels))) sum += Number(line.slice(line.lastIndexOf(' ') + 1));
    }
    return sum;
  }

  get(url: string, withToken = false): Promise<{ readonly status: number; readonly body: string }> {
    return new Promise((resolve, reject) => {
      const headers = withToken ? { authorization: `Bearer ${this.#token}` } : {};
      const call = request({ host: this.host, port: this.place.adminPort, path: url, headers, agent: false, timeout: adminTimeoutMs }, (answer) => {
        let body = '';
        answer.setEncoding('utf8').on('data', (text: string) => (body += text));
        answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body }));
        answer.on('error', reject);
      });
      call.on('timeout', () => call.destroy(new Error(`${url}: no answer within ${adminTimeoutMs} ms`)));
      call.on('error', reject);
      call.end();
    });
  }

  /** The credential of the first start, where it was this node that made it. */
  bootstrap(): ClientCredential | undefined {
    const file = (name: string): string => path.join(this.dataFolder, 'bootstrap', name);
    if (!['ca.pem', 'cert.pem', 'key.pem'].every((name) => existsSync(file(name)))) return undefined;
    return { authority: readFileSync(file('ca.pem'), 'utf8'), certificate: readFileSync(file('cert.pem'), 'utf8'), privateKey: readFileSync(file('key.pem'), 'utf8') };
  }

  /** Asks with the token that another node made, as all nodes of a cluster take the same. */
  shareToken(maker: RealNode): void {
    this.#token = readFileSync(path.join(maker.dataFolder, 'bootstrap', 'admin-token'), 'utf8').trim();
  }

  emptyData(): void {
    rmSync(this.dataFolder, { recursive: true, force: true });
  }
}
