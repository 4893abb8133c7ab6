/**
 * A node's data folder with as many named keys as wanted: made as a first start makes it, filled by commits of a thousand
 * objects, which is the store's own way in and takes a fraction of a request's time.
 *
 * Invariant: the objects are what Create stores (one real Create is the pattern), each with its own identifier, Name, key.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { systemClock } from '../src/clock.ts';
import { writeRequest } from '../src/codec/message.ts';
import { bootstrap, defaultScope } from '../src/identity/bootstrap.ts';
import { CryptographicAlgorithm, CryptographicUsageMask, NameType, ObjectType } from '../src/kmip/enums.ts';
import type { Managed } from '../src/kmip/managed.ts';
import { silentLog } from '../src/log.ts';
import type { Caller } from '../src/operations/context.ts';
import { create } from '../src/operations/create.ts';
import { identifierSource, systemRandom } from '../src/random.ts';
import { createEngine } from '../src/server/engine-parts.ts';
import type { EnginePort } from '../src/server/engine-port.ts';
import { createLevelStore } from '../src/storage/level-store.ts';
import type { Mutation } from '../src/storage/mutation.ts';
import { loadRootKey } from '../src/storage/root-key.ts';
import type { ReadStore, Store } from '../src/storage/store.ts';
import { chooseCoreBuild, compileCore } from '../src/wasm/load.ts';

const objectsPerCommit = 1000;
/** Commits handed in before the first is waited for. */
const commitsAhead = 4;

export const caller: Caller = { scope: defaultScope, role: 'admin', permissions: ['operation_all'], credential: 'bench' };

/** The Name of the object with this number, the same length for all. */
export function nameOf(number: number): string {
  return `bench/volume-${String(number).padStart(9, '0')}`;
}

/** A Create of an AES-256 key with a Name; Active at once where wanted. */
export function createRequest(name: string, isActive = false): Buffer {
  const attributes = [
    { name: 'CryptographicAlgorithm', value: CryptographicAlgorithm.AES },
    { name: 'CryptographicLength', value: 256 },
    { name: 'CryptographicUsageMask', value: CryptographicUsageMask.Encrypt | CryptographicUsageMask.Decrypt },
    { name: 'Name', value: { nameValue: name, nameType: NameType.UninterpretedTextString } },
    ...(isActive ? [{ name: 'ActivationDate', value: 1 }] : []),
  ];
  return Buffer.from(writeRequest(14, {}, [{ operation: create.code, payload: { type: create.request, value: { objectType: ObjectType.SymmetricKey, attributes } } }]));
}

/** An engine over any view of a store, as the node's threads have one. */
export function engineOver(store: ReadStore): EnginePort {
  const server = { vendorIdentification: 'kmipd', serverVersion: 'bench', serverName: 'kmipd' };
  return createEngine({ store, core: compileCore(chooseCoreBuild()), crossovers: undefined, streamKey: systemRandom(32), noncePrefix: 1, server, clock: systemClock, log: silentLog }).engine;
}

export async function openFolder(folder: string): Promise<{ readonly store: Awaited<ReturnType<typeof createLevelStore>>; readonly rootKey: Uint8Array }> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const storeFolder = path.join(folder, 'store');
  const { bytes } = await loadRootKey({ folder, storeFolder });
  return { store: await createLevelStore({ folder: storeFolder, rootKey: bytes }), rootKey: bytes };
}

/** Adds objects numbered from `first` up to, not including, `end`; tells each one's identifier. Gives the seconds that took. */
export async function fill(folder: string, first: number, end: number, options: { readonly isActive?: boolean; readonly onMade?: (uniqueIdentifier: string) => void } = {}): Promise<number> {
  const { store, rootKey } = await openFolder(folder);
  await bootstrap({ store, rootKey, folder, serverNames: [], random: systemRandom, now: () => Math.floor(Date.now() / 1000) });
  const pattern = await patternObject(store, options.isActive ?? false);
  const newIdentifier = identifierSource(systemClock);
  const began = performance.now();
  const ahead: Promise<unknown>[] = [];
  for (let next = first; next < end; next += objectsPerCommit) {
    const mutations: Mutation[] = [];
    for (let number = next; number < Math.min(end, next + objectsPerCommit); number++) {
      const uniqueIdentifier = newIdentifier();
      options.onMade?.(uniqueIdentifier);
      mutations.push({ kind: 'managed-created', managed: variant(pattern, uniqueIdentifier, nameOf(number)) });
    }
    ahead.push(store.commit(mutations));
    if (ahead.length >= commitsAhead) await ahead.shift();
  }
  await Promise.all(ahead);
  const seconds = (performance.now() - began) / 1000;
  await store.close();
  return seconds;
}

async function patternObject(store: Store, isActive: boolean): Promise<Managed> {
  const executed = await engineOver(store.pending()).execute(createRequest('bench pattern', isActive), caller, true);
  const [mutation] = executed.needsPrimary ? [] : executed.mutations;
  if (mutation?.kind !== 'managed-created') throw new Error('Create did not plan an object');
  return mutation.managed;
}

function variant(pattern: Managed, uniqueIdentifier: string, name: string): Managed {
  const attributes = new Map(pattern.attributes);
  attributes.set('Name', [{ index: 0, value: { nameValue: name, nameType: NameType.UninterpretedTextString } }]);
  const keyBlock = pattern.material!.keyBlock!;
  const keyValue = keyBlock.keyValue as Exclude<typeof keyBlock.keyValue, Uint8Array | undefined>;
  const material = { keyBlock: { ...keyBlock, keyValue: { ...keyValue, keyMaterial: { ...keyValue.keyMaterial, value: new Uint8Array(randomBytes(32)) } } } };
  return { ...pattern, uniqueIdentifier, attributes, material };
}

/** Bytes of all files of the store. */
export function storeBytes(folder: string): number {
  const files = path.join(folder, 'store');
  return readdirSync(files).reduce((sum, file) => sum + statSync(path.join(files, file)).size, 0);
}
