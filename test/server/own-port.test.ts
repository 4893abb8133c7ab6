/**
 * Ports of a node: one that the system chose is nobody else's until the workers have it.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { Server, Socket } from 'node:net';
import { test } from 'node:test';
import { Fault } from '../../src/fault.ts';
import { canSharePorts, takePort } from '../../src/server/own-port.ts';

const host = '127.0.0.1';

async function listening(port: number, reusePort: boolean): Promise<Server> {
  const server = createServer();
  server.listen({ host, port, reusePort });
  await once(server, 'listening');
  return server;
}

test('a free port is held until the workers listen on it, and then all clients are theirs', { skip: !canSharePorts && 'ports are not shared here' }, async () => {
  const own = await takePort(host, 0);
  await assert.rejects(listening(own.port, false), /EADDRINUSE/);
  const worker = await listening(own.port, true);
  await own.release();
  for (let count = 0; count < 20; count += 1) {
    const arrived = once(worker, 'connection') as Promise<[Socket]>;
    const client = connect(own.port, host);
    (await arrived)[0].destroy();
    client.destroy();
  }
  worker.close();
});

test('a port that was asked for is proved free, and not held', async () => {
  const { port, release } = await takePort(host, 0);
  await assert.rejects(takePort(host, port), (error) => error instanceof Fault && error.code === 'E_LISTEN');
  await release();
  assert.equal((await takePort(host, port)).port, port);
  (await listening(port, false)).close();
});
