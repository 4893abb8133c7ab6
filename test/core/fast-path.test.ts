// One semantics: what the fast path answers is byte for byte what the TypeScript engine answers. Thousands of random messages that
// both have to answer; and messages with bytes changed, where the fast path may decline but never differ.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { OPERATION_DECRYPT, OPERATION_ENCRYPT } from '../../core/abi.ts';
import { readResponse } from '../../src/codec/message.ts';
import { cores, seededRandom, toHex } from './cores.ts';
import { putKeys, randomMessage } from './fast-path-messages.ts';
import { createTwins } from './fast-path-twins.ts';

/** Result Messages in an answer. */
function refusals(response: Uint8Array): string {
  return readResponse(response).items.flatMap((item) => item.resultMessage ?? []).join('; ');
}

for (const core of cores) {
  test(`${core.build}: random messages get the same bytes from both`, async () => {
    const twins = createTwins(core, { slots: 20 });
    const random = seededRandom(101);
    const keys = await putKeys(twins, random);
    const operations = { encrypted: 0, decrypted: 0 };
    for (let count = 0; count < 3000; count += 1) {
      const message = randomMessage(random, keys);
      const fast = twins.answerFast(message);
      const { response, items, version } = twins.answerEngine(message);
      const why = `message ${count}: ${toHex(message).slice(0, 4000)}`;
      assert.ok(items.every((item) => item.reason === 0), `the engine refused: ${refusals(response)} to ${why}`);
      assert.ok(fast.kind === 'answer', `the fast path declined ${why}`);
      assert.equal(toHex(fast.response), toHex(response), why);
      assert.equal(fast.version, version);
      assert.equal(fast.encrypted, items.filter((item) => item.operation === OPERATION_ENCRYPT).length);
      assert.equal(fast.decrypted, items.filter((item) => item.operation === OPERATION_DECRYPT).length);
      operations.encrypted += fast.encrypted;
      operations.decrypted += fast.decrypted;
    }
    assert.ok(operations.encrypted > 2000 && operations.decrypted > 2000, JSON.stringify(operations));
    assert.ok(twins.loads.length > keys.length, 'slots were evicted and loaded again');
    assert.ok(twins.regionsAreClean(), 'request and response are wiped');
  });

  test(`${core.build}: a message with bytes changed is the engine's, or gets the same bytes from both`, async () => {
    const twins = createTwins(core, { slots: 64, nonceGrant: 1, evenRandom: true });
    const random = seededRandom(102);
    const keys = await putKeys(twins, random);
    const count = { answered: 0, declined: 0, succeeded: 0 };
    for (let round = 0; round < 400; round += 1) {
      const whole = randomMessage(random, keys);
      if (whole.length > 20_000) continue;
      for (let change = 0; change < 25; change += 1) {
        const message = Buffer.from(whole);
        for (let byte = 1 + random.below(2); byte > 0; byte -= 1) {
          const at = random.below(message.length);
          message[at] = random.below(2) === 0 ? message[at]! ^ (1 << random.below(8)) : random.below(256);
        }
        const nonces = twins.fastNonces.take(0);
        const fast = twins.answerFast(message);
        twins.setNonces(nonces);
        const { response, items } = twins.answerEngine(message);
        if (fast.kind === 'answer') {
          assert.equal(toHex(fast.response), toHex(response), toHex(message));
          count.answered += 1;
        } else {
          count.declined += 1;
          if (items.length > 0 && items.every((item) => item.reason === 0)) count.succeeded += 1;
        }
      }
    }
    assert.ok(count.answered > 1000 && count.declined > 1000, JSON.stringify(count));
    // Declining what succeeds costs time only, but often it would be a fast path that nobody takes.
    assert.ok(count.succeeded < count.declined / 10, JSON.stringify(count));
    assert.ok(twins.regionsAreClean(), 'request and response are wiped');
  });
}
