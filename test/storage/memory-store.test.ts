/**
 * The memory store keeps the storage contract.
 */
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { storeContract } from './store-contract.ts';

storeContract('memory store', async () => {
  const store = createMemoryStore();
  return { store, dispose: () => store.close() };
});
