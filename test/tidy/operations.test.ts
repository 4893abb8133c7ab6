/**
 * Every operation has its test file, and every package its line in docs/dependencies.md and an exact version.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { operations } from '../../src/operations/index.ts';
import { filesOf, root } from './tree.ts';

test('each operation has a test of its own', () => {
  const tests = new Set(filesOf('.test.ts'));
  const kebab = (name: string): string => name.replace(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase();
  const missing = operations.map((each) => `test/operations/${kebab(each.name)}.test.ts`).filter((file) => !tests.has(file));
  assert.deepEqual(missing, []);
});

test('each package is pinned exactly and has its line in docs/dependencies.md', () => {
  const manifest = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
  const listed = readFileSync(path.join(root, 'docs/dependencies.md'), 'utf8');
  const wrong = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies })
    .filter(([name, version]) => !/^\d+\.\d+\.\d+$/.test(version) || !listed.includes(`| \`${name}\` |`))
    .map(([name, version]) => `${name}@${version}`);
  assert.deepEqual(wrong, []);
});
