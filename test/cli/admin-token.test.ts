/**
 * `kmipd admin-token` as an operator runs it: a token that was lost, or seen by somebody, is replaced while the node serves.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { kmipd } from '../backup/own-commands.ts';
import type { Ran } from '../backup/own-commands.ts';
import { startServer } from '../harness/server.ts';
import type { RunningServer } from '../harness/server.ts';

const passphrase = 'correct horse battery staple';
let folder: string;
let server: RunningServer;
let tokenFile: string;

before(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'kmipd-token-'));
  server = await startServer({ env: { KMIPD_ROOT_PASSPHRASE: passphrase }, dataFolder: path.join(folder, 'data'), args: ['--workers', '1'] });
  tokenFile = path.join(server.dataFolder, 'bootstrap', 'admin-token');
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

const run = (command: string, env: Record<string, string> = {}, ...more: string[]): Promise<Ran> => kmipd([command, '--data', server.dataFolder, '--admin-port', String(server.adminPort), ...more], env);
const tokenNow = (): string => readFileSync(tokenFile, 'utf8').trim();

test('a lost admin token is replaced by who has the root key, while the node serves', async () => {
  const lost = tokenNow();
  rmSync(tokenFile);
  const without = await run('status');
  assert.equal(without.code, 1);
  assert.match(without.stderr, /kmipd admin-token/);
  const nobody = await run('admin-token');
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /E_ADMIN_TOKEN/);
  const wrong = await run('admin-token', { KMIPD_ROOT_PASSPHRASE: 'another horse battery' });
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /root key of this server.*E_TOKEN/);
  assert.deepEqual(readdirSync(path.dirname(tokenFile)).filter((name) => name.includes('token')), [], 'a token that was not taken is not left behind');

  const made = await run('admin-token', { KMIPD_ROOT_PASSPHRASE: passphrase });
  assert.equal(made.code, 0, made.stderr);
  assert.ok(!(made.stdout + made.stderr).includes(tokenNow()), 'the token is not printed');
  assert.equal(statSync(tokenFile).mode & 0o777, 0o600);
  assert.equal((await run('status')).code, 0);
  const old = path.join(folder, 'old-token');
  writeFileSync(old, lost);
  assert.match((await run('status', {}, '--token', old)).stderr, /E_TOKEN/);
});

test('without the root key at hand the token as it is does, and the one before is of no use', async () => {
  const before = tokenNow();
  const made = await run('admin-token');
  assert.equal(made.code, 0, made.stderr);
  assert.notEqual(tokenNow(), before);
  assert.equal((await run('status')).code, 0);
  const old = path.join(folder, 'old-token');
  writeFileSync(old, before);
  assert.match((await run('admin-token', {}, '--token', old)).stderr, /E_TOKEN/);
  assert.equal(readFileSync(old, 'utf8'), before, 'what was refused changed no file');
});
