/**
 * The physical limit of a TLS server on this Node: answers every request frame with a fixed number of bytes, and what came
 * together with one write.
 *
 * Run as a process of its own: `node bench/echo-server.ts CERT KEY CA`; prints its port. Only the head of a frame is read. The
 * length of the answers is set by a control frame (tag 0x540000, 4-byte length), for the connection it comes on.
 */
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import type { AddressInfo } from 'node:net';

const [certificate, privateKey, authority] = process.argv.slice(2, 5).map((file) => readFileSync(file));

/** Most answers in one write. */
const joinedMax = 64;
const headLength = 8;

const server = tls.createServer({ cert: certificate!, key: privateKey!, ca: authority!, requestCert: true, rejectUnauthorized: true }, (socket) => {
  let answers: Buffer = Buffer.alloc(0);
  let answerBytes = 0;
  let held: Buffer = Buffer.alloc(0);
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    const bytes = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    let position = 0;
    let whole = 0;
    while (bytes.length >= position + headLength) {
      const length = headLength + bytes.readUInt32BE(position + 4);
      if (bytes.length < position + length) break;
      if (bytes.readUIntBE(position, 3) === 0x540000) {
        answerBytes = bytes.readUInt32BE(position + headLength);
        answers = manyAnswers(answerBytes);
      }
      position += length;
      whole += 1;
    }
    held = position === bytes.length ? held.subarray(0, 0) : bytes.subarray(position);
    for (; whole > 0; whole -= Math.min(whole, joinedMax)) socket.write(answers.subarray(0, Math.min(whole, joinedMax) * answerBytes));
  });
});

function manyAnswers(length: number): Buffer {
  const one = Buffer.alloc(length, 0x5a);
  one.writeUInt32BE(0x42007b01, 0);
  one.writeUInt32BE(length - headLength, 4);
  return Buffer.concat(new Array<Buffer>(joinedMax).fill(one));
}

server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.once('SIGTERM', () => process.exit(0));
