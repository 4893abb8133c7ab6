/**
 * The guides stay true where a program can tell: limits with their defaults, metric names, links.
 */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { limitTable } from '../../src/server/limits.ts';
import { filesOf, root, sourceFiles } from './tree.ts';

const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

test('the operations guide lists every limit with its default', () => {
  const guide = read('docs/operations.md').replaceAll(/(?<=\d) (?=\d)/g, '');
  const missing = Object.entries(limitTable).filter(([name, rule]) => !guide.includes(`| \`${name}\` | ${rule.byDefault} | ${rule.unit} |`)).map(([name]) => name);
  assert.deepEqual(missing, []);
});

test('guides name only metrics that exist', () => {
  const known = new Set(sourceFiles().filter((file) => file.path.startsWith('src/metrics/')).flatMap((file) => file.text.match(/kmipd_[a-z_]+/g) ?? []));
  const wrong = filesOf('.md').flatMap((file) => (read(file).match(/\bkmipd_[a-z_]+/g) ?? []).filter((name) => !known.has(name)).map((name) => `${file}: ${name}`));
  assert.deepEqual(wrong, []);
});

test('alarms watch only metrics that exist', () => {
  const known = new Set(sourceFiles().filter((file) => file.path.startsWith('src/metrics/')).flatMap((file) => file.text.match(/kmipd_[a-z_]+/g) ?? []));
  const watched = (read('deploy/alerts.yml').match(/kmipd_[a-z_]+/g) ?? []).map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  assert.ok(watched.length > 5);
  assert.deepEqual(watched.filter((name) => !known.has(name)), []);
});

test('links between the pages lead somewhere', () => {
  const wrong = filesOf('.md').flatMap((file) =>
    [...read(file).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].filter((match) => !existsSync(path.join(root, path.dirname(file), match[1]!))).map((match) => `${file}: ${match[1]}`),
  );
  assert.deepEqual(wrong, []);
});
