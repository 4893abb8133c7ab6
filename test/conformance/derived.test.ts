/**
 * Cases of our own, in `derived/`: what the OASIS documents describe and their files here leave out, and what the
 * specification says that no case shows. Each is played at every version it names, in that version's form.
 *
 * The format is that of `case-text.ts`. `KMIPD_CASE=NAME` plays one and prints its messages. Every case is played in process,
 * and once more against a live server, whose workers answer Encrypt and Decrypt by the fast path: those at every version, the
 * others at their newest.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { startServer } from '../harness/server.ts';
import type { RunningServer } from '../harness/server.ts';
import { caseAt, readWrittenCases } from './case-text.ts';
import { InProcessTransport } from './in-process.ts';
import { LiveTransport, caseRole } from './live.ts';
import { failureText, playChain } from './play.ts';
import type { CaseResult } from './play.ts';

const wanted = process.env['KMIPD_CASE'];
const cases = readWrittenCases(join(import.meta.dirname, 'derived')).filter(({ name }) => wanted === undefined || name === wanted);

function assertPlayed(results: readonly CaseResult[], version: number): void {
  const failures = results.filter(({ failure }) => failure !== undefined);
  assert.equal(failures.length, 0, `at version ${version}: ${failures.map((result) => failureText(result, true)).join('\n')}`);
}

suite('cases of our own', () => {
  for (const written of cases) {
    test(`${written.name} gets its answers at every version it names`, async () => {
      for (const version of written.versions) {
        const trace = wanted === undefined ? undefined : (line: string): void => console.log(`${line}\n`);
        assertPlayed(await playChain({ cases: [caseAt(written, version)], needs: [] }, new InProcessTransport(), trace), version);
      }
    });
  }
});

suite('cases of our own against a live server', { concurrency: 4 }, () => {
  let server: RunningServer;
  before(async () => { server = await startServer(); });
  after(async () => { await server.stop(); });
  for (const written of cases) {
    const versions = written.file.endsWith('ciphers.txt') ? written.versions : written.versions.slice(-1);
    test(`${written.name} gets its answers from a node`, async () => {
      for (const version of versions) {
        const transport = new LiveTransport(server, `${written.name}-${version}`, (scope) => server.generateCredential(caseRole(scope)));
        const results = await playChain({ cases: [caseAt(written, version)], needs: [] }, transport);
        await transport.close();
        assertPlayed(results, version);
      }
    });
  }
});
