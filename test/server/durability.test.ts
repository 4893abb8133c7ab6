/**
 * kill -9 at a random instant under a write load: every acknowledged write is there afterwards, and no half object.
 *
 * Several connections create, activate, revoke and destroy keys; the test remembers of each key the last answer and what
 * was on the way. After the restart on the same folder each key must be in the state that was acknowledged, or in the
 * one that was on the way, and every object that Locate lists must be whole. KMIPD_TEST_FULL=1 (or CI=true) plays 50
 * rounds, else 4.
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { attribute, find, findAll, item } from '../harness/wire.ts';
import { freePort, startServer } from '../harness/server.ts';
import type { RunningServer } from '../harness/server.ts';
import type { Credential, Item } from '../harness/wire.ts';
import { assertRefused, byIdentifier, identifierOf, identifiersOf, materialOf, nameAttributeValue, payloadOf, Talk } from '../e2e/talk.ts';

const rounds = process.env['KMIPD_TEST_FULL'] === '1' || process.env['CI'] === 'true' ? 50 : 4;
const writers = 6;
const longestLoadMs = 400;

type State = 'PreActive' | 'Active' | 'Deactivated' | 'Destroyed';
const stateNumbers: Readonly<Record<State, number>> = { PreActive: 1, Active: 2, Deactivated: 3, Destroyed: 5 };
const next: Readonly<Record<State, State | undefined>> = { PreActive: 'Active', Active: 'Deactivated', Deactivated: 'Destroyed', Destroyed: undefined };

/** A settled key was whole after an earlier kill and nobody touches it any more. */
interface Known { acknowledged: State; onTheWay: State | undefined; readonly name: string; settled?: boolean }

class Ledger {
  readonly keys = new Map<string, Known>();
  /** Names of keys whose Create was sent and not answered. */
  readonly unanswered = new Set<string>();
  count = 0;
}

async function advance(talk: Talk, identifier: string, known: Known): Promise<void> {
  const target = next[known.acknowledged]!;
  known.onTheWay = target;
  if (target === 'Active') await talk.must(14, 'Activate', [byIdentifier(identifier)]);
  else if (target === 'Deactivated') await talk.must(14, 'Revoke', [byIdentifier(identifier), item('RevocationReason', [item('RevocationReasonCode', 'CessationOfOperation')])]);
  else await talk.must(14, 'Destroy', [byIdentifier(identifier)]);
  known.acknowledged = target;
  known.onTheWay = undefined;
}

/** One connection's load until the server dies; only the death of the connection ends it quietly. */
async function write(talk: Talk, ledger: Ledger, isKilled: () => boolean): Promise<void> {
  try {
    for (;;) {
      ledger.count += 1;
      const name = `key ${ledger.count}`;
      ledger.unanswered.add(name);
      const identifier = identifierOf(await talk.must(14, 'Create', [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12), attribute('Name', nameAttributeValue(name))]),
      ]));
      const known: Known = { acknowledged: 'PreActive', onTheWay: undefined, name };
      ledger.unanswered.delete(name);
      ledger.keys.set(identifier, known);
      const depth = Math.floor(Math.random() * 4);
      for (let step = 0; step < depth; step += 1) await advance(talk, identifier, known);
    }
  } catch (error) {
    if (!isKilled()) throw error;
  }
}

async function locateAll(talk: Talk, filter: Item): Promise<Set<string>> {
  const located = new Set<string>();
  for (;;) {
    const page = identifiersOf(await talk.must(14, 'Locate', [item('MaximumItems', 100), item('OffsetItems', located.size), filter]));
    for (const each of page) located.add(each);
    if (page.length < 100) return located;
  }
}

/** Looks at every key in the lists of Locate, and at each that is not settled (or, in the end, at all) by itself. */
async function check(talk: Talk, ledger: Ledger, everything = false): Promise<void> {
  const looked = [...ledger.keys].filter(([, known]) => everything || known.settled !== true);
  for (const [identifier, known] of looked) {
    const allowed = [known.acknowledged, known.onTheWay].filter((each) => each !== undefined);
    const answer = await talk.ask(14, 'GetAttributes', [byIdentifier(identifier)]);
    if (!answer.ok) {
      assert.ok(allowed.includes('Destroyed'), `${known.name} was acknowledged as ${known.acknowledged} and is gone: ${answer.message}`);
      assertRefused(answer, 'ItemNotFound');
      known.acknowledged = 'Destroyed';
    } else {
      const attributes = new Map(findAll(payloadOf(answer), 'Attribute').map((each) => [find(each, 'AttributeName')!.value as string, find(each, 'AttributeValue')!]));
      const state = attributes.get('State')!.value as number;
      const found = allowed.find((each) => stateNumbers[each] === state);
      assert.ok(found !== undefined, `${known.name} is in state ${state}, acknowledged was ${known.acknowledged}, on the way ${known.onTheWay}`);
      for (const needed of ['Name', 'Object Type', 'Cryptographic Algorithm', 'Cryptographic Length', 'Cryptographic Usage Mask', 'Initial Date', 'Unique Identifier']) assert.ok(found === 'Destroyed' || attributes.has(needed), `${known.name} lacks ${needed}`);
      if (found === 'Active') assert.ok(attributes.has('Activation Date'), `${known.name} is Active without Activation Date`);
      if (found === 'Deactivated') assert.ok(attributes.has('Deactivation Date'), `${known.name} is Deactivated without Deactivation Date`);
      known.acknowledged = found;
    }
    known.onTheWay = undefined;
    const got = await talk.ask(14, 'Get', [byIdentifier(identifier)]);
    if (known.acknowledged === 'Destroyed') assertRefused(got, 'ItemNotFound');
    else assert.equal(materialOf(payloadOf(got)).length, 32);
  }
  const located = await locateAll(talk, attribute('Object Type', 'SymmetricKey'));
  const byState = new Map<State, Set<string>>();
  for (const state of ['PreActive', 'Active', 'Deactivated'] as const) byState.set(state, await locateAll(talk, attribute('State', state)));
  for (const [identifier, known] of ledger.keys) {
    assert.equal(located.has(identifier), known.acknowledged !== 'Destroyed', `${known.name} is ${known.acknowledged}, Locate says otherwise: the index and the object disagree`);
    for (const [state, identifiers] of byState) assert.equal(identifiers.has(identifier), known.acknowledged === state, `${known.name} is ${known.acknowledged}, Locate by State ${state} says otherwise`);
  }
  for (const [identifier, known] of looked) {
    const named = await locateAll(talk, attribute('Name', nameAttributeValue(known.name)));
    assert.equal(named.has(identifier), known.acknowledged !== 'Destroyed', `${known.name} is ${known.acknowledged}, Locate by Name says otherwise`);
    known.settled = true;
  }
  for (const identifier of [...located].filter((each) => !ledger.keys.has(each))) {
    const name = find(await talk.must(14, 'GetAttributes', [byIdentifier(identifier), item('AttributeName', 'Name')]), 'Attribute', 'AttributeValue', 'NameValue')!.value as string;
    assert.ok(ledger.unanswered.has(name), `${name} came from nowhere`);
    assert.equal(materialOf(await talk.must(14, 'Get', [byIdentifier(identifier)])).length, 32);
    await talk.must(14, 'Destroy', [byIdentifier(identifier)]);
  }
  // Destroyed objects and those of unanswered requests were checked; later rounds need not look again.
  for (const [identifier, known] of ledger.keys) if (known.acknowledged === 'Destroyed') ledger.keys.delete(identifier);
  ledger.unanswered.clear();
}

test(`kill -9 under write load, ${rounds} times: what was acknowledged is there, and nothing is half there`, async () => {
  const dataFolder = mkdtempSync(join(tmpdir(), 'kmipd-durability-'));
  const ports = { port: await freePort(), adminPort: await freePort() };
  const ledger = new Ledger();
  let server: RunningServer | undefined;
  let credential: Credential | undefined;
  let acknowledged = 0;
  try {
    for (let round = 0; round < rounds; round += 1) {
      server = await startServer({ dataFolder, ...ports, args: ['--workers', '2'] });
      credential ??= await server.generateCredential({ scope: 'durability', role: 'client', create: true });
      const open = async (): Promise<Talk> => new Talk(await server!.connect({ credential: credential! }));
      const talk = await open();
      await check(talk, ledger);
      let killed = false;
      const connections = await Promise.all(Array.from({ length: writers }, open));
      const load = Promise.all(connections.map((each) => write(each, ledger, () => killed)));
      await new Promise((resolve) => setTimeout(resolve, 50 + Math.random() * longestLoadMs));
      killed = true;
      await server.kill('SIGKILL');
      await load;
      acknowledged += ledger.keys.size;
      for (const each of [talk, ...connections]) each.wire.socket.destroy();
    }
    server = await startServer({ dataFolder, ...ports });
    const talk = new Talk(await server.connect({ credential: credential! }));
    await check(talk, ledger, true);
    await talk.close();
    assert.equal(await server.stop(), 0);
    assert.ok(acknowledged > rounds * writers, `only ${acknowledged} keys were written under load`);
  } finally {
    await server?.kill('SIGKILL').catch(() => {});
    rmSync(dataFolder, { recursive: true, force: true });
  }
});
