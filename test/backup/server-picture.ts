/**
 * All that a client can see of its objects, as one value to compare: the order of Locate, every object by Get and Get Attributes.
 * And state to look at: objects of many kinds, of every life-cycle state, in more than one scope.
 */
import { KmipFailure } from '../../src/client/client.ts';
import type { KmipClient } from '../../src/client/client.ts';
import { BlockCipherMode, CryptographicAlgorithm, CryptographicUsageMask, KeyFormatType, ObjectType, RevocationReasonCode, SecretDataType, UsageLimitsUnit } from '../../src/kmip/enums.ts';
import { ItemType } from '../../src/kmip/item-types.ts';
import { Tag } from '../../src/kmip/tags.ts';

export type Client = InstanceType<typeof KmipClient>;

/** On-line, archived, destroyed. */
const everyStatus = 7;

export async function pictureOf(client: Client): Promise<unknown> {
  const { uniqueIdentifier: located } = await client.locate({ storageStatusMask: everyStatus } as Parameters<Client['locate']>[0]);
  const objects: unknown[] = [];
  for (const uniqueIdentifier of located!) {
    const got = await client.get({ uniqueIdentifier }).catch(reasonOf);
    objects.push([uniqueIdentifier, got, await client.getAttributes({ uniqueIdentifier } as Parameters<Client['getAttributes']>[0]).catch(reasonOf)]);
  }
  return objects;
}

function reasonOf(error: unknown): unknown {
  if (error instanceof KmipFailure) return error.reason;
  throw error;
}

const maskOf = CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt;

export async function createKey(client: Client, name: string, more: readonly { name: string; value: unknown }[] = []): Promise<string> {
  const attributes = [
    { name: 'CryptographicAlgorithm', value: CryptographicAlgorithm.AES }, { name: 'CryptographicLength', value: 256 }, { name: 'CryptographicUsageMask', value: maskOf },
    { name: 'Name', value: { nameValue: name, nameType: 1 } }, ...more,
  ];
  return (await client.create({ objectType: ObjectType.SymmetricKey, attributes } as Parameters<Client['create']>[0])).uniqueIdentifier;
}

/** The nonce of an Encrypt whose nonce the server makes: four bytes of prefix, eight of a counter. */
export async function sealedBy(client: Client, uniqueIdentifier: string, text = 'what is kept'): Promise<{ readonly prefix: number; opened(by: Client): Promise<string> }> {
  const cryptographicParameters = { blockCipherMode: BlockCipherMode.GCM, tagLength: 16 };
  const { data, ivCounterNonce, authenticatedEncryptionTag } = await client.encrypt({ uniqueIdentifier, data: Buffer.from(text), cryptographicParameters });
  return {
    prefix: Buffer.from(ivCounterNonce!).readUInt32BE(),
    async opened(by) {
      const answer = await by.decrypt({ uniqueIdentifier, data: data!, ivCounterNonce: ivCounterNonce!, authenticatedEncryptionTag: authenticatedEncryptionTag!, cryptographicParameters });
      return Buffer.from(answer.data!).toString();
    },
  };
}

/** Objects whose making, changes and ends leave something of every kind in the store. Returns one that can encrypt. */
export async function fillState(client: Client, prefix: string, count = 12): Promise<string> {
  let active = '';
  for (let index = 0; index < count; index += 1) {
    const more = index % 3 === 0 ? [{ name: 'ObjectGroup', value: `group ${index % 2}` }] : index % 3 === 1 ? [{ name: 'UsageLimits', value: { usageLimitsTotal: 1_000_000n, usageLimitsCount: 1_000_000n, usageLimitsUnit: UsageLimitsUnit.Object } }] : [];
    const uniqueIdentifier = await createKey(client, `${prefix} ${index}`, more);
    if (index % 4 === 0) continue;
    await client.activate({ uniqueIdentifier });
    if (index % 4 === 1) {
      active = uniqueIdentifier;
      continue;
    }
    await client.revoke({ uniqueIdentifier, revocationReason: { revocationReasonCode: RevocationReasonCode.CessationOfOperation, revocationMessage: 'done with' } } as Parameters<Client['revoke']>[0]);
    if (index % 4 === 3) await client.destroy({ uniqueIdentifier });
  }
  await client.register({
    objectType: ObjectType.SecretData,
    attributes: [{ name: 'Name', value: { nameValue: `${prefix} secret`, nameType: 1 } }, { name: 'CryptographicUsageMask', value: maskOf }],
    secretData: { secretDataType: SecretDataType.Password, keyBlock: { keyFormatType: KeyFormatType.Opaque, keyValue: { keyMaterial: { tag: Tag.KeyMaterial, type: ItemType.ByteString, value: Buffer.from('correct horse') } } } },
  } as Parameters<Client['register']>[0]);
  // The same Name again, since its holder was destroyed; and a batch, whose objects share one write set.
  await createKey(client, `${prefix} 3`);
  const calls = [0, 1, 2].map(() => ({ operation: 'Create' as const, request: { objectType: ObjectType.SymmetricKey, attributes: [{ name: 'CryptographicAlgorithm', value: CryptographicAlgorithm.AES }, { name: 'CryptographicLength', value: 128 }, { name: 'CryptographicUsageMask', value: maskOf }] } as Parameters<Client['create']>[0] }));
  await client.batch(calls);
  return active;
}
