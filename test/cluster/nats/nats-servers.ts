/**
 * Real nats-server processes for tests: one, or three as a cluster, each with JetStream and a data folder of its own.
 *
 * Invariant: every server is stopped by its process id, also when a test fails or paused it, and its folder is removed.
 * Where nats-server is not installed the tests say so and are skipped; in CI they fail.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, closeSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const program = process.env['NATS_SERVER'] ?? 'nats-server';

/** The reason to skip, or false. */
export function natsMissing(): string | false {
  const found = spawnSync(program, ['--version']).status === 0;
  assert.ok(found || process.env['CI'] !== 'true', 'CI needs nats-server (Debian package nats-server)');
  return found ? false : 'nats-server is not installed (Debian package nats-server)';
}

export class NatsServer {
  readonly url: string;
  readonly #folder: string;
  #process: ChildProcess | undefined;

  constructor(url: string, folder: string) {
    this.url = url;
    this.#folder = folder;
  }

  /** What it has written to its log. */
  get output(): string {
    return readFileSync(path.join(this.#folder, 'log'), 'utf8');
  }

  async start(): Promise<void> {
    const log = openSync(path.join(this.#folder, 'log'), 'a');
    const child = spawn(program, ['-c', path.join(this.#folder, 'server.conf')], { stdio: ['ignore', log, log] });
    closeSync(log);
    this.#process = child;
    const port = Number(this.url.split(':').at(-1));
    for (let attempt = 0; ; attempt += 1) {
      const socket = connect(port, '127.0.0.1');
      const open = await Promise.race([once(socket, 'connect').then(() => true, () => false), sleep(500, false)]);
      socket.destroy();
      if (open) return;
      assert.ok(child.exitCode === null && attempt < 100, `nats-server does not start: ${this.output}`);
      await sleep(50);
    }
  }

  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  /** kill -9. */
  async kill(): Promise<void> {
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}

export interface NatsServers extends AsyncDisposable {
  readonly servers: readonly NatsServer[];
  readonly urls: readonly string[];
  readonly folder: string;
}

/** `settings` is put into each server's configuration: authorization, TLS. */
export async function startNats(count: 1 | 3, settings: (folder: string) => string = () => '', scheme: 'nats' | 'tls' = 'nats'): Promise<NatsServers> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'kmipd-nats-'));
  const ports = await freePorts(count * 2);
  const routes = ports.slice(count).map((port) => `nats-route://127.0.0.1:${port}`);
  const servers = Array.from({ length: count }, (_, index) => {
    const own = path.join(folder, `server-${index}`);
    const data = path.join(own, 'data');
    const cluster = count === 1 ? '' : `cluster { name: test, listen: "127.0.0.1:${ports[count + index]}", routes: ${JSON.stringify(routes)} }`;
    spawnSync('mkdir', ['-p', data]);
    writeFileSync(path.join(own, 'server.conf'), `server_name: s${index}\nlisten: "127.0.0.1:${ports[index]}"\njetstream { store_dir: ${JSON.stringify(data)}, max_file: 1G, max_mem: 64M }\n${cluster}\n${settings(folder)}\n`);
    // A certificate is checked against a name, never against an address.
    return new NatsServer(`${scheme}://${scheme === 'tls' ? 'localhost' : '127.0.0.1'}:${ports[index]}`, own);
  });
  await Promise.all(servers.map((server) => server.start()));
  return {
    servers,
    urls: servers.map(({ url }) => url),
    folder,
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server.kill()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function freePorts(count: number): Promise<number[]> {
  const listeners = await Promise.all(
    Array.from({ length: count }, async () => {
      const listener = createServer().listen(0, '127.0.0.1');
      await once(listener, 'listening');
      return listener;
    }),
  );
  const ports = listeners.map((listener) => (listener.address() as AddressInfo).port);
  await Promise.all(listeners.map((listener) => once(listener.close(), 'close')));
  return ports;
}
