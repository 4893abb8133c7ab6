/**
 * Every OASIS case of this stage at every other protocol version that can say it: 1,400 plays, held to the same answers.
 *
 * A case passes at its own version because somebody looked at it; that it passes at the others, in their forms and with
 * their reasons, shows that the rule behind it holds. What legitimately differs is declared below. In process, so that
 * it takes seconds.
 */
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { requireShared } from '../harness/shared-data.ts';
import type { ConformanceCase } from './case-file.ts';
import { readChains, versions } from './catalogue.ts';
import type { Chain } from './catalogue.ts';
import { InProcessTransport } from './in-process.ts';
import { failureText, playChain } from './play.ts';
import { shiftCase } from './shift.ts';

/** Cases whose answer changes between two versions, and why. */
const differences: readonly { readonly name: RegExp; differs(from: number, to: number): boolean; readonly reason: string }[] = [
  {
    name: /^TC-OFFSET-/,
    differs: (from, to) => from < 14 !== to < 14,
    reason: 'Locate answers oldest first up to 1.3 and newest first from 1.4 on, as the two cases have it',
  },
  {
    name: /^TC-142-/,
    differs: (_from, to) => to >= 13,
    reason: 'the cases of 1.1 and 1.2 name an attribute without an Encoding Option and get the bare key; the rule is TTLV Encoding (KMIP 1.4 §2.1.6)',
  },
];

/** Cases that need another transport say nothing that TTLV could not: their messages are played too. */
const wordsAreEnough: ReadonlySet<string> = new Set(['transport HTTPS', 'transport JSON', 'transport XML']);

const shared = requireShared('conformance/kmip-1.0');
const chains: readonly Chain[] = shared.folder === undefined ? [] : readChains(shared.folder).filter(({ needs }) => needs.every((need) => wordsAreEnough.has(need)));

function shiftChain({ cases }: Chain, version: number): ConformanceCase[] | undefined {
  const shifted = cases.map((each) => shiftCase(each, version));
  return shifted.some((each) => 'lacks' in each) ? undefined : (shifted as ConformanceCase[]);
}

suite('the OASIS cases at versions that are not theirs', { skip: shared.skip }, () => {
  let played = 0;
  for (const chain of chains) {
    const own = chain.cases.at(-1)!;
    if (own.exchanges.some(({ repeat }) => repeat !== undefined)) continue;
    test(`${own.name} gets the same answers at the other versions`, async () => {
      for (const version of versions) {
        const cases = shiftChain(chain, version);
        if (cases === undefined || differences.some(({ name, differs }) => name.test(own.name) && differs(own.version, version))) continue;
        const results = await playChain({ cases, needs: [] }, new InProcessTransport());
        played += 1;
        const failures = results.filter(({ failure }) => failure !== undefined);
        assert.equal(failures.length, 0, `at version ${version}: ${failures.map((result) => failureText(result, true)).join('\n')}`);
      }
    });
  }
  test('most cases can be said at most versions', () => {
    assert.ok(played > 4 * chains.length, `${played} plays of ${chains.length} cases and chains`);
  });
});
