/**
 * A thread of a load run: connects, says so, waits for the word to go, and reports each second and in the end.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { Generator } from './generator.ts';
import type { LoadJob, Second } from './generator.ts';
import type { Tally } from './tally.ts';

export type ThreadReport = { readonly kind: 'ready' } | { readonly kind: 'second'; readonly second: Second } | { readonly kind: 'done'; readonly tally: Tally; readonly made: readonly string[] };
export type ThreadOrder = 'go' | 'stop';

const port = parentPort!;
const report = (message: ThreadReport): void => port.postMessage(message);
const generator = new Generator(workerData as LoadJob, (second) => report({ kind: 'second', second }));

await generator.connect();
const go = new Promise<void>((resolve) => {
  port.on('message', (order: ThreadOrder) => {
    if (order === 'stop') generator.stop();
    resolve();
  });
});
report({ kind: 'ready' });
await go;
await generator.run();
report({ kind: 'done', tally: generator.tally, made: generator.made });
port.close();
