/**
 * Who may import whom (docs/architecture.md): the rooms of `src`, `core` and `cluster`, and one folder a package.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { importTarget, packageOf, sourceFiles } from './tree.ts';

/**
 * Room → what its files may import besides files of the same room. An entry that ends in `/` is a room, any other
 * one file. `core/abi.ts` is free to all.
 */
const allowed: Readonly<Record<string, readonly string[]>> = {
  'core/': [],
  'src/kmip/': [],
  'src/codec/': ['src/kmip/', 'src/wasm/'],
  'src/wasm/': ['src/kmip/result.ts'],
  'src/storage/': ['src/kmip/', 'src/codec/', 'src/fault.ts', 'src/secret.ts'],
  'src/operations/': ['src/kmip/', 'src/storage/mutation.ts'],
  'src/engine/': ['src/operations/', 'src/kmip/', 'src/codec/', 'src/storage/store.ts', 'src/storage/mutation.ts', 'src/storage/apply.ts', 'src/identity/', 'src/wasm/', 'src/fault.ts', 'src/secret.ts'],
  'src/identity/': ['src/kmip/', 'src/operations/', 'src/storage/', 'src/fault.ts', 'src/secret.ts'],
  'src/server/': ['src/engine/', 'src/codec/frame.ts', 'src/identity/', 'src/metrics/', 'src/kmip/', 'src/wasm/', 'src/storage/', 'src/operations/context.ts', 'src/fault.ts', 'src/secret.ts', 'src/log.ts', 'src/clock.ts', 'src/random.ts', 'src/config.ts'],
  'src/control/': ['src/identity/', 'src/storage/store.ts', 'src/storage/mutation.ts', 'src/fault.ts', 'src/secret.ts', 'src/log.ts'],
  'src/metrics/': ['src/kmip/', 'src/fault.ts'],
  'src/member/': ['cluster/', 'src/codec/message.ts', 'src/engine/', 'src/kmip/', 'src/identity/', 'src/metrics/', 'src/operations/context.ts', 'src/server/', 'src/storage/', 'src/wasm/', 'src/clock.ts', 'src/config.ts', 'src/fault.ts', 'src/log.ts', 'src/random.ts'],
  'src/client/': ['src/kmip/', 'src/codec/', 'src/operations/'],
  'src/cli/': ['src/'],
  'cluster/': ['src/storage/', 'src/clock.ts', 'src/fault.ts'],
};

/** Rooms that only live in their own folder; what is not here may be imported where `allowed` says. */
function roomOf(file: string): string {
  const match = /^(core|cluster|bench|test)\//.exec(file) ?? /^src\/[^/]+\//.exec(file);
  return match === null ? 'src root' : match[0];
}

test('every room imports only what the house rules let it', () => {
  const wrong: string[] = [];
  for (const file of sourceFiles()) {
    const room = roomOf(file.path);
    for (const specifier of file.imports) {
      if (!specifier.startsWith('.')) continue;
      const target = importTarget(file.path, specifier);
      if (/^(test|bench)\//.test(target) && !/^(test|bench)\//.test(file.path)) wrong.push(`${file.path} imports ${target}: nothing imports test or bench`);
      if ((target === 'src/main.ts' || target.startsWith('src/cli/')) && !/^(src\/cli|test|bench)\//.test(file.path)) wrong.push(`${file.path} imports ${target}: nobody imports main or cli`);
      const rules = allowed[room];
      if (rules === undefined || target === 'core/abi.ts' || roomOf(target) === room) continue;
      if (!rules.some((rule) => (rule.endsWith('/') ? target.startsWith(rule) : target === rule))) wrong.push(`${file.path} imports ${target}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test('each third-party package is imported in one folder of the product', () => {
  const folders = new Map<string, Set<string>>();
  for (const file of sourceFiles()) {
    if (/^(test|bench)\//.test(file.path)) continue;
    for (const specifier of file.imports) {
      const name = packageOf(specifier);
      if (name === undefined) continue;
      const room = roomOf(file.path);
      folders.set(name, (folders.get(name) ?? new Set()).add(room === 'src root' ? file.path : room));
    }
  }
  const wrong = [...folders].filter(([, rooms]) => rooms.size > 1).map(([name, rooms]) => `${name}: ${[...rooms].join(', ')}`);
  assert.deepEqual(wrong, []);
});
