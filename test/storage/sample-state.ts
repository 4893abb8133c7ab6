/**
 * Objects and scopes for storage tests: small, with a mark in every secret so that a scan of a disk can look for it.
 */
import { State } from '../../src/kmip/enums.ts';
import type { Managed } from '../../src/kmip/managed.ts';
import { sealScopeRootKey } from '../../src/storage/key-ring.ts';
import type { Mutation } from '../../src/storage/mutation.ts';

export const testRootKey = new Uint8Array(32).fill(0x5a);

export function scopePut(scope: string, rootKey: Uint8Array = testRootKey): Mutation {
  return { kind: 'scope-put', record: { scope, sealedRootKey: sealScopeRootKey(rootKey, scope, new Uint8Array(32).fill(scope.length)), createdAt: 1 } };
}

export interface SampleOptions {
  readonly scope?: string;
  readonly name?: string;
  readonly state?: number;
  readonly objectGroup?: string;
  readonly custom?: string;
  readonly keyMaterial?: Uint8Array;
}

export function sampleManaged(uniqueIdentifier: string, options: SampleOptions = {}): Managed {
  const attributes = new Map<string, { index: number; value: unknown }[]>([
    ['CryptographicAlgorithm', [{ index: 0, value: 3 }]],
    ['CryptographicLength', [{ index: 0, value: 256 }]],
    ['State', [{ index: 0, value: options.state ?? State.PreActive }]],
    ['InitialDate', [{ index: 0, value: 1_700_000_000 }]],
    ['UsageLimits', [{ index: 0, value: { usageLimitsTotal: 2n ** 63n - 1n, usageLimitsCount: 5n, usageLimitsUnit: 1 } }]],
  ]);
  if (options.name !== undefined) attributes.set('Name', [{ index: 0, value: { nameValue: options.name, nameType: 1 } }]);
  if (options.objectGroup !== undefined) attributes.set('ObjectGroup', [{ index: 0, value: options.objectGroup }]);
  if (options.custom !== undefined) attributes.set('x-Product', [{ index: 0, value: { tag: 0x42000b, type: 7, value: options.custom } }]);
  return {
    scope: options.scope ?? 'default',
    uniqueIdentifier,
    objectType: 2,
    attributes,
    material: {
      keyBlock: {
        keyFormatType: 1,
        keyValue: { keyMaterial: { tag: 0x420043, type: 8, value: options.keyMaterial ?? new Uint8Array(32).fill(0xab) } },
        cryptographicAlgorithm: 3,
        cryptographicLength: 256,
      } as unknown as NonNullable<NonNullable<Managed['material']>['keyBlock']>,
    },
    revision: 0,
  };
}

export function created(uniqueIdentifier: string, options: SampleOptions = {}): Mutation {
  return { kind: 'managed-created', managed: sampleManaged(uniqueIdentifier, options) };
}

export function attributeSet(uniqueIdentifier: string, name: string, value: unknown, scope = 'default'): Mutation {
  return { kind: 'attributes-changed', scope, uniqueIdentifier, changes: [{ name, instances: value === undefined ? [] : [{ index: 0, value }] }] };
}

export async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const element of iterable) found.push(element);
  return found;
}
