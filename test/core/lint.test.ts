// Reads the compiled kernels and finds what constant time forbids (HOUSE law 4): no if, select, br_table, call_indirect, division;
// no address that depends on data; a br_if only as the back-edge of a loop whose condition no datum reaches (loops over rounds,
// rows, blocks and byte counts, all public). Every function of core/aes, ghash.ts, ct.ts and padding.ts is a kernel unless
// it is named below with the reason; so is a polyfill that a kernel calls. Control code around them sees lengths, modes and flags only.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { coreFile } from '../../src/wasm/load.ts';
import { cores } from './cores.ts';
import { findings, readFunctions } from './wat.ts';
import type { LintRules } from './wat.ts';

/** Functions in the rooms of the kernels that hold no arithmetic on secrets, and why they may branch. */
const control: Readonly<Record<string, string>> = {
  'core/aes/key-area/prepareKey': 'branches on the key length',
  'core/aes/key-area/requireForms': 'branches on the flags of the forms in the public header',
  'core/aes/key-area/wipeKey': 'memory.fill of a fixed length',
  'core/ghash/ghashBlocks': 'branches on the number of blocks',
  'core/ghash/buildGhashTables': 'memory.fill of fixed lengths',
  'core/padding/pad': 'memory.fill of a length that follows from the text length',
};

const kernelRooms = /^\$(core\/aes\/|core\/ghash\/|core\/ct\/|core\/padding\/|core\/bytes\/xorBytes$|core\/memory\/wipeBlocks$|~lib\/polyfills\/)/;

const isKernel = (name: string): boolean => kernelRooms.test(name) && !(name.slice(1) in control);

const rules: LintRules = {
  mayCall: isKernel,
  // The number of rounds in the header of a key area: AREA_ROUNDS is 4, and no kernel loads an i32 for anything else.
  isPublicLoad: (instruction, attributes) => instruction === 'i32.load' && attributes.length === 1 && attributes[0] === 'offset=4',
};

const expectedKernels = [
  'core/aes/bitslice-encrypt.gen/encryptEight', 'core/aes/bitslice-decrypt.gen/decryptEight',
  'core/aes/bitslice-counter.gen/sliceCounters', 'core/aes/bitslice-counter.gen/encryptEightCounters',
  'core/aes/counter-slice/sliceSixteen', 'core/aes/counter-slice/wipeSixteen',
  'core/aes/vector-permute/encryptBlock', 'core/aes/vector-permute/decryptBlock', 'core/aes/vector-permute/cbcEncryptBlocks',
  'core/aes/vector-permute/cfbEncryptBlocks', 'core/aes/vector-permute/ofbBlocks',
  'core/aes/key-schedule/expandKey128', 'core/aes/key-schedule/expandKey192', 'core/aes/key-schedule/expandKey256',
  'core/aes/key-schedule/buildVectorEncrypt', 'core/aes/key-schedule/buildVectorDecrypt',
  'core/aes/key-schedule/buildBitsliceEncrypt', 'core/aes/key-schedule/buildBitsliceDecrypt',
  'core/ghash/ghashOne', 'core/ghash/ghashTwo', 'core/ghash/ghashFours', 'core/ghash/makeMultiples', 'core/ghash/makeRows',
  'core/ct/differenceMask', 'core/ct/blockDifferenceMask', 'core/padding/unpaddedLength', 'core/bytes/xorBytes',
];

for (const { build } of cores) {
  const wat = readFileSync(coreFile(build).replace(/\.wasm$/, '.wat'), 'utf8');
  const functions = readFunctions(wat);

  test(`${build}: no kernel branches, divides, selects or addresses by data`, () => {
    const wrong: string[] = [];
    for (const [name, body] of functions) {
      if (!isKernel(name)) continue;
      for (const finding of findings(body, rules)) wrong.push(`${name.slice(1)}: ${finding}`);
    }
    assert.deepEqual(wrong, []);
  });

  test(`${build}: the kernels are functions of their own, so that the lint sees them`, () => {
    assert.deepEqual(expectedKernels.filter((name) => !functions.has('$' + name)), []);
    assert.deepEqual(Object.keys(control).filter((name) => !functions.has('$' + name)), [], 'a listed exception is gone');
  });

  test(`${build}: swizzles are ${build === 'relaxed' ? 'relaxed' : 'strict'} in every kernel`, () => {
    const count = (word: string): number => wat.split(word).length - 1;
    assert.ok(count(build === 'relaxed' ? 'i8x16.relaxed_swizzle' : 'i8x16.swizzle') > 100);
    assert.equal(count('i8x16.relaxed_swizzle') > 0, build === 'relaxed');
  });
}

test('the lint finds each thing that it bans', () => {
  const lint = (body: string): string[] => findings(readFunctions(`(module (func $f (param $p i32) (local $x i32) ${body}))`).get('$f')!, rules);
  const secret = '(i32.load (local.get $p))';
  assert.deepEqual(lint(`(if ${secret} (then (nop)))`), ['if is banned']);
  assert.deepEqual(lint(`(drop (select (i32.const 1) (i32.const 2) ${secret}))`), ['select is banned']);
  assert.deepEqual(lint(`(drop (i32.div_u ${secret} (i32.const 3)))`), ['i32.div_u is banned']);
  assert.deepEqual(lint(`(drop (i32.load8_u ${secret}))`), ['i32.load8_u from an address that depends on data']);
  assert.deepEqual(lint(`(v128.store ${secret} (v128.const i32x4 0 0 0 0))`), ['v128.store to an address that depends on data']);
  assert.deepEqual(lint(`(block $b (br_if $b (local.get $p)))`), ['br_if leaves a block: only the back-edge of a loop is allowed']);
  assert.deepEqual(lint(`(loop $l (br_if $l ${secret}))`), ['br_if depends on data']);
  assert.deepEqual(lint(`(call $other)`), ['calls $other, which is no kernel']);
  assert.deepEqual(lint(`(loop $l (drop (i32.load8_u (local.get $x))) (local.set $x ${secret}) (br_if $l (local.get $p)))`),
    ['i32.load8_u from an address that depends on data'], 'the second turn of a loop');
  assert.deepEqual(lint(`(drop (i32.load8_u (i8x16.extract_lane_u 0 (v128.load (local.get $p)))))`), ['i32.load8_u from an address that depends on data']);
  assert.deepEqual(lint(`(loop $l (local.set $x (i32.xor ${secret} (i32.const 1))) (br_if $l (local.tee $p (i32.sub (local.get $p) (i32.const 1)))))`), []);
});
