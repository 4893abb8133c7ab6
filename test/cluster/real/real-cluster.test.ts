/**
 * A cluster of real processes under load through a balancer: its primary is killed, and nothing that was acknowledged may be lost. One
 * short round; `npm run demo:cluster` plays more of them.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { clusterMissing } from './real-cluster.ts';

const limitMs = 150_000;

async function demo(...args: string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'demo.ts'), ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: limitMs, killSignal: 'SIGTERM' });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

test('a cluster whose primary is killed under load loses no acknowledged write and uses no revoked key', { skip: clusterMissing() }, async () => {
  const { code, output } = await demo('--rounds', '1', '--seconds-per-round', '5', '--clients', '6');
  assert.equal(code, 0, output);
  const last = /rounds 1, acknowledged (\d+), lost 0, stale 0, failed-encrypts \d+, write-failover-median-ms (\d+)\n$/.exec(output);
  assert.ok(last, output);
  assert.ok(Number(last[1]) > 20, `so few writes prove nothing: ${output}`);
  assert.ok(Number(last[2]) > 0 && Number(last[2]) < 15_000, `the failover took too long even for a busy machine: ${output}`);
});

test('a write that is missing in the end turns the verdict', { skip: clusterMissing() }, async () => {
  const { code, output } = await demo('--alone', '--rounds', '0', '--clients', '4', '--lie', 'lost');
  assert.equal(code, 1, output);
  assert.match(output, /is lost: the key is absent/);
  const folder = /data and logs are kept in (\S+)/.exec(output)?.[1];
  if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
});
