/**
 * A worker thread that reads: answers an identifier with the count in its Contact Information (for level-store.test.ts).
 */
import { parentPort, workerData } from 'node:worker_threads';
import { openReader } from '../../src/storage/level-store.ts';

const reader = await openReader(workerData as { folder: string; rootKey: Uint8Array });

parentPort!.on('message', async (message: string) => {
  if (message === 'close') await reader.close();
  const managed = message === 'ready?' || message === 'close' ? undefined : reader.fetch('default', message);
  parentPort!.postMessage(managed === undefined ? 'ready' : Number(managed.attributes.get('ContactInformation')?.[0]?.value));
});
