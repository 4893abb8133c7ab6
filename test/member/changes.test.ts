/**
 * Changes that members make together: of two that stand on the same state one takes place, each is answered or refused in words, and
 * what is handed out once (nonces, uses of a key) is so over all of them, whoever is primary.
 */
import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, test } from 'node:test';
import { readResponse } from '../../src/codec/message.ts';
import { ResultReason, ResultStatus } from '../../src/kmip/enums.ts';
import type { MemberKeeper } from '../../src/member/member-keeper.ts';
import { create } from '../../src/operations/create.ts';
import { encrypt } from '../../src/operations/encrypt.ts';
import type { Operation } from '../../src/operations/operation.ts';
import { natsMissing } from '../cluster/nats/nats-servers.ts';
import { activeKey, asked, credential, encryption, identity, limited, messageOf, newKey, refusal, unitsLeft } from './client-requests.ts';
import { Members, setting, until } from './members.ts';

const skip = natsMissing();

describe('changes of several members', { skip, concurrency: true }, () => {
  test('of two members that set the same on the same state at once one is told that it came too late, and one value stands everywhere', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const both = (await members.ready(['one', 'two'])).map(({ keeper }) => keeper);
    for (let round = 0; round < 5; round += 1) {
      const name = `round ${round}`;
      const known = round % 2 === 1;
      // What is there already is compared as what is not.
      if (known) await both[0]!.commit([setting(name, 9)]);
      if (known) await until(() => both.every((keeper) => keeper.view.setting(name) !== undefined));
      const outcomes = await Promise.allSettled(both.map((keeper, index) => keeper.commit([setting(name, index)])));
      assert.deepEqual(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'], name);
      const [lost] = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason as { code?: string; retryable?: boolean }] : []));
      assert.deepEqual([lost!.code, lost!.retryable], ['E_CHANGED_MEANWHILE', true]);
      const winner = Uint8Array.of(outcomes.findIndex(({ status }) => status === 'fulfilled'));
      for (const keeper of both) assert.deepEqual(await keeper.read((store) => store.setting(name)), winner);
      // Who looks again and still wants it gets it.
      await both[1 - winner[0]!]!.commit([setting(name, 7)]);
      for (const keeper of both) assert.deepEqual(await keeper.read((store) => store.setting(name)), Uint8Array.of(7));
    }
    assert.deepEqual(members.faults, []);
  });

  test('what a member cannot take or send on it refuses in words: too many changes, too long a message, a credential that was revoked', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const { keeper } = await members.open('one', { limits: { writerMessages: 3 } });
    await keeper.ready();
    await keeper.commit(identity);
    const message = messageOf(create as unknown as Operation, newKey());
    for (let round = 0; round < 2; round += 1) {
      const statuses = await Promise.all(Array.from({ length: 5 }, async () => readResponse((await keeper.submit(message, credential.fingerprint)).response).items[0]!));
      assert.deepEqual(statuses.map(({ resultStatus }) => resultStatus === ResultStatus.Success), [true, true, true, false, false], 'three at a time, again and again');
      assert.match(statuses[4]!.resultMessage!, /too many changes/);
    }
    assert.equal(keeper.queued, 0);
    const long = await refusal(keeper, Buffer.concat([message, Buffer.alloc(1 << 20)]));
    assert.match(long.text!, /may have \d+ bytes in a cluster/);
    await keeper.commit([{ kind: 'credential-put', record: { ...credential, revokedAt: 2 } }]);
    assert.equal((await refusal(keeper, message)).reason, ResultReason.AuthenticationNotSuccessful);
    assert.deepEqual(members.faults, []);
  });

  test('who asks a member that stops learns that the outcome is not known, and who waits for it to be ready learns that it was stopped', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const alone = await members.open('one');
    await alone.keeper.ready();
    await alone.keeper.commit(identity);
    alone.link.cut();
    await until(() => alone.keeper.notReady() !== undefined);
    const answer = refusal(alone.keeper, messageOf(create as unknown as Operation, newKey()));
    const prefix = assert.rejects(alone.keeper.takeNoncePrefix(), { code: 'E_CLOSED' });
    const ready = assert.rejects(alone.keeper.ready(), { code: 'E_CLOSED' });
    await until(() => alone.keeper.queued === 2);
    await alone.close();
    assert.match((await answer).text!, /may have taken effect or not/);
    await Promise.all([prefix, ready]);
    assert.deepEqual(members.faults, []);
  });

  test('no nonce and no prefix is given twice, by whichever member, before and after others are primary', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const both = (await members.ready(['one', 'two'])).map(({ keeper }) => keeper);
    const [first, second] = both as [MemberKeeper, MemberKeeper];
    await first.commit(identity);
    const [key, limitedKey] = [await activeKey(first), await activeKey(first, limited(1_000n))];
    const nonces: string[] = [];
    const threads: number[] = [];
    const use = async (): Promise<void> => {
      // The planner's own nonces, those of each member for keys with limits, and threads that ask for a prefix meanwhile.
      await Promise.all(both.flatMap((keeper) => [...[key, limitedKey, key].map(async (each) => {
        const { ivCounterNonce } = await asked(keeper, encrypt, encryption(each));
        nonces.push(Buffer.from(ivCounterNonce!).toString('hex'));
      }), ...[1, 2].map(async () => threads.push(await keeper.takeNoncePrefix()))]));
    };
    for (let round = 0; round < 3; round += 1) await use();
    // There and back: who was primary before has a prefix of its own for each tenure.
    for (const [leaving, next] of [[first, second], [second, first]] as const) {
      await leaving.leave();
      await until(() => next.status().role === 'primary');
      await Promise.all(both.map((keeper) => keeper.ready()));
      for (let round = 0; round < 3; round += 1) await use();
    }
    const prefixes = new Set(nonces.map((nonce) => Number.parseInt(nonce.slice(0, 8), 16)));
    assert.equal(nonces.length, 54);
    assert.equal(new Set(nonces).size, nonces.length, 'nonces');
    assert.equal(new Set(threads).size, threads.length, 'prefixes of threads');
    assert.deepEqual(threads.filter((prefix) => prefixes.has(prefix)), [], 'no thread has the prefix of a planner');
    assert.ok(prefixes.size >= 4, `one a tenure and one a member that spends: ${[...prefixes].join()}`);
    assert.deepEqual(members.faults, []);
  });

  test('a member that leaves gives back what it did not spend of a key\'s uses, and leaves without that where nobody answers', { timeout: 180_000 }, async (context) => {
    const members = await Members.start(context);
    const [first, second] = await members.ready(['one', 'two']);
    const [primary, leaving] = [first!.keeper, second!.keeper];
    await primary.commit(identity);
    const key = await activeKey(primary, limited(1_000n));
    for (let use = 0; use < 20; use += 1) await asked(leaving, encrypt, encryption(key));
    assert.ok(await unitsLeft(primary, key) < 980n, 'it holds more than it spent');
    await leaving.leave();
    assert.equal(await unitsLeft(primary, key), 980n);
    for (let use = 0; use < 20; use += 1) await asked(primary, encrypt, encryption(key));
    first!.link.cut();
    const begin = performance.now();
    await primary.leave();
    const leftMs = performance.now() - begin;
    assert.ok(leftMs < 10_000, `${leftMs} ms, and a change is given up after 20,000`);
    assert.deepEqual(members.faults, []);
  });
});
