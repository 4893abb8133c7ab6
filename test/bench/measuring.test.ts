/**
 * What the benches' own arithmetic rests on: which slice a profiled function belongs to, and how keys are drawn.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { drawKeys } from '../../bench/key-draws.ts';
import { repositoryRoot } from '../harness/shared-data.ts';
import { perfSlice, profileSlice, unknownSlice } from '../../bench/profile-slices.ts';

test('functions of a V8 profile fall into the slice that their file or name says', () => {
  const slice = (name: string, place = ''): string => profileSlice({ name, place });
  assert.equal(slice('(idle)'), 'waiting');
  assert.match(slice('writeBuffer'), /writing$/);
  assert.match(slice('(program)'), /reading/);
  assert.match(slice('core/ghash/ghashFours', 'wasm://wasm/0003b59e'), /^WASM/);
  assert.match(slice('#send', 'file:///somewhere/kmipd/src/server/connection.ts'), /^connection/);
  assert.match(slice('request', 'file:///somewhere/kmipd/dist/src/metrics/recorder.js'), /^metrics/);
  assert.match(slice('addChunk', 'node:internal/streams/readable'), /^Node's streams/);
  assert.equal(slice('unheardOf'), unknownSlice);
});

test('lines of a perf report fall into the slice that their binary, file or name says', () => {
  const slice = (name: string, place: string): string => perfSlice({ name, place });
  assert.match(slice('tcp_sendmsg_locked', '[kernel.kallsyms]'), /^kernel/);
  assert.match(slice('malloc', 'libc.so.6'), /^memory/);
  assert.match(slice('ossl_aes_gcm_encrypt_avx512', 'node'), /OpenSSL/);
  assert.match(slice('node::crypto::TLSWrap::EncOut', 'node'), /glue/);
  assert.match(slice('uv__io_poll', 'node'), /^libuv/);
  assert.match(slice('Builtins_KeyedLoadIC', 'node'), /^V8's builtins/);
  assert.match(slice('JS:core/fast-path/answerMessage-134-turbofan', '[JIT] tid 1'), /^WASM/);
  assert.match(slice("JS:*'#receive file:///somewhere/src/server/connection.ts:160:11", '[JIT] tid 1'), /^connection/);
  assert.match(slice("JS:*'onStreamRead node:internal/stream_base_commons:171:22", '[JIT] tid 1'), /^Node's streams/);
});

test('keys are drawn evenly or with favourites, the same ones from the same seed', () => {
  const share = (drawn: Uint32Array, below: number): number => drawn.filter((key) => key < below).length / drawn.length;
  const even = drawKeys(100_000, 'even', 50_000, 7);
  const favourites = drawKeys(100_000, 'favourites', 50_000, 7);
  assert.ok(Math.abs(share(even, 1000) - 0.01) < 0.005);
  assert.ok(Math.abs(share(favourites, 1000) - 0.61) < 0.02, String(share(favourites, 1000)));
  assert.ok(favourites.every((key) => key < 100_000));
  assert.deepEqual(drawKeys(100_000, 'favourites', 50_000, 7), favourites);
  assert.notDeepEqual(drawKeys(100_000, 'favourites', 50_000, 8), favourites);
  assert.deepEqual([...drawKeys(1, 'favourites', 3, 1)], [0, 0, 0]);
});

test('a bench that does not exist is told of, and does not pass for one that held its floors', () => {
  for (const argument of ['sever', '--smok']) {
    const { status, stderr } = spawnSync(process.execPath, [path.join(repositoryRoot, 'bench/run.ts'), argument], { encoding: 'utf8' });
    assert.equal(status, 2);
    assert.match(stderr, /there are core, server, /);
  }
});
