/**
 * The OASIS KMIP cases of 1.0 to 2.1 against a live server, one test a case or chain, each in a fresh scope.
 *
 * Cases that need later work are counted in the closing table and not played. Cases that wait for a date (`[REPEAT]`, about
 * two minutes) run with CI=true or KMIPD_SLOW_TESTS=1.
 */
import assert from 'node:assert/strict';
import { after, before, suite, test } from 'node:test';
import { startServer } from '../harness/server.ts';
import type { RunningServer } from '../harness/server.ts';
import { requireShared } from '../harness/shared-data.ts';
import { readChains } from './catalogue.ts';
import type { Chain } from './catalogue.ts';
import { LiveTransport, caseRole } from './live.ts';
import { failureText, playChain } from './play.ts';
import type { CaseResult } from './play.ts';
import { summary } from './report.ts';

const shared = requireShared('conformance/kmip-1.0');
const chains: readonly Chain[] = shared.folder === undefined ? [] : readChains(shared.folder);
const slow = process.env['CI'] === 'true' || process.env['KMIPD_SLOW_TESTS'] === '1';

function isSlow({ cases }: Chain): boolean {
  return cases.some(({ exchanges }) => exchanges.some(({ repeat }) => repeat !== undefined));
}

suite('the OASIS cases against a live server', { skip: shared.skip, concurrency: 4 }, () => {
  let server: RunningServer;
  const results: CaseResult[] = [];
  before(async () => { server = await startServer(); });
  after(async () => {
    console.log(summary(chains, results));
    await server.stop();
  });
  for (const chain of chains.filter(({ needs }) => needs.length === 0)) {
    const names = chain.cases.map(({ name }) => name).join(', ');
    const skip = isSlow(chain) && !slow ? 'waits about two minutes; set KMIPD_SLOW_TESTS=1' : false;
    test(`${names} gets the answers that the case records`, { skip }, async () => {
      const transport = new LiveTransport(server, chain.cases.at(-1)!.name, (scope) => server.generateCredential(caseRole(scope)));
      const outcome = await playChain(chain, transport);
      await transport.close();
      results.push(...outcome);
      const failures = outcome.filter(({ failure }) => failure !== undefined);
      assert.equal(failures.length, 0, failures.map((result) => failureText(result, true)).join('\n'));
    });
  }
});
