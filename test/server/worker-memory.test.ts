/**
 * Messages of some kilobytes leave buffers behind; a worker gives them back without marking all of its heap again and again.
 */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import type { ResourceLimits } from 'node:worker_threads';
import { workerMemory } from '../../src/server/worker-memory.ts';

/** As many bytes as code and caches of a worker, then 500 MB of buffers with some objects each; counts collections of the old generation. */
const buffering = `
  const { parentPort } = require('node:worker_threads');
  const { PerformanceObserver, constants } = require('node:perf_hooks');
  const kept = Array.from({ length: 100_000 }, (_, number) => ({ number, next: [number] }));
  let major = 0;
  const observer = new PerformanceObserver((list) => { for (const { detail } of list.getEntries()) if (detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR) major += 1; });
  observer.observe({ entryTypes: ['gc'] });
  let turns = 0;
  const turn = () => {
    for (let message = 0; message < 10; message += 1) {
      const objects = Array.from({ length: 100 }, (_, number) => ({ number }));
      for (let buffer = 0; buffer < 4; buffer += 1) objects[buffer].bytes = new Uint8Array(16_384);
    }
    turns += 1;
    if (turns < 800) setImmediate(turn);
    else setTimeout(() => parentPort.postMessage({ major, kept: kept.length }), 20);
  };
  setImmediate(turn);
`;

async function majorCollections(resourceLimits: ResourceLimits): Promise<number> {
  const worker = new Worker(buffering, { eval: true, resourceLimits });
  try {
    const [{ major }] = (await once(worker, 'message')) as [{ readonly major: number }];
    return major;
  } finally {
    await worker.terminate();
  }
}

test('buffers outside the heap do not make a worker mark all of its heap', async () => {
  const left = await majorCollections({});
  const told = await majorCollections(workerMemory());
  assert.ok(told * 3 <= left, `${told} collections of the old generation; ${left} where V8 is left alone`);
});
