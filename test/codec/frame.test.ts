/**
 * Framing: whatever pieces the bytes come in, the same messages come out; lengths are judged before anything is kept.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameReader } from '../../src/codec/frame.ts';
import type { Frame } from '../../src/codec/frame.ts';

function message(length: number, fill: number): Buffer {
  const bytes = Buffer.alloc(8 + length, fill);
  bytes.set([0x42, 0x00, 0x78, 0x01], 0);
  bytes.writeUInt32BE(length, 4);
  return bytes;
}

function pushAll(reader: FrameReader, bytes: Uint8Array, step: number): Frame[] {
  const frames: Frame[] = [];
  for (let offset = 0; offset < bytes.length; offset += step) frames.push(...reader.push(bytes.subarray(offset, offset + step)));
  return frames;
}

const kinds = (frames: readonly Frame[]): string[] => frames.map((frame) => frame.kind);

test('messages come out whole and in order, in whatever pieces the bytes come', () => {
  const messages = [message(0, 1), message(8, 2), message(2048, 3), message(16, 4), message(5000, 5)];
  const stream = Buffer.concat(messages);
  for (const step of [1, 2, 3, 7, 8, 9, 15, 16, 17, 1000, 1024, 4096, stream.length]) {
    const reader = new FrameReader({ maxMessageBytes: 8192 });
    const frames = pushAll(reader, stream, step);
    assert.deepEqual(kinds(frames), messages.map(() => 'message'), `step ${step}`);
    frames.forEach((frame, index) => assert.ok(frame.kind === 'message' && messages[index]?.equals(frame.bytes), `step ${step}, message ${index}`));
    assert.equal(reader.midMessage, false);
    assert.equal(reader.bufferedBytes, 0);
  }
});

test('a message has memory of its own, so that the chunk may be used again', () => {
  const chunk = message(64, 5);
  const [frame] = new FrameReader({ maxMessageBytes: 1024 }).push(chunk);
  chunk.fill(0);
  assert.ok(frame?.kind === 'message' && frame.bytes[8] === 5 && frame.bytes.buffer.byteLength === 72);
});

test('a message that is too long is told before its end, skipped, and the next one is read', () => {
  for (const step of [1, 8, 255, 256, 257, 1000, 100_000]) {
    const reader = new FrameReader({ maxMessageBytes: 1024 });
    const [long, next] = [message(4096, 9), message(8, 7)];
    const early = pushAll(reader, long.subarray(0, 256), step);
    assert.deepEqual(kinds(early), ['too-long'], `step ${step}`);
    assert.ok(early[0]?.kind === 'too-long' && early[0].length === 4104 && long.subarray(0, 256).equals(early[0].head));
    assert.ok(reader.midMessage && reader.bufferedBytes === 0);
    const rest = pushAll(reader, Buffer.concat([long.subarray(256), next]), step);
    assert.deepEqual(kinds(rest), ['message']);
    assert.ok(rest[0]?.kind === 'message' && next.equals(rest[0].bytes));
  }
});

test('a message one byte above the limit is too long also where it is shorter than its head', () => {
  const reader = new FrameReader({ maxMessageBytes: 23 });
  assert.deepEqual(kinds(pushAll(reader, Buffer.concat([message(16, 1), message(8, 2)]), 5)), ['too-long', 'message']);
});

test('a message of exactly the limit is taken', () => {
  assert.deepEqual(kinds(pushAll(new FrameReader({ maxMessageBytes: 1032 }), message(1024, 1), 100)), ['message']);
});

test('a declared length costs no memory', () => {
  const reader = new FrameReader({ maxMessageBytes: 2 ** 31 });
  const bytes = message(1000, 0);
  bytes.writeUInt32BE(2 ** 31 - 16, 4);
  const before = process.memoryUsage().arrayBuffers;
  assert.deepEqual(pushAll(reader, bytes, 100), []);
  assert.ok(reader.midMessage && reader.bufferedBytes === 1008);
  assert.ok(process.memoryUsage().arrayBuffers - before < 1_000_000);
});

test('a length of four gigabytes is too long, not negative', () => {
  const bytes = message(512, 0);
  bytes.writeUInt32BE(0xfffffff8, 4);
  const frames = pushAll(new FrameReader({ maxMessageBytes: 2 ** 21 }), bytes, 16);
  assert.ok(frames.length === 1 && frames[0]?.kind === 'too-long' && frames[0].length === 2 ** 32);
});

test('bytes that begin no KMIP message lose the framing at once, and nothing more is read', () => {
  for (const start of ['GET / HTTP/1.1\r\n\r\n', 'B\0xyabcd', '\x16\x03\x01', '\x42\x00\x78\x02\0\0\0\0', '\x42\x00\x79\x01\0\0\0\0']) {
    const reader = new FrameReader({ maxMessageBytes: 1024 });
    const frames = pushAll(reader, Buffer.concat([Buffer.from(start, 'latin1'), message(8, 1)]), 1);
    assert.deepEqual(kinds(frames), ['lost'], start);
    assert.equal(reader.midMessage, false);
  }
  assert.deepEqual(kinds(new FrameReader({ maxMessageBytes: 1024 }).push(Buffer.from('G'))), ['lost']);
});
