/**
 * VMware vCenter and vSAN (QuintessenceLabs client): KMIP 1.1, batch item ids `QLKC` and a counter.
 *
 * Each connection starts with Discover Versions with an empty payload and without batch item id. A key has no Name but
 * custom attributes: asking for one that is absent must succeed with the identifier alone, three are added in one
 * message, and the key is got while Pre-Active.
 */
import assert from 'node:assert/strict';
import { connect as connectSocket } from 'node:net';
import test from 'node:test';
import { attribute, find, findAll, item } from '../../harness/wire.ts';
import type { Item } from '../../harness/wire.ts';
import { byIdentifier, identifierOf, materialOf, payloadOf } from '../talk.ts';
import type { Site, Talk } from '../talk.ts';

const scope = 'vcenter';

function connection(talk: Talk): (operation: string, payload: readonly Item[]) => Promise<Item> {
  let count = 0;
  return (operation, payload) => {
    count += 1;
    return talk.must(11, operation, payload, { id: Buffer.from([0x51, 0x4c, 0x4b, 0x43, count, 0, 0, 0]) });
  };
}

async function discover(talk: Talk): Promise<void> {
  const versions = findAll(await talk.must(11, 'DiscoverVersions', []), 'ProtocolVersion')
    .map((each) => Number(find(each, 'ProtocolVersionMajor')!.value) * 10 + Number(find(each, 'ProtocolVersionMinor')!.value));
  assert.deepEqual(versions, [21, 20, 14, 13, 12, 11, 10], 'the full list, newest first');
}

export function vcenter(site: Site): void {
  test('vCenter probes the port with a connection that it closes at once', async () => {
    for (let count = 0; count < 5; count += 1) {
      await new Promise<void>((resolve, reject) => {
        const socket = connectSocket(site.running.port, '127.0.0.1', () => socket.end());
        socket.resume();
        socket.once('close', () => resolve());
        socket.once('error', reject);
      });
    }
    await site.once(scope, discover);
  });

  test('vCenter checks the server by a second Discover Versions or by Query, every few minutes on one connection', async () => {
    await site.once(scope, async (talk) => {
      const ask = connection(talk);
      await discover(talk);
      await ask('DiscoverVersions', []);
      const information = await ask('Query', [item('QueryFunction', 'QueryServerInformation')]);
      assert.ok(find(information, 'VendorIdentification'));
    });
  });

  test('vCenter makes a virtual machine key, names it by custom attributes, gets it Pre-Active and activates it', async () => {
    await site.once(scope, async (talk) => {
      const ask = connection(talk);
      await discover(talk);
      const identifier = identifierOf(await ask('Create', [
        item('ObjectType', 'SymmetricKey'),
        item('TemplateAttribute', [attribute('Cryptographic Algorithm', 'AES'), attribute('Cryptographic Usage Mask', 12), attribute('Cryptographic Length', 256)]),
      ]));
      const names = ['x-Product_Version', 'x-Vendor', 'x-Product', 'x-Identifier', 'x-Component', 'x-Name'];
      for (const name of names) {
        const payload = await ask('GetAttributes', [byIdentifier(identifier), item('AttributeName', name)]);
        assert.equal(identifierOf(payload), identifier);
        assert.equal(payload.children!.length, 1, `${name} is absent: success with the identifier alone`);
      }
      const values: [name: string, value: string][][] = [
        [['x-Product_Version', '7.0.3 build-19480866'], ['x-Vendor', 'VMware, Inc.'], ['x-Product', 'VMware vSphere']],
        [['x-Component', 'Virtual Machine'], ['x-Identifier', '420f5a4e-0c3b-0fd5-2ea1-4f4f4e1a9c2b'], ['x-Name', 'test01']],
      ];
      for (const group of values) {
        const added = await talk.batch(11, group.map(([name, value], index) => ({
          operation: 'AddAttribute',
          id: Buffer.from([0x51, 0x4c, 0x4b, 0x43, 100 + index, 0, 0, 0]),
          payload: [byIdentifier(identifier), attribute(name, value)],
        })));
        assert.equal(added.length, 3);
        added.forEach((each, index) => {
          const back = find(payloadOf(each), 'Attribute');
          assert.equal(find(back, 'AttributeName')!.value, group[index]![0]);
          assert.equal(find(back, 'AttributeValue')!.value, group[index]![1]);
        });
      }
      const material = materialOf(await ask('Get', [byIdentifier(identifier)]));
      assert.equal(material.length, 32);
      const state = async (): Promise<unknown> => find(await ask('GetAttributes', [byIdentifier(identifier), item('AttributeName', 'State')]), 'Attribute', 'AttributeValue')!.value;
      assert.equal(await state(), 1);
      await ask('Activate', [byIdentifier(identifier)]);
      assert.equal(await state(), 2);
      for (const [name, value] of values.flat()) {
        const back = findAll(await ask('GetAttributes', [byIdentifier(identifier), item('AttributeName', name)]), 'Attribute');
        assert.equal(back.length, 1);
        assert.equal(find(back[0], 'AttributeValue')!.value, value);
      }
      const found = await ask('Locate', [attribute('x-Identifier', '420f5a4e-0c3b-0fd5-2ea1-4f4f4e1a9c2b')]);
      assert.deepEqual(findAll(found, 'UniqueIdentifier').map((each) => each.value), [identifier]);
    });
    await site.once(scope, async (talk) => { await discover(talk); }, { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' });
  });
}
