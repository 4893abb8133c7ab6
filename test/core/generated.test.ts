// The generated kernels are what their writer writes, so that nobody edits them by hand or forgets to run it.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { serialRound } from '../../core/aes/find-order.ts';
import { bitsliceText, counterText } from '../../core/aes/write-bitslice.ts';

test('bitslice-encrypt.gen.ts, bitslice-decrypt.gen.ts and bitslice-counter.gen.ts are fresh', () => {
  const read = (name: string): string => readFileSync(new URL(`../../core/aes/${name}`, import.meta.url), 'utf8');
  assert.equal(read('bitslice-encrypt.gen.ts'), bitsliceText(false));
  assert.equal(read('bitslice-decrypt.gen.ts'), bitsliceText(true));
  assert.equal(read('bitslice-counter.gen.ts'), counterText());
});

test('the serial round that find-order.ts runs is the one of vector-permute.ts, line for line', () => {
  const source = readFileSync(new URL('../../core/aes/vector-permute.ts', import.meta.url), 'utf8');
  const [, body] = /function encryptRounds[^]*?do \{\n([^]*?)\n    key \+= 16;/.exec(source)!;
  const targets = body!.split('\n').map((line) => /^ +(?:const )?(\w+) = /.exec(line)![1]);
  assert.deepEqual(targets, serialRound().order.map(({ target }) => (target === 'next' ? 'state' : target)));
});
