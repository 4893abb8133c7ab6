// Builds the core: core/build/core.relaxed.wasm and core.strict.wasm, and beside each its .wat, which the lint reads.
// Role: compiler flags and passes in one place (README.md says why each). asc translates only; every optimisation is
// Binaryen's, function by function, so that no kernel is inlined into another function (the lint has to find it) and so that
// bitsliced and serial kernels keep the order that was found for them.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main as compile } from 'assemblyscript/asc';
import binaryen from 'assemblyscript/binaryen';

const CORE_FOLDER = fileURLToPath(new URL('.', import.meta.url));
const OUTPUT_FOLDER = join(CORE_FOLDER, 'build');

/** asc -O3 reorders statements; these passes do not (7.5 against 6.5 cycles a byte in the study behind AES.md). */
const ORDER_KEEPING_PASSES = ['remove-unused-brs', 'remove-unused-names', 'merge-blocks', 'vacuum', 'coalesce-locals', 'vacuum', 'reorder-locals'];
const ORDER_KEPT = /\/bitslice-[a-z]+\.gen\/|\/vector-permute\/(cbc|cfb|ofb|encrypt)/;

async function translate(features: string, folder: string): Promise<Uint8Array> {
  const file = join(folder, 'core.wasm');
  const { error, stderr } = await compile([
    'core/index.ts', '--outFile', relative(join(CORE_FOLDER, '..'), file), '--runtime', 'stub', '--enable', features,
    '--optimizeLevel', '0', '--noAssert', '--debug', '--baseDir', join(CORE_FOLDER, '..'),
  ]);
  const messages = stderr.toString();
  if (messages !== '') process.stderr.write(messages);
  if (error !== null) throw error;
  return readFileSync(file);
}

function optimise(wasm: Uint8Array): { wasm: Uint8Array; wat: string } {
  const module = binaryen.readBinary(wasm);
  module.setFeatures(binaryen.Features.All);
  binaryen.setOptimizeLevel(3);
  binaryen.setShrinkLevel(0);
  binaryen.setDebugInfo(true);
  module.runPasses(['simplify-globals', 'remove-unused-module-elements']);
  for (let index = 0; index < module.getNumFunctions(); index++) {
    const name = binaryen.getFunctionInfo(module.getFunctionByIndex(index)).name;
    if (ORDER_KEPT.test(name)) module.runPassesOnFunction(name, ORDER_KEEPING_PASSES);
    else module.optimizeFunction(name);
  }
  module.runPasses(['remove-unused-module-elements']);
  if (!module.validate()) throw new Error('the optimised core is not valid WebAssembly');
  const result = { wasm: module.emitBinary(), wat: module.emitText() };
  module.dispose();
  return result;
}

/** Both builds. Takes a few seconds. */
export async function buildCore(): Promise<void> {
  mkdirSync(OUTPUT_FOLDER, { recursive: true });
  for (const [build, features] of [['relaxed', 'simd,relaxed-simd'], ['strict', 'simd']] as const) {
    const folder = mkdtempSync(join(OUTPUT_FOLDER, 'asc-'));
    try {
      const { wasm, wat } = optimise(await translate(features, folder));
      writeFileSync(join(OUTPUT_FOLDER, `core.${build}.wasm`), wasm);
      writeFileSync(join(OUTPUT_FOLDER, `core.${build}.wat`), wat);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

if (import.meta.main) await buildCore();
