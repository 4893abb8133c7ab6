/**
 * Prometheus as Debian has it scrapes a node; its promtool reads the node's metrics and our configuration.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort, startServer } from '../harness/server.ts';
import { repositoryRoot } from '../harness/shared-data.ts';

function missing(program: string, debianPackage: string): string | false {
  const found = spawnSync(program, ['--version']).error === undefined;
  assert.ok(found || process.env['CI'] !== 'true', `CI needs ${program} (Debian package ${debianPackage})`);
  return found ? false : `${program} is not installed (Debian package ${debianPackage})`;
}

const deploy = (name: string): string => join(repositoryRoot, 'deploy', name);

test('Prometheus scrapes a node, and promtool finds nothing wrong with its metrics', { skip: missing('prometheus', 'prometheus'), timeout: 90_000 }, async (context) => {
  execFileSync('promtool', ['check', 'config', deploy('prometheus.yml')], { stdio: 'pipe' });
  await using server = await startServer({ args: ['--workers', '1'] });
  const metrics = await server.admin('GET', '/metrics', undefined, false);
  const linted = spawnSync('promtool', ['check', 'metrics'], { input: metrics.body, encoding: 'utf8' });
  // Names of prom-client's own families are not ours to choose.
  const complaints = `${linted.stdout}${linted.stderr}`.split('\n').filter((line) => line.startsWith('kmipd_'));
  assert.deepEqual(complaints, []);

  const folder = mkdtempSync(join(tmpdir(), 'kmipd-prometheus-'));
  const port = await freePort();
  writeFileSync(join(folder, 'prometheus.yml'), `global: { scrape_interval: 1s }\nscrape_configs:\n  - job_name: kmipd\n    static_configs:\n      - targets: ["127.0.0.1:${server.adminPort}"]\n`);
  const prometheus = spawn('prometheus', [`--config.file=${join(folder, 'prometheus.yml')}`, `--storage.tsdb.path=${join(folder, 'data')}`, `--web.listen-address=127.0.0.1:${port}`], { stdio: 'ignore' });
  context.after(() => {
    prometheus.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });
  const ask = async (query: string): Promise<string | undefined> => {
    try {
      const answer = (await (await fetch(`http://127.0.0.1:${port}/api/v1/query?query=${encodeURIComponent(query)}`)).json()) as { data: { result: { value: [number, string] }[] } };
      return answer.data.result[0]?.value[1];
    } catch {
      return undefined;
    }
  };
  for (let attempt = 0; (await ask('kmipd_build_info')) !== '1'; attempt += 1) {
    assert.ok(attempt < 120, 'Prometheus has the node within a minute');
    await sleep(500);
  }
  assert.equal(await ask('up{job="kmipd"}'), '1');
});
