/**
 * The keys of a load run: made before it, gone after it. AES-256, Active, each with a Name that holds the run's own mark.
 *
 * Invariant: what was made is destroyed whatever happens in between, as far as the server lets us; what is left is counted.
 */
import type { AttributeInstance } from '../../kmip/attributes.ts';
import { CryptographicAlgorithm, CryptographicUsageMask, NameType, ObjectType, RevocationReasonCode } from '../../kmip/enums.ts';
import type { KmipClient } from '../client.ts';
import { LoadError } from './plan.ts';

/** Requests under way while keys are made and destroyed. */
const atOnce = 64;

export const keyBits = 256;

export const keyAttributes: readonly AttributeInstance[] = [
  { name: 'CryptographicAlgorithm', value: CryptographicAlgorithm.AES },
  { name: 'CryptographicLength', value: keyBits },
  { name: 'CryptographicUsageMask', value: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt },
];

export function nameAttribute(mark: string, index: number): AttributeInstance {
  return { name: 'Name', value: { nameValue: `load-${mark}-${index}`, nameType: NameType.UninterpretedTextString } };
}

/** Runs the work for 0 … count - 1, `atOnce` at a time; the first failure ends it after those under way. */
export async function forEachIndex(count: number, work: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const failures: unknown[] = [];
  const runner = async (): Promise<void> => {
    while (next < count && failures.length === 0) await work(next++).catch((error: unknown) => failures.push(error));
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, runner));
  if (failures.length > 0) throw failures[0];
}

/** Identifiers of `count` Active keys, added to `made` as they come, so that a failure half-way leaves none unknown. */
export async function makeKeys(client: KmipClient, mark: string, count: number, made: string[]): Promise<string[]> {
  const identifiers: string[] = [];
  try {
    await forEachIndex(count, async (index) => {
      const { uniqueIdentifier } = await client.create({ objectType: ObjectType.SymmetricKey, attributes: [...keyAttributes, nameAttribute(mark, index)] });
      made.push(uniqueIdentifier);
      identifiers[index] = uniqueIdentifier;
      await client.activate({ uniqueIdentifier });
    });
  } catch (error) {
    throw new LoadError(`the server did not make the keys of the run: ${(error as Error).message}`, { cause: error });
  }
  return identifiers;
}

/** Destroys all of them, revoked before where they are `active`, until `deadline` (performance.now()); gives how many are left. */
export async function destroyKeys(client: KmipClient, identifiers: readonly string[], active: boolean, deadline: number): Promise<number> {
  let left = 0;
  await forEachIndex(identifiers.length, async (index) => {
    const uniqueIdentifier = identifiers[index]!;
    if (performance.now() > deadline) {
      left += 1;
      return;
    }
    try {
      // One that was never activated refuses it, or does not mind; either way Destroy tells.
      if (active) await client.revoke({ uniqueIdentifier, revocationReason: { revocationReasonCode: RevocationReasonCode.CessationOfOperation } }).catch(() => undefined);
      await client.destroy({ uniqueIdentifier });
    } catch {
      left += 1;
    }
  });
  return left;
}
