/**
 * `bin/kmipd` as a process: the shell script becomes Node, so its process id is the server's; links to it work; wrong
 * options and ports in use end with words, not with traces.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { startServer } from '../harness/server.ts';
import { repositoryRoot } from '../harness/shared-data.ts';

const folder = mkdtempSync(join(tmpdir(), 'kmipd-command-'));
after(() => rmSync(folder, { recursive: true }));
const command = join(repositoryRoot, 'bin/kmipd');

test('the process is Node itself, says it is ready, serves metrics, and SIGTERM ends it with code 0', async () => {
  await using server = await startServer();
  assert.match(readFileSync(`/proc/${server.pid}/cmdline`, 'utf8'), /node\0.*cli\/main\.[jt]s\0serve/s);
  assert.match(server.log(), /First start/);
  const metrics = await server.admin('GET', '/metrics', undefined, false);
  assert.equal(metrics.status, 200);
  assert.match(metrics.body, /^kmipd_build_info\{/m);
  const live = await server.connect();
  const began = performance.now();
  assert.equal(await server.stop(), 0);
  assert.ok(performance.now() - began < 3000, 'an idle connection does not hold up the end');
  assert.equal(await live.closed, undefined);
});

test('a link to the command works from anywhere', () => {
  symlinkSync(command, join(folder, 'first'));
  symlinkSync('first', join(folder, 'second'));
  assert.match(execFileSync(join(folder, 'second'), ['--version'], { cwd: '/', encoding: 'utf8' }), /^\d+\.\d+\.\d+\n$/);
  const help = execFileSync(join(folder, 'second'), ['serve', '--help'], { cwd: '/', encoding: 'utf8' });
  for (const flag of ['--data <DIR>', '--host <H>', '--port <N>', '--admin-port <N>', '--workers <N>', '--config <FILE>', '--crypto <WHERE>', '--cluster <NAME>', '--nats', '--node <ID>', '--server-name <NAME>']) assert.ok(help.includes(flag), flag);
});

test('a wrong option ends with code 2 and one line that helps', () => {
  for (const [args, words] of [[['--port', 'x'], /--port is "x"/], [['--cluster', 'c'], /--cluster needs --nats/], [['--nonsense'], /unknown option/]] as const) {
    const { status, stderr } = spawnSync(command, ['serve', '--data', folder, ...args], { encoding: 'utf8' });
    assert.equal(status, 2, stderr);
    assert.match(stderr, words);
    assert.equal(stderr.trim().split('\n').length, 1);
  }
});

test('a second server on the same port is refused, though workers share ports', async () => {
  await using server = await startServer();
  const data = join(folder, 'second-data');
  const { status, stderr } = spawnSync(command, ['serve', '--data', data, '--host', '127.0.0.1', '--port', String(server.port), '--admin-port', '0'], { encoding: 'utf8', timeout: 20_000 });
  assert.equal(status, 1, stderr);
  assert.match(stderr, /cannot listen on 127\.0\.0\.1, port \d+.*E_LISTEN/);
});

test('a second server on the same data is refused', async () => {
  await using server = await startServer();
  const { status, stderr } = spawnSync(command, ['serve', '--data', server.dataFolder, '--host', '127.0.0.1', '--port', '0', '--admin-port', '0'], { encoding: 'utf8', timeout: 20_000 });
  assert.equal(status, 1, stderr);
  assert.match(stderr, /E_STORE_OPEN/);
});

test('a signal that comes twice at once, as through npm or a supervisor, still stops in order', async () => {
  const server = await startServer();
  const live = await server.connect();
  process.kill(server.pid, 'SIGTERM');
  process.kill(server.pid, 'SIGINT');
  assert.equal(await server.stop(), 0);
  assert.equal(await live.closed, undefined);
});

test('npm start hands a signal on to the server and ends with its code', async () => {
  const data = join(folder, 'npm-data');
  const npm = spawn('npm', ['start', '--silent', '--', '--data', data, '--host', '127.0.0.1', '--port', '0', '--admin-port', '0'], { cwd: repositoryRoot, stdio: ['ignore', 'pipe', 'pipe'] });
  let told = '';
  npm.stdout.setEncoding('utf8').on('data', (text: string) => { told += text; });
  npm.stderr.setEncoding('utf8').on('data', (text: string) => { told += text; });
  const ended = once(npm, 'exit');
  while (!told.includes('"Ready."')) {
    assert.equal(npm.exitCode, null, told);
    await pause(50);
  }
  npm.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null], told);
  assert.match(told, /"Stopped\."/);
});

test('a data folder that cannot be made or written ends the start with one line', () => {
  const file = join(folder, 'a-file');
  writeFileSync(file, '');
  for (const data of [file, join(file, 'below')]) {
    const { status, stderr } = spawnSync(command, ['serve', '--data', data, '--port', '0', '--admin-port', '0'], { encoding: 'utf8', timeout: 20_000 });
    assert.equal(status, 1, stderr);
    assert.match(stderr, /^kmipd: The folder .* cannot be made\. .*E_DATA_FOLDER\]\n$/);
  }
});
