/**
 * The style that a program can check: file names, lengths, headers, and words that stand for unfinished work.
 */
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { sourceFiles } from './tree.ts';

/** Longest file, in lines. */
const ceiling = 400;

/** Tables of data and circuits, which are as long as what they list. */
const tables: readonly string[] = [
  'src/kmip/tags.ts',
  'src/kmip/enums.ts',
  'src/kmip/profile-names.ts',
  'src/kmip/attribute-table.ts',
  'src/kmip/objects.ts',
];

const isTable = (file: string): boolean => tables.includes(file) || /^core\/aes\/.*(circuit|sbox)/.test(file) || /\.gen\.ts$/.test(file) || /^test\/.*(vectors|corpus|table)/.test(file);

test('no file is longer than the ceiling, tables apart', () => {
  const long = sourceFiles().filter((file) => file.lines.length > ceiling + 1 && !isTable(file.path)).map((file) => `${file.path}: ${file.lines.length} lines`);
  assert.deepEqual(long, []);
});

test('file names are kebab-case and never a drawer for odds and ends', () => {
  const wrong = sourceFiles()
    .map((file) => file.path)
    .filter((file) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.(test|bench|gen|d))?\.ts$/.test(path.basename(file)) || /(^|\/)(utils?|helpers?|common|misc)(\.|\/)/.test(file));
  assert.deepEqual(wrong, []);
});

test('every file opens with a comment that says what it is for', () => {
  const wrong = sourceFiles().filter((file) => !/^(#!.*\n)?\s*(\/\*\*|\/\/)/.test(file.text)).map((file) => file.path);
  assert.deepEqual(wrong, []);
});

test('no default exports, no unfinished marks', () => {
  const wrong: string[] = [];
  for (const file of sourceFiles()) {
    if (file.path.startsWith('test/tidy/')) continue;
    file.lines.forEach((line, index) => {
      if (/^export default\b/.test(line) || /\b(TODO|FIXME|XXX|HACK)\b/.test(line)) wrong.push(`${file.path}:${index + 1}: ${line.trim()}`);
    });
  }
  assert.deepEqual(wrong, []);
});
