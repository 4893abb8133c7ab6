/**
 * The files of deploy/ as their own programs judge them, where those are installed, and against what they have to agree with.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { repositoryRoot } from '../../harness/shared-data.ts';
import { haproxyProgram, isInstalled, natsProgram, writeHaproxyConfiguration, writeNatsConfiguration } from './deploy-files.ts';
import { healthCheck } from './network-orders.ts';

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
