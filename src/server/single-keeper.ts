/**
 * A node that keeps its state alone: its own LevelDB, written by its own main thread (writer.ts).
 */
import { identifyFingerprint } from '../identity/identify.ts';
import { createLevelStore } from '../storage/level-store.ts';
import type { Store } from '../storage/store.ts';
import { createEngine } from './engine-parts.ts';
import type { Keeper, KeeperEvents, KeeperParts } from './keeper.ts';
import { warmUpPlanning } from './warm-up.ts';
import { Writer } from './writer.ts';
import type { WriterPorts } from './writer.ts';

export const streamKeySetting = 'stream-key';
const streamKeyBytes = 32;

export interface SingleKeeperParts extends KeeperParts {
  readonly metrics: WriterPorts['metrics'];
  random(length: number): Uint8Array;
}

export async function openSingleKeeper(parts: SingleKeeperParts, events: KeeperEvents): Promise<{ readonly keeper: Keeper; readonly streamKey: Uint8Array }> {
  const { core, crossovers, server, clock, log, limits, metrics } = parts;
  const store = await createLevelStore(parts.store);
  const streamKey = await settingOnce(store, streamKeySetting, () => parts.random(streamKeyBytes));
  const { engine } = createEngine({ store: store.pending(), core, crossovers, streamKey, noncePrefix: await takeNoncePrefix(store, store), server, clock, log });
  await warmUpPlanning(engine, clock);
  const writer = new Writer({
    engine, store, clock, log, limits, metrics, onFault: events.onFault,
    callerOf: (credential, pending) => identifyFingerprint(pending, credential, Math.floor(clock.now() / 1000)).caller,
    publish: events.changed,
  });
  const keeper: Keeper = {
    view: store.pending(),
    get queued() { return writer.queued; },
    get sequence() { return store.sequence; },
    read: async (look) => look(store),
    notReady: () => undefined,
    sendsAway: () => undefined,
    ready: async () => undefined,
    submit: (message, credential) => writer.submit(message, credential),
    commit: (mutations) => writer.commit(mutations),
    takeNoncePrefix: () => takeNoncePrefix(store, writer),
    // The same server may come back from it, so all its settings are in it.
    backup: (mark) => store.backup({ mark, isNodesOwn: () => false }),
    status: () => undefined,
    leave: async () => undefined,
    drained: () => writer.drained(),
    farewell: () => undefined,
    close: () => store.close(),
  };
  return { keeper, streamKey };
}

/** A secret setting that is made at the first start and kept sealed in the store. */
async function settingOnce(store: Store, name: string, make: () => Uint8Array): Promise<Uint8Array> {
  const kept = store.setting(name);
  if (kept !== undefined) return kept;
  const value = make();
  await store.commit([{ kind: 'setting-put', name, value }]);
  return value;
}

/** A prefix that no thread had before, durable before it is used. */
async function takeNoncePrefix(store: Store, through: Pick<Store, 'commit'>): Promise<number> {
  const prefix = store.nextNoncePrefix;
  await through.commit([{ kind: 'nonce-prefix-taken', prefix }]);
  return prefix;
}
