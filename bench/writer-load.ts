/**
 * Creates through the writing thread's own queue, engine and store, without TLS and without a second thread; on the disk as
 * it is, and as if each sync took longer, which tells what group commit gives on slower disks.
 */
import { systemClock } from '../src/clock.ts';
import { silentLog } from '../src/log.ts';
import { Writer } from '../src/server/writer.ts';
import type { Store } from '../src/storage/store.ts';
import { caller, createRequest, engineOver, nameOf, openFolder } from './store-fill.ts';

export interface WriterRates {
  /** Creates a second with one under way, and with 64. */
  readonly one: number;
  readonly group: number;
}

export async function writerRates(folder: string, syncDelayMs: number, milliseconds: number): Promise<WriterRates> {
  const { store } = await openFolder(folder);
  if (syncDelayMs > 0) await delaySyncs(folder, syncDelayMs);
  const writer = writerOver(store);
  let made = 700_000_000 + Math.floor(Math.random() * 1e8);
  const rate = async (submitters: number, time: number): Promise<number> => {
    const began = performance.now();
    let count = 0;
    await Promise.all(Array.from({ length: submitters }, async () => {
      while (performance.now() - began < time) {
        made += 1;
        const { items } = await writer.submit(createRequest(nameOf(made)), caller.credential);
        if (items[0]?.reason !== 0) throw new Error('Create failed');
        count += 1;
      }
    }));
    return (count * 1000) / (performance.now() - began);
  };
  try {
    await rate(64, milliseconds / 4);
    return { one: await rate(1, milliseconds), group: await rate(64, milliseconds) };
  } finally {
    restoreSyncs?.();
    await store.close();
  }
}

function writerOver(store: Store): Writer {
  return new Writer({
    engine: engineOver(store.pending()), store, clock: systemClock, log: silentLog,
    limits: { writerMessages: 8192, writerBytes: 2 ** 27 },
    metrics: { planned() {}, committed() {}, refused() {} },
    callerOf: () => caller,
    publish() {},
    onFault(error) { throw error; },
  });
}

let restoreSyncs: (() => void) | undefined;

/** Every batch of LevelDB's binding waits so much longer. */
async function delaySyncs(folder: string, milliseconds: number): Promise<void> {
  const { ClassicLevel } = await import('classic-level');
  const database = new ClassicLevel(`${folder}/delayed`);
  await database.open();
  const batch = database.batch();
  const prototype = Object.getPrototypeOf(Object.getPrototypeOf(batch)) as { write(options: object): Promise<void> };
  await batch.close();
  await database.close();
  const { write } = prototype;
  prototype.write = async function delayed(options) {
    await write.call(this, options);
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
  };
  restoreSyncs = () => {
    prototype.write = write;
    restoreSyncs = undefined;
  };
}
