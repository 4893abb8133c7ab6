/**
 * The recorded flows of FortiGate, MySQL, Percona, Synology and VMware from the reference data against a live server.
 *
 * Deviations from the assertions, which are those of the server that the flows were recorded for:
 * - `percona` and any other flow that revokes a Pre-Active key (reason Unspecified): that a Pre-Active object cannot be
 *   deactivated is a rule of the life cycle (KMIP 1.4 §3.22), so a refusal for the state is taken as well as success.
 *   The clients themselves never do it, and Destroy has to succeed either way.
 * - `kmip_3_0_*`: this server speaks 1.0 to 2.1. What is asserted is that a 3.0 message gets a reasoned refusal with a
 *   version that the server has, and that the connection stays usable.
 * - `synology_dsm` names an HSM; nothing in its messages needs one.
 * A step that a manifest uses the values of another server for (vendor names) is not compared.
 */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { nameOfTag, nameOfValue } from '../harness/names.ts';
import { requireShared } from '../harness/shared-data.ts';
import { decode, encode, find, item, request } from '../harness/wire.ts';
import type { Item } from '../harness/wire.ts';
import { annotated, assertAnswerShape } from './answer-shape.ts';
import { messageOf, readFlow } from './client-flows.ts';
import type { Flow, Step } from './client-flows.ts';
import { answersOf, assertRefused, identifierOf, payloadOf, Site, Talk } from './talk.ts';

const shared = requireShared('conformance/client-flows');
const folder = shared.folder === undefined ? undefined : join(shared.folder, 'conformance/client-flows');
const flows: Flow[] = folder === undefined ? [] : readdirSync(folder).toSorted().map((name) => readFlow(join(folder, name)));
const site = new Site();
if (shared.skip === false) {
  before(() => site.start());
  after(() => site.stop());
} else {
  test('the recorded client flows', { skip: shared.skip }, () => {});
}

/** Text of every value under the tag, as the manifests write it. */
function valuesOf(answer: Item, tag: string): string[] {
  const found: string[] = [];
  const walk = (at: Item): void => {
    if (nameOfTag(at.tag) === tag && at.value !== undefined) {
      if (at.value instanceof Uint8Array) found.push(Buffer.from(at.value).toString('hex').toUpperCase());
      else found.push(at.type === 5 ? nameOfValue(tag, at.value as number) : String(at.value));
    }
    at.children?.forEach(walk);
  };
  walk(answer);
  return found;
}

const sameText = (tag: string, wanted: string): string => (wanted.startsWith('0x') ? nameOfValue(tag, Number(wanted)) : wanted);

async function play(talk: Talk, flow: Flow, step: Step, captured: Map<string, string>): Promise<void> {
  const bytes = encode(messageOf(flow, step, captured));
  const before = talk.wire.records.length;
  await talk.wire.send(bytes);
  const response = await talk.wire.receive();
  const answer = assertAnswerShape(bytes, response, talk.wire.records.slice(before));
  const fill = (value: unknown): string => String(value).replace(/\{\{(\w+)\}\}/g, (_, name: string) => captured.get(name) ?? name);
  for (const each of answersOf(answer)) {
    if (step.operation === 'Revoke' && !each.ok) assertRefused(each, 'WrongKeyLifecycleState', 'PermissionDenied', 'IllegalOperation');
    else payloadOf(each);
  }
  for (const [name, tag] of Object.entries(step.tables['capture'] ?? {})) captured.set(name, valuesOf(answer, String(tag))[0]!);
  for (const [tag, wanted] of Object.entries(step.tables['assert_fields'] ?? {})) assert.ok(valuesOf(answer, tag).includes(sameText(tag, fill(wanted))), `${tag} ${wanted}`);
  for (const [tag, wanted] of Object.entries(step.tables['assert_any_field'] ?? {})) assert.ok(valuesOf(answer, tag).includes(sameText(tag, fill(wanted))), `${tag} ${wanted}`);
  for (const [tag, wanted] of Object.entries(step.tables['assert_none_field'] ?? {})) assert.ok(!valuesOf(answer, tag).includes(fill(wanted)), `${tag} ${wanted}`);
  for (const [tag, wanted] of Object.entries(step.tables['assert_count'] ?? {})) assert.equal(valuesOf(answer, tag).length, wanted, `number of ${tag}`);
  for (const tag of step.fieldsAbsent) assert.deepEqual(valuesOf(answer, tag), [], `${tag} must be absent`);
}

for (const flow of flows) {
  const name = flow.folder.split('/').at(-1)!;
  if (flow.version === 30) {
    test(`the flow ${name} (KMIP 3.0) is refused with a reason and the connection stays usable`, async () => {
      await site.once(name, async (talk) => {
        const first = flow.steps[0]!;
        const bytes = encode(messageOf(flow, first, new Map()));
        await talk.wire.send(bytes);
        const [refused] = answersOf(assertAnswerShape(bytes, await talk.wire.receive()));
        // Discover Versions is how a client learns what else to speak, so it may be answered at any header version.
        if (first.operation === 'DiscoverVersions' && refused!.ok) assert.ok(!valuesOf(refused!.payload!, 'ProtocolVersionMajor').includes('3'));
        else assertRefused(refused, 'InvalidMessage', 'UnsupportedProtocolVersion');
        await talk.must(14, 'DiscoverVersions', []);
      });
    });
    continue;
  }
  test(`the flow ${name} (KMIP ${flow.version / 10}) runs through, ${flow.steps.length} steps`, async () => {
    await site.once(name, async (talk) => {
      const captured = new Map<string, string>();
      for (const [index, step] of flow.steps.entries()) {
        try {
          await play(talk, flow, step, captured);
        } catch (error) {
          throw annotated(error, `in step ${index + 1} ${step.operation} (${step.request})`);
        }
      }
    });
  });
}

/** Tags and types alone: two messages of one shape differ in values only. */
const shapeOf = (source: Item): unknown => [nameOfTag(source.tag), source.type, ...(source.children ?? []).map(shapeOf)];

test('answers to libmongocrypt have the very shape of the recorded ones that its own tests use', { skip: shared.skip }, async () => {
  const file = join(shared.folder!, 'conformance/ttlv-vectors/libmongocrypt-kmip-messages.json');
  const vectors = (JSON.parse(readFileSync(file, 'utf8')) as { vectors: { name: string; hex: string }[] }).vectors;
  const recorded = (name: string): unknown => shapeOf(decode(Buffer.from(vectors.find((each) => each.name === name)!.hex, 'hex')));
  await site.once('mongocrypt-vectors', async (talk) => {
    const exchange = async (operation: string, payload: Item[]): Promise<Item> => {
      const bytes = encode(request(10, [{ operation, payload }]));
      await talk.wire.send(bytes);
      return assertAnswerShape(bytes, await talk.wire.receive());
    };
    const registered = await exchange('Register', [
      item('ObjectType', 'SecretData'),
      item('TemplateAttribute'),
      item('SecretData', [item('SecretDataType', 'Seed'), item('KeyBlock', [item('KeyFormatType', 'Opaque'), item('KeyValue', [item('KeyMaterial', Buffer.alloc(96, 7))])])]),
    ]);
    assert.deepEqual(shapeOf(registered), recorded('SUCCESS_REGISTER_RESPONSE'));
    const identifier = identifierOf(find(registered, 'BatchItem', 'ResponsePayload')!);
    assert.deepEqual(shapeOf(await exchange('Get', [item('UniqueIdentifier', identifier)])), recorded('SUCCESS_GET_RESPONSE'));
    assert.deepEqual(shapeOf(await exchange('Get', [item('UniqueIdentifier', 'missing')])), recorded('ERROR_GET_RESPOSE_NOTFOUND'));
  });
});
