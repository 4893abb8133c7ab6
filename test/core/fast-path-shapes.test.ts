// Messages of a shape that was seen before: the core compares their heads with what it noted and reads no further. So after a
// message came often enough to be noted, each of its bits is turned, one at a time: what follows may be the engine's, never another answer.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cores, seededRandom, toHex } from './cores.ts';
import { putKeys, randomMessage } from './fast-path-messages.ts';
import { createTwins } from './fast-path-twins.ts';

/** The first time it is missed, the second time noted, the third time recalled. */
const timesUntilRecalled = 3;
const bytesMax = 700;

for (const core of cores) {
  test(`${core.build}: a message of a noted shape with one bit turned is the engine's, or gets the same bytes from both`, async () => {
    const twins = createTwins(core, { slots: 64, nonceGrant: 1, evenRandom: true });
    const random = seededRandom(103);
    const keys = await putKeys(twins, random);
    const count = { answered: 0, declined: 0 };
    const compare = (message: Uint8Array): boolean => {
      const nonces = twins.fastNonces.take(0);
      const fast = twins.answerFast(message);
      twins.setNonces(nonces);
      if (fast.kind !== 'answer') return false;
      assert.equal(toHex(fast.response), toHex(twins.answerEngine(message).response), toHex(message));
      return true;
    };
    for (let messages = 0; messages < 25; ) {
      const whole = randomMessage(random, keys);
      if (whole.length > bytesMax) continue;
      messages += 1;
      for (let time = 0; time < timesUntilRecalled; time += 1) assert.ok(compare(whole));
      for (let at = 0; at < whole.length; at += 1) {
        const message = Buffer.from(whole);
        message[at]! ^= 1 << random.below(8);
        if (compare(message)) count.answered += 1;
        else count.declined += 1;
        // Another shape of the same length may have been noted meanwhile.
        assert.ok(compare(whole));
        assert.ok(compare(whole));
      }
    }
    assert.ok(count.answered > 1000 && count.declined > 1000, JSON.stringify(count));
    assert.ok(twins.regionsAreClean(), 'request and response are wiped');
  });
}
