/**
 * Ceph and its kin: RGW (ceph/libkmip at 1.0) and the Go clients of ceph-csi, rook and noobaa (gemalto kmip-go at 1.4).
 *
 * RGW locates by Name alone and fails on any Located Items in a 1.0 answer. The Go clients start each connection with
 * Discover Versions naming only 1.4 and want exactly that one back; noobaa reads algorithm and length in the key block.
 */
import assert from 'node:assert/strict';
import { createCipheriv, randomBytes } from 'node:crypto';
import test from 'node:test';
import { attribute, find, findAll, item } from '../../harness/wire.ts';
import type { Item } from '../../harness/wire.ts';
import { assertRefused, byIdentifier, bytesOf, identifierOf, identifiersOf, materialOf, nameAttributeValue } from '../talk.ts';
import type { Site, Talk } from '../talk.ts';

const scope = 'ceph';
const version14 = item('ProtocolVersion', [item('ProtocolVersionMajor', 1), item('ProtocolVersionMinor', 4)]);

/** A kmip-go connection: a 16-byte batch item id each message, and the version agreed on first. */
async function goClient<Result>(site: Site, use: (ask: (operation: string, payload: readonly Item[]) => Promise<Item>) => Promise<Result>): Promise<Result> {
  return site.once(scope, async (talk) => {
    const ask = (operation: string, payload: readonly Item[]): Promise<Item> => talk.must(14, operation, payload, { id: randomBytes(16) });
    const versions = findAll(await ask('DiscoverVersions', [version14]), 'ProtocolVersion');
    assert.equal(versions.length, 1, 'the list must be cut to what the client named');
    assert.deepEqual([find(versions[0], 'ProtocolVersionMajor')!.value, find(versions[0], 'ProtocolVersionMinor')!.value], [1, 4]);
    return use(ask);
  }, { minVersion: 'TLSv1.2' });
}

export function ceph(site: Site): void {
  test('Ceph RGW locates a key by its name alone and gets 32 raw bytes, on one kept connection', async () => {
    const material = randomBytes(32);
    const credential = item('Authentication', [item('Credential', [
      item('CredentialType', 'UsernameAndPassword'),
      item('CredentialValue', [item('Username', 'rgw'), item('Password', 'secret')]),
    ])]);
    await site.once(scope, async (talk: Talk) => {
      await talk.must(10, 'Register', [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [
          attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12),
          attribute('Name', nameAttributeValue('bucket-key')),
        ]),
        item('SymmetricKey', [item('KeyBlock', [
          item('KeyFormatType', 'Raw'), item('KeyValue', [item('KeyMaterial', material)]), item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', 256),
        ])]),
      ]);
      for (const header of [[], [credential]]) {
        const found = await talk.must(10, 'Locate', [attribute('Name', nameAttributeValue('bucket-key'))], { header });
        assert.equal(find(found, 'LocatedItems'), undefined, 'RGW fails on Located Items (-4)');
        assert.equal(identifiersOf(found).length, 1);
        const got = await talk.must(10, 'Get', [byIdentifier(identifiersOf(found)[0]!)], { header });
        assert.equal(find(got, 'SymmetricKey', 'KeyBlock', 'KeyFormatType')!.value, 1);
        assert.deepEqual(materialOf(got), material);
      }
      assert.deepEqual(identifiersOf(await talk.must(10, 'Locate', [attribute('Name', nameAttributeValue('no-such-bucket'))])), []);
    });
  });

  test('rook and noobaa register an Export-only key, get it and destroy it while Pre-Active', async () => {
    const material = randomBytes(32);
    const identifier = await goClient(site, async (ask) => identifierOf(await ask('Register', [
      item('ObjectType', 'SymmetricKey'),
      item('TemplateAttribute', [attribute('Cryptographic Usage Mask', 0x40)]),
      item('SymmetricKey', [item('KeyBlock', [
        item('KeyFormatType', 'Raw'), item('KeyValue', [item('KeyMaterial', material)]), item('CryptographicAlgorithm', 'AES'), item('CryptographicLength', 256),
      ])]),
    ])));
    await goClient(site, async (ask) => {
      const got = await ask('Get', [byIdentifier(identifier)]);
      assert.equal(identifierOf(got), identifier);
      const block = find(got, 'SymmetricKey', 'KeyBlock');
      assert.equal(find(block, 'KeyFormatType')!.value, 1);
      assert.equal(find(block, 'CryptographicAlgorithm')!.value, 3);
      assert.equal(find(block, 'CryptographicLength')!.value, 256);
      assert.deepEqual(materialOf(got), material);
    });
    await goClient(site, async (ask) => { assert.equal(identifierOf(await ask('Destroy', [byIdentifier(identifier)])), identifier); });
    await site.once(scope, async (talk) => assertRefused(await talk.ask(14, 'Get', [byIdentifier(identifier)]), 'ItemNotFound'));
  });

  test('ceph-csi has its data keys encrypted and decrypted under an IV of its own, or gets the key', async () => {
    const identifier = await goClient(site, async (ask) => {
      const made = identifierOf(await ask('Create', [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Length', 256), attribute('Cryptographic Usage Mask', 12)]),
      ]));
      await ask('Activate', [byIdentifier(made)]);
      return made;
    });
    const parameters = item('CryptographicParameters', [item('BlockCipherMode', 'CBC'), item('PaddingMethod', 'PKCS5'), item('CryptographicAlgorithm', 'AES')]);
    const iv = randomBytes(16);
    const dataKey = randomBytes(32);
    const sealed = await goClient(site, async (ask) => bytesOf(find(await ask('Encrypt', [byIdentifier(identifier), parameters, item('Data', dataKey), item('IVCounterNonce', iv)]), 'Data')));
    const opened = await goClient(site, async (ask) => bytesOf(find(await ask('Decrypt', [byIdentifier(identifier), parameters, item('Data', sealed), item('IVCounterNonce', iv)]), 'Data')));
    assert.deepEqual(opened, dataKey);
    const material = await goClient(site, async (ask) => materialOf(await ask('Get', [byIdentifier(identifier)])));
    const oracle = createCipheriv('aes-256-cbc', material, iv);
    assert.deepEqual(sealed, Buffer.concat([oracle.update(dataKey), oracle.final()]));
  });
}
