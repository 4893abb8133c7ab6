/**
 * A worker's TLS listener: handshakes, identity, and the set of its connections.
 *
 * Invariants: TLS 1.2 or 1.3 with a client certificate of a trusted authority, or no connection; the certificate's
 * credential is looked up at every handshake, resumed sessions included (a ticket brings the certificate back), and
 * again for all live connections whenever identities change: a revoked one is cut at once. With TLS 1.3 a client has
 * finished its handshake before the server has seen its certificate, so to refuse it is to cut it. TLS 1.2 sessions are not
 * renegotiated: it would cost us a handshake at a stranger's word, and could change the certificate under a live connection.
 * All workers listen on one port (`reusePort`): the kernel spreads connections. That is Linux; see `main.ts`.
 */
import type { AddressInfo, Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';
import type { Identified, Refusal } from '../identity/identify.ts';
import type { HandshakeFailure } from '../metrics/layout.ts';
import type { Recorder } from '../metrics/recorder.ts';
import type { Clock } from '../clock.ts';
import type { Log } from '../log.ts';
import type { Census } from './census.ts';
import { Gathering } from './answer-writer.ts';
import type { WorkerLoad } from './answer-writer.ts';
import { Connection } from './connection.ts';
import { limitNames } from './limits.ts';
import type { LimitName, Limits } from './limits.ts';
import type { MessageService } from './message-service.ts';
import { ticketKeys } from './ticket-keys.ts';
import { serverTlsOptions } from './tls-options.ts';
import type { TlsMaterial } from './tls-options.ts';

/** Who a client certificate stands for (src/identity/identify.ts). */
export interface Identifier {
  /** By the certificate's DER form; undefined where the peer showed none. */
  identify(certificate: Uint8Array | undefined): Identified;
  /** By its fingerprint, once it is known. */
  identifyAgain(fingerprint: string): Identified;
}

export interface ListenerPorts {
  readonly tls: TlsMaterial;
  readonly identifier: Identifier;
  readonly service: MessageService;
  readonly recorder: Recorder;
  readonly limits: Limits;
  readonly clock: Clock;
  readonly log: Log;
  readonly census: Census;
  readonly worker: number;
}

const sweepIntervalMs = 500;
/** Time for the system to close sockets that were cut. */
const cutMs = 500;
/** How soon new ticket keys come into use, and a live connection ends whose certificate has expired. */
const renewalIntervalMs = 60_000;

const failureOfRefusal: Readonly<Record<Refusal, HandshakeFailure>> = { unknown: 'unknown-credential', revoked: 'revoked-credential', expired: 'expired-credential', 'no-role': 'unknown-credential' };

export class Listener {
  readonly #ports: ListenerPorts;
  readonly #server: Server;
  readonly #connections = new Set<Connection>();
  readonly #load: WorkerLoad = { bytes: 0 };
  readonly #gathering = new Gathering();
  readonly #timers: NodeJS.Timeout[] = [];
  /** TCP sockets that were refused for a limit, and those whose handshake has ended one way or the other. */
  readonly #refusedEarly = new WeakSet<Socket>();
  readonly #settled = new WeakSet<Socket>();
  #ticketSecret: Uint8Array;
  #handshaking = 0;
  #draining = false;
  #emptied: (() => void) | undefined;

  constructor(ports: ListenerPorts) {
    this.#ports = ports;
    const { tls, limits, clock } = ports;
    this.#ticketSecret = tls.ticketSecret;
    this.#server = createServer(serverTlsOptions(tls, limits, clock));
    this.#server.on('connection', (socket: Socket) => this.#arrived(socket));
    this.#server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => this.#refused(error, socket));
    this.#server.on('secureConnection', (socket: TLSSocket) => this.#secured(socket));
  }

  /** Listens; resolves with the port. `reusePort`: other threads listen on it as well. */
  async listen(host: string | undefined, port: number, reusePort = true): Promise<number> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ ...(host !== undefined && { host }), port, reusePort }, () => {
        this.#server.off('error', reject);
        resolve();
      });
    });
    this.#server.on('error', (error) => this.#ports.log.error({ error }, 'The listener failed.'));
    this.#timers.push(setInterval(() => this.#sweep(), sweepIntervalMs), setInterval(() => this.#renew(), renewalIntervalMs));
    return (this.#server.address() as AddressInfo).port;
  }

  get connections(): number {
    return this.#connections.size;
  }

  /** Identities changed: every live connection is looked up again. */
  recheck(): void {
    // Thousands of connections may share a few credentials.
    const found = new Map<string, Identified>();
    for (const connection of [...this.#connections]) {
      const { credential } = connection.caller;
      if (!found.has(credential)) found.set(credential, this.#ports.identifier.identifyAgain(credential));
      const { caller } = found.get(credential)!;
      if (caller === undefined) connection.destroy('revoked');
      else connection.caller = caller;
    }
  }

  /** Accepts no more, answers what was read, and resolves when the last connection is gone. */
  async drain(): Promise<void> {
    const { limits, log } = this.#ports;
    this.#draining = true;
    this.#server.close();
    // What the kernel has received already is read in the coming turn of the loop.
    await new Promise((resolve) => setImmediate(resolve));
    for (const connection of [...this.#connections]) connection.drain();
    await this.#emptiedWithin(limits.drainMs);
    if (this.#connections.size > 0) {
      this.#limitReached('drainMs');
      log.warn({ connections: this.#connections.size }, 'Connections were still busy at the end of the drain and are cut.');
      for (const connection of [...this.#connections]) connection.destroy('drain');
      await this.#emptiedWithin(cutMs);
    }
    for (const timer of this.#timers) clearInterval(timer);
  }

  async #emptiedWithin(milliseconds: number): Promise<void> {
    if (this.#connections.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.#emptied = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#emptied = undefined;
  }

  #arrived(socket: Socket): void {
    const { limits, recorder, census } = this.#ports;
    this.#handshaking += 1;
    socket.once('close', () => this.#handshakeOver(socket));
    const reached: LimitName | undefined =
      this.#handshaking > limits.pendingHandshakes ? 'pendingHandshakes'
      : census.total() >= limits.connections ? 'connections'
      : undefined;
    if (reached === undefined) return;
    this.#limitReached(reached);
    recorder.handshakeFailed('overload');
    this.#refusedEarly.add(socket);
    socket.destroy();
  }

  #handshakeOver(socket: Socket): void {
    if (this.#settled.has(socket)) return;
    this.#settled.add(socket);
    this.#handshaking -= 1;
  }

  #refused(error: NodeJS.ErrnoException, socket: TLSSocket): void {
    const { recorder, log } = this.#ports;
    const raw = rawSocketOf(socket);
    if (raw !== undefined && this.#refusedEarly.has(raw)) return;
    const why = failureOf(error, socket);
    recorder.handshakeFailed(why);
    if (why === 'timeout') this.#limitReached('handshakeMs');
    log.debug({ why, code: error.code, address: socket.remoteAddress }, 'A handshake failed.');
    socket.destroy();
  }

  #secured(socket: TLSSocket): void {
    const { identifier, recorder, service, limits, clock, log, census, worker } = this.#ports;
    const raw = rawSocketOf(socket);
    if (raw !== undefined) this.#handshakeOver(raw);
    service.refresh();
    const { caller, refusal } = identifier.identify(socket.getPeerX509Certificate()?.raw);
    if (caller === undefined) {
      recorder.handshakeFailed(failureOfRefusal[refusal]);
      log.info({ why: refusal, address: socket.remoteAddress }, 'A client certificate was refused.');
      socket.on('error', () => undefined);
      socket.destroy();
      return;
    }
    // From here on a client may end its side and still read its answers. Not before: a probe that connects and closes
    // would hold its socket until the handshake's time-out.
    socket.allowHalfOpen = true;
    recorder.handshake(socket.getProtocol(), socket.isSessionReused());
    recorder.connectionOpened();
    const connection = new Connection(socket, caller, {
      service, recorder, limits, clock, log, load: this.#load, gathering: this.#gathering,
      onClosed: (closed) => {
        this.#connections.delete(closed);
        census.set(worker, this.#connections.size);
        if (this.#connections.size === 0) this.#emptied?.();
      },
    });
    this.#connections.add(connection);
    census.set(worker, this.#connections.size);
    if (this.#draining) connection.drain();
  }

  #sweep(): void {
    const now = this.#ports.clock.monotonic();
    this.#ports.service.refresh();
    for (const connection of this.#connections) connection.sweep(now);
  }

  /** Tickets are made with this secret from now on; older ones cost a full handshake. */
  ticketSecret(secret: Uint8Array): void {
    this.#ticketSecret = secret;
    this.#server.setTicketKeys(ticketKeys(secret, this.#ports.clock.now()));
  }

  #renew(): void {
    this.recheck();
    this.ticketSecret(this.#ticketSecret);
  }

  #limitReached(name: LimitName): void {
    this.#ports.recorder.limitReached(limitNames.indexOf(name));
  }
}

/** The TCP socket beneath, which node:tls keeps as `_parent`. */
function rawSocketOf(socket: TLSSocket): Socket | undefined {
  return (socket as unknown as { readonly _parent?: Socket })._parent;
}

function failureOf(error: NodeJS.ErrnoException, socket: TLSSocket): HandshakeFailure {
  if (error.code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'timeout';
  if (error.code === 'ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE') return 'no-certificate';
  const verification = socket.authorizationError as Error | string | null | undefined;
  if (verification !== null && verification !== undefined) {
    return String((verification as { code?: string }).code ?? verification).includes('EXPIRED') ? 'expired-credential' : 'untrusted-certificate';
  }
  if (error.code?.startsWith('ERR_SSL')) return 'protocol';
  return 'closed';
}
