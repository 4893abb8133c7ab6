/**
 * `kmipd dev` as a test of another project uses it: spawned, read one line, talked to, and gone without a trace.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { KmipClient } from '../../src/client/client.ts';
import { repositoryRoot } from '../harness/shared-data.ts';

interface Line {
  readonly host: string;
  readonly port: number;
  readonly cert: string;
  readonly key: string;
  readonly ca: string;
  readonly credential: string;
  readonly adminPort: number;
  readonly adminToken: string;
}

async function startDev(): Promise<{ child: ChildProcess; line: Line }> {
  const env = { ...process.env, ...(process.env['CI'] === 'true' ? {} : { KMIPD_FROM_SOURCE: '1' }), KMIPD_DATA: '/nowhere', KMIPD_PORT: '1', KMIPD_ROOT_PASSPHRASE: 'of another node' };
  const child = spawn(path.join(repositoryRoot, 'bin/kmipd'), ['dev'], { env, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit').then(([code]) => assert.fail(`kmipd dev ended with ${code} before it said a word`));
  const [text] = (await Promise.race([once(createInterface({ input: child.stdout! }), 'line'), ended])) as [string];
  ended.catch(() => undefined);
  return { child, line: JSON.parse(text) as Line };
}

test('a server for tests says in one line how to reach it, and is gone when its standard input ends', async () => {
  const { child, line } = await startDev();
  const [certificate, privateKey, authority] = [line.cert, line.key, line.ca].map((file) => readFileSync(file, 'utf8')) as [string, string, string];
  const client = new KmipClient({ host: line.host, port: line.port, certificate, privateKey, authority });
  const { protocolVersion } = await client.discoverVersions({ protocolVersion: [] });
  assert.ok((protocolVersion ?? []).length > 0);
  client.destroyConnection();
  const status = await fetch(`http://${line.host}:${line.adminPort}/v1/status`, { headers: { authorization: `Bearer ${line.adminToken}` } });
  assert.equal(status.status, 200);
  child.stdin!.end();
  const [code] = (await once(child, 'exit')) as [number];
  assert.equal(code, 0);
  assert.equal(existsSync(path.dirname(line.credential)), false);
});

test('a signal ends it as well, and nothing of it is left', async () => {
  const { child, line } = await startDev();
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [number];
  assert.equal(code, 0);
  assert.equal(existsSync(path.dirname(line.credential)), false);
});
