/**
 * A bootstrapped memory store for identity and control tests, with a clock that a test can set.
 */
import { randomBytes } from 'node:crypto';
import type { TestContext } from 'node:test';
import { bootstrap } from '../../src/identity/bootstrap.ts';
import type { Bootstrapped } from '../../src/identity/bootstrap.ts';
import type { Journal } from '../../src/storage/journal.ts';
import { createMemoryStore } from '../../src/storage/memory-store.ts';
import { temporaryFolder } from '../storage/temporary-folder.ts';

export const startOfTime = 1_800_000_000;

export interface MemoryIdentity {
  readonly store: Journal;
  readonly folder: string;
  readonly clock: { now: number };
  start(serverNames?: readonly string[]): Promise<Bootstrapped>;
}

export async function memoryIdentity(test: TestContext): Promise<MemoryIdentity> {
  const store = createMemoryStore();
  const folder = await temporaryFolder(test);
  const clock = { now: startOfTime };
  const rootKey = new Uint8Array(32).fill(4);
  const random = (length: number): Uint8Array => new Uint8Array(randomBytes(length));
  return { store, folder, clock, start: (serverNames = []) => bootstrap({ store, rootKey, folder, serverNames, random, now: () => clock.now }) };
}
