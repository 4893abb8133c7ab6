/**
 * The clients of a rehearsal (rehearsal.ts), on the main thread, which waits for its workers anyway: one after the other, each with a
 * connection of its own, since what is new with a connection has to be rehearsed as well.
 *
 * Invariant: it ends after a set time, with an error where an answer does not come.
 */
import { once } from 'node:events';
import { connect } from 'node:tls';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '../clock.ts';
import { create, decrypt, discoverVersions, encrypt, get, getAttributes, rehearsedIdentifier } from './rehearsal-messages.ts';
import type { RehearsalPlace } from './rehearsal.ts';
import type { TlsMaterial } from './tls-options.ts';

/** Long enough for the optimising compiler to have seen the way of a message; short beside the start of a process. */
const rehearsalMs = 250;
const answerMs = 1_000;
const dataLengths = [16, 64, 256, 1024];
/** More than a connection has waiting that gets its answers one by one. */
const burst = 16;
const headLength = 8;

/** Resolves when so many whole answers came. */
async function ask(socket: TLSSocket, message: Uint8Array, count: number): Promise<void> {
  socket.write(count === 1 ? message : Buffer.concat(new Array<Uint8Array>(count).fill(message)));
  let bytes: Buffer = Buffer.alloc(0);
  for (let answers = 0; answers < count;) {
    const [chunk] = await once(socket, 'data') as [Buffer];
    bytes = Buffer.concat([bytes, chunk]);
    while (bytes.length >= headLength && bytes.length >= headLength + bytes.readUInt32BE(4)) {
      bytes = bytes.subarray(headLength + bytes.readUInt32BE(4));
      answers += 1;
    }
  }
}

const messages = ([14, 21] as const).flatMap((version) => [
  ...dataLengths.map((length) => encrypt(version, rehearsedIdentifier, length)), decrypt(version, rehearsedIdentifier, 64),
  get(version, rehearsedIdentifier), getAttributes(version, rehearsedIdentifier), create(version), discoverVersions(version),
]);
const repeated = encrypt(14, rehearsedIdentifier, 256);

async function play(socket: TLSSocket, hasTime: () => boolean): Promise<void> {
  for (let turn = 0; turn < 2 && hasTime(); turn += 1) {
    for (const message of messages) if (hasTime()) await ask(socket, message, 1);
    await ask(socket, repeated, burst);
  }
}

async function visit({ port, token }: RehearsalPlace, tls: TlsMaterial, hasTime: () => boolean): Promise<void> {
  // It is this very process: there is nobody to be verified. The certificate is there to be read at the other end.
  const socket = connect({ port, host: '127.0.0.1', servername: token, rejectUnauthorized: false, cert: [...tls.certificates], key: [...tls.privateKeys] });
  const failure = new Promise<never>((_, reject) => {
    socket.on('error', reject);
    socket.once('close', () => reject(new Error('The connection was closed.')));
    socket.setTimeout(answerMs, () => reject(new Error('No answer came.')));
  });
  failure.catch(() => undefined);
  try {
    await Promise.race([failure, once(socket, 'secureConnect').then(() => play(socket.setNoDelay(true), hasTime))]);
  } finally {
    socket.destroy();
  }
}

/** Plays for a set time. `tls`: of the node; its own certificate stands for a client's. */
export async function playRehearsal(place: RehearsalPlace, tls: TlsMaterial, clock: Clock): Promise<void> {
  const end = clock.monotonic() + rehearsalMs;
  const hasTime = (): boolean => clock.monotonic() < end;
  while (hasTime()) await visit(place, tls, hasTime);
}
