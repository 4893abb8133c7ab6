/**
 * The commands as a person runs them: every one of them as a process of its own, against a real node.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { createCipheriv, randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startServer } from '../harness/server.ts';
import type { RunningServer } from '../harness/server.ts';
import { repositoryRoot } from '../harness/shared-data.ts';

let server: RunningServer;
let folder: string;

before(async () => {
  server = await startServer({ args: ['--workers', '1'] });
  folder = mkdtempSync(path.join(tmpdir(), 'kmipd-cli-'));
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function kmipd(...argumentList: string[]): Promise<Ran> {
  const env = {
    ...process.env,
    ...(process.env['CI'] === 'true' ? {} : { KMIPD_FROM_SOURCE: '1' }),
    KMIPD_DATA: server.dataFolder,
    KMIPD_SERVER: `127.0.0.1:${server.port}`,
    KMIPD_ADMIN_PORT: String(server.adminPort),
  };
  return new Promise((resolve) => {
    execFile(path.join(repositoryRoot, 'bin/kmipd'), argumentList, { env, encoding: 'utf8' }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr });
    });
  });
}

async function good(...argumentList: string[]): Promise<string> {
  const ran = await kmipd(...argumentList);
  assert.equal(ran.code, 0, `kmipd ${argumentList.join(' ')}: ${ran.stderr}`);
  return ran.stdout.trim();
}

const inFolder = (name: string): string => path.join(folder, name);

test('a key is created, shown, activated, revoked and destroyed by commands', async () => {
  const key = await good('key', 'create', '--name', 'disk one', '--bits', '128', '--group', 'disks');
  assert.match(await good('key', 'list', '--name', 'disk one'), new RegExp(`${key} .*PreActive .*AES .*128 .*disk one`));
  assert.match(await good('key', 'activate', key), /is Active/);
  const shown = await good('key', 'show', key);
  assert.match(shown, /CryptographicUsageMask +Encrypt Decrypt/);
  assert.match(shown, /ObjectGroup +disks/);
  const early = await kmipd('key', 'destroy', key);
  assert.equal(early.code, 1);
  assert.match(early.stderr, /^kmipd: Destroy failed: /);
  assert.match(await good('key', 'revoke', key, '--reason', 'compromised', '--message', 'left on a train'), /is Compromised/);
  assert.match(await good('key', 'destroy', key), /gone for good/);
  assert.doesNotMatch(await good('key', 'list'), new RegExp(key));
});

test('a file of several segments comes back as it was, and a failure leaves no half file', async () => {
  const key = await good('key', 'create', '--activate');
  writeFileSync(inFolder('plain'), randomBytes(700_001));
  await good('encrypt', key, '--in', inFolder('plain'), '--out', inFolder('sealed'));
  await good('decrypt', '--in', inFolder('sealed'), '--out', inFolder('opened'));
  assert.deepEqual(readFileSync(inFolder('opened')), readFileSync(inFolder('plain')));
  assert.equal(statSync(inFolder('sealed')).mode & 0o777, 0o600);
  const sealed = readFileSync(inFolder('sealed'));
  sealed[600_000]! ^= 1;
  writeFileSync(inFolder('damaged'), sealed);
  assert.equal((await kmipd('decrypt', '--in', inFolder('damaged'), '--out', inFolder('never'))).code, 1);
  assert.deepEqual(readdirSync(folder).filter((name) => name.startsWith('never')), []);
});

test('with --mode the ciphertext is what node:crypto would have written', async () => {
  const key = await good('key', 'create', '--activate');
  const text = randomBytes(300_000);
  writeFileSync(inFolder('text'), text);
  const iv = randomBytes(16);
  await good('encrypt', key, '--mode', 'cbc', '--iv', iv.toString('hex'), '--in', inFolder('text'), '--out', inFolder('cbc'));
  await good('decrypt', key, '--mode', 'cbc', '--iv', iv.toString('hex'), '--in', inFolder('cbc'), '--out', inFolder('text.again'));
  assert.deepEqual(readFileSync(inFolder('text.again')), text);
  const material = Buffer.from(randomBytes(32));
  assert.notDeepEqual(createCipheriv('aes-256-cbc', material, iv).update(text).subarray(0, 16), readFileSync(inFolder('cbc')).subarray(0, 16));
  const unnamed = await kmipd('decrypt', '--mode', 'cbc', '--in', inFolder('cbc'));
  assert.equal(unnamed.code, 2);
  assert.match(unnamed.stderr, /has to be named/);
});

test('a credential of a new scope sees nothing of another, and stops working when revoked', async () => {
  await good('key', 'create', '--name', 'of default');
  const made = await good('credential', 'generate', '--scope', 'tenant-a', '--role', 'app', '--create', '--out', inFolder('tenant-a'));
  const fingerprint = /fingerprint ([0-9a-f]{64})/.exec(made)?.[1] ?? '';
  assert.equal(statSync(inFolder('tenant-a/key.pem')).mode & 0o777, 0o600);
  assert.doesNotMatch(await good('key', 'list', '--credential', inFolder('tenant-a')), /of default/);
  await good('key', 'create', '--name', 'of tenant a', '--credential', inFolder('tenant-a'));
  assert.doesNotMatch(await good('key', 'list'), /of tenant a/);
  assert.match(await good('credential', 'list', '--scope', 'tenant-a'), new RegExp(`${fingerprint} +tenant-a +app`));
  await good('credential', 'revoke', fingerprint);
  assert.equal((await kmipd('key', 'list', '--credential', inFolder('tenant-a'))).code, 1);
});

test('scopes and roles are made and listed, and a role without a permission may not', async () => {
  await good('scope', 'create', 'tenant-b');
  assert.match(await good('scope', 'list'), /tenant-b/);
  await good('role', 'create', 'tenant-b', 'reader', '--permission', 'operation_get', 'operation_locate');
  assert.match(await good('role', 'list', 'tenant-b'), /reader +operation_get operation_locate/);
  await good('credential', 'generate', '--scope', 'tenant-b', '--role', 'reader', '--out', inFolder('tenant-b'));
  const refused = await kmipd('key', 'create', '--credential', inFolder('tenant-b'));
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /Create failed/);
  assert.match(await good('status'), /phase +serving/);
});

test('dump shows a message as text and keeps its secrets, unless asked', async () => {
  const message = '420078 01 00000038 | 420079 01 00000030 | 4200a1 07 00000004 4a6f686e00000000 | 4200a1 07 00000008 68756e7465723221';
  writeFileSync(inFolder('message.hex'), message.replaceAll('00000038', '00000028').replaceAll('00000030', '00000020'));
  const shown = await good('dump', inFolder('message.hex'));
  assert.match(shown, /Password/);
  assert.doesNotMatch(shown, /hunter2!/);
  assert.match(await good('dump', '--secrets', inFolder('message.hex')), /hunter2!/);
  assert.equal((await kmipd('dump', inFolder('plain'))).code, 1);
});

test('wrong calls say what is wrong and end with 2, a missing server with 1', async () => {
  assert.equal((await kmipd('key', 'create', '--bits', '100')).code, 2);
  assert.equal((await kmipd('nothing')).code, 2);
  const nobody = await kmipd('key', 'list', '--server', '127.0.0.1:1');
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /127\.0\.0\.1:1/);
  assert.match((await kmipd('key', 'list', '--credential', inFolder('nowhere'))).stderr, /cannot read .*cert\.pem/);
  const noNode = await kmipd('status', '--admin-port', '2');
  assert.equal(noNode.code, 1);
  assert.match(noNode.stderr, /no node answers at .*ECONNREFUSED/);
  assert.equal((await kmipd('status', '--admin-port', 'x')).code, 2);
  assert.equal((await kmipd('key', 'list', '--protocol', '2.2')).code, 2);
});

test('who reads the output may stop reading, and an output that cannot be written is a failure', { skip: process.platform !== 'linux' && 'needs /dev/full' }, async () => {
  const run = promisify(execFile);
  const command = path.join(repositoryRoot, 'bin/kmipd');
  const shell = (line: string): Promise<{ stdout: string; stderr: string }> => run('bash', ['-o', 'pipefail', '-c', line], { env: { ...process.env, COMMAND: command } });
  assert.equal((await shell('"$COMMAND" load --help | head -n 1')).stderr, '');
  await assert.rejects(shell('"$COMMAND" load --help > /dev/full'), (error: { code: number; stderr: string }) => error.code === 1 && /standard output cannot be written/.test(error.stderr));
});

test('a file that is not there ends a command with one line', async () => {
  const key = await good('key', 'create', '--activate');
  for (const argumentList of [['encrypt', key, '--in', inFolder('nothing'), '--out', inFolder('x')], ['encrypt', key, '--in', inFolder('.'), '--out', inFolder('x')], ['decrypt', '--in', inFolder('nothing')], ['dump', inFolder('nothing')]]) {
    const ran = await kmipd(...argumentList);
    assert.equal(ran.code, 1);
    assert.match(ran.stderr, /^kmipd: (ENOENT|EISDIR)[^\n]*\n$/);
  }
});

test('no credential is made where its files cannot be written; new files are private whatever was there before', async () => {
  writeFileSync(inFolder('occupied'), '');
  const before = await good('credential', 'list');
  const ran = await kmipd('credential', 'generate', '--scope', 'default', '--role', 'admin', '--out', inFolder('occupied'));
  assert.equal(ran.code, 1);
  assert.match(ran.stderr, /^kmipd: EEXIST[^\n]*\n$/);
  assert.equal(await good('credential', 'list'), before);
  writeFileSync(inFolder('key.pem'), 'old', { mode: 0o644 });
  await good('credential', 'generate', '--scope', 'default', '--role', 'admin', '--out', folder);
  assert.equal(statSync(inFolder('key.pem')).mode & 0o777, 0o600);
});
