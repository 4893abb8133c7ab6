// The choice of the build, and what an instance promises: no imports, memory that grows to its limit and no further.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { MEMORY_PAGES_MAX } from '../../core/abi.ts';
import { chooseCoreBuild, compileCore, instantiateCore } from '../../src/wasm/load.ts';

test('the relaxed build is chosen where relaxed SIMD compiles, and KMIPD_CORE overrides the probe', () => {
  assert.equal(chooseCoreBuild(''), 'relaxed', 'this Node has relaxed SIMD');
  assert.equal(chooseCoreBuild('strict'), 'strict');
  assert.equal(chooseCoreBuild('relaxed'), 'relaxed');
  assert.throws(() => chooseCoreBuild('fast'), /KMIPD_CORE is "fast"; allowed are relaxed and strict/);
});

test('reserve hands out aligned, zeroed, separate regions, and stops at the limit', () => {
  const { exports } = instantiateCore(compileCore('strict'));
  const first = exports.reserve(100, 64);
  const second = exports.reserve(70_000, 4096);
  assert.ok(first > 0 && first % 64 === 0 && second >= first + 100 && second % 4096 === 0);
  assert.ok(new Uint8Array(exports.memory.buffer, second, 70_000).every((byte) => byte === 0));
  assert.equal(exports.reserve(MEMORY_PAGES_MAX * 65536, 16), 0);
  assert.ok(exports.reserve(16, 16) > 0, 'a refused request takes nothing');
});

test('a compiled module goes to a worker thread', async () => {
  const worker = new Worker(
    `const { workerData, parentPort } = require('node:worker_threads');
     const { exports } = new WebAssembly.Instance(workerData, {});
     parentPort.postMessage(exports.reserve(16, 16) > 0);`,
    { eval: true, workerData: compileCore() },
  );
  const answer = await new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  assert.equal(answer, true);
  await worker.terminate();
});
