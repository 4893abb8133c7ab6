/**
 * The physical limit of a TLS server on this Node: answers every request frame with a fixed number of bytes.
 *
 * Run as a process of its own: `node bench/echo-server.ts CERT KEY CA`; prints its port. A request is a KMIP frame whose
 * first value byte position is ignored; the length of the answer is set by a control frame (tag 0x540000, 4-byte length).
 */
import { readFileSync } from 'node:fs';
import tls from 'node:tls';
import type { AddressInfo } from 'node:net';

const [certificate, privateKey, authority] = process.argv.slice(2, 5).map((file) => readFileSync(file));

const server = tls.createServer({ cert: certificate!, key: privateKey!, ca: authority!, requestCert: true, rejectUnauthorized: true }, (socket) => {
  let answer = Buffer.alloc(0);
  let held: Buffer = Buffer.alloc(0);
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk: Buffer) => {
    held = held.length === 0 ? chunk : Buffer.concat([held, chunk]);
    while (held.length >= 8) {
      const length = 8 + held.readUInt32BE(4);
      if (held.length < length) return;
      if (held.readUIntBE(0, 3) === 0x540000) {
        answer = Buffer.alloc(held.readUInt32BE(8), 0x5a);
        answer.writeUInt32BE(0x42007b01, 0);
        answer.writeUInt32BE(answer.length - 8, 4);
      }
      held = held.subarray(length);
      socket.write(answer);
    }
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
process.once('SIGTERM', () => process.exit(0));
