/**
 * Percona pg_tde (libkmip f3f21ce): a new connection a call, Locate and Get at 1.0 but Register at 1.4 for one object.
 *
 * Every request has Maximum Response Size 8192 and a Time Stamp. The AES key carries a Key Compression Type. A key is
 * never activated, so Get has to work on a Pre-Active one. The client keeps at most 127 characters of an identifier.
 */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { attribute, find, item } from '../../harness/wire.ts';
import type { Item } from '../../harness/wire.ts';
import { byIdentifier, identifierOf, identifiersOf, materialOf, nameAttributeValue } from '../talk.ts';
import type { Site } from '../talk.ts';

const scope = 'pg-tde';
const header = (): Item[] => [item('MaximumResponseSize', 8192), item('TimeStamp', BigInt(Math.floor(Date.now() / 1000)))];

const locate = (name: string): Item[] => [
  item('MaximumItems', 16),
  attribute('Object Type', 'SymmetricKey'),
  attribute('Name', nameAttributeValue(name)),
];

const registration = (name: string, material: Buffer): Item[] => [
  item('ObjectType', 'SymmetricKey'),
  item('TemplateAttribute', [
    attribute('Cryptographic Algorithm', 'AES'),
    attribute('Cryptographic Length', material.length * 8),
    attribute('Cryptographic Usage Mask', 12),
    attribute('Name', nameAttributeValue(name)),
  ]),
  item('SymmetricKey', [item('KeyBlock', [
    item('KeyFormatType', 'Raw'),
    item('KeyCompressionType', 1, 'Enumeration'),
    item('KeyValue', [item('KeyMaterial', material)]),
    item('CryptographicAlgorithm', 'AES'),
    item('CryptographicLength', material.length * 8),
  ])]),
];

export function pgTde(site: Site): void {
  for (const length of [16, 32]) {
    test(`pg_tde stores and reads back a ${length * 8} bit principal key, mixing 1.0 and 1.4`, async () => {
      const name = `pg-tde-principal-${length}`;
      const material = randomBytes(length);
      const identifier = await site.once(scope, async (talk) => {
        assert.deepEqual(identifiersOf(await talk.must(10, 'Locate', locate(name), { header: header() })), []);
        return identifierOf(await talk.must(14, 'Register', registration(name, material), { header: header() }));
      });
      assert.ok(identifier.length <= 127);
      await site.once(scope, async (talk) => {
        const found = await talk.must(10, 'Locate', locate(name), { header: header() });
        assert.deepEqual(identifiersOf(found), [identifier]);
        assert.equal(find(found, 'LocatedItems'), undefined);
        const got = await talk.must(10, 'Get', [byIdentifier(identifier)], { header: header() });
        assert.equal(find(got, 'ObjectType')!.value, 2);
        const block = find(got, 'SymmetricKey', 'KeyBlock');
        assert.equal(find(block, 'KeyFormatType')!.value, 1);
        assert.equal(find(block, 'KeyWrappingData'), undefined);
        assert.deepEqual(materialOf(got), material);
      });
    });
  }

  test('pg_tde gets at most the sixteen identifiers that it has room for', async () => {
    await site.once(scope, async (talk) => {
      for (let count = 0; count < 18; count += 1) await talk.must(14, 'Register', registration(`pg-tde-many-${count}`, randomBytes(16)), { header: header() });
      const payload = [item('MaximumItems', 16), attribute('Object Type', 'SymmetricKey')];
      assert.equal(identifiersOf(await talk.must(10, 'Locate', payload, { header: header() })).length, 16);
    });
  });
}
