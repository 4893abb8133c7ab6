/**
 * The files of deploy/ as their own programs judge them, where those are installed, and against what they have to agree with.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../harness/server.ts';
import { repositoryRoot } from '../../harness/shared-data.ts';
import { haproxyProgram, isInstalled, natsProgram, writeHaproxyConfiguration, writeNatsConfiguration } from './deploy-files.ts';
import { healthCheck } from './network-orders.ts';
import { OwnProcess } from './own-process.ts';

const folder = mkdtempSync(path.join(os.tmpdir(), 'kmipd-deploy-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => path.join(repositoryRoot, 'deploy', name);

function missing(program: string, versionFlag: string, debianPackage: string): string | false {
  const installed = isInstalled(program, versionFlag);
  assert.ok(installed || process.env['CI'] !== 'true', `CI needs ${program} (Debian package ${debianPackage})`);
  return !installed && `${program} is not installed (Debian package ${debianPackage})`;
}

test('nats-server takes deploy/nats.conf', { skip: missing(natsProgram, '--version', 'nats-server') }, () => {
  writeNatsConfiguration(path.join(folder, 'nats.conf'), { name: 's1', host: '127.0.0.1', port: 4222, monitorPort: 8222, routePort: 6222, routes: ['127.0.0.1:6223', '127.0.0.1:6224'], advertised: undefined, dataFolder: folder });
});

test('a nats-server that knows sync_interval syncs each write, and only one before 2.10 is spared the line', { skip: missing(natsProgram, '--version', 'nats-server') }, async () => {
  const [major, minor] = /v(\d+)\.(\d+)/.exec(spawnSync(natsProgram, ['--version'], { encoding: 'utf8' }).stdout)!.slice(1).map(Number) as [number, number];
  const [port, monitorPort, routePort, nobody] = [await freePort(), await freePort(), await freePort(), await freePort()];
  const own = path.join(folder, 'running.conf');
  writeNatsConfiguration(own, { name: 's1', host: '127.0.0.1', port, monitorPort, routePort, routes: [`127.0.0.1:${nobody}`], advertised: undefined, dataFolder: path.join(folder, 'data') });
  const server = new OwnProcess('s1', path.join(folder, 's1.log'), { program: natsProgram, args: ['-c', own] });
  server.start();
  try {
    for (const until = performance.now() + 20_000; ; await sleep(100)) {
      const state = await fetch(`http://127.0.0.1:${monitorPort}/varz`).then((answer) => answer.json() as Promise<{ readonly jetstream?: { readonly config?: { readonly sync_always?: boolean } } }>, () => undefined);
      const config = state?.jetstream?.config;
      if (config !== undefined) {
        assert.equal(config.sync_always ?? false, major > 2 || minor >= 10);
        break;
      }
      assert.ok(server.running && performance.now() < until, server.log);
    }
  } finally {
    await server.kill();
  }
});

test('HAProxy takes deploy/haproxy.cfg, as it is and with the addresses of a test', { skip: missing(haproxyProgram, '-v', 'haproxy') }, () => {
  const check = spawnSync(haproxyProgram, ['-c', '-f', file('haproxy.cfg')], { encoding: 'utf8' });
  assert.equal(check.status, 0, check.stderr);
  writeHaproxyConfiguration(path.join(folder, 'haproxy.cfg'), 5696, [{ host: '127.0.0.1', port: 1, adminPort: 2 }]);
});

test('the relay that stands in for HAProxy checks nodes as deploy/haproxy.cfg does', () => {
  const text = readFileSync(file('haproxy.cfg'), 'utf8');
  assert.match(text, new RegExp(`default-server check inter ${healthCheck.everyMs}ms fall ${healthCheck.fall} rise 1 on-marked-down shutdown-sessions`));
  assert.match(text, new RegExp(`timeout check ${healthCheck.timeoutMs / 1000}s`));
  assert.match(text, /option httpchk GET \/readyz/);
});
