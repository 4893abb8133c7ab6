/**
 * Fills a cluster with keys: many Creates in a message, several connections.
 */
import { KmipClient } from '../../../src/client/client.ts';
import { CryptographicAlgorithm, CryptographicUsageMask, NameType, ObjectType } from '../../../src/kmip/enums.ts';
import type { RealCluster } from './real-cluster.ts';

const batchItems = 50;
const connections = 8;

/** Identifiers of `count` new keys, in no order. */
export async function preload(cluster: RealCluster, count: number, say: (line: string) => void): Promise<readonly string[]> {
  const identifiers: string[] = [];
  const startedAt = performance.now();
  let begun = 0;
  let told = startedAt;
  const fill = async (): Promise<void> => {
    const client = new KmipClient({ host: '127.0.0.1', port: cluster.port, ...cluster.credential, timeoutMs: 60_000 });
    while (begun < count) {
      const items = Math.min(batchItems, count - begun);
      const first = begun;
      begun += items;
      const outcomes = await client.batch(
        Array.from({ length: items }, (_, index) => ({
          operation: 'Create' as const,
          request: {
            objectType: ObjectType.SymmetricKey,
            attributes: [
              { name: 'CryptographicAlgorithm' as const, value: CryptographicAlgorithm.AES },
              { name: 'CryptographicLength' as const, value: 256 },
              { name: 'CryptographicUsageMask' as const, value: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt },
              { name: 'Name' as const, value: { nameValue: `preloaded-${first + index}`, nameType: NameType.UninterpretedTextString } },
            ],
          },
        })),
      );
      for (const outcome of outcomes) {
        if (outcome instanceof Error) throw outcome;
        identifiers.push(outcome.uniqueIdentifier);
      }
      if (performance.now() - told < 10_000) continue;
      told = performance.now();
      say(`  ${identifiers.length} of ${count} keys made, ${Math.round(identifiers.length / ((told - startedAt) / 1000))} a second`);
    }
    await client.close();
  };
  await Promise.all(Array.from({ length: Math.min(connections, Math.ceil(count / batchItems)) }, fill));
  return identifiers;
}
