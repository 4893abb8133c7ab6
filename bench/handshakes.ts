/**
 * TLS handshakes with client certificates, full and resumed, TLS 1.2 and 1.3: a connection is opened, waited for until the server has
 * seen the client's certificate, and closed, over and over.
 *
 * With TLS 1.3 a client has finished before the server has: of a full handshake it waits for the session ticket, which comes when the
 * server has too; a resumed one brings no new ticket, and the end in good order makes the server see it through. Whether sessions
 * were resumed is asked of every socket, and one that was not as wanted ends the run.
 */
import tls from 'node:tls';
import { processorSeconds } from './node-meter.ts';
import type { Peer } from './peers.ts';

export type Protocol = 'TLSv1.2' | 'TLSv1.3';
export const protocols: readonly Protocol[] = ['TLSv1.3', 'TLSv1.2'];

export interface HandshakeResult {
  readonly perSecond: number;
  readonly processorUs: number;
  readonly p50Us: number;
}

const ticketWaitMs = 5_000;

/** One handshake from the first packet to the server's last word about it; gives the session that the server offers. */
function handshake(peer: Peer, protocol: Protocol, secureContext: tls.SecureContext, session: Buffer | undefined): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const socket = tls.connect({ host: '127.0.0.1', port: peer.port, secureContext, minVersion: protocol, maxVersion: protocol, checkServerIdentity: () => undefined, ...(session !== undefined && { session }) });
    let offered = session;
    let isSecure = false;
    const timer = setTimeout(() => socket.destroy(new Error(`no session ticket within ${ticketWaitMs} ms`)), ticketWaitMs);
    const end = (): void => {
      if (!isSecure || offered === undefined) return;
      clearTimeout(timer);
      socket.end();
    };
    socket.on('session', (ticket) => {
      offered = ticket;
      end();
    });
    socket.once('secureConnect', () => {
      isSecure = true;
      if (socket.isSessionReused() !== (session !== undefined)) socket.destroy(new Error(session === undefined ? 'a session was resumed that should not be' : 'a session was not resumed'));
      else end();
    });
    socket.once('error', reject);
    socket.once('close', () => {
      clearTimeout(timer);
      if (offered === undefined) reject(new Error('the server closed the connection during the handshake'));
      else resolve(offered);
    });
    socket.resume();
  });
}

/** Handshakes in `lanes` at once for the time. */
export async function handshakes(peer: Peer, protocol: Protocol, isResumed: boolean, options: { readonly lanes: number; readonly milliseconds: number }): Promise<HandshakeResult> {
  const secureContext = tls.createSecureContext({ cert: peer.certificate, key: peer.privateKey, ca: peer.authority, minVersion: protocol, maxVersion: protocol });
  const first = await handshake(peer, protocol, secureContext, undefined);
  const times: number[] = [];
  const began = performance.now();
  const processorBefore = processorSeconds(peer.pid);
  await Promise.all(
    Array.from({ length: options.lanes }, async () => {
      let session = first;
      while (performance.now() - began < options.milliseconds) {
        const started = performance.now();
        session = await handshake(peer, protocol, secureContext, isResumed ? session : undefined);
        times.push((performance.now() - started) * 1000);
      }
    }),
  );
  const seconds = (performance.now() - began) / 1000;
  const used = processorSeconds(peer.pid) - processorBefore;
  times.sort((left, right) => left - right);
  return { perSecond: times.length / seconds, processorUs: (used * 1e6) / times.length, p50Us: times[times.length >> 1]! };
}
