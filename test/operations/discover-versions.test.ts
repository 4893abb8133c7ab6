/**
 * Discover Versions: the list, the intersection, any header version.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { discoverVersions } from '../../src/operations/discover-versions.ts';
import { createHarness } from '../engine/harness.ts';
import { find, findAll, item, request } from '../harness/text.ts';

const harness = createHarness();
const versions = (list: readonly { readonly protocolVersionMajor: number; readonly protocolVersionMinor: number }[] = []): string[] =>
  list.map((each) => `${each.protocolVersionMajor}.${each.protocolVersionMinor}`);
const named = (...list: readonly string[]) => ({
  protocolVersion: list.map((each) => ({ protocolVersionMajor: Number(each.split('.')[0]), protocolVersionMinor: Number(each.split('.')[1]) })),
});

test('an empty request lists every version, newest first', async () => {
  const { protocolVersion } = await harness.perform(discoverVersions, {});
  assert.deepEqual(versions(protocolVersion), ['2.1', '2.0', '1.4', '1.3', '1.2', '1.1', '1.0']);
});

test('a request that names versions gets those that both know, in the server\'s order', async () => {
  assert.deepEqual(versions((await harness.perform(discoverVersions, named('1.4'))).protocolVersion), ['1.4']);
  assert.deepEqual(versions((await harness.perform(discoverVersions, named('1.0', '1.2', '9.9', '2.0'))).protocolVersion), ['2.0', '1.2', '1.0']);
  assert.deepEqual(versions((await harness.perform(discoverVersions, named('3.0'))).protocolVersion), []);
});

test('it is answered at versions that lack it or that the server lacks', async () => {
  for (const [said, answered] of [[10, 10], [13, 13], [15, 14], [30, 21], [99, 21]] as const) {
    const answer = await harness.send(request(said, [{ operation: 'DiscoverVersions', payload: [] }]));
    const version = find(answer, 'ResponseHeader', 'ProtocolVersion');
    assert.equal(Number(find(version, 'ProtocolVersionMajor')?.value) * 10 + Number(find(version, 'ProtocolVersionMinor')?.value), answered);
    assert.equal(findAll(find(answer, 'BatchItem', 'ResponsePayload'), 'ProtocolVersion').length, 7, `version ${said}`);
  }
});

test('other operations at a version that the server lacks are told which it has', async () => {
  const answer = await harness.sendText(request(30, [{ operation: 'Get', payload: [item('UniqueIdentifier', 'k')] }]));
  assert.match(answer, /ProtocolVersionMajor 2\n\s+ProtocolVersionMinor 1/);
  assert.match(answer, /Operation Get\n\s+ResultStatus OperationFailed\n\s+ResultReason UnsupportedProtocolVersion\n\s+ResultMessage "KMIP 3.0 is not supported; 2.1, /);
  assert.match(await harness.sendText(request(17, [{ operation: 'Get', payload: [] }])), /ProtocolVersionMinor 4[\s\S]*ResultReason InvalidMessage/);
});

test('a role without any permission may ask', async () => {
  const stranger = createHarness({ permissions: ['operation_none'] });
  assert.equal(versions((await stranger.perform(discoverVersions, {})).protocolVersion).length, 7);
});
