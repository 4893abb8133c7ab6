/**
 * The real PyKMIP client (Debian python3-pykmip 0.10) against a live server, at each version that it speaks.
 *
 * pykmip/ does the work and checks effects; each of its checks is a subtest here. Wrapped keys are left out:
 * PyKMIP wants a structure for a Key Value that the OASIS cases (TC-141) have as a Byte String.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before, describe } from 'node:test';
import { skipUnless, systemPython } from './foreign.ts';
import { Site } from './talk.ts';

interface Outcome { readonly check: string; readonly ok: boolean; readonly detail: string }

const skip = skipUnless(systemPython, ['-c', 'import kmip, cryptography'], 'PyKMIP (Debian package python3-pykmip)');
const script = join(import.meta.dirname, 'pykmip/main.py');
const expectedChecks = 15;
const site = new Site();
let folder = '';
if (skip === false) {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kmipd-pykmip-'));
    await site.start();
  });
  after(async () => {
    await site.stop();
    rmSync(folder, { recursive: true, force: true });
  });
}

async function drive(version: string): Promise<{ outcomes: Outcome[]; errors: string }> {
  const credential = await site.credential(`pykmip-${version}`);
  const path = (name: string): string => join(folder, `${version}-${name}.pem`);
  for (const name of ['ca', 'cert', 'key'] as const) writeFileSync(path(name), credential[name], { mode: 0o600 });
  const child = spawn(systemPython, ['-B', '-W', 'ignore', script, '127.0.0.1', String(site.running.port), path('ca'), path('cert'), path('key'), version], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output: string[] = [];
  const errors: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const timer = setTimeout(() => child.kill('SIGKILL'), 90_000);
  await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(timer);
  const outcomes = output.join('').split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as Outcome);
  return { outcomes, errors: errors.join('') };
}

// Two clients at a time: Python and the server take turns with waiting.
describe('PyKMIP', { concurrency: 2 }, () => {
  for (const version of ['1.0', '1.1', '1.2', '1.3', '1.4', '2.0']) {
    test(`PyKMIP at ${version} makes, finds, reads, uses, changes and destroys objects`, { skip }, async (context) => {
      const { outcomes, errors } = await drive(version);
      for (const { check, ok, detail } of outcomes) await context.test(`PyKMIP ${version}: ${check}`, () => assert.ok(ok, detail));
      assert.equal(outcomes.length, expectedChecks, `the client stopped early:\n${errors}`);
    });
  }
});
