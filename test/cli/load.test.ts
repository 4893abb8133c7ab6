/**
 * `kmipd load` as a command: what it prints, the files it leaves, how it ends.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { loadPage } from '../../src/cli/load-page.ts';
import type { LoadResult } from '../../src/client/load/load.ts';
import { startServer } from '../harness/server.ts';
import type { RunningServer } from '../harness/server.ts';
import { repositoryRoot } from '../harness/shared-data.ts';

let server: RunningServer;
let folder: string;

before(async () => {
  server = await startServer({ args: ['--workers', '1'] });
  folder = mkdtempSync(path.join(tmpdir(), 'kmipd-load-'));
});
after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

function kmipdLoad(...argumentList: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const env = { ...process.env, ...(process.env['CI'] === 'true' ? {} : { KMIPD_FROM_SOURCE: '1' }), KMIPD_SERVER: `127.0.0.1:${server.port}`, KMIPD_CREDENTIAL: path.join(server.dataFolder, 'bootstrap') };
  return new Promise((resolve) => {
    execFile(path.join(repositoryRoot, 'bin/kmipd'), ['load', ...argumentList], { env, encoding: 'utf8' }, (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code ?? 1), stdout, stderr }));
  });
}

test('a run prints its table and leaves figures and a page that needs nothing from elsewhere', async () => {
  const [json, html] = [path.join(folder, 'run.json'), path.join(folder, 'run.html')];
  const ran = await kmipdLoad('--rate', '200', '--mix', 'encrypt=3,locate', '--keys', '2', '--warmup', '200ms', '--duration', '1s', '--connections', '2', '--json', json, '--html', html);
  assert.equal(ran.code, 0, ran.stderr);
  assert.match(ran.stdout, /from the due time +\d+/);
  assert.match(ran.stdout, /no failures\n\d+ answers checked, 0 wrong/);
  assert.doesNotMatch(ran.stdout + ran.stderr, /\x1b/);
  const result = JSON.parse(readFileSync(json, 'utf8')) as LoadResult;
  assert.equal(result.answered, result.due);
  assert.ok(result.latency.p999 >= result.latency.p50 && result.curve.length > 10);
  const page = readFileSync(html, 'utf8');
  assert.equal(page.match(/<svg/g)?.length, 3);
  assert.match(page, /■ from the due time.*■ from sending/);
  assert.doesNotMatch(page, /<script|https?:|\bsrc=|\bhref=|url\(|NaN|Infinity|undefined/);
});

test('a page of a run without a single answer is still a page, and what a server is called cannot break it', () => {
  const none = { count: 0, mean: 0, p50: 0, p90: 0, p99: 0, p999: 0, max: 0 };
  const result = {
    server: '<script>alert(1)</script>', startedAt: '2026-01-01T00:00:00.000Z', plan: { version: '2.1', mix: [{ operation: 'get', weight: 1 }], rate: 10 }, measuredSeconds: 0, due: 1, answered: 0, messagesPerSecond: 0, itemsPerSecond: 0,
    latency: none, service: none, wait: none, operations: [], failures: { '(no answer: none in time)': 1 }, dropped: 0, lostConnections: 0, checks: { checked: 0, wrong: 0 }, seconds: [], curve: [], serviceCurve: [], left: 0,
  } as unknown as LoadResult;
  assert.doesNotMatch(loadPage(result), /<script|NaN|Infinity/);
});

test('a wrong call ends with 2, a server that is not there with 1', async () => {
  assert.equal((await kmipdLoad('--mix', 'sign')).code, 2);
  assert.equal((await kmipdLoad('--connections', '0')).code, 2);
  for (const [argument, expected] of [[['--rate', '0'], /--closed/], [['--protocol', '1.9'], /expected one of 2\.1, /], [['--json', folder], /is a folder/]] as const) {
    const ran = await kmipdLoad(...argument);
    assert.equal(ran.code, 2, ran.stderr);
    assert.match(ran.stderr, expected);
  }
  const nobody = await kmipdLoad('--server', '127.0.0.1:1');
  assert.equal(nobody.code, 1);
  assert.match(nobody.stderr, /did not make the keys of the run: .*127\.0\.0\.1:1/);
  const noTls = await kmipdLoad('--server', `127.0.0.1:${server.adminPort}`);
  assert.equal(noTls.code, 1);
  assert.match(noTls.stderr, /no TLS is spoken there \([a-z ]+\)\n$/);
});

test('where figures could not be kept, or none were made, the command says so', async () => {
  const before = Date.now();
  const nowhere = await kmipdLoad('--html', path.join(folder, 'missing/run.html'), '--duration', '60s');
  assert.equal(nowhere.code, 1);
  assert.match(nowhere.stderr, /^kmipd: ENOENT[^\n]*\n$/);
  assert.ok(Date.now() - before < 30_000, 'the run took place before its file was found missing');
  const short = await kmipdLoad('--messages', '1', '--warmup', '1s', '--duration', '1s', '--keys', '1');
  assert.equal(short.code, 1);
  assert.match(short.stdout, /nothing was measured/);
  assert.doesNotMatch(short.stdout, /p99/);
});
