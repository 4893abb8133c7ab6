// Finds, chooses and compiles the WebAssembly core. Role: the only place that knows where the
// .wasm files lie and which of the two a machine can run. core.relaxed.wasm uses relaxed SIMD (on by
// default from Node 22), core.strict.wasm plain SIMD128; both give the same bytes. The choice is made
// by validating a tiny relaxed-SIMD module; KMIPD_CORE=relaxed|strict overrides it. Compile once, on the main
// thread; a WebAssembly.Module is handed to worker threads by postMessage or workerData.

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export type CoreBuild = 'relaxed' | 'strict';

/** What the core exports. Pointers are byte offsets into `memory`. */
export interface CoreExports extends FastPathExports {
  readonly memory: WebAssembly.Memory;
  reserve(length: number, align: number): number;
  wipe(pointer: number, length: number): void;
  prepareKey(area: number, key: number, keyLength: number): number;
  requireForms(area: number, forms: number): number;
  wipeKey(area: number): void;
  encryptOnce(area: number, mode: number, padding: number, tagLength: number, iv: number, ivLength: number,
    aad: number, aadLength: number, source: number, length: number, target: number, mac: number): number;
  decryptOnce(area: number, mode: number, padding: number, tagLength: number, iv: number, ivLength: number,
    aad: number, aadLength: number, source: number, length: number, target: number, mac: number): number;
  begin(area: number, state: number, mode: number, direction: number, padding: number, tagLength: number,
    iv: number, ivLength: number): number;
  addAad(area: number, state: number, aad: number, length: number): number;
  update(area: number, state: number, source: number, length: number, target: number): number;
  finish(area: number, state: number, target: number, mac: number): number;
}

/** Row table, key slots and the fast path: `fast-path.ts` is their face. */
export interface FastPathExports {
  readRows(message: number, length: number, rows: number, rowsMax: number, depthMax: number): number;
  /** 0 where there is no room. */
  reserveSlots(count: number, seed: number): number;
  slotStage(): number;
  loadSlot(keyLength: number): number;
  findSlot(scope: number, identifier: number, length: number): number;
  dropSlot(slot: number): void;
  dropSlots(): void;
  reserveFastPath(batchItemsMax: number, responseBytesMax: number): number;
  requestRegion(): number;
  responseRegion(): number;
  reportBlock(): number;
  dataLimits(): number;
  randomPool(): number;
  grantNonces(prefix: number, high: number, low: number, count: number): void;
  answerMessage(length: number, scope: number, permissions: number, seconds: number): number;
  resumeMessage(): number;
  forgetMessage(): void;
}

export interface CoreInstance {
  readonly exports: CoreExports;
}

// (module (func (drop (i8x16.relaxed_swizzle (v128.const 0…) (v128.const 0…)))))
const RELAXED_PROBE = Uint8Array.from([
  0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00, 0x01, 0x04, 0x01, 0x60, 0x00, 0x00, 0x03, 0x02, 0x01, 0x00,
  0x0a, 0x2c, 0x01, 0x2a, 0x00,
  0xfd, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0xfd, 0x0c, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
  0xfd, 0x80, 0x02, 0x1a, 0x0b,
]);

export function chooseCoreBuild(override: string | undefined = process.env['KMIPD_CORE']): CoreBuild {
  if (override === 'relaxed' || override === 'strict') return override;
  if (override !== undefined && override !== '') {
    throw new Error(`KMIPD_CORE is ${JSON.stringify(override)}; allowed are relaxed and strict`);
  }
  return WebAssembly.validate(RELAXED_PROBE) ? 'relaxed' : 'strict';
}

/** The package's root: the first folder upwards whose package.json is kmipd's. Holds from src/ and from dist/. */
function packageRoot(): string {
  let folder = dirname(fileURLToPath(import.meta.url));
  for (;;) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest) && (JSON.parse(readFileSync(manifest, 'utf8')) as { name?: string }).name === 'kmipd') {
      return folder;
    }
    const parent = dirname(folder);
    if (parent === folder) throw new Error('no package.json of kmipd above ' + fileURLToPath(import.meta.url));
    folder = parent;
  }
}

export function coreFile(build: CoreBuild): string {
  const root = packageRoot();
  const file = join(root, 'core', 'build', `core.${build}.wasm`);
  if (existsSync(file)) return file;
  throw new Error(`core.${build}.wasm is not built; run "npm run build:core" in ${root}`);
}

/** Compiles the core. Costs some milliseconds; call it once a process and share the module. */
export function compileCore(build: CoreBuild = chooseCoreBuild()): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(coreFile(build)));
}

/** A fresh instance with its own linear memory. */
export function instantiateCore(module: WebAssembly.Module): CoreInstance {
  return { exports: new WebAssembly.Instance(module, {}).exports as unknown as CoreExports };
}
