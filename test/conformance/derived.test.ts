/**
 * Cases of our own, in `derived/`: what the OASIS documents describe and their files here leave out, and what the
 * specification says that no case shows. Each is played at every version it names, in that version's form.
 *
 * The format is that of `case-text.ts`. `KMIPD_CASE=NAME` plays one and prints its messages.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { caseAt, readWrittenCases } from './case-text.ts';
import { InProcessTransport } from './in-process.ts';
import { failureText, playChain } from './play.ts';

const wanted = process.env['KMIPD_CASE'];

suite('cases of our own', () => {
  for (const written of readWrittenCases(join(import.meta.dirname, 'derived')).filter(({ name }) => wanted === undefined || name === wanted)) {
    test(`${written.name} gets its answers at every version it names`, async () => {
      for (const version of written.versions) {
        const trace = wanted === undefined ? undefined : (line: string): void => console.log(`${line}\n`);
        const results = await playChain({ cases: [caseAt(written, version)], needs: [] }, new InProcessTransport(), trace);
        const failures = results.filter(({ failure }) => failure !== undefined);
        assert.equal(failures.length, 0, `at version ${version}: ${failures.map((result) => failureText(result, true)).join('\n')}`);
      }
    });
  }
});
