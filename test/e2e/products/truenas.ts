/**
 * TrueNAS middleware (Debian's PyKMIP client): KMIP 1.2 in every header, TLS 1.2 pinned, no Time Stamp, no batch item id.
 *
 * Keys of data sets and disks are Secret Data Password in Opaque format with usage mask 0 and names full of blanks,
 * slashes and braces. Pushing uses one connection, pulling one connection a key, and the check of `kmip.update` is a
 * TLS connection without any KMIP byte.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { attribute, find, item } from '../../harness/wire.ts';
import type { Item } from '../../harness/wire.ts';
import { assertRefused, byIdentifier, identifierOf, materialOf, nameAttributeValue } from '../talk.ts';
import type { Site } from '../talk.ts';

const pinned = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const;
const scope = 'truenas';

function registration(name: string, secret: string): Item[] {
  return [
    item('ObjectType', 'SecretData'),
    item('TemplateAttribute', [attribute('Cryptographic Usage Mask', 0), attribute('Name', nameAttributeValue(name))]),
    item('SecretData', [
      item('SecretDataType', 'Password'),
      item('KeyBlock', [item('KeyFormatType', 'Opaque'), item('KeyValue', [item('KeyMaterial', Buffer.from(secret, 'utf8'))])]),
    ]),
  ];
}

export function truenas(site: Site): void {
  const secrets: [name: string, secret: string][] = [
    ['tank/enc ds-2e3872e', '6'.repeat(64)],
    ['{serial_lunid}S3Z8NB0K123456_5002538e40000000-1a2b3c4', 'pässword of a disk'],
    ['global_sed_key-0f0f0f0', 'global'],
  ];

  test('TrueNAS registers, activates, pulls, revokes and destroys its keys', async () => {
    const identifiers: string[] = [];
    await site.once(scope, async (talk) => {
      assert.equal(talk.wire.protocol, 'TLSv1.2');
      for (const [name, secret] of secrets) {
        const identifier = identifierOf(await talk.must(12, 'Register', registration(name, secret)));
        assert.equal(identifierOf(await talk.must(12, 'Activate', [byIdentifier(identifier)])), identifier);
        identifiers.push(identifier);
      }
    }, pinned);
    for (const [index, [, secret]] of secrets.entries()) {
      await site.once(scope, async (talk) => {
        const got = await talk.must(12, 'Get', [byIdentifier(identifiers[index]!)]);
        assert.equal(find(got, 'ObjectType')!.value, 7);
        assert.equal(find(got, 'SecretData', 'SecretDataType')!.value, 1);
        assert.equal(find(got, 'SecretData', 'KeyBlock', 'KeyFormatType')!.value, 2);
        assert.equal(materialOf(got).toString('utf8'), secret);
      }, pinned);
    }
    for (const identifier of identifiers) {
      await site.once(scope, async (talk) => {
        const reason = item('RevocationReason', [item('RevocationReasonCode', 'CessationOfOperation')]);
        await talk.must(12, 'Revoke', [byIdentifier(identifier), reason]);
        await talk.must(12, 'Destroy', [byIdentifier(identifier)]);
        assertRefused(await talk.ask(12, 'Get', [byIdentifier(identifier)]), 'ItemNotFound');
      }, pinned);
    }
  });

  test('TrueNAS destroys a Pre-Active secret after a failed Activate', async () => {
    await site.once(scope, async (talk) => {
      const identifier = identifierOf(await talk.must(12, 'Register', registration('left over-1234567', 'x')));
      await talk.must(12, 'Destroy', [byIdentifier(identifier)]);
    }, pinned);
  });

  test('the check of kmip.update, a TLS connection without a KMIP byte, does no harm', async () => {
    for (let count = 0; count < 20; count += 1) await site.once(scope, async () => {}, pinned);
    await site.once(scope, async (talk) => { await talk.must(12, 'DiscoverVersions', []); }, pinned);
  });

  test('a failure has the reason and the message that PyKMIP needs to raise its error', async () => {
    await site.once(scope, async (talk) => {
      const refused = await talk.ask(12, 'Get', [byIdentifier('no-such-key')]);
      assertRefused(refused, 'ItemNotFound');
      assert.ok(refused.message!.length > 0);
    }, pinned);
  });
}
