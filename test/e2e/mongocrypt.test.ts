/**
 * The real libmongocrypt (Debian libmongocrypt-dev 1.7.2) against a live server: its state machine makes a data key,
 * encrypts and decrypts, each of its messages on a TLS connection of its own, answers handed over in pieces.
 *
 * 1.7.2 knows no delegated keys; those are replayed in products/mongodb.ts.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { after, before } from 'node:test';
import { find } from '../harness/wire.ts';
import { assertAnswerShape } from './answer-shape.ts';
import { skipUnless } from './foreign.ts';
import { Site } from './talk.ts';

const flags = ['-D_GNU_SOURCE', '-I/usr/include/mongocrypt'];
const skip = skipUnless('sh', ['-c', `echo '#include <mongocrypt.h>' | gcc ${flags.join(' ')} -E -x c -`], 'libmongocrypt (Debian packages libmongocrypt-dev and gcc)');
const site = new Site();
let folder = '';
if (skip === false) {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'kmipd-mongocrypt-'));
    execFileSync('gcc', [...flags, '-O1', '-o', join(folder, 'driver'), join(import.meta.dirname, 'mongocrypt-driver.c'), '-lmongocrypt']);
    await site.start();
  });
  after(async () => {
    await site.stop();
    rmSync(folder, { recursive: true, force: true });
  });
}

/** Answers the driver's frames; `pieceLimit` is the most that it is given of an answer at a time. */
async function drive(pieceLimit: number): Promise<{ operations: number[]; done: boolean; code: number | null; errors: string }> {
  const child = spawn(join(folder, 'driver'), [`localhost:${site.running.port}`], { stdio: ['pipe', 'pipe', 'pipe'] });
  const errors: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const closed = new Promise<number | null>((resolve) => child.once('close', resolve));
  const operations: number[] = [];
  let done = false;
  let answer: Buffer = Buffer.alloc(0);
  let pending: Buffer = Buffer.alloc(0);
  for await (const chunk of child.stdout) {
    pending = Buffer.concat([pending, chunk as Buffer]);
    while (pending.length >= 5) {
      const kind = String.fromCharCode(pending[0]!);
      const length = pending.readUInt32BE(1);
      if (kind === 'M') {
        if (pending.length < 5 + length) break;
        const message = pending.subarray(5, 5 + length);
        answer = await site.once('mongocrypt', async (talk) => {
          const start = talk.wire.records.length;
          await talk.wire.send(message);
          const bytes = await talk.wire.receive();
          const shaped = assertAnswerShape(message, bytes, talk.wire.records.slice(start));
          operations.push(Number(find(shaped, 'BatchItem', 'Operation')!.value));
          return bytes;
        });
        pending = pending.subarray(5 + length);
        continue;
      }
      pending = pending.subarray(5);
      if (kind === 'D') { done = true; continue; }
      const piece = answer.subarray(0, Math.min(length, pieceLimit));
      answer = answer.subarray(piece.length);
      const header = Buffer.alloc(4);
      header.writeUInt32BE(piece.length);
      child.stdin.write(Buffer.concat([header, piece]));
    }
  }
  return { operations, done, code: await closed, errors: errors.join('') };
}

for (const pieceLimit of [1 << 20, 13]) {
  test(`libmongocrypt makes a data key, encrypts and decrypts with it, fed ${pieceLimit} bytes at most at a time`, { skip }, async () => {
    const { operations, done, code, errors } = await drive(pieceLimit);
    assert.ok(done && code === 0, errors);
    const register = 0x03;
    const activate = 0x12;
    const get = 0x0a;
    assert.deepEqual(operations, [register, activate, get, get, get]);
  });
}
